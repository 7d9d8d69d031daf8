//! The verdict on models whose threads never meet in an object that the engine sees.
#![cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "tests of the harness itself")]

mod common;

use common::{explorers, run};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;
use selvedge_check::Verdict;

/// Asserts that no engine calls the model exhaustive, whose threads share nothing, or an object that no engine sees.
fn saw_no_conflict(model: impl Fn() + Send + Sync + Clone + 'static) {
    for engine in explorers() {
        let report = run(engine, model.clone());
        let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
        assert!(bounds.contains("2 threads, and the engine saw no conflict between them"), "{report}");
    }
}

#[test]
fn threads_that_share_std_atomics_are_remarked() {
    saw_no_conflict(|| {
        let ready = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let theirs = ready.clone();
        let thread = thread::spawn(move || theirs.store(1, Relaxed));
        ready.load(Relaxed);
        thread.join().expect("no panic");
    });
    // Each thread reads an atomic of its own meanwhile, and both own an `Arc` of rt.
    saw_no_conflict(|| {
        let before = Arc::new((AtomicUsize::new(0), std::sync::atomic::AtomicUsize::new(0)));
        before.0.store(1, Relaxed);
        let theirs = before.clone();
        let thread = thread::spawn(move || {
            theirs.1.store(1, Relaxed);
            AtomicUsize::new(0).store(1, Relaxed);
            drop(theirs);
        });
        AtomicUsize::new(before.1.load(Relaxed)).store(1, Relaxed);
        drop(before);
        thread.join().expect("no panic");
    });
}

/// Clones are made and dropped while the other thread runs; only an upgrade depends on the order.
#[test]
fn the_owners_of_an_arc_are_no_conflict_but_who_looks_is() {
    saw_no_conflict(|| {
        let shared = Arc::new(7);
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || drop(theirs));
        drop(Arc::clone(&shared));
        thread.join().expect("no panic");
    });
    for engine in explorers() {
        let report = run(engine, || {
            let shared = Arc::new(7);
            let weak = Arc::downgrade(&shared);
            let thread = thread::spawn(move || drop(shared));
            drop(weak.upgrade());
            thread.join().expect("no panic");
        });
        assert!(report.verdict.passed() && !report.to_string().contains("no conflict"), "{report}");
    }
}

#[test]
fn threads_that_share_nothing_pass_with_a_remark() {
    saw_no_conflict(|| {
        let shared = Arc::new(AtomicUsize::new(7));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || theirs.load(Acquire));
        assert_eq!(shared.load(Acquire), thread.join().expect("no panic"));
        shared.store(8, Relaxed);
    });
}

#[test]
#[cfg(feature = "shuttle")]
fn a_sample_without_a_conflict_is_remarked_too() {
    let report = run(selvedge_check::Engine::Shuttle(selvedge_check::Strategy::Random), || {
        let thread = thread::spawn(|| AtomicUsize::new(0).load(Relaxed));
        thread.join().expect("no panic");
    });
    assert!(report.verdict.passed() && report.to_string().contains("saw no conflict"), "{report}");
}

#[test]
fn threads_that_meet_only_in_a_parker_or_a_cell_conflict() {
    for engine in explorers() {
        let parked = run(engine, || {
            let parker = Parker::new();
            let unparker = parker.unparker();
            let thread = thread::spawn(move || unparker.unpark());
            parker.park();
            thread.join().expect("no panic");
        });
        let locked = run(engine, || {
            let lock = Arc::new(Mutex::new(0));
            let theirs = Arc::clone(&lock);
            let thread = thread::spawn(move || *theirs.lock() += 1);
            *lock.lock() += 1;
            thread.join().expect("no panic");
        });
        for report in [parked, locked] {
            assert!(report.verdict.passed() && !report.to_string().contains("no conflict"), "{report}");
        }
    }
}
