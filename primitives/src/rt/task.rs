//! Goroutines: the hooks by which a runtime lets the primitives block a goroutine instead of its thread.
//!
//! A runtime runs many *goroutines* on a few threads. It installs a table of functions, once in a process and for good.
//! What waits, spins, sleeps or yields asks the table what runs: `current` is the goroutine that may be suspended where
//! it stands. Without a runtime that costs one load of a static, on paths that are about to block.
//!
//! K1. A goroutine has one *wait* at a time, which is numbered: [`Runtime::begin_wait`] gives the next number, and
//! [`Runtime::unpark`] of an earlier number does nothing. A [`Parker`](super::park::Parker) of a primitive is such a wait.
//! If user code runs between its making and its park, that code may begin a wait of its own, which *overtakes* the first
//! one; a primitive that calls user code there asks `is_current_wait` afterwards.
//!
//! K2. What only looks, backs off or tries again never suspends a goroutine: a thread that has drawn a ticket and has not
//! come to its cell would otherwise keep others waiting for as long as the scheduler pleases. A loop that has no other
//! way to wait, such as a spinning lock's, yields after some rounds, since the goroutine that it waits for may need the
//! same thread.
//!
//! K3. While a goroutine unwinds, it is not suspended: std counts panics by thread. What waits then blocks the thread,
//! and tells the runtime (`Blocks`).
//!
//! Under an engine, and in a run of a harness on real threads, the hooks are not asked: there a goroutine is a thread.

use super::sync::Arc;
use super::timer::Clock;
use core::any::Any;
use core::num::NonZeroU32;
use core::ptr::null_mut;
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

mod join;

pub(crate) use join::start;
pub use join::{Join, spawn};

/// What a goroutine unwinds with that ends itself before its function returns: it is no panic. What keeps the panics of several
/// goroutines for another one does not keep this, since resuming it there would end that one.
#[derive(Clone, Copy, Debug)]
pub struct Goexit;

/// A goroutine: its slot in the runtime's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Task(pub NonZeroU32);

/// What a goroutine waits for, in the words of Go's reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// A value of a channel.
    Receive,
    /// A place in a channel.
    Send,
    /// One of several operations.
    Select,
    /// A mutex.
    Lock,
    /// A lock of readers and writers.
    RwLock,
    /// A condition variable.
    Condition,
    /// Permits of a semaphore.
    Permits,
    /// The tasks of a group.
    Group,
    /// The closure of a `Once`.
    Once,
    /// The others of a barrier.
    Barrier,
    /// The end of a goroutine.
    Join,
    /// A permit that the program itself gives.
    Permit,
    /// An instant.
    Sleep,
}

/// Makes a goroutine's value of a thread-local.
pub type Make<'a> = dyn FnMut() -> Box<dyn Any> + 'a;

/// Looks a thread-local up; [`Runtime::local`].
pub type Local = fn(Key, Option<&mut Make<'_>>) -> Option<*const dyn Any>;

/// Names a thread-local.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key {
    /// The address of what declares it.
    pub address: usize,
    /// Whether its values have a destructor: one without stays until the goroutine's last destructor has run.
    pub has_destructor: bool,
}

