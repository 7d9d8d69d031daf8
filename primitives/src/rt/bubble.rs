//! Bubbles: goroutines and threads that share a clock of their own, which moves only when all of them wait.
//!
//! The *members* of a bubble are the goroutine or thread that begins it and all that members start by
//! [`task::spawn`](super::task::spawn). A member *rests* in a wait that only another member or the clock can end: then it
//! is not counted in [`State::active`]. The member that brings the count to 0, before it blocks, holds the *baton*: it
//! starts what is due, else ends the call of [`wait`], else moves the clock to the earliest deadline, else reports a
//! deadlock (`State::pass`).
//!
//! Everything is decided under one lock, so that a park, a wake-up and a move of the clock are steps in one order:
//!
//! - B1. A member that rests is counted out in the step in which its wait becomes one that can be ended, with its deadline
//!   in the list; so the baton is never passed by a member that is about to set a deadline.
//! - B2. The thread that ends a wait counts the member in, in the step that ends it, and wakes it afterwards; so the count is above 0
//!   from then until the member rests again.
//! - B3. So the clock moves only while all members rest, and what a member did before it rested happens before what any
//!   member does after the move: each goes on by a step under the lock.
//!
//! A wait that somebody outside could end (for a lock, for a foreign channel, in a system call) is no rest, and time
//! stands still meanwhile. With a deadline also a wait for a lock is one, since the clock can end it.
//!
//! The primitives come here through `park::Parker`, `time::now` and `thread::sleep`, which look at one static first. The
//! same code runs on goroutines, on threads, and under engines, where a member is a thread of the execution: there what a
//! member makes takes its real form, since a step of an engine would wait without the bubble.
//!
//! The clock is Go's `testing/synctest`; the handshake of a wait is that of `park::permit`, under a lock.

mod member;
mod owner;
mod state;
mod wait;

#[cfg(feature = "checking")]
use super::seam::{Current, FailureKind, current};
use super::sync::atomic::AtomicU64;
use super::sync::atomic::Ordering::Relaxed;
use super::sync::{Mutex, MutexGuard};
use super::thread_local;
use super::timer::{self, Clock, NEVER, Timer, When, since};
use crate::rt;
use core::cell::RefCell;
use core::fmt;
use core::panic::Location;
use core::sync::atomic::{AtomicU32, AtomicUsize};
pub(crate) use member::{Joiner, Packet, apart, inherit, run};
pub(crate) use owner::Owner;
use state::State;
use std::io::Write;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
pub(crate) use wait::{Rest, Wait, sleep, wait};

/// How many bubbles there are. Outside any, this is all that what waits looks at. It is core's atomic, since it is no part
/// of an execution.
static BUBBLES: AtomicUsize = AtomicUsize::new(0);

/// The number of the next bubble.
static NEXT: AtomicU32 = AtomicU32::new(1);

/// The bubbles outside any engine, with their numbers, for messages.
static NAMES: std::sync::Mutex<Vec<(u32, Name)>> = std::sync::Mutex::new(Vec::new());

thread_local! {
    /// The bubble of this thread or goroutine.
    static HERE: RefCell<Option<Here>> = const { RefCell::new(None) };
}

/// A bubble.
pub(crate) struct Bubble {
    id: u32,
    name: Name,
    /// The instant at which the clock begins.
    base: Instant,
    /// By how many nanoseconds the clock has moved.
    passed: AtomicU64,
    state: Mutex<State>,
}

/// A member of a bubble: its bubble, and its number there.
#[derive(Clone)]
pub(crate) struct Here {
    bubble: Arc<Bubble>,
    member: u32,
}

/// Where a bubble begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name(&'static Location<'static>);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the bubble at {}:{}:{}", self.0.file(), self.0.line(), self.0.column())
    }
}

/// Returns whether there are bubbles: if not, nobody is in one.
#[inline]
fn exist() -> bool {
    // Relaxed: a thread in a bubble was started after the bubble was counted, so it reads that or a later count. Not
    // model-checked: the static is outside any model.
    BUBBLES.load(Relaxed) != 0
}

