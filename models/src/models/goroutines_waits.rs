//! Models of what goroutines wait for besides each other: deadlines and descriptors; and of the P that is taken from an M in
//! user code.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs, order};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64};
use selvedge::rt::thread;
use selvedge::rt::timer::Timer;
use selvedge_check::{Change, FailureKind};
use selvedge_go::core::poll_slot::{Armed, PollSlot, Waiter};
use selvedge_go::core::proc_state::ProcState;
use selvedge_go::core::ready::{begin_wait, unpark_low};
use selvedge_go::core::timers::{Entry, NEVER, PollerSleep, Timers};

models![
    timer_breaks_sleep,
    an_earlier_timer_breaks_sleep,
    a_poller_leaves_its_place_to_another,
    a_deadline_meets_a_change_of_poller,
    a_deadline_is_taken_once,
    a_function_timer_breaks_sleep,
    a_timer_of_a_runtime_is_taken_or_stopped,
    poll_slot,
    poll_slot_wakes_its_waiter,
    demotion,
    a_p_is_taken_once,
    a_p_is_not_taken_back_from_its_next_m,
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
const FUNC: Mutant = mutant_of!("primitives/src/rt/timer.rs");
const BREAK: Mutant = HERE.drop_wake("break-sleep");

const fn entry(when: u64) -> Entry {
    Entry { when, task: 1, wait: 1 }
}

/// Sleeps in the poller beside a thread that adds the deadline 5, by `add`, until the poller knows of it.
fn sleeps_until_five(timers: &Timers, add: impl FnOnce() + Send) {
    let (sleep, parker) = (PollerSleep::new(), Parker::new());
    let unparker = parker.unparker();
    thread::scope(|scope| {
        scope.spawn(|| {
            add();
            if let Some(poller) = sleep.too_long(5) {
                assert_eq!(poller, 7, "the poller has published its number");
                unparker.unpark(); // site: break-sleep
            }
        });
        // A sleep of which the deadline is later than 5 is a sleep that does not end by itself.
        if sleep.begin(7, [timers]).expect("there is no other poller") > 5 {
            parker.park();
            sleep.end();
            assert_eq!(sleep.begin(7, [timers]), Some(5));
        }
    });
}

/// A deadline is added while an M goes to sleep without one.
fn timer_breaks_sleep() -> Model {
    model("no deadline is slept through", || {
        let timers = Timers::new();
        sleeps_until_five(&timers, || timers.add(entry(5), |_| true));
    })
    .catches([
        NO_FENCE_OF_POLLER,
        NO_FENCE_OF_TIMER,
        BREAK,
        TIMERS.lose("publish-earliest", FailureKind::Panic),
        TIMERS.lose("announce-sleep", FailureKind::Deadlock),
        TIMERS.lose("become-poller", FailureKind::Deadlock).or(FailureKind::Panic),
    ])
}

/// A deadline is added while an M goes to sleep until a later one.
fn an_earlier_timer_breaks_sleep() -> Model {
    model("a deadline that is earlier than those before is not slept through", || {
        let timers = Timers::new();
        timers.add(entry(9), |_| true);
        sleeps_until_five(&timers, || timers.add(entry(5), |_| true));
    })
    .catches([NO_FENCE_OF_POLLER, NO_FENCE_OF_TIMER, BREAK])
}

/// Two Ms go to sleep, of which the first one to come is the poller until it has something to do, while a third one adds a
/// deadline: if both sleep, then one of them until the deadline.
fn a_poller_leaves_its_place_to_another() -> Model {
    model("one M at a time is the poller, and the last one to sleep knows the deadline", || {
        let (timers, sleep, last) = (Timers::new(), PollerSleep::new(), Plain::new(0));
        let other_sleeps = thread::scope(|scope| {
            let other = scope.spawn(|| {
                let slept = sleep.begin(1, [&timers]).is_some();
                if slept {
                    last.set(1);
                    sleep.end();
                }
                slept
            });
            timers.add(entry(5), |_| true);
            let woken = sleep.too_long(5);
            assert!(woken.is_none_or(|number| number == 1));
            if let Some(until) = sleep.begin(2, [&timers]) {
                last.set(2);
                assert_eq!(until, 5);
            }
            other.join().expect("no panic")
        });
        // The other one has left its place, or has never had it.
        let until = sleep.begin(3, [&timers]);
        assert!(until.is_none_or(|until| until == 5) && (other_sleeps || last.get() == 2));
        assert_eq!(until.is_some(), last.get() != 2);
    })
    .catches([
        TIMERS.lose("leave-poller", FailureKind::Panic),
        TIMERS.weaken("leave-poller"),
        TIMERS.lose("become-poller", FailureKind::Race).or(FailureKind::Panic),
    ])
}

/// A deadline is added while one M leaves the place of the poller and another one takes it.
fn a_deadline_meets_a_change_of_poller() -> Model {
    model("the poller that has followed another does not sleep through a deadline", || {
        let (timers, sleep, parker) = (Timers::new(), PollerSleep::new(), Parker::new());
        let unparker = parker.unparker();
        thread::scope(|scope| {
            scope.spawn(|| {
                if sleep.begin(1, [&timers]).is_some() {
                    sleep.end();
                }
            });
            scope.spawn(|| {
                timers.add(entry(5), |_| true);
                if sleep.too_long(5) == Some(2) {
                    unparker.unpark(); // site: break-second-sleep
                }
            });
            if sleep.begin(2, [&timers]).is_some_and(|until| until > 5) {
                parker.park();
            }
        });
    })
    .catches([
        HERE.drop_wake("break-second-sleep"),
        TIMERS.mutant("become-poller", order(Relaxed), FailureKind::Deadlock, Needs::Orderings),
    ])
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

/// A function timer is armed while an M goes to sleep without a deadline.
fn a_function_timer_breaks_sleep() -> Model {
    model("no function timer is slept through", || {
        let (timers, timer) = (Timers::new(), Timer::new(Box::new(|| ())));
        sleeps_until_five(&timers, || assert!(!timers.set(&timer, 5)));
        assert!(timers.set(&timer, NEVER) && timers.earliest() == NEVER);
    })
    .catches([
        NO_FENCE_OF_POLLER,
        NO_FENCE_OF_TIMER,
        BREAK,
        TIMERS.lose("publish-earliest", FailureKind::Panic),
        TIMERS.lose("announce-sleep", FailureKind::Deadlock),
    ])
}

/// Two threads take a function timer that is due beside one that stops it.
fn a_timer_of_a_runtime_is_taken_or_stopped() -> Model {
    model("a function timer that is due is taken once, or stopped", || {
        let (timers, timer) = (Timers::new(), Timer::new(Box::new(|| ())));
        assert!(!timers.set(&timer, 5) && timers.set(&timer, 6));
        let ends = thread::scope(|scope| {
            let take = || u32::from(timers.take_due_timer(7).is_some());
            let other = scope.spawn(take);
            let stopped = u32::from(timers.set(&timer, NEVER));
            stopped + take() + other.join().expect("no panic")
        });
        assert_eq!((ends, timers.earliest()), (1, NEVER));
    })
    .of_specified()
    .catches([
        FUNC.mutant("disarm", Change::Twin, FailureKind::Panic, Needs::Interleavings).or(FailureKind::Leak),
        FUNC.mutant("take-out", Change::Twin, FailureKind::Panic, Needs::Interleavings).or(FailureKind::Leak),
        FUNC.mutant("say-armed", Change::Twin, FailureKind::Panic, Needs::Interleavings),
    ])
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

/// A thread that watches takes the P of an M that runs user code; the M comes into the runtime meanwhile.
fn demotion() -> Model {
    model("a P is taken from user code only", || {
        let (state, used) = (ProcState::new(), Plain::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                if let Some(slice) = state.in_user_code()
                    && state.take(slice)
                {
                    used.set(used.get() + 1);
                }
            });
            let slice = state.begin();
            if state.back(slice) {
                used.set(used.get() + 1);
                state.go_on(slice);
                if state.back(slice) {
                    used.set(used.get() + 1);
                }
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

/// Two threads that watch take the P of an M in user code, which comes back.
fn a_p_is_taken_once() -> Model {
    model("one thread at a time has the P of an M in user code", || {
        let (state, used, owners) = (ProcState::new(), Plain::new(0), AtomicU32::new(0));
        let has_it = || {
            used.set(used.get() + 1);
            owners.fetch_add(1, Relaxed);
        };
        used.set(1);
        let slice = state.begin();
        let take = || {
            if state.take(slice) {
                has_it();
            }
        };
        thread::scope(|scope| {
            scope.spawn(take);
            scope.spawn(take);
            if state.back(slice) {
                has_it();
            }
        });
        assert_eq!(owners.load(Relaxed), 1);
    })
    .catches([
        PROC.lose("come-back", FailureKind::Race).or(FailureKind::Panic),
        PROC.lose("take-proc", FailureKind::Race).or(FailureKind::Panic),
    ])
}

/// The P of an M in user code is taken, and its next M runs user code when the first one comes back.
fn a_p_is_not_taken_back_from_its_next_m() -> Model {
    model("an M whose P was taken does not take it back", || {
        let (state, used) = (ProcState::new(), Plain::new(0));
        let slice = state.begin();
        thread::scope(|scope| {
            scope.spawn(|| {
                if state.take(slice) {
                    used.set(1);
                    let slice = state.begin();
                    assert!(state.back(slice), "no thread takes the P again");
                    used.set(2);
                }
            });
            if state.back(slice) {
                used.set(3);
            }
        });
    })
    .catches([PROC
        .mutant("compare-slices", Change::Twin, FailureKind::Race, Needs::Orderings)
        .or(FailureKind::Panic)])
}
