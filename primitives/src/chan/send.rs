//! Sending.

use super::cell::{Cell, Meeting, Phase, RECEIVER, SENDER, Sleeper, leave_by, meet, sleep};
use super::claim::Claim;
use super::core::{Capacity, Chan, NoTicket, Patience};
use super::deferred;
use super::returned::borrows;
use crate::queue::{Place, State};
use crate::rt::hint::Backoff;
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst};
use crate::rt::time::now;
use std::time::Instant;

/// Why a value was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotSent {
    /// There was no room, or on capacity 0 no receiver, in time.
    NoRoom,
    Closed,
}

/// What became of a value that was offered in its cell.
pub(super) enum Offered {
    /// It is in other hands; we have left the cell.
    Sent,
    /// The cell is of no use; the value is still ours.
    Broken,
    /// There is no place: wait here, in a cell in this state, or break it.
    MustWait(State),
}

/// What became of a send that waited.
pub(super) enum Waited {
    Sent,
    /// The value is still ours, and the cell says that we are leaving. The sleeper is to be dropped once we have left.
    Leaving(NotSent, Option<Sleeper>),
    /// The value is still ours: the channel was closed.
    Refused,
}

impl<T> Chan<T> {
    /// Sends a value, or gives it back.
    #[inline]
    pub(super) fn send(&self, mut value: T, mut patience: Patience) -> Result<(), (T, NotSent)> {
        loop {
            let (ticket, place) = match self.send_place(patience) {
                Ok(found) => found,
                Err(NoTicket::Closed) => return Err((value, NotSent::Closed)),
                Err(NoTicket::WouldWait { for_sure: true }) => return Err((value, NotSent::NoRoom)),
                Err(NoTicket::WouldWait { for_sure: false }) => {
                    patience = Patience::Until(Some(now()));
                    continue;
                }
            };
            // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
            unsafe { place.cell().put(value) };
            if self.has_place(ticket) {
                let full = State::new(Phase::Full as u8).with_left(SENDER);
                // Release: the value is here for the receiver whose `load` reads Full. SeqCst: for who watches;
                // here and below see `Watchers`. Audit: a watcher looks at the tickets, which are SeqCst too.
                // site: publish-value
                if leave_by(place, State::new(Phase::Empty as u8), full, SeqCst).is_ok() {
                    self.watchers.notify();
                    return Ok(());
                }
            }
            match deferred::settle_with(self.settle_send(place, ticket, patience)) {
                Ok(()) => return Ok(()),
                Err((back, None)) => value = back,
                Err((back, Some(why))) => return Err((back, why)),
            }
        }
    }

    /// Sends the value that is in the cell; or gives it back, with a reason or to be sent with another ticket.
    pub(super) fn settle_send(
        &self,
        place: Place<'_, Cell<T>>,
        ticket: u64,
        patience: Patience,
    ) -> Result<(), (T, Option<NotSent>)> {
        let mut state = place.cell().load();
        let (why, leaving) = loop {
            state = match self.offer(place, state, ticket, None, false) {
                Offered::Sent => return Ok(()),
                Offered::Broken => break (None, false),
                Offered::MustWait(state) => match patience {
                    Patience::None => match self.break_send(place, state) {
                        Ok(()) => break (Some(NotSent::NoRoom), false),
                        Err(found) => found,
                    },
                    Patience::Until(deadline) => match self.wait_to_send(place, state, ticket, deadline) {
                        Ok(Waited::Sent) => return Ok(()),
                        Ok(Waited::Leaving(why, _thread)) => break (Some(why), true),
                        Ok(Waited::Refused) => break (Some(NotSent::Closed), false),
                        Err(found) => found,
                    },
                },
            };
        };
        // SAFETY: the value was not handed over, so the slot is ours, and full.
        let value = unsafe { place.cell().take() };
        if leaving {
            self.return_send(place, ticket);
        } else {
            self.withdraw_send(place, ticket);
        }
        Err((value, why))
    }

