//! Sharding by thread: which shard of a structure a thread uses, and how many shards are worth having.
//!
//! S1. A shard number below [`SHARED`] belongs to at most one thread at a time. A thread takes it with the
//! read-modify-write of [`OwnShard::new`], which sets its bit in [`TAKEN`], and gives it back in `OwnShard::drop`, which
//! clears the bit. What a thread did before it gave a number back happens before what the next thread with that number
//! does: the Release of the one pairs with the Acquire of the other.

use super::thread;
use core::cell::Cell;
use core::sync::atomic::{
    AtomicU64, AtomicUsize,
    Ordering::{Acquire, Relaxed, Release},
};

/// Returns how many shards a structure should have: a power of two, about one for each processor.
///
/// Threads that count, or keep things for themselves, do so in shards of a shared structure, each on cache lines of its
/// own. Under an engine there are two.
pub(crate) fn count() -> usize {
    /// 0: the system has not been asked yet, which takes it a while.
    static PROCESSORS: AtomicUsize = AtomicUsize::new(0);
    if thread::under_engine() {
        return 2;
    }
    // Relaxed: the number stands for itself, and every thread that asks the system stores the same one.
    let mut processors = PROCESSORS.load(Relaxed);
    if processors == 0 {
        processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        // Relaxed: the load above needs nothing but the number.
        PROCESSORS.store(processors, Relaxed);
    }
    processors.next_power_of_two().clamp(2, 64)
}

/// Returns `every`, or 1 under an engine: for work that is done once in so many operations, which a model with a few
/// operations would otherwise never reach.
pub(crate) fn interval(every: usize) -> usize {
    if thread::under_engine() { 1 } else { every }
}

/// Returns the calling thread's shard number, which it keeps until it ends: the smallest that no other thread has (S1),
/// or, if there are none left below [`SHARED`], one from there on, which other threads may have too.
///
/// Never inlined, so that no caller can keep the address of the thread-local across a point where its stack goes on
/// on another OS thread.
#[inline(never)]
pub(crate) fn of_thread() -> usize {
    #[cfg(feature = "checking")]
    if let Some(thread) = thread::index_under_engine() {
        return thread;
    }
    native()
}

/// What [`NUMBER`] is while the thread has no number.
const NO_NUMBER: usize = usize::MAX;

std::thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(NO_NUMBER) };
    /// Its destructor gives the number back when the thread ends.
    static OWN: Cell<Option<OwnShard>> = const { Cell::new(None) };
}

#[inline]
fn native() -> usize {
    match NUMBER.get() {
        NO_NUMBER => take_number(),
        number => number,
    }
}

/// Gives the thread its number.
#[cold]
#[inline(never)]
fn take_number() -> usize {
    let own = OwnShard::new();
    NUMBER.set(own.0);
    // If the thread is ending and `OWN` is gone, `own` is dropped here and its number given back at once.
    _ = OWN.try_with(|kept| kept.set(Some(own)));
    NUMBER.get()
}

/// The first of the numbers that several threads may have.
const SHARED: usize = 64;

/// Which numbers threads have: a bit for each below [`SHARED`].
static TAKEN: AtomicU64 = AtomicU64::new(0);

/// A number that one thread has, or, from [`SHARED`] on, that any thread may have.
struct OwnShard(usize);

impl OwnShard {
    fn new() -> OwnShard {
        // Acquire: reads the bit as `OwnShard::drop` cleared it with Release, so that what the number's last owner did in
        // its shard happens before what this thread does there (S1). Relaxed on failure: nothing is taken.
        // Not model-checked: under an engine the number of a thread in its execution is its shard number.
        let taken =
            TAKEN.fetch_update(Acquire, Relaxed, |taken| (taken != u64::MAX).then_some(taken | (taken + 1)));
        OwnShard(taken.map_or(SHARED + fastrand::usize(..64), |taken| taken.trailing_ones() as usize))
    }
}

impl Drop for OwnShard {
    fn drop(&mut self) {
        if self.0 < SHARED {
            // Destructors of other thread-locals may still run on this thread, which then owns no number.
            NUMBER.set(SHARED + self.0);
            // Release: publishes what this thread did in its shard to the next owner, whose Acquire is in
            // `OwnShard::new` (S1).
            // Not model-checked: under an engine the number of a thread in its execution is its shard number.
            TAKEN.fetch_and(!(1 << self.0), Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{scope, spawn};

    #[test]
    fn no_two_threads_that_live_have_the_same_number() {
        let barrier = std::sync::Barrier::new(8);
        let mut numbers: Vec<usize> = scope(|scope| {
            let number = || {
                let number = of_thread();
                barrier.wait();
                assert_eq!(of_thread(), number, "it stays");
                number
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(number)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 8);
    }

    /// Sends the number of a thread that is ending.
    struct Last(Sender<usize>);

    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(of_thread()).expect("the test listens");
        }
    }

    #[test]
    fn a_thread_that_is_ending_has_no_number_of_its_own() {
        std::thread_local! {
            static LAST: Cell<Option<Last>> = const { Cell::new(None) };
        }
        let (tell, told) = channel();
        let thread = spawn(move || {
            // Its destructor runs after that of `OWN`, whose thread-local is used first after it.
            LAST.set(Some(Last(tell)));
            of_thread()
        });
        assert!(thread.join().expect("no panic") < SHARED);
        assert!(told.recv().expect("the destructor has sent it") >= SHARED);
    }
}
