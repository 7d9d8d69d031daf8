//! Starting what runs beside its maker: a goroutine if the caller is one, else a thread.

use super::{Why, current};
use crate::rt::park::Gate;
use crate::rt::thread::{self, JoinHandle};
use core::fmt;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Release};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// Permission to wait for a goroutine, or for a thread, and take its result.
///
/// What is started from a goroutine is a goroutine, and what is started from a thread is a thread. A `Join` that is
/// dropped lets it run on.
///
/// ```
/// let group = selvedge::sync::WaitGroup::new();
/// let join = group.go(|| 7);
/// assert_eq!(join.join().expect("no panic"), 7);
/// ```
pub struct Join<T>(Kind<T>);

enum Kind<T> {
    Thread(JoinHandle<T>),
    Task(Arc<Packet<T>>),
}

/// The result of a goroutine, once it has ended.
struct Packet<T> {
    result: Mutex<Option<std::thread::Result<T>>>,
    done: AtomicBool,
    gate: Gate,
}

impl<T> Packet<T> {
    fn is_done(&self) -> bool {
        // Acquire: synchronizes with the Release store in `finish`, so that what the goroutine did happens before the
        // caller goes on. Not model-checked: under an engine a thread is started.
        self.done.load(Acquire)
    }

    fn finish(&self, result: std::thread::Result<T>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        // Release: publishes what the goroutine did to the Acquire load in `is_done`. Not model-checked: under an engine a
        // thread is started.
        self.done.store(true, Release);
        self.gate.open();
    }
}

/// Starts a goroutine if the caller is one, and a thread otherwise.
///
/// # Panics
/// If the operating system cannot make a thread.
#[track_caller]
pub fn spawn<T, F>(f: F) -> Join<T>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    let Some((runtime, _)) = current() else { return Join(Kind::Thread(thread::spawn(f))) };
    Join::of_task(f, runtime.spawn)
}

impl<T: Send + 'static> Join<T> {
    /// Starts a goroutine by `start`, and returns the permission to wait for it.
    #[doc(hidden)]
    pub fn of_task(
        f: impl FnOnce() -> T + Send + 'static,
        start: impl FnOnce(Box<dyn FnOnce() + Send>),
    ) -> Join<T> {
        let packet =
            Arc::new(Packet { result: Mutex::new(None), done: AtomicBool::new(false), gate: Gate::new() });
        let theirs = Arc::clone(&packet);
        start(Box::new(move || theirs.finish(catch_unwind(AssertUnwindSafe(f)))));
        Join(Kind::Task(packet))
    }

    /// Starts a thread, and returns the permission to wait for it.
    #[doc(hidden)]
    #[track_caller]
    pub fn of_thread(f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
        Join(Kind::Thread(thread::spawn(f)))
    }
}

impl<T> Join<T> {
    /// Blocks until the goroutine or thread has ended, which happens before this returns, and returns its result.
    ///
    /// # Errors
    /// The panic of the goroutine or thread.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        match self.0 {
            Kind::Thread(handle) => handle.join(),
            Kind::Task(packet) => {
                packet.gate.until(Why::Join, || packet.is_done());
                let result = packet.result.lock().unwrap_or_else(PoisonError::into_inner).take();
                result.unwrap_or_else(|| unreachable!("a goroutine that is done has left its result"))
            }
        }
    }

    /// Returns whether the goroutine or thread has ended.
    pub fn is_finished(&self) -> bool {
        match &self.0 {
            Kind::Thread(handle) => handle.is_finished(),
            Kind::Task(packet) => packet.is_done(),
        }
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}
