//! Programs with `select!` and timers, with channels as specified.

use crate::counts::executions;
use selvedge::chan::{self, Select, bounded, select, unbounded};
use selvedge::rt::thread;
use std::time::Duration;

#[test]
fn a_select_takes_what_comes_first_and_then_the_other() {
    let count = executions(|| {
        let ((one, from_one), (two, from_two)) = (bounded(0), bounded(0));
        thread::scope(|scope| {
            scope.spawn(|| one.send(1).expect("open"));
            scope.spawn(|| two.send(2).expect("open"));
            let mut sum = 0;
            for _ in 0..2 {
                select! {
                    recv(from_one) -> value => sum += value.expect("open"),
                    recv(from_two) -> value => sum += value.expect("open"),
                }
            }
            assert_eq!(sum, 3);
        });
    });
    assert_eq!(count, 12);
}

#[test]
fn a_select_with_a_timeout() {
    let count = executions(|| {
        let (one, from_one) = unbounded();
        thread::scope(|scope| {
            scope.spawn(|| one.send(1).expect("open"));
            select! {
                recv(from_one) -> value => assert_eq!(value, Ok(1)),
                default(Duration::from_millis(1)) => (),
            }
        });
    });
    assert_eq!(count, 3);
}

#[test]
fn a_late_send() {
    let count = executions(|| {
        let (one, from_one) = bounded(0);
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(from_one.recv(), Ok(1)));
            let mut select = Select::new();
            select.send(&one);
            select.select().send(&one, 1).expect("open");
        });
    });
    assert_eq!(count, 2);
}

#[test]
fn a_timer() {
    let count = executions(|| {
        let (one, from_one) = bounded::<i32>(0);
        let after = chan::after(Duration::from_millis(1));
        select! {
            recv(from_one) -> _ => unreachable!(),
            recv(after) -> instant => assert!(instant.is_ok()),
        }
        drop(one);
    });
    assert_eq!(count, 1);
}
