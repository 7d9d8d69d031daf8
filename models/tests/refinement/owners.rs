//! Programs with an `Arc`: how many executions they have, and what no specification may hide.

use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::sync::{Arc, Weak};
use selvedge::rt::thread;
use selvedge::sync::{ErrGroup, Mutex, SingleFlight};
use selvedge_check::{Checker, Engine, FailureKind, Primitives, Report};

fn explore(program: impl Fn() + Send + Sync + 'static) -> Report {
    let checker = Checker::new().ignore_environment().primitives(Primitives::Specified);
    checker.engines([Engine::Graph]).run(program).remove(0)
}

/// Returns how many executions there are, all of which are explored.
#[track_caller]
fn executions(program: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = explore(program);
    assert!(report.verdict.failure().is_none() && report.executions < 1_000, "{report}");
    report.executions
}

/// Three threads that each get a clone.
fn shared_by_three<T: Send + Sync + 'static>(value: T, each: fn(Arc<T>)) {
    let value = Arc::new(value);
    for _ in 0..3 {
        let own = Arc::clone(&value);
        thread::spawn(move || each(own));
    }
}

/// Counts the ends of values.
struct Counted(&'static AtomicUsize);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
    }
}

static ENDS: AtomicUsize = AtomicUsize::const_new(0);

#[test]
fn drops_have_no_order_where_nobody_sees_the_end() {
    assert_eq!(executions(|| shared_by_three(vec![1], drop)), 1);
}

#[test]
fn a_lock_that_threads_own_together_has_the_orders_of_its_sections() {
    assert_eq!(executions(|| shared_by_three(Mutex::new(0), |sum| *sum.lock() += 1)), 6);
}

#[test]
fn calls_with_one_key_have_the_orders_of_what_they_do() {
    let count = executions(|| {
        let calls = Arc::new(SingleFlight::<u32, u32>::new());
        let own = Arc::clone(&calls);
        let other = thread::spawn(move || own.run(1, || 2));
        assert_eq!((calls.run(1, || 2), other.join().expect("no panic")), (2, 2));
    });
    assert!(count <= 6, "{count}");
}

#[test]
fn a_group_of_two_tasks_returns_the_first_error() {
    let count = executions(|| {
        let group = ErrGroup::new();
        group.go(|_| Err(1));
        group.go(|_| Ok(()));
        assert_eq!(group.wait(), Err(1));
    });
    assert!(count <= 22, "{count}");
}

#[test]
fn each_thread_may_be_the_last_where_the_end_is_seen() {
    let report = explore(|| {
        let value = Arc::new(Counted(&ENDS));
        let own = Arc::clone(&value);
        let other = thread::spawn(move || {
            drop(own);
            ENDS.load(Relaxed)
        });
        drop(value);
        let (mine, theirs) = (ENDS.load(Relaxed), other.join().expect("no panic"));
        assert!(mine == 1 || theirs == 1, "one of them is the last");
        assert_eq!(ENDS.load(Relaxed), 1);
        assert!(mine == 1, "not always the main thread");
    });
    let failure = report.verdict.failure().expect("the other thread is the last");
    assert!(failure.to_string().contains("not always the main thread"), "{report}");
}

#[test]
fn counts_that_are_observed_later_are_ordered_from_the_start() {
    let report = explore(|| {
        let value = Arc::new(0);
        let own = Arc::clone(&value);
        let other = thread::spawn(move || Arc::try_unwrap(own).is_ok());
        drop(value);
        assert!(other.join().expect("no panic"), "the other thread is not always alone");
    });
    assert!(report.verdict.failure().is_some(), "{report}");
}

#[test]
fn a_weak_pointer_upgrades_or_does_not() {
    for lives in [true, false] {
        let report = explore(move || {
            let value = Arc::new(0);
            let weak: Weak<i32> = Arc::downgrade(&value);
            let other = thread::spawn(move || weak.upgrade().is_some());
            drop(value);
            assert_ne!(other.join().expect("no panic"), lives);
        });
        assert!(report.verdict.failure().is_some(), "lives: {lives}: {report}");
    }
}

/// A pointer into an `Arc` that counts for nothing.
#[derive(Clone, Copy)]
struct Stray(*const AtomicUsize);

// SAFETY: the programs show what comes of it.
unsafe impl Send for Stray {}

impl Stray {
    fn load(self) -> usize {
        // SAFETY: a checker keeps freed memory until the execution ends, and reports the access.
        unsafe { &*self.0 }.load(Relaxed)
    }
}

#[test]
fn a_use_that_no_owner_covers_races_with_the_end_of_the_memory() {
    let report = explore(|| {
        let value = Arc::new(AtomicUsize::new(0));
        let (stray, own) = (Stray(&raw const *value), Arc::clone(&value));
        thread::spawn(move || stray.load());
        thread::spawn(move || drop(own));
        drop(value);
    });
    let kind = report.verdict.failure().map(|found| found.failure.kind);
    assert!(matches!(kind, Some(FailureKind::Race | FailureKind::UseAfterFree)), "{report}");
}

#[test]
fn uses_by_owners_come_before_the_end_of_the_memory() {
    let program = || {
        shared_by_three(AtomicUsize::new(0), |value| {
            value.load(Relaxed);
        })
    };
    assert_eq!(executions(program), 1);
}

#[test]
fn an_owner_inside_of_a_shared_value_lets_go_with_the_last_owner_of_that() {
    executions(|| {
        shared_by_three(Arc::new(AtomicUsize::new(0)), |value| {
            value.load(Relaxed);
        })
    });
}
