//! The channel itself: counters, tickets, length, and the growth of the buffer.

use super::cell::{Cell, EXPANDER, Phase, RECEIVER, SENDER, Setup};
use crate::queue::EndlessArray;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicU64, AtomicUsize};
use crossbeam_utils::CachePadded;
use std::time::Instant;

/// How long an operation may wait.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// Until then; `None`: for ever.
    Until(Option<Instant>),
}

/// The counter of sends: the next ticket, and whether the channel is closed (bit 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent(u64);

impl Sent {
    pub(super) const CLOSED: u64 = 1;

    pub(super) const fn from_bits(bits: u64) -> Sent {
        Sent(bits)
    }

    pub(super) const fn ticket(self) -> u64 {
        self.0 >> 1
    }

    pub(super) const fn is_closed(self) -> bool {
        self.0 & Sent::CLOSED != 0
    }

    const fn next(self) -> Sent {
        Sent(self.0 + 2)
    }
}

/// Why a ticket was not given out.
pub(super) enum NoTicket {
    /// The operation would have to wait.
    WouldWait,
    /// The channel is closed, and for a receive empty too.
    Closed,
}

pub(super) struct Chan<T> {
    /// Sends begun, and the closed bit: a [`Sent`].
    pub(super) sent: CachePadded<AtomicU64>,
    /// Receives begun.
    pub(super) received: CachePadded<AtomicU64>,
    /// The end of the buffer: in cells before it a sender need not wait.
    buffer_end: CachePadded<AtomicU64>,
    /// Cells between `received` and `sent` whose sender gave up.
    pub(super) gone_senders: AtomicUsize,
    pub(super) array: EndlessArray<Cell<T>>,
    capacity: usize,
}

impl<T> Chan<T> {
    pub(super) fn new(capacity: usize, shift: u32) -> Chan<T> {
        let initial_end = capacity as u64;
        Chan {
            sent: CachePadded::new(AtomicU64::new(0)),
            received: CachePadded::new(AtomicU64::new(0)),
            buffer_end: CachePadded::new(AtomicU64::new(initial_end)),
            gone_senders: AtomicUsize::new(0),
            array: EndlessArray::new(shift, capacity, Setup { initial_end, expands: capacity > 0 }),
            capacity,
        }
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }

    /// The counter of sends now. SeqCst: it is compared with `received`, which the other side reads
    /// and writes in the opposite order; with anything weaker both could miss each other, and a
    /// receiver could wait for a sender that had begun before, or a closed channel be taken for open.
    ///
    /// No model objects when one of these accesses alone is weakened: whoever misses the other side still
    /// meets it in the cell, whose exchanges are read-modify-writes. Only where a side looks no more, as
    /// in `close` and in a sender that waits, is SeqCst shown to be needed. The others keep it as parts of
    /// the one argument; on x86-64 they cost nothing, being loads or read-modify-writes.
    #[track_caller]
    pub(super) fn sent(&self) -> Sent {
        Sent(self.sent.load(SeqCst))
    }

    /// Whether a sender with this ticket need not wait: a receiver has it too, or it is in the buffer.
    #[track_caller]
    pub(super) fn has_place(&self, ticket: u64) -> bool {
        // SeqCst: as in `sent`; and `received` pairs with the increments in `receive_ticket` and
        // `buffer_end` with those in `expand`: the receives that made this place happen before the
        // send that uses it completes.
        ticket < self.received.load(SeqCst) || ticket < self.buffer_end.load(SeqCst)
    }

    /// Takes a ticket to send with, unless that would wait and the caller may not.
    pub(super) fn send_ticket(&self, patience: Patience) -> Result<u64, NoTicket> {
        let backoff = Backoff::new();
        // Audit: see `sent`.
        let mut sent = self.sent();
        loop {
            if sent.is_closed() {
                return Err(NoTicket::Closed);
            }
            // Audit: see `sent`.
            if matches!(patience, Patience::None) && !self.has_place(sent.ticket()) {
                return Err(NoTicket::WouldWait);
            }
            // SeqCst: see `sent`. A lost exchange is another send's or a close's gain. Audit: see `sent`.
            match self.sent.compare_exchange(sent.0, sent.next().0, SeqCst, SeqCst) {
                Ok(_) => return Ok(sent.ticket()),
                Err(found) => {
                    sent = Sent(found);
                    backoff.spin();
                }
            }
        }
    }

    /// Takes a ticket to receive with, unless that would wait and the caller may not.
    pub(super) fn receive_ticket(&self, patience: Patience) -> Result<u64, NoTicket> {
        // SeqCst, here and below: see `sent`. `received` is read first: if it has reached `sent`
        // then, the channel is empty when `sent` is read. Audit: see `sent`.
        let mut received = self.received.load(SeqCst);
        loop {
            // Audit: see `sent`.
            let sent = self.sent();
            if received >= sent.ticket() {
                if sent.is_closed() {
                    return Err(NoTicket::Closed);
                }
                if matches!(patience, Patience::None) {
                    return Err(NoTicket::WouldWait);
                }
            }
            if matches!(patience, Patience::Until(_)) {
                return Ok(self.received.fetch_add(1, SeqCst));
            }
            // Audit: see `sent`.
            match self.received.compare_exchange(received, received + 1, SeqCst, SeqCst) {
                Ok(ticket) => return Ok(ticket),
                Err(found) => received = found,
            }
        }
    }

