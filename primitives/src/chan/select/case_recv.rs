//! A receive as a case of a select.

use super::case::{Hold, Look, Progress, Round, Slot};
use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, State, Waiter};
use crate::chan::algorithm::chan::{Blocking, Chan, NoTicket};
use crate::chan::algorithm::late::{Came, Promise};
use crate::chan::algorithm::recv::Accepted;
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::error::RecvError;
use crate::chan::select::state::{Cause, SelectWait};
use crate::rt::alloc::TrackedBox;
use crate::rt::hint;
use crate::rt::sync::atomic::Ordering::SeqCst;
use crate::rt::thread::yield_now;
use core::ptr::with_exposed_provenance_mut;

/// A value that a case of a select holds, which does not know its type.
struct Held<T> {
    value: T,
    ticket: u64,
}

impl<T> Chan<T> {
    /// The cell of a case that holds one.
    pub(in crate::chan) fn receiving(&self, slot: &Slot) -> Place<'_, T> {
        debug_assert!(slot.hold != Hold::Nothing && slot.hold != Hold::Closed, "the case holds no cell");
        // SAFETY: S1: the case has this ticket, and has not left its cell.
        unsafe { self.array.again(slot.ticket, slot.anchor) }
    }

    /// Receives, for a select, if that need not wait. Most cases of a select find nothing, and that calls no function.
    #[inline]
    pub(in crate::chan) fn attempt_recv(&self, slot: &mut Slot) -> Progress {
        if self.finds_nothing() {
            slot.hold = Hold::Nothing;
            return Progress::NotYet;
        }
        self.attempt_recv_of_some(slot)
    }

    /// Returns whether the channel is open and empty, and no value has come back.
    #[inline]
    fn finds_nothing(&self) -> bool {
        // SeqCst, twice (C1): `received` is read first, so the channel is empty when `sent` is read, if `received` has
        // reached it. Not model-checked: C1.
        let received = self.received();
        let sent = self.sent();
        received >= sent.ticket() && !sent.is_closed() && self.undelivered.is_empty()
    }

    /// Receives, for a select, if that need not wait.
    #[inline(never)]
    fn attempt_recv_of_some(&self, slot: &mut Slot) -> Progress {
        if !self.undelivered.is_empty() && self.hold_undelivered(slot) {
            return Progress::Happened;
        }
        loop {
            let (ticket, place) = match self.receive_place(Blocking::Never) {
                Ok(found) => found,
                Err(NoTicket::WouldBlock | NoTicket::Undetermined) => {
                    slot.hold = Hold::Nothing;
                    return Progress::NotYet;
                }
                Err(NoTicket::Closed) => {
                    slot.set(0, Hold::Closed);
                    return Progress::Happened;
                }
            };
            slot.wait_at(ticket, place.anchor());
            let mut state = place.cell().load();
            loop {
                match self.accept(place, state, ticket, None, Blocking::FOREVER) {
                    Accepted::Value => slot.hold = Hold::Happened,
                    Accepted::Closed => slot.hold = Hold::Closed,
                    Accepted::Poisoned => break,
                    Accepted::Late(promise) => {
                        match self.accept_late(place, promise, ticket, Blocking::Never) {
                            Ok(Came::Value) => slot.hold = Hold::Happened,
                            Ok(Came::Nothing) => break,
                            Ok(Came::Own) => {
                                slot.hold = Hold::Nothing;
                                return Progress::NotYet;
                            }
                            Err(found) => {
                                state = found;
                                continue;
                            }
                        }
                    }
                    Accepted::MustWait(found) => match self.stop_receiving(place, found, ticket) {
                        Ok(()) => {
                            slot.hold = Hold::Nothing;
                            return Progress::NotYet;
                        }
                        Err(found) => {
                            state = found;
                            continue;
                        }
                    },
                }
                return Progress::Happened;
            }
            hint::retry();
        }
    }

    /// Waits in a cell as a case of a select, unless the receive can happen now.
    pub(in crate::chan) fn register_recv(
        &self,
        slot: &mut Slot,
        select: &SelectWait,
        case: usize,
    ) -> Progress {
        loop {
            let Ok((ticket, place)) = self.receive_place(Blocking::FOREVER) else {
                slot.set(0, Hold::Closed);
                return Progress::Happened;
            };
            slot.wait_at(ticket, place.anchor());
            let mut state = place.cell().load();
            loop {
                let went_on = match self.accept(place, state, ticket, Some(select), Blocking::FOREVER) {
                    Accepted::Value => {
                        slot.hold = Hold::Happened;
                        return Progress::Happened;
                    }
                    Accepted::Closed => {
                        slot.hold = Hold::Closed;
                        return Progress::Happened;
                    }
                    Accepted::Poisoned => {
                        // Two selects that register at the same time can poison each other's cells: this lets one of them
                        // through.
                        yield_now();
                        break;
                    }
                    Accepted::Late(Promise { is_own: true, .. }) => self.poison_sender(place).map(|()| None),
                    Accepted::Late(Promise { state: late, .. }) => {
                        let waits = self.select_for_late(place, late, select, case);
                        waits.map(|()| Some(Progress::Happened))
                    }
                    Accepted::MustWait(found) => {
                        let waits = self.select_to_receive(place, found, ticket, select, case);
                        waits.map(|()| Some(Progress::NotYet))
                    }
                };
                match went_on {
                    Ok(Some(progress)) => return progress,
                    Ok(None) => break,
                    Err(found) => state = found,
                }
            }
            hint::retry();
        }
    }

    /// Waits in the cell as a case of a select, for the value of a late send that was chosen there; or the state found,
    /// if the cell is no longer as it was.
    fn select_for_late(
        &self,
        place: Place<'_, T>,
        late: State,
        select: &SelectWait,
        case: usize,
    ) -> Result<(), State> {
        let waiter = Waiter::Select { select: select.clone(), case };
        // SAFETY: S4: the cell does not say yet that its receiver, this select, waits.
        unsafe { place.aside().set(RECEIVER, waiter) };
        self.await_late(place, late, late.asleep()).inspect_err(|_| {
            // SAFETY: S4: the exchange failed, so the cell has not come to say that this select waits here.
            drop(unsafe { place.aside().take(RECEIVER) });
        })
    }

    /// Waits in the cell as a case of a select; or the state found, if the cell is no longer as it was.
    fn select_to_receive(
        &self,
        place: Place<'_, T>,
        found: State,
        ticket: u64,
        select: &SelectWait,
        case: usize,
    ) -> Result<(), State> {
        let waiter = Waiter::Select { select: select.clone(), case };
        // SAFETY: S4: the cell does not say yet that its receiver, this select, waits.
        unsafe { place.aside().set(RECEIVER, waiter) };
        let selects = found.afresh().with_phase(Phase::ReceiverSelects);
        // Release: publishes the select state to the Acquire in `see`. SeqCst: `close` and observers look at the cell
        // before or after it (`SelectWait::stage`, C3). Not model-checked: no model has both meet.
        if let Err(found) = place.cell().exchange(found, selects, SeqCst) {
            // SAFETY: S4: the exchange failed, so the cell has not come to say that this select waits here.
            drop(unsafe { place.aside().take(RECEIVER) });
            return Err(found);
        }
        self.expand_unless_left(found);
        self.observers.notify();
        if self.may_be_left_alone(found, ticket) {
            select.poison();
        }
        Ok(())
    }

    /// Looks again at a case that waits.
    pub(in crate::chan) fn look_recv(&self, slot: &mut Slot, round: Round) -> Look {
        // A value that comes back later is given to the receivers that wait.
        if round == Round::First && (!self.undelivered.is_empty() || self.is_over(self.sent())) {
            return Look::Over;
        }
        let place = self.receiving(slot);
        // SeqCst: `close` marks the cell of a select that is registering, and reads its select state after that. Not
        // model-checked: no model relies on it within the audit's bounds.
        match place.cell().look().phase() {
            Phase::Closed => Look::Closed,
            _ => Look::Waits,
        }
    }

    /// Whether the sender that decided the select is to bring its value yet.
    pub(in crate::chan) fn is_promised(&self, slot: &Slot) -> bool {
        slot.hold == Hold::Waiting && self.receiving(slot).cell().load().phase() == Phase::Promised
    }

    /// Completes the case for which the select state has been committed.
    pub(in crate::chan) fn chosen_recv(&self, slot: &mut Slot, cause: Cause) -> Progress {
        if cause == Cause::Operation {
            let place = self.receiving(slot);
            if place.cell().load().phase() != Phase::Poisoned {
                slot.hold = Hold::Happened;
                return Progress::Happened;
            }
            // The promised value has not come.
            self.array.leave(place, RECEIVER);
            slot.hold = Hold::Nothing;
            return Progress::NotYet;
        }
        self.withdraw_recv(slot);
        slot.hold = Hold::Closed;
        Progress::Happened
    }

    /// Gives up a case: leaves its cell, or gives back what the case has received.
    pub(in crate::chan) fn withdraw_recv(&self, slot: &mut Slot) {
        if let Some(chan) = self.spec.specified() {
            return self.withdraw_recv_specified(chan, slot);
        }
        match slot.hold {
            Hold::Waiting => self.withdraw_receive(self.receiving(slot), slot.ticket),
            _ => {
                let is_lent = slot.hold != Hold::Happened;
                if let Some((value, ticket)) = self.take_held(slot) {
                    if !is_lent {
                        self.lend(Delivery::Again);
                    }
                    self.give_back(value, ticket);
                }
            }
        }
        slot.hold = Hold::Nothing;
    }

    /// The value that the case has received, with the ticket of the receive. If it is on loan it is still.
    fn take_held(&self, slot: &mut Slot) -> Option<(T, u64)> {
        let held = match slot.hold {
            Hold::Happened | Hold::Lent => {
                let place = self.receiving(slot);
                Some((self.collect(place, place.cell().load()), slot.ticket))
            }
            Hold::Undelivered => Some(self.held_undelivered(slot)),
            _ => None,
        };
        slot.hold = Hold::Nothing;
        held
    }

    /// Notes that what the case has received may come back, as long as the select's user has the operation.
    pub(in crate::chan) fn lend_recv(&self, slot: &mut Slot) {
        if slot.hold == Hold::Happened {
            // As specified a value that is given back was on loan in that step.
            if self.spec.specified().is_none() {
                self.lend(Delivery::Again);
            }
            slot.hold = Hold::Lent;
        }
    }

    /// Takes what has happened.
    pub(in crate::chan) fn finish_recv(&self, slot: &mut Slot) -> Result<T, RecvError> {
        if let Some(chan) = self.spec.specified() {
            return self.finish_recv_specified(chan, slot);
        }
        let is_lent = slot.hold != Hold::Happened;
        let (value, ticket) = self.take_held(slot).ok_or(RecvError)?;
        if !is_lent {
            return Ok(value);
        }
        self.end_loan();
        Ok(self.received_by(ticket, value))
    }

    /// Takes a value that has come back for a case of a select, which does not know the type of the value; it stays on
    /// loan.
    /// `false`: there is none.
    #[cold]
    fn hold_undelivered(&self, slot: &mut Slot) -> bool {
        let Some((value, ticket)) = self.undelivered.take() else { return false };
        let held = TrackedBox::into_raw(TrackedBox::new(Held { value, ticket }));
        slot.set(held.expose_provenance() as u64, Hold::Undelivered);
        true
    }

    /// The value that the case holds, with the ticket of the receive that had it; it is still on loan.
    fn held_undelivered(&self, slot: &Slot) -> (T, u64) {
        debug_assert!(slot.hold == Hold::Undelivered, "the case holds a value that came back");
        let held: *mut Held<T> = with_exposed_provenance_mut(slot.ticket as usize);
        // SAFETY: the pointer is from `hold_undelivered`, and the case gives it up.
        let Held { value, ticket } = TrackedBox::into_inner(unsafe { TrackedBox::from_raw(held) });
        (value, ticket)
    }
}
