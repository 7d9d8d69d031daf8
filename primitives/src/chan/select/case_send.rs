//! A send as a case of a select.

use super::case::{Hold, Look, Progress, Slot};
use crate::chan::algorithm::cell::{
    Phase, Place, RECEIVER, Registered, SENDER, State, Waiter, leave_by, see,
};
use crate::chan::algorithm::chan::{Blocking, Chan, NoTicket};
use crate::chan::algorithm::deferred::{self, Mark};
use crate::chan::algorithm::recv::Taker;
use crate::chan::algorithm::send::Offered;
use crate::chan::error::SendError;
use crate::chan::select::state::{Cause, SelectWait, Stage};
use crate::rt::hint;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use crate::rt::thread::yield_now;

impl<T> Chan<T> {
    /// The cell of a case that holds one.
    pub(in crate::chan) fn sending(&self, slot: &Slot) -> Place<'_, T> {
        debug_assert!(matches!(slot.hold, Hold::Waiting | Hold::Late), "the case holds no cell");
        // SAFETY: S1: the case has this ticket, and has not left its cell.
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
        select: &SelectWait,
        case: usize,
    ) -> Result<(), State> {
        let waiter = Waiter::Select { select: select.clone(), case };
        // SAFETY: S4: the cell does not say yet that its sender, this select, waits.
        unsafe { place.aside().set(SENDER, waiter) };
        self.add_behind();
        // Release: publishes the select to the thread that meets it, whose Acquire is in `Cell::load`. SeqCst: comes
        // before the looks at the closed bit (C1) and at the end of the buffer (C2).
        let selects = state.awake().with_phase(Phase::SenderSelects);
        if let Err(found) = place.cell().exchange(state, selects, SeqCst) {
            self.remove_behind();
            // SAFETY: S4: the exchange failed, so the cell has not come to say that this select waits here.
            drop(unsafe { place.aside().take(SENDER) });
            return Err(found);
        }
        self.observers.notify();
        Ok(())
    }

    /// Tries to send as a case of a select, whose value comes from the thread with this mark once the case has been
    /// chosen. With a select state the case waits if there is no place.
    pub(in crate::chan) fn case_send(
        &self,
        slot: &mut Slot,
        mark: Mark,
        select: Option<(&SelectWait, usize)>,
    ) -> Progress {
        let blocking = if select.is_some() { Blocking::FOREVER } else { Blocking::Never };
        let own = select.map(|(select, _)| select);
        loop {
            let Some((ticket, place)) = self.case_place(slot, blocking) else {
                return if slot.hold == Hold::Closed { Progress::Happened } else { Progress::NotYet };
            };
            // SAFETY: this is the cell's sender, and has not said yet that its value comes late.
            unsafe { place.cell().announce(mark) };
            let mut state = place.cell().load();
            let would_block = loop {
                match (self.promise(place, state, ticket, own), select) {
                    (Offered::Sent, _) => {
                        slot.hold = Hold::Late;
                        return Progress::Happened;
                    }
                    (Offered::Poisoned, _) => break false,
                    (Offered::MustWait(found), None) => match self.poison_send(place, found) {
                        Ok(()) => break true,
                        Err(found) => state = found,
                    },
                    (Offered::MustWait(found), Some((select, case))) => {
                        match self.select_in(place, found, select, case) {
                            Ok(()) => return Progress::NotYet,
                            Err(found) => state = found,
                        }
                    }
                }
            };
            self.withdraw_send(place, ticket);
            slot.hold = Hold::Nothing;
            if would_block {
                return Progress::NotYet;
            }
            hint::retry();
            if select.is_some() {
                // Two selects that register at the same time can poison each other's cells: this lets one of them
                // through.
                yield_now();
            }
        }
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

    pub(in crate::chan) fn withdraw_case_send(&self, slot: &mut Slot) {
        if let Some(chan) = self.spec.specified() {
            return self.cancel_late_specified(chan, slot);
        }
        match slot.hold {
            Hold::Waiting => self.withdraw_send(self.sending(slot), slot.ticket),
            Hold::Late => self.cancel_late(slot),
            _ => (),
        }
        slot.hold = Hold::Nothing;
    }

    /// The select state was committed for the case: its value may come.
    pub(in crate::chan) fn chosen_send(&self, slot: &mut Slot, cause: Cause) {
        match cause {
            Cause::Operation => slot.hold = Hold::Late,
            Cause::Close => {
                self.withdraw_case_send(slot);
                slot.hold = Hold::Closed;
            }
        }
    }

    /// Promises the value of a case that is chosen by this: what [`offer`](Chan::offer) would do, but for the value. From
    /// now on the place is taken, or the receiver waits for the value, unless it is a task.
    fn promise(
        &self,
        place: Place<'_, T>,
        mut state: State,
        ticket: u64,
        own: Option<&SelectWait>,
    ) -> Offered {
        loop {
            match state.phase() {
                Phase::Empty | Phase::SenderLeaving if !self.has_place(ticket) => {
                    return Offered::MustWait(state);
                }
                Phase::Empty | Phase::SenderLeaving => {
                    // Also if the channel is closed before the value comes.
                    if self.expands() {
                        self.knows_place(ticket);
                    }
                    // Release: publishes which thread is to bring the value to the receiver, whose Acquire `load` finds
                    // the cell late.
                    // site: take-place-late
                    match place.cell().exchange(state, state.with_late(), Release) {
                        Ok(()) => return Offered::Sent,
                        Err(found) => state = found,
                    }
                }
                Phase::ReceiverWaits if Taker::of(state) == Taker::Borrows => return Offered::Sent,
                Phase::ReceiverWaits => {
                    // Relaxed: nothing is handed over.
                    // site: promise-to-receiver
                    match place.cell().exchange(state, state.with_phase(Phase::Promised), Relaxed) {
                        Ok(()) => return Offered::Sent,
                        Err(found) => state = found,
                    }
                }
                // SAFETY: S1: this send has not left the cell.
                Phase::ReceiverSelects => match unsafe { see(place, RECEIVER, state) } {
                    Err(found) => state = found,
                    Ok(seen)
                        if seen.select.stage() == Stage::WAITING
                            && own.is_none_or(|own| !own.is(seen.select)) =>
                    {
                        match promise_to_select(place, state.with_seen(), seen) {
                            Ok(true) => return Offered::Sent,
                            Ok(false) => return Offered::Poisoned,
                            Err(found) => state = found,
                        }
                    }
                    Ok(Registered { select, .. }) => {
                        match self.poison_select(place, Phase::ReceiverSelects, select) {
                            Ok(()) => return Offered::Poisoned,
                            Err(found) => state = found,
                        }
                    }
                },
                // Whether another receiver comes with the ticket is not known; if one does, it goes on to the next.
                Phase::ReceiverLeaving => match self.make_no_place(place, state) {
                    Ok(()) => return Offered::Poisoned,
                    Err(found) => state = found,
                },
                _ => return Offered::Poisoned,
            }
        }
    }

    /// Sends the value for which the case has a cell, without waiting. If the cell is not to have it any more, the value
    /// goes into another one, beyond the end of the buffer if need be.
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
        // SAFETY: S2: the case is the cell's sender, and has not put a value there.
        unsafe { place.cell().put(value) };
        if self.fill(place) {
            self.observers.notify();
            return Ok(());
        }
        let sent = match self.settle_send(place, slot.ticket, Blocking::Never) {
            Ok(()) => Ok(()),
            Err((value, _)) => self.push(value).map(|_| ()).map_err(SendError),
        };
        deferred::settle_with(sent)
    }

    /// Leaves the value in the cell of a case that was chosen, if no other thread has come there.
    fn fill(&self, place: Place<'_, T>) -> bool {
        let mut state = place.cell().load();
        while state.phase() == Phase::SenderSelects {
            let full = state.awake().with_phase(Phase::Full).with_left(SENDER);
            // Release: publishes the value to the receiver, whose Acquire `load` reads Full. SeqCst: C3.
            // site: fill-chosen
            match leave_by(place, state, full, SeqCst) {
                Ok(()) => {
                    self.uncount_behind(state);
                    return true;
                }
                Err(found) => state = found,
            }
        }
        false
    }

    /// The value for which the case has a cell will not come.
    fn cancel_late(&self, slot: &mut Slot) {
        let place = self.sending(slot);
        let mut state = place.cell().load();
        while state.phase() == Phase::SenderSelects {
            match self.make_no_place(place, state) {
                Err(found) => state = found,
                Ok(()) => {
                    self.uncount_behind(state);
                    self.expand();
                    break;
                }
            }
        }
        self.poison_receiver(place);
        self.withdraw_send(place, slot.ticket);
        // A receive finds what is behind the place.
        self.observers.notify();
    }
}

/// Binds a select that waits to receive in a cell in this state to the value that will come there; returns whether it is
/// bound. If not, another thread has decided it, and the cell is of no use. Or the state found, if the cell is no longer
/// as it was.
fn promise_to_select<T>(place: Place<'_, T>, state: State, seen: Registered<'_>) -> Result<bool, State> {
    let cell = place.cell();
    // The select is asleep for the thread that brings the value. The phase says that the value is still to come before
    // the select state says that the case has happened.
    // Relaxed: published by the exchange of the select state's word.
    // site: promise-to-select
    cell.exchange(state, state.with_phase(Phase::Promised).asleep(), Relaxed)?;
    // SeqCst in `commit`: the select commits to waiting and then looks at its cells. Not model-checked: the select reads
    // its cells again, and the phase that this one has since the exchange says the same.
    if seen.select.commit(Stage::WAITING, Stage::chosen(seen.case, Cause::Operation)).is_ok() {
        return Ok(true);
    }
    // Relaxed: nothing is handed over.
    let broken = cell.advance(Phase::Promised, Phase::Poisoned, Relaxed);
    debug_assert!(broken.is_ok(), "a select that is decided otherwise leaves such a cell as it is");
    Ok(false)
}
