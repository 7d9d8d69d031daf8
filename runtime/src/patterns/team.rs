//! Goroutines that are waited for together: [`Team`].

use core::any::Any;
use core::mem;
use selvedge::rt::sync::Arc;
use selvedge::rt::task;
use selvedge::sync::{Mutex, WaitGroup};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

/// What a panic left.
pub(super) type Panic = Box<dyn Any + Send>;

/// The panic that a waiting goroutine gets if a member has ended its own goroutine.
const EXITED: &str = "a closure has ended its goroutine, and its work is not done";

/// Goroutines, or threads if their starter is one, that are waited for together.
pub(super) struct Team(Arc<Members>);

struct Members {
    group: WaitGroup,
    /// The first panic.
    panic: Mutex<Option<Panic>>,
}

impl Team {
    pub(super) fn new() -> Team {
        let group = WaitGroup::new();
        group.add(0); // A team may be empty.
        Team(Arc::new(Members { group, panic: Mutex::new(None) }))
    }

    /// Starts a member.
    #[track_caller]
    pub(super) fn go(&self, f: impl FnOnce() + Send + 'static) {
        let (task, members) = (self.0.group.task(), Arc::clone(&self.0));
        task::spawn(move || {
            // Dropped last, after everything that the closure owns.
            let _task = task;
            match catch_unwind(AssertUnwindSafe(f)) {
                Ok(()) => (),
                // Resumed as it is, it would end the goroutine that waits.
                Err(panic) if panic.is::<task::Goexit>() => members.keep(Box::new(EXITED)),
                Err(panic) => members.keep(panic),
            }
        });
    }

    /// Waits until all members have ended.
    ///
    /// # Panics
    /// Resumes the first panic of a member.
    #[track_caller]
    pub(super) fn wait(&self) {
        self.0.group.wait();
        self.resume();
    }

    /// Waits as `wait` does, for so long at most; returns whether all have ended.
    #[track_caller]
    pub(super) fn wait_timeout(&self, timeout: Duration) -> bool {
        let ended = self.0.group.wait_timeout(timeout);
        if ended {
            self.resume();
        }
        ended
    }

    fn resume(&self) {
        let first = self.0.panic.lock().take();
        if let Some(panic) = first {
            resume_unwind(panic);
        }
    }
}

impl Members {
    /// Keeps a panic, if it is the first.
    fn keep(&self, panic: Panic) {
        let mut first = self.panic.lock();
        let later = match *first {
            None => first.replace(panic),
            Some(_) => Some(panic),
        };
        drop(first);
        later.into_iter().for_each(dispose);
    }
}

impl Drop for Members {
    /// Nobody will wait any more.
    fn drop(&mut self) {
        if let Some(panic) = self.panic.get_mut().take() {
            task::lose_panic(&*panic);
            dispose(panic);
        }
    }
}

/// Drops what a panic left, whose destructor may panic too. (What that panic leaves is leaked.)
pub(super) fn dispose(panic: Panic) {
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(worse);
    }
}
