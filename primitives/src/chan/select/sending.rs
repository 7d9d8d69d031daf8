//! A send as a case of a select.

use super::handle::{Hold, Look, Slot};
use crate::chan::cell::{Cell, Phase, RECEIVER, SENDER, Waiter, leave_by, see};
use crate::chan::claim::{Claim, Outcome};
use crate::chan::core::{Chan, NoTicket, Patience};
use crate::chan::deferred;
use crate::chan::error::SendError;
use crate::chan::send::{NotSent, Offered};
use crate::queue::{Place, State};
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::SeqCst;
use crate::rt::thread::yield_now;
use ::core::cell::Cell as Stash;

impl<T> Chan<T> {
    /// The cell of a case that holds one.
    pub(in crate::chan) fn sending(&self, slot: &Slot) -> Place<'_, Cell<T>> {
        debug_assert!(matches!(slot.hold, Hold::Waiting | Hold::Late), "the case holds no cell");
        // SAFETY: the case has this ticket, and has not left its cell.
        unsafe { self.array.again(slot.ticket, slot.anchor) }
    }

    /// Takes a ticket, and finds its cell; `None`: the slot says why not, or it would wait.
    fn case_place(&self, slot: &mut Slot, patience: Patience) -> Option<(u64, Place<'_, Cell<T>>)> {
        match self.send_place(patience) {
            Ok((ticket, place)) => {
                slot.wait_at(ticket, place.anchor());
                return Some((ticket, place));
            }
            Err(NoTicket::WouldWait { for_sure: true }) => slot.set(0, Hold::Nothing),
            Err(NoTicket::WouldWait { for_sure: false }) => slot.set(0, Hold::Unsettled),
            Err(NoTicket::Closed) => slot.set(0, Hold::Closed),
        }
        None
    }

    /// Waits in the cell as a case of a select; or the state found there.
    fn select_in(
        &self,
        place: Place<'_, Cell<T>>,
        state: State,
        (claim, case, late): (&Arc<Claim>, usize, bool),
    ) -> Result<(), State> {
        let waiter = Waiter::Select { claim: Arc::clone(claim), case, late };
        // SAFETY: nobody waits here yet, and only this sender may come to.
        unsafe { place.aside().set(SENDER, waiter) };
        self.add_behind();
        // Release: value and claim are here for whoever meets them. SeqCst: as in a plain send that waits.
        let selects = state.with_phase(Phase::SenderSelects as u8);
        if let Err(found) = place.cell().exchange(state, selects, SeqCst) {
            self.remove_behind();
            // SAFETY: nobody was told of the waiter.
            drop(unsafe { place.aside().take(SENDER) });
            return Err(found);
        }
        self.watchers.notify();
        Ok(())
    }

    /// Tries to send the value in `stash`; with a claim it waits if there is no place.
    pub(in crate::chan) fn case_send(
        &self,
        slot: &mut Slot,
        stash: &Stash<Option<T>>,
        claim: Option<(&Arc<Claim>, usize)>,
    ) -> bool {
        let patience = if claim.is_some() { Patience::Until(None) } else { Patience::None };
        loop {
            // Before the case takes a ticket: a cell that it holds has its value.
            let value = stash.take().expect("a case that has not happened has its value");
            let Some((ticket, place)) = self.case_place(slot, patience) else {
                stash.set(Some(value));
                return slot.hold == Hold::Closed;
            };
            // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
            unsafe { place.cell().put(value) };
            let mut state = place.cell().load();
            let waits = loop {
                match (self.offer(place, state, ticket, claim.map(|(claim, _)| &**claim), false), claim) {
                    (Offered::Sent, _) => {
                        slot.hold = Hold::Happened;
                        return true;
                    }
                    (Offered::Broken, _) => break false,
                    (Offered::MustWait(found), None) => match self.break_send(place, found) {
                        Ok(()) => break true,
                        Err(found) => state = found,
                    },
                    (Offered::MustWait(found), Some((claim, case))) => {
                        match self.select_in(place, found, (claim, case, false)) {
                            Ok(()) => return false,
                            Err(found) => state = found,
                        }
                    }
                }
            };
            self.take_back(slot, stash);
            if waits {
                return false;
            }
            if claim.is_some() {
                yield_now(); // As for receives.
            }
        }
    }

    /// Leaves the cell, with the value that was not sent.
    fn take_back(&self, slot: &mut Slot, stash: &Stash<Option<T>>) {
        let place = self.sending(slot);
        // SAFETY: the value was not handed over, so the slot is ours, and full.
        stash.set(Some(unsafe { place.cell().take() }));
        self.withdraw_send(place, slot.ticket);
        slot.hold = Hold::Nothing;
    }

    /// Looks again at a case that waits.
    pub(in crate::chan) fn look_send(&self, slot: &Slot) -> Look {
        // A receiver that moved the end of the buffer found us trying, or not here at all.
        let has_place = self.has_place(slot.ticket);
        if self.sent().is_closed() {
            Look::Closed
        } else if has_place {
            Look::Ready
        } else {
            Look::Waits
        }
    }

    pub(in crate::chan) fn withdraw_case_send(&self, slot: &mut Slot, stash: Option<&Stash<Option<T>>>) {
        match (slot.hold, stash) {
            (Hold::Waiting, Some(stash)) => self.take_back(slot, stash),
            (Hold::Waiting, None) => self.withdraw_send(self.sending(slot), slot.ticket),
            (Hold::Late, _) => self.renounce(slot),
            _ => (),
        }
        slot.hold = Hold::Nothing;
    }

    /// The claim of an early case was decided for it.
    pub(in crate::chan) fn chosen_send(
        &self,
        slot: &mut Slot,
        closed: bool,
        stash: &Stash<Option<T>>,
    ) -> bool {
        if !closed && self.settle_case(self.sending(slot)) {
            slot.hold = Hold::Happened;
            return true;
        }
        self.take_back(slot, stash);
        slot.hold = if closed { Hold::Closed } else { Hold::Nothing };
        closed
    }

    /// Settles that the value in the cell is sent. The claim was decided for it; but if that was done for the sake
    /// of a place in the buffer, a receiver that still found the select trying may have broken the cell.
    fn settle_case(&self, place: Place<'_, Cell<T>>) -> bool {
        let mut state = place.cell().load();
        while Phase::of(state) == Phase::SenderSelects {
            let full = state.with_phase(Phase::Full as u8).with_left(SENDER);
            // Release: the value is here for the receiver, which may have it already. SeqCst: for who watches, as in `send`.
            // Audit: by the claim, mostly.
            match leave_by(place, state, full, SeqCst) {
                Ok(()) => {
                    self.remove_behind();
                    // Who received it by the claim may have left before.
                    if state.has_left(RECEIVER) {
                        self.array.finished(place);
                    }
                    return true;
                }
                Err(found) => state = found,
            }
        }
        // A send behind it may have said so on its behalf, see `keep`.
        let kept = Phase::of(state) == Phase::Full;
        if kept {
            self.array.leave(place, SENDER);
        }
        kept
    }

    /// What became of an early case.
    pub(in crate::chan) fn finish_send(&self, slot: &mut Slot, value: Option<T>) -> Result<(), SendError<T>> {
        let happened = slot.hold == Hold::Happened;
        slot.hold = Hold::Nothing;
        match value {
            Some(value) if !happened => Err(SendError(value)),
            _ => Ok(()),
        }
    }

    /// Takes a cell for a value that comes later, if a send would find a place or a receiver now; with a claim
    /// it waits if not.
    pub(in crate::chan) fn case_reserve(&self, slot: &mut Slot, claim: Option<(&Arc<Claim>, usize)>) -> bool {
        let patience = if claim.is_some() { Patience::Until(None) } else { Patience::None };
        loop {
            let Some((ticket, place)) = self.case_place(slot, patience) else {
                return slot.hold == Hold::Closed;
            };
            let mut state = place.cell().load();
            let waits = loop {
                match (self.could_send(place, state, ticket, claim.map(|(claim, _)| &**claim)), claim) {
                    (Offered::Sent, _) => {
                        slot.hold = Hold::Late;
                        return true;
                    }
                    (Offered::Broken, _) => break false,
                    (Offered::MustWait(found), None) => match self.break_send(place, found) {
                        Ok(()) => break true,
                        Err(found) => state = found,
                    },
                    (Offered::MustWait(found), Some((claim, case))) => {
                        match self.select_in(place, found, (claim, case, true)) {
                            Ok(()) => return false,
                            Err(found) => state = found,
                        }
                    }
                }
            };
            self.withdraw_send(place, ticket);
            slot.hold = Hold::Nothing;
            if waits {
                return false;
            }
            if claim.is_some() {
                yield_now(); // As for receives.
            }
        }
    }

    /// What [`offer`](Chan::offer) would find, but for the value.
    fn could_send(
        &self,
        place: Place<'_, Cell<T>>,
        mut state: State,
        ticket: u64,
        own: Option<&Claim>,
    ) -> Offered {
        loop {
            match Phase::of(state) {
                Phase::Empty | Phase::SenderLeaving if !self.has_place(ticket) => {
                    return Offered::MustWait(state);
                }
                Phase::Empty | Phase::SenderLeaving | Phase::ReceiverWaits => return Offered::Sent,
                // SAFETY: we have not left.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => state = found,
                    Ok((claim, ..))
                        if claim.outcome() == Outcome::WAITING
                            && own.is_none_or(|own| !::core::ptr::eq(own, claim)) =>
                    {
                        return Offered::Sent;
                    }
                    Ok((claim, ..)) => match self.spoil(place, Phase::ReceiverSelects, claim) {
                        Ok(()) => return Offered::Broken,
                        Err(found) => state = found,
                    },
                },
                Phase::ReceiverLeaving => match self.shun(place, state) {
                    Ok(()) => return Offered::Broken,
                    Err(found) => state = found,
                },
                _ => return Offered::Broken,
            }
        }
    }

    /// Sends the value for which the case has a cell, without waiting. If the receiver or the place for which the case was
    /// chosen is gone, the value goes to the next receiver, as one does that came back.
    pub(in crate::chan) fn finish_late(&self, slot: &mut Slot, value: T) -> Result<(), SendError<T>> {
        if slot.hold != Hold::Late {
            slot.hold = Hold::Nothing;
            return Err(SendError(value));
        }
        let place = self.sending(slot);
        slot.hold = Hold::Nothing;
        // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
        unsafe { place.cell().put(value) };
        let state = place.cell().load();
        if Phase::of(state) == Phase::SenderSelects && self.settle_case(place) {
            self.watchers.notify();
            return deferred::settle_with(Ok(()));
        }
        let sent = self.settle_send(place, slot.ticket, Patience::None);
        let value = match deferred::settle_with(sent) {
            Ok(()) => return Ok(()),
            Err((value, Some(NotSent::Closed))) => return Err(SendError(value)),
            Err((value, _)) => value,
        };
        if !self.lend(false) {
            return Err(SendError(value));
        }
        self.give_back(value, slot.ticket);
        deferred::settle_with(Ok(()))
    }

    /// The value for which the case has a cell will not come.
    fn renounce(&self, slot: &mut Slot) {
        let place = self.sending(slot);
        let mut state = place.cell().load();
        while matches!(Phase::of(state), Phase::Empty | Phase::SenderLeaving | Phase::SenderSelects) {
            match self.make_no_place(place, state) {
                Err(found) => state = found,
                Ok(()) => {
                    if Phase::of(state) == Phase::SenderSelects {
                        self.remove_behind();
                    }
                    self.expand();
                    break;
                }
            }
        }
        self.disappoint(place);
        self.withdraw_send(place, slot.ticket);
    }
}
