//! Models that break a rule are refused, with what happened and what to do.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{checker, explorers, run};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge_check::{Checker, Engine, Primitives, Report, Verdict};

#[test]
#[cfg(any(feature = "graph", feature = "shuttle"))]
fn a_model_that_is_not_deterministic_is_refused_with_what_to_look_for() {
    let exact = explorers().into_iter().filter(|engine| *engine != Engine::Loom);
    for engine in exact {
        let runs = std::sync::atomic::AtomicUsize::new(0);
        let report = run(engine, move || {
            let counter = AtomicUsize::new(0);
            selvedge::rt::thread::scope(|scope| {
                scope.spawn(|| (0..3).for_each(|n| counter.store(n, Relaxed)));
                // A counter that outlives the execution decides.
                if runs.fetch_add(1, Relaxed) % 2 == 1 {
                    counter.load(Relaxed);
                }
                (0..3).for_each(|n| counter.store(n, Relaxed));
            });
        });
        let Verdict::Refused { why } = &report.verdict else { panic!("{report}") };
        assert!(why.contains("not deterministic") && why.contains("time"), "{why}");
    }
}

#[test]
fn a_model_without_operations_passes_only_if_asked_to() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let checker = common::checker(engine).iterations(3);
        let report = checker.run(|| ()).remove(0);
        assert!(matches!(report.verdict, Verdict::Refused { .. }), "{report}");
        let report = checker.allow_no_operations().run(|| ()).remove(0);
        assert!(report.verdict.passed(), "{report}");
    }
}

/// A thread that an engine does not know, on an object of the model.
#[test]
fn a_thread_of_std_in_a_model_is_refused() {
    for engine in explorers() {
        let report = run(engine, || {
            let n = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&n);
            let thread = std::thread::spawn(move || {
                theirs.fetch_add(1, Relaxed);
                std::mem::forget(theirs);
            });
            thread.join().expect("no panic");
            n.load(Relaxed);
        });
        let Verdict::Refused { why } = &report.verdict else { panic!("{report}") };
        assert!(why.contains("does not know") && why.contains("selvedge::rt::thread"), "{why}");
    }
}

/// A wait or a loop that an engine cannot see stops all threads of the model.
#[test]
fn a_model_that_waits_by_means_of_std_is_refused() {
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let checker = Checker::new().ignore_environment().engines([engine]);
        let report = checker.hang_limit(std::time::Duration::from_millis(300)).run(|| {
            AtomicUsize::new(0).load(Relaxed);
            let (tx, rx) = std::sync::mpsc::channel::<()>();
            let _ = rx.recv();
            drop(tx);
        });
        let Verdict::Refused { why } = &report[0].verdict else { panic!("{}", report[0]) };
        assert!(why.contains("waits") && why.contains("selvedge::rt"), "{why}");
    }
}

/// Two locks that are taken in both orders: the report names both locks and the lines that locked them.
#[test]
fn a_deadlock_names_the_locks_and_where_they_were_locked() {
    use selvedge::sync::{Mutex, RwMutex};
    let forms = [Primitives::Specified, Primitives::Real];
    for (engine, form) in explorers().into_iter().flat_map(|engine| forms.map(|form| (engine, form))) {
        let report = checker(engine).primitives(form).run(|| {
            let locks = Arc::new((Mutex::new(()), RwMutex::new(())));
            let theirs = Arc::clone(&locks);
            let other = selvedge::rt::thread::spawn(move || {
                let _one = theirs.0.lock(); // first by the thread
                let _two = theirs.1.write();
            });
            let two = locks.1.write(); // first by the body
            let one = locks.0.lock();
            drop((one, two));
            other.join().expect("no panic");
        });
        names_both(&report[0], ["first by the thread", "first by the body"]);
        assert_eq!(report[0].primitives, form);
    }
}

/// The lines that end so are where T1 has locked the Mutex, and T0 the RwMutex.
fn names_both(report: &Report, places: [&str; 2]) {
    let text = report.to_string();
    assert!(text.contains("deadlock"), "{text}");
    for (place, (holder, kind)) in places.into_iter().zip([("T1", "Mutex"), ("T0", "RwMutex")]) {
        let line =
            1 + include_str!("misuse.rs").lines().position(|line| line.ends_with(place)).expect("a line");
        let told = format!("{holder} has the {kind}, locked at check/tests/misuse.rs:{line}");
        assert!(text.contains(&told), "{told} is not in {text}");
    }
}

/// Natively the model itself has to bring both threads to the deadlock.
#[test]
fn a_native_deadlock_names_the_locks_too() {
    use selvedge::sync::{Mutex, RwMutex};
    let report = run(Engine::Native, || {
        let shared = Arc::new((Mutex::new(()), RwMutex::new(()), AtomicUsize::new(0)));
        let theirs = Arc::clone(&shared);
        let both_have_one = |shared: &(_, _, AtomicUsize)| {
            shared.2.fetch_add(1, Relaxed);
            while shared.2.load(Relaxed) < 2 {
                selvedge::rt::thread::yield_now();
            }
        };
        selvedge::rt::thread::spawn(move || {
            let _one = theirs.0.lock(); // natively by the thread
            both_have_one(&theirs);
            let _two = theirs.1.write();
        });
        let _two = shared.1.write(); // natively by the body
        both_have_one(&shared);
        let _one = shared.0.lock();
    });
    names_both(&report, ["natively by the thread", "natively by the body"]);
}

#[test]
fn recursive_locking_is_named() {
    use selvedge::sync::Mutex;
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let lock = Mutex::new(());
            let _held = lock.lock();
            let _again = lock.lock();
        });
        let text = report.to_string();
        assert!(text.contains("deadlock") && text.contains("a lock is not recursive"), "{text}");
    }
}

/// crossbeam's idiom, in which a clone counts: here the wait would be for nothing.
#[test]
fn a_wait_group_that_is_only_cloned_says_what_counts() {
    use selvedge::sync::WaitGroup;
    for engine in explorers().into_iter().chain([Engine::Native]) {
        let report = run(engine, || {
            let group = WaitGroup::new();
            let worker = group.clone();
            let thread = selvedge::rt::thread::spawn(move || drop(worker));
            group.wait();
            thread.join().expect("no panic");
        });
        let text = report.to_string();
        assert!(text.contains("a clone counts nothing") && text.contains("`task`"), "{text}");
    }
}
