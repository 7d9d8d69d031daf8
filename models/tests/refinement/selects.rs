//! Programs with `select!` and timers, with channels as specified.

use crate::counts::executions;
use selvedge::chan::{self, Select, bounded, select, select_biased, unbounded};
use selvedge::rt::thread;
use selvedge_check::{Change, Checker, Engine, Primitives, Strategy, site_of};
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

/// A receiver of two channels that is to stop: both its cases become ready, in either order.
fn biased_stop(jobs: u32) -> u64 {
    executions(move || {
        let ((stop, stopped), (to, from)) = (bounded::<()>(0), unbounded());
        thread::scope(|scope| {
            scope.spawn(|| {
                for job in 0..jobs {
                    to.send(job).expect("open");
                }
                drop(stop);
            });
            let mut got = 0;
            loop {
                select_biased! {
                    recv(stopped) -> _ => break,
                    recv(from) -> job => {
                        assert_eq!(job, Ok(got));
                        got += 1;
                    }
                }
            }
        });
    })
}

#[test]
fn a_biased_select_looks_at_one_case_after_the_other() {
    assert_eq!([1, 2, 3].map(biased_stop), [7, 22, 69]);
}

const SELECT: (&str, &str) =
    ("primitives/src/spec/chan/select.rs", include_str!("../../../primitives/src/spec/chan/select.rs"));

/// Runs a program with primitives as specified under an engine, with or without a twin; returns how it fails.
fn failure(
    engine: Engine,
    twin: Option<&str>,
    program: impl Fn() + Send + Sync + Clone + 'static,
) -> Option<String> {
    let (file, source) = SELECT;
    let twin = twin.map(|twin| site_of(source, file, twin, Change::Twin).expect("it is a site"));
    let checker = Checker::new().ignore_environment().engines([engine]).primitives(Primitives::Specified);
    let checker = twin.into_iter().fold(checker, Checker::mutate);
    checker.run(program).remove(0).verdict.failure().map(ToString::to_string)
}

/// The first of two cases that can both happen.
fn first_of_two() {
    let ((stop, stopped), (to, from)) = (bounded::<()>(0), unbounded());
    drop(stop);
    to.send(1).expect("open");
    select_biased! {
        recv(stopped) -> _ => (),
        recv(from) -> _ => unreachable!("the first case can happen"),
    }
    let mut select = Select::new_biased();
    let (first, _second) = (select.recv(&stopped), select.recv(&from));
    assert_eq!(select.ready(), first);
}

/// The second of two cases, where the first becomes ready before it.
fn never_second() {
    let ((stop, stopped), (to, from)) = (bounded::<()>(0), unbounded());
    thread::scope(|scope| {
        scope.spawn(|| {
            drop(stop);
            to.send(1).expect("open");
        });
        select_biased! {
            recv(stopped) -> _ => (),
            recv(from) -> _ => panic!("the select has looked at the first case too early"),
        }
    });
}

#[test]
fn a_biased_select_looks_at_one_case_after_the_other_under_each_engine() {
    let by_looks = [Engine::Loom, Engine::Shuttle(Strategy::DepthFirst), Engine::Shuttle(Strategy::Random)];
    for engine in by_looks.into_iter().chain([Engine::Graph]) {
        assert_eq!(failure(engine, None, first_of_two), None, "{engine:?}");
        assert!(failure(engine, None, never_second).is_some(), "{engine:?}");
    }
    for engine in by_looks {
        let twin = failure(engine, Some("passes-what-can-happen"), first_of_two);
        assert!(twin.is_some(), "{engine:?}");
    }
    let shown = failure(Engine::Graph, None, never_second).expect("it fails");
    for look in ["look at a case stop", "look at a case to"] {
        assert!(shown.contains(look), "each look names its channel: {shown}");
    }
}
