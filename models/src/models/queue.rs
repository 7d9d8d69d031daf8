//! Models of the queue in which threads sleep.

use super::bell::Bell;
use super::mutants::{GIVE_UP_WAIT, NOT_ENTERED, SEGMENT, TRUST_PERMIT, WAKE_SLEEPER, WEAK_WAKE};
use super::{Model, Plain, model, models, mutant_of, until};
use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge::rt::sync::Arc;
use selvedge::rt::task::Why;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::{Waiters, Wake};
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    each_wake_up_ends_one_wait,
    no_wake_up_is_lost_or_counts_twice,
    a_cancelled_wait_leaves_no_trace,
    waking_all_wakes_those_that_wait,
    a_wait_given_up_in_the_middle_is_passed_over,
    a_wait_given_up_behind_the_oldest_is_passed_over,
    waits_given_up_side_by_side_are_passed_over,
    a_wait_is_woken_or_stopped,
];

/// The segment behind one that is unlinked may itself be unlinked, though it becomes the first.
const NOT_SEALED: Mutant = SEGMENT
    .lose("seal-next", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Livelock)
    .or(FailureKind::DoubleFree);
/// Two threads unlink segments at the same time.
const TWO_SURGEONS: Mutant = mutant_of!("primitives/src/queue/retire.rs")
    .lose("count-dead-segment", FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Livelock)
    .or(FailureKind::DoubleFree);

/// A wake-up ends one wait, and what was done before the wake-up happens before the wait returns.
fn each_wake_up_ends_one_wait() -> Model {
    model("each wake-up ends one wait", || {
        let shared = Arc::new((Waiters::default(), Plain::new(0)));
        let waiters = [1, 2].map(|_| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || {
                let woken = theirs.0.enter().wait(None);
                (woken, theirs.1.get())
            })
        });
        shared.1.set(1);
        for _ in 0..2 {
            until(|| shared.0.wake_one(Wake::Handed));
        }
        assert!(!shared.0.wake_one(Wake::Handed), "no waiter is left");
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), (Some(Wake::Handed), 1));
        }
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([WAKE_SLEEPER.or(FailureKind::Livelock), WEAK_WAKE])
}