/// Returns what the calling thread or goroutine is in its bubble, if it is in one.
#[inline]
pub(crate) fn here() -> Option<Here> {
    if exist() { look() } else { None }
}

#[cold]
#[inline(never)]
fn look() -> Option<Here> {
    HERE.try_with(|here| here.borrow().clone()).ok().flatten()
}

/// Returns whether the caller is in a bubble.
#[inline]
pub(crate) fn is_inside() -> bool {
    here().is_some()
}

/// Returns the time of the caller's bubble, if it is in one.
#[inline]
pub(crate) fn now() -> Option<Instant> {
    here().map(|here| here.bubble.now())
}

impl Bubble {
    fn new(name: Name) -> Arc<Bubble> {
        Arc::new(Bubble {
            // Relaxed: only the numbers must differ. Not model-checked: the static is outside any model.
            id: NEXT.fetch_add(1, Relaxed),
            name,
            base: super::time::now(),
            passed: AtomicU64::new(0),
            state: Mutex::new(State::new(name)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// Returns by how much the clock has moved.
    fn passed(&self) -> u64 {
        // Relaxed: the clock moves only while all members rest, and the caller is one that has gone on since, by a step
        // under the lock (B3).
        self.passed.load(Relaxed)
    }

    pub(crate) fn now(&self) -> Instant {
        self.base + Duration::from_nanos(self.passed())
    }

    /// Returns an instant in the clock's terms: one that has passed, however long ago, is 0.
    fn nanos(&self, instant: Instant) -> When {
        since(self.base, instant)
    }
}

/// The clock of the timers that members make.
struct Timers(Arc<Bubble>);

impl Clock for Timers {
    fn set(&self, timer: &rt::sync::Arc<Timer>, instant: Option<Instant>) -> bool {
        Owner(self.0.id).check("a timer");
        let when = instant.map_or(NEVER, |instant| self.0.nanos(instant));
        self.0.lock().armed.set(timer, when)
    }
}

/// Returns the clock of timers that the caller makes, if it is in a bubble.
pub(crate) fn clock() -> Option<rt::sync::Arc<dyn Clock>> {
    here().map(|here| timer::shared(Timers(here.bubble)))
}

impl Here {
    /// Returns how long the bubble has lasted, by its clock.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.bubble.passed())
    }

    fn is_in(&self, bubble: &Arc<Bubble>) -> bool {
        Arc::ptr_eq(&self.bubble, bubble)
    }
}

/// Notes a bubble until it is dropped.
struct Noted(u32);

impl Noted {
    fn new(bubble: &Bubble) -> Noted {
        // Relaxed: threads that are started in the bubble come later. Not model-checked: the static is outside any model.
        BUBBLES.fetch_add(1, Relaxed);
        // An engine may abandon the execution, and nobody would take the name away.
        if !super::task::is_in_a_run() {
            names().push((bubble.id, bubble.name));
        }
        Noted(bubble.id)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        names().retain(|(id, _)| *id != self.0);
        // Relaxed: a thread that still reads the earlier count looks at its thread-local in vain. Not model-checked: the
        // static is outside any model.
        BUBBLES.fetch_sub(1, Relaxed);
    }
}

fn names() -> std::sync::MutexGuard<'static, Vec<(u32, Name)>> {
    NAMES.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns what messages call a bubble.
fn name_of(id: u32) -> String {
    let found = names().iter().find(|(other, _)| *other == id).map(|(_, name)| name.to_string());
    found.unwrap_or_else(|| "a bubble that has ended".to_string())
}

/// Returns what messages call the place where the caller is.
fn name_of_here() -> String {
    here().map_or_else(|| "outside any bubble".to_string(), |here| format!("in {}", here.bubble.name))
}

/// Ends the process, or the execution of an engine, for a misuse that its maker must not catch: it comes to light in the
/// midst of an operation.
#[cold]
#[track_caller]
fn fatal(text: &str) -> ! {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.fail(FailureKind::Panic, text.to_string(), vec![Location::caller()]);
    }
    // Not by `eprintln`, which a test's harness collects and would lose.
    _ = std::io::stderr().write_all(format!("\nfatal error: {text}\n").as_bytes());
    std::process::exit(2)
}
