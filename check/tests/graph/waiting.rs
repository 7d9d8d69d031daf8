//! Waiting under the graph engine: spinning, parking, time. Time is virtual: nothing here sleeps.

use super::{checker, count, kind, results, run};
use selvedge::rt::park::{Parker, Token};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::{hint, thread, time};
use selvedge_check::{FailureKind, Verdict};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[test]
fn a_wait_explores_one_read_for_each_value_that_ends_it() {
    assert_eq!(
        count(|| {
            let flag = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| {
                    flag.store(1, Release);
                    flag.store(2, Release);
                });
                hint::wait_until(|| flag.load(Acquire) != 0);
            });
        }),
        2
    );
    // The first round of a loop is explored too: only a second round shows that the rounds are alike.
    assert_eq!(
        count(|| {
            let flag = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| {
                    flag.store(1, Release);
                    flag.store(2, Release);
                });
                while flag.load(Acquire) == 0 {
                    hint::spin_loop();
                }
            });
        }),
        4
    );
}

#[test]
fn a_yield_outside_a_loop_loses_nothing() {
    let outcomes = results(|| {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| x.store(1, Release));
            let before = x.load(Acquire);
            thread::yield_now();
            (before, x.load(Acquire))
        })
    });
    assert_eq!(outcomes, BTreeSet::from([(0, 0), (0, 1), (1, 1)]));
}

#[test]
fn a_loop_that_yields_ends() {
    assert_eq!(
        results(|| {
            let flag = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| (1..=3).for_each(|n| flag.store(n, Release)));
                loop {
                    match flag.load(Acquire) {
                        0 => thread::yield_now(),
                        seen => return seen,
                    }
                }
            })
        }),
        BTreeSet::from([1, 2, 3])
    );
}

#[test]
fn a_bounded_spin_goes_on_when_nobody_can_change_anything() {
    let report = run(|| {
        let flag = AtomicBool::new(false);
        let mut spins = 0;
        while !flag.load(Acquire) && spins < 5 {
            spins += 1;
            hint::spin_loop();
        }
        assert_eq!(spins, 5);
    });
    assert!(report.verdict.passed(), "{report}");
}

#[test]
fn spinning_for_what_never_comes_is_a_livelock_at_its_line() {
    let report = run(|| {
        let (mine, theirs) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !mine.load(Acquire) {
                    hint::spin_loop();
                }
                theirs.store(true, Release);
            });
            while !theirs.load(Acquire) {
                hint::spin_loop();
            }
            mine.store(true, Release);
        });
    });
    assert_eq!(kind(&report), Some(FailureKind::Livelock), "{report}");
    let site = report.verdict.failure().expect("a failure").failure.sites[0];
    assert!(site.file().ends_with("graph/waiting.rs"));
}

#[test]
fn park_waits_for_its_token_and_no_more() {
    let model = |unparks: bool| {
        move || {
            let parker = Parker::new();
            let unparker = parker.unparker();
            thread::scope(|scope| {
                scope.spawn(move || {
                    if unparks {
                        unparker.unpark();
                    }
                });
                parker.park();
            });
        }
    };
    assert_eq!(count(model(true)), 1);
    assert_eq!(kind(&run(model(false))), Some(FailureKind::Deadlock));
}

#[test]
fn a_timed_wait_is_woken_or_times_out_and_time_goes_on() {
    let outcomes = results(|| {
        let parker = Parker::new();
        let unparker = parker.unparker();
        let before = time::now();
        thread::scope(|scope| {
            scope.spawn(move || unparker.unpark());
            let woken = parker.park_deadline(Some(before + Duration::from_millis(5)));
            assert_eq!(time::now() - before, if woken { Duration::ZERO } else { Duration::from_millis(5) });
            woken
        })
    });
    assert_eq!(outcomes, BTreeSet::from([false, true]));
}

#[test]
fn time_flows_with_what_happens_before() {
    let report = run(|| {
        let start = time::now();
        let flag = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_secs(3));
                flag.store(true, Release);
            });
            let seen = flag.load(Acquire);
            assert_eq!(time::now() - start, Duration::from_secs(if seen { 3 } else { 0 }));
        });
        assert_eq!(time::now() - start, Duration::from_secs(3));
    });
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
}

