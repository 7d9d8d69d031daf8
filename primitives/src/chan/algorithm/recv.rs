//! A blocking receive, from the ticket to the end of the wait, in the order of its steps; then what a receiver does
//! with what it finds in its cell.
//!
//! `recv` → `receive_ticket` takes a ticket → `receive_with` finds its cell, and takes the value if the cell is Full: the
//! fast path. Else `settle_receive` goes by the phase of the cell: `accept` takes a value from a sender that waits, or
//! poisons the cell, or says that the receive must wait; then `wait_to_receive` waits in the cell.

use crate::chan::algorithm::cell::{
    Meeting, Phase, Place, RECEIVER, SENDER, Sleeper, State, end_wait, leave_by, meet_another, sleep,
};
use crate::chan::algorithm::chan::{Blocking, Capacity, Chan, NoTicket};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::late::{Came, Promise};
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::select::state::SelectWait;
use crate::rt::hint::{self, Backoff};
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use crate::rt::task::Why;
use std::time::Instant;

/// Why no value was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum NotReceived {
    Empty,
    Timeout,
    Closed,
}

/// What a receiver that waits does with a value that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum Taker {
    /// The value is the receiver's for good.
    Keeps,
    /// The receiver may give the value back. The cell says so by the bit `seen`, which is free while a plain receive
    /// waits.
    #[cfg_attr(not(feature = "async"), allow(dead_code, reason = "only tasks borrow"))]
    Borrows,
}

impl Taker {
    /// Returns what the receiver does that waits in a cell in this state.
    pub(in crate::chan) fn of(waits: State) -> Taker {
        if waits.is_seen() { Taker::Borrows } else { Taker::Keeps }
    }
}

/// What a receiver found in its cell.
pub(in crate::chan) enum Accepted {
    /// A value, which is the receiver's: [`Chan::collect`] takes it and leaves the cell.
    Value,
    /// The cell is of no use; the receiver has left it.
    Poisoned,
    /// There will be no value; the receiver has left.
    Closed,
    /// There is no value yet, and no sender has begun, or the receiver leaves the value to that one: the receiver waits
    /// here, in a cell in this state, or leaves with nothing.
    MustWait(State),
    /// A late send was chosen here, and its value is still to come.
    Late(Promise),
}

impl<T> Chan<T> {
    /// Receives a value.
    #[inline]
    pub(in crate::chan) fn recv(&self, blocking: Blocking) -> Result<T, NotReceived> {
        if let Some(spec) = self.spec.specified() {
            return self.recv_specified(spec, blocking);
        }
        self.look_to_receive(blocking);
        loop {
            let undelivered = self.undelivered.census();
            if undelivered.here() != 0
                && let Some((value, ticket)) = self.take_undelivered()
            {
                return Ok(self.received_by(ticket, value));
            }
            let ticket = match self.receive_ticket(blocking) {
                Ok(ticket) => ticket,
                Err(_) if self.undelivered.has_news(undelivered) => continue,
                Err(NoTicket::Closed) => return Err(NotReceived::Closed),
                Err(NoTicket::WouldBlock | NoTicket::Undetermined) => return Err(NotReceived::Empty),
            };
            match self.receive_with(ticket, blocking) {
                Ok(value) => return Ok(value),
                Err(Some(NotReceived::Empty)) if self.undelivered.has_news(undelivered) => (),
                Err(Some(why)) => return Err(why),
                Err(None) => (),
            }
            hint::retry();
        }
    }

    /// Receives a value if one is there. A caller that finds none calls no function for it.
    #[inline]
    pub(in crate::chan) fn try_recv(&self) -> Result<T, NotReceived> {
        if let Some(spec) = self.spec.specified() {
            return self.recv_specified(spec, Blocking::Never);
        }
        let undelivered = self.undelivered.census();
        if undelivered.here() != 0 {
            return self.recv(Blocking::Never);
        }
        let received = match self.receive_ticket(Blocking::Never) {
            Ok(ticket) => self.receive_now(ticket),
            Err(NoTicket::Closed) => Err(Some(NotReceived::Closed)),
            Err(NoTicket::WouldBlock | NoTicket::Undetermined) => Err(Some(NotReceived::Empty)),
        };
        match received {
            Ok(value) => Ok(value),
            Err(Some(why)) if !self.undelivered.has_news(undelivered) => Err(why),
            Err(_) => {
                hint::retry();
                self.recv(Blocking::Never)
            }
        }
    }

