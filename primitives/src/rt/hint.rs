//! Waiting without blocking.

use super::thread;
use core::cell::Cell;
use core::fmt;
use crossbeam_utils::Backoff as Native;
use std::time::{Duration, Instant};

/// Tells the processor, or the engine, that this thread spins: it waits in a loop for another thread, as every
/// loop must that waits.
///
/// Natively a pause. Under loom and shuttle others run before this thread goes on, and an exploration that could have
/// let it go on at once is at best *searched*. rc11 explores all that the loop may do, round by round; what it leaves
/// out is a round that is proved to be a stutter. A round is what the thread does between two passes of the same line
/// with `spin_loop` or [`yield_now`](crate::rt::thread::yield_now). It is a stutter if it wrote nothing (a
/// compare-exchange that fails, or a read-modify-write that leaves the value as it was, counts as its read), if each of
/// its reads read what the same read had read in the round before, and if the thread is in the state in which it began
/// the round: its registers and its live stack, byte for byte, and how many accesses wrote to cells. The thread then
/// goes on when something that it has just read has changed.
///
/// Any other round is explored, up to [a number of them][rounds] at one line; if that cuts something, the verdict is
/// *searched*, with the line. A loop that writes in each round, and that only others can end, is cut sooner.
///
/// **The limit of the proof**: state that is kept elsewhere is not compared, such as a counter in a `Box`, or in a
/// [`thread_local!`](crate::rt::thread_local). The rounds of a loop that differ in nothing else count as alike, unless
/// it ends by that count while no other thread can run, which makes the verdict *searched*. Keep such a count in a local
/// variable. On processors other than x86-64 no state can be compared, and each round counts as different.
///
/// A wait whose condition only looks is cheaper with [`wait_until`].
///
/// [rounds]: https://docs.rs/selvedge-check/latest/selvedge_check/struct.Checker.html#method.rc11_rounds
#[inline(always)]
#[track_caller]
pub fn spin_loop() {
    if !thread::spin_under_engine() {
        core::hint::spin_loop();
    }
}

/// Waits until `condition` holds: natively with exponential back-off, and then giving others the processor.
///
/// The caller promises that the condition only looks: when it is false it has changed nothing, not even a local
/// variable, so that to ask it once more tells something else only if what it has read has changed. (One that is true
/// may have changed something: `wait_until(|| lock.try_lock())`.) Under rc11 such a wait costs one read for each value
/// that ends it, and both under rc11 and under shuttle nothing is left out, so that the verdict can be *exhaustive*.
/// To rc11 a condition that changes something each time that it is asked is a loop with [`spin_loop`].
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
    }
}

/// How many lanes are worth having: a power of two, about one for each processor.
///
/// Threads that count, or leave things for themselves, do so in lanes of a shared structure, each on cache lines of
/// its own. Under an engine there are two.
pub(crate) fn lanes() -> usize {
    use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    /// 0: not asked yet, which takes the system a while.
    static PROCESSORS: AtomicUsize = AtomicUsize::new(0);
    if thread::under_engine() {
        return 2;
    }
    // Relaxed: it is a number, and whoever asks gets the same.
    let mut processors = PROCESSORS.load(Relaxed);
    if processors == 0 {
        processors = std::thread::available_parallelism().map_or(1, |n| n.get());
        PROCESSORS.store(processors, Relaxed);
    }
    processors.next_power_of_two().clamp(2, 64)
}

/// As given, but 1 under an engine: for what is done every so many times.
pub(crate) fn seldom(every: usize) -> usize {
    if thread::under_engine() { 1 } else { every }
}

/// A number that stays with the calling thread until it ends, for the choice of a lane: the smallest that no other
/// thread has; from 64 on, one that others may have too. What was done by a thread that had the number before happens
/// before.
///
/// Never inlined: a goroutine may go on on another OS thread, where a cached address of the thread-local would
/// be wrong.
#[inline(never)]
pub(crate) fn lane() -> usize {
    #[cfg(feature = "checking")]
    if let Some(thread) = thread::index_under_engine() {
        return thread;
    }
    native_lane()
}

std::thread_local! {
    static LANE: Cell<Option<usize>> = const { Cell::new(None) };
    /// Given back when the thread ends.
    static TAKEN: Cell<Option<TakenLane>> = const { Cell::new(None) };
}

