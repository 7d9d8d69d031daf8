//! Waiting without blocking.

use super::thread;
use core::fmt;
use crossbeam_utils::Backoff as Native;

/// Tells the processor, or the engine, that this thread spins: that it is in a loop, and would only go round
/// again until another thread changes something that it has just read.
///
/// Under an engine others run before this thread goes on. rc11 relies on the promise: a loop that counts its
/// rounds and gives up does not keep it; a [`Backoff`] counts so that an engine knows.
#[inline]
#[track_caller]
pub fn spin_loop() {
    if !thread::spin_under_engine() {
        core::hint::spin_loop();
    }
}

/// Exponential back-off for retry loops and short waits.
///
/// Natively crossbeam's. Under an engine it never spins: [`spin`](Self::spin) does nothing, because
/// a lost race means that somebody else made progress; [`snooze`](Self::snooze) yields; and
/// [`is_completed`](Self::is_completed) is true at once, so that the code under test goes on to park.
///
/// ```
/// use selvedge::rt::hint::Backoff;
/// let backoff = Backoff::new();
/// while !backoff.is_completed() {
///     backoff.snooze();
/// }
/// ```
pub struct Backoff {
    native: Native,
}

impl Backoff {
    /// A fresh back-off.
    #[inline]
    pub fn new() -> Backoff {
        Backoff { native: Native::new() }
    }

    /// Backs off after a lost compare-exchange.
    #[inline]
    pub fn spin(&self) {
        if !thread::under_engine() {
            self.native.spin();
        }
    }

    /// Backs off while another thread has to make progress.
    #[inline]
    #[track_caller]
    pub fn snooze(&self) {
        if !thread::spin_under_engine() {
            self.native.snooze();
        }
    }

    /// Whether it is time to block instead.
    #[inline]
    pub fn is_completed(&self) -> bool {
        thread::under_engine() || self.native.is_completed()
    }

    /// Starts over.
    #[inline]
    pub fn reset(&self) {
        self.native.reset();
    }
}

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff::new()
    }
}

impl fmt::Debug for Backoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Backoff").field("is_completed", &self.is_completed()).finish()
    }
}
