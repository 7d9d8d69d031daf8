//! Goroutines that are there: they are listed, and waited for when the main one returns.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::{builder, on_each};
use selvedge::chan::bounded;
use selvedge::sync::WaitGroup;
use selvedge_go::{Leftover, go, gosched, num_goroutine};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

#[test]
fn goroutines_are_listed_while_others_run_and_wake_them() {
    on_each(|| {
        let group = WaitGroup::new();
        let (tx, rx) = bounded(0);
        for n in 0..4 {
            let (task, tx, rx) = (group.task(), tx.clone(), rx.clone());
            go(move || {
                for m in 0..200 {
                    if n % 2 == 0 {
                        tx.send(m).expect("a receiver");
                    } else {
                        rx.recv().expect("a value");
                    }
                }
                drop(task);
            });
        }
        loop {
            let list = selvedge_go::dump();
            assert!(list.contains(" [running]:\n"), "{list}");
            if num_goroutine() == 1 {
                break;
            }
            gosched();
        }
        group.wait();
    });
}

#[test]
fn a_run_waits_for_goroutines_that_are_left() {
    for procs in [1, 2, 4] {
        let count = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&count);
        builder().procs(procs).leftover(Leftover::Wait).run(move || {
            for n in 0..20 {
                let count = Arc::clone(&theirs);
                go(move || {
                    selvedge_go::sleep(Duration::from_micros(n));
                    let inner = Arc::clone(&count);
                    go(move || _ = inner.fetch_add(1, Ordering::Relaxed));
                    count.fetch_add(1, Ordering::Relaxed);
                });
            }
        });
        assert_eq!(count.load(Ordering::Relaxed), 40);
    }
}

#[test]
fn a_run_fails_for_goroutines_that_are_left() {
    let (tx, rx) = bounded::<()>(0);
    let builder = || builder().procs(2).leftover(Leftover::Fail);
    let fails = catch_unwind(AssertUnwindSafe(|| builder().run(|| go(move || _ = rx.recv()))));
    let text = fails.expect_err("a goroutine is left");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(text.contains("1 goroutines are left") && text.contains("[chan receive]:"), "{text}");
    drop(tx);
    // One that ends by itself is no failure, and a panic stays the result.
    builder().run(|| go(gosched));
    let panics = catch_unwind(|| builder().run(|| std::panic::resume_unwind(Box::new("as planned"))));
    assert_eq!(panics.expect_err("it panics").downcast_ref(), Some(&"as planned"));
}

/// Of two goroutines that wait for each other by turns one runs at each moment, though a look at one after the other may find both
/// parked. Those in between, which wait for the end of the two, make such a look longer.
#[test]
fn goroutines_that_hand_over_to_each_other_are_not_left() {
    for procs in [2, 4] {
        for _ in 0..20 {
            builder().procs(procs).leftover(Leftover::Fail).run(|| {
                let ((tx, rx), (ends, ended)) = (bounded(0), bounded::<()>(0));
                go(move || (0..1_000).for_each(|n| tx.send(n).expect("a receiver")));
                for _ in 0..1_000 {
                    let ended = ended.clone();
                    go(move || assert!(ended.recv().is_err()));
                }
                go(move || {
                    assert!(rx.iter().eq(0..1_000));
                    drop(ends);
                });
            });
        }
    }
}

/// A producer that does not close its channel leaves the consumer behind, which the list names by where it began. PA-03.
#[test]
fn a_consumer_whose_channel_is_not_closed_is_left() {
    let (tx, rx) = bounded::<u32>(64);
    let theirs = tx.clone();
    let program = || {
        go(move || rx.iter().for_each(drop));
        (0..100).for_each(|n| theirs.send(n).expect("the consumer is there"));
    };
    let left = catch_unwind(AssertUnwindSafe(|| builder().procs(2).leftover(Leftover::Fail).run(program)));
    let text = left.expect_err("the consumer is left");
    let text = text.downcast_ref::<String>().expect("a text");
    assert!(text.contains("1 goroutines are left") && text.contains("[chan receive]:"), "{text}");
    assert!(text.contains("a_consumer_whose_channel_is_not_closed_is_left"), "{text}");
    drop(tx);
}
