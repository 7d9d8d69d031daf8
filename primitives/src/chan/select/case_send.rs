//! A send as a case of a select.

use super::case::{Hold, Look, Progress, Slot};
use crate::chan::algorithm::cell::{
    Payload, Phase, Place, RECEIVER, Registered, SENDER, State, Waiter, leave_by, see,
};
use crate::chan::algorithm::chan::{Blocking, Chan, NoTicket};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::send::{NotSent, Offered};
use crate::chan::algorithm::undelivered::Delivery;
use crate::chan::error::SendError;
use crate::chan::select::state::{Cause, SelectState, Stage};
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::SeqCst;
use crate::rt::thread::yield_now;
use core::cell::Cell as Stash;

impl<T> Chan<T> {
    /// The cell of a case that holds one.
    pub(in crate::chan) fn sending(&self, slot: &Slot) -> Place<'_, T> {
        debug_assert!(matches!(slot.hold, Hold::Waiting | Hold::Late), "the case holds no cell");
        // SAFETY: the case has this ticket, and has not left its cell.
        unsafe { self.array.again(slot.ticket, slot.anchor) }
    }

    /// Takes a ticket, and finds its cell; `None`: the slot says why not, or it would wait.
    fn case_place(&self, slot: &mut Slot, blocking: Blocking) -> Option<(u64, Place<'_, T>)> {
        match self.send_place(blocking) {
            Ok((ticket, place)) => {
                slot.wait_at(ticket, place.anchor());
                return Some((ticket, place));
            }
            Err(NoTicket::WouldBlock) => slot.set(0, Hold::Nothing),
            Err(NoTicket::Undetermined) => slot.set(0, Hold::Unsettled),
            Err(NoTicket::Closed) => slot.set(0, Hold::Closed),
        }
        None
    }

    /// Waits in the cell as a case of a select; or the state found there.
    fn select_in(
        &self,
        place: Place<'_, T>,
        state: State,
        select: &Arc<SelectState>,
        case: usize,
        payload: Payload,
    ) -> Result<(), State> {
        let waiter = Waiter::Select { select: Arc::clone(select), case, payload };
        // SAFETY: nobody waits here yet, and only this sender may come to.
        unsafe { place.aside().set(SENDER, waiter) };
        self.add_behind();
        // Release: publishes the value and the select to the thread that meets them, whose Acquire is in `Cell::load`.
        // SeqCst: comes before the looks at the closed bit and at the end of the buffer, as in a plain send that waits.
        let selects = state.with_phase(Phase::SenderSelects);
        if let Err(found) = place.cell().exchange(state, selects, SeqCst) {
            self.remove_behind();
            // SAFETY: nobody was told of the waiter.
            drop(unsafe { place.aside().take(SENDER) });
            return Err(found);
        }
        self.observers.notify();
        Ok(())
    }

    /// Tries to send as a case of a select: the value in the stash, or, without a stash, a value that comes once the
    /// case has been chosen. With a select state the case waits if there is no place.
    pub(in crate::chan) fn case_send(
        &self,
        slot: &mut Slot,
        stash: Option<&Stash<Option<T>>>,
        select: Option<(&Arc<SelectState>, usize)>,
    ) -> Progress {
        let blocking = if select.is_some() { Blocking::FOREVER } else { Blocking::Never };
        let own = select.map(|(select, _)| &**select);
        loop {
            // Before the case takes a ticket: a cell that it holds has its value.
            let value = stash.map(|stash| stash.take().expect("a case that has not happened has its value"));
            let Some((ticket, place)) = self.case_place(slot, blocking) else {
                if let Some(stash) = stash {
                    stash.set(value);
                }
                return if slot.hold == Hold::Closed { Progress::Happened } else { Progress::NotYet };
            };
            let payload = match value {
                // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
                Some(value) => unsafe {
                    place.cell().put(value);
                    Payload::InCell
                },
                None => Payload::Late,
            };
            let mut state = place.cell().load();
            let would_block = loop {
                let offered = match payload {
                    Payload::InCell => self.offer(place, state, ticket, own, Delivery::First),
                    Payload::Late => self.could_send(place, state, ticket, own),
                };
                match (offered, select) {
                    (Offered::Sent, _) => {
                        slot.hold = if payload == Payload::InCell { Hold::Happened } else { Hold::Late };
                        return Progress::Happened;
                    }
                    (Offered::Poisoned, _) => break false,
                    (Offered::MustWait(found), None) => match self.poison_send(place, found) {
                        Ok(()) => break true,
                        Err(found) => state = found,
                    },
                    (Offered::MustWait(found), Some((select, case))) => {
                        match self.select_in(place, found, select, case, payload) {
                            Ok(()) => return Progress::NotYet,
                            Err(found) => state = found,
                        }
                    }
                }
            };
            self.take_back(slot, stash);
            if would_block {
                return Progress::NotYet;
            }
            if select.is_some() {
                // Two selects that register at the same time can poison each other's cells: this lets one of them
                // through.
                yield_now();
            }
        }
    }

    /// Leaves the cell, with the value that was not sent, if it is in the cell.
    fn take_back(&self, slot: &mut Slot, stash: Option<&Stash<Option<T>>>) {
        let place = self.sending(slot);
        if let Some(stash) = stash {
            // SAFETY: the value was not handed over, so the slot is ours, and full.
            stash.set(Some(unsafe { place.cell().take() }));
        }
        self.withdraw_send(place, slot.ticket);
        slot.hold = Hold::Nothing;
    }

    /// Makes room before the cell of a case whose time is up.
    pub(in crate::chan) fn settle_sends_before(&self, slot: &Slot) -> Look {
        if self.make_room(slot.ticket) || self.sent().is_closed() { Look::Ready } else { Look::Waits }
    }

    /// Looks again at a case that waits.
    pub(in crate::chan) fn look_send(&self, slot: &Slot) -> Look {
        // A receiver that moved the end of the buffer found us registering, or not here at all.
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
        if let Some(chan) = self.spec.specified() {
            return self.cancel_late_specified(chan, slot);
        }
        match (slot.hold, stash) {
            (Hold::Waiting, _) => self.take_back(slot, stash),
            (Hold::Late, _) => self.cancel_late(slot),
            _ => (),
        }
        slot.hold = Hold::Nothing;
    }

    /// The select state of an early case was decided for it.
    pub(in crate::chan) fn chosen_send(
        &self,
        slot: &mut Slot,
        cause: Cause,
        stash: &Stash<Option<T>>,
    ) -> Progress {
        if cause == Cause::Operation && self.settle_case(self.sending(slot)) {
            slot.hold = Hold::Happened;
            return Progress::Happened;
        }
        self.take_back(slot, Some(stash));
        if cause == Cause::Close {
            slot.hold = Hold::Closed;
            return Progress::Happened;
        }
        Progress::NotYet
    }

    /// Settles that the value in the cell is sent. The select state was committed for it; but if that was done for the
    /// sake of a place in the buffer, a receiver that still found the select registering may have poisoned the cell.
    fn settle_case(&self, place: Place<'_, T>) -> bool {
        let mut state = place.cell().load();
        while state.phase() == Phase::SenderSelects {
            let full = state.with_phase(Phase::Full).with_left(SENDER);
            // Release: the value is here for the receiver, which may have it already. SeqCst: for observers, as in
            // `send`. Not model-checked: the select state publishes the value too, except where a place was given.
            match leave_by(place, state, full, SeqCst) {
                Ok(()) => {
                    self.remove_behind();
                    // A receiver that took the value by the select state may have left the cell before this.
                    if state.has_left(RECEIVER) {
                        self.array.finished(place);
                    }
                    return true;
                }
                Err(found) => state = found,
            }
        }
        // A later sender may have moved the cell to Full on the select's behalf (`keep`).
        let kept = state.phase() == Phase::Full;
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

    /// What [`offer`](Chan::offer) would find, but for the value.
    fn could_send(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        own: Option<&SelectState>,
    ) -> Offered {
        loop {
            match state.phase() {
                Phase::Empty | Phase::SenderLeaving if !self.has_place(ticket) => {
                    return Offered::MustWait(state);
                }
                Phase::Empty | Phase::SenderLeaving | Phase::ReceiverWaits => return Offered::Sent,
                // SAFETY: this operation has not left the cell, so the cell's segment is alive and its party's slot in use.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => state = found,
                    Ok(Registered { select, .. })
                        if select.stage() == Stage::WAITING
                            && own.is_none_or(|own| !core::ptr::eq(own, select)) =>
                    {
                        return Offered::Sent;
                    }
                    Ok(Registered { select, .. }) => {
                        match self.poison_select(place, Phase::ReceiverSelects, select) {
                            Ok(()) => return Offered::Poisoned,
                            Err(found) => state = found,
                        }
                    }
                },
                Phase::ReceiverLeaving => match self.skip_receiver(place, state) {
                    Ok(()) => return Offered::Poisoned,
                    Err(found) => state = found,
                },
                _ => return Offered::Poisoned,
            }
        }
    }

    /// Sends the value for which the case has a cell, without waiting. If the receiver or the place for which the case
    /// was chosen is gone, the value goes to the next receiver, as one does that came back.
    pub(in crate::chan) fn finish_late(&self, slot: &mut Slot, value: T) -> Result<(), SendError<T>> {
        if let Some(chan) = self.spec.specified() {
            return self.finish_late_specified(chan, slot, value);
        }
        if slot.hold != Hold::Late {
            slot.hold = Hold::Nothing;
            return Err(SendError(value));
        }
        let place = self.sending(slot);
        slot.hold = Hold::Nothing;
        // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
        unsafe { place.cell().put(value) };
        let state = place.cell().load();
        if state.phase() == Phase::SenderSelects && self.settle_case(place) {
            self.observers.notify();
            return deferred::settle_with(Ok(()));
        }
        let sent = self.settle_send(place, slot.ticket, Blocking::Never);
        let value = match deferred::settle_with(sent) {
            Ok(()) => return Ok(()),
            Err((value, Some(NotSent::Closed))) => return Err(SendError(value)),
            Err((value, _)) => value,
        };
        if !self.lend(Delivery::First) {
            return Err(SendError(value));
        }
        self.give_back(value, slot.ticket);
        deferred::settle_with(Ok(()))
    }

    /// The value for which the case has a cell will not come.
    fn cancel_late(&self, slot: &mut Slot) {
        let place = self.sending(slot);
        let mut state = place.cell().load();
        while matches!(state.phase(), Phase::Empty | Phase::SenderLeaving | Phase::SenderSelects) {
            match self.make_no_place(place, state) {
                Err(found) => state = found,
                Ok(()) => {
                    if state.phase() == Phase::SenderSelects {
                        self.remove_behind();
                    }
                    self.expand();
                    break;
                }
            }
        }
        self.poison_receiver(place);
        self.withdraw_send(place, slot.ticket);
    }
}
