//! Programs with goroutines, both ways: on the scheduler, and under each engine, where a goroutine is a thread.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "a test of the harness and of the runtime"
)]

use selvedge::chan::{bounded, select, unbounded};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::sync::{ErrGroup, Mutex, Once, Semaphore, WaitGroup};
use selvedge_check::{Checker, Engine, FailureKind};
use selvedge_go::{Builder, block_on, go, gosched, run, scope, spawn};

/// A program, under the name of its property.
type Program = (&'static str, fn());

const PROGRAMS: [Program; 12] = [
    ("a value passes", || {
        let (tx, rx) = bounded(0);
        go(move || tx.send(1).expect("a receiver"));
        assert_eq!(rx.recv(), Ok(1));
    }),
    ("two senders share a buffer", || {
        let (tx, rx) = bounded(1);
        let other = tx.clone();
        go(move || other.send(1).expect("a receiver"));
        go(move || tx.send(2).expect("a receiver"));
        assert_eq!(rx.iter().sum::<i32>(), 3);
    }),
    ("a join has the result", || assert_eq!(spawn(|| 7).join().expect("no panic"), 7)),
    ("a lock excludes", || {
        let count = Arc::new(Mutex::new(0));
        let joins = [0, 1].map(|_| {
            let count = Arc::clone(&count);
            spawn(move || *count.lock() += 1)
        });
        joins.into_iter().for_each(|join| join.join().expect("no panic"));
        assert_eq!(*count.lock(), 2);
    }),
    ("a group waits", || {
        let (group, count) = (WaitGroup::new(), Arc::new(AtomicU32::new(0)));
        for _ in 0..2 {
            let (task, count) = (group.task(), Arc::clone(&count));
            go(move || {
                count.fetch_add(1, Relaxed);
                drop(task);
            });
        }
        group.wait();
        assert_eq!(count.load(Relaxed), 2);
    }),
    ("a scope waits for what it lends", || {
        let count = AtomicU32::new(0);
        scope(|scope| {
            scope.go(|| _ = count.fetch_add(1, Relaxed));
            let join = scope.spawn(|| count.fetch_add(1, Relaxed));
            assert!(join.join().expect("no panic") < 2);
        });
        assert_eq!(count.load(Relaxed), 2);
    }),
    ("a select takes what is ready", || {
        let ((tx, rx), (_other, never)) = (bounded(0), bounded::<i32>(0));
        go(move || tx.send(1).expect("a receiver"));
        let value = select! { recv(rx) -> value => value, recv(never) -> value => value };
        assert_eq!(value, Ok(1));
    }),
    ("a once runs once", || {
        let (once, count) = (Arc::new(Once::new()), Arc::new(AtomicU32::new(0)));
        let (theirs, counts) = (Arc::clone(&once), Arc::clone(&count));
        let join = spawn(move || theirs.call(|| _ = counts.fetch_add(1, Relaxed)));
        once.call(|| _ = count.fetch_add(1, Relaxed));
        assert_eq!(count.load(Relaxed), 1);
        join.join().expect("no panic");
    }),
    ("a permit is passed on", || {
        let permits = Arc::new(Semaphore::new(1));
        let theirs = Arc::clone(&permits);
        let join = spawn(move || drop(theirs.acquire(1)));
        drop(permits.acquire(1));
        join.join().expect("no panic");
        assert_eq!(permits.available(), 1);
    }),
    ("the first error is the group's", || {
        let group = ErrGroup::new();
        group.go(|_stop| Err(1));
        group.go(|stop| stop.recv().map_err(|_| 1));
        assert_eq!(group.wait(), Err(1));
    }),
    ("a future wakes its goroutine", || {
        let (tx, rx) = unbounded();
        let join = spawn(move || block_on(rx.into_recv_async()));
        tx.send(1).expect("a receiver");
        assert_eq!(join.join().expect("no panic"), Ok(1));
    }),
    ("a loop that yields lets others run", || {
        let done = Arc::new(AtomicU32::new(0));
        let theirs = Arc::clone(&done);
        go(move || theirs.store(1, Relaxed));
        while done.load(Relaxed) == 0 {
            gosched();
        }
    }),
];

/// Runs a model under an engine.
fn report(engine: Engine, model: fn()) -> selvedge_check::Report {
    let checker = Checker::new().ignore_environment().engines([engine]).iterations(100);
    checker.run(move || run(model)).remove(0)
}

#[test]
fn the_same_programs_run_on_the_scheduler_and_under_each_engine() {
    for (name, program) in PROGRAMS {
        for procs in [1, 2] {
            (0..20).for_each(|_| Builder::new().procs(procs).run(program));
        }
        for engine in Engine::available() {
            let report = report(engine, program);
            assert!(report.verdict.failure().is_none(), "{name}: {report}");
        }
    }
}

/// A cell that goroutines use without an order.
struct Shared(UnsafeCell<u32>);

// SAFETY: the bug under test: only engines run it, which report the race and run the threads in turn.
unsafe impl Send for Shared {}
// SAFETY: the bug under test: only engines run it, which report the race and run the threads in turn.
unsafe impl Sync for Shared {}

#[test]
fn an_engine_finds_the_race_of_two_goroutines() {
    for engine in Engine::available().into_iter().filter(|engine| engine.sees_orderings()) {
        let report = report(engine, || {
            let shared = Arc::new(Shared(UnsafeCell::new(0)));
            let theirs = Arc::clone(&shared);
            // SAFETY: the bug under test: the engine reports the race of this access, and runs the threads in turn.
            go(move || theirs.0.with_mut(|value| unsafe { *value += 1 }));
            // SAFETY: the bug under test: the engine reports the race of this access, and runs the threads in turn.
            shared.0.with_mut(|value| unsafe { *value += 1 });
        });
        let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(found.failure.kind, FailureKind::Race, "{report}");
    }
}

#[test]
fn an_engine_finds_the_deadlock_of_two_goroutines() {
    for engine in Engine::available() {
        let checker = Checker::new().ignore_environment().engines([engine]).iterations(20);
        let checker = checker.hang_limit(std::time::Duration::from_millis(500));
        let model = || {
            let ((a, from_a), (b, from_b)) = (bounded::<()>(0), bounded::<()>(0));
            go(move || {
                _ = from_a.recv();
                _ = b.send(());
            });
            _ = from_b.recv();
            _ = a.send(());
        };
        let report = checker.run(move || run(model)).remove(0);
        let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
        assert_eq!(found.failure.kind, FailureKind::Deadlock, "{report}");
    }
}