    /// Receives in the cell of a ticket, and does not wait.
    #[inline(never)]
    fn receive_now(&self, ticket: u64) -> Result<T, Option<NotReceived>> {
        self.receive_with(ticket, Blocking::Never)
    }

    /// Receives in the cell of a ticket; or fails, for a reason or to try again with another ticket.
    ///
    /// Inlined into both of its callers: as a function of its own it hands a value over through memory, and a receive
    /// of a value that is there takes a fourteenth longer.
    #[inline(always)]
    fn receive_with(&self, ticket: u64, blocking: Blocking) -> Result<T, Option<NotReceived>> {
        // SAFETY: S1: `receive_ticket` gave the ticket to this receive alone, which has not left its cell.
        let place = match unsafe { self.array.locate(RECEIVER, ticket) } {
            Ok(place) => place,
            Err(next) => {
                self.skip_missing(ticket, next);
                return Err(None);
            }
        };
        let state = place.cell().load();
        if state.phase() == Phase::Full {
            let value = self.collect(place, state);
            return Ok(if self.expand() { self.received_by(ticket, value) } else { value });
        }
        match self.settle_receive(place, state, ticket, blocking) {
            Ok(value) => Ok(self.received_by(ticket, value)),
            Err(why) => {
                deferred::settle();
                Err(why)
            }
        }
    }

    /// Takes a ticket to receive with, and finds its cell, which the caller leaves in the end; unless that would wait and
    /// the caller may not.
    #[inline]
    pub(in crate::chan) fn receive_place(&self, blocking: Blocking) -> Result<(u64, Place<'_, T>), NoTicket> {
        loop {
            let ticket = self.receive_ticket(blocking)?;
            // SAFETY: S1: `receive_ticket` gave the ticket to this receive alone, which has not left its cell.
            match unsafe { self.array.locate(RECEIVER, ticket) } {
                Ok(place) => return Ok((ticket, place)),
                Err(next) => self.skip_missing(ticket, next),
            }
        }
    }

    /// Takes a ticket to receive with, unless that would wait and the caller may not.
    #[inline]
    fn receive_ticket(&self, blocking: Blocking) -> Result<u64, NoTicket> {
        let received = &self.receivers.received;
        // Relaxed: a hint. A receiver that misses it learns in its cell that the channel is closed.
        if !blocking.is_never() && !self.receivers.closing.load(Relaxed) {
            // SeqCst. Not model-checked: C1.
            return Ok(received.fetch_add(1, SeqCst)); // site: take-receive-ticket
        }
        // SeqCst. Not model-checked: C1. `received` is read first: if it has reached `sent` then, the channel is empty
        // when `sent` is read.
        let mut ticket = received.load(SeqCst);
        loop {
            // SeqCst. Not model-checked: C1.
            let sent = self.sent();
            if ticket >= sent.ticket() {
                if self.is_over(sent) {
                    return Err(NoTicket::Closed);
                }
                if blocking.is_never() {
                    return Err(NoTicket::WouldBlock);
                }
            }
            if !blocking.is_never() {
                // SeqCst. Not model-checked: C1.
                return Ok(received.fetch_add(1, SeqCst));
            }
            // SeqCst. Not model-checked: C1.
            match received.compare_exchange(ticket, ticket + 1, SeqCst, SeqCst) {
                Ok(ticket) => return Ok(ticket),
                Err(found) => ticket = found,
            }
        }
    }

    /// Goes on from the ticket of a receive that was that of a sender that gave up, as are those up to the next.
    pub(in crate::chan) fn skip_missing(&self, ticket: u64, next: u64) {
        let skipped = self.skip_receives(ticket + 1, next);
        self.forget_missing(if skipped { next - ticket } else { 1 });
    }

