//! The close of a channel: one bit in `sent`, after which no send gets a ticket, and then a walk over the cells of
//! those that wait. Senders that wait are before `sent`, and get their values back; receivers that wait for a send that
//! will not come are from `sent` on, and are told so. An operation that begins to wait later reads the bit itself.

use crate::chan::algorithm::cell::{
    Meeting, Phase, Place, RECEIVER, SENDER, State, end_wait, meet, take_sleeper,
};
use crate::chan::algorithm::chan::{Blocking, Capacity, Chan};
use crate::chan::algorithm::deferred;
use crate::chan::error::CloseError;
use crate::chan::select::state::Cause;
use crate::rt::sync::atomic::Ordering::{AcqRel, Release, SeqCst};

impl<T> Chan<T> {
    /// Closes the channel: from now on no send gets a ticket; senders that wait get their value back,
    /// and receivers beyond the last send get nothing.
    pub(in crate::chan) fn close(&self) -> Result<(), CloseError> {
        if let Some(spec) = self.spec.specified() {
            return self.close_specified(spec);
        }
        let _held = deferred::hold();
        let before = self.set_closed();
        if before.is_closed() {
            return Err(CloseError);
        }
        let end = before.ticket();
        // A receiver that did not see the closed bit took its ticket before this. Not model-checked: C1.
        let begun = self.received();
        // A sender that counts itself after this sees the closed bit.
        if self.capacity() == Capacity::Rendezvous || self.somebody_is_behind() {
            self.array.visit_each(RECEIVER, begun..end, |place| {
                // SeqCst: if this misses a sender that waits, then its look at the closed bit comes after we
                // set it.
                self.reject_sender(place, place.cell().look()); // site: look-for-sender
            });
        }
        // As long as a value may come back, receivers wait for it; the end of the last loan disconnects them. SeqCst:
        // the closed bit is set before this load; `lend` reads it after it has counted the loan, and `end_loan` after
        // the last loan has ended.
        // site: look-for-loans
        if self.loans.load(SeqCst) == 0 {
            self.disconnect_receivers();
        }
        self.observers.notify();
        #[cfg(feature = "async")]
        self.say_farewell();
        Ok(())
    }

    /// Tells all receivers that wait in a closed channel that nothing will come.
    pub(in crate::chan) fn disconnect_receivers(&self) {
        // A receiver that did not see the closed bit, or a loan instead, took its ticket before this.
        let (end, begun) = (self.sent().ticket(), self.received());
        self.array.visit_each(SENDER, end..begun, |place| self.disconnect_receiver(place));
        self.observers.notify();
    }

    /// Ends the wait of a sender, if there is one in the cell. One that comes later sees the closed bit.
    pub(in crate::chan) fn reject_sender(&self, place: Place<'_, T>, mut state: State) {
        let cell = place.cell();
        loop {
            match state.phase() {
                Phase::SenderWaits => {
                    // Release: closing happens before the send returns, which reads the cell in `sending_ended`. Not
                    // model-checked: `unpark` synchronizes too, except when the sender is still spinning. Acquire: the
                    // waiter that this thread takes out is that of the cell's present holder.
                    // site: reject-sender
                    match end_wait(place, SENDER, Phase::SenderWaits, Phase::Rejected, AcqRel) {
                        Err(found) => state = found,
                        Ok(sleeper) => {
                            self.count_rejected_sender();
                            if let Some(sleeper) = sleeper {
                                sleeper.unpark(); // site: wake-rejected-sender
                            }
                            return;
                        }
                    }
                }
                // The value of a send that was chosen before is still received.
                Phase::SenderSelects if state.is_late() => return,
                // SAFETY: S1: `close` has pinned the array, or the caller is the cell's receiver and has not left.
                Phase::SenderSelects => match unsafe { meet(place, SENDER, state, Cause::Close) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won(select) => {
                        // Release: closing happens before the send returns. Not model-checked: the select reads its
                        // select state, which publishes the close too.
                        if cell.advance(Phase::SenderSelects, Phase::Rejected, Release).is_ok() {
                            self.count_rejected_sender();
                        }
                        return select.wake(); // site: wake-rejected-select
                    }
                    // Release: publishes the close to the select. Not model-checked: the select reads the closed bit
                    // (SeqCst) before it blocks.
                    Meeting::Registering(select) => {
                        if cell.advance(Phase::SenderSelects, Phase::Rejected, Release).is_ok() {
                            self.count_rejected_sender();
                            select.wake_if_waiting();
                        }
                        return;
                    }
                    Meeting::Happened(_) | Meeting::Lost => return,
                },
                _ => return,
            }
        }
    }