/// One of two waiters times out, at any moment: each wake-up that found a waiter ended one wait, and nothing else
/// did.
fn no_wake_up_is_lost_or_counts_twice() -> Model {
    model("no wake-up is lost, and none counts twice", || {
        let queue = Arc::new(Waiters::default());
        let gives_up = queue.enter();
        let waits = queue.enter();
        thread::scope(|scope| {
            let gives_up = scope.spawn(|| gives_up.wait(Some(now() + Duration::from_micros(1))).is_some());
            let waits = scope.spawn(|| waits.wait(None).is_some());
            assert!(queue.wake_one(Wake::Woken), "one at least waits");
            // The wake-up ended the first wait; or the first waiter had timed out and the wake-up ended the second.
            if gives_up.join().expect("no panic") {
                assert!(queue.wake_one(Wake::Woken), "the second waits");
            }
            assert!(waits.join().expect("no panic"));
        });
        assert!(!queue.wake_one(Wake::Woken), "no waiter is left");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([WAKE_SLEEPER, GIVE_UP_WAIT])
}

/// A wait that is cancelled had been ended by a wake-up, or leaves no trace.
fn a_cancelled_wait_leaves_no_trace() -> Model {
    model("a cancelled wait leaves no trace", || {
        let queue = Arc::new(Waiters::default());
        let theirs = Arc::clone(&queue);
        let cancels = thread::spawn(move || theirs.enter().cancel().is_some());
        let woke = queue.wake_one(Wake::Handed);
        assert_eq!(cancels.join().expect("no panic"), woke);
        assert!(!queue.wake_one(Wake::Handed), "no waiter is left");
        let ticket = queue.enter();
        assert!(queue.wake_one(Wake::Handed) && ticket.wait(None) == Some(Wake::Handed));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([GIVE_UP_WAIT])
}

/// `wake_all` wakes every waiter, and none that arrives later.
fn waking_all_wakes_those_that_wait() -> Model {
    model("waking all wakes those that wait", || {
        let queue = Arc::new(Waiters::default());
        let tickets = [queue.enter(), queue.enter()];
        let end = queue.entered();
        let theirs = Arc::clone(&queue);
        let wakes = thread::spawn(move || theirs.wake_all());
        let [one, two] = tickets.map(|ticket| ticket.wait(None));
        assert_eq!((one, two), (Some(Wake::Woken), Some(Wake::Woken)));
        wakes.join().expect("no panic");
        let late = queue.enter();
        assert!(!queue.wake_one_of(end, Wake::Handed), "it is not one of the first");
        assert_eq!(late.cancel(), None);
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([WAKE_SLEEPER])
}

/// A wait between two others is cancelled, so that its cell is unlinked, while the waits before and behind it are
/// ended.
fn a_wait_given_up_in_the_middle_is_passed_over() -> Model {
    model("a wait cancelled in the middle is passed over", || {
        let queue = Waiters::with_segments(0);
        let [first, middle, last] = [(); 3].map(|()| queue.enter());
        thread::scope(|scope| {
            let cancels = scope.spawn(|| middle.cancel().is_some());
            assert!(queue.wake_one(Wake::Woken), "the first waits");
            assert_eq!(first.wait(None), Some(Wake::Woken));
            assert!(queue.wake_one(Wake::Woken), "one of the others does");
            // The wake-up ended the wait in the middle; or that wait was cancelled and the wake-up ended the last.
            if cancels.join().expect("no panic") {
                assert!(queue.wake_one(Wake::Woken), "the last waits");
            }
            assert_eq!(last.wait(None), Some(Wake::Woken));
        });
        assert!(!queue.wake_one(Wake::Woken), "no waiter is left");
    })
    .bound(2)
    .catches([NOT_ENTERED])
}

/// The wait behind the oldest is cancelled, so that its cell is unlinked, while the oldest cell is finished.
fn a_wait_given_up_behind_the_oldest_is_passed_over() -> Model {
    model("a wait cancelled while the oldest ends is passed over", || {
        let queue = Waiters::with_segments(0);
        let [first, second, last] = [(); 3].map(|()| queue.enter());
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(second.cancel(), None));
            assert!(queue.wake_one(Wake::Woken), "the first waits");
            assert_eq!(first.wait(None), Some(Wake::Woken));
        });
        assert!(queue.wake_one(Wake::Woken), "the last waits");
        assert_eq!(last.wait(None), Some(Wake::Woken));
        assert!(!queue.wake_one(Wake::Woken), "no waiter is left");
    })
    .bound(2)
    .catches([NOT_SEALED])
}

/// Two adjacent waits are cancelled at once: their cells are unlinked, one by one.
fn waits_given_up_side_by_side_are_passed_over() -> Model {
    model("waits cancelled side by side are passed over", || {
        let queue = Waiters::with_segments(0);
        let [first, one, two, last] = [(); 4].map(|()| queue.enter());
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(one.cancel(), None));
            assert_eq!(two.cancel(), None);
        });
        assert!(queue.wake_one(Wake::Woken) && queue.wake_one(Wake::Handed));
        assert_eq!((first.wait(None), last.wait(None)), (Some(Wake::Woken), Some(Wake::Handed)));
        assert!(!queue.wake_one(Wake::Woken), "no waiter is left");
    })
    .bound(2)
    .catches([TWO_SURGEONS])
}

/// A wait is stopped while a waker hands something over.
fn a_wait_is_woken_or_stopped() -> Model {
    model("a wait is woken or stopped, and what is handed over is not lost", || {
        let (queue, bell) = (Waiters::default(), Bell::default());
        let ticket = queue.enter();
        let handed = thread::scope(|scope| {
            let waker = scope.spawn(|| queue.wake_one(Wake::Handed));
            scope.spawn(|| bell.ring());
            let woken = ticket.wait_for(Why::Lock, bell.limit());
            assert!(matches!(woken, None | Some(Wake::Handed)));
            assert_eq!(waker.join().expect("no panic"), woken.is_some());
            woken.is_some()
        });
        assert!(!queue.wake_one(Wake::Handed), "no waiter is left");
        assert!(handed || queue.is_empty());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([GIVE_UP_WAIT, TRUST_PERMIT])
}
