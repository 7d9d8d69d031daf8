//! Goroutines, as programs use them.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::{builder, on_each};
use selvedge::chan::{bounded, select, unbounded};
use selvedge::sync::{Mutex, Once, WaitGroup};
use selvedge_go::core::post::{Outbox, Post};
use selvedge_go::{Builder, go, gosched, num_goroutine, run, spawn};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

#[test]
fn a_channel_passes_values_between_goroutines() {
    on_each(|| {
        for capacity in [0, 1, 8] {
            let (tx, rx) = bounded(capacity);
            for n in 0..10 {
                let tx = tx.clone();
                go(move || (0..100).for_each(|m| tx.send(100 * n + m).expect("the receiver is there")));
            }
            drop(tx);
            let mut all: Vec<i32> = rx.iter().collect();
            all.sort_unstable();
            assert!(all.iter().copied().eq(0..1000));
        }
    });
}

#[test]
fn ten_goroutines_on_one_p_run_last_first_then_in_order() {
    let order = builder().procs(1).run(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let group = WaitGroup::new();
        for n in 0..10 {
            let (order, task) = (Arc::clone(&order), group.task());
            go(move || {
                order.lock().push(n);
                drop(task);
            });
        }
        group.wait();
        Arc::into_inner(order).map(Mutex::into_inner)
    });
    assert_eq!(order.expect("the goroutines have ended"), [9, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_yielding_loop_lets_others_through() {
    on_each(|| {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        let (tx, rx) = bounded(0);
        go(move || {
            rx.recv().expect("a value");
            theirs.store(true, Ordering::Release);
        });
        go(move || tx.send(()).expect("a receiver"));
        while !done.load(Ordering::Acquire) {
            gosched();
        }
    });
}

#[test]
fn a_yielding_loop_lets_a_timer_through() {
    on_each(|| {
        let done = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&done);
        go(move || {
            selvedge_go::sleep(Duration::from_millis(1));
            theirs.store(true, Ordering::Release);
        });
        while !done.load(Ordering::Acquire) {
            gosched();
        }
    });
}

#[test]
fn a_timer_fires_beside_two_that_keep_each_other_ready() {
    on_each(|| {
        let (there, back) = (bounded(0), bounded(0));
        let stop = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&stop);
        let (from, to) = (there.1, back.0);
        go(move || {
            while let Ok(n) = from.recv() {
                if to.send(n).is_err() {
                    break;
                }
            }
        });
        go(move || {
            selvedge_go::sleep(Duration::from_millis(2));
            theirs.store(true, Ordering::Release);
        });
        let mut rounds = 0_u64;
        while !stop.load(Ordering::Acquire) {
            there.0.send(rounds).expect("a receiver");
            assert_eq!(back.1.recv(), Ok(rounds));
            rounds += 1;
        }
    });
}

#[test]
fn a_wait_with_a_deadline_ends() {
    on_each(|| {
        let (_tx, rx) = bounded::<i32>(0);
        assert!(rx.recv_timeout(Duration::from_millis(1)).is_err());
        let (tx, rx) = bounded(0);
        go(move || tx.send(1).expect("a receiver"));
        assert_eq!(rx.recv_timeout(Duration::from_secs(60)), Ok(1));
        let (_tx, never) = bounded::<i32>(0);
        select! {
            recv(never) -> _value => unreachable!("nothing is sent"),
            default(Duration::from_millis(1)) => (),
        }
    });
}

#[test]
fn as_many_goroutines_run_at_once_as_there_are_ps() {
    for procs in [2_usize, 4] {
        builder().procs(procs).run(move || {
            let running = Arc::new(AtomicUsize::new(0));
            let spins = move |running: &AtomicUsize| {
                running.fetch_add(1, Ordering::AcqRel);
                while running.load(Ordering::Acquire) < procs {
                    std::hint::spin_loop();
                }
            };
            for _ in 1..procs {
                let running = Arc::clone(&running);
                go(move || spins(&running));
            }
            spins(&running);
        });
    }
}

