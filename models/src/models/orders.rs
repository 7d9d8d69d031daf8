//! Models of what SeqCst gives and Acquire and Release do not: programs that loom cannot judge.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs, order};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, fence};
use selvedge::rt::{hint, thread};
use selvedge_check::{Change, FailureKind};

models![
    one_of_two_that_announce_themselves_is_seen,
    one_of_two_that_announce_themselves_by_fences_is_seen,
    petersons_lock_excludes,
    readers_agree_on_the_order_of_independent_writes,
    work_and_its_sleeper_do_not_miss_each_other,
    what_was_seen_is_passed_on,
];

const ORDERS: Mutant = mutant_of!("models/src/models/orders.rs");

/// Dekker's question: of two threads that each announce themselves and then look for the other, at least one sees the
/// other.
fn one_of_two_that_announce_themselves_is_seen() -> Model {
    model("Dekker: one of two sees the other", || {
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
    })
    .catches([
        ORDERS.demote("announce", Release, FailureKind::Race),
        ORDERS.demote("look-for-the-other", Acquire, FailureKind::Race),
    ])
}

/// Dekker's question with SeqCst fences between relaxed accesses.
fn one_of_two_that_announce_themselves_by_fences_is_seen() -> Model {
    model("Dekker by fences: one of two sees the other", || {
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
    })
    .catches([ORDERS.mutant(
        "fence-between-store-and-load",
        Change::DropFence,
        FailureKind::Race,
        Needs::Orderings,
    )])
}

/// Peterson's lock: two threads increment, one at a time.
fn petersons_lock_excludes() -> Model {
    model("Peterson's lock excludes", || {
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
            // Release: publishes the section to the other thread, whose SeqCst load in its loop reads this.
            wants[me].store(false, Release); // site: leave-section
        };
        thread::scope(|scope| {
            scope.spawn(|| section(1));
            section(0);
        });
        assert_eq!(data.get(), 2);
    })
    .catches([
        ORDERS.demote("want-lock", Release, FailureKind::Race),
        ORDERS.demote("wait-for-turn", Acquire, FailureKind::Race),
        ORDERS.weaken("leave-section"),
    ])
}

/// Two readers agree on the order of two independent writes.
fn readers_agree_on_the_order_of_independent_writes() -> Model {
    model("readers agree on the order of independent writes", || {
        let (x, y) = (AtomicBool::new(false), AtomicBool::new(false));
        let (first, second) = thread::scope(|scope| {
            scope.spawn(|| x.store(true, SeqCst));
            scope.spawn(|| y.store(true, SeqCst));
            let one = scope.spawn(|| x.load(SeqCst) && !y.load(SeqCst)); // site: first-reader
            let two = scope.spawn(|| y.load(SeqCst) && !x.load(SeqCst));
            (one.join().expect("no panic"), two.join().expect("no panic"))
        });
        assert!(!(first && second), "each reader saw the other write first");
    })
    .catches([ORDERS.demote("first-reader", Acquire, FailureKind::Panic)])
}

/// The handshake of a worker that goes to sleep: the worker announces itself and then looks for work once more; the
/// thread that publishes work looks for sleepers afterwards. At least one of the two sees the other.
fn work_and_its_sleeper_do_not_miss_each_other() -> Model {
    model("work and its sleeper do not miss each other", || {
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
    })
    .catches([
        ORDERS.demote("publish-work", Release, FailureKind::Panic),
        ORDERS.demote("look-for-sleeper", Acquire, FailureKind::Panic),
    ])
}

/// Coherence: a relaxed read returns no older value than a relaxed read that happens before it.
fn what_was_seen_is_passed_on() -> Model {
    model("what was seen is passed on", || {
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
    })
    .catches([ORDERS.mutant("pass-on", order(Relaxed), FailureKind::Panic, Needs::Orderings)])
}