/// What a runtime does for the primitives. The functions are called on any thread, and never by an engine.
#[derive(Clone, Copy)]
pub struct Runtime {
    /// Returns the goroutine that runs on this thread, if one does.
    pub running: fn() -> Option<Task>,
    /// Returns whether the goroutine that runs may be suspended here: not while it blocks its thread on purpose.
    pub may_suspend: fn() -> bool,
    /// Returns a number that no other goroutine has, now or later.
    pub id: fn(Task) -> u64,
    /// Begins a wait of the running goroutine, and returns its number.
    pub begin_wait: fn(Task) -> u64,
    /// Suspends the running goroutine until this wait is over, and returns `true`; or `false` at the deadline, or at once
    /// if the goroutine has begun another wait meanwhile (K1).
    pub park: fn(Task, u64, Option<Instant>, Why) -> bool,
    /// Returns whether the wait is over.
    pub is_given: fn(Task, u64) -> bool,
    /// Returns whether the running goroutine has begun no other wait since this one.
    pub is_current_wait: fn(Task, u64) -> bool,
    /// Ends a wait, unless it has ended. What the caller did before happens before [`park`](Self::park) returns.
    pub unpark: fn(Task, u64),
    /// Lets other goroutines run.
    pub yield_now: fn(),
    /// Suspends the running goroutine for this long.
    pub sleep: fn(Duration),
    /// Starts a goroutine.
    pub spawn: fn(Box<dyn FnOnce() + Send>),
    /// Returns the clock of timers that the running goroutine makes.
    pub clock: fn() -> Option<Arc<dyn Clock>>,
    /// Returns whether the running goroutine may pause once more, after so many rounds: whether that could help, since
    /// another goroutine runs meanwhile, and would not keep others waiting.
    pub may_spin: fn(u32) -> bool,
    /// Returns the running goroutine's value for the key, which is made by the function if there is none. `None`: the
    /// goroutine is ending and has dropped the value, or there is none and no function.
    pub local: Local,
    /// Notes that this thread is about to block, as a thread, until [`unblocks`](Self::unblocks); and whether something else
    /// than another thread's [`Unparker`](super::park::Unparker) could end that, such as a deadline. Returns whether the thread
    /// is to be counted as parked by [`parked`](Self::parked).
    pub blocks: fn(bool) -> bool,
    /// Notes that this thread goes on.
    pub unblocks: fn(),
    /// Counts a thread outside the runtime as parked, after it has said that it sleeps; or no longer, before another thread
    /// ends its wait, and perhaps before it was counted.
    pub parked: fn(bool),
}

static RUNTIME: AtomicPtr<Runtime> = AtomicPtr::new(null_mut());

/// Installs the runtime of this process. Only the first call does; returns whether this one was.
///
/// # Safety
/// `park` must return `true` only after an `unpark` of the same wait, and what happened before that must happen before the
/// return. `running` must name the goroutine that the calling thread runs, and `id` be different for each. A pointer that
/// `local` returns must be that of the running goroutine's value for the key, made by a function that was passed with the
/// same key, and stay valid until the goroutine ends.
pub unsafe fn install(runtime: &'static Runtime) -> bool {
    let pointer = core::ptr::from_ref(runtime).cast_mut();
    // Release: publishes the table to the Acquire load in `runtime`. Relaxed on failure: another table stays.
    // Not model-checked: the static is outside any model.
    RUNTIME.compare_exchange(null_mut(), pointer, Release, core::sync::atomic::Ordering::Relaxed).is_ok()
}

/// Returns the runtime, if one is installed.
#[inline]
pub(crate) fn runtime() -> Option<&'static Runtime> {
    // Acquire: synchronizes with the Release in `install`, so that the table is there to be read.
    // Not model-checked: the static is outside any model.
    let runtime = RUNTIME.load(Acquire);
    // SAFETY: a pointer that is not null was made of a `&'static Runtime` by `install`.
    unsafe { runtime.as_ref() }
}

/// Returns the goroutine that runs here and may be suspended, with its runtime.
#[inline]
pub(crate) fn current() -> Option<(&'static Runtime, Task)> {
    runtime().and_then(suspendable)
}

#[cold]
fn suspendable(runtime: &'static Runtime) -> Option<(&'static Runtime, Task)> {
    // Under an engine a goroutine is a thread, which the engine suspends.
    if is_in_a_run() || std::thread::panicking() {
        return None;
    }
    let task = (runtime.running)()?;
    (runtime.may_suspend)().then_some((runtime, task))
}

/// Returns what runs the closure in the caller's bubble, if it is in one: for what starts goroutines. The goroutine counts from
/// now on.
#[track_caller]
pub fn in_bubble<T, F: FnOnce() -> T>(f: F) -> impl FnOnce() -> T + use<T, F> {
    super::bubble::inherit(f)
}

