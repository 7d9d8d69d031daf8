//! What other threads see of an M beside the scheduler's parts: what it runs, and where its thread's locals are.

use super::M;
use crate::migration::Block;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, PoisonError};

/// What an M runs, and its thread-locals.
pub(crate) struct Turns {
    turn: AtomicU64,
    waiting: AtomicU32,
    /// Where the thread's thread-locals are, if that is asked for and can be told. While it is there, and locked, the thread does
    /// not end.
    locals: Mutex<Option<Block>>,
}

/// What an M runs, as the monitor sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Turn {
    /// How many turns of goroutines the M has begun.
    number: u32,
    /// The goroutine; 0: none.
    pub(crate) task: u32,
}

impl Turns {
    pub(super) fn new() -> Turns {
        Turns { turn: AtomicU64::new(0), waiting: AtomicU32::new(0), locals: Mutex::new(None) }
    }

    /// Notes where the thread-locals of the M's thread are; for the M.
    pub(crate) fn set_locals(&self, locals: Option<Block>) {
        *self.locals.lock().unwrap_or_else(PoisonError::into_inner) = locals;
    }

    /// Calls `f` with the thread-locals of the M's thread, which does not end meanwhile.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce(Option<&Block>) -> R) -> R {
        f(self.locals.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Notes that the M begins to run a goroutine, and how many of its others wait meanwhile; for the M.
    pub(crate) fn begins(&self, task: u32, waiting: u32) {
        // Relaxed: the monitor reads them, and nothing depends on them but a report.
        let number = (self.turn.load(Relaxed) >> u32::BITS) + 1;
        self.turn.store(number << u32::BITS | u64::from(task), Relaxed);
        self.wait(waiting);
    }

    /// Notes how many goroutines of the M could run but for the one that runs; for the M.
    pub(crate) fn wait(&self, waiting: u32) {
        self.waiting.store(waiting, Relaxed); // Relaxed: only a report depends on the value.
    }

    /// Notes that the M runs no goroutine; for the M.
    pub(crate) fn ends(&self) {
        // Relaxed: only a report depends on the value.
        self.turn.store(self.turn.load(Relaxed) & !u64::from(u32::MAX), Relaxed);
    }

    /// Returns what the M runs.
    pub(crate) fn turn(&self) -> Turn {
        let turn = self.turn.load(Relaxed); // Relaxed: only a report depends on the value.
        Turn { number: (turn >> u32::BITS) as u32, task: turn as u32 }
    }
}

/// Returns how many goroutines of an M could run but for the one that runs, or 1 if the number is not known.
pub(super) fn waiting(m: &M) -> u32 {
    // Relaxed: only a report depends on the value.
    m.own.waiting.load(Relaxed).max(u32::from(!m.inbox.is_empty()))
}
