//! std's thread API on whatever run is current.

use super::frames::Registers;
use super::parking::Wake;
use super::raw::{self, Kind, Packet, Raw, Settings};
use crate::rt::seam::{self, Current};
use crate::rt::{bubble, task};
use core::fmt;
use core::panic::Location;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Identifies a thread within its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ThreadId(Id);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Id {
    Model(seam::ThreadId),
    Native(std::thread::ThreadId),
}

/// A handle to a thread.
#[derive(Clone)]
pub struct Thread {
    id: ThreadId,
    name: Option<String>,
    wake: Wake,
}

impl Thread {
    /// Returns the thread's identifier.
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Returns the thread's name.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Ends the thread's [`park`](super::park), or its next one.
    #[track_caller]
    pub fn unpark(&self) {
        self.wake.wake();
    }

    pub(super) fn of(raw: &Raw, name: Option<String>) -> Thread {
        let (id, wake) = match &raw.kind {
            Kind::Model { home, thread } => {
                (Id::Model(*thread), Wake::Model { home: *home, thread: *thread })
            }
            Kind::Native { os, token, .. } => (Id::Native(os.thread.id()), Wake::Native(Arc::clone(token))),
            Kind::Inline => (current().id.0, Wake::current()),
        };
        Thread { id: ThreadId(id), name, wake }
    }
}

impl fmt::Debug for Thread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Thread").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Returns the current thread.
pub fn current() -> Thread {
    match seam::current() {
        Current::Model(session) => {
            let id = ThreadId(Id::Model(session.this_thread()));
            Thread { id, name: session.thread_name(), wake: Wake::current() }
        }
        _ => {
            let thread = std::thread::current();
            let id = ThreadId(Id::Native(thread.id()));
            Thread { id, name: thread.name().map(str::to_string), wake: Wake::current() }
        }
    }
}

/// Returns whether an engine schedules this thread.
pub(crate) fn under_engine() -> bool {
    matches!(seam::current(), Current::Model(_))
}

/// Returns the current thread's number in its execution, if an engine schedules it.
pub(crate) fn index_under_engine() -> Option<usize> {
    match seam::current() {
        Current::Model(session) => Some(session.this_thread()),
        _ => None,
    }
}

/// Fails the model for a panic that was caught for another thread and never asked for.
pub(crate) fn lose_panic(panic: &(dyn core::any::Any + Send)) {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let message = format!("nobody has seen a panic: {}", text.unwrap_or("a value that is not a string"));
    match seam::current() {
        Current::Model(session) => session.fail(seam::FailureKind::Panic, message, Vec::new()),
        Current::Native(run) => run.lost_panic(message),
        Current::Outside => (),
    }
}

/// Tells an engine that this thread spins; without one calls `natively`.
///
/// Always inlined, so that the first frame which an engine compares is that of the function that spins. It returns nothing: a
/// result would be written to that frame after the first pass, and a second round would seem to differ from the first.
#[inline(always)]
#[track_caller]
pub(crate) fn spin_or(natively: impl FnOnce()) {
    let Current::Model(session) = seam::current() else { return natively() };
    let mut registers = Registers::new();
    let frames = registers.save();
    session.let_others_go("spin", Location::caller(), frames);
}

/// Tells an engine that an operation begins anew.
#[track_caller]
pub(crate) fn note_retry() {
    if let Current::Model(session) = seam::current() {
        session.note_retry(Location::caller());
    }
}

/// Lets an engine wait for a condition; without one returns `false` and does nothing.
#[track_caller]
pub(crate) fn wait_under_engine(condition: &mut impl FnMut() -> bool) -> bool {
    let Current::Model(session) = seam::current() else { return false };
    session.wait_until(condition, Location::caller());
    true
}

/// Lets other threads run.
///
/// An engine is told what [`spin_loop`](crate::rt::hint::spin_loop) tells it; the documentation of `spin_loop` says
/// which rounds of a loop are explored.
#[inline(always)]
#[track_caller]
pub fn yield_now() {
    match seam::current() {
        Current::Model(session) => {
            let mut registers = Registers::new();
            let frames = registers.save();
            session.let_others_go("yield", Location::caller(), frames);
        }
        Current::Native(run) => {
            run.step();
            std::thread::yield_now();
        }
        Current::Outside => {
            if !task::yield_now() {
                std::thread::yield_now();
            }
        }
    }
}

/// Sleeps. Under an engine virtual time passes instead.
#[track_caller]
pub fn sleep(duration: Duration) {
    if bubble::sleep(duration) {
        return;
    }
    match seam::current() {
        Current::Model(session) => session.sleep(duration, Location::caller()),
        _ => {
            if !task::sleep(duration) {
                std::thread::sleep(duration);
            }
        }
    }
}

/// Makes threads with a name or a stack size of their own.
#[derive(Debug, Default)]
pub struct Builder(pub(super) Settings);

impl Builder {
    /// Returns the default settings.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the thread.
    pub fn name(mut self, name: String) -> Builder {
        self.0.name = Some(name);
        self
    }

    /// Sets the size of the thread's stack in bytes.
    ///
    /// Natively the default is std's (2 MiB). Under an engine the default is 256 KiB, for the model's body too, and a
    /// thread gets at least 64 KiB. Under the graph engine a thread that overflows its stack is a failure of the model
    /// with a report (on Linux on x86-64 and AArch64). Threads have stacks of these sizes under loom and shuttle too:
    /// loom refuses a run in which a thread overflows its stack, without naming the thread, and under shuttle the
    /// overflow ends the process.
    pub fn stack_size(mut self, size: usize) -> Builder {
        self.0.stack_size = Some(size);
        self
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the operating system cannot make a thread.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let name = self.0.name.clone();
        // SAFETY: `F` and `T` are `'static`, so they borrow from nothing that could end before the thread.
        let (raw, packet) = unsafe { raw::spawn(self.0, Location::caller(), f)? };
        let thread = Thread::of(&raw, name);
        Ok(JoinHandle { raw, packet, thread })
    }
}

/// Starts a thread.
///
/// # Panics
/// If the operating system cannot make a thread.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(f).expect("failed to spawn a thread")
}

/// Tells an engine that threads are alike, which the current thread has started one right after the other.
pub(super) fn note_symmetric<'a>(threads: impl Iterator<Item = &'a Raw>) {
    let Current::Model(session) = seam::current() else { return };
    let number = |thread: &Raw| match &thread.kind {
        Kind::Model { thread, .. } => Some(*thread),
        Kind::Native { .. } | Kind::Inline => None,
    };
    if let Some(numbers) = threads.map(number).collect::<Option<Vec<_>>>() {
        session.note_symmetric(&numbers);
    }
}

/// Permission to wait for a thread and take its result.
pub struct JoinHandle<T> {
    raw: Raw,
    packet: Packet<T>,
    thread: Thread,
}

impl<T> JoinHandle<T> {
    pub(super) fn raw(&self) -> &Raw {
        &self.raw
    }

    /// Blocks until the thread has ended, which happens before this returns, and returns its result.
    ///
    /// # Errors
    /// The thread's panic.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        self.raw.join(Location::caller());
        self.raw.take(&self.packet)
    }

    /// Returns the thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }

    /// Returns whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.raw.is_finished()
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        match &self.raw.kind {
            Kind::Model { home, thread } => {
                if let Some(session) = home.get() {
                    session.detach(*thread);
                }
            }
            Kind::Native { run: Some((run, thread)), .. } => run.detach(*thread),
            Kind::Native { run: None, .. } | Kind::Inline => (),
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("thread", &self.thread).finish_non_exhaustive()
    }
}
