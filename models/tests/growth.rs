//! How costs grow: with ten times as many values, waiters or cases, and as many operations on them, an engine counts
//! at most about ten times as many operations of atomics and cells. If each look at a channel walked through all that
//! is in it the count would grow a hundredfold; segments of one cell show such walks too.
#![cfg(feature = "shuttle")]

use core::pin::Pin;
use core::task::{Context, Waker};
use selvedge::chan::{Receiver, Select, Sender, after, bounded_with_segments, select};
use selvedge_check::{Checker, Engine, Primitives, Strategy};
use std::time::Duration;

const SMALL: usize = 40;
const LARGE: usize = 400;

/// Returns the number of operations that the engine sees in an execution of one thread.
fn operations(n: usize, body: fn(usize)) -> u64 {
    let checker = Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .engines([Engine::Shuttle(Strategy::DepthFirst)]);
    let report = checker.max_operations(10_000_000).run(move || body(n)).remove(0);
    assert!(report.verdict.failure().is_none(), "{report}");
    report.operations
}

/// A body that does n operations to a channel of a size that grows with n.
fn grows_in_proportion(body: fn(usize)) {
    let (small, large) = (operations(SMALL, body), operations(LARGE, body));
    assert!(small >= SMALL as u64, "{small} operations for {SMALL}: the engine saw nothing");
    assert!(large < 20 * small, "{small} operations for {SMALL}, {large} for {LARGE}");
}

fn channel(capacity: usize) -> (Sender<usize>, Receiver<usize>) {
    bounded_with_segments(capacity, 0)
}

fn full(capacity: usize) -> (Sender<usize>, Receiver<usize>) {
    let (tx, rx) = channel(capacity);
    (0..capacity).for_each(|n| tx.send(n).expect("room"));
    (tx, rx)
}

fn poll<F: Future + Unpin>(future: &mut F) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn waiting<F: Future + Unpin>(mut future: F) -> F {
    assert!(!poll(&mut future), "it waits");
    future
}

#[test]
fn a_full_buffer_is_told_without_a_look_at_all_its_values() {
    grows_in_proportion(|n| {
        let (tx, _rx) = full(n);
        (0..n).for_each(|_| assert!(tx.try_send(0).is_err()));
    });
    grows_in_proportion(|n| {
        let (tx, _rx) = full(n);
        (0..n).for_each(|_| select! { send(tx, 0) -> _ => unreachable!("it is full"), default => () });
    });
    grows_in_proportion(|n| {
        let (tx, _rx) = full(n);
        (0..n).for_each(|_| assert!(tx.send_timeout(0, Duration::ZERO).is_err()));
    });
    grows_in_proportion(|n| {
        let (tx, _rx) = full(n);
        (0..n).for_each(|_| drop(waiting(tx.send_async(0))));
    });
}

#[test]
fn a_full_buffer_is_told_amid_traffic_and_cancelled_places_without_a_walk() {
    grows_in_proportion(|n| {
        let (tx, rx) = full(n);
        for at in 0..2 * n {
            assert_eq!(rx.recv().is_ok(), tx.send(at).is_ok());
            assert!(tx.try_send(0).is_err());
        }
    });
    grows_in_proportion(|n| {
        let (tx, rx) = full(n);
        for _ in 0..n {
            let gives_up = waiting(tx.send_async(0));
            let mut stays = waiting(tx.send_async(0));
            drop(gives_up);
            assert!(rx.recv().is_ok() && poll(&mut stays));
            assert!(tx.try_send(0).is_err());
        }
    });
}

#[test]
fn a_receive_lets_a_sender_in_without_a_walk_through_the_buffer() {
    grows_in_proportion(|n| {
        let (tx, rx) = full(n);
        let mut sends: Vec<_> = (0..n).map(|n| waiting(tx.send_async(n))).collect();
        for send in &mut sends {
            assert!(rx.recv().is_ok() && tx.try_send(0).is_err() && poll(send));
        }
    });
}

#[test]
fn cancelled_sends_cost_a_receive_no_walk_for_each() {
    grows_in_proportion(|n| {
        let (tx, rx) = full(1);
        let mut last = waiting(tx.send_async(0));
        (0..n).for_each(|_| last = waiting(tx.send_async(0)));
        assert!(rx.recv().is_ok() && poll(&mut last));
    });
    // The senders wait behind one that stays.
    grows_in_proportion(|n| {
        let (tx, rx) = full(1);
        let mut first = waiting(tx.send_async(0));
        let mut last = waiting(tx.send_async(0));
        (0..n).for_each(|_| last = waiting(tx.send_async(0)));
        assert!((0..2).all(|_| rx.recv().is_ok()) && poll(&mut first) && poll(&mut last));
    });
}

#[test]
fn a_close_and_the_sends_that_it_refuses_take_no_walk_for_each_waiter() {
    grows_in_proportion(|n| {
        let (tx, rx) = channel(0);
        let sends: Vec<_> = (0..n).map(|n| waiting(tx.send_async(n))).collect();
        assert!(rx.close().is_ok());
        drop(sends);
    });
    grows_in_proportion(|n| {
        let (tx, rx) = full(1);
        let sends: Vec<_> = (0..n).map(|n| waiting(tx.send_async(n))).collect();
        assert!(rx.close().is_ok());
        sends.into_iter().rev().for_each(drop);
    });
    grows_in_proportion(|n| {
        let (tx, rx) = channel(n);
        let receives: Vec<_> = (0..n).map(|_| waiting(rx.recv_async())).collect();
        assert!(tx.close().is_ok());
        drop(receives);
    });
}

#[test]
fn cancelling_takes_no_walk_for_each_waiter() {
    grows_in_proportion(|n| {
        let (_tx, rx) = channel(1);
        drop((0..n).map(|_| waiting(rx.recv_async())).collect::<Vec<_>>());
    });
    grows_in_proportion(|n| {
        let (_tx, rx) = channel(1);
        let _first = waiting(rx.recv_async());
        drop((0..n).map(|_| waiting(rx.recv_async())).collect::<Vec<_>>());
    });
    // Every other waiter cancels, and then the rest.
    grows_in_proportion(|n| {
        let (_tx, rx) = channel(0);
        let _first = waiting(rx.recv_async());
        let (odd, even): (Vec<_>, Vec<_>) =
            (0..n).map(|n| (n, waiting(rx.recv_async()))).partition(|(n, _)| n % 2 == 1);
        drop(odd);
        even.into_iter().rev().for_each(drop);
    });
    grows_in_proportion(|n| {
        let (tx, _rx) = channel(0);
        let _first = waiting(tx.send_async(0));
        drop((0..n).map(|n| waiting(tx.send_async(n))).collect::<Vec<_>>());
    });
}

#[test]
fn a_select_takes_as_many_steps_for_each_of_many_cases() {
    grows_in_proportion(|n| {
        let ends: Vec<_> = (0..n).map(|_| channel(0)).collect();
        let mut select = Select::new_biased();
        ends.iter().for_each(|(tx, _)| _ = select.send(tx));
        assert!(select.select_timeout(Duration::ZERO).is_err());
    });
    grows_in_proportion(|n| {
        let timers: Vec<_> = (0..n).map(|_| after(Duration::from_secs(3600))).collect();
        let mut select = Select::new_biased();
        timers.iter().for_each(|timer| _ = select.recv(timer));
        assert!(select.select_timeout(Duration::from_secs(1)).is_err());
    });
}
