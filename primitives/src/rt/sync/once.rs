//! A closure that runs once, for models, with std's names.
//!
//! S1. One thread at a time is between `begin`, which moves the state to RUNNING, and `finish`, which moves it on. After
//! DONE no thread is there again.

use super::atomic::AtomicU8;
use super::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::park::Gate;
use crate::rt::task::Why;
use crate::spec;
use core::fmt;

/// No thread has called the closure.
const NEW: u8 = 0;
/// A thread is in the closure.
const RUNNING: u8 = 1;
/// The closure has returned.
const DONE: u8 = 2;
/// The closure has panicked.
const POISONED: u8 = 3;

/// Runs a closure once, as [`std::sync::Once`], for models and tests. The library's own is
/// [`sync::Once`](crate::sync::Once).
///
/// ```
/// use selvedge::rt::sync::Once;
/// static START: Once = Once::const_new();
/// let mut calls = 0;
/// START.call_once(|| calls += 1);
/// START.call_once(|| calls += 1);
/// assert!(calls == 1 && START.is_completed());
/// ```
pub struct Once {
    state: AtomicU8,
    gate: Gate,
    spec: spec::Once,
}

/// What the closure of [`Once::call_once_force`] is told.
#[derive(Debug)]
pub struct OnceState {
    poisoned: bool,
}

impl OnceState {
    /// Returns whether an earlier closure has panicked.
    pub fn is_poisoned(&self) -> bool {
        self.poisoned
    }
}

/// The right and the duty to finish, also if the closure panics.
struct Running<'a> {
    once: &'a Once,
    becomes: u8,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.once.finish(self.becomes);
    }
}

impl Once {
    constructor! {
        /// Returns a `Once` whose closure has not run. This function is `const` in the default build only, for the
        /// reasons in [`rt`](crate::rt#statics).
        pub fn new() -> Once {
            Once { state: AtomicU8::new(NEW), gate: Gate::new(), spec: spec::Once::new("rt once") }
        }
    }

    /// Returns a `Once` for a static; `const` in every build. Under an engine its closure runs once in each execution.
    pub const fn const_new() -> Once {
        Once { state: AtomicU8::const_new(NEW), gate: Gate::new(), spec: spec::Once::const_new("rt once") }
    }

    /// Calls `f` if no closure has been called yet, and blocks while another thread's runs. When this returns a closure has
    /// returned, and what it did happens before.
    ///
    /// # Panics
    /// If `f` panics, or a closure has panicked before.
    #[track_caller]
    pub fn call_once(&self, f: impl FnOnce()) {
        if let Some(running) = self.begin(false) {
            running.run(f);
        }
    }

    /// Calls `f` as [`call_once`](Self::call_once) does, also if a closure has panicked before.
    ///
    /// # Panics
    /// If `f` panics.
    #[track_caller]
    pub fn call_once_force(&self, f: impl FnOnce(&OnceState)) {
        if let Some(running) = self.begin(true) {
            let state = OnceState { poisoned: running.becomes == POISONED };
            running.run(|| f(&state));
        }
    }

    /// Returns whether a closure has returned. If so, what it did happens before.
    pub fn is_completed(&self) -> bool {
        // Acquire: synchronizes with the Release swap in `finish`: with Relaxed the caller would race with what the closure
        // did (mutant).
        self.state.load(Acquire) == DONE // site: see-done
    }

    /// Blocks until a closure has returned, which happens before.
    ///
    /// # Panics
    /// If a closure has panicked.
    #[track_caller]
    pub fn wait(&self) {
        if self.spec.is_specified() {
            return assert!(self.spec.wait(), "the closure of a Once has panicked");
        }
        self.gate.until(Why::Once, || matches!(self.acquired(), DONE | POISONED));
        assert!(self.is_completed(), "the closure of a Once has panicked");
    }

    fn acquired(&self) -> u8 {
        // Acquire: synchronizes with the Release swap in `finish`: with Relaxed a caller that finds DONE would race with what
        // the closure did (mutant).
        self.state.load(Acquire) // site: see-state
    }

    /// Takes on to run a closure, and blocks while another thread runs one; `None`: a closure has returned.
    #[track_caller]
    fn begin(&self, despite_poison: bool) -> Option<Running<'_>> {
        if self.spec.is_specified() {
            return match self.spec.begin(despite_poison) {
                spec::Begun::Run { poisoned } => {
                    Some(Running { once: self, becomes: if poisoned { POISONED } else { NEW } })
                }
                spec::Begun::Return => None,
                spec::Begun::Poisoned => panic!("a closure of this Once has panicked before"),
            };
        }
        loop {
            match self.acquired() {
                DONE => return None,
                POISONED if !despite_poison => panic!("a closure of this Once has panicked before"),
                RUNNING => self.gate.until(Why::Once, || self.acquired() != RUNNING),
                found if self.claim(found) => return Some(Running { once: self, becomes: found }),
                _ => (),
            }
        }
    }

    /// Moves the state from `found` to RUNNING.
    fn claim(&self, found: u8) -> bool {
        // Acquire: synchronizes with the Release swap in `finish` after a panic: what the closure that panicked did
        // happens before what the next one does. Relaxed on failure: the loop in `begin` looks again.
        // Not model-checked: `begin` has read this state with Acquire.
        self.state.compare_exchange(found, RUNNING, Acquire, Relaxed).is_ok()
    }

    /// Ends the closure.
    fn finish(&self, becomes: u8) {
        // Release: publishes what the closure did to the Acquire loads in `is_completed` and `acquired`; with Relaxed their
        // callers would race with the closure (mutant).
        self.state.swap(becomes, Release); // site: finish-once
        if self.spec.is_specified() {
            return self.spec.finish(becomes == POISONED);
        }
        self.gate.open();
    }
}

impl Running<'_> {
    fn run(mut self, f: impl FnOnce()) {
        self.becomes = POISONED;
        f();
        self.becomes = DONE;
    }
}

impl Default for Once {
    #[track_caller]
    fn default() -> Once {
        Once::new()
    }
}

impl fmt::Debug for Once {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once").finish_non_exhaustive()
    }
}
