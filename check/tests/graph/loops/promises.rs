//! Waits whose rounds are promised to be alike.

use super::exhaustive;
use crate::run;
use selvedge::rt::hint;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::thread;
use selvedge_check::Verdict;

#[test]
fn a_wait_costs_one_read_for_each_value_that_ends_it() {
    let report = run(|| {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| (1..=3).for_each(|n| x.store(n, Release)));
            hint::wait_until(|| x.load(Acquire) >= 2);
        });
    });
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(report.executions, 2);
    exhaustive([(1, 1)], || {
        let (a, b) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| a.store(1, Release));
            scope.spawn(|| b.store(1, Release));
            hint::wait_until(|| a.load(Acquire) + b.load(Acquire) == 2);
            (a.load(Acquire), b.load(Acquire))
        })
    });
}

#[test]
fn a_condition_that_changes_something_is_a_loop_as_any_other() {
    exhaustive([3], || {
        let x = AtomicUsize::new(0);
        hint::wait_until(|| x.fetch_add(1, Relaxed) == 2);
        x.load(Relaxed)
    });
}
