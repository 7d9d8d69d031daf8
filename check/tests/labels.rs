//! What reports call the steps of channels: a value is shown once, with the line of the user that sends or receives it.
#![cfg(any(feature = "graph", feature = "loom", feature = "shuttle"))]

mod common;

use common::{checker, explorers};
use selvedge::chan::{Select, bounded, select, unbounded};
use selvedge::rt::thread;
use selvedge_check::{Engine, Primitives, Report};
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Runs a program whose executions all fail once they have come to its end.
fn failing(engine: Engine, program: fn()) -> Report {
    let checker = checker(engine).primitives(Primitives::Specified);
    let report = checker.run(move || {
        program();
        panic!("the end");
    });
    let report = report.into_iter().next().expect("one engine gives one report");
    assert!(report.to_string().contains("the end"), "{report}");
    report
}

/// Returns how often a step of the execution that fails is called that.
fn count(report: &Report, operation: &str) -> usize {
    let failure = &report.verdict.failure().expect("it fails").failure;
    failure.steps.iter().filter(|step| step.operation == operation).count()
}

/// Checks that steps are called so in the trace, each once, and in the text of the execution graph, if there is one.
fn shows(program: fn(), operations: &[&str]) {
    for engine in explorers() {
        let report = failing(engine, program);
        for operation in operations {
            assert_eq!(count(&report, operation), 1, "{operation}: {report}");
        }
        #[cfg(feature = "graph")]
        if let Some(graph) = report.verdict.failure().expect("it fails").graph() {
            let events = graph.threads.iter().flat_map(|thread| &thread.events);
            let shown: Vec<&str> = events.map(|event| event.operation).collect();
            assert!(operations.iter().all(|operation| shown.contains(operation)), "{shown:?}");
        }
    }
}

#[test]
fn a_value_is_shown_where_it_is_sent_and_where_it_is_received() {
    shows(
        || {
            let (tx, rx) = bounded(2);
            tx.send(1).expect("room");
            tx.try_send(2).expect("room");
            assert_eq!((rx.recv(), rx.try_recv()), (Ok(1), Ok(2)));
        },
        &["send 1", "try to send 2", "receive 1", "try to receive 2"],
    );
}

#[test]
fn a_send_that_waits_is_shown_once() {
    shows(
        || {
            let (tx, rx) = bounded(0);
            let sender = thread::spawn(move || tx.send("weft"));
            assert_eq!(rx.recv(), Ok("weft"));
            sender.join().expect("no panic").expect("open");
        },
        &["send \"weft\"", "receive \"weft\""],
    );
}

#[test]
fn a_select_shows_what_it_sends_and_receives() {
    shows(
        || {
            let ((tx, rx), (other, _idle)) = (bounded(1), unbounded::<u8>());
            select! { send(tx, 1) -> sent => sent.expect("room") }
            select! { recv(rx) -> got => assert_eq!(got, Ok(1)) }
            let mut select = Select::new();
            select.send(&other);
            select.select().send(&other, 2).expect("open");
        },
        &["send 1", "select: receive 1", "send 2"],
    );
}

#[test]
fn a_select_names_the_channel_that_it_came_to() {
    for engine in explorers() {
        let report = failing(engine, || {
            let ((_idle, first), (tx, second)) = (bounded::<u8>(1), bounded::<u8>(1));
            tx.send(7).expect("room");
            select! { recv(first) -> _ => unreachable!(), recv(second) -> got => assert_eq!(got, Ok(7)) }
        });
        let failure = &report.verdict.failure().expect("it fails").failure;
        let number = |operation| {
            let step = failure.steps.iter().find(|step| step.operation == operation);
            step.and_then(selvedge_check::Step::object).map(|(_, number)| number)
        };
        assert_eq!(number("select: receive 7"), number("send 7"), "{report}");
        assert!(number("send 7").is_some(), "{report}");
    }
}

#[test]
fn a_future_shows_what_it_sends_and_receives() {
    shows(
        || {
            let (tx, rx) = bounded(1);
            let context = &mut Context::from_waker(Waker::noop());
            assert_eq!(pin!(tx.send_async(1)).poll(context), Poll::Ready(Ok(())));
            assert_eq!(pin!(rx.recv_async()).poll(context), Poll::Ready(Ok(1)));
        },
        &["poll a send 1", "poll a receive 1"],
    );
}

#[test]
fn each_poll_of_a_send_that_waits_shows_the_value() {
    for engine in explorers() {
        let report = failing(engine, || {
            let (tx, rx) = bounded(0);
            let context = &mut Context::from_waker(Waker::noop());
            let mut send = pin!(tx.send_async(1));
            assert_eq!(send.as_mut().poll(context), Poll::Pending);
            assert_eq!(send.as_mut().poll(context), Poll::Pending);
            assert_eq!(rx.try_recv(), Ok(1));
            assert_eq!(send.poll(context), Poll::Ready(Ok(())));
        });
        assert_eq!(count(&report, "poll a send 1"), 3, "{report}");
    }
}

/// Returns the line of this file that ends so.
fn line_of(end: &str) -> u32 {
    let line = include_str!("labels.rs").lines().position(|line| line.ends_with(end));
    line.expect("the file has it") as u32 + 1
}

#[test]
fn a_loop_over_a_channel_is_shown_at_its_own_line() {
    fn program() {
        let (tx, rx) = unbounded();
        (1..5).for_each(|n| tx.send(n).expect("open"));
        drop(tx);
        let _first = rx.try_iter().next(); // once
        let mut left = 2;
        for n in &rx {
            // by reference
            left -= 1;
            if left == 0 {
                break;
            }
            assert_eq!(n, 2);
        }
        for n in rx {
            // by value
            assert_eq!(n, 4);
        }
    }
    for engine in explorers() {
        let report = failing(engine, program);
        let steps = &report.verdict.failure().expect("it fails").failure.steps;
        let line = |operation: &str| {
            let step = steps.iter().find(|step| step.operation == operation).expect("it is shown");
            let called = step.call.map_or(step.site, |call| call.site);
            assert!(called.file().ends_with("labels.rs"), "{step}");
            called.line()
        };
        assert_eq!(line("try to receive 1"), line_of("// once"), "{report}");
        assert_eq!(line("receive 2") + 1, line_of("// by reference"), "{report}");
        assert_eq!(line("receive 4") + 1, line_of("// by value"), "{report}");
    }
}
