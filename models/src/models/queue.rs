//! The queue in which threads sleep.

use super::{Plain, until};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::{Waiters, Wake};
use std::time::Duration;

/// A wake-up ends one wait, and what was done before it happens before that returns.
pub fn each_wake_up_ends_one_wait() {
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
    assert!(!shared.0.wake_one(Wake::Handed), "nobody is left");
    for waiter in waiters {
        assert_eq!(waiter.join().expect("no panic"), (Some(Wake::Handed), 1));
    }
}

/// One of two gives up, at any moment: each wake-up that found somebody ended one wait, and no other did.
pub fn no_wake_up_is_lost_or_counts_twice() {
    let queue = Arc::new(Waiters::default());
    let gives_up = queue.enter();
    let waits = queue.enter();
    thread::scope(|scope| {
        let gives_up = scope.spawn(|| gives_up.wait(Some(now() + Duration::from_micros(1))).is_some());
        let waits = scope.spawn(|| waits.wait(None).is_some());
        assert!(queue.wake_one(Wake::Woken), "one at least waits");
        // The wake-up was for the first, or that one had given up and it was for the second.
        if gives_up.join().expect("no panic") {
            assert!(queue.wake_one(Wake::Woken), "the second waits");
        }
        assert!(waits.join().expect("no panic"));
    });
    assert!(!queue.wake_one(Wake::Woken), "nobody is left");
}

/// Who does not wait after all has been woken, or leaves no trace.
pub fn a_cancelled_wait_leaves_no_trace() {
    let queue = Arc::new(Waiters::default());
    let theirs = Arc::clone(&queue);
    let cancels = thread::spawn(move || theirs.enter().cancel().is_some());
    let woke = queue.wake_one(Wake::Handed);
    assert_eq!(cancels.join().expect("no panic"), woke);
    assert!(!queue.wake_one(Wake::Handed), "nobody is left");
    let ticket = queue.enter();
    assert!(queue.wake_one(Wake::Handed) && ticket.wait(None) == Some(Wake::Handed));
}

/// All that wait are woken, and nobody who comes later.
pub fn waking_all_wakes_those_that_wait() {
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
}

/// One in the middle gives up, so that its cell is taken out of the list, while those before and behind it are woken.
pub fn a_wait_given_up_in_the_middle_is_passed_over() {
    let queue = Waiters::with_segments(0);
    let [first, middle, last] = [(); 3].map(|()| queue.enter());
    thread::scope(|scope| {
        let cancels = scope.spawn(|| middle.cancel().is_some());
        assert!(queue.wake_one(Wake::Woken), "the first waits");
        assert_eq!(first.wait(None), Some(Wake::Woken));
        assert!(queue.wake_one(Wake::Woken), "one of the others does");
        // The wake-up was for the one in the middle, or that one had given up and it was for the last.
        if cancels.join().expect("no panic") {
            assert!(queue.wake_one(Wake::Woken), "the last waits");
        }
        assert_eq!(last.wait(None), Some(Wake::Woken));
    });
    assert!(!queue.wake_one(Wake::Woken), "nobody is left");
}

/// One behind the oldest gives up, so that its cell is taken out of the list, while the oldest cell is finished.
pub fn a_wait_given_up_behind_the_oldest_is_passed_over() {
    let queue = Waiters::with_segments(0);
    let [first, second, last] = [(); 3].map(|()| queue.enter());
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(second.cancel(), None));
        assert!(queue.wake_one(Wake::Woken), "the first waits");
        assert_eq!(first.wait(None), Some(Wake::Woken));
    });
    assert!(queue.wake_one(Wake::Woken), "the last waits");
    assert_eq!(last.wait(None), Some(Wake::Woken));
    assert!(!queue.wake_one(Wake::Woken), "nobody is left");
}

/// Two next to each other give up at once: their cells are taken out, one by one.
pub fn waits_given_up_side_by_side_are_passed_over() {
    let queue = Waiters::with_segments(0);
    let [first, one, two, last] = [(); 4].map(|()| queue.enter());
    thread::scope(|scope| {
        scope.spawn(|| assert_eq!(one.cancel(), None));
        assert_eq!(two.cancel(), None);
    });
    assert!(queue.wake_one(Wake::Woken) && queue.wake_one(Wake::Handed));
    assert_eq!((first.wait(None), last.wait(None)), (Some(Wake::Woken), Some(Wake::Handed)));
    assert!(!queue.wake_one(Wake::Woken), "nobody is left");
}
