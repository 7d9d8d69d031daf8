//! A thread that runs goroutines, as other threads see it.

use super::Instance;
use crate::core::inbox::Inbox;
use crate::core::mailbox::{Assigned, Mailbox};
use crate::goroutine::TABLE;
use core::sync::atomic::Ordering::Relaxed;
use crate::migration::Block;
use core::sync::atomic::{AtomicU32, AtomicU64};
use selvedge::rt::park::Unparker;
use std::sync::{Arc, Mutex, PoisonError};

pub(crate) struct M {
    pub(crate) instance: Arc<Instance>,
    /// The place of the M among those of its instance.
    pub(crate) number: u32,
    /// Whether the M sleeps, and what it is woken for.
    pub(crate) mailbox: Mailbox<Unparker>,
    /// Goroutines of the M that other threads made runnable.
    pub(crate) inbox: Inbox,
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

impl M {
    pub(crate) fn new(instance: Arc<Instance>, number: u32) -> M {
        M {
            instance,
            number,
            mailbox: Mailbox::new(),
            inbox: Inbox::new(),
            turn: AtomicU64::new(0),
            waiting: AtomicU32::new(0),
            locals: Mutex::new(None),
        }
    }

    /// Makes a goroutine of this M runnable.
    pub(crate) fn post(&self, task: u32) {
        self.inbox.push(&TABLE, task);
        self.instance.look_after(self);
    }

    /// Notes where the thread-locals of the M's thread are; for the M.
    pub(crate) fn set_locals(&self, locals: Option<Block>) {
        *self.locals.lock().unwrap_or_else(PoisonError::into_inner) = locals;
    }

    /// Calls `f` with the thread-locals of the M's thread, which does not end meanwhile.
    pub(crate) fn with_locals<R>(&self, f: impl FnOnce(Option<&Block>) -> R) -> R {
        f(self.locals.lock().unwrap_or_else(PoisonError::into_inner).as_ref())
    }

    /// Lets the M look again, if it sleeps; returns whether it did.
    pub(crate) fn poke(&self) -> bool {
        let Some(token) = self.mailbox.assign(Assigned { p: None, searching: false }) else { return false };
        self.instance.idle.wakes_one();
        token.unpark();
        true
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

    /// Returns how many goroutines of the M could run but for the one that runs, or 1 if the number is not known.
    pub(crate) fn waiting(&self) -> u32 {
        // Relaxed: only a report depends on the value.
        self.waiting.load(Relaxed).max(u32::from(!self.inbox.is_empty()))
    }
}
