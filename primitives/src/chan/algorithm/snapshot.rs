//! What a channel looks like at some moment: its length, whether it is ready, whether a party waits.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, Registered, SENDER, see};
use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::select::state::{Cause, Stage};
use crate::queue::Party;
use crate::rt::sync::atomic::Ordering::Relaxed;

impl<T> Chan<T> {
    /// Whether the cell of a ticket is in a waiting phase.
    ///
    /// # Safety
    /// No operation with an earlier ticket ends meanwhile.
    pub(in crate::chan) unsafe fn waits_at(&self, ticket: u64, phases: [Phase; 2]) -> bool {
        // SAFETY: a segment dies only when the operations of all its tickets have ended.
        let Some(place) = (unsafe { self.array.peek(ticket) }) else { return false };
        // Not model-checked: only the phase matters here, and `Cell::load` is Acquire for other callers.
        let phase = place.cell().load().phase();
        match phase {
            Phase::SenderSelects => self.select_waits_at(SENDER, ticket, phase),
            Phase::ReceiverSelects => self.select_waits_at(RECEIVER, ticket, phase),
            _ => true,
        }
        .then_some(phase)
        .is_some_and(|phase| phases.contains(&phase))
    }

    /// Whether the select in the cell has begun to wait.
    fn select_waits_at(&self, party: Party, ticket: u64, phase: Phase) -> bool {
        let mut waits = false;
        self.array.visit_each(party, ticket..ticket + 1, |place| {
            let state = place.cell().load();
            // SAFETY: S1: the walk that found the place pins the array.
            // Not model-checked: a snapshot only: no model relies on it within the audit's bounds.
            waits = state.phase() == phase
                && !state.is_late()
                && unsafe { see(place, party, state) }
                    .is_ok_and(|seen| seen.select.stage() == Stage::WAITING);
        });
        waits
    }

    /// A cell between `received` and `sent` has lost its sender. Relaxed: `len` is a snapshot.
    pub(in crate::chan) fn note_gone_sender(&self) {
        if self.capacity() != Capacity::Rendezvous {
            self.gone_senders.fetch_add(1, Relaxed);
        }
    }

    /// Uncounts cells that lost their sender and are no longer between `received` and `sent`. Relaxed: `len` is a
    /// snapshot.
    pub(in crate::chan) fn forget_gone_senders(&self, cells: u64) {
        if self.capacity() != Capacity::Rendezvous {
            self.gone_senders.fetch_sub(cells as usize, Relaxed); // site: uncount-gone-sender
        }
    }

    /// Receivers' tickets were those of so many cells that have been taken out, since the end of the buffer had passed
    /// over them and nobody was there.
    pub(in crate::chan) fn forget_missing(&self, cells: u64) {
        if self.expands() {
            self.forget_gone_senders(cells);
            self.forget_no_places(cells as usize);
        }
    }

    /// Returns whether a receive would not wait, at some moment. A sender that has a ticket and whose value is not there
    /// yet makes no receive ready: `try_recv` would find nothing, and observers of the channel are told when the value
    /// comes.
    pub(in crate::chan) fn is_ready_to_receive(&self) -> bool {
        loop {
            let undelivered = self.undelivered.census();
            // SeqCst. Not model-checked: C1.
            let received = self.received();
            let sent = self.sent();
            if undelivered.here() != 0 || self.is_over(sent) {
                return true;
            }
            let begun = received..sent.ticket();
            let mut first = Found::Nothing;
            self.array.visit_until(RECEIVER, begun, |place, _| {
                first = find(place);
                first != Found::Nothing
            });
            if first == Found::Value {
                return true;
            }
            // As long as no receiver takes a ticket, a value that was there when the first cell was looked at is found
            // in a later one. A further round means that a receiver has come or a value has come back.
            if self.received() == received && !self.undelivered.has_news(undelivered) {
                return false;
            }
        }
    }

    /// Numbers that change whenever a send or a receive comes to be ready, or ceases to be. Tickets that are given back
    /// are counted, before and after the rest is read: so of two equal stamps the second has seen no ticket come and
    /// go.
    pub(in crate::chan) fn stamp(&self) -> [u64; 7] {
        let recalls = self.recalls();
        let (received, sent, end) = (self.received(), self.sent().bits(), self.buffer_end());
        let (undelivered, loans) = (self.undelivered.census().bits(), self.has_loans() as u64);
        [recalls, received, sent, end, undelivered, loans, self.recalls()]
    }

