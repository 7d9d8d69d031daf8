//! How many executions programs have with primitives as specified.

use selvedge::rt::thread;
use selvedge::sync::{Mutex, RwMutex};
use selvedge_check::{Checker, Engine, Primitives, Verdict};

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
