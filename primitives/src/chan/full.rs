//! Whether a buffer is really full.

use super::cell::{Cell, Meeting, Phase, RECEIVER, SENDER, meet};
use super::core::{Capacity, Chan};
use crate::queue::Place;
use crate::rt::hint::{self, Backoff};
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};

/// How often an operation takes the places of those before it.
const OFTEN: usize = 8;

/// How many places an operation may still take from others.
#[derive(Clone, Copy, Debug, Default)]
pub struct Budget(Option<u64>);

/// Whether a cell that no receiver has come to will never hold a value.
fn is_void(phase: Phase) -> bool {
    use Phase::{Broken, Closed, PassedOver, ReceiverGone, Refused, SenderGone};
    matches!(phase, Broken | Closed | PassedOver | ReceiverGone | Refused | SenderGone)
}

impl<T> Chan<T> {
    /// There seems to be no place for the send with this ticket. If one of the places is only held by a send
    /// that is under way, which may still fail, gives that a moment, and takes its place from it then: it
    /// goes for a new ticket. Whether there may be room now.
    ///
    /// An operation does so to as many sends as it finds before it at first, natively some times over, since each
    /// takes a moment in which they go on: two that take each other's places would go on for ever.
    #[cold]
    pub(super) fn make_room(&self, ticket: u64, budget: &mut Budget) -> bool {
        let Capacity::Bounded(capacity) = self.capacity() else { return false };
        let received = self.received();
        let end = self.buffer_end().max(received + capacity as u64);
        if ticket < end {
            return true;
        }
        let left =
            budget.0.get_or_insert_with(|| ticket.saturating_sub(received) * hint::seldom(OFTEN) as u64);
        let mut values = 0;
        let freed = self.array.visit_until(RECEIVER, received..ticket, |place, at| {
            let freed = *left > 0 && at < end && self.free_place(place);
            values += usize::from(!is_void(Phase::of(place.cell().load())));
            freed
        });
        if freed {
            *left -= 1;
            self.expand();
        } else if values < capacity && !self.sent().is_closed() {
            // Some cells before ours are no places, and whoever moves the end for them has not done so yet.
            self.knows_place(ticket);
            return true;
        }
        // If receives have begun meanwhile, what we saw was not all there at one moment.
        freed || self.received() != received
    }

    /// Makes a place free that a send holds which is under way.
    fn free_place(&self, place: Place<'_, Cell<T>>) -> bool {
        let cell = place.cell();
        let backoff = Backoff::new();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                Phase::Empty | Phase::SenderLeaving if !backoff.is_completed() => {
                    backoff.snooze();
                    state = cell.load();
                }
                // Relaxed: nothing is handed over. The end of the buffer has passed the cell, or is about to.
                Phase::Empty | Phase::SenderLeaving => {
                    match cell.exchange(state, state.with_phase(Phase::PassedOver as u8), Relaxed) {
                        Ok(()) => return true,
                        Err(found) => state = found,
                    }
                }
                Phase::SenderWaits => {
                    self.let_in(place);
                    return false;
                }
                // As for `let_in`: close is one moment for all.
                Phase::SenderSelects if self.sent().is_closed() => {
                    self.refuse(place, state);
                    return false;
                }
                // SAFETY: the array is pinned.
                Phase::SenderSelects => match unsafe { meet(place, SENDER, state, false, None) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won { claim, .. } => {
                        claim.wake();
                        return false;
                    }
                    Meeting::Happened { .. } => return false,
                    Meeting::Trying(claim) => {
                        let freed = self.pass_over_select(place);
                        claim.wake_if_waiting();
                        return freed;
                    }
                    Meeting::Lost => return self.pass_over_select(place),
                },
                _ => return false,
            }
        }
    }

    /// The cell of a select that is not decided yet, or is about to leave, is no place any more.
    fn pass_over_select(&self, place: Place<'_, Cell<T>>) -> bool {
        // SeqCst: as in `spoil`. Audit: loom and shuttle come here, and rc11 does not in its time.
        let passed = place.cell().advance(Phase::SenderSelects, Phase::PassedOver, SeqCst).is_ok();
        if passed {
            self.remove_behind();
        }
        passed
    }
}
