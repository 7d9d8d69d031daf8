//! Receives and sends of tasks: they wait in a cell as those of threads do, with a waker in place of a thread.
//!
//! A poll that need not wait touches nothing of its future but the stage. What else there is to do is in functions of
//! their own.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, SENDER, Sleeper, State, Waiter};
use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::late::Promise;
use crate::chan::algorithm::recv::{Accepted, NotReceived, Taker};
use crate::chan::algorithm::send::{Begun, NotSent, Offered};
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::error::{RecvError, SendError};
use crate::chan::future::stage::{Receiving, Sending};
use crate::chan::select::case::{Hold, Slot};
use crate::queue::Party;
use crate::rt::hint;
use core::mem;
use core::task::Poll::{Pending, Ready};
use core::task::{Poll, Waker, ready};

/// Lets a task that has waited in this phase before be woken when somebody ends the wait; ready if somebody has.
fn doze<T>(place: Place<'_, T>, party: Party, phase: Phase, waker: &Waker) -> Poll<()> {
    let cell = place.cell();
    if cell.load().phase() != phase {
        return Ready(());
    }
    let fresh = deferred::in_between(|| waker.clone());
    // site: rouse
    let Ok(awake) = cell.rouse(phase) else {
        deferred::discard(fresh);
        return Ready(());
    };
    // SAFETY: S4: the cell says that the task is awake, and only the caller, its owner, changes that.
    let old = unsafe { place.aside().take(party) };
    let dozes = doze_with(place, party, awake, fresh);
    old.into_iter().for_each(Waiter::discard);
    dozes
}

/// Lets a task that begins to wait, in this state, be woken when somebody ends the wait; ready if somebody has.
fn begin_to_doze<T>(place: Place<'_, T>, party: Party, waits: State, waker: &Waker) -> Poll<()> {
    doze_with(place, party, waits, deferred::in_between(|| waker.clone()))
}

/// Leaves this waker in the cell, which says that the task waits awake.
fn doze_with<T>(place: Place<'_, T>, party: Party, awake: State, waker: Waker) -> Poll<()> {
    // SAFETY: S4: the cell says that the task is awake, so the slot is the caller's.
    unsafe { place.aside().set(party, Waiter::Plain(Sleeper::Task(waker))) };
    // site: fall-asleep
    if place.cell().fall_asleep(awake).is_ok() {
        return Pending;
    }
    // SAFETY: S3: the wait was ended while the cell said that the task is awake, so the slot is still the caller's.
    unsafe { place.aside().take(party) }.into_iter().for_each(Waiter::discard);
    Ready(())
}

/// Returns the value of a send that waited in vain: a task's send fails only because of a close.
fn unsent<T>((value, _): (T, NotSent)) -> SendError<T> {
    SendError(value)
}

/// A cell that a receive has found, without a value, in this state.
type Found<'a, T> = (u64, Place<'a, T>, State);

impl<T> Chan<T> {
    /// Receives, or waits in a cell. If a waker panics meanwhile, the next receiver gets what was received.
    #[inline]
    pub(in crate::chan) fn poll_recv(
        &self,
        receiving: &mut Receiving,
        waker: &Waker,
    ) -> Poll<Result<T, RecvError>> {
        if self.spec.specified().is_some()
            || matches!(receiving, Receiving::Begun(_))
            || !self.undelivered.is_empty()
        {
            return self.go_on_receiving(receiving, waker, None);
        }
        let Ok((ticket, place)) = self.receive_place(Blocking::FOREVER) else {
            *receiving = Receiving::Ended;
            return Ready(Err(RecvError));
        };
        let state = place.cell().load();
        if state.phase() != Phase::Full {
            return self.go_on_receiving(receiving, waker, Some((ticket, place, state)));
        }
        let value = self.collect(place, state);
        let value = if self.expand() { self.received_by(ticket, value) } else { value };
        *receiving = Receiving::Ended;
        Ready(Ok(value))
    }

    /// Goes on with a receive that has begun, or begins in the cell that has been found.
    #[inline(never)]
    fn go_on_receiving(
        &self,
        receiving: &mut Receiving,
        waker: &Waker,
        found: Option<Found<'_, T>>,
    ) -> Poll<Result<T, RecvError>> {
        let slot = receiving.slot();
        let received = if let Some(chan) = self.spec.specified() {
            ready!(self.poll_recv_specified(chan, slot, waker))
        } else {
            let received = self.receive_or_wait(slot, waker, found);
            if deferred::end() {
                let _held = deferred::hold();
                if let Ready(Ok(value)) = received {
                    self.lend(Delivery::Again);
                    self.give_back(value, slot.ticket);
                }
                deferred::resume();
            }
            ready!(received)
        };
        *receiving = Receiving::Ended;
        Ready(received)
    }

