//! What becomes of a select: one word that all its cells share.

use crate::chan::algorithm::deferred;
use crate::rt::park::Unparker;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::SeqCst;
use core::fmt;

/// What makes a case of a select happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The case's operation: a partner or a place was there.
    Operation,
    /// Its channel is closed.
    Close,
}

/// The state of a select: its stage, as a number.
///
/// `Registering`: its thread goes through the cases; no case can be chosen yet. `Waiting`: the thread that makes the
/// compare-exchange to `Chosen` decides. `Chosen(case, cause)`: that case has happened, by a value or by the end of
/// its channel. `Over`: none of its cases happens by this select state any more; the select leaves all its cells, and
/// starts over with a new select state or gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::chan) struct Stage(usize);

impl Stage {
    pub(in crate::chan) const REGISTERING: Stage = Stage(0);
    pub(in crate::chan) const WAITING: Stage = Stage(1);
    pub(in crate::chan) const OVER: Stage = Stage(2);
    const FIRST: usize = 3;

    pub(in crate::chan) const fn chosen(case: usize, cause: Cause) -> Stage {
        Stage(Stage::FIRST + 2 * case + cause as usize)
    }

    /// Returns the case that was chosen, and why.
    pub(in crate::chan) const fn case(self) -> Option<(usize, Cause)> {
        match self.0.checked_sub(Stage::FIRST) {
            Some(rest) if rest % 2 == 0 => Some((rest / 2, Cause::Operation)),
            Some(rest) => Some((rest / 2, Cause::Close)),
            None => None,
        }
    }
}

impl fmt::Debug for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (*self, self.case()) {
            (_, Some((case, cause))) => write!(f, "Chosen({case}, {cause:?})"),
            (Stage::REGISTERING, _) => f.write_str("Registering"),
            (Stage::WAITING, _) => f.write_str("Waiting"),
            _ => f.write_str("Over"),
        }
    }
}

/// The word of a select, and how to wake its thread.
pub struct SelectState {
    word: AtomicUsize,
    thread: Unparker,
    /// The mark of the select's thread.
    mark: usize,
}

impl SelectState {
    /// Returns the state of a select of the calling thread.
    pub(in crate::chan) fn new(unparker: Unparker) -> SelectState {
        let word = AtomicUsize::new(Stage::REGISTERING.0);
        SelectState { word, thread: unparker, mark: deferred::mark_of_thread() }
    }

    /// Whether the calling thread is the one that made the select.
    pub(in crate::chan) fn is_of_this_thread(&self) -> bool {
        self.mark == deferred::mark_of_thread()
    }

    /// What the select has come to. SeqCst: `close` marks a cell of a select that is registering and then reads this,
    /// and the select reads its cells after it began to wait: one of them sees the other. Acquire, by that: what the
    /// chooser did happens before.
    pub(in crate::chan) fn stage(&self) -> Stage {
        // Not model-checked: no model relies on it within the audit's bounds.
        Stage(self.word.load(SeqCst))
    }

    /// Decides a select that waits; returns what it has come to instead. SeqCst: `close` and `stage` read the word in one
    /// order with it; Release, by that: what the chooser did happens before the select returns. SeqCst also if it
    /// fails: a thread that then finds the select registering relies on the select's look once it waits.
    #[track_caller]
    pub(in crate::chan) fn commit(&self, from: Stage, to: Stage) -> Result<(), Stage> {
        match self.word.compare_exchange(from.0, to.0, SeqCst, SeqCst) {
            Ok(_) => Ok(()),
            Err(found) => Err(Stage(found)),
        }
    }

    /// Makes sure that no case happens by this select state, unless one has, so that cells of the select may be
    /// poisoned: this is decided here, where the select itself commits to waiting, so nobody poisons a cell of a select
    /// that waits. `false`: it waits, and can be chosen.
    pub(in crate::chan) fn poison(&self) -> bool {
        // Not model-checked: no model relies on it within the audit's bounds.
        self.commit(Stage::REGISTERING, Stage::OVER) != Err(Stage::WAITING) // site: poison-select
    }

    /// Whether no case happens by this select state, or one has.
    pub(in crate::chan) fn is_over(&self) -> bool {
        !matches!(self.stage(), Stage::REGISTERING | Stage::WAITING)
    }

    /// Wakes the select's thread, which then looks what has happened.
    #[track_caller]
    pub(in crate::chan) fn wake(&self) {
        self.thread.clone().unpark();
    }

    /// Wakes a select that has begun to wait since it was found registering: it must look at its cells again.
    pub(in crate::chan) fn wake_if_waiting(&self) {
        if self.stage() == Stage::WAITING {
            self.wake();
        }
    }
}
