//! Who decides what becomes of a select: one word that all its cells share.

use crate::rt::park::Unparker;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::SeqCst;
use core::fmt;

/// The state of a select: `outcome` in the upper bits.
///
/// `Trying`: its thread goes through the cases; nobody can choose one yet. `Waiting`: whoever makes the
/// compare-exchange to `Chosen` has decided. `Chosen(case, closed)`: that case has happened, by a value or by
/// the end of its channel. `Over`: none of its cases happens by this claim any more; the select leaves all its cells, and
/// starts over with a new claim or gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Outcome(usize);

impl Outcome {
    pub(super) const TRYING: Outcome = Outcome(0);
    pub(super) const WAITING: Outcome = Outcome(1);
    pub(super) const OVER: Outcome = Outcome(2);
    const FIRST: usize = 3;

    pub(super) const fn chosen(case: usize, closed: bool) -> Outcome {
        Outcome(Outcome::FIRST + 2 * case + closed as usize)
    }

    /// The case that was chosen, and whether because its channel is closed.
    pub(super) const fn case(self) -> Option<(usize, bool)> {
        match self.0.checked_sub(Outcome::FIRST) {
            Some(rest) => Some((rest / 2, rest % 2 == 1)),
            None => None,
        }
    }
}

impl fmt::Debug for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.case()) {
            (_, Some((case, closed))) => write!(f, "Chosen({case}, closed: {closed})"),
            (Outcome::TRYING, _) => f.write_str("Trying"),
            (Outcome::WAITING, _) => f.write_str("Waiting"),
            _ => f.write_str("Over"),
        }
    }
}

/// The word of a select, and how to wake its thread.
pub struct Claim {
    word: AtomicUsize,
    thread: Unparker,
}

impl Claim {
    pub(super) fn new(unparker: Unparker) -> Claim {
        Claim { word: AtomicUsize::new(Outcome::TRYING.0), thread: unparker }
    }

    /// What the select has come to. SeqCst: `close` marks a cell of a select that is trying and then reads this, and the
    /// select reads its cells after it began to wait: one of them sees the other. Acquire, by that: what the chooser did
    /// happens before.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome(self.word.load(SeqCst))
    }

    /// Decides a select that waits; or what it has come to instead. SeqCst: as above; Release, by that: what
    /// the chooser did happens before the select returns. SeqCst also if it fails: who then finds
    /// the select trying relies on its looking once it waits.
    #[track_caller]
    pub(super) fn decide(&self, from: Outcome, to: Outcome) -> Result<(), Outcome> {
        match self.word.compare_exchange(from.0, to.0, SeqCst, SeqCst) {
            Ok(_) => Ok(()),
            Err(found) => Err(Outcome(found)),
        }
    }

    /// Makes sure that no case happens by this claim, unless one has, so that cells of the select may be broken: this is
    /// decided here, where the select itself decides that it waits, so nobody breaks a cell of a select that waits.
    /// `false`: it waits, and can be chosen.
    pub(super) fn spoil(&self) -> bool {
        self.decide(Outcome::TRYING, Outcome::OVER) != Err(Outcome::WAITING) // site: spoil-claim
    }

    /// Whether no case happens by this claim, or one has.
    pub(super) fn is_over(&self) -> bool {
        !matches!(self.outcome(), Outcome::TRYING | Outcome::WAITING)
    }

    /// Wakes the select's thread, which then looks what has happened.
    #[track_caller]
    pub(super) fn wake(&self) {
        self.thread.clone().unpark();
    }

    /// Wakes a select that has begun to wait since it was found trying: it must look at its cells again.
    pub(super) fn wake_if_waiting(&self) {
        if self.outcome() == Outcome::WAITING {
            self.wake();
        }
    }
}
