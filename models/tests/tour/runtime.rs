//! Chapter 9: the runtime.

use super::{Chapter, Checked};
use selvedge::chan::bounded;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicU32};
use selvedge_check::FailureKind;
use selvedge_go::{Builder, blocking, dump, go, goexit, gosched, num_goroutine, run, spawn};

pub(super) const CHAPTER: Chapter = Chapter {
    page: "9-runtime.md",
    source: include_str!("runtime.rs"),
    programs: &[counts, exits, in_turns, blocks, lists],
    checked: &[
        Checked("flag_without_an_order", flag_without_an_order, Some(FailureKind::Panic)),
        Checked("flag_with_an_order", flag_with_an_order, None),
    ],
};

fn counts() {
    Builder::new().procs(2).run(|| {
        let (tx, rx) = bounded::<()>(0);
        let waiter = spawn(move || rx.recv().is_err());
        assert_eq!((num_goroutine(), selvedge_go::gomaxprocs()), (2, 2));
        drop(tx);
        assert!(waiter.join().expect("no panic"));
    });
}

fn exits() {
    run(|| {
        let (tx, rx) = bounded::<()>(1);
        go(move || {
            let _closed_at_the_end = tx;
            goexit();
        });
        assert!(rx.recv().is_err(), "destructors have run");
    });
}

fn in_turns() {
    Builder::new().procs(1).run(|| {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        go(move || theirs.store(true, Release));
        let mut turns = 0;
        while !done.load(Acquire) {
            gosched();
            turns += 1;
        }
        assert!(turns > 0, "it has not run before");
    });
}

fn blocks() {
    let name = run(|| blocking(|| std::fs::read_to_string("Cargo.toml")));
    assert!(name.is_ok_and(|text| text.contains("selvedge")));
}

fn lists() {
    run(|| {
        let list = dump();
        assert!(list.contains("[running]:"), "{list}");
    });
}

fn flag_without_an_order() {
    let (answer, ready) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (writes, tells) = (Arc::clone(&answer), Arc::clone(&ready));
    go(move || {
        writes.store(42, Relaxed);
        tells.store(true, Relaxed);
    });
    while !ready.load(Relaxed) {
        gosched();
    }
    assert_eq!(answer.load(Relaxed), 42);
}

fn flag_with_an_order() {
    let (answer, ready) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicBool::new(false)));
    let (writes, tells) = (Arc::clone(&answer), Arc::clone(&ready));
    go(move || {
        writes.store(42, Relaxed);
        tells.store(true, Release);
    });
    while !ready.load(Acquire) {
        gosched();
    }
    assert_eq!(answer.load(Relaxed), 42);
}
