//! A blocking send, from the ticket to the end of the wait, in the order of its steps; at the end what a sender does with
//! what it finds in its cell.
//!
//! `send` → `send_once` → `send_place` takes a ticket and finds its cell → `leave_in_buffer` is the fast path. Else
//! `settle_send` goes by the phase of the cell: `offer` hands the value over or leaves it in the buffer, or says that the
//! send must wait; then `wait_to_send` waits in the cell, and `end_send` leaves it.

use crate::chan::algorithm::cell::{
    Meeting, Phase, Place, RECEIVER, SENDER, Sleeper, State, end_wait, leave_by, meet_another, sleep,
    take_sleeper,
};
use crate::chan::algorithm::chan::{Blocking, Capacity, Chan, NoTicket, Sent};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::recv::Taker;
use crate::chan::algorithm::try_send::Room;
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::select::state::SelectWait;
use crate::rt::hint::{self, Backoff};
use crate::rt::park::Parker;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use crate::rt::task::Why;
use crate::rt::time::now;
use std::time::Instant;

/// Why a value was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum NotSent {
    /// There was no room, or on capacity 0 no receiver, in time.
    NoRoom,
    Closed,
}

/// Why a ticket did not serve a send, whose value is the caller's again.
pub(in crate::chan) enum Unsent {
    /// The send fails.
    For(NotSent),
    /// Another ticket may serve.
    Poisoned,
    /// A send in flight may abort: the send must take a ticket as one that waits does, to find out.
    Undetermined,
}

/// What became of a value that was offered in its cell.
pub(in crate::chan) enum Offered {
    /// The value was handed over or is in the buffer; the sender has left the cell.
    Sent,
    /// The cell is of no use; the value is still the sender's.
    Poisoned,
    /// There is no place: the sender waits here, in a cell in this state, or poisons it.
    MustWait(State),
}

/// How a send that begins to wait goes on.
pub(in crate::chan) enum Begun {
    /// It waits, in a cell in this state.
    Waits(State),
    /// The wait was over at once.
    Ended(Waited),
}

/// What became of a send that waited.
pub(in crate::chan) enum Waited {
    Sent,
    /// The value is still the sender's, and the cell says that the sender is leaving. The sleeper is to be dropped once
    /// the sender has left.
    Leaving(NotSent, Option<Sleeper>),
    /// The value is still the sender's: the channel was closed.
    Rejected,
}

impl<T> Chan<T> {
    /// Sends a value, or gives it back.
    #[inline]
    pub(in crate::chan) fn send(&self, value: T, blocking: Blocking) -> Result<(), (T, NotSent)> {
        if let Some(spec) = self.spec.specified() {
            return self.send_specified(spec, value, blocking);
        }
        self.look_to_send(blocking);
        match self.send_once(value, blocking) {
            Ok(()) => Ok(()),
            Err((value, Unsent::For(why))) => Err((value, why)),
            Err(unsent) => self.send_again(unsent, blocking),
        }
    }

    /// Sends a value that one ticket has not served.
    #[cold]
    fn send_again(&self, mut unsent: (T, Unsent), mut blocking: Blocking) -> Result<(), (T, NotSent)> {
        loop {
            match unsent {
                (value, Unsent::For(why)) => return Err((value, why)),
                (_, Unsent::Undetermined) => blocking = Blocking::Until(Some(now())),
                (_, Unsent::Poisoned) => (),
            }
            hint::retry();
            match self.send_once(unsent.0, blocking) {
                Ok(()) => return Ok(()),
                Err(again) => unsent = again,
            }
        }
    }

    /// Sends a value with one ticket. Inlined into both of its callers, so that a send that need not wait has the value
    /// in its hands all the time.
    #[inline(always)]
    fn send_once(&self, value: T, blocking: Blocking) -> Result<(), (T, Unsent)> {
        let (ticket, place) = match self.send_place(blocking) {
            Ok(found) => found,
            Err(NoTicket::Closed) => return Err((value, Unsent::For(NotSent::Closed))),
            Err(NoTicket::WouldBlock) => return Err((value, Unsent::For(NotSent::NoRoom))),
            Err(NoTicket::Undetermined) => return Err((value, Unsent::Undetermined)),
        };
        // SAFETY: S2: this send has the ticket, and the slot is empty.
        unsafe { place.cell().put(value) };
        if self.leave_in_buffer(place, ticket) {
            return Ok(());
        }
        deferred::settle_with(self.settle_send(place, ticket, blocking))
    }