/// Runs `f` as if outside any bubble, so that what it makes belongs to none.
pub fn outside_bubbles<R>(f: impl FnOnce() -> R) -> R {
    super::bubble::apart(f)
}

/// Returns whether the caller is in a bubble.
pub fn is_in_bubble() -> bool {
    super::bubble::is_inside()
}

/// Returns whether the thread belongs to a run of a harness, in which a goroutine is a thread.
pub fn is_in_a_run() -> bool {
    #[cfg(feature = "checking")]
    return !matches!(super::seam::current(), super::seam::Current::Outside);
    #[cfg(not(feature = "checking"))]
    false
}

/// Says that a panic was caught for a goroutine that will never ask for it: under a harness the model fails. Without one this does
/// nothing: the panic hook has told of the panic.
pub fn lose_panic(panic: &(dyn Any + Send)) {
    super::thread::lose_panic(panic);
}

/// Returns whether a goroutine runs here that may be suspended.
#[inline]
pub fn is_current() -> bool {
    current().is_some()
}

/// Returns a number for the goroutine that runs here, whether it may be suspended or not; no thread has the number.
pub(crate) fn number() -> Option<u64> {
    const GOROUTINE: u64 = 1 << 62;
    let runtime = runtime()?;
    if is_in_a_run() {
        return None;
    }
    (runtime.running)().map(|task| GOROUTINE | (runtime.id)(task))
}

/// Returns the clock of timers that are made here, if a goroutine runs here, whether it may be suspended or not.
pub(crate) fn clock() -> Option<Arc<dyn Clock>> {
    let runtime = runtime()?;
    if is_in_a_run() {
        return None;
    }
    (runtime.running)().and_then(|_| (runtime.clock)())
}

/// Returns how the goroutine that runs here, whether it may be suspended or not, looks up its thread-locals.
pub(crate) fn local() -> Option<Local> {
    let runtime = runtime()?;
    (!is_in_a_run() && (runtime.running)().is_some()).then_some(runtime.local)
}

/// Returns whether the running goroutine is still in this wait (K1).
pub(crate) fn is_current_wait(task: Task, wait: u64) -> bool {
    runtime().is_none_or(|runtime| (runtime.is_current_wait)(task, wait))
}

/// Lets other goroutines run, if a goroutine runs here; otherwise returns `false`.
#[inline]
pub(crate) fn yield_now() -> bool {
    let Some((runtime, _)) = current() else { return false };
    (runtime.yield_now)();
    true
}

/// Suspends the goroutine that runs here for this long; otherwise returns `false`.
pub(crate) fn sleep(duration: Duration) -> bool {
    let Some((runtime, _)) = current() else { return false };
    (runtime.sleep)(duration);
    true
}

/// Counts a thread as parked that [`Blocks::is_counted`] names, or no longer.
#[cold]
pub(crate) fn count_parked(parked: bool) {
    if let Some(runtime) = runtime() {
        (runtime.parked)(parked);
    }
}

/// Tells the runtime, until it is dropped, that this thread blocks (K3).
pub(crate) struct Blocks {
    runtime: Option<&'static Runtime>,
    is_counted: bool,
}

impl Blocks {
    /// `ends_otherwise`: something else than an unparker could end the wait.
    #[inline]
    pub(crate) fn begin(ends_otherwise: bool) -> Blocks {
        let runtime = runtime();
        Blocks { runtime, is_counted: runtime.is_some_and(|runtime| (runtime.blocks)(ends_otherwise)) }
    }

    /// Returns whether the thread is to be counted as parked by [`count_parked`].
    #[inline]
    pub(crate) fn is_counted(&self) -> bool {
        self.is_counted
    }
}

impl Drop for Blocks {
    #[inline]
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime {
            (runtime.unblocks)();
        }
    }
}
