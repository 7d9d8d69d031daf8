//! Goroutines that keep their thread: they lose their P, and calls on the pool keep nobody waiting.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::on_each;
use selvedge::chan::bounded;
use selvedge::sync::Mutex;
use selvedge_go::{Builder, go, gosched, num_goroutine, spawn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

#[test]
fn a_loop_without_a_wait_does_not_keep_goroutines_that_have_not_begun() {
    on_each(|| {
        let stops: Vec<_> = (0..6).map(|_| Arc::new(AtomicBool::new(false))).collect();
        // Each but the first begins while all before it spin, and ends the one before.
        for (n, stop) in stops.iter().enumerate().skip(1) {
            let (stop, before) = (Arc::clone(stop), Arc::clone(&stops[n - 1]));
            go(move || {
                before.store(true, Ordering::Release);
                while !stop.load(Ordering::Acquire) {
                    std::hint::spin_loop();
                }
            });
        }
        let last = Arc::clone(&stops[5]);
        go(move || last.store(true, Ordering::Release));
        while !stops[0].load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        while num_goroutine() > 1 {
            gosched();
        }
    });
}

#[test]
fn a_goroutine_that_has_lost_its_p_starts_others_and_waits_for_them() {
    on_each(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        go(move || theirs.store(true, Ordering::Release));
        while !stop.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        let joins: Vec<_> = (0..20).map(|n| spawn(move || n)).collect();
        let sum: i32 = joins.into_iter().map(|join| join.join().expect("no panic")).sum();
        assert_eq!(sum, 190);
        assert!(!selvedge_go::blocking(std::thread::panicking));
    });
}

#[test]
fn a_call_that_blocks_without_blocking_does_not_keep_goroutines_that_have_not_begun() {
    on_each(|| {
        let joins: Vec<_> = (0..6)
            .map(|_| {
                spawn(|| {
                    let (tx, rx) = std::sync::mpsc::channel();
                    go(move || tx.send(7).expect("the call waits"));
                    rx.recv().expect("a value")
                })
            })
            .collect();
        assert!(joins.into_iter().all(|join| join.join().expect("no panic") == 7));
    });
}

#[test]
fn a_loop_on_a_locked_thread_loses_its_p_too() {
    on_each(|| {
        let _locked = selvedge_go::lock_os_thread();
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        go(move || theirs.store(true, Ordering::Release));
        while !stop.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    });
}

#[test]
fn a_deadline_passes_beside_loops_without_a_wait() {
    on_each(|| {
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        // It has begun, on a thread of its own if there is another P, when the loop begins.
        let sleeper = spawn(move || {
            selvedge_go::sleep(Duration::from_millis(1));
            theirs.store(true, Ordering::Release);
        });
        go(|| ());
        while selvedge_go::gomaxprocs() > 1 && !stop.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
        sleeper.join().expect("no panic");
    });
}

#[test]
fn a_goroutine_that_keeps_others_of_its_thread_waiting_is_reported() {
    let told = Arc::new(Mutex::new(String::new()));
    let theirs = Arc::clone(&told);
    // What is told may wait for a run on another thread.
    let tell = move |text: &str| {
        std::thread::scope(|scope| scope.spawn(|| selvedge_go::run(|| theirs.lock().push_str(text))).join())
            .expect("no panic");
    };
    Builder::new().procs(1).on_hog(tell).run(|| {
        let (tx, rx) = bounded(0);
        let join = spawn(move || rx.recv());
        gosched();
        // The other one has begun here, and can run from now on.
        tx.send(1).expect("a receiver");
        while told.lock().is_empty() {
            std::hint::spin_loop();
        }
        assert_eq!(join.join().expect("no panic"), Ok(1));
    });
    let told = told.lock();
    assert!(told.contains("goroutine") && told.contains("hogs.rs") && told.contains("gosched"), "{told}");
}

#[test]
fn a_call_on_the_pool_lets_goroutines_of_its_thread_run() {
    on_each(|| {
        let (tx, rx) = bounded(0);
        let (to_call, from_goroutine) = std::sync::mpsc::channel();
        let (begun, has_begun) = bounded(0);
        selvedge_go::go_local(move || {
            begun.send(()).expect("a receiver");
            let n: i32 = rx.recv().expect("a value");
            to_call.send(n + 1).expect("the call waits");
        });
        has_begun.recv().expect("a value");
        tx.send(1).expect("a receiver");
        let call = move || from_goroutine.recv().expect("a value");
        assert_eq!(selvedge_go::blocking_on_pool(call), 2);
        let panics = catch_unwind(AssertUnwindSafe(|| {
            selvedge_go::blocking_on_pool(|| -> i32 { std::panic::resume_unwind(Box::new("as planned")) })
        }));
        assert_eq!(panics.expect_err("it panics").downcast_ref(), Some(&"as planned"));
    });
}

#[test]
fn calls_on_the_pool_block_side_by_side() {
    on_each(|| {
        let barrier = Arc::new(std::sync::Barrier::new(8));
        let wait = |_| {
            let barrier = Arc::clone(&barrier);
            spawn(move || selvedge_go::blocking_on_pool(move || _ = barrier.wait()))
        };
        let joins: Vec<_> = (0..8).map(wait).collect();
        joins.into_iter().for_each(|join| join.join().expect("no panic"));
    });
}
