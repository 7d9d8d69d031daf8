//! Receiving.

use super::cell::{Cell, Meeting, Phase, RECEIVER, SENDER, Sleeper, leave_by, meet, sleep};
use super::claim::Claim;
use super::core::{Capacity, Chan, NoTicket, Patience};
use super::deferred;
use crate::queue::{Place, State};
use crate::rt::hint::Backoff;
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::time::Instant;

/// Why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotReceived {
    Empty,
    Timeout,
    Closed,
}

/// What a receiver found in its cell.
pub(super) enum Accepted {
    /// The value that is in the cell is ours: [`Chan::collect`] takes it.
    Value,
    /// The cell is of no use; we have left it.
    Broken,
    /// There will be no value; we have left.
    Closed,
    /// There is no value yet, and no sender under way, or the receiver need not wait for that one: it waits here, or leaves
    /// with nothing, in a cell in this state.
    MustWait(State),
}

impl<T> Chan<T> {
    /// Receives a value.
    #[inline]
    pub(super) fn recv(&self, patience: Patience) -> Result<T, NotReceived> {
        loop {
            let returned = self.returned.census();
            if returned.here() != 0
                && let Some((value, ticket)) = self.take_returned()
            {
                return Ok(self.received_by(ticket, value));
            }
            let (ticket, place) = match self.receive_place(patience) {
                Ok(found) => found,
                Err(_) if self.returned.has_news(returned) => continue,
                Err(NoTicket::Closed) => return Err(NotReceived::Closed),
                Err(NoTicket::WouldWait { .. }) => return Err(NotReceived::Empty),
            };
            let state = place.cell().load();
            if Phase::of(state) == Phase::Full {
                let value = self.collect(place, state);
                return Ok(if self.expand() { self.received_by(ticket, value) } else { value });
            }
            match self.settle_receive(place, state, ticket, patience) {
                Ok(value) => return Ok(self.received_by(ticket, value)),
                Err(why) => {
                    deferred::settle();
                    match why {
                        Some(NotReceived::Empty) if self.returned.has_news(returned) => (),
                        Some(why) => return Err(why),
                        None => (),
                    }
                }
            }
        }
    }

    /// The value that a receive with this ticket has got, after the wakers that the receive has deferred were called. If
    /// one panics, the next receiver gets the value.
    pub(super) fn received_by(&self, ticket: u64, value: T) -> T {
        if !deferred::end() {
            return value;
        }
        let _held = deferred::hold();
        self.lend(true);
        self.give_back(value, ticket);
        deferred::resume()
    }

    /// Takes the value that is in the cell, and leaves.
    #[inline]
    pub(super) fn collect(&self, place: Place<'_, Cell<T>>, state: State) -> T {
        // SAFETY: the phase, or the claim of our select, says that a value is here for us.
        let value = unsafe { place.cell().take() };
        if state.has_left(SENDER) {
            self.array.finished(place);
        } else {
            self.array.leave(place, RECEIVER);
        }
        value
    }

    /// Receives in this cell; or fails, for a reason or to try again with another ticket.
    fn settle_receive(
        &self,
        place: Place<'_, Cell<T>>,
        mut state: State,
        ticket: u64,
        patience: Patience,
    ) -> Result<T, Option<NotReceived>> {
        loop {
            state = match self.accept(place, state, ticket, None, patience) {
                Accepted::Value => return Ok(self.collect(place, place.cell().load())),
                Accepted::Broken => return Err(None),
                Accepted::Closed => return Err(Some(NotReceived::Closed)),
                Accepted::MustWait(state) => match patience {
                    Patience::None => match self.stop_receiving(place, state, ticket) {
                        Ok(()) => return Err(Some(NotReceived::Empty)),
                        Err(found) => found,
                    },
                    Patience::Until(deadline) => match self.wait_to_receive(place, state, ticket, deadline) {
                        Ok(received) => return received,
                        Err(found) => found,
                    },
                },
            };
        }
    }

