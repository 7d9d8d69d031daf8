//! Models of what goroutines wait for besides each other: deadlines, descriptors, and blocking calls.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs, order};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64};
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::poll_slot::{Armed, PollSlot, Waiter};
use selvedge_go::core::proc_state::{Away, ProcState};
use selvedge_go::core::ready::{begin_wait, unpark_low};
use selvedge_go::core::timers::{Entry, PollerSleep, Timers};

models![
    timer_breaks_sleep,
    an_earlier_timer_breaks_sleep,
    a_deadline_is_taken_once,
    poll_slot,
    poll_slot_wakes_its_waiter,
    blocking_p_is_taken_once,
    a_p_is_not_taken_back_from_its_next_m,
    demotion,
];

const TIMERS: Mutant = mutant_of!("runtime/src/core/timers.rs");
const SLOT: Mutant = mutant_of!("runtime/src/core/poll_slot.rs");
const PROC: Mutant = mutant_of!("runtime/src/core/proc_state.rs");
const HERE: Mutant = mutant_of!("models/src/models/goroutines_waits.rs");
/// The poller and the P that adds a deadline do not see each other.
const NO_FENCE_OF_POLLER: Mutant =
    TIMERS.mutant("fence-before-sleep", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);
const NO_FENCE_OF_TIMER: Mutant =
    TIMERS.mutant("fence-after-deadline", Change::DropFence, FailureKind::Deadlock, Needs::SeqCst);
const BREAK: Mutant = HERE.drop_wake("break-sleep");

const fn entry(when: u64) -> Entry {
    Entry { when, task: 1, wait: 1 }
}

/// Sleeps in the poller beside a thread that adds the deadline 5, until the poller knows of it.
fn sleeps_until_five(timers: &Timers) {
    let (sleep, parker) = (PollerSleep::new(), Parker::new());
    let unparker = parker.unparker();
    thread::scope(|scope| {
        scope.spawn(|| {
            timers.add(entry(5), |_| true);
            if sleep.is_too_long(5) {
                unparker.unpark(); // site: break-sleep
            }
        });
        // A sleep of which the deadline is later than 5 is a sleep that does not end by itself.
        if sleep.begin([timers]) > 5 {
            parker.park();
            sleep.end();
            assert_eq!(sleep.begin([timers]), 5);
        }
    });
}

/// A deadline is added while an M goes to sleep without one.
fn timer_breaks_sleep() -> Model {
    model("no deadline is slept through", || sleeps_until_five(&Timers::new())).catches([
        NO_FENCE_OF_POLLER,
        NO_FENCE_OF_TIMER,
        BREAK,
        TIMERS.lose("publish-earliest", FailureKind::Panic),
        TIMERS.lose("announce-sleep", FailureKind::Deadlock),
    ])
}

/// A deadline is added while an M goes to sleep until a later one.
fn an_earlier_timer_breaks_sleep() -> Model {
    model("a deadline that is earlier than those before is not slept through", || {
        let timers = Timers::new();
        timers.add(entry(9), |_| true);
        sleeps_until_five(&timers);
    })
    .catches([NO_FENCE_OF_POLLER, NO_FENCE_OF_TIMER, BREAK])
}

/// Two threads take what is due beside one that adds.
fn a_deadline_is_taken_once() -> Model {
    model("a deadline that is due is taken once", || {
        let timers = Timers::new();
        timers.add(entry(5), |_| true);
        timers.add(entry(9), |_| true);
        let due = thread::scope(|scope| {
            let other = scope.spawn(|| timers.take_due(7).is_some());
            timers.add(entry(6), |_| true);
            let here = timers.take_due(7).is_some();
            u32::from(here) + u32::from(other.join().expect("no panic"))
        });
        let mut left = 0;
        while let Some(entry) = timers.take_due(7) {
            assert!(entry.when <= 7);
            left += 1;
        }
        assert_eq!((due + left, timers.earliest()), (2, 9));
    })
    .bound(2)
    .catches([TIMERS.lose("publish-earliest", FailureKind::Panic)])
}

