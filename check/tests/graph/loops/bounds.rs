//! Loops that a bound cuts, that never end, or that the engine refuses.

use super::searched;
use crate::{checker, kind, outcomes, run};
use selvedge::rt::hint::{self, spin_loop};
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::thread;
use selvedge_check::{FailureKind, Verdict};
use std::collections::BTreeSet;

#[test]
fn a_loop_that_only_others_end_is_cut_with_a_word() {
    // Each round takes a lock, which is a write.
    searched([0], || {
        let (locked, ready) = (AtomicBool::new(false), AtomicBool::new(false));
        let lock = || hint::wait_until(|| !locked.swap(true, Acquire));
        thread::scope(|scope| {
            scope.spawn(|| {
                lock();
                ready.store(true, Relaxed);
                locked.store(false, Release);
            });
            loop {
                lock();
                let is_ready = ready.load(Relaxed);
                locked.store(false, Release);
                if is_ready {
                    return 0;
                }
                thread::yield_now();
            }
        })
    });
    searched([1], || {
        let ready = selvedge::rt::sync::Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| *ready.lock() = 1);
            loop {
                let seen = *ready.lock();
                if seen != 0 {
                    return seen;
                }
                thread::yield_now();
            }
        })
    });
    // Each round changes a counter.
    searched([true], || {
        let x = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| x.store(true, Release));
            let mut rounds = 0_u64;
            while !x.load(Acquire) {
                rounds += 1;
                spin_loop();
            }
            rounds < u64::MAX
        })
    });
}

#[test]
fn more_rounds_than_are_explored_are_cut_with_the_line() {
    let program = || {
        let x = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| x.store(true, Release));
            let mut tries = 0;
            while !x.load(Acquire) && tries < 5 {
                tries += 1;
                spin_loop();
            }
            tries
        })
    };
    let (found, report) = outcomes(checker().rounds(2), program);
    assert!(
        matches!(&report.verdict, Verdict::Searched { bounds, .. } if bounds.contains("at most 2 rounds of the loop at")),
        "{report}"
    );
    assert!(found.is_subset(&(0..=5).collect()) && found.contains(&0), "{found:?}");
    let (found, report) = outcomes(checker().rounds(5), program);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(found, (0..=5).collect());
}

#[test]
fn a_count_in_a_box_is_never_called_exhaustive_where_it_decides() {
    let program = |others: bool| {
        move || {
            let x = AtomicBool::new(false);
            thread::scope(|scope| {
                if others {
                    scope.spawn(|| x.store(true, Release));
                }
                let mut tries = Box::new(0);
                while !x.load(Acquire) {
                    *tries += 1;
                    if *tries == 4 {
                        return false;
                    }
                    spin_loop();
                }
                true
            })
        }
    };
    for (others, possible) in [(false, [false].as_slice()), (true, &[false, true])] {
        let (found, report) = outcomes(checker(), program(others));
        let possible: BTreeSet<bool> = possible.iter().copied().collect();
        match report.verdict {
            Verdict::Exhaustive => assert_eq!(found, possible, "{report}"),
            Verdict::Searched { .. } => assert!(found.is_subset(&possible)),
            _ => panic!("{report}"),
        }
    }
}

#[test]
fn spinning_threads_that_wait_for_each_other_for_ever_are_a_livelock() {
    let swap = || {
        let locked = AtomicBool::new(true);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while locked.swap(true, Acquire) {
                        spin_loop();
                    }
                });
            }
        });
    };
    let polled = || {
        let ready = selvedge::sync::Mutex::new(false);
        while !*ready.lock() {
            thread::yield_now();
        }
    };
    let waits = || {
        let never = AtomicBool::new(false);
        selvedge::rt::wait_until(|| never.load(Acquire));
    };
    let alternates = || {
        let (a, b) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !a.load(Acquire) {
                    thread::yield_now();
                }
                b.store(true, Release);
            });
            let mut rounds = 0;
            while !b.load(Acquire) && rounds < 3 {
                rounds += 1;
                spin_loop();
            }
        });
    };
    assert_eq!(kind(&run(swap)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(polled)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(waits)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(alternates)), Some(FailureKind::Livelock));
}

#[test]
fn a_bare_loop_is_refused_with_the_rule() {
    let report = run(|| {
        let flag = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| flag.store(true, Release));
            while !flag.load(Acquire) {}
        });
    });
    assert!(
        matches!(&report.verdict, Verdict::Refused { why } if why.contains("loops/bounds.rs") && why.contains("spin_loop")),
        "{report}"
    );
}
