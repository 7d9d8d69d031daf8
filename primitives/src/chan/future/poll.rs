//! Receives and sends of tasks: they wait in a cell as those of threads do, with a waker in place of a thread.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, SENDER, Sleeper, State, Waiter};
use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::late::Promise;
use crate::chan::algorithm::recv::{Accepted, NotReceived, Taker};
use crate::chan::algorithm::send::{Begun, NotSent, Offered, Waited};
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::error::{RecvError, SendError};
use crate::chan::select::case::{Hold, Slot};
use crate::queue::Party;
use core::cell::Cell as Stash;
use core::task::Poll::{Pending, Ready};
use core::task::{Poll, Waker, ready};

/// Lets a task that waits in this phase be woken when somebody ends the wait; ready if somebody has.
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
    // SAFETY: the cell says that the task is awake, and only its owner, the caller, changes that. A thread that ends such
    // a wait leaves the slot alone.
    let old = unsafe { place.aside().take(party) };
    // SAFETY: the task is still awake, so the slot is still the caller's.
    unsafe { place.aside().set(party, Waiter::Plain(Sleeper::Task(fresh))) };
    // site: fall-asleep
    let ended = cell.fall_asleep(awake).is_err();
    // SAFETY: the wait was ended while the cell said that the task is awake, so the slot is ours.
    let fresh = if ended { unsafe { place.aside().take(party) } } else { None };
    old.into_iter().chain(fresh).for_each(Waiter::discard);
    if ended { Ready(()) } else { Pending }
}

impl<T> Chan<T> {
    /// Receives, or waits in a cell, which the slot names then. If a waker panics meanwhile, the next receiver gets
    /// what was received.
    pub(in crate::chan) fn poll_recv(&self, slot: &mut Slot, waker: &Waker) -> Poll<Result<T, RecvError>> {
        if let Some(chan) = self.spec.specified() {
            return self.poll_recv_specified(chan, slot, waker);
        }
        let mut met = false;
        let received = self.receive_or_wait(slot, waker, &mut met);
        if !met || !deferred::end() {
            return received;
        }
        let _held = deferred::hold();
        if let Ready(Ok(value)) = received {
            self.lend(Delivery::Again);
            self.give_back(value, slot.ticket);
        }
        deferred::resume()
    }

    /// `met` becomes true if another operation was met, so that a waker may have been deferred.
    #[inline]
    fn receive_or_wait(&self, slot: &mut Slot, waker: &Waker, met: &mut bool) -> Poll<Result<T, RecvError>> {
        loop {
            let received = if slot.hold == Hold::Waiting {
                *met = true;
                let place = self.receiving(slot);
                ready!(doze(place, RECEIVER, Phase::ReceiverWaits, waker));
                slot.hold = Hold::Nothing;
                self.returns(self.receiving_ended(place))
            } else {
                match self.begin_receive(slot, met) {
                    Some(received) => received,
                    None => continue,
                }
            };
            match received {
                Ok(value) => return Ready(Ok(value)),
                Err(Some(_)) => return Ready(Err(RecvError)),
                Err(None) => (),
            }
        }
    }

    /// Receives with a new ticket; `None`: the slot says where to wait.
    #[inline]
    fn begin_receive(&self, slot: &mut Slot, met: &mut bool) -> Option<Result<T, Option<NotReceived>>> {
        if !self.undelivered.is_empty()
            && let Some((value, ticket)) = self.take_undelivered()
        {
            slot.set(ticket, Hold::Nothing);
            *met = true;
            return Some(Ok(value));
        }
        let Ok((ticket, place)) = self.receive_place(Blocking::FOREVER) else {
            return Some(Err(Some(NotReceived::Closed)));
        };
        slot.ticket = ticket;
        let state = place.cell().load();
        if state.phase() == Phase::Full {
            let value = self.collect_now(place, state);
            *met |= self.expand();
            return Some(Ok(value));
        }
        *met = true;
        self.settle_or_begin_to_receive(place, state, slot)
    }

    /// Receives in the cell of the slot's ticket, which was in this state; `None`: the slot says that it waits there.
    fn settle_or_begin_to_receive(
        &self,
        place: Place<'_, T>,
        mut state: State,
        slot: &mut Slot,
    ) -> Option<Result<T, Option<NotReceived>>> {
        let ticket = slot.ticket;
        loop {
            match self.accept(place, state, ticket, None, Blocking::FOREVER) {
                Accepted::Value => return Some(Ok(self.collect(place, place.cell().load()))),
                Accepted::Poisoned => return Some(Err(None)),
                Accepted::Closed => return Some(Err(Some(NotReceived::Closed))),
                // A task does not stand still for a value that is promised: it waits as for any other.
                Accepted::MustWait(found) | Accepted::Late(Promise { state: found, .. }) => {
                    match self.begin_to_receive(place, found, ticket, Taker::Borrows) {
                        Err(found) => state = found,
                        Ok(None) => return Some(self.returns(self.give_up_receiving(place, ticket, None))),
                        Ok(Some(_)) => {
                            slot.wait_at(ticket, place.anchor());
                            return None;
                        }
                    }
                }
            }
        }
    }

    /// What a task gets that has waited: a value was lent to it, and is its own now.
    fn returns(&self, received: Result<T, Option<NotReceived>>) -> Result<T, Option<NotReceived>> {
        if received.is_ok() {
            self.end_loan();
        }
        received
    }

    /// The task does not wait any longer: a value that has come for it goes to the next receiver.
    #[inline]
    pub(in crate::chan) fn cancel_recv(&self, slot: &mut Slot) {
        if slot.hold == Hold::Waiting {
            self.cancel_recv_that_waits(slot);
        }
    }

