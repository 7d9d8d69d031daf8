//! Looking for a while before a thread is parked.

use super::thread;
use std::time::{Duration, Instant};

/// Rounds of looking without giving the processor away, each with twice as many pauses as the round before.
const ROUNDS: u32 = 7;

/// How long [`before_park`] goes on after those rounds, with `yield_now` between two looks: about as long as it takes to
/// park a thread and wake it. If `yield_now` takes longer than that, there are more threads than processors, and the
/// thread stops looking.
const A_WAKE_UP: Duration = Duration::from_micros(50);

/// Looks for a while whether `done`, before the caller parks the thread. Returns `false` if it is not, or if the deadline
/// has passed; under an engine at once.
///
/// Two threads that meet again and again, each sooner than a wake-up takes, therefore never sleep, and a thread that
/// sleeps has spent no more time on looking than its wake-up costs.
pub(crate) fn before_park(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
    if before_wait(deadline, &mut done) {
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

/// Looks for a few microseconds whether `done`, before the caller announces that it waits, which would oblige another
/// thread to wake it. Returns `false` if it is not, or if the deadline has passed; under an engine at once.
pub(crate) fn before_wait(deadline: Option<Instant>, mut done: impl FnMut() -> bool) -> bool {
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
