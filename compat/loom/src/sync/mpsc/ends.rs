//! The ends of senders.
//!
//! Each sender has a flag of its own, which its drop sets. So the ends of several senders are in no order, and no execution
//! is explored for one. The clones of a sender are known from it: they were made before it ended.

#![allow(clippy::disallowed_types, reason = "the engine sees the flags, and nothing else here")]

use selvedge::rt::seam;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use std::sync::{Arc, Mutex, PoisonError};

/// The end of a sender, and of those that were cloned from it.
pub(super) struct End {
    has_come: AtomicBool,
    /// The ends of the sender's clones, each with the thread that made the clone. The lock is held across no operation that
    /// an engine sees.
    clones: Mutex<Vec<(Option<usize>, Arc<End>)>>,
}

impl End {
    #[track_caller]
    pub(super) fn new() -> Arc<End> {
        Arc::new(End { has_come: AtomicBool::new(false), clones: Mutex::default() })
    }

    /// Returns the end of a clone that the current thread makes.
    #[track_caller]
    pub(super) fn child(&self) -> Arc<End> {
        let child = End::new();
        let mut clones = self.clones.lock().unwrap_or_else(PoisonError::into_inner);
        clones.push((seam::this_thread(), Arc::clone(&child)));
        child
    }

    /// Notes that the sender has gone.
    #[track_caller]
    pub(super) fn note(&self) {
        // Release: publishes what the sender did, its last sends among it, to the Acquire load in `is_final`.
        self.has_come.store(true, Release);
    }

    /// Returns whether the sender and all its clones have gone.
    #[track_caller]
    pub(super) fn is_final(&self) -> bool {
        // Acquire: synchronizes with the Release store in `note`: what the sender did happens before. With Relaxed the
        // receiver could miss a message that was sent before the end.
        self.has_come.load(Acquire) && self.clones().iter().all(|clone| clone.is_final())
    }

    /// Returns the ends of the clones. Once the sender has gone there are no more of them; their order is the same in every
    /// replay, also if several threads have cloned the sender.
    fn clones(&self) -> Vec<Arc<End>> {
        let mut clones = self.clones.lock().unwrap_or_else(PoisonError::into_inner);
        clones.sort_by_key(|(thread, _)| *thread);
        clones.iter().map(|(_, end)| Arc::clone(end)).collect()
    }
}