    fn receive_or_wait(
        &self,
        slot: &mut Slot,
        waker: &Waker,
        mut found: Option<Found<'_, T>>,
    ) -> Poll<Result<T, RecvError>> {
        loop {
            let received = if slot.hold == Hold::Waiting {
                let place = self.receiving(slot);
                ready!(doze(place, RECEIVER, Phase::ReceiverWaits, waker));
                self.end_wait(place, slot)
            } else {
                ready!(self.begin_receive(slot, found.take(), waker))
            };
            match received {
                Ok(value) => return Ready(Ok(value)),
                Err(Some(_)) => return Ready(Err(RecvError)),
                Err(None) => hint::retry(),
            }
        }
    }

    /// Receives in a cell that has been found, or with a new ticket; or waits in the cell that the slot names then.
    fn begin_receive(
        &self,
        slot: &mut Slot,
        found: Option<Found<'_, T>>,
        waker: &Waker,
    ) -> Poll<Result<T, Option<NotReceived>>> {
        if let Some((ticket, place, state)) = found {
            return self.settle_or_begin_to_receive(place, state, ticket, slot, waker);
        }
        if !self.undelivered.is_empty()
            && let Some((value, ticket)) = self.take_undelivered()
        {
            slot.set(ticket, Hold::Nothing);
            return Ready(Ok(value));
        }
        let Ok((ticket, place)) = self.receive_place(Blocking::FOREVER) else {
            return Ready(Err(Some(NotReceived::Closed)));
        };
        self.settle_or_begin_to_receive(place, place.cell().load(), ticket, slot, waker)
    }

    /// Receives in the cell of a ticket, which was in this state, or waits there.
    fn settle_or_begin_to_receive(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        slot: &mut Slot,
        waker: &Waker,
    ) -> Poll<Result<T, Option<NotReceived>>> {
        slot.ticket = ticket;
        loop {
            match self.accept(place, state, ticket, None, Blocking::FOREVER) {
                Accepted::Value => return Ready(Ok(self.collect(place, place.cell().load()))),
                Accepted::Poisoned => return Ready(Err(None)),
                Accepted::Closed => return Ready(Err(Some(NotReceived::Closed))),
                // A task does not stand still for a value that is promised: it waits as for any other.
                Accepted::MustWait(found) | Accepted::Late(Promise { state: found, .. }) => {
                    match self.begin_to_receive(place, found, ticket, Taker::Borrows) {
                        Err(found) => state = found,
                        Ok(None) => return Ready(self.returns(self.give_up_receiving(place, ticket, None))),
                        Ok(Some(waits)) => {
                            slot.wait_at(ticket, place.anchor());
                            ready!(begin_to_doze(place, RECEIVER, waits, waker));
                            return Ready(self.end_wait(place, slot));
                        }
                    }
                }
            }
        }
    }

    /// Leaves the cell of the slot, in which the wait has ended.
    fn end_wait(&self, place: Place<'_, T>, slot: &mut Slot) -> Result<T, Option<NotReceived>> {
        slot.hold = Hold::Nothing;
        self.returns(self.receiving_ended(place))
    }

    /// What a task gets that has waited: a value was lent to it, and is its own now.
    fn returns(&self, received: Result<T, Option<NotReceived>>) -> Result<T, Option<NotReceived>> {
        if received.is_ok() {
            self.end_loan();
        }
        received
    }

    /// The task does not wait any longer: a value that has come for it goes to the next receiver.
    pub(in crate::chan) fn cancel_recv(&self, slot: &mut Slot) {
        if let Some(chan) = self.spec.specified() {
            return self.cancel_recv_specified(chan, slot);
        }
        if slot.hold != Hold::Waiting {
            return;
        }
        let _held = deferred::hold();
        let place = self.receiving(slot);
        slot.hold = Hold::Nothing;
        if let Ok(value) = self.give_up_receiving(place, slot.ticket, Some(NotReceived::Timeout)) {
            self.give_back(value, slot.ticket);
        }
    }

    /// Sends the value that is in `sending`, or waits with it in a cell. If a waker panics meanwhile, `sending` says what
    /// has happened.
    #[inline]
    pub(in crate::chan) fn poll_send(
        &self,
        sending: &mut Sending<T>,
        waker: &Waker,
    ) -> Poll<Result<(), SendError<T>>> {
        if self.spec.specified().is_some() || !matches!(sending, Sending::Holds(_)) {
            return self.go_on_sending(sending, waker);
        }
        let Sending::Holds(value) = mem::replace(sending, Sending::Ended) else {
            unreachable!("it holds its value")
        };
        let (ticket, place) = match self.send_place(Blocking::FOREVER) {
            Ok(found) => found,
            Err(_closed) => return Ready(Err(SendError(value))),
        };
        // SAFETY: S2: this send has the ticket, and the slot is empty.
        unsafe { place.cell().put(value) };
        if self.leave_in_buffer(place, ticket) {
            return Ready(Ok(()));
        }
        self.go_on_from(sending, waker, place, ticket)
    }

    /// Goes on with a send that has been polled before.
    #[inline(never)]
    fn go_on_sending(&self, sending: &mut Sending<T>, waker: &Waker) -> Poll<Result<(), SendError<T>>> {
        if let Sending::Sent = sending {
            *sending = Sending::Ended;
            return Ready(Ok(()));
        }
        if let Some(chan) = self.spec.specified() {
            return Self::unless_a_waker_panics(sending, |sending| {
                self.send_or_wait_specified(chan, sending, waker)
            });
        }
        Self::unless_a_waker_panics(sending, |sending| self.send_or_wait(sending, waker))
    }