    /// Hands the value over that is in the cell, or leaves it in the buffer. `own` is the claim of the select
    /// that does this. A value that came back is handed over `again`.
    pub(super) fn offer(
        &self,
        place: Place<'_, Cell<T>>,
        mut state: State,
        ticket: u64,
        own: Option<&Claim>,
        again: bool,
    ) -> Offered {
        let cell = place.cell();
        loop {
            match Phase::of(state) {
                Phase::Empty | Phase::SenderLeaving if !self.has_place(ticket) => {
                    return Offered::MustWait(state);
                }
                Phase::Empty | Phase::SenderLeaving => {
                    let to = state.with_phase(Phase::Full as u8).with_left(SENDER);
                    // SeqCst: as in `send`. Audit: as there.
                    // site: publish-value-of-select
                    match leave_by(place, state, to, SeqCst) {
                        // Not finished by this: the receiver has not left.
                        Ok(()) => {
                            self.watchers.notify();
                            return Offered::Sent;
                        }
                        Err(found) => state = found,
                    }
                }
                Phase::ReceiverWaits => match self.hand_over(place, state, again) {
                    Ok(offered) => return offered,
                    Err(found) => state = found,
                },
                // SAFETY: we have not left.
                Phase::ReceiverSelects => match unsafe { meet(place, RECEIVER, state, false, own) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won { claim, .. } => {
                        claim.wake(); // site: wake-select
                        self.array.leave(place, SENDER);
                        return Offered::Sent;
                    }
                    Meeting::Trying(claim) => match self.spoil(place, Phase::ReceiverSelects, claim) {
                        Ok(()) => return Offered::Broken,
                        Err(found) => state = found,
                    },
                    Meeting::Lost | Meeting::Happened { .. } => {
                        // Relaxed: nothing is handed over.
                        match cell.advance(Phase::ReceiverSelects, Phase::Broken, Relaxed) {
                            Ok(_) => return Offered::Broken,
                            Err(found) => state = found,
                        }
                    }
                },
                Phase::ReceiverLeaving => match self.shun(place, state) {
                    Ok(()) => return Offered::Broken,
                    Err(found) => state = found,
                },
                _ => return Offered::Broken,
            }
        }
    }

    /// Hands the value over to the receiver that waits in the cell in this state; or the state found.
    fn hand_over(&self, place: Place<'_, Cell<T>>, state: State, again: bool) -> Result<Offered, State> {
        let borrows = borrows(state);
        if borrows && !self.lend(again) {
            self.disappoint(place);
            return Ok(Offered::Broken);
        }
        // Release: the value goes to the receiver. Acquire: see `Cell::advance`.
        // site: hand-value-to-receiver
        if let Err(found) = place.cell().exchange(state, state.with_phase(Phase::Handed as u8), AcqRel) {
            if borrows {
                self.end_loan();
            }
            return Err(found);
        }
        // SAFETY: we ended the wait.
        let waiter = unsafe { place.aside().take_sleeper(RECEIVER, state) };
        self.array.leave(place, SENDER);
        if let Some(waiter) = waiter {
            waiter.unpark(); // site: wake-receiver
        }
        Ok(Offered::Sent)
    }

    /// Makes the cell of a receiver that is leaving one without a sender: whether its ticket has gone back, so that
    /// another receiver will come, or it is about to say that it is gone, is not known. The end of a buffer has
    /// moved for the cell.
    pub(super) fn shun(&self, place: Place<'_, Cell<T>>, state: State) -> Result<(), State> {
        self.make_no_place(place, state)
    }

    /// Breaks the cell of a select that cannot be decided yet: it goes for new tickets, as we do. Or the state of the cell,
    /// if the select waits by now, or has left.
    pub(super) fn spoil(&self, place: Place<'_, Cell<T>>, phase: Phase, claim: &Claim) -> Result<(), State> {
        if !claim.spoil() {
            return Err(place.cell().load());
        }
        // Relaxed: nothing is handed over.
        place.cell().advance(phase, Phase::Broken, Relaxed).map(|_| ())
    }

    /// For a send that may not wait and has the ticket of a receiver that is under way: gives it a moment to
    /// come, then breaks the cell.
    pub(super) fn break_send(&self, place: Place<'_, Cell<T>>, state: State) -> Result<(), State> {
        debug_assert!(self.capacity() == Capacity::Rendezvous, "else a send has its place with the ticket");
        let backoff = Backoff::new();
        while !backoff.is_completed() {
            let found = place.cell().load();
            if found != state {
                return Err(found);
            }
            backoff.snooze();
        }
        // Relaxed: nothing is handed over.
        place.cell().exchange(state, state.with_phase(Phase::Broken as u8), Relaxed)
    }

