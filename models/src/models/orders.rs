//! What SeqCst gives and acquire and release do not: programs that loom cannot judge.

use super::Plain;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, fence};
use selvedge::rt::{hint, thread};

/// Dekker's question: of two threads that each announce themselves and then look for the other, one at least
/// sees the other.
pub fn one_of_two_that_announce_themselves_is_seen() {
    let (flags, data) = ([AtomicBool::new(false), AtomicBool::new(false)], Plain::new(0));
    let enter = |me: usize| {
        flags[me].store(true, SeqCst); // site: announce
        // site: look-for-the-other
        if !flags[1 - me].load(SeqCst) {
            data.set(me as u32);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| enter(1));
        enter(0);
    });
}

/// The same by fences between relaxed accesses.
pub fn one_of_two_that_announce_themselves_by_fences_is_seen() {
    let (flags, data) = ([AtomicBool::new(false), AtomicBool::new(false)], Plain::new(0));
    let enter = |me: usize| {
        flags[me].store(true, Relaxed);
        fence(SeqCst); // site: fence-between-store-and-load
        if !flags[1 - me].load(Relaxed) {
            data.set(me as u32);
        }
    };
    thread::scope(|scope| {
        scope.spawn(|| enter(1));
        enter(0);
    });
}

/// Peterson's lock excludes.
pub fn petersons_lock_excludes() {
    let (wants, turn) = ([AtomicBool::new(false), AtomicBool::new(false)], AtomicUsize::new(0));
    let data = Plain::new(0);
    let section = |me: usize| {
        wants[me].store(true, SeqCst); // site: want-lock
        turn.store(1 - me, SeqCst);
        // site: wait-for-turn
        while wants[1 - me].load(SeqCst) && turn.load(SeqCst) == 1 - me {
            hint::spin_loop();
        }
        data.set(data.get() + 1);
        // Release: the section comes before what the other does after it has seen this.
        wants[me].store(false, Release); // site: leave-section
    };
    thread::scope(|scope| {
        scope.spawn(|| section(1));
        section(0);
    });
    assert_eq!(data.get(), 2);
}

/// Two readers agree on the order of two independent writes.
pub fn readers_agree_on_the_order_of_independent_writes() {
    let (x, y) = (AtomicBool::new(false), AtomicBool::new(false));
    let (first, second) = thread::scope(|scope| {
        scope.spawn(|| x.store(true, SeqCst));
        scope.spawn(|| y.store(true, SeqCst));
        let one = scope.spawn(|| x.load(SeqCst) && !y.load(SeqCst)); // site: first-reader
        let two = scope.spawn(|| y.load(SeqCst) && !x.load(SeqCst));
        (one.join().expect("no panic"), two.join().expect("no panic"))
    });
    assert!(!(first && second), "each reader saw the other write first");
}

/// The handshake of a thread that goes to sleep: it announces itself and looks for work once more; whoever
/// brings work looks for sleepers afterwards. One of the two sees the other.
pub fn work_and_its_sleeper_do_not_miss_each_other() {
    let (work, sleeps) = (AtomicBool::new(false), AtomicBool::new(false));
    let (slept, woken) = thread::scope(|scope| {
        let worker = scope.spawn(|| {
            sleeps.swap(true, SeqCst);
            !work.load(SeqCst)
        });
        work.store(true, SeqCst); // site: publish-work
        let woken = sleeps.load(SeqCst); // site: look-for-sleeper
        (worker.join().expect("no panic"), woken)
    });
    assert!(!slept || woken, "the worker sleeps, and nobody wakes it");
}

/// A read is no older than one that happens before it, though both are relaxed: coherence.
pub fn what_was_seen_is_passed_on() {
    let (x, y) = (AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| x.store(1, Relaxed));
        scope.spawn(|| {
            if x.load(Relaxed) == 1 {
                y.store(1, Release); // site: pass-on
            }
        });
        if y.load(Acquire) == 1 {
            assert_eq!(x.load(Relaxed), 1);
        }
    });
}