#[test]
fn where_time_is_discrete_a_wait_times_out_only_if_nothing_came_before() {
    let wait = |sleep: u64, wait: u64| {
        move || {
            let parker = Parker::new();
            let unparker = parker.unparker();
            thread::scope(|scope| {
                scope.spawn(move || {
                    thread::sleep(Duration::from_millis(sleep));
                    unparker.unpark();
                });
                let woken = parker.park_deadline(Some(time::now() + Duration::from_millis(wait)));
                assert_eq!(woken, sleep < wait);
            });
        }
    };
    for (sleep, deadline) in [(1, 2), (2, 1), (0, 5)] {
        let report = checker().discrete_time(true).run(wait(sleep, deadline)).remove(0);
        assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
        assert_eq!(report.executions, 1);
        assert_eq!(kind(&run(wait(sleep, deadline))), Some(FailureKind::Panic));
    }
}

#[test]
fn where_time_is_discrete_nothing_of_a_later_time_is_seen_and_all_of_an_earlier_one() {
    let report = checker().discrete_time(true).run(|| {
        let (early, late) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                early.store(true, Relaxed);
                thread::sleep(Duration::from_secs(2));
                late.store(true, Relaxed);
            });
            assert!(!late.load(Relaxed));
            thread::sleep(Duration::from_secs(1));
            assert!(early.load(Relaxed) && !late.load(Relaxed));
        });
    });
    assert!(matches!(report[0].verdict, Verdict::Exhaustive), "{}", report[0]);
    assert_eq!(report[0].executions, 1);
}

/// Returns at which times, in milliseconds, a wait for a flag ends that is set at 3 ms.
fn ends_of_wait(wait: fn(&AtomicBool)) -> BTreeSet<u128> {
    let ends = Arc::new(Mutex::new(BTreeSet::new()));
    let into = Arc::clone(&ends);
    let report = checker().discrete_time(true).run(move || {
        let (flag, begun) = (AtomicBool::new(false), time::now());
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(3));
                flag.store(true, Release);
            });
            scope.spawn(|| thread::sleep(Duration::from_millis(1)));
            wait(&flag);
        });
        into.lock().expect("no panic").insert((time::now() - begun).as_millis());
    });
    assert!(matches!(report[0].verdict, Verdict::Exhaustive), "{}", report[0]);
    ends.lock().expect("no panic").clone()
}

#[test]
fn where_time_is_discrete_a_thread_that_waits_in_a_loop_goes_on_later() {
    let spins = ends_of_wait(|flag| {
        while !flag.load(Acquire) {
            hint::spin_loop();
        }
    });
    assert_eq!(spins, BTreeSet::from([3]));
    assert_eq!(ends_of_wait(|flag| hint::wait_until(|| flag.load(Acquire))), BTreeSet::from([3]));
    let polls = ends_of_wait(|flag| {
        while !flag.load(Acquire) {
            thread::sleep(Duration::from_millis(2));
        }
    });
    assert_eq!(polls, BTreeSet::from([4]));
    let at_the_moment = ends_of_wait(|flag| {
        while !flag.load(Acquire) {
            thread::sleep(Duration::from_millis(1));
        }
    });
    assert_eq!(at_the_moment, BTreeSet::from([3, 4]));
}

/// Two threads wait for one token, which is given twice.
#[test]
fn where_time_is_discrete_threads_that_share_a_token_wait_for_the_next() {
    let report = checker().discrete_time(true).run(|| {
        let (token, begun) = (Token::new(), time::now());
        let ends: Vec<u128> = thread::scope(|scope| {
            let wait = || {
                token.wait();
                (time::now() - begun).as_millis()
            };
            let waits = [scope.spawn(wait), scope.spawn(wait)];
            for _ in 0..2 {
                thread::sleep(Duration::from_millis(5));
                token.give();
            }
            waits.map(|wait| wait.join().expect("no panic")).into()
        });
        assert!(ends == [5, 10] || ends == [10, 5], "{ends:?}");
    });
    assert!(matches!(report[0].verdict, Verdict::Exhaustive), "{}", report[0]);
}
