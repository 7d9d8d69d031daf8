//! A cell for a waker.
//!
//! The waker stands under a native lock that is held across no operation which an engine sees. Each operation begins with a
//! swap of a flag, which the engine sees; from the swap to the change of the waker there is no scheduling point. So the
//! engine explores the orders of the operations, and each is one event.

#![allow(
    clippy::disallowed_types,
    reason = "the engine sees the flag, and a native lock that is held across no operation of its"
)]

use core::task::Waker;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::AcqRel;
use std::sync::{Mutex, PoisonError};

/// Keeps the waker of a task that others wake.
#[derive(Debug, Default)]
pub struct AtomicWaker {
    /// Whether there is a waker.
    is_full: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl AtomicWaker {
    /// Returns a cell without a waker.
    #[track_caller]
    pub fn new() -> AtomicWaker {
        AtomicWaker::default()
    }

    /// Keeps `waker`, and drops the one that was there.
    #[track_caller]
    pub fn register(&self, waker: Waker) {
        drop(self.replace(Some(waker)));
    }

    /// Keeps a clone of `waker`, and drops the one that was there.
    #[track_caller]
    pub fn register_by_ref(&self, waker: &Waker) {
        self.register(waker.clone());
    }

    /// Takes the waker, and wakes its task.
    #[track_caller]
    pub fn wake(&self) {
        if let Some(waker) = self.take_waker() {
            waker.wake();
        }
    }

    /// Takes the waker.
    #[track_caller]
    pub fn take_waker(&self) -> Option<Waker> {
        self.replace(None)
    }

    /// Replaces the waker, and returns the former one.
    #[track_caller]
    fn replace(&self, waker: Option<Waker>) -> Option<Waker> {
        // AcqRel: each operation on the cell happens before the next one, as the critical sections of a lock do. With
        // Relaxed what the registering task did would not happen before what the waking thread does, nor the other way.
        self.is_full.swap(waker.is_some(), AcqRel);
        core::mem::replace(&mut *self.waker.lock().unwrap_or_else(PoisonError::into_inner), waker)
    }
}