    /// Waits in the cell; or the state found there, if it is no longer as it was.
    #[cold]
    fn wait_to_send(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        ticket: u64,
        deadline: Option<Instant>,
    ) -> Result<Waited, State> {
        let waits = match self.begin_to_send(place, state, ticket)? {
            Ok(waits) => waits,
            Err(waited) => return Ok(waited),
        };
        if deferred::call() {
            return Ok(self.stop_sending(place, Phase::SenderLeaving, NotSent::NoRoom));
        }
        let cell = place.cell();
        let parker = Parker::new();
        let mut ended =
            // site: fall-asleep
            cell.changes_soon(Phase::SenderWaits, deadline) || sleep(place, SENDER, waits, &parker, deadline);
        loop {
            if ended {
                return Ok(self.sending_ended(place));
            }
            if self.sent().is_closed() {
                return Ok(self.stop_sending(place, Phase::SenderLeaving, NotSent::Closed));
            }
            if self.has_place(ticket) {
                return Ok(self.stop_sending(place, Phase::Full, NotSent::NoRoom));
            }
            if !self.make_room(ticket) && !self.sent().is_closed() {
                return Ok(self.stop_sending(place, Phase::SenderLeaving, NotSent::NoRoom));
            }
            if deferred::call() {
                return Ok(self.stop_sending(place, Phase::SenderLeaving, NotSent::NoRoom));
            }
            ended = parker.park_deadline(deadline);
        }
    }

    /// Begins to wait in the cell, in the state that is returned, unless that wait is over at once. Or the state found, if
    /// the cell is no longer as it was.
    pub(super) fn begin_to_send(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        ticket: u64,
    ) -> Result<Result<State, Waited>, State> {
        self.add_behind();
        let waits = state.awake().with_phase(Phase::SenderWaits as u8);
        // Release: the value is here for whoever ends the wait. SeqCst: if `close` looks at the cell before this, then
        // we see the closed bit below; if a receiver has moved the end of the buffer and not seen us, then we see that.
        if let Err(found) = place.cell().exchange(state, waits, SeqCst) {
            self.remove_behind();
            return Err(found);
        }
        if self.sent().is_closed() {
            return Ok(Err(self.stop_sending(place, Phase::SenderLeaving, NotSent::Closed)));
        }
        self.watchers.notify();
        if self.has_place(ticket) {
            return Ok(Err(self.stop_sending(place, Phase::Full, NotSent::NoRoom)));
        }
        Ok(Ok(waits))
    }

    /// Ends our own wait: because there is a place after all (`Full`), or because we give up.
    pub(super) fn stop_sending(&self, place: Place<'_, Cell<T>>, to: Phase, why: NotSent) -> Waited {
        // Relaxed: the value was published when we began to wait, and a read-modify-write passes that on.
        match place.cell().advance(Phase::SenderWaits, to, Relaxed) {
            Err(_) => self.sending_ended(place),
            Ok(state) => {
                // SAFETY: we ended the wait.
                let sleeper = unsafe { place.aside().take_sleeper(SENDER, state) };
                if to != Phase::Full {
                    return Waited::Leaving(why, sleeper);
                }
                self.remove_behind();
                self.array.leave(place, SENDER);
                sleeper.into_iter().for_each(Sleeper::discard);
                Waited::Sent
            }
        }
    }

    /// Somebody else ended the wait.
    pub(super) fn sending_ended(&self, place: Place<'_, Cell<T>>) -> Waited {
        // Audit: whoever comes here has seen the end of the wait already, by a wake-up or by `changes_soon`.
        match Phase::of(place.cell().load()) {
            Phase::Taken | Phase::Full => {
                self.array.leave(place, SENDER);
                Waited::Sent
            }
            Phase::Refused => Waited::Refused,
            other => unreachable!("a waiting sender was woken in a cell that is {other:?}"),
        }
    }
}
