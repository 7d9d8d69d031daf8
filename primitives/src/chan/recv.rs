//! Receiving.

use super::cell::{Cell, Phase, RECEIVER};
use super::core::{Chan, NoTicket, Patience};
use crate::queue::{Place, State};
use crate::rt::hint::Backoff;
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release};
use std::time::Instant;

/// Why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotReceived {
    Empty,
    Timeout,
    Closed,
}

/// What became of a receive at its cell, which it has left.
enum Settled<T> {
    Received(T),
    /// The cell is of no use.
    Retry,
    Failed(NotReceived),
}

impl<T> Chan<T> {
    /// Receives a value.
    pub(super) fn recv(&self, patience: Patience) -> Result<T, NotReceived> {
        loop {
            let ticket = match self.receive_ticket(patience) {
                Ok(ticket) => ticket,
                Err(NoTicket::Closed) => return Err(NotReceived::Closed),
                Err(NoTicket::WouldWait) => return Err(NotReceived::Empty),
            };
            // SAFETY: the ticket is ours alone; every arm of `settle_receive` leaves.
            let place = unsafe { self.array.locate(RECEIVER, ticket) };
            match self.settle_receive(place, ticket, patience) {
                Settled::Received(value) => return Ok(value),
                Settled::Failed(why) => return Err(why),
                Settled::Retry => (),
            }
        }
    }

    fn settle_receive(&self, place: Place<'_, Cell<T>>, ticket: u64, patience: Patience) -> Settled<T> {
        let cell = place.cell();
        let backoff = Backoff::new();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                Phase::Full => {
                    // SAFETY: a value is here, and it is for this ticket's receiver.
                    let value = unsafe { cell.take() };
                    self.array.leave(place, RECEIVER);
                    self.expand();
                    return Settled::Received(value);
                }
                // Release: the receive so far happens before the send completes. Audit: `exchange` reads the
                // state found with Acquire for all its callers.
                Phase::SenderWaits => match cell.advance(Phase::SenderWaits, Phase::Taken, Release) {
                    Err(found) => state = found,
                    Ok(_) => return self.take_from_waiting(place),
                },
                Phase::Empty | Phase::InBuffer => {
                    let sent = self.sent();
                    let phase = if ticket < sent.ticket() {
                        // The sender is under way. Natively it is given a moment, and no more.
                        if !backoff.is_completed() {
                            backoff.spin();
                            backoff.snooze();
                            state = cell.load();
                            continue;
                        }
                        Phase::Broken
                    } else if sent.is_closed() {
                        Phase::Closed
                    } else {
                        let Patience::Until(deadline) = patience else {
                            unreachable!(
                                "a receive that may not wait takes its ticket only if a sender has it"
                            )
                        };
                        match self.wait_to_receive(place, state, deadline) {
                            Ok(settled) => return settled,
                            Err(found) => state = found,
                        }
                        continue;
                    };
                    let to = state.with_phase(phase as u8).with_left(RECEIVER);
                    // Release: we are done with the cell. Its sender is still to come, so it is not
                    // finished by this.
                    match cell.exchange(state, to, Release) {
                        Err(found) => state = found,
                        Ok(()) if phase == Phase::Closed => return Settled::Failed(NotReceived::Closed),
                        Ok(()) => {
                            self.expand();
                            return Settled::Retry;
                        }
                    }
                }
                Phase::SenderGone | Phase::Refused => {
                    self.forget_gone_sender();
                    self.array.leave(place, RECEIVER);
                    return Settled::Retry;
                }
                Phase::Closed => {
                    self.array.leave(place, RECEIVER);
                    return Settled::Failed(NotReceived::Closed);
                }
                other => unreachable!("a receiver found its cell {other:?} before it came there"),
            }
        }
    }

    /// We ended the wait of a sender.
    fn take_from_waiting(&self, place: Place<'_, Cell<T>>) -> Settled<T> {
        let cell = place.cell();
        // SAFETY: who ends the wait of a sender owns its value and its waiter.
        let (value, waiter) = unsafe { (cell.take(), cell.take_waiter()) };
        self.array.leave(place, RECEIVER);
        if let Some(waiter) = waiter {
            waiter.unpark();
        }
        self.expand();
        Settled::Received(value)
    }

    /// Waits in the cell; or the state found there, if it is no longer as it was.
    #[cold]
    fn wait_to_receive(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        deadline: Option<Instant>,
    ) -> Result<Settled<T>, State> {
        let cell = place.cell();
        let parker = Parker::new();
        // SAFETY: nobody waits here yet, and only this receiver may come to.
        unsafe { cell.set_waiter(parker.unparker()) };
        // Release: the waiter is here for whoever ends the wait. If the channel is closed meanwhile,
        // `close` sees our ticket, and marks the cell before this (so it fails) or ends the wait.
        if let Err(found) = cell.exchange(state, state.with_phase(Phase::ReceiverWaits as u8), Release) {
            // SAFETY: nobody was told of the waiter.
            drop(unsafe { cell.take_waiter() });
            return Err(found);
        }
        self.expand();
        if cell.changes_soon(Phase::ReceiverWaits, deadline) {
            return Ok(self.receiving_ended(place));
        }
        if parker.park_deadline(deadline) {
            return Ok(self.receiving_ended(place));
        }
        // Relaxed: nothing is handed over; the cell's other party acts on it only by leaving. Audit:
        // `exchange` reads the state found with Acquire for all its callers.
        match cell.advance(Phase::ReceiverWaits, Phase::ReceiverGone, Relaxed) {
            Err(_) => Ok(self.receiving_ended(place)),
            Ok(_) => {
                // SAFETY: we ended the wait.
                drop(unsafe { cell.take_waiter() });
                self.array.leave(place, RECEIVER);
                self.skip_gone_receivers();
                Ok(Settled::Failed(NotReceived::Timeout))
            }
        }
    }

    /// Somebody else ended the wait.
    fn receiving_ended(&self, place: Place<'_, Cell<T>>) -> Settled<T> {
        let cell = place.cell();
        // Audit: whoever comes here has seen the end of the wait already, by a wake-up or by `changes_soon`.
        let settled = match Phase::of(cell.load()) {
            // SAFETY: the value was handed to us.
            Phase::Handed => Settled::Received(unsafe { cell.take() }),
            Phase::Closed => Settled::Failed(NotReceived::Closed),
            other => unreachable!("a waiting receiver was woken in a cell that is {other:?}"),
        };
        self.array.leave(place, RECEIVER);
        settled
    }
}
