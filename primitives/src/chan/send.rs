//! Sending.

use super::cell::{Cell, Phase, SENDER};
use super::core::{Chan, NoTicket, Patience};
use crate::queue::{Place, State};
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use std::time::Instant;

/// Why a value was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    Full,
    Timeout,
    Closed,
}

/// What became of a send at its cell.
enum Settled {
    /// The value is in other hands; we have left the cell.
    Sent,
    /// The cell is of no use; the value is still ours.
    Retry,
    /// The value is still ours.
    Failed(NotSent),
}

impl<T> Chan<T> {
    /// Sends a value, or gives it back.
    pub(super) fn send(&self, mut value: T, patience: Patience) -> Result<(), (T, NotSent)> {
        loop {
            let ticket = match self.send_ticket(patience) {
                Ok(ticket) => ticket,
                Err(NoTicket::Closed) => return Err((value, NotSent::Closed)),
                Err(NoTicket::WouldWait) => return Err((value, NotSent::Full)),
            };
            // SAFETY: the ticket is ours alone; we leave below, or in `settle_send`.
            let place = unsafe { self.array.locate(SENDER, ticket) };
            let cell = place.cell();
            // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
            unsafe { cell.put(value) };
            let settled = self.settle_send(place, ticket, patience);
            if matches!(settled, Settled::Sent) {
                return Ok(());
            }
            // SAFETY: the value was not handed over, so the slot is ours, and full.
            value = unsafe { cell.take() };
            self.array.leave(place, SENDER);
            if let Settled::Failed(why) = settled {
                self.skip_gone_senders();
                return Err((value, why));
            }
        }
    }

    fn settle_send(&self, place: Place<'_, Cell<T>>, ticket: u64, patience: Patience) -> Settled {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                Phase::Empty if !self.has_place(ticket) => {
                    let Patience::Until(deadline) = patience else {
                        unreachable!("a send that may not wait takes its ticket only if it has a place")
                    };
                    match self.wait_to_send(place, state, deadline) {
                        Ok(settled) => return settled,
                        Err(found) => state = found,
                    }
                }
                Phase::Empty | Phase::InBuffer => {
                    let to = state.with_phase(Phase::Full as u8).with_left(SENDER);
                    // Release: the value is here for the receiver whose `load` reads Full. Audit: `exchange`
                    // reads the state found with Acquire for all its callers.
                    match cell.exchange(state, to, Release) {
                        // Not finished by this: the receiver has not left.
                        Ok(()) => return Settled::Sent,
                        Err(found) => state = found,
                    }
                }
                Phase::ReceiverWaits => {
                    // Release: the value goes to the receiver. Audit: `exchange` reads the state found with
                    // Acquire for all its callers.
                    match cell.advance(Phase::ReceiverWaits, Phase::Handed, Release) {
                        Err(found) => state = found,
                        Ok(_) => {
                            // SAFETY: we ended the wait.
                            let waiter = unsafe { cell.take_waiter() };
                            self.array.leave(place, SENDER);
                            if let Some(waiter) = waiter {
                                waiter.unpark();
                            }
                            return Settled::Sent;
                        }
                    }
                }
                Phase::Broken | Phase::ReceiverGone | Phase::Closed => return Settled::Retry,
                other => unreachable!("a sender found its cell {other:?} before it came there"),
            }
        }
    }

    /// Waits in the cell; or the state found there, if it is no longer as it was.
    #[cold]
    fn wait_to_send(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        deadline: Option<Instant>,
    ) -> Result<Settled, State> {
        let cell = place.cell();
        let parker = Parker::new();
        // SAFETY: nobody waits here yet, and only this sender may come to.
        unsafe { cell.set_waiter(parker.unparker()) };
        // Release: value and waiter are here for whoever ends the wait. SeqCst: if `close` looks at
        // the cell before this, then we see the closed bit below.
        if let Err(found) = cell.exchange(state, state.with_phase(Phase::SenderWaits as u8), SeqCst) {
            // SAFETY: nobody was told of the waiter.
            drop(unsafe { cell.take_waiter() });
            return Err(found);
        }
        if self.sent().is_closed() {
            return Ok(self.give_up_sending(place, NotSent::Closed));
        }
        if cell.changes_soon(Phase::SenderWaits, deadline) {
            return Ok(self.sending_ended(place));
        }
        if parker.park_deadline(deadline) {
            Ok(self.sending_ended(place))
        } else {
            Ok(self.give_up_sending(place, NotSent::Timeout))
        }
    }

    fn give_up_sending(&self, place: Place<'_, Cell<T>>, why: NotSent) -> Settled {
        let cell = place.cell();
        // Relaxed: nothing is handed over; the cell's other parties act on it only by leaving. Audit:
        // `exchange` reads the state found with Acquire for all its callers.
        match cell.advance(Phase::SenderWaits, Phase::SenderGone, Relaxed) {
            Err(_) => self.sending_ended(place),
            Ok(_) => {
                self.note_gone_sender();
                // SAFETY: we ended the wait.
                drop(unsafe { cell.take_waiter() });
                Settled::Failed(why)
            }
        }
    }

    /// Somebody else ended the wait.
    fn sending_ended(&self, place: Place<'_, Cell<T>>) -> Settled {
        // Audit: whoever comes here has seen the end of the wait already, by a wake-up or by `changes_soon`.
        match Phase::of(place.cell().load()) {
            Phase::Taken | Phase::Full => {
                self.array.leave(place, SENDER);
                Settled::Sent
            }
            Phase::Refused => Settled::Failed(NotSent::Closed),
            other => unreachable!("a waiting sender was woken in a cell that is {other:?}"),
        }
    }
}