#[test]
fn a_goroutine_stays_on_its_thread() {
    Builder::new().procs(4).run(|| {
        let group = WaitGroup::new();
        let (tx, rx) = bounded(0);
        for _ in 0..20 {
            let (task, tx, rx) = (group.task(), tx.clone(), rx.clone());
            go(move || {
                let here = std::thread::current().id();
                for _ in 0..50 {
                    select! {
                        send(tx, ()) -> _sent => (),
                        recv(rx) -> _value => (),
                        default => gosched(),
                    }
                    assert_eq!(std::thread::current().id(), here);
                }
                drop(task);
            });
        }
        group.wait();
    });
}

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

#[test]
fn a_counter_of_a_thread_loses_no_update_around_waits() {
    Builder::new().procs(4).run(|| {
        let total = Arc::new(AtomicUsize::new(0));
        let group = WaitGroup::new();
        for _ in 0..40 {
            let (task, total) = (group.task(), Arc::clone(&total));
            go(move || {
                for _ in 0..25 {
                    COUNT.set(COUNT.get() + 1);
                    total.fetch_add(1, Ordering::Relaxed);
                    gosched();
                }
                drop(task);
            });
        }
        group.wait();
        assert_eq!(total.load(Ordering::Relaxed), 1000);
    });
}

selvedge::rt::thread_local! {
    static OWN: RefCell<Vec<usize>> = RefCell::new(Vec::new());
}

#[test]
fn a_goroutine_has_its_own_values_and_drops_them() {
    struct Tells(Arc<AtomicUsize>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    selvedge::rt::thread_local! {
        static TELLS: RefCell<Option<Tells>> = RefCell::new(None);
    }
    on_each(|| {
        let dropped = Arc::new(AtomicUsize::new(0));
        let joins: Vec<_> = (0..20)
            .map(|n| {
                let dropped = Arc::clone(&dropped);
                spawn(move || {
                    TELLS.set(Some(Tells(dropped)));
                    for m in 0..5 {
                        OWN.with_borrow_mut(|own| own.push(n + m));
                        gosched();
                    }
                    OWN.take()
                })
            })
            .collect();
        for (n, join) in joins.into_iter().enumerate() {
            assert!(join.join().expect("no panic").into_iter().eq(n..n + 5));
        }
        // The result is there before the values are dropped.
        while num_goroutine() > 1 {
            gosched();
        }
        assert_eq!(dropped.load(Ordering::Relaxed), 20);
    });
}

#[test]
fn a_join_gives_the_result_or_the_panic() {
    on_each(|| {
        assert_eq!(spawn(|| 7).join().expect("no panic"), 7);
        let panics = spawn(|| -> i32 { std::panic::resume_unwind(Box::new("as planned")) });
        assert_eq!(panics.join().expect_err("a panic").downcast_ref(), Some(&"as planned"));
    });
}

#[test]
fn the_count_of_goroutines_is_exact() {
    on_each(|| {
        assert_eq!(num_goroutine(), 1);
        let (tx, rx) = bounded::<()>(0);
        for _ in 0..10 {
            let rx = rx.clone();
            go(move || assert!(rx.recv().is_err()));
        }
        assert_eq!(num_goroutine(), 11);
        drop(tx);
        while num_goroutine() > 1 {
            gosched();
        }
    });
    assert_eq!(num_goroutine(), 0);
}

#[test]
fn goexit_runs_destructors_and_is_no_panic() {
    struct Sends(selvedge::chan::Sender<&'static str>);
    impl Drop for Sends {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "std counts the unwinding");
            self.0.send("dropped").expect("a receiver");
        }
    }
    on_each(|| {
        let (tx, rx) = unbounded();
        let exits = tx.clone();
        go(move || {
            let _sends = Sends(exits);
            selvedge_go::goexit();
        });
        assert_eq!(rx.recv(), Ok("dropped"));
        let (_never, waits) = bounded::<()>(0);
        go(move || {
            let _tx = tx;
            let swallowed = catch_unwind(AssertUnwindSafe(|| selvedge_go::goexit()));
            assert!(swallowed.is_err());
            let _ = waits.recv();
            unreachable!("the goroutine has ended");
        });
        assert!(rx.recv().is_err(), "the goroutine ends at its next wait");
    });
}