    /// Receives in the cell of a ticket, in which no value was at hand; or fails as
    /// [`receive_with`](Self::receive_with) does.
    #[cold]
    fn settle_receive(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        blocking: Blocking,
    ) -> Result<T, Option<NotReceived>> {
        self.owner().check("a channel");
        loop {
            state = match self.accept(place, state, ticket, None, blocking) {
                Accepted::Value => return Ok(self.collect(place, place.cell().load())),
                Accepted::Poisoned => return Err(None),
                Accepted::Closed => return Err(Some(NotReceived::Closed)),
                Accepted::Late(promise) => match self.accept_late(place, promise, ticket, blocking) {
                    Ok(Came::Value) => return Ok(self.collect(place, place.cell().load())),
                    Ok(Came::Nothing) => return Err(None),
                    Ok(Came::Own) if blocking.is_never() => return Err(Some(NotReceived::Empty)),
                    Ok(Came::Own) => return Err(Some(NotReceived::Timeout)),
                    Err(found) => found,
                },
                Accepted::MustWait(state) => match blocking {
                    Blocking::Never => match self.stop_receiving(place, state, ticket) {
                        Ok(()) => return Err(Some(NotReceived::Empty)),
                        Err(found) => found,
                    },
                    Blocking::Until(deadline) => match self.wait_to_receive(place, state, ticket, deadline) {
                        Ok(received) => return received,
                        Err(found) => found,
                    },
                },
            };
        }
    }

    /// Waits in the cell; or the state found there, if it is no longer as it was.
    #[cold]
    fn wait_to_receive(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
        deadline: Option<Instant>,
    ) -> Result<Result<T, Option<NotReceived>>, State> {
        let cell = place.cell();
        if self.capacity() != Capacity::Rendezvous && cell.changes_at_once(state, deadline) {
            return Err(cell.load());
        }
        let Some(waits) = self.begin_to_receive(place, state, ticket, Taker::Keeps)? else {
            return Ok(self.give_up_receiving(place, ticket, None));
        };
        if deferred::call() {
            return Ok(self.give_up_receiving(place, ticket, Some(NotReceived::Timeout)));
        }
        let ended = if self.capacity() == Capacity::Rendezvous {
            cell.changes_soon(Phase::ReceiverWaits, deadline)
        } else {
            cell.changes_in_a_while(Phase::ReceiverWaits, deadline)
        };
        if ended
            // site: fall-asleep
            || sleep(place, RECEIVER, waits, &Parker::for_wait_of(Why::Receive, || Some(self.owner())), deadline)
        {
            return Ok(self.receiving_ended(place));
        }
        Ok(self.give_up_receiving(place, ticket, Some(NotReceived::Timeout)))
    }

    /// Begins to wait in the cell, in the state that is returned; `None`: the receiver must not stay there, for a value
    /// has come back, or none will come, or the sender with this ticket may leave. Or the state found, if the cell is
    /// no longer as it was.
    pub(in crate::chan) fn begin_to_receive(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
        taker: Taker,
    ) -> Result<Option<State>, State> {
        let waits = state.afresh().with_phase(Phase::ReceiverWaits);
        let waits = if taker == Taker::Borrows { waits.with_seen() } else { waits };
        // Release: the receive so far happens before the send that ends the wait completes. If the channel is closed
        // meanwhile, `close` sees our ticket, and marks the cell before this (so it fails) or ends the wait. An
        // observer, or a thread with a value that came back, looks at the tickets, and ours is SeqCst.
        place.cell().exchange(state, waits, Release)?;
        self.uncount_behind(state);
        self.expand_unless_left(state);
        self.observers.notify();
        let stays = self.undelivered.is_empty()
            && !self.may_be_left_alone(state, ticket)
            && !self.is_over(self.sent());
        Ok(stays.then_some(waits))
    }

    /// Whether the sender with the ticket of a receiver that has begun to wait, in a cell that it found in this state,
    /// may leave with its value. Only senders that waited leave, and a sender does not begin to wait where a receiver
    /// waits: so it must have got the ticket before, after an earlier one had given it back.
    pub(in crate::chan) fn may_be_left_alone(&self, found: State, ticket: u64) -> bool {
        found.phase() == Phase::SenderLeaving && ticket < self.sent().ticket()
    }