    /// Whether the channel was open and empty at a moment, for a receiver whose cell had no value since then. No value that
    /// was there can have gone since, unless another receiver has got a ticket, which would show.
    fn is_empty_beyond(&self, ticket: u64) -> bool {
        let has_value = |place: Place<'_, Cell<T>>| {
            matches!(Phase::of(place.cell().look()), Phase::Full | Phase::SenderWaits | Phase::SenderSelects)
        };
        let tickets = ticket + 1..self.sent().ticket();
        !self.array.visit_until(RECEIVER, tickets, |place, _| has_value(place))
            && self.received() == ticket + 1
            && !self.sent().is_closed()
    }

    /// Looks what is in the cell for its receiver. `own` is the claim of the select that does this. A receiver without
    /// patience leaves an empty channel to a sender under way, and does not break that one's cell: each of the two could go
    /// on to do so to the other for ever.
    pub(super) fn accept(
        &self,
        place: Place<'_, Cell<T>>,
        mut state: State,
        ticket: u64,
        own: Option<&Claim>,
        patience: Patience,
    ) -> Accepted {
        let cell = place.cell();
        let backoff = Backoff::new();
        loop {
            match Phase::of(state) {
                Phase::Full => {
                    self.expand();
                    return Accepted::Value;
                }
                // A value is not taken from who waits once the channel is closed: close is one moment for all.
                Phase::SenderWaits if self.sent().is_closed() => {
                    self.refuse(place, state);
                    state = cell.load();
                }
                // Release: the receive so far happens before the send completes. Acquire: see `advance`.
                // site: take-value-of-sender
                Phase::SenderWaits => match cell.advance(Phase::SenderWaits, Phase::Taken, AcqRel) {
                    Err(found) => state = found,
                    Ok(state) => {
                        self.remove_behind();
                        // SAFETY: we ended the wait.
                        if let Some(waiter) = unsafe { place.aside().take_sleeper(SENDER, state) } {
                            waiter.unpark(); // site: wake-sender
                        }
                        self.expand();
                        return Accepted::Value;
                    }
                },
                Phase::SenderSelects => match self.accept_from_select(place, state, own) {
                    Ok(accepted) => return accepted,
                    Err(found) => state = found,
                },
                Phase::Empty | Phase::ReceiverLeaving | Phase::SenderLeaving => {
                    let sent = self.sent();
                    let phase = if ticket < sent.ticket() {
                        // The sender is under way. Natively it is given a moment, and no more.
                        if !backoff.is_completed() {
                            backoff.spin();
                            backoff.snooze();
                            state = cell.load();
                            continue;
                        }
                        if patience.is_none() && self.is_empty_beyond(ticket) {
                            return Accepted::MustWait(state);
                        }
                        Phase::Broken
                    } else if self.is_over(sent) {
                        Phase::Closed
                    } else {
                        return Accepted::MustWait(state);
                    };
                    let to = state.with_phase(phase as u8).with_left(RECEIVER);
                    // Release: we are done with the cell. Its sender is still to come, so it is not
                    // finished by this.
                    match leave_by(place, state, to, Release) {
                        Err(found) => state = found,
                        Ok(()) if phase == Phase::Closed => return Accepted::Closed,
                        Ok(()) => {
                            self.expand_unless_left(state);
                            return Accepted::Broken;
                        }
                    }
                }
                Phase::SenderGone | Phase::PassedOver | Phase::Refused => {
                    self.leave_gone_sender(place);
                    return Accepted::Broken;
                }
                Phase::Closed => {
                    self.array.leave(place, RECEIVER);
                    return Accepted::Closed;
                }
                Phase::Broken => {
                    self.array.leave(place, RECEIVER);
                    return Accepted::Broken;
                }
                other => unreachable!("a receiver found its cell {other:?} before it came there"),
            }
        }
    }

    fn accept_from_select(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        own: Option<&Claim>,
    ) -> Result<Accepted, State> {
        if self.sent().is_closed() {
            self.refuse(place, state);
            let found = place.cell().load();
            // What was sent before is received.
            if Phase::of(found) != Phase::SenderSelects {
                return Err(found);
            }
        }
        // SAFETY: we have not left.
        let spoiled = match unsafe { meet(place, SENDER, state, false, own) } {
            Meeting::Changed(found) => return Err(found),
            Meeting::Won { claim, late: false } => {
                claim.wake(); // site: wake-select
                self.expand();
                return Ok(Accepted::Value);
            }
            Meeting::Happened { late: false } => {
                self.expand();
                return Ok(Accepted::Value);
            }
            // Its value is not here: it learns that there is a receiver, and both go for new tickets.
            Meeting::Won { claim, late: true } => {
                let spoiled = self.spoil(place, Phase::SenderSelects, claim);
                claim.wake();
                spoiled
            }
            // The end of the buffer has reached it, and it is about to bring its value.
            Meeting::Happened { late: true } => {
                // Relaxed: nothing is handed over.
                place.cell().advance(Phase::SenderSelects, Phase::Broken, Relaxed).map(|_| ())
            }
            Meeting::Trying(claim) => self.spoil(place, Phase::SenderSelects, claim),
            // Relaxed: nothing is handed over.
            Meeting::Lost => place.cell().advance(Phase::SenderSelects, Phase::Broken, Relaxed).map(|_| ()),
        };
        spoiled?;
        self.remove_behind();
        self.array.leave(place, RECEIVER);
        self.expand();
        Ok(Accepted::Broken)
    }

    /// Waits in the cell; or the state found there, if it is no longer as it was.
    #[cold]
    fn wait_to_receive(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        ticket: u64,
        deadline: Option<Instant>,
    ) -> Result<Result<T, Option<NotReceived>>, State> {
        let cell = place.cell();
        if self.capacity() != Capacity::Rendezvous && cell.changes_at_once(state, deadline) {
            return Err(cell.load());
        }
        let Some(waits) = self.begin_to_receive(place, state, ticket, false)? else {
            return Ok(self.give_up_receiving(place, ticket, None));
        };
        if deferred::call() {
            return Ok(self.give_up_receiving(place, ticket, Some(NotReceived::Timeout)));
        }
        if cell.changes_soon(Phase::ReceiverWaits, deadline)
            // site: fall-asleep
            || sleep(place, RECEIVER, waits, &Parker::new(), deadline)
        {
            return Ok(self.receiving_ended(place));
        }
        Ok(self.give_up_receiving(place, ticket, Some(NotReceived::Timeout)))
    }

    /// Begins to wait in the cell, in the state that is returned; `None`: the receiver must not stay there, for a value
    /// has come back, or none will come, or the sender with this ticket may leave. Or the state found, if the cell is no
    /// longer as it was. The receiver `borrows` what it gets if it may give it back.
    pub(super) fn begin_to_receive(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        ticket: u64,
        borrows: bool,
    ) -> Result<Option<State>, State> {
        let waits = state.afresh().with_phase(Phase::ReceiverWaits as u8);
        let waits = if borrows { waits.with_seen() } else { waits };
        // Release: the receive so far happens before the send that ends the wait completes. If the channel is closed
        // meanwhile, `close` sees our ticket, and marks the cell before this (so it fails) or ends the wait. Who watches,
        // or has a value that came back, looks at the tickets, and ours is SeqCst.
        place.cell().exchange(state, waits, Release)?;
        self.expand_unless_left(state);
        self.watchers.notify();
        let stays =
            self.returned.is_empty() && !self.may_be_left_alone(state, ticket) && !self.is_over(self.sent());
        Ok(stays.then_some(waits))
    }

    /// Whether the sender with the ticket of a receiver that has begun to wait, in a cell that it found in this state, may
    /// leave with its value. Only senders that waited leave, and a sender does not begin to wait where a receiver waits:
    /// so it must have got the ticket before, after an earlier one had given it back.
    pub(super) fn may_be_left_alone(&self, found: State, ticket: u64) -> bool {
        Phase::of(found) == Phase::SenderLeaving && ticket < self.sent().ticket()
    }

    /// Ends our own wait, for a reason or to try again with another ticket.
    pub(super) fn give_up_receiving(
        &self,
        place: Place<'_, Cell<T>>,
        ticket: u64,
        why: Option<NotReceived>,
    ) -> Result<T, Option<NotReceived>> {
        // Relaxed: nothing is handed over; the cell's other party acts on it only by leaving.
        // site: cancel-receive
        match place.cell().advance(Phase::ReceiverWaits, Phase::ReceiverLeaving, Relaxed) {
            Err(_) => self.receiving_ended(place),
            Ok(state) => {
                // SAFETY: we ended the wait.
                let sleeper = unsafe { place.aside().take_sleeper(RECEIVER, state) };
                self.withdraw_receive(place, ticket);
                sleeper.into_iter().for_each(Sleeper::discard);
                Err(why)
            }
        }
    }

    /// Leaves a cell to which no sender has come, instead of waiting there.
    #[cold]
    pub(super) fn stop_receiving(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        ticket: u64,
    ) -> Result<(), State> {
        // Relaxed: nothing is handed over.
        place.cell().exchange(state, state.with_phase(Phase::ReceiverLeaving as u8), Relaxed)?;
        self.expand_unless_left(state);
        self.withdraw_receive(place, ticket);
        Ok(())
    }

    /// Somebody else ended the wait.
    pub(super) fn receiving_ended(&self, place: Place<'_, Cell<T>>) -> Result<T, Option<NotReceived>> {
        // Audit: whoever comes here has seen the end of the wait already, by a wake-up or by `changes_soon`.
        let state = place.cell().load();
        match Phase::of(state) {
            Phase::Handed => Ok(self.collect(place, state)),
            Phase::Closed => {
                self.array.leave(place, RECEIVER);
                Err(Some(NotReceived::Closed))
            }
            // The sender was a select's that broke its promise to send.
            Phase::Broken => {
                self.array.leave(place, RECEIVER);
                Err(None)
            }
            other => unreachable!("a waiting receiver was woken in a cell that is {other:?}"),
        }
    }
}