    /// Whether a send would not wait, at some moment, if `own` receivers of a channel without a buffer are not
    /// taken into account.
    pub(in crate::chan) fn is_ready_to_send(&self, own: u64) -> bool {
        loop {
            // SeqCst. Not model-checked: C1.
            let sent = self.sent();
            if sent.is_closed() {
                return true;
            }
            if self.capacity() != Capacity::Rendezvous {
                return self.may_send(sent.ticket());
            }
            let (begun, mut others) = (sent.ticket()..self.received(), own);
            let found = self.array.visit_until(SENDER, begun, |place, _| {
                let waits = awaits_value(place);
                let is_own = waits && others > 0;
                others -= u64::from(is_own);
                waits && !is_own
            });
            // Some of the receivers that were looked at have got values if a sender has come meanwhile.
            if found || self.sent() == sent {
                return found;
            }
        }
    }

    /// Returns a number that, at some moment, no fewer values were in the buffer, waited to be sent or had come back.
    pub(in crate::chan) fn under_way(&self) -> usize {
        if let Some(spec) = self.spec.specified() {
            return spec.under_way();
        }
        let received = self.received();
        self.sent().ticket().saturating_sub(received) as usize + self.undelivered.census().here()
    }

    /// The number of values in the buffer, at some moment, and of those that came back.
    pub(in crate::chan) fn len(&self) -> usize {
        if let Some(spec) = self.spec.specified() {
            return spec.len();
        }
        let mut received = self.received();
        // A receiver that comes meanwhile would make the senders after it count, so the numbers are read again; that is
        // another thread's progress.
        let (sent, gone) = loop {
            let sent = self.sent().ticket();
            // Relaxed: `len` is a snapshot. Below zero if a receiver has been faster than its sender.
            let gone = (self.gone_senders.load(Relaxed) as isize).max(0) as u64;
            match self.received() {
                same if same == received => break (sent, gone),
                newer => received = newer,
            }
        };
        let waiting = sent.saturating_sub(received).saturating_sub(gone) as usize;
        let buffered = match self.capacity() {
            Capacity::Rendezvous => 0,
            Capacity::Bounded(capacity) => waiting.min(capacity),
            Capacity::Unbounded => waiting,
        };
        buffered + self.undelivered.census().here()
    }
}

/// What a receiver would find in a cell.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Value,
    /// A late send that was chosen, whose value the receiver would wait for.
    Late,
}

/// Returns what a receiver would find in a cell to which no receiver has come. The array is pinned.
fn find<T>(place: Place<'_, T>) -> Found {
    let mut state = place.cell().look();
    loop {
        match state.phase() {
            Phase::Full | Phase::SenderWaits => return Found::Value,
            Phase::SenderSelects if state.is_late() => return Found::Late,
            // SAFETY: S1: the walk that found the place pins the array.
            // Not model-checked: a snapshot only: no model relies on it within the audit's bounds.
            Phase::SenderSelects => match unsafe { see(place, SENDER, state) } {
                Err(found) => state = found,
                // A receiver commits it, or makes it start over: the cell does not seem ready twice.
                Ok(Registered { select, case }) => {
                    let late = Stage::chosen(case, Cause::Operation);
                    return match select.stage() {
                        Stage::REGISTERING | Stage::WAITING => Found::Value,
                        stage if stage == late => Found::Late,
                        _ => Found::Nothing,
                    };
                }
            },
            _ => return Found::Nothing,
        }
    }
}

/// Whether a sender would find a receiver in a cell, or one on its way there. The array is pinned.
fn awaits_value<T>(place: Place<'_, T>) -> bool {
    // Not model-checked: a snapshot only: no model relies on it within the audit's bounds.
    let mut state = place.cell().look();
    loop {
        match state.phase() {
            Phase::Empty | Phase::ReceiverWaits => return true,
            // SAFETY: S1: the walk that found the place pins the array.
            // Not model-checked: a snapshot only: no model relies on it within the audit's bounds.
            Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                Err(found) => state = found,
                // A sender commits it, or makes it start over.
                Ok(Registered { select, .. }) => {
                    return matches!(select.stage(), Stage::REGISTERING | Stage::WAITING);
                }
            },
            _ => return false,
        }
    }
}