    /// Returns what another thread has ended the wait with.
    pub(in crate::chan) fn receiving_ended(&self, place: Place<'_, T>) -> Result<T, Option<NotReceived>> {
        // Not model-checked: the caller has seen the end of the wait already, by a wake-up or by `changes_soon`.
        let mut state = place.cell().load();
        if state.phase() == Phase::Promised {
            self.until_promise_ends(place);
            state = place.cell().load();
        }
        match state.phase() {
            Phase::Delivered => Ok(self.collect(place, state)),
            Phase::Closed => {
                self.array.leave(place, RECEIVER);
                Err(Some(NotReceived::Closed))
            }
            // The sender was a select's that broke its promise to send.
            Phase::Poisoned => {
                self.array.leave(place, RECEIVER);
                Err(None)
            }
            other => unreachable!("a waiting receiver was woken in a cell that is {other:?}"),
        }
    }

    /// Ends the receiver's own wait, for a reason or to try again with another ticket; unless another thread has ended
    /// it.
    pub(in crate::chan) fn give_up_receiving(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        why: Option<NotReceived>,
    ) -> Result<T, Option<NotReceived>> {
        // Relaxed: nothing is handed over; the cell's other party acts on it only by leaving.
        // site: cancel-receive
        match end_wait(place, RECEIVER, Phase::ReceiverWaits, Phase::ReceiverLeaving, Relaxed) {
            Err(_) => self.receiving_ended(place),
            Ok(sleeper) => {
                self.withdraw_receive(place, ticket);
                sleeper.into_iter().for_each(Sleeper::discard);
                Err(why)
            }
        }
    }

    /// Leaves a cell to which no sender has come, instead of waiting there.
    #[cold]
    pub(in crate::chan) fn stop_receiving(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
    ) -> Result<(), State> {
        // Relaxed: nothing is handed over.
        place.cell().exchange(state, state.with_phase(Phase::ReceiverLeaving), Relaxed)?;
        self.expand_unless_left(state);
        self.withdraw_receive(place, ticket);
        Ok(())
    }

    /// Looks what is in the cell for its receiver. `own` is the state of the select that does this.
    pub(in crate::chan) fn accept(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        own: Option<&SelectWait>,
        blocking: Blocking,
    ) -> Accepted {
        let cell = place.cell();
        let backoff = Backoff::new();
        loop {
            match state.phase() {
                Phase::Full => {
                    self.expand();
                    return Accepted::Value;
                }
                // A value is not taken from a sender that waits once the channel is closed: close is one moment for all.
                Phase::SenderWaits if self.sent().is_closed() => {
                    self.reject_sender(place, state);
                    state = cell.load();
                }
                Phase::SenderWaits => match self.take_from_waiting(place) {
                    Ok(()) => return Accepted::Value,
                    Err(found) => state = found,
                },
                Phase::SenderSelects => match self.accept_from_select(place, state, own) {
                    Ok(accepted) => return accepted,
                    Err(found) => state = found,
                },
                Phase::Empty | Phase::ReceiverLeaving | Phase::SenderLeaving => {
                    match self.accept_nothing(place, state, ticket, blocking, &backoff) {
                        Ok(accepted) => return accepted,
                        Err(found) => state = found,
                    }
                }
                Phase::SenderGone | Phase::PassedOver | Phase::Rejected => {
                    self.leave_gone_sender(place);
                    return Accepted::Poisoned;
                }
                Phase::Closed => {
                    self.array.leave(place, RECEIVER);
                    return Accepted::Closed;
                }
                Phase::Poisoned => {
                    self.array.leave(place, RECEIVER);
                    return Accepted::Poisoned;
                }
                other => unreachable!("a receiver found its cell {other:?} before it came there"),
            }
        }
    }

    /// Takes the value over of a sender that waits in the cell, and wakes the sender; or the state found, if the cell
    /// is no longer as it was.
    #[inline(never)]
    fn take_from_waiting(&self, place: Place<'_, T>) -> Result<(), State> {
        // Release: the receive so far happens before the send completes. Acquire: the waiter that this thread takes out
        // is that of the cell's present holder.
        // site: take-value-of-sender
        let sleeper = end_wait(place, SENDER, Phase::SenderWaits, Phase::Delivered, AcqRel)?;
        self.remove_behind();
        if let Some(sleeper) = sleeper {
            sleeper.unpark(); // site: wake-sender
        }
        self.expand();
        Ok(())
    }

