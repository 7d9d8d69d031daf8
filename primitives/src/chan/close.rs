//! Closing.

use super::cell::{Phase, RECEIVER, SENDER};
use super::core::{Chan, Patience, Sent};
use super::error::CloseError;
use crate::rt::sync::atomic::Ordering::{Release, SeqCst};

impl<T> Chan<T> {
    /// Closes the channel: from now on no send gets a ticket; senders that wait get their value back,
    /// and receivers beyond the last send get nothing.
    pub(super) fn close(&self) -> Result<(), CloseError> {
        // SeqCst: see `sent`; of several closers one sees the bit unset.
        let before = Sent::from_bits(self.sent.fetch_or(Sent::CLOSED, SeqCst));
        if before.is_closed() {
            return Err(CloseError);
        }
        let end = before.ticket();
        // SeqCst: a receiver that did not see the closed bit took its ticket before this. Audit: see `sent`.
        let (first, last) = (self.received.load(SeqCst), end);
        for ticket in first..last {
            self.refuse_sender(ticket);
        }
        // SeqCst: as above. Audit: see `sent`.
        for ticket in end..self.received.load(SeqCst) {
            self.dismiss_receiver(ticket);
        }
        Ok(())
    }

    /// Ends the wait of a sender, if there is one in the cell. One that comes later sees the closed bit.
    fn refuse_sender(&self, ticket: u64) {
        self.array.visit(RECEIVER, ticket, |place| {
            let cell = place.cell();
            // SeqCst: if this misses the sender that waits, then its look at the closed bit comes after we
            // set it.
            cell.look();
            // Release: closing happens before the send returns. Audit: `exchange` reads the state found with
            // Acquire for all its callers. And the wait's end was seen before.
            if cell.advance(Phase::SenderWaits, Phase::Refused, Release).is_ok() {
                self.note_gone_sender();
                // SAFETY: we ended the wait.
                if let Some(waiter) = unsafe { cell.take_waiter() } {
                    waiter.unpark();
                }
            }
        });
    }

    /// Tells the receiver of a cell that no sender will come.
    fn dismiss_receiver(&self, ticket: u64) {
        self.array.visit(SENDER, ticket, |place| {
            let cell = place.cell();
            // Release: closing happens before the receive returns. A receiver cannot be missed: a cell that
            // looks empty is exchanged, and that meets the latest state. Audit: `exchange` reads the state
            // found with Acquire for all its callers.
            for phase in [Phase::Empty, Phase::InBuffer, Phase::ReceiverWaits] {
                if cell.advance(phase, Phase::Closed, Release).is_err() {
                    continue;
                }
                // SAFETY: we ended the wait, if there was one; and nobody waits there any more.
                let waiter = (phase == Phase::ReceiverWaits).then(|| unsafe { cell.take_waiter() });
                if let Some(waiter) = waiter.flatten() {
                    waiter.unpark();
                }
                return;
            }
        });
    }

    /// Closes the channel and drops what is in it, since nobody can receive any more.
    pub(super) fn discard(&self) {
        let _closed_before = self.close();
        while let Ok(value) = self.recv(Patience::None) {
            drop(value);
        }
    }
}
