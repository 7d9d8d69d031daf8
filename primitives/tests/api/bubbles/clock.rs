//! The clock of a bubble: where it begins, when it moves, and what it wakes.

use super::{HOUR, SECOND, flag};
use crate::common::panic_of;
use selvedge::chan::{Timer, after, bounded, unbounded};
use selvedge::context::{after_func, background, with_deadline};
use selvedge::rt::thread::sleep;
use selvedge::rt::time::now;
use selvedge::testing::{bubble, wait, wall};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant, UNIX_EPOCH};

/// ST-02.
#[test]
fn st02_the_clock_starts_in_2000_and_each_bubble_has_its_own() {
    for _ in 0..2 {
        bubble(|b| {
            let start = UNIX_EPOCH + Duration::from_secs(946_684_800);
            assert_eq!((b.wall(), b.elapsed()), (start, Duration::ZERO));
            let begun = now();
            assert_eq!(begun, b.now());
            sleep(HOUR);
            assert_eq!((wall(), now()), (start + HOUR, begun + HOUR));
        });
    }
}

/// ST-03.
#[test]
fn st03_time_jumps_to_the_next_timer_when_all_are_blocked() {
    bubble(|b| {
        let begun = now();
        let (tx, rx) = unbounded();
        for hours in [3, 1, 2] {
            let tx = tx.clone();
            b.spawn(move || {
                sleep(HOUR * hours);
                tx.send((hours, now() - begun)).expect("a receiver");
            });
        }
        drop(tx);
        let woken: Vec<_> = rx.iter().collect();
        assert_eq!(woken, [1, 2, 3].map(|hours| (hours, HOUR * hours)));
    });
}

/// ST-03.
#[test]
fn st03_time_stands_still_while_a_goroutine_runs() {
    bubble(|b| {
        let (woken, theirs) = flag();
        b.spawn(move || {
            sleep(Duration::from_nanos(1));
            theirs.store(true, Relaxed);
        });
        let begun = now();
        for _ in 0..1000 {
            std::thread::yield_now();
            assert!(!woken.load(Relaxed) && now() == begun);
        }
        b.sleep(Duration::from_nanos(1));
        assert!(woken.load(Relaxed));
    });
}

/// ST-03. TI-04.
#[test]
fn st03_a_timer_that_is_reset_counts_from_then() {
    bubble(|b| {
        let begun = now();
        let timer = Timer::new(HOUR);
        sleep(HOUR / 2);
        assert!(timer.reset(HOUR));
        assert_eq!(timer.receiver().recv(), Ok(begun + HOUR + HOUR / 2));
        assert_eq!(b.elapsed(), HOUR + HOUR / 2);
    });
}

/// The bubble wakes them in an order that it draws anew each time. Each order is one of six, or less likely where the system
/// starts a thread late; if it comes but once in fifty bubbles, the test fails by chance in one of 10^86 runs. ST-10.
#[test]
fn st10_those_that_are_due_at_one_moment_go_on_in_every_order() {
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..10_000 {
        orders.insert(bubble(|b| {
            let (tx, rx) = unbounded();
            for n in 0..3 {
                let tx = tx.clone();
                b.spawn(move || {
                    sleep(SECOND);
                    tx.send(n).expect("a receiver");
                });
            }
            drop(tx);
            rx.iter().collect::<Vec<_>>()
        }));
        if orders.len() == 6 {
            return;
        }
    }
    panic!("only these orders came: {orders:?}");
}

/// ST-11.
#[test]
fn st11_what_is_due_now_comes_before_time_moves() {
    bubble(|b| {
        let begun = now();
        assert_eq!(after(Duration::ZERO).try_recv(), Ok(begun));
        assert_eq!(Timer::new(Duration::ZERO).receiver().recv(), Ok(begun));
        let (context, _cancel) = with_deadline(&background(), begun);
        assert!(context.err().is_some());
        let (ran, theirs) = flag();
        after_func(&context, move || theirs.store(true, Relaxed));
        wait();
        assert!(ran.load(Relaxed));
        assert_eq!(b.elapsed(), Duration::ZERO);
    });
}

/// ST-11.
#[test]
fn st11_a_closure_that_is_due_now_runs_before_wait_returns() {
    bubble(|b| {
        let (ran, theirs) = flag();
        let timer = selvedge::chan::after_func(Duration::ZERO, move || theirs.store(true, Relaxed));
        assert!(!ran.load(Relaxed), "it runs when all others rest");
        wait();
        assert!(ran.load(Relaxed) && !timer.stop());
        assert_eq!(b.elapsed(), Duration::ZERO);
    });
}

#[test]
fn a_time_too_far_away_never_comes() {
    let text = panic_of(|| bubble(|_| sleep(Duration::MAX)));
    assert!(text.contains("deadlock") && text.contains(": sleeps"), "{text}");
}

#[test]
fn bubbles_side_by_side_have_clocks_of_their_own() {
    let threads: Vec<_> = (1..=4)
        .map(|n| {
            std::thread::spawn(move || {
                for _ in 0..100 {
                    bubble(|b| {
                        let begun = now();
                        let (tx, rx) = bounded(0);
                        b.spawn(move || {
                            sleep(HOUR * n);
                            tx.send(now()).expect("a receiver");
                        });
                        assert_eq!(rx.recv(), Ok(begun + HOUR * n));
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
}

#[test]
fn an_instant_is_read_anew_after_the_bubble() {
    let inside: Instant = bubble(|b| {
        sleep(HOUR);
        b.now()
    });
    assert!(now() < inside);
}
