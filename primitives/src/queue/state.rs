//! The word of a cell.

use core::fmt;

/// `asleep` (bit 7) · `seen` (bit 6) · `left` (bits 4 and 5, one for each party) · `phase` (bits 0 to 3).
///
/// What the phases mean is the business of whoever owns the array.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct State(u8);

const PHASE: u8 = 0b0000_1111;
const LEFT_SHIFT: usize = 4;
const ALL_LEFT: u8 = 0b0011_0000;
const SEEN: u8 = 0b0100_0000;
const ASLEEP: u8 = 0b1000_0000;

impl State {
    pub(crate) const fn new(phase: u8) -> State {
        State(phase)
    }

    pub(crate) const fn from_bits(bits: u8) -> State {
        State(bits)
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    pub(crate) const fn phase(self) -> u8 {
        self.0 & PHASE
    }

    /// The same cell in another phase.
    pub(crate) const fn with_phase(self, phase: u8) -> State {
        State(self.0 & !PHASE | phase)
    }

    /// The bit that says that `party` has left, alone.
    pub(crate) const fn left_bit(party: usize) -> State {
        State(1 << (LEFT_SHIFT + party))
    }

    /// The same cell after `party` has left.
    pub(crate) const fn with_left(self, party: usize) -> State {
        State(self.0 | State::left_bit(party).0)
    }

    pub(crate) const fn has_left(self, party: usize) -> bool {
        self.0 & State::left_bit(party).0 != 0
    }

    /// Whether all parties have left.
    pub(super) const fn is_finished(self) -> bool {
        self.0 & ALL_LEFT == ALL_LEFT
    }

    /// The same cell, once somebody who does not own its waiter looks at it.
    pub(crate) const fn with_seen(self) -> State {
        State(self.0 | SEEN)
    }

    pub(crate) const fn is_seen(self) -> bool {
        self.0 & SEEN != 0
    }

    /// The same cell, once whoever waits there has to be woken.
    pub(crate) const fn asleep(self) -> State {
        State(self.0 | ASLEEP)
    }

    /// The same cell for the next one with a ticket that was given back: nobody sleeps there, and nobody has looked.
    pub(crate) const fn afresh(self) -> State {
        State(self.0 & !(ASLEEP | SEEN))
    }

    /// The same cell, while whoever waits there looks by itself.
    pub(crate) const fn awake(self) -> State {
        State(self.0 & !ASLEEP)
    }

    pub(crate) const fn is_asleep(self) -> bool {
        self.0 & ASLEEP != 0
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("phase", &self.phase())
            .field("left", &(self.0 >> LEFT_SHIFT & 0b11))
            .field("seen", &self.is_seen())
            .field("asleep", &self.is_asleep())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_and_parties_do_not_disturb_each_other() {
        let state = State::new(9).with_left(0).with_seen();
        assert_eq!((state.phase(), state.has_left(0), state.has_left(1)), (9, true, false));
        let state = state.with_phase(3);
        assert!(state.phase() == 3 && state.has_left(0) && state.is_seen() && !state.is_finished());
        assert!(state.with_left(1).is_finished());
        assert!(state.asleep().is_asleep() && state.asleep().awake() == state && !state.is_asleep());
    }
}
