//! Starting what runs beside its maker: a goroutine if the caller is one, else a thread.

use super::{Why, current};
use crate::rt::bubble;
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

/// What a goroutine, or a thread, runs.
type Body = Box<dyn FnOnce() + Send>;

enum Kind<T> {
    Thread(JoinHandle<T>),
    Task(Arc<Packet<T>>),
    /// A member of a bubble, which waits in it.
    Member(bubble::Joiner<T>),
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

/// Starts a goroutine if the caller is one, and a thread otherwise, which nobody joins.
pub(crate) fn start(body: Body) {
    match current() {
        Some((runtime, _)) => (runtime.spawn)(body),
        None => drop(thread::spawn(body)),
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
    match current() {
        Some((runtime, _)) => Join::of_task(f, runtime.spawn),
        None => Join::of_thread(f),
    }
}

impl<T: Send + 'static> Join<T> {
    /// Starts a goroutine by `start`, and returns the permission to wait for it.
    #[doc(hidden)]
    #[track_caller]
    pub fn of_task(
        f: impl FnOnce() -> T + Send + 'static,
        start: impl FnOnce(Box<dyn FnOnce() + Send>),
    ) -> Join<T> {
        let f = match Join::of_member(f) {
            Ok((join, body)) => {
                start(body);
                return join;
            }
            Err(f) => f,
        };
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
        match Join::of_member(f) {
            Ok((join, body)) => {
                drop(thread::spawn(body));
                join
            }
            Err(f) => Join(Kind::Thread(thread::spawn(f))),
        }
    }

    /// Returns what is to be started for a member of the caller's bubble; or the closure, if the caller is in none.
    #[track_caller]
    fn of_member<F>(f: F) -> Result<(Join<T>, Body), F>
    where
        F: FnOnce() -> T + Send + 'static,
    {
        let Some((packet, joiner)) = bubble::Packet::new() else { return Err(f) };
        let body = bubble::inherit(move || packet.finish(catch_unwind(AssertUnwindSafe(f))));
        Ok((Join(Kind::Member(joiner)), Box::new(body)))
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
            Kind::Member(joiner) => joiner.join(),
        }
    }

    /// Returns whether the goroutine or thread has ended.
    pub fn is_finished(&self) -> bool {
        match &self.0 {
            Kind::Thread(handle) => handle.is_finished(),
            Kind::Task(packet) => packet.is_done(),
            Kind::Member(joiner) => joiner.is_done(),
        }
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").finish_non_exhaustive()
    }
}
