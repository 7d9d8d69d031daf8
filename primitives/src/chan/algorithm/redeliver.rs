//! Loans of values, and the way of a value that comes back to the next receiver.

use crate::chan::algorithm::cell::{Phase, SENDER};
use crate::chan::algorithm::chan::{Chan, Sent};
use crate::chan::algorithm::send::Offered;
use crate::chan::algorithm::undelivered::Delivery;
use crate::rt::hint;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};

impl<T> Chan<T> {
    /// Takes a value that came back, with the ticket of the receive that had it.
    #[cold]
    pub(in crate::chan) fn take_undelivered(&self) -> Option<(T, u64)> {
        let taken = self.undelivered.take()?;
        self.end_loan();
        Some(taken)
    }

    /// Gives a value back that is on loan, and that the receive with this ticket got: for the next receiver.
    #[cold]
    pub(in crate::chan) fn give_back(&self, value: T, ticket: u64) {
        // A receiver that waits gets it, as if it were sent now; one that comes later does not see it before.
        let Err(value) = self.resend(value) else { return self.end_loan() };
        self.undelivered.put(value, ticket);
        // A receiver that has begun to wait meanwhile may have looked before the value was there.
        while self.sent().ticket() < self.received() {
            let Some((value, ticket)) = self.undelivered.take() else { return };
            match self.resend(value) {
                Ok(()) => self.end_loan(),
                Err(value) => self.undelivered.put(value, ticket),
            }
        }
        self.observers.notify();
    }

    /// Takes the ticket of a receiver that has begun, to send to it again, also in a closed channel.
    fn resend_ticket(&self) -> Option<u64> {
        loop {
            let sent = self.sent();
            if sent.ticket() >= self.received() {
                return None;
            }
            // SeqCst. Not model-checked: C1. A failed CAS means that another send took the ticket or the channel was
            // closed.
            if self.senders.sent.compare_exchange(sent.bits(), sent.next().bits(), SeqCst, SeqCst).is_ok() {
                return Some(sent.ticket());
            }
        }
    }

    /// Sends a value that came back to a receiver that waits, also in a closed channel.
    fn resend(&self, mut value: T) -> Result<(), T> {
        loop {
            let Some(ticket) = self.resend_ticket() else { return Err(value) };
            // SAFETY: S1: `resend_ticket` gave the ticket to this thread alone, which has not left its cell.
            let Ok(place) = (unsafe { self.array.locate(SENDER, ticket) }) else {
                continue;
            };
            // SAFETY: S2: this thread has the ticket, and the slot is empty.
            unsafe { place.cell().put(value) };
            let mut state = place.cell().load();
            loop {
                match self.offer(place, state, ticket, None, Delivery::Again) {
                    Offered::Sent => return Ok(()),
                    Offered::Poisoned => break,
                    Offered::MustWait(found) => {
                        // Relaxed: nothing is handed over.
                        // site: poison-cell-to-resend
                        match place.cell().exchange(found, found.with_phase(Phase::Poisoned), Relaxed) {
                            Ok(()) => break,
                            Err(found) => state = found,
                        }
                    }
                }
            }
            value = self.take_back(place, ticket);
            hint::retry();
        }
    }

    /// Returns whether nothing will come any more on a channel whose counter of sends was `sent`: it is closed, and
    /// nothing that was sent may still come back. A thread that lends a value counts the loan and then looks whether the
    /// channel is closed.
    #[inline]
    pub(in crate::chan) fn is_over(&self, sent: Sent) -> bool {
        sent.is_closed() && !self.has_loans()
    }

    pub(in crate::chan) fn has_loans(&self) -> bool {
        self.loans.load(SeqCst) != 0
    }

    /// Lends a value to a receive that may give it back, unless the channel is closed; a value that is handed over
    /// again is on loan already, so that nobody has taken the channel for empty.
    #[cold]
    pub(in crate::chan) fn lend(&self, delivery: Delivery) -> bool {
        // SeqCst: the loan is counted before the closed bit is read; `close` sets that and then reads the loans. So a
        // value is not lent, or the receivers that wait are not told that nothing will come (mutant at this site).
        self.loans.fetch_add(1, SeqCst); // site: lend
        let lent = delivery == Delivery::Again || !self.sent().is_closed();
        if !lent {
            self.end_loan();
        }
        lent
    }

    /// A value will not come back any more, or is lent by one loan more.
    #[cold]
    pub(in crate::chan) fn end_loan(&self) {
        // SeqCst: `close` sets the closed bit and then reads this: one of the two sends the receivers home. Release, by
        // that: what was done with the value happens before a receive that fails because of it.
        // site: end-loan
        if self.loans.fetch_sub(1, SeqCst) == 1 && self.sent().is_closed() {
            self.disconnect_receivers();
        }
    }
}