    /// Makes the buffer one place longer, because a receive has begun: the next cell after its end
    /// becomes part of it, and a sender that waits there may go. A cell whose sender gave up is no
    /// place, so then one more.
    pub(super) fn expand(&self) {
        if !self.array.setup.expands {
            return;
        }
        loop {
            // Release: the receive so far happens before the send that finds its place here (see
            // `has_place`). Acquire: so do earlier receives, also for a sender that finds its cell in the
            // buffer and does not look here. Audit: to see that takes two receivers whose expanders change
            // places, and two senders behind them; no model has as many.
            let ticket = self.buffer_end.fetch_add(1, AcqRel);
            if self.expand_at(ticket) {
                return;
            }
        }
    }

    /// Makes the cell of an expander's ticket part of the buffer; `false` if it is no place.
    fn expand_at(&self, ticket: u64) -> bool {
        // SAFETY: the ticket was handed to us alone, and we leave at the end of each arm.
        let place = unsafe { self.array.locate(EXPANDER, ticket) };
        let cell = place.cell();
        // Audit: nothing is acted on before an exchange; `Cell::load` serves others too.
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                Phase::Empty => {
                    let to = state.with_phase(Phase::InBuffer as u8).with_left(EXPANDER);
                    // Release: as in `expand`, for the sender that finds the cell so. Audit: `exchange`
                    // reads the state found with Acquire for all its callers.
                    match cell.exchange(state, to, Release) {
                        Ok(()) => return true,
                        Err(found) => state = found,
                    }
                }
                Phase::SenderWaits => {
                    // Release: the receive happens before the send completes. Audit: `exchange` reads the
                    // state found with Acquire for all its callers.
                    match cell.advance(Phase::SenderWaits, Phase::Full, Release) {
                        Err(found) => state = found,
                        Ok(_) => {
                            // SAFETY: we ended the wait.
                            let waiter = unsafe { cell.take_waiter() };
                            self.array.leave(place, EXPANDER);
                            if let Some(waiter) = waiter {
                                waiter.unpark();
                            }
                            return true;
                        }
                    }
                }
                Phase::SenderGone | Phase::Refused => {
                    self.array.leave(place, EXPANDER);
                    return false;
                }
                _ => {
                    self.array.leave(place, EXPANDER);
                    return true;
                }
            }
        }
    }

    /// After a receiver gave up: takes the tickets of senders that would only find such cells, so that
    /// these can be given back though no sender ever comes.
    pub(super) fn skip_gone_receivers(&self) {
        loop {
            // Audit: see `sent`.
            let sent = self.sent();
            // SeqCst. Audit: see `sent`.
            if sent.is_closed() || sent.ticket() >= self.received.load(SeqCst) {
                return;
            }
            let skipped = self.array.visit(SENDER, sent.ticket(), |place| {
                // Audit: only the phase matters here; `Cell::load` serves others too.
                if Phase::of(place.cell().load()) != Phase::ReceiverGone {
                    return false;
                }
                // SeqCst: see `sent`. If it is lost, others move on, and we look again. Audit: see `sent`.
                if self.sent.compare_exchange(sent.0, sent.next().0, SeqCst, Relaxed).is_ok() {
                    self.array.leave(place, SENDER);
                }
                true
            });
            if skipped == Some(false) {
                return;
            }
        }
    }

    /// After a sender gave up: the same for the tickets of receivers.
    pub(super) fn skip_gone_senders(&self) {
        loop {
            // SeqCst. Audit: see `sent`.
            let received = self.received.load(SeqCst);
            // Audit: see `sent`.
            if received >= self.sent().ticket() {
                return;
            }
            let skipped = self.array.visit(RECEIVER, received, |place| {
                // Audit: only the phase matters here; `Cell::load` serves others too.
                if !matches!(Phase::of(place.cell().load()), Phase::SenderGone | Phase::Refused) {
                    return false;
                }
                // SeqCst: see `sent`. If it is lost, others move on, and we look again. Audit: see `sent`.
                if self.received.compare_exchange(received, received + 1, SeqCst, Relaxed).is_ok() {
                    self.forget_gone_sender();
                    self.array.leave(place, RECEIVER);
                }
                true
            });
            if skipped == Some(false) {
                return;
            }
        }
    }

    /// Whether the cell of a ticket is in a waiting phase.
    ///
    /// # Safety
    /// No operation with an earlier ticket ends meanwhile.
    pub(super) unsafe fn waits_at(&self, ticket: u64, phase: Phase) -> bool {
        // SAFETY: a segment dies only when the operations of all its tickets have ended.
        let place = unsafe { self.array.peek(ticket) };
        // Audit: only the phase matters here; `Cell::load` serves others too.
        place.is_some_and(|place| Phase::of(place.cell().load()) == phase)
    }

    /// A cell between `received` and `sent` has lost its sender. Relaxed: `len` is a snapshot.
    pub(super) fn note_gone_sender(&self) {
        self.gone_senders.fetch_add(1, Relaxed);
    }

    /// Such a cell is no longer between the two. Relaxed: as above.
    pub(super) fn forget_gone_sender(&self) {
        self.gone_senders.fetch_sub(1, Relaxed);
    }

    /// The number of values in the buffer, at some moment.
    pub(super) fn len(&self) -> usize {
        // SeqCst. Audit: see `sent`.
        let (received, sent) = (self.received.load(SeqCst), self.sent().ticket());
        let gone = self.gone_senders.load(Relaxed) as u64; // Relaxed: see `note_gone_sender`.
        let waiting = sent.saturating_sub(received).saturating_sub(gone);
        waiting.min(self.capacity as u64) as usize
    }
}
