//! How far the operation of a future has come. A future moves before it is polled, often more than once: so a fresh one
//! has little to move, and no more than a byte says that it is fresh.

use crate::chan::select::case::Slot;

/// How far a receive has come.
pub(in crate::chan) enum Receiving {
    /// The receive has not begun.
    Fresh,
    /// The receive waits, or begins anew at the next poll.
    Begun(Slot),
    /// The receive has ended.
    Ended,
}

impl Receiving {
    /// Returns the slot of the receive, which begins if it has not yet.
    pub(in crate::chan) fn slot(&mut self) -> &mut Slot {
        if let Receiving::Fresh | Receiving::Ended = self {
            *self = Receiving::Begun(Slot::EMPTY);
        }
        match self {
            Receiving::Begun(slot) => slot,
            Receiving::Fresh | Receiving::Ended => unreachable!("it has begun"),
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Receiving::Ended)
    }
}

/// How far a send has come.
pub(in crate::chan) enum Sending<T> {
    /// The value is still here: the send has not begun, or begins anew at the next poll.
    Holds(T),
    /// The send waits, and the value is in its cell.
    Waits(Slot),
    /// The value has been sent, and the future has not told so yet.
    Sent,
    /// The send has ended.
    Ended,
}

impl<T> Sending<T> {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Sending::Ended)
    }
}
