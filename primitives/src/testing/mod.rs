//! Tests in virtual time: Go's `testing/synctest`.
//!
//! A test that waits for time-outs takes as long as they last, or shortens them and fails on a busy machine. In a *bubble*
//! neither is so: [`bubble`] runs a closure whose clock moves only when all its goroutines wait, and then goes to the
//! earliest moment for which one of them waits. A test suite with time-outs of hours runs in milliseconds, and each time
//! with the same readings of the clock.
//!
//! ```
//! use selvedge::chan::bounded;
//! use selvedge::rt::thread::sleep;
//! use selvedge::testing::bubble;
//! use std::time::Duration;
//!
//! bubble(|b| {
//!     let (tx, rx) = bounded::<u32>(0);
//!     b.spawn(move || {
//!         sleep(Duration::from_secs(3600));
//!         tx.send(7).expect("a receiver");
//!     });
//!     assert!(rx.recv_timeout(Duration::from_secs(3599)).is_err());
//!     assert_eq!(rx.recv_timeout(Duration::from_secs(2)), Ok(7));
//!     assert_eq!(b.elapsed(), Duration::from_secs(3600));
//! });
//! ```
//!
//! # Members of a bubble
//! The goroutine or thread that calls [`bubble`], and all that its members start: by [`Bubble::spawn`], by
//! [`WaitGroup::go`](crate::sync::WaitGroup::go), [`ErrGroup::go`](crate::sync::ErrGroup::go) or
//! [`after_func`](crate::context::after_func), and on goroutines by what starts goroutines. A thread that is made by
//! [`rt::thread`](crate::rt::thread) or by std is outside.
//!
//! # When time moves
//! A member *rests* while it waits for what only other members or the clock can bring: in a send, a receive or a select on
//! channels and timers that were made in the bubble; for a [`Cond`](crate::sync::Cond), a
//! [`Semaphore`](crate::sync::Semaphore) or a [`Barrier`](crate::sync::Barrier); for a
//! [`WaitGroup`](crate::sync::WaitGroup) that was made in the bubble; in a sleep; in [`wait`]; for the end of another
//! member. With a time-out it also rests in a wait for a lock. When all members rest, a call of [`wait`] returns, or else the
//! clock goes to the earliest deadline.
//!
//! A member does not rest, and time stands still, while it runs, waits for a lock without a time-out, reads or writes,
//! calls the system, or waits for a channel that was made outside, even in a select that has a timer too.
//!
//! # Misuse
//! - What was made in a bubble belongs to it. If a thread outside wakes a goroutine that rests, or waits itself for such a
//!   channel, timer or group, the process ends with a message that names both places. (A send or a receive that finds
//!   its room or its value at once is not noticed.) Handles may be dropped anywhere.
//! - If all members rest, and none for a moment, [`bubble`] panics in its own goroutine, with a list of what each waits for.
//!   Once its closure has returned, time stands still, and goroutines that wait then for ever are reported too.
//! - A bubble in a bubble panics.
//!
//! # Under a checker
//! The same test runs in a model, where its members are threads of the model, and every order of what they do is explored.
//! What is made in the bubble is not taken as specified there, but with all its code.

use crate::rt::task::{self, Join};
use crate::rt::{bubble, thread, time};
use core::fmt;
use core::marker::PhantomData;
use core::panic::Location;
use std::time::{Duration, Instant, SystemTime};

/// From 1970-01-01 to 2000-01-01.
const TO_2000: Duration = Duration::from_secs(946_684_800);

/// A bubble, for its main goroutine.
pub struct Bubble {
    not_send: PhantomData<*const ()>,
}

/// Runs `f` in a bubble, whose clock starts at 2000-01-01 00:00 UTC, and returns when `f` has returned and all goroutines
/// that were started in the bubble have ended.
///
/// Time stands still once `f` has returned.
///
/// ```
/// use selvedge::testing::bubble;
/// use selvedge::{context, rt::time::now};
/// use std::time::Duration;
/// bubble(|_| {
///     let (context, _cancel) = context::with_timeout(&context::background(), Duration::from_secs(86_400));
///     let begun = now();
///     assert!(context.done().recv().is_err());
///     assert_eq!(now() - begun, Duration::from_secs(86_400));
/// });
/// ```
///
/// # Panics
/// If `f` does; if a goroutine has panicked that nobody has joined; if all goroutines are blocked for ever, with the list
/// of what they wait for; or if this is called in a bubble.
#[track_caller]
#[doc(alias("synctest", "run", "Test"))]
pub fn bubble<R>(f: impl FnOnce(&Bubble) -> R) -> R {
    bubble::run(Location::caller(), || f(&Bubble { not_send: PhantomData }))
}

/// Blocks until all other goroutines of the caller's bubble wait for what only members of the bubble, or the clock, can bring.
/// What they did before happens before this returns. Time does not move meanwhile.
///
/// ```
/// use selvedge::testing::{bubble, wait};
/// use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
/// use std::{sync::Arc, time::Duration};
/// bubble(|b| {
///     let done = Arc::new(AtomicBool::new(false));
///     let theirs = done.clone();
///     b.spawn(move || {
///         theirs.store(true, Relaxed);
///         selvedge::rt::thread::sleep(Duration::from_secs(1));
///     });
///     wait();
///     assert!(done.load(Relaxed));
///     b.sleep(Duration::from_secs(1));
/// });
/// ```
///
/// # Panics
/// If the caller is in no bubble, or if another goroutine of the bubble is in such a call.
pub fn wait() {
    bubble::wait();
}

/// Returns the time of day by the clock of the caller's bubble, or the system's outside any.
///
/// ```
/// use selvedge::testing::{bubble, wall};
/// use std::time::{Duration, UNIX_EPOCH};
/// let noughties = UNIX_EPOCH + Duration::from_secs(946_684_800);
/// bubble(|_| assert_eq!(wall(), noughties));
/// assert_ne!(wall(), noughties);
/// ```
pub fn wall() -> SystemTime {
    bubble::here().map_or_else(SystemTime::now, |here| SystemTime::UNIX_EPOCH + TO_2000 + here.elapsed())
}

impl Bubble {
    /// Starts a goroutine in the bubble if the caller is one, and a thread otherwise, and returns the permission to wait for
    /// it and take its result. If it panics and nobody takes the result, the bubble panics at its end.
    ///
    /// # Panics
    /// If the operating system cannot make a thread.
    #[track_caller]
    pub fn spawn<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
        task::spawn(f)
    }

    /// Does what [`wait`] does.
    ///
    /// # Panics
    /// As [`wait`] does.
    pub fn wait(&self) {
        wait();
    }

    /// Lets the caller sleep by the bubble's clock, and then does what [`wait`] does: so all that other goroutines do at this
    /// moment has been done.
    ///
    /// # Panics
    /// As [`wait`] does.
    pub fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
        wait();
    }

    /// Returns the current instant by the bubble's clock.
    pub fn now(&self) -> Instant {
        time::now()
    }

    /// Returns the time of day by the bubble's clock.
    pub fn wall(&self) -> SystemTime {
        wall()
    }

    /// Returns how far the bubble's clock has moved.
    pub fn elapsed(&self) -> Duration {
        bubble::here().map_or(Duration::ZERO, |here| here.elapsed())
    }
}

impl fmt::Debug for Bubble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bubble").field("elapsed", &self.elapsed()).finish()
    }
}
