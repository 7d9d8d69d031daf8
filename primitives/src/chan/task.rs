//! The waker of a task that waits.

use super::deferred;
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::task::Waker;

/// Nobody touches the waker.
const IDLE: u8 = 0;
/// The owner is changing it.
const SETTING: u8 = 1;
/// Somebody is taking it; or, together with [`SETTING`], wanted to.
const WAKING: u8 = 2;

/// A waker that its owner sets, from poll to poll, while others wake it.
///
/// Whoever moves the state from `IDLE` has the slot. A wake that comes while the owner is setting leaves its mark,
/// and the owner wakes the task itself. Wakers are user code: they are cloned before the slot is taken, and woken and
/// dropped [last](deferred).
pub(super) struct TaskWaker {
    state: AtomicU8,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: the state says who has the slot.
unsafe impl Send for TaskWaker {}
// SAFETY: as above.
unsafe impl Sync for TaskWaker {}

impl TaskWaker {
    pub(super) fn new() -> TaskWaker {
        TaskWaker { state: AtomicU8::new(IDLE), waker: UnsafeCell::new(None) }
    }

    /// For the owner alone.
    pub(super) fn set(&self, waker: &Waker) {
        let fresh = waker.clone();
        // Acquire: whoever took the last waker is done with the slot. Relaxed: if somebody is taking it just
        // now, the task is polled again, and comes here again.
        if self.state.compare_exchange(IDLE, SETTING, Acquire, Relaxed).is_err() {
            return deferred::wake(fresh);
        }
        // SAFETY: the slot is ours.
        let old = self.waker.with_mut(|slot| unsafe { (*slot).replace(fresh) });
        // Release: the waker is here for who takes it. Acquire: what the one who wanted to wake us did comes
        // before.
        // site: finish-setting-waker
        if self.state.compare_exchange(SETTING, IDLE, Release, Acquire).is_err() {
            // SAFETY: the slot is still ours: who wanted to wake us has left it to us.
            let waker = self.waker.with_mut(|slot| unsafe { (*slot).take() });
            // Release: we are done with the slot. Audit: no model wakes a task twice.
            self.state.store(IDLE, Release);
            waker.into_iter().for_each(deferred::wake);
        }
        old.into_iter().for_each(deferred::discard);
    }

    /// Drops the waker of a task that does not wait any more, so that the waker does not stay as long as the cells
    /// that share the claim; for the owner alone.
    pub(super) fn clear(&self) {
        // Acquire: as in `set`. Relaxed: if somebody is taking the waker just now, it is gone.
        if self.state.compare_exchange(IDLE, SETTING, Acquire, Relaxed).is_err() {
            return;
        }
        // SAFETY: the slot is ours.
        let old = self.waker.with_mut(|slot| unsafe { (*slot).take() });
        // Release: we are done with the slot. A thread that has left its mark meanwhile wanted to wake a task that does
        // not wait.
        self.state.store(IDLE, Release);
        old.into_iter().for_each(deferred::discard);
    }

    /// Wakes the task, once the operation that calls this has settled what it does.
    pub(super) fn wake(&self) {
        // Acquire: the waker is here. Release: what we did comes before the owner sees the mark.
        if self.state.fetch_or(WAKING, AcqRel) != IDLE {
            return;
        }
        // SAFETY: the slot is ours.
        let waker = self.waker.with_mut(|slot| unsafe { (*slot).take() });
        // site: finish-taking-waker
        self.state.fetch_and(!WAKING, Release); // Release: we are done with the slot.
        waker.into_iter().for_each(deferred::wake);
    }
}

impl Drop for TaskWaker {
    fn drop(&mut self) {
        // SAFETY: nobody else is left.
        let waker = self.waker.with_mut(|slot| unsafe { (*slot).take() });
        waker.into_iter().for_each(deferred::discard);
    }
}
