//! What becomes of a select: one word that all its cells share.
//!
//! A thread keeps the state of a select for its next one, so a select allocates nothing for its wait. (A goroutine does.)
//! The word holds the number of the wait beside the stage: a thread that still knows of an earlier wait finds another
//! number there, and takes that wait for over. Only the select's own thread changes the number, before it registers. It
//! uses a number once: after the last one it makes a new state.

use crate::chan::algorithm::deferred::{self, Mark};
use crate::rt::bubble::{self, Owner};
use crate::rt::park::{Parker, Unparker};
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::rt::task::{self, Why};
use crate::rt::twin::is_twin;
use core::cell::Cell;
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
/// its channel. `Over`: none of its cases happens by this wait any more; the select leaves all its cells, and
/// starts over with another wait or gives up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::chan) struct Stage(u32);

impl Stage {
    pub(in crate::chan) const REGISTERING: Stage = Stage(0);
    pub(in crate::chan) const WAITING: Stage = Stage(1);
    pub(in crate::chan) const OVER: Stage = Stage(2);
    const FIRST: u32 = 3;

    pub(in crate::chan) const fn chosen(case: usize, cause: Cause) -> Stage {
        debug_assert!(case < (u32::MAX / 2) as usize - 1, "a select has fewer cases");
        Stage(Stage::FIRST + 2 * case as u32 + cause as u32)
    }