    fn cancel_recv_that_waits(&self, slot: &mut Slot) {
        if let Some(chan) = self.spec.specified() {
            return self.cancel_recv_specified(chan, slot);
        }
        let _held = deferred::hold();
        let place = self.receiving(slot);
        slot.hold = Hold::Nothing;
        if let Ok(value) = self.give_up_receiving(place, slot.ticket, Some(NotReceived::Timeout)) {
            self.give_back(value, slot.ticket);
        }
    }

    /// Sends the value in `stash`, or waits with it in a cell, which the slot names then. If a waker panics meanwhile,
    /// the slot says what has happened.
    pub(in crate::chan) fn poll_send(
        &self,
        slot: &mut Slot,
        stash: &Stash<Option<T>>,
        waker: &Waker,
    ) -> Poll<Result<(), SendError<T>>> {
        let mut met = false;
        let sent = if slot.hold == Hold::Happened {
            slot.hold = Hold::Nothing;
            Ready(Ok(()))
        } else if let Some(chan) = self.spec.specified() {
            met = true;
            self.send_or_wait_specified(chan, slot, stash, waker)
        } else {
            self.send_or_wait(slot, stash, waker, &mut met)
        };
        if !met || !deferred::end() {
            return sent;
        }
        match sent {
            Ready(Ok(())) => slot.hold = Hold::Happened,
            Ready(Err(SendError(value))) => stash.set(Some(value)),
            Pending => (),
        }
        deferred::resume()
    }

    /// `met` becomes true if another operation was met, so that a waker may have been deferred.
    #[inline]
    fn send_or_wait(
        &self,
        slot: &mut Slot,
        stash: &Stash<Option<T>>,
        waker: &Waker,
        met: &mut bool,
    ) -> Poll<Result<(), SendError<T>>> {
        loop {
            if slot.hold == Hold::Waiting {
                *met = true;
                let place = self.sending(slot);
                ready!(doze(place, SENDER, Phase::SenderWaits, waker));
                slot.hold = Hold::Nothing;
                return Ready(self.end_send(place, slot.ticket, self.sending_ended(place)));
            }
            let value = stash.take().expect("a send that has not ended has its value");
            let (ticket, place) = match self.find_send_place(Blocking::FOREVER) {
                Ok(found) => found,
                Err(_closed) => return Ready(Err(SendError(value))),
            };
            // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
            unsafe { place.cell().put(value) };
            if self.leave_in_buffer(place, ticket) {
                return Ready(Ok(()));
            }
            *met = true;
            if let Some(sent) = self.settle_or_begin_to_send(place, ticket, slot, stash) {
                return Ready(sent);
            }
        }
    }

    /// Sends the value that is in the cell. `None`: the slot says that the send waits there, or the value is in `stash`
    /// again, to be sent with another ticket.
    fn settle_or_begin_to_send(
        &self,
        place: Place<'_, T>,
        ticket: u64,
        slot: &mut Slot,
        stash: &Stash<Option<T>>,
    ) -> Option<Result<(), SendError<T>>> {
        let mut state = place.cell().load();
        loop {
            match self.offer(place, state, ticket, None, Delivery::First) {
                Offered::Sent => return Some(Ok(())),
                Offered::Poisoned => {
                    // SAFETY: the value was not handed over, so the slot is ours, and full.
                    stash.set(Some(unsafe { place.cell().take() }));
                    self.withdraw_send(place, ticket);
                    return None;
                }
                Offered::MustWait(found) => match self.begin_to_send(place, found, ticket) {
                    Err(found) => state = found,
                    Ok(Begun::Ended(waited)) => return Some(self.end_send(place, ticket, waited)),
                    Ok(Begun::Waits(_)) => {
                        slot.wait_at(ticket, place.anchor());
                        return None;
                    }
                },
            }
        }
    }

    /// Leaves a cell in which the wait has ended.
    fn end_send(&self, place: Place<'_, T>, ticket: u64, waited: Waited) -> Result<(), SendError<T>> {
        let sleeper = match waited {
            Waited::Sent => return Ok(()),
            Waited::Leaving(_, sleeper) => Some(sleeper),
            Waited::Rejected => None,
        };
        // SAFETY: the value was not handed over, so the slot is ours, and full.
        let value = unsafe { place.cell().take() };
        match sleeper {
            Some(sleeper) => {
                self.return_send(place, ticket);
                sleeper.into_iter().for_each(Sleeper::discard);
            }
            None => self.withdraw_send(place, ticket),
        }
        Err(SendError(value))
    }

    /// The task does not wait any longer: the value is dropped, unless it has been sent.
    #[inline]
    pub(in crate::chan) fn cancel_send(&self, slot: &mut Slot, stash: &Stash<Option<T>>) {
        let value = stash.take();
        if slot.hold == Hold::Waiting || value.is_some() {
            stash.set(value);
            self.cancel_send_that_has_not_ended(slot, stash);
        }
    }

    fn cancel_send_that_has_not_ended(&self, slot: &mut Slot, stash: &Stash<Option<T>>) {
        if let Some(chan) = self.spec.specified() {
            return self.cancel_send_specified(chan, slot, stash);
        }
        let mut value = stash.take();
        let _held = deferred::hold();
        if slot.hold == Hold::Waiting {
            let place = self.sending(slot);
            slot.hold = Hold::Nothing;
            let waited = self.stop_sending(place, Phase::SenderLeaving, NotSent::NoRoom);
            value = self.end_send(place, slot.ticket, waited).err().map(|SendError(value)| value);
        }
        deferred::protect(|| drop(value));
    }
}
