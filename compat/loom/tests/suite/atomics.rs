//! Atomics, fences, and cells that they protect.

use super::loom::cell::{Cell, UnsafeCell};
use super::loom::sync::Arc;
use super::loom::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use super::loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, fence};
use super::loom::{hint, thread};
use super::{executions, failure, results};
use selvedge_check::FailureKind;

/// Two threads each store to one atomic and load the other.
fn store_buffering(order: Ordering, fenced: bool) -> (usize, usize) {
    let (load, store) = if order == SeqCst { (SeqCst, SeqCst) } else { (Acquire, Release) };
    let (x, y) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (their_x, their_y) = (Arc::clone(&x), Arc::clone(&y));
    let between = move || {
        if fenced {
            fence(SeqCst);
        }
    };
    let thread = thread::spawn(move || {
        their_x.store(1, store);
        between();
        their_y.load(load)
    });
    y.store(1, store);
    between();
    let mine = x.load(load);
    (mine, thread.join().expect("no panic"))
}

#[test]
fn only_sequential_consistency_forbids_that_both_loads_are_old() {
    let all = [(0, 0), (0, 1), (1, 0), (1, 1)];
    assert_eq!(results(|| store_buffering(AcqRel, false)), all);
    assert_eq!(results(|| store_buffering(AcqRel, true)), all[1..]);
    assert_eq!(results(|| store_buffering(SeqCst, false)), all[1..]);
    assert_eq!(executions(|| _ = store_buffering(AcqRel, false)), 4);
    assert_eq!(executions(|| _ = store_buffering(SeqCst, false)), 3);
}

/// A thread writes to a cell and sets a flag; another reads the cell if it sees the flag.
fn publish(store: Ordering, load: Ordering) {
    let shared = Arc::new((UnsafeCell::new(0), AtomicBool::new(false)));
    let theirs = Arc::clone(&shared);
    let thread = thread::spawn(move || {
        // SAFETY: the reader waits for the flag.
        theirs.0.with_mut(|value| unsafe { *value = 1 });
        theirs.1.store(true, store);
    });
    if shared.1.load(load) {
        // SAFETY: the flag is set after the write, and the cell is not written again.
        shared.0.with(|value| assert_eq!(unsafe { *value }, 1));
    }
    thread.join().expect("no panic");
}

#[test]
fn a_race_is_one_where_nothing_orders_the_accesses() {
    assert_eq!(executions(|| publish(Release, Acquire)), 2);
    assert_eq!(failure(|| publish(Relaxed, Acquire)), FailureKind::Race);
    assert_eq!(failure(|| publish(Release, Relaxed)), FailureKind::Race);
}

#[test]
fn a_pointer_to_a_cell_may_outlive_its_last_use() {
    let model = || {
        let shared = Arc::new((UnsafeCell::new(0), AtomicBool::new(false)));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let pointer = theirs.0.get_mut();
            // SAFETY: the reader waits for the flag.
            unsafe { *pointer.deref() = 1 };
            theirs.1.store(true, Release);
        });
        if shared.1.load(Acquire) {
            // SAFETY: the flag is set after the write, and the cell is not written again.
            assert_eq!(unsafe { *shared.0.get().deref() }, 1);
        }
        thread.join().expect("no panic");
    };
    assert_eq!(executions(model), 2);
}

#[test]
fn increments_are_explored_in_every_order_once() {
    let model = |threads: usize| {
        move || {
            // Leaked, so that no count of owners is part of the model.
            let count: &'static AtomicUsize = Box::leak(Box::new(AtomicUsize::new(0)));
            let threads: Vec<_> =
                (0..threads).map(|_| thread::spawn(|| count.fetch_add(1, Relaxed))).collect();
            threads.into_iter().for_each(|thread| _ = thread.join().expect("no panic"));
        }
    };
    assert_eq!((executions(model(2)), executions(model(3))), (2, 6));
}

#[test]
fn a_weak_exchange_fails_only_if_it_finds_another_value() {
    let model = || {
        let value = AtomicUsize::new(1);
        assert_eq!(value.compare_exchange_weak(1, 2, AcqRel, Relaxed), Ok(1));
        assert_eq!(value.compare_exchange_weak(1, 3, AcqRel, Relaxed), Err(2));
        assert_eq!(value.compare_and_swap(2, 4, AcqRel), 2);
        assert_eq!(value.compare_and_swap(2, 5, Release), 4);
        assert_eq!(value.fetch_update(AcqRel, Acquire, |value| Some(value + 1)), Ok(4));
        assert_eq!(value.into_inner(), 5);
    };
    assert_eq!(executions(model), 1);
}

#[test]
fn plain_accesses_of_atomics_are_checked() {
    assert_eq!(
        failure(|| {
            let value = Arc::new(AtomicUsize::new(0));
            let theirs = Arc::clone(&value);
            let thread = thread::spawn(move || theirs.store(1, Release));
            // SAFETY: none: the model shows that the store races with this.
            unsafe { value.unsync_load() };
            thread.join().expect("no panic");
        }),
        FailureKind::Race
    );
    executions(|| {
        let mut value = AtomicPtr::<u8>::default();
        value.with_mut(|value| *value = core::ptr::dangling_mut());
        // SAFETY: no other thread has the atomic.
        assert!(!unsafe { value.unsync_load() }.is_null());
        let mut flag = AtomicBool::from(true);
        flag.with_mut(|flag| *flag = false);
        assert!(!flag.fetch_or(true, Relaxed) && flag.into_inner());
    });
}

#[test]
fn a_loop_that_spins_ends_when_another_thread_ends_it() {
    let model = |pause: fn()| {
        move || {
            let ready = Arc::new(AtomicBool::new(false));
            let theirs = Arc::clone(&ready);
            thread::spawn(move || theirs.store(true, Release));
            while !ready.load(Acquire) {
                pause();
            }
        }
    };
    executions(model(|| hint::spin_loop()));
    executions(model(|| thread::yield_now()));
    assert_eq!(
        failure(|| {
            let never = AtomicBool::new(false);
            while !never.load(Acquire) {
                hint::spin_loop();
            }
        }),
        FailureKind::Livelock
    );
}

#[test]
fn a_cell_is_its_thread_s_own() {
    executions(|| {
        let (one, two) = (Cell::new(1), Cell::from(2));
        one.swap(&two);
        one.swap(&one);
        assert!(one > two && one.clone() == one && one.take() == 2 && one.get() == 0);
        assert_eq!((two.replace(7), two.into_inner()), (1, 7));
    });
}
