//! How far the operation of a future has come. A future moves before it is polled, often more than once, so what it holds
//! then is small.

use crate::chan::select::case::Slot;

/// How far a receive has come.
pub(in crate::chan) enum Receiving {
    /// It has not begun.
    Fresh,
    /// It waits, or is about to begin anew.
    Begun(Slot),
    /// It has ended.
    Ended,
}

impl Receiving {
    /// Returns what it holds; it begins, if it has not yet.
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
    /// Its value is still here: it has not begun, or begins anew.
    Holds(T),
    /// It waits, and its value is in the cell.
    Waits(Slot),
    /// The value has been sent, and the future has not told so yet.
    Sent,
    /// It has ended.
    Ended,
}

impl<T> Sending<T> {
    pub(super) fn has_ended(&self) -> bool {
        matches!(self, Sending::Ended)
    }
}
