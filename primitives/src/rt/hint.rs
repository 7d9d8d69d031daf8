//! Waiting without blocking.

use super::backoff::Native;
use super::{task, thread};
use core::cell::Cell;
use core::fmt;

/// Tells the processor, or the engine, that this thread spins: that it waits in a loop for another thread. Every loop
/// that waits must call this, or [`yield_now`](crate::rt::thread::yield_now), or be a [`wait_until`].
///
/// Natively the processor pauses. Under loom and shuttle other threads run before this thread continues, and an
/// exploration that could have let it continue at once is at best *searched*. The graph engine explores all that the
/// loop may do, round by round; what it leaves out is a round that is proved to be a stutter. A round is what the
/// thread does between two passes of the same line with `spin_loop` or [`yield_now`](crate::rt::thread::yield_now). It
/// is a stutter if it wrote nothing (a compare-exchange that fails, or a read-modify-write that leaves the value as it
/// was, counts as its read), if each of its reads read what the same read had read in the round before, and if the
/// thread is in the state in which it began the round: its registers and its live stack, byte for byte, and how many
/// accesses wrote to cells. The thread then goes on when something that it has just read has changed.
///
/// Any other round is explored, up to [a number of them][rounds] at one line; if that cuts something, the verdict is
/// *searched*, with the line. A loop that writes in each round, and that only others can end, is cut sooner.
///
/// **The limit of the proof**: state that is kept elsewhere is not compared, such as a counter in a `Box`, or in a
/// [`thread_local!`](crate::rt::thread_local). The rounds of a loop that differ in nothing else count as alike, unless
/// it ends by that count while no other thread can run, which makes the verdict *searched*. Keep such a count in a
/// local variable. On processors other than x86-64 no state can be compared, and each round counts as different.
///
/// A wait whose condition only looks is cheaper with [`wait_until`].
///
/// [rounds]: https://docs.rs/selvedge-check/latest/selvedge_check/struct.Checker.html#method.rounds
#[inline(always)]
#[track_caller]
pub fn spin_loop() {
    thread::spin_or(core::hint::spin_loop);
}

/// Tells the engine that this operation begins anew, because another operation has made it give up what it had, such as
/// its place in a queue. Natively this does nothing.
///
/// Two lock-free operations may make each other begin anew any number of times, so a program with both has executions
/// without end. [`Checker::retry_bound`][retry_bound] bounds the graph engine to the executions in which no thread calls
/// this more often than so many times, all operations of the thread together: a thread that would is stopped there, and
/// the other threads go on. If no thread was stopped, nothing was left out, and the verdict may be *exhaustive*;
/// otherwise it is *searched*, and names the bound. Without a bound, and under the other engines, this does nothing.
///
/// An operation that tries again because another one has *succeeded*, as after a compare-exchange that failed, needs no such
/// call: the program has no more successes than operations.
///
/// ```
/// use selvedge::rt::{hint, sync::atomic::{AtomicU32, Ordering::{AcqRel, Acquire}}};
///
/// const FREE: u32 = 0;
/// const MINE: u32 = 1;
/// const BROKEN: u32 = 2;
///
/// /// Takes the first slot that no other thread has broken meanwhile.
/// fn take(slots: &[AtomicU32]) -> Option<usize> {
///     for (at, slot) in slots.iter().enumerate() {
///         if slot.compare_exchange(FREE, MINE, AcqRel, Acquire).is_ok() {
///             return Some(at);
///         }
///         hint::retry();
///     }
///     None
/// }
/// assert_eq!(take(&[AtomicU32::new(BROKEN), AtomicU32::new(FREE)]), Some(1));
/// ```
///
/// [retry_bound]: https://docs.rs/selvedge-check/latest/selvedge_check/struct.Checker.html#method.retry_bound
#[inline(always)]
#[track_caller]
pub fn retry() {
    thread::note_retry();
}

/// Waits until `condition` holds: natively with exponential back-off, and then giving others the processor.
///
/// The caller promises that the condition only looks: when it is false it has changed nothing, not even a local
/// variable, so that to ask it once more tells something else only if what it has read has changed. (One that is true
/// may have changed something: `wait_until(|| lock.try_lock())`.) Under the graph engine such a wait costs one read for
/// each value that ends it, and both under the graph engine and under shuttle nothing is left out, so that the verdict
/// can be *exhaustive*. To the graph engine a condition that changes something each time that it is asked is a loop
/// with [`spin_loop`].
///
/// Async code and long waits should block instead: see [`park`](crate::rt::park).
///
/// ```
/// use selvedge::rt::{sync::atomic::{AtomicBool, Ordering::{Acquire, Release}}, thread, wait_until};
/// let ready = AtomicBool::new(false);
/// thread::scope(|scope| {
///     scope.spawn(|| ready.store(true, Release));
///     wait_until(|| ready.load(Acquire));
/// });
/// ```
#[track_caller]
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    if thread::wait_under_engine(&mut condition) {
        return;
    }
    let backoff = Native::new();
    while !condition() {
        backoff.snooze();
        if backoff.is_completed() {
            task::yield_now();
        }
    }
}

/// The rounds of a loop in which a thread spins until another one has gone on, with no other way to wait.
pub(crate) struct Spin {
    rounds: Cell<u32>,
}

impl Spin {
    /// After so many rounds a goroutine lets others run: the one that it waits for may need the same thread.
    const PATIENCE: u32 = 64;

    #[inline]
    pub(crate) const fn new() -> Spin {
        Spin { rounds: Cell::new(0) }
    }

    /// Tells the processor, or the engine, what [`spin_loop`] tells it.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn pause(&self) {
        thread::spin_or(|| {
            core::hint::spin_loop();
            self.count();
        });
    }

    #[inline]
    fn count(&self) {
        let rounds = self.rounds.get() + 1;
        self.rounds.set(rounds % Spin::PATIENCE);
        if rounds == Spin::PATIENCE {
            task::yield_now();
        }
    }
}

/// Exponential back-off for retry loops and short waits.
///
/// Natively each pause of the processor is twice as long as the one before, and after the longest the thread gives the
/// processor to others a few times. Under an engine it never spins: [`spin`](Self::spin) does nothing, because a failed
/// compare-exchange means that another thread made progress; [`snooze`](Self::snooze) yields; and
/// [`is_completed`](Self::is_completed) is true at once, so that the code under test parks next. On a goroutine it pauses
/// a few times and never lets another goroutine run.
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
    /// Returns a fresh back-off.
    #[inline]
    pub fn new() -> Backoff {
        Backoff { native: Native::new() }
    }

    /// Backs off after a failed compare-exchange.
    #[inline]
    pub fn spin(&self) {
        if !thread::under_engine() {
            self.native.spin();
        }
    }

    /// Backs off while another thread has to make progress. An engine is told what [`spin_loop`] tells it.
    #[inline(always)]
    #[track_caller]
    pub fn snooze(&self) {
        thread::spin_or(|| self.native.snooze());
    }

    /// Backs off as [`snooze`](Self::snooze) does, in a loop with no other way to wait: when it would be time to block, a
    /// goroutine lets others run, since the one that it waits for may need the same thread.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn wait(&self) {
        thread::spin_or(|| {
            self.native.snooze();
            if self.native.is_completed() {
                task::yield_now();
            }
        });
    }

    /// Returns whether it is time to block instead.
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
