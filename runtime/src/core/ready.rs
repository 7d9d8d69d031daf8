//! How a goroutine parks and is made ready: the word of its task.
//!
//! A *wait* of a goroutine lasts from [`begin_wait`] to the next one. The word holds the wait's number and its *fate*:
//!
//! - awaited: the goroutine still runs, or its deadline has passed;
//! - parked: the goroutine's thread has left its stack and saved its context;
//! - given: an unparker has ended the wait;
//! - each of the last two also *scanned*: a scanner uses the goroutine's stack meanwhile.
//!
//! W1. A stale call does nothing. Numbers only grow, also when a task's slot is used for another goroutine, and only the
//! goroutine itself begins a wait. A call for an earlier wait finds another number.
//!
//! W2. A parked goroutine is made runnable once. The calls that change a parked word are CASes on one word: of
//! [`unpark`] and [`time_out`] one finds the wait parked, and that one makes the goroutine runnable. If [`unpark`] finds
//! it scanned, then the scanner does, in [`end_scan`]; a timer is put back.
//!
//! W3. No wake-up is lost. [`commit`] fails if the wait was given before, and the goroutine goes on at once.
//!
//! W4. The context is saved before it is used. [`commit`] publishes it, as [`end_scan`] does after a scan; every call
//! that makes the goroutine runnable, or uses its stack, acquires it.

use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use selvedge::rt::twin::is_twin;

/// The goroutine runs, or its deadline has passed.
const AWAITED: u64 = 0;
/// The goroutine's context is saved, and its stack is not in use.
const PARKED: u64 = 1;
/// An unparker has ended the wait.
const GIVEN: u64 = 2;
/// A scanner uses the stack of the parked goroutine.
const SCANNED: u64 = 4;
/// How far the number of a wait is shifted.
const SHIFT: u32 = 3;
/// The bits of the fate.
const FATE: u64 = (1 << SHIFT) - 1;

/// What [`time_out`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeOut {
    /// The wait has timed out, and the caller makes the goroutine runnable.
    Runnable,
    /// The wait was over before.
    Over,
    /// A scanner uses the goroutine's stack: the caller puts the timer back and tries again soon.
    Scanned,
}

/// Begins the next wait of the running goroutine, and returns its number.
///
/// An unparker has to get the number through something that synchronizes, such as the Release CAS and the Acquire load
/// of a queue's cell.
pub fn begin_wait(word: &AtomicU64) -> u64 {
    // Relaxed: the goroutine changes the number, and goes from thread to thread through queues that synchronize. A stale
    // `unpark` may change the fate of the old wait between the load and the store, which does not matter (W1). No other
    // thread has the new number before it gets the number from this goroutine, and with it this store.
    let wait = (word.load(Relaxed) >> SHIFT) + 1;
    word.store(wait << SHIFT | AWAITED, Relaxed); // site: begin-wait
    wait
}

/// Parks the goroutine, after its thread has switched off the goroutine's stack and saved its context. Returns `false` if
/// the wait was given before: then the caller runs the goroutine on.
///
/// After a commit that succeeded the caller uses nothing of the goroutine: another thread may run it already.
pub fn commit(word: &AtomicU64, wait: u64) -> bool {
    let (awaited, parked) = (wait << SHIFT | AWAITED, wait << SHIFT | PARKED);
    // Release: publishes the saved context to the Acquire of `unpark`, `time_out` or `begin_scan` that finds the wait
    // parked (W4). Relaxed on failure: the goroutine acquires what the unparker did in `given`.
    // site: commit-wait
    word.compare_exchange(awaited, parked, Release, Relaxed).is_ok()
}

/// Returns whether the wait was given, for the goroutine once it runs again. If it was, then what the unparker did before
/// happens before the return.
pub fn given(word: &AtomicU64, wait: u64) -> bool {
    // Acquire: synchronizes with the Release CAS in `unpark`; with Relaxed a goroutine whose commit failed could miss
    // what it was woken for. A scanner's CAS between the two continues the release sequence.
    // site: look-whether-given
    word.load(Acquire) == wait << SHIFT | GIVEN
}

/// Ends a wait, and returns whether the caller makes the goroutine runnable. If the wait is over, nothing happens.
#[must_use]
pub fn unpark(word: &AtomicU64, wait: u64) -> bool {
    give(word, wait)
}

