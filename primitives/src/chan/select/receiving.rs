//! A receive as a case of a select.

use super::handle::{Hold, Look, Slot};
use crate::chan::cell::{Phase, RECEIVER, Waiter};
use crate::chan::claim::Claim;
use crate::chan::core::{Chan, NoTicket, Patience};
use crate::chan::error::RecvError;
use crate::chan::recv::Accepted;
use crate::queue::Place;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::SeqCst;
use crate::rt::thread::yield_now;

impl<T> Chan<T> {
    /// The cell of a case that holds one.
    pub(in crate::chan) fn receiving(&self, slot: &Slot) -> Place<'_, crate::chan::cell::Cell<T>> {
        debug_assert!(slot.hold != Hold::Nothing && slot.hold != Hold::Closed, "the case holds no cell");
        // SAFETY: the case has this ticket, and has not left its cell.
        unsafe { self.array.again(slot.ticket, slot.anchor) }
    }

    pub(in crate::chan) fn attempt_recv(&self, slot: &mut Slot) -> bool {
        if !self.returned.is_empty() && self.hold_returned(slot) {
            return true;
        }
        loop {
            let (ticket, place) = match self.receive_place(Patience::None) {
                Ok(found) => found,
                Err(NoTicket::WouldWait { .. }) => {
                    slot.hold = Hold::Nothing;
                    return false;
                }
                Err(NoTicket::Closed) => {
                    slot.set(0, Hold::Closed);
                    return true;
                }
            };
            slot.wait_at(ticket, place.anchor());
            let mut state = place.cell().load();
            loop {
                match self.accept(place, state, ticket, None, Patience::Until(None)) {
                    Accepted::Value => slot.hold = Hold::Happened,
                    Accepted::Closed => slot.hold = Hold::Closed,
                    Accepted::Broken => break,
                    Accepted::MustWait(found) => match self.stop_receiving(place, found, ticket) {
                        Ok(()) => {
                            slot.hold = Hold::Nothing;
                            return false;
                        }
                        Err(found) => {
                            state = found;
                            continue;
                        }
                    },
                }
                return true;
            }
        }
    }

    pub(in crate::chan) fn register_recv(&self, slot: &mut Slot, claim: &Arc<Claim>, case: usize) -> bool {
        loop {
            let Ok((ticket, place)) = self.receive_place(Patience::Until(None)) else {
                slot.set(0, Hold::Closed);
                return true;
            };
            slot.wait_at(ticket, place.anchor());
            let mut state = place.cell().load();
            loop {
                match self.accept(place, state, ticket, Some(claim), Patience::Until(None)) {
                    Accepted::Value => slot.hold = Hold::Happened,
                    Accepted::Closed => slot.hold = Hold::Closed,
                    Accepted::Broken => {
                        // Two selects that go through their cases at once can break each other's cells: let one
                        // of them get through.
                        yield_now();
                        break;
                    }
                    Accepted::MustWait(found) => {
                        let waiter = Waiter::Select { claim: Arc::clone(claim), case, late: false };
                        // SAFETY: nobody waits here yet, and only this receiver may come to.
                        unsafe { place.aside().set(RECEIVER, waiter) };
                        let selects = found.afresh().with_phase(Phase::ReceiverSelects as u8);
                        // Release: the claim is here for whoever meets it. SeqCst: for `close`, see `Claim::outcome`, and
                        // for who watches, see `Watchers`. Audit: no model has both meet.
                        match place.cell().exchange(found, selects, SeqCst) {
                            Ok(()) => {
                                self.expand_unless_left(found);
                                self.watchers.notify();
                                if self.may_be_left_alone(found, ticket) {
                                    claim.spoil();
                                }
                                return false;
                            }
                            Err(found) => {
                                // SAFETY: nobody was told of the waiter.
                                drop(unsafe { place.aside().take(RECEIVER) });
                                state = found;
                                continue;
                            }
                        }
                    }
                }
                return true;
            }
        }
    }

    pub(in crate::chan) fn look_recv(&self, slot: &mut Slot, first: bool) -> Look {
        // A value that comes back later is given to those who wait.
        if first && (!self.returned.is_empty() || self.is_over(self.sent())) {
            return Look::Over;
        }
        let place = self.receiving(slot);
        // SeqCst: `close` marks the cell of a select that is trying, and reads its claim after that.
        match Phase::of(place.cell().look()) {
            Phase::Closed => Look::Closed,
            _ => Look::Waits,
        }
    }

    pub(in crate::chan) fn chosen_recv(&self, slot: &mut Slot, closed: bool) {
        if closed {
            self.withdraw_recv(slot);
            slot.hold = Hold::Closed;
        } else {
            slot.hold = Hold::Happened;
        }
    }

    pub(in crate::chan) fn withdraw_recv(&self, slot: &mut Slot) {
        match slot.hold {
            Hold::Waiting => self.withdraw_receive(self.receiving(slot), slot.ticket),
            _ => {
                let is_lent = slot.hold != Hold::Happened;
                if let Some((value, ticket)) = self.take_held(slot) {
                    if !is_lent {
                        self.lend(true);
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
            Hold::Returned => Some(self.held_returned(slot)),
            _ => None,
        };
        slot.hold = Hold::Nothing;
        held
    }

    /// What the case has received may come back as long as the select's user has it in his hands.
    pub(in crate::chan) fn lend_recv(&self, slot: &mut Slot) {
        if slot.hold == Hold::Happened {
            self.lend(true);
            slot.hold = Hold::Lent;
        }
    }

    /// Takes what has happened.
    pub(in crate::chan) fn finish_recv(&self, slot: &mut Slot) -> Result<T, RecvError> {
        let is_lent = slot.hold != Hold::Happened;
        let (value, ticket) = self.take_held(slot).ok_or(RecvError)?;
        if !is_lent {
            return Ok(value);
        }
        self.end_loan();
        Ok(self.received_by(ticket, value))
    }
}