#[test]
fn a_once_whose_closure_waits_lets_others_wait_for_it() {
    on_each(|| {
        let once = Arc::new(Once::new());
        let (tx, rx) = bounded(0);
        let group = WaitGroup::new();
        let ran = Arc::new(AtomicUsize::new(0));
        for _ in 0..5 {
            let (once, rx, ran, task) = (Arc::clone(&once), rx.clone(), Arc::clone(&ran), group.task());
            go(move || {
                once.call(|| {
                    rx.recv().expect("a value");
                    ran.fetch_add(1, Ordering::Relaxed);
                });
                assert_eq!(ran.load(Ordering::Relaxed), 1);
                drop(task);
            });
        }
        tx.send(()).expect("a receiver");
        group.wait();
    });
}

#[test]
fn a_daisy_chain_of_ten_thousand() {
    on_each(|| {
        let (first, mut last) = bounded(0);
        for _ in 0..10_000 {
            let (tx, rx) = bounded(0);
            go(move || {
                let n: u32 = last.recv().expect("a value");
                tx.send(n + 1).expect("a receiver");
            });
            last = rx;
        }
        first.send(0).expect("a receiver");
        assert_eq!(last.recv(), Ok(10_000));
    });
}

#[test]
fn a_goroutine_need_not_be_send_to_run_here() {
    on_each(|| {
        let count = Rc::new(Cell::new(0));
        for _ in 0..10 {
            let theirs = Rc::clone(&count);
            selvedge_go::go_local(move || {
                gosched();
                theirs.set(theirs.get() + 1);
            });
        }
        while count.get() < 10 {
            gosched();
        }
    });
}

#[test]
fn a_scope_waits_for_goroutines_that_borrow() {
    on_each(|| {
        let counts = [const { AtomicUsize::new(0) }; 8];
        selvedge_go::scope(|scope| {
            for count in &counts {
                scope.go(move || {
                    gosched();
                    count.store(1, Ordering::Relaxed);
                });
            }
        });
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        let panics = catch_unwind(AssertUnwindSafe(|| {
            selvedge_go::scope(|scope| {
                scope.go(|| {
                    gosched();
                    counts[0].store(2, Ordering::Relaxed);
                });
                std::panic::resume_unwind(Box::new("the scope"));
            })
        }));
        assert_eq!(panics.expect_err("it panics").downcast_ref(), Some(&"the scope"));
        assert_eq!(counts[0].load(Ordering::Relaxed), 2);
    });
}

#[test]
fn blocking_frees_the_p() {
    builder().procs(1).run(|| {
        let (tx, rx) = std::sync::mpsc::channel();
        let (done, all) = unbounded();
        for _ in 0..3 {
            let (tx, done) = (tx.clone(), done.clone());
            // This one has not begun when the call blocks: another thread takes it.
            go(move || {
                tx.send(()).expect("the call waits");
                done.send(()).expect("a receiver");
            });
        }
        selvedge_go::blocking(move || (0..3).for_each(|_| rx.recv().expect("a value")));
        (0..3).for_each(|_| all.recv().expect("a value"));
    });
}

#[test]
fn many_blocking_calls_at_once_need_one_p() {
    builder().procs(1).run(|| {
        let barrier = Arc::new(std::sync::Barrier::new(20));
        let group = WaitGroup::new();
        for _ in 0..20 {
            let (barrier, task) = (Arc::clone(&barrier), group.task());
            go(move || {
                selvedge_go::blocking(|| _ = barrier.wait());
                drop(task);
            });
        }
        group.wait();
    });
}

#[test]
fn threads_and_goroutines_meet_on_channels() {
    on_each(|| {
        let (there, theirs) = bounded(0);
        let (back, ours) = bounded(0);
        let thread = std::thread::spawn(move || {
            theirs.iter().for_each(|n: i32| back.send(n + 1).expect("a receiver"))
        });
        for n in 0..100 {
            there.send(n).expect("the thread is there");
            assert_eq!(ours.recv(), Ok(n + 1));
        }
        drop(there);
        selvedge_go::blocking(|| thread.join().expect("no panic"));
    });
}

#[test]
fn the_panic_of_main_comes_out() {
    let panics = catch_unwind(|| run(|| std::panic::resume_unwind(Box::new("as planned"))));
    assert_eq!(panics.expect_err("it panics").downcast_ref(), Some(&"as planned"));
}