    /// Returns the case that was chosen, and why.
    pub(in crate::chan) const fn case(self) -> Option<(usize, Cause)> {
        match self.0.checked_sub(Stage::FIRST) {
            Some(rest) if rest % 2 == 0 => Some((rest as usize / 2, Cause::Operation)),
            Some(rest) => Some((rest as usize / 2, Cause::Close)),
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

/// The stage of a wait of a select, and the number of the wait.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Word(u64);

impl Word {
    const fn new(number: u32, stage: Stage) -> Word {
        Word((number as u64) << 32 | stage.0 as u64)
    }

    /// Returns the stage of the wait with this number, which is over if the word has another.
    const fn stage(self, number: u32) -> Stage {
        if (self.0 >> 32) as u32 == number { Stage(self.0 as u32) } else { Stage::OVER }
    }
}

/// The word of a select, and how to wake its thread.
struct SelectState {
    /// A [`Word`].
    word: AtomicU64,
    thread: Unparker,
    /// The mark of the select's thread.
    mark: Mark,
}

/// A wait of a select, as its cells and other threads know it.
#[derive(Clone)]
pub struct SelectWait {
    state: Arc<SelectState>,
    number: u32,
}

/// A wait of a select of the calling thread. When this is dropped the thread keeps the state for its next wait.
pub(in crate::chan) struct OwnWait {
    own: Option<Box<Own>>,
    /// Whether the thread keeps it. A goroutine does not: its parker serves one wait. Nor does a thread in a bubble:
    /// the next wait may be for channels of another one.
    is_kept: bool,
}

/// What a thread keeps from wait to wait. In a box: it goes in and out of a thread-local for each wait.
struct Own {
    wait: SelectWait,
    /// Of the state: a permit that was given for an earlier wait wakes the thread once in vain.
    parker: Parker,
}

crate::rt::thread_local! {
    /// The last wait, whose state and parker are used again.
    static LAST: Cell<Option<Box<Own>>> = Cell::new(None);
}

impl Own {
    #[cold]
    fn new(owner: impl FnOnce() -> Option<Owner>) -> Box<Own> {
        let parker = Parker::for_wait_of(Why::Select, owner);
        let word = AtomicU64::new(Word::new(0, Stage::REGISTERING).0);
        let state = SelectState { word, thread: parker.unparker(), mark: deferred::mark_of_thread() };
        Box::new(Own { wait: SelectWait { state: Arc::new(state), number: 0 }, parker })
    }

    /// Whether another wait may use the state and the parker.
    fn serves_again(&self) -> bool {
        self.wait.number < u32::MAX && self.parker.is_of_this_run()
    }

    fn begin_next(&mut self) {
        self.wait.number += u32::from(!is_twin()); // site: number-next-wait
        // Relaxed: a thread that knows of this wait has it from a cell or a list, in which this thread puts it after the
        // store and publishes it. A thread that knows of an earlier wait finds no stage of that one, whether it reads the
        // older word or this one.
        self.wait.state.word.store(Word::new(self.wait.number, Stage::REGISTERING).0, Relaxed);
    }
}

impl OwnWait {
    /// Begins a wait, which is registering. `owner` is called in a bubble only, and returns that of the channels.
    pub(in crate::chan) fn begin(owner: impl FnOnce() -> Option<Owner>) -> OwnWait {
        let is_kept = task::number().is_none() && !bubble::is_inside();
        let last = if is_kept { LAST.try_with(Cell::take).ok().flatten() } else { None };
        let own = match last {
            Some(mut own) if own.serves_again() => {
                own.begin_next();
                own
            }
            _ => Own::new(owner),
        };
        OwnWait { own: Some(own), is_kept }
    }

    fn own(&self) -> &Own {
        self.own.as_ref().expect("a select has its wait until it is dropped")
    }

    pub(in crate::chan) fn wait(&self) -> &SelectWait {
        &self.own().wait
    }

    pub(in crate::chan) fn parker(&self) -> &Parker {
        &self.own().parker
    }
}

impl Drop for OwnWait {
    fn drop(&mut self) {
        if self.is_kept {
            // Not so if the thread is ending: then it goes.
            _ = LAST.try_with(|last| last.set(self.own.take()));
        }
    }
}

impl SelectWait {
    /// Returns whether both are the same wait of the same select.
    pub(in crate::chan) fn is(&self, other: &SelectWait) -> bool {
        Arc::ptr_eq(&self.state, &other.state) && self.number == other.number
    }

    /// Returns the mark of the thread that made the select. That thread may have ended: a thread that has met the
    /// select may see it later than that, and the user may have forgotten an operation.
    pub(in crate::chan) fn mark(&self) -> Mark {
        self.state.mark
    }

    /// What the wait has come to. SeqCst: `close` marks a cell of a select that is registering and then reads this,
    /// and the select reads its cells after it began to wait: one of them sees the other. Acquire, by that: what the
    /// chooser did happens before.
    pub(in crate::chan) fn stage(&self) -> Stage {
        // Not model-checked: no model relies on it within the audit's bounds.
        Word(self.state.word.load(SeqCst)).stage(self.number)
    }

    /// Decides a select that waits; returns what it has come to instead. SeqCst: `close` and `stage` read the word in one
    /// order with it; Release, by that: what the chooser did happens before the select returns. SeqCst also if it
    /// fails: a thread that then finds the select registering relies on the select's look once it waits.
    #[track_caller]
    pub(in crate::chan) fn commit(&self, from: Stage, to: Stage) -> Result<(), Stage> {
        let (from, to) = (Word::new(self.number, from), Word::new(self.number, to));
        match self.state.word.compare_exchange(from.0, to.0, SeqCst, SeqCst) {
            Ok(_) => Ok(()),
            Err(found) => Err(Word(found).stage(self.number)),
        }
    }

    /// Makes sure that no case happens by this wait, unless one has, so that cells of the select may be
    /// poisoned: this is decided here, where the select itself commits to waiting, so nobody poisons a cell of a select
    /// that waits. `false`: it waits, and can be chosen.
    pub(in crate::chan) fn poison(&self) -> bool {
        // Not model-checked: no model relies on it within the audit's bounds.
        self.commit(Stage::REGISTERING, Stage::OVER) != Err(Stage::WAITING) // site: poison-select
    }

    /// Makes sure that no case happens by this wait, for a thread that goes by the case that has happened: `false` also
    /// if one has, which may be the one that this thread has met, and keeps its cell then.
    pub(in crate::chan) fn poison_undecided(&self) -> bool {
        // site: keep-cell-of-chosen
        if is_twin() {
            return self.poison();
        }
        // Not model-checked: `commit` is one for all that decide a select, of which `close` needs SeqCst.
        matches!(self.commit(Stage::REGISTERING, Stage::OVER), Ok(()) | Err(Stage::OVER))
    }

    /// Whether no case happens by this wait, or one has.
    pub(in crate::chan) fn is_over(&self) -> bool {
        !matches!(self.stage(), Stage::REGISTERING | Stage::WAITING)
    }

    /// Wakes the select's thread, which then looks what has happened.
    #[track_caller]
    pub(in crate::chan) fn wake(&self) {
        self.state.thread.clone().unpark();
    }

    /// Wakes a select that has begun to wait since it was found registering: it must look at its cells again.
    pub(in crate::chan) fn wake_if_waiting(&self) {
        if self.stage() == Stage::WAITING {
            // Not model-checked: no model fails without it within the audit's bounds. The select may have begun to
            // wait, and have looked at its cells, between the caller's look at it and the mark in its cell.
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::thread::spawn;

    /// The system gives the memory of a thread that has ended to the next one, thread-locals at the same addresses.
    #[test]
    fn a_select_is_not_that_of_a_thread_that_comes_after_its_own() {
        let (wait, is_own) = spawn(|| {
            let own = OwnWait::begin(|| None);
            (own.wait().clone(), own.wait().mark() == deferred::mark_of_thread())
        })
        .join()
        .expect("no panic");
        assert!(is_own);
        for _ in 0..8 {
            let theirs = wait.clone();
            let is_own = spawn(move || theirs.mark() == deferred::mark_of_thread()).join();
            assert!(!is_own.expect("no panic"));
        }
    }
}
