//! The word of a cell, and the types of what stands in it.

use core::fmt;
use core::marker::PhantomData;

/// A party of a cell, named after the counter that gives it its tickets. A user of the array has names of its own for
/// the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Party {
    First,
    Second,
}

impl Party {
    pub(crate) const BOTH: [Party; 2] = [Party::First, Party::Second];

    pub(crate) const fn index(self) -> usize {
        self as usize
    }

    pub(super) const fn other(self) -> Party {
        match self {
            Party::First => Party::Second,
            Party::Second => Party::First,
        }
    }
}

/// Where a cell is in its life, in the words of the array's user: up to 16 phases.
pub(crate) trait CellPhase: Copy + Eq + fmt::Debug + 'static {
    /// The phase of a fresh cell.
    const FRESH: Self;
    /// Returns the phase's number, which is below 16.
    fn number(self) -> u8;
    /// Returns the phase with a number that [`number`](Self::number) has returned.
    fn from_number(number: u8) -> Self;
}

/// `asleep` (bit 7) · `seen` (bit 6) · `left` (bits 4 and 5, one for each party) · `phase` (bits 0 to 3).
pub(crate) struct State<P>(u8, PhantomData<P>);

const PHASE: u8 = 0b0000_1111;
const LEFT_SHIFT: usize = 4;
const ALL_LEFT: u8 = 0b0011_0000;
const SEEN: u8 = 0b0100_0000;
const ASLEEP: u8 = 0b1000_0000;

impl<P> Clone for State<P> {
    #[inline]
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for State<P> {}

impl<P> PartialEq for State<P> {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<P> Eq for State<P> {}

impl<P> State<P> {
    #[inline]
    pub(crate) const fn from_bits(bits: u8) -> Self {
        State(bits, PhantomData)
    }

    #[inline]
    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    /// Returns the bit that says that `party` has left, alone.
    #[inline]
    pub(super) const fn left_bit(party: Party) -> u8 {
        1 << (LEFT_SHIFT + party.index())
    }

    /// Returns the state after `party` has left.
    #[inline]
    pub(crate) const fn with_left(self, party: Party) -> Self {
        State::from_bits(self.0 | Self::left_bit(party))
    }

    #[inline]
    pub(crate) const fn has_left(self, party: Party) -> bool {
        self.0 & Self::left_bit(party) != 0
    }

    /// Returns whether both parties have left.
    #[inline]
    pub(super) const fn is_finished(self) -> bool {
        self.0 & ALL_LEFT == ALL_LEFT
    }

    /// Returns the state once a thread that does not own the cell's waiter looks at the waiter.
    #[inline]
    pub(crate) const fn with_seen(self) -> Self {
        State::from_bits(self.0 | SEEN)
    }

    #[inline]
    pub(crate) const fn is_seen(self) -> bool {
        self.0 & SEEN != 0
    }

    /// Returns the state once the waiter has to be woken.
    #[inline]
    pub(crate) const fn asleep(self) -> Self {
        State::from_bits(self.0 | ASLEEP)
    }

    /// Returns the state for the next holder of a ticket that was given back: nobody sleeps there, and nobody has
    /// looked.
    #[inline]
    pub(crate) const fn afresh(self) -> Self {
        State::from_bits(self.0 & !(ASLEEP | SEEN))
    }

    /// Returns the state while the waiter looks by itself.
    #[inline]
    pub(crate) const fn awake(self) -> Self {
        State::from_bits(self.0 & !ASLEEP)
    }

    #[inline]
    pub(crate) const fn is_asleep(self) -> bool {
        self.0 & ASLEEP != 0
    }
}

impl<P: CellPhase> State<P> {
    /// Returns the state of a cell in a phase, where nobody has left and nobody sleeps.
    #[inline]
    pub(crate) fn new(phase: P) -> Self {
        State::from_bits(phase.number())
    }

    #[inline]
    pub(crate) fn phase(self) -> P {
        P::from_number(self.0 & PHASE)
    }

    /// Returns the state in another phase.
    #[inline]
    pub(crate) fn with_phase(self, phase: P) -> Self {
        State::from_bits(self.0 & !PHASE | phase.number())
    }
}

impl<P: CellPhase> fmt::Debug for State<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("phase", &self.phase())
            .field("left", &Party::BOTH.map(|party| self.has_left(party)))
            .field("seen", &self.is_seen())
            .field("asleep", &self.is_asleep())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl CellPhase for u8 {
        const FRESH: u8 = 0;

        fn number(self) -> u8 {
            self
        }

        fn from_number(number: u8) -> u8 {
            number
        }
    }

    #[test]
    fn phases_and_parties_do_not_disturb_each_other() {
        let state = State::new(9).with_left(Party::First).with_seen();
        assert_eq!(
            (state.phase(), state.has_left(Party::First), state.has_left(Party::Second)),
            (9, true, false)
        );
        let state = state.with_phase(3);
        assert!(
            state.phase() == 3 && state.has_left(Party::First) && state.is_seen() && !state.is_finished()
        );
        assert!(state.with_left(Party::Second).is_finished());
        assert!(state.asleep().is_asleep() && state.asleep().awake() == state && !state.is_asleep());
    }
}
