//! Sending.

use crate::chan::algorithm::cell::{
    Meeting, Phase, Place, RECEIVER, SENDER, Sleeper, State, leave_by, meet_another, sleep,
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
enum Unsent {
    /// The send fails.
    For(NotSent),
    /// Another ticket may serve.
    Poisoned,
    /// A send in flight may abort: the send must take a ticket as one that waits does, to find out.
    Undetermined,
}

/// What became of a value that was offered in its cell.
pub(in crate::chan) enum Offered {
    /// It is in other hands; we have left the cell.
    Sent,
    /// The cell is of no use; the value is still ours.
    Poisoned,
    /// There is no place: wait here, in a cell in this state, or break it.
    MustWait(State),
}

/// How a send that failed leaves its cell.
enum Exit {
    /// As the cell's phase says.
    Withdraw,
    /// The cell says that its sender is leaving: the ticket goes back if it is the last.
    ReturnTicket,
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
    /// The value is still ours, and the cell says that we are leaving. The sleeper is to be dropped once we have left.
    Leaving(NotSent, Option<Sleeper>),
    /// The value is still ours: the channel was closed.
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

    /// Sends a value with one ticket. Inlined into both of its callers, so that a send that need not wait has the value in
    /// its hands all the time.
    #[inline(always)]
    fn send_once(&self, value: T, blocking: Blocking) -> Result<(), (T, Unsent)> {
        let (ticket, place) = match self.find_send_place(blocking) {
            Ok(found) => found,
            Err(NoTicket::Closed) => return Err((value, Unsent::For(NotSent::Closed))),
            Err(NoTicket::WouldBlock) => return Err((value, Unsent::For(NotSent::NoRoom))),
            Err(NoTicket::Undetermined) => return Err((value, Unsent::Undetermined)),
        };
        // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
        unsafe { place.cell().put(value) };
        if self.leave_in_buffer(place, ticket) {
            return Ok(());
        }
        deferred::settle_with(self.settle_send(place, ticket, blocking))
            .map_err(|(value, why)| (value, why.map_or(Unsent::Poisoned, Unsent::For)))
    }

    /// Leaves the value that is in the cell in the buffer, and the cell, if the ticket has its place and no receiver has come
    /// to the cell yet. No waker is deferred by that.
    #[inline(always)]
    pub(in crate::chan) fn leave_in_buffer(&self, place: Place<'_, T>, ticket: u64) -> bool {
        if !self.has_place(ticket) {
            return false;
        }
        let full = State::new(Phase::Full).with_left(SENDER);
        // Release: publishes the value to the receiver whose Acquire `load` reads Full. SeqCst: an observer joins the list
        // and then looks at the channel (`Observers`). Not model-checked: an observer looks at the tickets, which are
        // SeqCst too.
        // site: publish-value
        let left = leave_by(place, State::new(Phase::Empty), full, SeqCst).is_ok();
        if left {
            self.observers.notify();
        }
        left
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

    /// Takes a ticket to send with, and finds its cell, which the caller leaves in the end; unless that would wait and
    /// the caller may not.
    #[inline]
    pub(in crate::chan) fn send_place(&self, blocking: Blocking) -> Result<(u64, Place<'_, T>), NoTicket> {
        self.find_send_place(blocking)
    }

    /// As [`send_place`](Self::send_place). Inlined: as a function of its own it hands the place over through memory, and
    /// a send that need not wait takes a tenth longer.
    #[inline(always)]
    pub(in crate::chan) fn find_send_place(
        &self,
        blocking: Blocking,
    ) -> Result<(u64, Place<'_, T>), NoTicket> {
        loop {
            let ticket = self.send_ticket(blocking)?;
            // SAFETY: `send_ticket` gave the ticket to this send alone, which has not left its cell.
            match unsafe { self.array.locate(SENDER, ticket) } {
                Ok(place) => return Ok((ticket, place)),
                // It was that of a receiver that gave up, as are those up to the next.
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

    /// Whether a sender with this ticket need not wait: it has its place in the buffer.
    #[inline]
    pub(in crate::chan) fn has_place(&self, ticket: u64) -> bool {
        match self.capacity() {
            // A receiver may give its ticket back before it has come to the cell.
            Capacity::Rendezvous => false,
            Capacity::Unbounded => true,
            // Acquire: pairs with the Release below: the receives that made this place happen before the send
            // that uses it completes.
            Capacity::Bounded(capacity) => {
                ticket < self.senders.known_end.load(Acquire) || self.has_new_place(ticket, capacity as u64)
            }
        }
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

    fn has_new_place(&self, ticket: u64, capacity: u64) -> bool {
        let end = self.newest_end(capacity);
        // A place that may be there only because of a receive after the close comes too late for a send.
        if self.sent().is_closed() {
            return false;
        }
        if ticket + 1 < end {
            // Release: passes on what the loads above have acquired. Not worth it for this place alone.
            self.senders.known_end.fetch_max(end, Release); // site: raise-known-end
        }
        ticket < end
    }

    /// Remembers that a send with this ticket has its place, also after a close. Release: publishes the receives that
    /// made the place to the Acquire in `has_place`.
    #[inline]
    pub(in crate::chan) fn knows_place(&self, ticket: u64) {
        // Relaxed: to see that it is remembered already.
        if self.senders.known_end.load(Relaxed) <= ticket {
            // Release: publishes the receives that made the place to the Acquire in `has_place`. Not model-checked:
            // only earlier senders that read `known_end` need this edge, and no model covers them.
            self.senders.known_end.fetch_max(ticket + 1, Release);
        }
    }

    /// Sends the value that is in the cell; or gives it back, with a reason or to be sent with another ticket.
    pub(in crate::chan) fn settle_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        blocking: Blocking,
    ) -> Result<(), (T, Option<NotSent>)> {
        self.owner().check("a channel");
        let mut state = place.cell().load();
        let (why, exit) = loop {
            state = match self.offer(place, state, ticket, None, Delivery::First) {
                Offered::Sent => return Ok(()),
                Offered::Poisoned => break (None, Exit::Withdraw),
                Offered::MustWait(state) => match blocking {
                    Blocking::Never => match self.poison_send(place, state) {
                        Ok(()) => break (Some(NotSent::NoRoom), Exit::Withdraw),
                        Err(found) => found,
                    },
                    Blocking::Until(deadline) => match self.wait_to_send(place, state, ticket, deadline) {
                        Ok(Waited::Sent) => return Ok(()),
                        Ok(Waited::Leaving(why, _thread)) => break (Some(why), Exit::ReturnTicket),
                        Ok(Waited::Rejected) => break (Some(NotSent::Closed), Exit::Withdraw),
                        Err(found) => found,
                    },
                },
            };
        };
        // SAFETY: the value was not handed over, so the slot is ours, and full.
        let value = unsafe { place.cell().take() };
        match exit {
            Exit::Withdraw => self.withdraw_send(place, ticket),
            Exit::ReturnTicket => self.return_send(place, ticket),
        }
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
                    // Release: publishes the value to the receiver whose Acquire `load` reads Full. SeqCst: for
                    // observers, as in `send`. Not model-checked: an observer looks at the tickets, which are SeqCst
                    // too.
                    match leave_by(place, state, to, SeqCst) {
                        // Not finished by this: the receiver has not left.
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
                // SAFETY: this operation has not left the cell, so its segment is alive.
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
                Phase::ReceiverLeaving => match self.skip_receiver(place, state) {
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

    /// Tells a receiver that waits for the value of a select, which the caller was chosen to send, that the value is
    /// here (`Delivered`) or does not come (`Poisoned`). In the first case the caller leaves the cell.
    pub(in crate::chan) fn end_promise(&self, place: Place<'_, T>, to: Phase) {
        // Release: publishes the value to the receiver, which reads the cell in `receiving_ended` or `collect`. Acquire:
        // the waiter that this thread takes out is here.
        // site: end-promise
        let Ok(state) = place.cell().advance(Phase::Promised, to, AcqRel) else {
            unreachable!("only the sender ends a receiver's wait for what it has promised")
        };
        // SAFETY: the exchange moved the cell out of `Promised` from `state`, so this thread ended the wait; it leaves below.
        let sleeper = unsafe { place.aside().end_promise(RECEIVER, state) };
        if to == Phase::Delivered {
            self.array.leave(place, SENDER);
        }
        if let Some(sleeper) = sleeper {
            sleeper.unpark(); // site: wake-promised-receiver
        }
    }

    /// Hands the value over to the receiver that waits in the cell in this state; or the state found.
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
        // SAFETY: the exchange moved the cell out of its waiting phase, and gave the `state` found there; only one
        // thread's exchange can, so this one ended the wait.
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
    pub(in crate::chan) fn skip_receiver(&self, place: Place<'_, T>, state: State) -> Result<(), State> {
        self.make_no_place(place, state)
    }

    /// Breaks the cell of a select that cannot be decided yet: it goes for new tickets, as we do. Or the state of the
    /// cell, if the select waits by now, or has left.
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

    /// For a send that may not wait and has the ticket of a receiver that is under way: gives it a moment to
    /// come, then poisons the cell.
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

    /// Waits in the cell; or the state found there, if it is no longer as it was.
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
            return Ok(self.stop_sending(place, Phase::SenderLeaving, NotSent::NoRoom));
        }
        let cell = place.cell();
        let parker = Parker::for_wait_of(Why::Send, || Some(self.owner()));
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
            // The deadline has passed, so this only looks whether a receiver has ended the wait. If user code has waited
            // meanwhile and has got the wake-up (K1 of `task`), the state of the cell still tells that the wait has ended.
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
        // of the buffer and not seen this sender, then it sees that.
        if let Err(found) = place.cell().exchange(state, waits, SeqCst) {
            self.remove_behind();
            return Err(found);
        }
        if self.sent().is_closed() {
            let waited = self.stop_sending(place, Phase::SenderLeaving, NotSent::Closed);
            return Ok(Begun::Ended(waited));
        }
        self.observers.notify();
        if self.has_place(ticket) {
            return Ok(Begun::Ended(self.stop_sending(place, Phase::Full, NotSent::NoRoom)));
        }
        Ok(Begun::Waits(waits))
    }

    /// Ends our own wait: because there is a place after all (`Full`), or because we give up.
    pub(in crate::chan) fn stop_sending(&self, place: Place<'_, T>, to: Phase, why: NotSent) -> Waited {
        // Relaxed: the value was published when we began to wait, and a read-modify-write passes that on.
        match place.cell().advance(Phase::SenderWaits, to, Relaxed) {
            Err(_) => self.sending_ended(place),
            Ok(state) => {
                // SAFETY: the exchange moved the cell out of its waiting phase, and gave the `state` found there; only one
                // thread's exchange can, so this one ended the wait.
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
}
