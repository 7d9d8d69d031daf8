//! How many executions programs have with primitives as specified.

use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge::sync::{Mutex, RwMutex, WaitGroup};
use selvedge_check::{Checker, Engine, FailureKind, Primitives, Verdict};

/// Returns how many executions `program` has, all of which are explored.
#[track_caller]
pub(crate) fn executions(program: impl Fn() + Send + Sync + 'static) -> u64 {
    let checker =
        Checker::new().ignore_environment().engines([Engine::Graph]).primitives(Primitives::Specified);
    let report = checker.run(program).remove(0);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(report.primitives, Primitives::Specified, "{report}");
    report.executions
}

fn increments(threads: usize, each: usize) -> u64 {
    executions(move || {
        let sum = Mutex::new(0);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| (0..each).for_each(|_| *sum.lock() += 1));
            }
        });
        assert_eq!(sum.into_inner(), threads * each);
    })
}

#[test]
fn critical_sections_are_explored_in_each_order() {
    assert_eq!(increments(3, 1), 6);
    assert_eq!(increments(2, 2), 6);
}

/// The thread that adds the tasks waits, or a thread that begins when all are added.
#[test]
fn ends_of_tasks_have_no_order() {
    for closes in [false, true] {
        let count = executions(move || {
            let group = WaitGroup::new();
            (0..5).for_each(|_| drop(group.go(|| ())));
            if closes {
                let theirs = group.clone();
                thread::spawn(move || theirs.wait()).join().expect("no panic");
            } else {
                group.wait();
            }
        });
        assert_eq!(count, 1);
    }
}

/// Each of these groups comes to be looked at, and has all orders of its operations.
#[test]
fn additions_beside_ends_and_waits_are_explored_in_each_order() {
    let fails = |program: fn(&WaitGroup)| {
        let model = move || {
            let group = WaitGroup::new();
            program(&group);
        };
        let report = Checker::new().ignore_environment().engines([Engine::Graph]).run(model).remove(0);
        report.verdict.failure().map(|found| found.failure.kind)
    };
    let ends_too_early = |group: &WaitGroup| {
        let theirs = group.clone();
        let task = thread::spawn(move || theirs.done());
        group.add(1);
        task.join().expect("no panic");
    };
    let adds_too_late = |group: &WaitGroup| {
        let theirs = group.clone();
        let task = thread::spawn(move || {
            theirs.add(1);
            theirs.done();
        });
        group.add(0);
        group.wait();
        task.join().expect("no panic");
    };
    let adds_while_another_waits = |group: &WaitGroup| {
        let (waits, ends) = (group.clone(), group.clone());
        group.add(1);
        let waits = thread::spawn(move || waits.wait());
        ends.done();
        group.add(1);
        group.done();
        waits.join().expect("no panic");
    };
    assert_eq!(fails(ends_too_early), Some(FailureKind::Panic));
    assert_eq!(fails(adds_too_late), Some(FailureKind::Race));
    assert_eq!(fails(adds_while_another_waits), Some(FailureKind::Race));
}

#[test]
fn critical_sections_of_threads_that_are_alike_are_explored_in_one_order() {
    let count = executions(|| {
        let sum = Mutex::new(0);
        let add = || *sum.lock() += 1;
        thread::scope(|scope| thread::spawn_symmetric_scoped(scope, 4, || add));
        assert_eq!(sum.into_inner(), 4);
    });
    assert_eq!(count, 1);
}

#[test]
fn additions_of_threads_that_are_alike_are_explored_in_one_order() {
    let additions = |threads: usize, each: usize| {
        let program = move || {
            let sum = AtomicUsize::new(0);
            let add = || (0..each).for_each(|_| _ = sum.fetch_add(1, Relaxed));
            thread::scope(|scope| thread::spawn_symmetric_scoped(scope, threads, || add));
            assert_eq!(sum.into_inner(), threads * each);
        };
        let report = Checker::new().ignore_environment().engines([Engine::Graph]).run(program).remove(0);
        assert!(matches!(report.verdict, Verdict::Exhaustive) && report.up_to_symmetry, "{report}");
        report.executions
    };
    assert_eq!([additions(4, 1), additions(3, 2)], [1, 15]);
}

#[test]
fn readers_come_and_leave_without_order() {
    let count = executions(|| {
        let value = RwMutex::new(0);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| assert!(*value.read() < 2));
            }
            scope.spawn(|| *value.write() += 1);
        });
    });
    assert_eq!(count, 4, "which reads come before the write");
}

#[test]
fn pushes_and_pops_are_explored_in_each_order() {
    let count = executions(|| {
        let stack = selvedge::atomic::Stack::new();
        thread::scope(|scope| {
            for n in 0..2 {
                let stack = &stack;
                scope.spawn(move || {
                    stack.push(n);
                    assert!(stack.pop().is_some());
                });
            }
        });
        assert!(stack.is_empty());
    });
    assert_eq!(count, 6, "the orders of two pushes and two pops");
}

#[test]
fn lookups_are_loads() {
    let count = executions(|| {
        let map = selvedge::map::Map::new();
        map.store("one", 1);
        thread::scope(|scope| {
            scope.spawn(|| map.store("one", 2));
            (0..2).for_each(|_| drop(scope.spawn(|| assert!(map.load("one").is_some()))));
        });
        assert_eq!(map.load("one"), Some(2));
    });
    assert_eq!(count, 4, "which lookups come before the change");
}

#[test]
fn values_are_loaded_without_order() {
    let count = executions(|| {
        let limit = selvedge::atomic::Value::new(1);
        thread::scope(|scope| {
            scope.spawn(|| limit.store(2));
            (0..2).for_each(|_| drop(scope.spawn(|| assert!(limit.load() > 0))));
        });
        assert_eq!(limit.load(), 2);
    });
    assert_eq!(count, 4, "which loads come before the store");
}