    /// Goes on in a cell to which no sender has come: waits for a sender that has not begun, or poisons the cell of one
    /// that has. Or the state found, if the cell is no longer as it was, or may be soon.
    ///
    /// A receiver that must not wait leaves an empty channel to the sender that has begun, and does not poison the
    /// cell: two such operations could go on to do so to each other for ever.
    #[inline(always)]
    fn accept_nothing(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
        blocking: Blocking,
        backoff: &Backoff,
    ) -> Result<Accepted, State> {
        let sent = self.sent();
        let phase = if ticket < sent.ticket() {
            // The sender has begun. Natively it is given a moment, and no more.
            if !backoff.is_completed() {
                backoff.spin();
                backoff.snooze();
                return Err(place.cell().load());
            }
            if blocking.is_never() && self.is_empty_beyond(ticket) {
                return Ok(Accepted::MustWait(state));
            }
            Phase::Poisoned
        } else if self.is_over(sent) {
            Phase::Closed
        } else {
            return Ok(Accepted::MustWait(state));
        };
        // Release: the receiver's accesses to the cell happen before its reuse. The sender is still to come, so this
        // does not finish the cell.
        leave_by(place, state, state.with_phase(phase).with_left(RECEIVER), Release)?;
        if phase == Phase::Closed {
            return Ok(Accepted::Closed);
        }
        self.expand_unless_left(state);
        Ok(Accepted::Poisoned)
    }

    /// Decides a select that waits to send in this cell, or finds it decided; or the state found, if the cell is no
    /// longer as it was.
    fn accept_from_select(
        &self,
        place: Place<'_, T>,
        state: State,
        own: Option<&SelectWait>,
    ) -> Result<Accepted, State> {
        if state.is_late() {
            // SAFETY: the cell says that a late send has been chosen, and the caller is its receiver and has not left
            // (S1).
            let sender = unsafe { place.cell().sender_to_come() };
            return Ok(Accepted::Late(Promise { state, is_own: sender == deferred::mark_of_thread() }));
        }
        if self.sent().is_closed() {
            self.reject_sender(place, state);
            let found = place.cell().load();
            // What was sent before is received.
            if found.phase() != Phase::SenderSelects {
                return Err(found);
            }
        }
        // SAFETY: S1: this receive has not left the cell.
        let select = match unsafe { meet_another(place, SENDER, state, own) } {
            Meeting::Changed(found) => return Err(found),
            Meeting::Won(select) => {
                select.wake(); // site: wake-select
                select
            }
            Meeting::Happened(select) => select,
            Meeting::Registering(select) if !select.poison_undecided() => return Err(place.cell().load()),
            Meeting::Registering(_) | Meeting::Lost => {
                self.poison_sender(place)?;
                return Ok(Accepted::Poisoned);
            }
        };
        Ok(Accepted::Late(Promise {
            state: state.with_seen(),
            is_own: select.mark() == deferred::mark_of_thread(),
        }))
    }

    /// Whether the channel was open and empty at a moment, for a receiver whose cell had no value since then. No value
    /// that was there can have gone since, unless another receiver has got a ticket, which would show.
    fn is_empty_beyond(&self, ticket: u64) -> bool {
        let has_value = |place: Place<'_, T>| {
            matches!(place.cell().look().phase(), Phase::Full | Phase::SenderWaits | Phase::SenderSelects)
        };
        let tickets = ticket + 1..self.sent().ticket();
        !self.array.visit_until(RECEIVER, tickets, |place, _| has_value(place))
            && self.received() == ticket + 1
            && !self.sent().is_closed()
    }

    /// Takes the value that is in the cell, and leaves.
    #[inline(always)]
    pub(in crate::chan) fn collect(&self, place: Place<'_, T>, state: State) -> T {
        // SAFETY: S2: the cell's phase, or the state of the receiver's select, says that a value is here for the
        // receiver.
        let value = unsafe { place.cell().take() };
        if state.has_left(SENDER) {
            self.array.finished(place);
        } else {
            self.array.leave(place, RECEIVER);
        }
        value
    }

    /// The value that a receive with this ticket has got, after the wakers that the receive has deferred were called.
    /// If one panics, the next receiver gets the value.
    pub(in crate::chan) fn received_by(&self, ticket: u64, value: T) -> T {
        if !deferred::end() {
            return value;
        }
        let _held = deferred::hold();
        self.lend(Delivery::Again);
        self.give_back(value, ticket);
        deferred::resume()
    }
}
