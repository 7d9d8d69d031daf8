//! Futures.

use super::loom::future::{AtomicWaker, block_on};
use super::loom::sync::Arc;
use super::loom::sync::atomic::AtomicBool;
use super::loom::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use super::loom::thread;
use super::{executions, failure, results};
use core::future::poll_fn;
use core::task::Poll;
use selvedge_check::FailureKind;

/// Waits for a flag that another thread sets, and returns how often the future was polled.
fn waits_for_a_flag(registers_first: bool) -> usize {
    let shared = Arc::new((AtomicBool::new(false), AtomicWaker::new()));
    let theirs = Arc::clone(&shared);
    thread::spawn(move || {
        theirs.0.store(true, Release);
        theirs.1.wake();
    });
    let mut polls = 0;
    block_on(poll_fn(move |context| {
        polls += 1;
        let is_set = |order| shared.0.load(order);
        let was_set = !registers_first && is_set(Relaxed);
        shared.1.register_by_ref(context.waker());
        match was_set || registers_first && is_set(Acquire) {
            true => Poll::Ready(polls),
            false => Poll::Pending,
        }
    }))
}

#[test]
fn a_waker_that_is_registered_before_the_look_is_woken() {
    assert_eq!(results(|| waits_for_a_flag(true)), [1, 2, 3]);
    executions(|| _ = waits_for_a_flag(true));
}

#[test]
fn a_waker_that_is_registered_after_the_look_may_come_too_late() {
    assert_eq!(failure(|| _ = waits_for_a_flag(false)), FailureKind::Deadlock);
}

#[test]
fn a_future_is_polled_once_without_a_wake_up() {
    let model = || {
        let mut polls = 0;
        let waits = poll_fn(move |context| {
            polls += 1;
            if polls == 1 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(polls)
        });
        assert_eq!(block_on(waits), 2);
    };
    assert_eq!(executions(model), 2, "with the early poll, and without it");
    assert_eq!(block_on(async { 5 }), 5);
}

#[test]
fn a_waker_that_is_taken_is_not_woken_again() {
    executions(|| {
        let cell = AtomicWaker::new();
        assert!(cell.take_waker().is_none());
        cell.register(std::task::Waker::noop().clone());
        assert!(cell.take_waker().is_some() && cell.take_waker().is_none());
    });
}