fn give(word: &AtomicU64, wait: u64) -> bool {
    let mut found = word.load(Relaxed); // Relaxed: the CAS below checks the value.
    // site: compare-waits
    while found >> SHIFT == wait || is_twin() {
        let ended = found & !(FATE ^ SCANNED) | GIVEN;
        // Release: publishes what the caller did before to the goroutine's Acquire load in `given`. Acquire: the caller
        // that finds the wait parked hands the goroutine's context on (W4), and synchronizes with the Release CAS in
        // `commit` or the Release in `end_scan`. Relaxed on failure: the loop only looks again.
        // site: give
        match word.compare_exchange(found, ended, AcqRel, Relaxed) {
            Ok(_) => return found & FATE == PARKED,
            Err(other) => found = other,
        }
    }
    false
}

/// Does what [`unpark`] does for a wait of which the caller has the lower half of the number only. The goroutine may be in
/// a wait whose number differs by a multiple of 2³², and is then woken spuriously.
#[must_use]
pub fn unpark_low(word: &AtomicU64, wait: u32) -> bool {
    let current = word.load(Relaxed) >> SHIFT; // Relaxed: `give` compares again, by a CAS.
    current as u32 == wait && give(word, current)
}

/// Ends a wait whose deadline has passed, if the goroutine is parked in it. The goroutine then finds in [`given`] whether
/// an unparker came nevertheless.
///
/// A timer is set only after [`commit`], so it never meets a goroutine that is about to park in this wait.
#[must_use]
pub fn time_out(word: &AtomicU64, wait: u64) -> TimeOut {
    let (awaited, parked) = (wait << SHIFT | AWAITED, wait << SHIFT | PARKED);
    // Acquire: the caller hands the goroutine's context on (W4); a scanner may have written it last, and publishes it by
    // the Release in `end_scan`. No Release: the caller publishes nothing to the goroutine but by the run queue.
    // Relaxed on failure: only the value counts.
    // site: time-out
    match word.compare_exchange(parked, awaited, Acquire, Relaxed) {
        Ok(_) => TimeOut::Runnable,
        Err(found) if found == parked | SCANNED => TimeOut::Scanned,
        Err(_) => TimeOut::Over,
    }
}

/// Returns whether the goroutine's last wait has this number. The answer may be old by the time it is used.
pub fn is_in_wait(word: &AtomicU64, wait: u64) -> bool {
    word.load(Relaxed) >> SHIFT == wait // Relaxed: a state to look at.
}

/// Returns whether the goroutine is parked. The answer may be old by the time it is used.
pub fn is_parked(word: &AtomicU64) -> bool {
    word.load(Relaxed) & PARKED != 0 // Relaxed: a state to look at.
}

/// Returns the number of the wait in which the goroutine is parked, if it is; what it did before happens before the return. The
/// answer may be old by the time it is used.
pub fn parked_in(word: &AtomicU64) -> Option<u64> {
    // Acquire: synchronizes with the Release CAS in `commit`. Not model-checked: it matters to the count in `report::leftover`,
    // which no model has.
    let found = word.load(Acquire);
    (found & PARKED != 0).then_some(found >> SHIFT)
}

/// Claims the stack of a parked goroutine, and returns the number of the wait; or `None` if the goroutine is not parked, or
/// another scanner has its stack. Until [`end_scan`] no other thread runs the goroutine.
#[must_use]
pub fn begin_scan(word: &AtomicU64) -> Option<u64> {
    let found = word.load(Relaxed); // Relaxed: the CAS below checks the value.
    if found & FATE != PARKED {
        return None;
    }
    // Acquire: the scanner uses the context that the Release CAS in `commit` or the Release of the last `end_scan` has
    // published (W4).
    // site: begin-scan
    word.compare_exchange(found, found | SCANNED, Acquire, Relaxed).ok()?;
    Some(found >> SHIFT)
}

/// Gives the stack of a scanned goroutine back, and returns whether an unparker came meanwhile: then the caller makes the
/// goroutine runnable.
#[must_use]
pub fn end_scan(word: &AtomicU64) -> bool {
    // Release: publishes the context that the scanner leaves to the Acquire of the call that finds the wait parked (W4).
    // No Acquire: the goroutine acquires in `given` what an unparker did meanwhile.
    let found = word.fetch_and(!SCANNED, Release); // site: end-scan
    found & GIVEN != 0
}