    /// Takes a ticket to send with, and finds its cell, which the caller leaves in the end; unless that would wait and
    /// the caller may not.
    ///
    /// Inlined: as a function of its own it hands the place over through memory, and a send that need not wait takes a
    /// tenth longer.
    #[inline(always)]
    pub(in crate::chan) fn send_place(&self, blocking: Blocking) -> Result<(u64, Place<'_, T>), NoTicket> {
        loop {
            let ticket = self.send_ticket(blocking)?;
            // SAFETY: S1: `send_ticket` gave the ticket to this send alone, which has not left its cell.
            match unsafe { self.array.locate(SENDER, ticket) } {
                Ok(place) => return Ok((ticket, place)),
                // The cell was that of a receiver that gave up, as are those up to `next`.
                Err(next) => _ = self.skip_sends(Sent::open(ticket + 1), next),
            }
        }
    }

    /// Takes a ticket to send with, unless that would wait and the caller may not.
    #[inline]
    fn send_ticket(&self, blocking: Blocking) -> Result<u64, NoTicket> {
        let backoff = Backoff::new();
        // SeqCst. Not model-checked: C1.
        let mut sent = self.sent();
        loop {
            if sent.is_closed() {
                return Err(NoTicket::Closed);
            }
            if blocking.is_never() && !self.may_send(sent.ticket()) {
                let room = self.look_for_room(sent.ticket());
                sent = self.sent();
                match room {
                    _ if sent.is_closed() => continue,
                    Room::Some => continue,
                    Room::None => return Err(NoTicket::WouldBlock),
                    Room::Unsettled => return Err(NoTicket::Undetermined),
                }
            }
            let next = sent.next();
            // SeqCst. Not model-checked: C1. A failed CAS means that another send took the ticket or the channel was
            // closed (lock-freedom).
            match self.senders.sent.compare_exchange(sent.bits(), next.bits(), SeqCst, SeqCst) {
                Ok(_) => {
                    if blocking.is_never() && self.expands() {
                        self.knows_place(sent.ticket());
                    }
                    return Ok(sent.ticket());
                }
                Err(found) => {
                    sent = Sent::from_bits(found);
                    backoff.spin();
                }
            }
        }
    }

    /// Whether a send with this ticket has a chance not to wait.
    pub(in crate::chan) fn may_send(&self, ticket: u64) -> bool {
        match self.capacity() {
            Capacity::Rendezvous => ticket < self.received(),
            _ => self.has_place(ticket),
        }
    }

    /// Leaves the value that is in the cell in the buffer, and the cell, if the ticket has its place and no receiver
    /// has come to the cell yet. No waker is deferred by that.
    #[inline(always)]
    pub(in crate::chan) fn leave_in_buffer(&self, place: Place<'_, T>, ticket: u64) -> bool {
        if !self.has_place(ticket) {
            return false;
        }
        let full = State::new(Phase::Full).with_left(SENDER);
        // Release: publishes the value to the receiver whose Acquire `load` reads Full. SeqCst: C3. Not model-checked: an
        // observer looks at the tickets, which are SeqCst too.
        // site: publish-value
        let left = leave_by(place, State::new(Phase::Empty), full, SeqCst).is_ok();
        if left {
            self.observers.notify();
        }
        left
    }

    /// Whether a sender with this ticket need not wait: it has its place in the buffer.
    #[inline]
    pub(in crate::chan) fn has_place(&self, ticket: u64) -> bool {
        match self.capacity() {
            // A receiver may give its ticket back before it has come to the cell.
            Capacity::Rendezvous => false,
            Capacity::Unbounded => true,
            // Acquire: pairs with the Release in `has_new_place` and in `knows_place`: the receives that made this place
            // happen before the send that uses it completes.
            Capacity::Bounded(capacity) => {
                ticket < self.senders.known_end.load(Acquire) || self.has_new_place(ticket, capacity as u64)
            }
        }
    }

    fn has_new_place(&self, ticket: u64, capacity: u64) -> bool {
        let end = self.newest_end(capacity);
        // A place that may be there only because of a receive after the close comes too late for a send.
        if self.sent().is_closed() {
            return false;
        }
        if ticket + 1 < end {
            // Release: passes on what the loads in `newest_end` have acquired, to the Acquire in `has_place`. Not worth
            // it for this place alone.
            self.senders.known_end.fetch_max(end, Release); // site: raise-known-end
        }
        ticket < end
    }

