//! Goroutines that are woken from threads on which they do not run.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::builder;
use selvedge::chan::bounded;
use selvedge::sync::WaitGroup;
use selvedge_go::{blocking, go, gosched};
use std::sync::mpsc;

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

/// The thread of a goroutine sleeps, and there is no P for it: the thread that wakes the goroutine puts the other one on the list of
/// those that want a P. In a build with assertions, a goroutine that would wait for the lock of the list ends the test.
#[test]
fn a_goroutine_wakes_one_whose_thread_sleeps_without_a_p() {
    builder().procs(1).run(|| {
        for n in 0..50 {
            let (tx, rx) = bounded(0);
            let (begins, has_begun) = mpsc::channel();
            let join = selvedge_go::spawn(move || {
                begins.send(()).expect("the main goroutine waits");
                rx.recv().expect("a value")
            });
            // Another thread begins the goroutine meanwhile, with the only P, which this one gets again.
            blocking(|| has_begun.recv()).expect("it begins");
            tx.send(n).expect("it receives");
            assert_eq!(join.join().expect("no panic"), n);
        }
    });
}

/// Goroutines of several threads wake each other while there are fewer Ps than threads.
#[test]
fn goroutines_of_many_threads_wake_each_other() {
    const THREADS: usize = 4;
    builder().procs(2).run(|| {
        let group = WaitGroup::new();
        let (tx, rx) = bounded(0);
        let (begins, has_begun) = mpsc::channel();
        for _ in 0..THREADS {
            let ((tx, rx), begins) = ((tx.clone(), rx.clone()), begins.clone());
            let (group, task) = (group.clone(), group.task());
            go(move || {
                let (go_on, may_go_on) = mpsc::channel();
                // Each keeps a thread until the others have begun on threads of their own.
                blocking(|| {
                    begins.send(go_on).expect("the main goroutine waits");
                    may_go_on.recv().expect("the main goroutine says so");
                });
                for n in 0..50 {
                    let ((tx, rx), task) = ((tx.clone(), rx.clone()), group.task());
                    go(move || {
                        for _ in 0..50 {
                            match n % 2 {
                                0 => tx.send(n).expect("there are receivers"),
                                _ => _ = rx.recv().expect("there are senders"),
                            }
                        }
                        drop(task);
                    });
                    gosched();
                }
                drop(task);
            });
        }
        let all: Vec<mpsc::Sender<()>> =
            (0..THREADS).map(|_| blocking(|| has_begun.recv()).expect("they begin")).collect();
        all.into_iter().for_each(|go_on| go_on.send(()).expect("it waits"));
        group.wait();
    });
}
