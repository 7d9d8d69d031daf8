//! Suspends threads at any of their steps: a thread that cannot continue meanwhile depends on a suspended one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Which threads stop, at a moment that the search picks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// This thread, after one of its steps.
    Victim(usize),
    /// All participating threads except this one, after a step of any of them.
    AllBut(usize),
}

/// Threads that stop until all others are done.
#[derive(Clone, Debug)]
pub(crate) struct Freeze {
    pub(crate) who: Who,
    /// A bit for each thread that is done, which the model sets.
    pub(crate) done: Arc<AtomicU64>,
    /// The threads that take part: from 1 to this number.
    pub(crate) threads: usize,
}

/// Where an execution is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// No thread is suspended yet.
    #[default]
    Before,
    /// The threads are suspended.
    Frozen,
    /// The threads run again.
    After,
}

impl Freeze {
    fn is_frozen(&self, thread: usize) -> bool {
        match self.who {
            Who::Victim(victim) => thread == victim,
            Who::AllBut(survivor) => thread != survivor && (1..=self.threads).contains(&thread),
        }
    }

    fn is_done(&self, thread: usize) -> bool {
        // Relaxed: the model's threads are coroutines of this OS thread.
        self.done.load(Relaxed) & (1 << thread) != 0
    }

    /// Whether all those that go on are done.
    fn others_are_done(&self) -> bool {
        (1..=self.threads).all(|thread| self.is_frozen(thread) || self.is_done(thread))
    }

    /// Whether it may happen after this step.
    pub(super) fn may_begin(&self, last: Option<usize>) -> bool {
        last.is_some_and(|last| self.is_frozen(last) && !self.is_done(last)) && !self.others_are_done()
    }

    /// Returns the threads that may run while others are suspended, and ends the suspension once the others are done.
    ///
    /// # Errors
    /// Which threads wait for which suspended ones, if none may run.
    pub(super) fn allow(&self, runnable: &[usize], stage: &mut Stage) -> Result<Vec<usize>, String> {
        if *stage == Stage::Frozen && self.others_are_done() {
            *stage = Stage::After;
        }
        if *stage != Stage::Frozen {
            return Ok(runnable.to_vec());
        }
        let allowed: Vec<usize> =
            runnable.iter().copied().filter(|thread| !self.is_frozen(*thread)).collect();
        if !allowed.is_empty() {
            return Ok(allowed);
        }
        let waiting = (1..=self.threads).filter(|thread| !self.is_frozen(*thread) && !self.is_done(*thread));
        let names = |threads: Vec<usize>| {
            let names: Vec<String> = threads.iter().map(|thread| format!("T{thread}")).collect();
            names.join(", ")
        };
        let frozen = (1..=self.threads).filter(|thread| self.is_frozen(*thread) && !self.is_done(*thread));
        Err(format!(
            "{} waits for {}, which has stopped between two steps",
            names(waiting.collect()),
            names(frozen.collect())
        ))
    }
}
