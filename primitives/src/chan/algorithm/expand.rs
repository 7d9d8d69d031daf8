//! The end of the buffer: each receive that begins moves it on by one cell (*expands* the buffer), and lets the sender go
//! that waits in that cell. A cell whose sender gave up is no place, so the end moves by one more.

use crate::chan::algorithm::cell::{Meeting, Phase, Place, RECEIVER, SENDER, State, end_wait, meet};
use crate::chan::algorithm::chan::Chan;
use crate::chan::select::state::Cause;
use crate::queue::Scout;
use crate::rt::sync::atomic::Ordering::AcqRel;

/// The scout that goes with the end of the buffer.
pub(in crate::chan) const END: Scout = Scout::Second;

impl<T> Chan<T> {
    /// Makes the buffer one place longer, because a receive has begun. Returns whether this looked at cells, and so may
    /// have deferred a waker.
    #[inline]
    pub(in crate::chan) fn expand(&self) -> bool {
        if !self.expands() {
            return false;
        }
        let mut looked = false;
        loop {
            let ticket = self.move_buffer_end();
            let behind = self.somebody_is_behind();
            looked |= behind;
            if !behind || self.expand_at(ticket) {
                self.observers.notify();
                return looked;
            }
        }
    }

    /// Moves the end for a receiver that found its cell in this state, unless it has moved for the cell: another
    /// receiver has given this ticket back then, and the end does not move back.
    pub(in crate::chan) fn expand_unless_left(&self, found: State) {
        if found.phase() != Phase::ReceiverLeaving {
            self.expand();
        }
    }

    /// Lets the sender go that waits in the cell of this ticket, which has become part of the buffer; `false` if the
    /// cell is no place.
    #[cold]
    fn expand_at(&self, ticket: u64) -> bool {
        // A cell whose ticket has not been given out has no sender.
        if ticket >= self.sent().ticket() {
            return true;
        }
        let walk = self.array.walk_from_scout(END, RECEIVER);
        // The cell may be long done with, if we were slow.
        let let_in = walk.find(ticket).map(|place| self.let_in(place)).unwrap_or(true);
        walk.move_scout(END);
        let_in
    }

    /// Lets the sender go that waits in this cell, which has become part of the buffer. `false`: the cell is no place,
    /// and the end must move by one more.
    pub(in crate::chan) fn let_in(&self, place: Place<'_, T>) -> bool {
        let cell = place.cell();
        let mut state = cell.look();
        loop {
            match state.phase() {
                // The late send has its place already.
                Phase::SenderSelects if state.is_late() => return true,
                // A send is not let in any more once the channel is closed: close is one moment for all.
                Phase::SenderWaits | Phase::SenderSelects if self.sent().is_closed() => {
                    self.reject_sender(place, state);
                    return true;
                }
                Phase::SenderWaits => {
                    // Release: the receive happens before the send completes. Acquire: the waiter that this thread
                    // takes out is that of the cell's present holder. Not model-checked: in no model does a sender begin
                    // to wait in this cell between the expander's load and this exchange.
                    // site: move-value-into-buffer
                    match end_wait(place, SENDER, Phase::SenderWaits, Phase::Full, AcqRel) {
                        Err(found) => state = found,
                        Ok(sleeper) => {
                            self.remove_behind();
                            if let Some(sleeper) = sleeper {
                                sleeper.unpark(); // site: wake-sender
                            }
                            return true;
                        }
                    }
                }
                // SAFETY: S1: the array is pinned, by the walk in `expand_at` or by that in `survey`.
                Phase::SenderSelects => match unsafe { meet(place, SENDER, state, Cause::Operation) } {
                    Meeting::Changed(found) => state = found,
                    Meeting::Won(select) => {
                        select.wake(); // site: wake-select
                        return true;
                    }
                    // It looks at the end of the buffer itself before it waits, or once it has left.
                    Meeting::Registering(_) | Meeting::Happened(_) | Meeting::Lost => return true,
                },
                Phase::SenderGone => return !self.pass_over(place),
                // The sender, which still counts the cell, finds it passed over when it leaves.
                Phase::SenderLeaving => match self.make_no_place(place, state) {
                    Ok(()) => return false,
                    Err(found) => state = found,
                },
                _ => return true,
            }
        }
    }

    /// Passes over a cell whose sender gave up: the thread that does so makes the buffer one place longer.
    pub(in crate::chan) fn pass_over(&self, place: Place<'_, T>) -> bool {
        let mut state = place.cell().load();
        while state.phase() == Phase::SenderGone {
            match self.make_no_place(place, state) {
                Err(found) => state = found,
                Ok(()) => {
                    self.remove_behind();
                    // Else the sender notes it when it leaves.
                    if state.has_left(SENDER) {
                        self.array.note_abandoned(place, SENDER);
                    }
                    return true;
                }
            }
        }
        false
    }
}