#[test]
fn the_number_of_ps_changes() {
    builder().procs(2).run(|| {
        assert_eq!((selvedge_go::gomaxprocs(), selvedge_go::set_procs(1)), (2, 2));
        let group = WaitGroup::new();
        for procs in [1, 2, 1, 2] {
            selvedge_go::set_procs(procs);
            assert_eq!(selvedge_go::gomaxprocs(), procs);
            for _ in 0..200 {
                let task = group.task();
                go(move || {
                    gosched();
                    drop(task);
                });
            }
            group.wait();
        }
    });
}

#[test]
fn runs_side_by_side_are_apart() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                builder().procs(2).run(|| {
                    let (tx, rx) = bounded(1);
                    for n in 0..100 {
                        let tx = tx.clone();
                        go(move || tx.send(n).expect("a receiver"));
                    }
                    drop(tx);
                    assert_eq!(rx.iter().sum::<i32>(), 4950);
                });
            });
        }
    });
}

#[test]
fn goroutines_that_main_leaves_behind_run_no_more() {
    let dropped = Arc::new(AtomicBool::new(false));
    struct Tells(Arc<AtomicBool>);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let (tx, rx) = bounded::<()>(0);
    let tells = Tells(Arc::clone(&dropped));
    builder().procs(1).run(|| {
        go(move || {
            let _tells = tells;
            let _ = rx.recv();
        });
        gosched();
    });
    drop(tx);
    assert!(!dropped.load(Ordering::Relaxed));
}

#[test]
fn a_sleep_lasts() {
    on_each(|| {
        let begun = Instant::now();
        let long = Duration::from_millis(3);
        let joins: Vec<_> = (0..10).map(|_| spawn(move || selvedge_go::sleep(long))).collect();
        joins.into_iter().for_each(|join| join.join().expect("no panic"));
        assert!(begun.elapsed() >= long);
    });
}

#[test]
fn a_future_parks_its_goroutine() {
    on_each(|| {
        let (tx, rx) = bounded(0);
        let join = spawn(move || selvedge_go::block_on(async move { rx.recv_async().await }));
        tx.send(5).expect("a receiver");
        assert_eq!(join.join().expect("no panic"), Ok(5));
    });
}

#[test]
fn no_goroutine_begins_on_a_locked_thread() {
    on_each(|| {
        let outer = selvedge_go::lock_os_thread();
        let inner = selvedge_go::lock_os_thread();
        let here = std::thread::current().id();
        let (tx, rx) = bounded(0);
        for turn in 0..10 {
            let tx = tx.clone();
            go(move || tx.send(std::thread::current().id()).expect("a receiver"));
            if turn % 2 == 0 {
                // Waiting and yielding both let it begin elsewhere.
                (0..200).for_each(|_| gosched());
            }
            assert_ne!(rx.recv(), Ok(here));
            assert_eq!(std::thread::current().id(), here);
        }
        drop(inner);
        let last = tx.clone();
        go(move || last.send(std::thread::current().id()).expect("a receiver"));
        assert_ne!(rx.recv(), Ok(here), "the outer lock holds");
        drop(outer);
    });
}

#[test]
fn a_goroutine_that_ends_while_it_has_locked_its_thread_unlocks_it() {
    builder().procs(1).run(|| {
        let joins: Vec<_> =
            (0..10).map(|_| spawn(|| std::mem::forget(selvedge_go::lock_os_thread()))).collect();
        joins.into_iter().for_each(|join| join.join().expect("no panic"));
        assert_eq!(spawn(|| 7).join().expect("no panic"), 7);
    });
}

/// Letters of which each leads to a panic whose payload panics when it is dropped.
struct Letters(Vec<u32>);

impl Outbox for Letters {
    type Letter = u32;

    fn next(&mut self) -> Option<u32> {
        self.0.pop()
    }
}

#[test]
fn letters_are_sent_after_panics_whose_payloads_panic() {
    struct Worse;
    impl Drop for Worse {
        fn drop(&mut self) {
            panic!("once more");
        }
    }
    let post = Post::new(Letters(vec![1, 2]));
    let sent = catch_unwind(AssertUnwindSafe(|| post.change(|_| (), |_| std::panic::panic_any(Worse))));
    std::mem::forget(sent.expect_err("the first panic comes out"));
    let changes = || post.change(|letters| letters.0.len(), |_| unreachable!("nothing is owed"));
    let left = std::thread::scope(|scope| scope.spawn(changes).join().expect("no panic"));
    assert_eq!(left, 0, "another thread does not wait for letters that nobody sends");
}