/// A goroutine that finds a descriptor not ready waits while it becomes ready: it sees the readiness, or is unparked.
fn poll_slot() -> Model {
    model("no readiness of a descriptor is lost", || {
        let (slot, data, woken) = (PollSlot::new(), AtomicU32::new(0), Parker::new());
        let unparker = woken.unparker();
        thread::scope(|scope| {
            scope.spawn(|| {
                data.store(1, Relaxed);
                if slot.ready().is_some() {
                    unparker.unpark(); // site: wake-waiter
                }
            });
            let waiter = Waiter::new(1, 1);
            if data.load(Relaxed) == 0 {
                match slot.arm(waiter) {
                    Armed::Waits => woken.park(),
                    Armed::Ready => (),
                    Armed::Taken => unreachable!("there is one goroutine"),
                }
                slot.disarm(waiter);
                assert_eq!(data.load(Relaxed), 1, "the next try succeeds");
            }
        });
    })
    .catches([
        HERE.drop_wake("wake-waiter"),
        SLOT.lose("wait-for-descriptor", FailureKind::Deadlock),
        SLOT.lose("set-ready", FailureKind::Deadlock),
        SLOT.mutant("set-ready", order(Acquire), FailureKind::Panic, Needs::Orderings),
        SLOT.mutant(
            "wait-for-descriptor",
            Change::FailureOrder(Relaxed),
            FailureKind::Panic,
            Needs::Orderings,
        ),
    ])
}

/// A goroutine that waits for a descriptor is unparked by the number of its wait.
fn poll_slot_wakes_its_waiter() -> Model {
    model("the poller ends the wait that it finds", || {
        let (slot, word) = (PollSlot::new(), AtomicU64::new(0));
        let waits = thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(waiter) = slot.ready() {
                    assert!(!unpark_low(&word, waiter.wait), "the goroutine has not parked");
                }
            });
            slot.arm(Waiter::new(1, begin_wait(&word))) == Armed::Waits
        });
        assert_eq!(selvedge_go::core::ready::given(&word, 1), waits);
    })
    .catches([
        SLOT.mutant("wait-for-descriptor", order(Relaxed), FailureKind::Panic, Needs::Orderings),
        SLOT.mutant("set-ready", order(Release), FailureKind::Panic, Needs::Orderings),
    ])
}

/// An M comes back from a blocking call while two threads take its P.
fn blocking_p_is_taken_once() -> Model {
    model("one M at a time has the P of a blocking call", || {
        let (state, used, owners) = (ProcState::new(), Plain::new(0), AtomicU32::new(0));
        let has_it = || {
            used.set(used.get() + 1);
            owners.fetch_add(1, Relaxed);
        };
        let take = || {
            if state.take(Away::Blocked).is_some() {
                has_it();
            }
        };
        used.set(1);
        thread::scope(|scope| {
            scope.spawn(take);
            scope.spawn(take);
            used.set(2);
            state.go(0, Away::Blocked);
            if state.back(0, Away::Blocked) {
                has_it();
            }
        });
        assert_eq!(owners.load(Relaxed), 1);
    })
    .catches([
        PROC.weaken("leave-runtime"),
        PROC.weaken("take-proc"),
        PROC.lose("come-back", FailureKind::Race).or(FailureKind::Panic),
        PROC.lose("take-proc", FailureKind::Race).or(FailureKind::Panic),
    ])
}

/// The P of an M in a blocking call is taken, and its next M is in a blocking call when the first one comes back.
fn a_p_is_not_taken_back_from_its_next_m() -> Model {
    model("an M whose P was taken does not take it back", || {
        let (state, used) = (ProcState::new(), Plain::new(0));
        state.go(0, Away::Blocked);
        thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(tenure) = state.take(Away::Blocked) {
                    used.set(1);
                    state.go(tenure, Away::Blocked);
                    assert!(state.back(tenure, Away::Blocked), "no thread takes the P again");
                    used.set(2);
                }
            });
            if state.back(0, Away::Blocked) {
                used.set(3);
            }
        });
    })
    .catches([PROC
        .mutant("compare-tenures", Change::Twin, FailureKind::Race, Needs::Orderings)
        .or(FailureKind::Panic)])
}

/// The monitor takes the P of an M that runs user code; the M comes into the runtime meanwhile.
fn demotion() -> Model {
    model("a P is taken from user code only", || {
        let (state, used) = (ProcState::new(), Plain::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                if state.take(Away::User).is_some() {
                    used.set(used.get() + 1);
                }
            });
            state.go(0, Away::User);
            for _ in 0..2 {
                if !state.back(0, Away::User) {
                    return;
                }
                used.set(used.get() + 1);
                state.go(0, Away::User);
            }
        });
        assert!(used.get() <= 3);
    })
    .catches([
        PROC.weaken("leave-runtime"),
        PROC.weaken("take-proc"),
        PROC.lose("come-back", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
        PROC.lose("take-proc", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings),
    ])
}
