//! Whether a buffer is really full: that is so only if it is full of values that no send takes back. A look that finds a
//! send under way cannot tell; then the caller waits in a cell of its own, and takes such places for itself.

use crate::chan::algorithm::cell::{Meeting, Phase, Place, RECEIVER, SENDER, State, meet};
use crate::chan::algorithm::chan::{Capacity, Chan};
use crate::chan::select::state::Cause;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::SeqCst;

/// What there is for a send that seems to have no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum Room {
    /// A place, or there may be one by now.
    Some,
    /// None: at some moment the buffer was full.
    None,
    /// A send before it has a place, and may still fail. A sender that waits in a cell of its own can take the place.
    Unsettled,
}

/// What has become of a place of the buffer.
enum Held {
    /// The cell is none.
    Not,
    /// It has a value, or a select that was chosen has it for the value that it will bring.
    ByValue,
    /// A send has it that may still fail.
    BySend,
}

/// Whether a cell that no receiver has come to will never hold a value.
fn is_invalid(phase: Phase) -> bool {
    use Phase::{Closed, PassedOver, Poisoned, ReceiverGone, ReceiverLeaving, Rejected, SenderGone};
    matches!(phase, Poisoned | Closed | PassedOver | ReceiverGone | ReceiverLeaving | Rejected | SenderGone)
}

impl<T> Chan<T> {
    /// There seems to be no place for the send that has this ticket, or would get it next: looks for one, and gives
    /// sends that are under way a moment.
    #[cold]
    pub(in crate::chan) fn look_for_room(&self, ticket: u64) -> Room {
        if self.is_settled_full(ticket) {
            return Room::None;
        }
        self.survey(ticket, |place, _| self.held(place))
    }

    /// Looks for room for a send that waits in a cell of its own: it takes the place of each send before it that may
    /// still fail, which goes for a new ticket then. `false`: the buffer was full of values.
    ///
    /// Others may take places at the same time, but only of sends that have not come to their cells and of selects that
    /// still go through their cases, and these are before the operations that take their places; so no waiter is
    /// disturbed, and each operation is done when it has seen the cells before its own.
    #[cold]
    pub(in crate::chan) fn make_room(&self, ticket: u64) -> bool {
        !self.is_settled_full(ticket) && self.survey(ticket, |place, at| self.settle(place, at)) != Room::None
    }

    /// Looks at the cells before a ticket: of those that can have a value, the first `capacity` have a place.
    fn survey(&self, ticket: u64, held: impl Fn(Place<'_, T>, u64) -> Held) -> Room {
        let Capacity::Bounded(capacity) = self.capacity() else { return Room::None };
        let received = self.received();
        let mut values = 0;
        let unsettled = self.array.visit_until(RECEIVER, received..ticket, |place, at| {
            match held(place, at) {
                Held::Not => (),
                Held::ByValue => values += 1,
                Held::BySend => return true,
            }
            values == capacity
        }) && values < capacity;
        if unsettled {
            return Room::Unsettled;
        }
        if values < capacity && !self.sent().is_closed() {
            // Some cells before this one are no places, and the threads that move the end for them may not have done so
            // yet.
            self.knows_place(ticket);
            return Room::Some;
        }
        // If receives have begun meanwhile, what this thread saw was not all there at one moment.
        if self.received() == received { Room::None } else { Room::Some }
    }

    /// Returns what holds a place, after a moment in which a send that is under way may come to it.
    fn held(&self, place: Place<'_, T>) -> Held {
        use Phase::{Empty, SenderLeaving, SenderSelects, SenderWaits};
        let backoff = Backoff::new();
        loop {
            let state = place.cell().load();
            match state.phase() {
                phase if is_invalid(phase) => return Held::Not,
                SenderSelects if state.is_late() => return Held::ByValue,
                Empty | SenderLeaving if !backoff.is_completed() => backoff.snooze(),
                Empty | SenderLeaving | SenderWaits | SenderSelects => return Held::BySend,
                _ => return Held::ByValue,
            }
        }
    }

    /// Makes sure that a send that has a place can no longer fail, or has none.
    fn settle(&self, place: Place<'_, T>, at: u64) -> Held {
        let cell = place.cell();
        let backoff = Backoff::new();
        let mut state = cell.load();
        loop {
            match state.phase() {
                phase if is_invalid(phase) => return Held::Not,
                Phase::Empty | Phase::SenderLeaving if !backoff.is_completed() => {
                    backoff.snooze();
                    state = cell.load();
                }
                Phase::Empty | Phase::SenderLeaving => match self.invalidate(place, at, state) {
                    Ok(()) => return Held::Not,
                    Err(found) => state = found,
                },
                Phase::SenderWaits => {
                    if !self.let_in(place) {
                        self.expand();
                    }
                    state = cell.load();
                }
                Phase::SenderSelects if state.is_late() => return Held::ByValue,
                // Close is one moment for all, so this send is not let in. The caller does not say Full then.
                Phase::SenderSelects if self.sent().is_closed() => {
                    self.reject_sender(place, state);
                    return Held::ByValue;
                }
                Phase::SenderSelects => match self.settle_select(place, at, state) {
                    Ok(held) => return held,
                    Err(found) => state = found,
                },
                _ => return Held::ByValue,
            }
        }
    }

    /// Meets the select that waits in the cell, and returns how the cell is held then; or the state that was found
    /// instead.
    fn settle_select(&self, place: Place<'_, T>, at: u64, state: State) -> Result<Held, State> {
        // SAFETY: S1: `visit_until`, in `survey`, keeps the array pinned while it calls this.
        match unsafe { meet(place, SENDER, state, Cause::Operation) } {
            Meeting::Changed(found) => Err(found),
            Meeting::Won(select) => {
                // Not model-checked: `the_value_of_a_select_that_was_let_in_counts` has the lost wake-up as a mutant,
                // and takes longer to find it.
                select.wake(); // site: wake-select
                Ok(Held::ByValue)
            }
            Meeting::Happened(_) => Ok(Held::ByValue),
            Meeting::Registering(select) if !select.poison_undecided() => Err(place.cell().load()),
            Meeting::Registering(_) | Meeting::Lost => {
                self.invalidate(place, at, state.with_seen()).map(|()| Held::Not)
            }
        }
    }

    /// Makes a cell none of a place: its sender, which is still to come or about to leave, will find it so.
    fn invalidate(&self, place: Place<'_, T>, at: u64, state: State) -> Result<(), State> {
        // A select counts its cell itself.
        let counted = state.phase() == Phase::SenderSelects;
        if !counted {
            self.add_behind();
        }
        // SeqCst: this thread writes to the cell and then reads the end, an expander moves the end and then reads the
        // cell (C2). Not model-checked: in no model does the end of the buffer come just then.
        // site: take-place-of-sender
        if let Err(found) = place.cell().exchange(state, state.with_phase(Phase::SenderGone), SeqCst) {
            if !counted {
                self.remove_behind();
            }
            return Err(found);
        }
        self.pass_over_behind_end(place, at);
        Ok(())
    }
}