    /// Returns how far the buffer reaches.
    pub(in crate::chan) fn newest_end(&self, capacity: u64) -> u64 {
        // SeqCst: this sender has written to its cell before these loads, and a receiver writes `received` or the end
        // before it looks at the cell, so one of the two sees the other. Acquire, by that: `received` pairs with the
        // increments in `receive_ticket` and `buffer_end` with those in `expand`: the receives that made this place
        // happen before the send that uses it completes.
        // Every receive that has begun moves the end, if it has not yet; so it is at least so far.
        self.buffer_end().max(self.received() + capacity)
    }

    /// Remembers that a send with this ticket has its place, also after a close.
    #[inline]
    pub(in crate::chan) fn knows_place(&self, ticket: u64) {
        // Relaxed: to see that it is remembered already.
        if self.senders.known_end.load(Relaxed) <= ticket {
            // Release: publishes the receives that made the place to the Acquire in `has_place`. Not model-checked:
            // only earlier senders that read `known_end` need this edge, and no model covers them.
            self.senders.known_end.fetch_max(ticket + 1, Release);
        }
    }

    /// Sends the value that is in the cell, and leaves the cell; or returns the value and why the ticket did not serve.
    pub(in crate::chan) fn settle_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        blocking: Blocking,
    ) -> Result<(), (T, Unsent)> {
        self.owner().check("a channel");
        let mut state = place.cell().load();
        loop {
            state = match (self.offer(place, state, ticket, None, Delivery::First), blocking) {
                (Offered::Sent, _) => return Ok(()),
                (Offered::Poisoned, _) => return Err((self.take_back(place, ticket), Unsent::Poisoned)),
                (Offered::MustWait(state), Blocking::Never) => match self.poison_send(place, state) {
                    Ok(()) => return Err((self.take_back(place, ticket), Unsent::For(NotSent::NoRoom))),
                    Err(found) => found,
                },
                (Offered::MustWait(state), Blocking::Until(deadline)) => {
                    match self.wait_to_send(place, state, ticket, deadline) {
                        Ok(waited) => {
                            return self
                                .end_send(place, ticket, waited)
                                .map_err(|(value, why)| (value, Unsent::For(why)));
                        }
                        Err(found) => found,
                    }
                }
            };
        }
    }

    /// Takes the value, which has not been handed over, out of the cell, and leaves the cell.
    pub(in crate::chan) fn take_back(&self, place: Place<'_, T>, ticket: u64) -> T {
        // SAFETY: S2: the value has not been handed over, so the slot is the sender's, and full.
        let value = unsafe { place.cell().take() };
        self.withdraw_send(place, ticket);
        value
    }

    /// Waits in the cell until the value is sent, or the wait has failed; or returns the state found, if the cell is no
    /// longer as it was.
    #[cold]
    fn wait_to_send(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
        deadline: Option<Instant>,
    ) -> Result<Waited, State> {
        let waits = match self.begin_to_send(place, state, ticket)? {
            Begun::Waits(waits) => waits,
            Begun::Ended(waited) => return Ok(waited),
        };
        if deferred::call() {
            return Ok(self.give_up_sending(place, NotSent::NoRoom));
        }
        let cell = place.cell();
        let parker = Parker::for_wait_of(Why::Send, || Some(self.owner()));
        let mut ended =
            // site: fall-asleep
            cell.changes_soon(Phase::SenderWaits, deadline) || sleep(place, SENDER, waits, &parker, deadline);
        // A wait that has not ended here has passed its deadline. If `make_room` finds the buffer not full then, other
        // operations have made progress, and the sender looks again.
        loop {
            if ended {
                return Ok(self.sending_ended(place));
            }
            if self.sent().is_closed() {
                return Ok(self.give_up_sending(place, NotSent::Closed));
            }
            if self.has_place(ticket) {
                return Ok(self.stay_in_buffer(place));
            }
            let is_full = !self.make_room(ticket) && !self.sent().is_closed();
            if is_full || deferred::call() {
                return Ok(self.give_up_sending(place, NotSent::NoRoom));
            }
            // This only looks whether another thread has ended the wait. If user code has waited meanwhile and has got
            // the wake-up (K1 of `task`), the state of the cell still tells that the wait has ended.
            ended = parker.park_deadline(deadline);
        }
    }

    /// Begins to wait in the cell; or returns the state found, if the cell is no longer as it was.
    pub(in crate::chan) fn begin_to_send(
        &self,
        place: Place<'_, T>,
        state: State,
        ticket: u64,
    ) -> Result<Begun, State> {
        self.add_behind();
        let waits = state.awake().with_phase(Phase::SenderWaits);
        // Release: publishes the value to the thread that ends the wait, whose Acquire is in `Cell::load`. SeqCst: if
        // `close` looks at the cell before this, then the look below sees the closed bit; if a receiver has moved the end
        // of the buffer and not seen this sender, then the sender sees the end (C2).
        if let Err(found) = place.cell().exchange(state, waits, SeqCst) {
            self.remove_behind();
            return Err(found);
        }
        if self.sent().is_closed() {
            return Ok(Begun::Ended(self.give_up_sending(place, NotSent::Closed)));
        }
        self.observers.notify();
        if self.has_place(ticket) {
            return Ok(Begun::Ended(self.stay_in_buffer(place)));
        }
        Ok(Begun::Waits(waits))
    }

    /// Returns what another thread has ended the wait with.
    pub(in crate::chan) fn sending_ended(&self, place: Place<'_, T>) -> Waited {
        // Not model-checked: the caller has seen the end of the wait already, by a wake-up or by `changes_soon`.
        match place.cell().load().phase() {
            Phase::Delivered | Phase::Full => {
                self.array.leave(place, SENDER);
                Waited::Sent
            }
            Phase::Rejected => Waited::Rejected,
            other => unreachable!("a waiting sender was woken in a cell that is {other:?}"),
        }
    }

    /// Ends the sender's own wait, and leaves the value in the buffer, which has come to the cell.
    fn stay_in_buffer(&self, place: Place<'_, T>) -> Waited {
        // Relaxed: the value was published when the wait began, and a read-modify-write passes that on.
        match end_wait(place, SENDER, Phase::SenderWaits, Phase::Full, Relaxed) {
            Err(_) => self.sending_ended(place),
            Ok(sleeper) => {
                self.remove_behind();
                self.array.leave(place, SENDER);
                sleeper.into_iter().for_each(Sleeper::discard);
                Waited::Sent
            }
        }
    }

    /// Ends the sender's own wait, and fails.
    pub(in crate::chan) fn give_up_sending(&self, place: Place<'_, T>, why: NotSent) -> Waited {
        // Relaxed: nothing is handed over.
        match end_wait(place, SENDER, Phase::SenderWaits, Phase::SenderLeaving, Relaxed) {
            Err(_) => self.sending_ended(place),
            Ok(sleeper) => Waited::Leaving(why, sleeper),
        }
    }

    /// Leaves a cell in which the wait has ended; returns the value if it was not sent.
    pub(in crate::chan) fn end_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        waited: Waited,
    ) -> Result<(), (T, NotSent)> {
        let (why, sleeper) = match waited {
            Waited::Sent => return Ok(()),
            Waited::Rejected => return Err((self.take_back(place, ticket), NotSent::Closed)),
            Waited::Leaving(why, sleeper) => (why, sleeper),
        };
        // SAFETY: S2: the value has not been handed over, so the slot is the sender's, and full.
        let value = unsafe { place.cell().take() };
        self.return_send(place, ticket);
        sleeper.into_iter().for_each(Sleeper::discard);
        Err((value, why))
    }

    /// Hands the value over that is in the cell, or leaves it in the buffer. `own` is the state of the select
    /// that does this.
    pub(in crate::chan) fn offer(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        own: Option<&SelectWait>,
        delivery: Delivery,
    ) -> Offered {
        let cell = place.cell();
        loop {
            match state.phase() {
                Phase::Empty | Phase::SenderLeaving if !self.has_place(ticket) => {
                    return Offered::MustWait(state);
                }
                Phase::Empty | Phase::SenderLeaving => {
                    let to = state.with_phase(Phase::Full).with_left(SENDER);
                    // Release: publishes the value to the receiver whose Acquire `load` reads Full. SeqCst: C3. Not
                    // model-checked: an observer looks at the tickets, which are SeqCst too.
                    match leave_by(place, state, to, SeqCst) {
                        // This does not finish the cell: the receiver has not left.
                        Ok(()) => {
                            self.observers.notify();
                            return Offered::Sent;
                        }
                        Err(found) => state = found,
                    }
                }
                Phase::ReceiverWaits => match self.hand_over(place, state, delivery) {
                    Ok(offered) => return offered,
                    Err(found) => state = found,
                },
                // SAFETY: S1: this send has not left the cell.
                Phase::ReceiverSelects => match unsafe { meet_another(place, RECEIVER, state, own) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won(select) => {
                        select.wake(); // site: wake-select
                        self.array.leave(place, SENDER);
                        return Offered::Sent;
                    }
                    Meeting::Registering(select) => {
                        match self.poison_select(place, Phase::ReceiverSelects, select) {
                            Ok(()) => return Offered::Poisoned,
                            Err(found) => state = found,
                        }
                    }
                    Meeting::Lost | Meeting::Happened(_) => {
                        // Relaxed: nothing is handed over.
                        match cell.advance(Phase::ReceiverSelects, Phase::Poisoned, Relaxed) {
                            Ok(_) => return Offered::Poisoned,
                            Err(found) => state = found,
                        }
                    }
                },
                // Whether another receiver comes with the ticket is not known; if one does, it goes on to the next.
                Phase::ReceiverLeaving => match self.make_no_place(place, state) {
                    Ok(()) => return Offered::Poisoned,
                    Err(found) => state = found,
                },
                Phase::Promised => {
                    self.end_promise(place, Phase::Delivered);
                    return Offered::Sent;
                }
                _ => return Offered::Poisoned,
            }
        }
    }

    /// Hands the value over to the receiver that waits in the cell in this state; or the state found, if the cell is no
    /// longer as it was.
    fn hand_over(&self, place: Place<'_, T>, state: State, delivery: Delivery) -> Result<Offered, State> {
        let borrows = Taker::of(state) == Taker::Borrows;
        if borrows && !self.lend(delivery) {
            self.poison_receiver(place);
            return Ok(Offered::Poisoned);
        }
        // Release: publishes the value to the receiver. Acquire: the waiter that this thread takes out is that of the
        // cell's present holder.
        // site: hand-value-to-receiver
        if let Err(found) = place.cell().exchange(state, state.with_phase(Phase::Delivered), AcqRel) {
            if borrows {
                self.end_loan();
            }
            return Err(found);
        }
        // SAFETY: S3: the exchange ended the receiver's wait, from `state`.
        let sleeper = unsafe { take_sleeper(place, RECEIVER, state) };
        self.array.leave(place, SENDER);
        if let Some(sleeper) = sleeper {
            sleeper.unpark(); // site: wake-receiver
        }
        Ok(Offered::Sent)
    }

    /// Poisons the cell of a select that cannot be decided yet: both go for new tickets. Or the state of the cell, if the
    /// select waits by now, or has left.
    pub(in crate::chan) fn poison_select(
        &self,
        place: Place<'_, T>,
        phase: Phase,
        select: &SelectWait,
    ) -> Result<(), State> {
        if !select.poison() {
            return Err(place.cell().load());
        }
        // Relaxed: nothing is handed over.
        place.cell().advance(phase, Phase::Poisoned, Relaxed).map(|_| ())
    }

    /// Poisons the cell of a receiver that has begun and has not come in a moment, for a send that must not wait for it.
    pub(in crate::chan) fn poison_send(&self, place: Place<'_, T>, state: State) -> Result<(), State> {
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
        place.cell().exchange(state, state.with_phase(Phase::Poisoned), Relaxed)
    }

    /// Tells a receiver that waits for the value of a select, which the caller was chosen to send, that the value is
    /// here (`Delivered`) or does not come (`Poisoned`). In the first case the caller leaves the cell.
    pub(in crate::chan) fn end_promise(&self, place: Place<'_, T>, to: Phase) {
        // Release: publishes the value to the receiver, which reads the cell in `receiving_ended` or `collect`. Acquire:
        // the waiter that this thread takes out is here.
        // site: end-promise
        let Ok(state) = place.cell().advance(Phase::Promised, to, AcqRel) else {
            unreachable!("only the sender ends a receiver's wait for what it has promised")
        };
        // SAFETY: S3: the exchange left `Promised`, from `state`; this thread leaves the cell below (S1).
        let sleeper = unsafe { place.aside().end_promise(RECEIVER, state) };
        if to == Phase::Delivered {
            self.array.leave(place, SENDER);
        }
        if let Some(sleeper) = sleeper {
            sleeper.unpark(); // site: wake-promised-receiver
        }
    }
}
