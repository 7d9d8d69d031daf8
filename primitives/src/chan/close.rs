//! Closing.

use super::cell::{Cell, Meeting, Phase, RECEIVER, SENDER, meet};
use super::core::{Capacity, Chan, Patience};
use super::deferred;
use super::error::CloseError;
use crate::queue::{Place, State};
use crate::rt::sync::atomic::Ordering::{AcqRel, Release, SeqCst};

impl<T> Chan<T> {
    /// Closes the channel: from now on no send gets a ticket; senders that wait get their value back,
    /// and receivers beyond the last send get nothing.
    pub(super) fn close(&self) -> Result<(), CloseError> {
        let _held = deferred::hold();
        let before = self.set_closed();
        if before.is_closed() {
            return Err(CloseError);
        }
        let end = before.ticket();
        // A receiver that did not see the closed bit took its ticket before this. Audit: see `sent`.
        let begun = self.received();
        // A sender that counts itself after this sees the closed bit.
        if self.capacity() == Capacity::Rendezvous || self.somebody_is_behind() {
            self.array.visit_each(RECEIVER, begun..end, |place| {
                // SeqCst: if this misses a sender that waits, then its look at the closed bit comes after we
                // set it.
                self.refuse(place, place.cell().look()); // site: look-for-sender
            });
        }
        // As long as a value may come back, receivers wait for it; whoever ends the last loan dismisses them. SeqCst: see
        // `end_loan`.
        if self.loans.load(SeqCst) == 0 {
            self.dismiss_all();
        }
        self.watchers.notify();
        #[cfg(feature = "async")]
        self.say_farewell();
        Ok(())
    }

    /// Tells all receivers that wait in a closed channel that nothing will come.
    pub(super) fn dismiss_all(&self) {
        // A receiver that did not see the closed bit, or a loan instead, took its ticket before this.
        let (end, begun) = (self.sent().ticket(), self.received());
        self.array.visit_each(SENDER, end..begun, |place| self.dismiss(place));
        self.watchers.notify();
    }

    /// Ends the wait of a sender, if there is one in the cell. One that comes later sees the closed bit.
    pub(super) fn refuse(&self, place: Place<'_, Cell<T>>, mut state: State) {
        let cell = place.cell();
        loop {
            match Phase::of(state) {
                // Release: closing happens before the send returns. Audit: by the wake-up too, mostly. Acquire: see
                // `advance`.
                // site: refuse-sender
                Phase::SenderWaits => match cell.advance(Phase::SenderWaits, Phase::Refused, AcqRel) {
                    Err(found) => state = found,
                    Ok(state) => {
                        self.is_refused();
                        // SAFETY: we ended the wait.
                        if let Some(waiter) = unsafe { place.aside().take_sleeper(SENDER, state) } {
                            waiter.unpark(); // site: wake-refused-sender
                        }
                        return;
                    }
                },
                // SAFETY: the array is pinned, or we are the receiver and have not left.
                Phase::SenderSelects => match unsafe { meet(place, SENDER, state, true, None) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won { claim, .. } => {
                        // Release: as above. Audit: the select has it by its claim.
                        if cell.advance(Phase::SenderSelects, Phase::Refused, Release).is_ok() {
                            self.is_refused();
                        }
                        return claim.wake(); // site: wake-refused-select
                    }
                    // Release: as above; once it waits it looks at the closed bit. Audit: and has it by that.
                    Meeting::Trying(claim) => {
                        if cell.advance(Phase::SenderSelects, Phase::Refused, Release).is_ok() {
                            self.is_refused();
                            claim.wake_if_waiting();
                        }
                        return;
                    }
                    Meeting::Happened { .. } | Meeting::Lost => return,
                },
                _ => return,
            }
        }
    }

    /// The cell has just become one whose sender was refused.
    fn is_refused(&self) {
        self.remove_behind();
        self.note_gone_sender();
    }

    /// Tells the receiver of a cell that no sender will come.
    fn dismiss(&self, place: Place<'_, Cell<T>>) {
        let cell = place.cell();
        let mut state = cell.load();
        loop {
            match Phase::of(state) {
                // Release: closing happens before the receive returns. Acquire: the waiter is ours, see `advance`. A
                // receiver cannot be missed: a cell that looks empty is exchanged, and that meets the latest state.
                phase @ (Phase::Empty
                | Phase::SenderLeaving
                | Phase::ReceiverLeaving
                | Phase::ReceiverWaits) => {
                    // Audit: no model has another receiver come with the same ticket just then.
                    match cell.exchange(state, state.with_phase(Phase::Closed as u8), AcqRel) {
                        Err(found) => state = found,
                        Ok(()) => {
                            // SAFETY: we ended the wait, if there was one; and nobody waits there any more.
                            let waiter = (phase == Phase::ReceiverWaits)
                                .then(|| unsafe { place.aside().take_sleeper(RECEIVER, state) });
                            if let Some(waiter) = waiter.flatten() {
                                waiter.unpark(); // site: wake-dismissed-receiver
                            }
                            return;
                        }
                    }
                }
                // SAFETY: the array is pinned.
                Phase::ReceiverSelects => match unsafe { meet(place, RECEIVER, state, true, None) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won { claim, .. } => {
                        return claim.wake(); // site: wake-dismissed-select
                    }
                    Meeting::Trying(claim) => {
                        if cell.advance(Phase::ReceiverSelects, Phase::Closed, SeqCst).is_ok() {
                            claim.wake_if_waiting();
                        }
                        return;
                    }
                    Meeting::Happened { .. } | Meeting::Lost => return,
                },
                _ => return,
            }
        }
    }

    /// Closes the channel and drops what is in it. Each value is dropped, though wakers and destructors panic.
    pub(super) fn discard(&self) -> Result<(), CloseError> {
        let _held = deferred::hold();
        let closed = self.close();
        while let Ok(value) = self.recv(Patience::None) {
            deferred::protect(|| drop(value));
        }
        closed
    }
}