    /// The cell has just become one whose sender was rejected.
    fn count_rejected_sender(&self) {
        self.remove_behind();
        self.note_gone_sender();
    }

    /// Tells the receiver of a cell that no sender will come.
    fn disconnect_receiver(&self, place: Place<'_, T>) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match state.phase() {
                // Release: closing happens before the receive returns. Acquire: the waiter is that of the cell's
                // present holder. A receiver cannot be missed: a cell that looks empty is exchanged, and that meets the
                // latest state.
                phase @ (Phase::Empty
                | Phase::SenderLeaving
                | Phase::ReceiverLeaving
                | Phase::ReceiverWaits) => {
                    // Not model-checked: in no model does another receiver come with the same ticket just then.
                    match cell.exchange(state, state.with_phase(Phase::Closed), AcqRel) {
                        Err(found) => state = found,
                        Ok(()) => {
                            // SAFETY: S3: in this phase the exchange ended the receiver's wait, from `state`.
                            let sleeper = (phase == Phase::ReceiverWaits)
                                .then(|| unsafe { take_sleeper(place, RECEIVER, state) });
                            if let Some(sleeper) = sleeper.flatten() {
                                sleeper.unpark(); // site: wake-disconnected-receiver
                            }
                            return;
                        }
                    }
                }
                // SAFETY: S1: `visit_each`, in `disconnect_receivers`, keeps the array pinned while it calls this.
                Phase::ReceiverSelects => match unsafe { meet(place, RECEIVER, state, Cause::Close) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won(select) => {
                        return select.wake(); // site: wake-disconnected-select
                    }
                    Meeting::Registering(select) => {
                        // SeqCst: marks the cell before `wake_if_waiting` reads the select state. The select begins to
                        // wait and then reads its cells, in `look_recv`, so one of the two sees the other. Not
                        // model-checked: no model relies on it within the audit's bounds.
                        if cell.advance(Phase::ReceiverSelects, Phase::Closed, SeqCst).is_ok() {
                            select.wake_if_waiting();
                        }
                        return;
                    }
                    Meeting::Happened(_) | Meeting::Lost => return,
                },
                _ => return,
            }
        }
    }

    /// Closes the channel and drops what is in it. Each value is dropped, though wakers and destructors panic.
    pub(in crate::chan) fn discard(&self) -> Result<(), CloseError> {
        if let Some(spec) = self.spec.specified() {
            return self.discard_specified(spec);
        }
        let _held = deferred::hold();
        let closed = self.close();
        while let Some(value) = self.take_out() {
            deferred::protect(|| drop(value));
        }
        closed
    }

    /// Takes a value out of a closed channel, if one is there. A late send whose place comes before loses it, and fails.
    fn take_out(&self) -> Option<T> {
        loop {
            let undelivered = self.undelivered.census();
            if undelivered.here() != 0
                && let Some((value, _)) = self.take_undelivered()
            {
                return Some(value);
            }
            match self.receive_place(Blocking::Never) {
                Ok((ticket, place)) if self.accept_at_once(place, ticket) => {
                    return Some(self.collect(place, place.cell().load()));
                }
                Ok(_) => (),
                Err(_) if self.undelivered.has_news(undelivered) => (),
                Err(_) => return None,
            }
        }
    }
}