fn native_lane() -> usize {
    LANE.with(|lane| {
        if lane.get().is_none() {
            let taken = TakenLane::new();
            lane.set(Some(taken.0));
            // Given back at once if the thread is ending already.
            _ = TAKEN.try_with(|kept| kept.set(Some(taken)));
        }
        lane.get().unwrap_or(SHARED)
    })
}

/// The first of the numbers that several threads may have.
const SHARED: usize = 64;

/// Which lanes threads have; a bit for each.
static LANES: core::sync::atomic::AtomicU64 = core::sync::atomic::AtomicU64::new(0);

/// A lane that is a thread's own, or, if there are more threads than lanes, anybody's.
struct TakenLane(usize);

impl TakenLane {
    fn new() -> TakenLane {
        use core::sync::atomic::Ordering::{Acquire, Relaxed};
        // Acquire: pairs with the Release below: what a thread that had the lane did in it happens before what we do.
        // Audit: natively only; under an engine a thread's number is its lane.
        let taken =
            LANES.fetch_update(Acquire, Relaxed, |lanes| (lanes != u64::MAX).then_some(lanes | (lanes + 1)));
        TakenLane(taken.map_or(SHARED + fastrand::usize(..64), |lanes| lanes.trailing_ones() as usize))
    }
}

impl Drop for TakenLane {
    fn drop(&mut self) {
        if self.0 < SHARED {
            // The thread has destructors to run yet, in which it has no lane to itself any more.
            LANE.set(Some(SHARED + self.0));
            // Release: as above. Audit: as above.
            LANES.fetch_and(!(1 << self.0), core::sync::atomic::Ordering::Release);
        }
    }
}

/// Rounds in which a thread that is about to be parked only looks, each with twice as many pauses of the processor.
const ROUNDS: u32 = 7;
/// How long it goes on to look after that, and gives others the processor in between: about as long as it takes to be
/// parked and woken. If others take the processor for longer, there is too little of it to look at all.
const A_WAKE_UP: Duration = Duration::from_micros(50);

/// Looks for a while whether `done`, before the thread is parked. `false` if not, or if the deadline has passed; under
/// an engine at once.
///
/// Two threads that meet again and again, each sooner than a wake-up takes, never sleep by that; and whoever sleeps has
/// spent no more time on looking than on that.
pub(crate) fn soon(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    if at_once(deadline, &mut done) {
        return true;
    }
    if thread::under_engine() {
        return false;
    }
    let mut now = Instant::now();
    let end = now + A_WAKE_UP;
    let end = deadline.map_or(end, |deadline| deadline.min(end));
    while now < end {
        std::thread::yield_now();
        if done() {
            return true;
        }
        now = Instant::now();
    }
    false
}

/// The same for a few microseconds only: before it says that it waits, so that nobody need wake it.
pub(crate) fn at_once(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    if thread::under_engine() || deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        return false;
    }
    for round in 0..ROUNDS {
        if done() {
            return true;
        }
        (0..1 << round).for_each(|_| core::hint::spin_loop());
    }
    done()
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

    /// Backs off while another thread has to make progress; to an engine it says what [`spin_loop`] says.
    #[inline(always)]
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use std::thread::{scope, spawn};

    #[test]
    fn no_two_threads_that_live_have_the_same_lane() {
        let barrier = std::sync::Barrier::new(8);
        let mut lanes: Vec<usize> = scope(|scope| {
            let number = || {
                let number = lane();
                barrier.wait();
                assert_eq!(lane(), number, "it stays");
                number
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(number)).collect();
            threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
        });
        lanes.sort_unstable();
        lanes.dedup();
        assert_eq!(lanes.len(), 8);
    }

    /// Tells the lane of a thread that is ending.
    struct Last(Sender<usize>);

    impl Drop for Last {
        fn drop(&mut self) {
            self.0.send(lane()).expect("somebody listens");
        }
    }

    #[test]
    fn a_thread_that_is_ending_has_no_lane_to_itself() {
        std::thread_local! {
            static LAST: Cell<Option<Last>> = const { Cell::new(None) };
        }
        let (tell, told) = channel();
        let thread = spawn(move || {
            // Its destructor runs after the lane's, whose thread-local comes later.
            LAST.set(Some(Last(tell)));
            lane()
        });
        assert!(thread.join().expect("no panic") < SHARED);
        assert!(told.recv().expect("it is told") >= SHARED);
    }
}