    /// Goes on with a send whose value is in the cell.
    #[inline(never)]
    fn go_on_from(
        &self,
        sending: &mut Sending<T>,
        waker: &Waker,
        place: Place<'_, T>,
        ticket: u64,
    ) -> Poll<Result<(), SendError<T>>> {
        Self::unless_a_waker_panics(sending, |sending| {
            self.settle_or_begin_to_send(place, ticket, sending, waker).unwrap_or_else(|| {
                hint::retry();
                self.send_or_wait(sending, waker)
            })
        })
    }

    /// Returns what `send` returns; or resumes a panic of a waker, and keeps in `sending` what was to be returned.
    fn unless_a_waker_panics(
        sending: &mut Sending<T>,
        send: impl FnOnce(&mut Sending<T>) -> Poll<Result<(), SendError<T>>>,
    ) -> Poll<Result<(), SendError<T>>> {
        let sent = send(sending);
        if !deferred::end() {
            return sent;
        }
        match sent {
            Ready(Ok(())) => *sending = Sending::Sent,
            Ready(Err(SendError(value))) => *sending = Sending::Holds(value),
            Pending => (),
        }
        deferred::resume()
    }

    fn send_or_wait(&self, sending: &mut Sending<T>, waker: &Waker) -> Poll<Result<(), SendError<T>>> {
        loop {
            if let Sending::Waits(slot) = sending {
                let (place, ticket) = (self.sending(slot), slot.ticket);
                ready!(doze(place, SENDER, Phase::SenderWaits, waker));
                return Ready(self.end_wait_to_send(place, ticket, sending));
            }
            let Sending::Holds(value) = mem::replace(sending, Sending::Ended) else {
                unreachable!("a send that has not ended has its value")
            };
            let (ticket, place) = match self.send_place(Blocking::FOREVER) {
                Ok(found) => found,
                Err(_closed) => return Ready(Err(SendError(value))),
            };
            // SAFETY: S2: this send has the ticket, and the slot is empty.
            unsafe { place.cell().put(value) };
            if self.leave_in_buffer(place, ticket) {
                return Ready(Ok(()));
            }
            if let Some(sent) = self.settle_or_begin_to_send(place, ticket, sending, waker) {
                return sent;
            }
            hint::retry();
        }
    }

    /// Sends the value that is in the cell, or waits there. `None`: `sending` has the value again, to be sent with
    /// another ticket.
    fn settle_or_begin_to_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        sending: &mut Sending<T>,
        waker: &Waker,
    ) -> Option<Poll<Result<(), SendError<T>>>> {
        let mut state = place.cell().load();
        loop {
            match self.offer(place, state, ticket, None, Delivery::First) {
                Offered::Sent => return Some(Ready(Ok(()))),
                Offered::Poisoned => {
                    *sending = Sending::Holds(self.take_back(place, ticket));
                    return None;
                }
                Offered::MustWait(found) => match self.begin_to_send(place, found, ticket) {
                    Err(found) => state = found,
                    Ok(Begun::Ended(waited)) => {
                        return Some(Ready(self.end_send(place, ticket, waited).map_err(unsent)));
                    }
                    Ok(Begun::Waits(waits)) => {
                        *sending = Sending::Waits(Slot::waiting_at(ticket, place.anchor()));
                        if begin_to_doze(place, SENDER, waits, waker).is_pending() {
                            return Some(Pending);
                        }
                        return Some(Ready(self.end_wait_to_send(place, ticket, sending)));
                    }
                },
            }
        }
    }

    /// Leaves the cell of a send that has waited, in which the wait has ended.
    fn end_wait_to_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        sending: &mut Sending<T>,
    ) -> Result<(), SendError<T>> {
        *sending = Sending::Ended;
        self.end_send(place, ticket, self.sending_ended(place)).map_err(unsent)
    }

    /// The task does not wait any longer: the value is dropped, unless it has been sent.
    #[inline]
    pub(in crate::chan) fn cancel_send(&self, sending: &mut Sending<T>) {
        if let Sending::Holds(_) | Sending::Waits(_) = sending {
            self.cancel_send_that_has_not_ended(sending);
        }
    }

    #[inline(never)]
    fn cancel_send_that_has_not_ended(&self, sending: &mut Sending<T>) {
        let _held = deferred::hold();
        let value = match mem::replace(sending, Sending::Ended) {
            Sending::Holds(value) => Some(value),
            Sending::Waits(slot) => match self.spec.specified() {
                Some(chan) => self.cancel_send_specified(chan, &slot),
                None => {
                    let place = self.sending(&slot);
                    let waited = self.give_up_sending(place, NotSent::NoRoom);
                    self.end_send(place, slot.ticket, waited).err().map(|(value, _)| value)
                }
            },
            Sending::Sent | Sending::Ended => None,
        };
        deferred::protect(|| drop(value));
    }
}
