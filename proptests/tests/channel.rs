//! Channels do what their sequential specification says, in every form of the operations: plain, timed, by `select!`
//! and as futures.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use selvedge::chan::{Receiver, Sender, TryRecvError, TrySendError};
use selvedge::chan::{bounded_with_segments, select, unbounded_with_segments};
use selvedge_check::Scenario;
use selvedge_check::spec::Fifo;
use selvedge_check::spec::FifoAnswer::{self, Closed, Done, Empty, Full, Value};
use selvedge_check::spec::FifoOp::{self, Close, Recv, Send, TryRecv, TrySend};
use selvedge_proptests::small_checks;
use std::time::Duration;

const A_WHILE: Duration = Duration::from_micros(10);

/// How an operation is done.
#[derive(Clone, Copy, Debug)]
enum Form {
    Plain,
    Timed,
    Selected,
}

type Ends = (Sender<u8>, Receiver<u8>);

/// Returns what a channel does that holds so many values; `None`: any number.
fn spec(capacity: Option<usize>) -> Fifo<u8> {
    capacity.map_or_else(Fifo::unbounded, Fifo::bounded)
}

fn sent(result: Result<(), TrySendError<u8>>) -> FifoAnswer<u8> {
    match result {
        Ok(()) => Done,
        Err(error) if error.is_full() => Full,
        Err(_) => Closed,
    }
}

fn received(result: Result<u8, TryRecvError>) -> FifoAnswer<u8> {
    result.map_or_else(|error| if error.is_empty() { Empty } else { Closed }, Value)
}

fn plainly((tx, rx): &Ends, operation: &FifoOp<u8>) -> FifoAnswer<u8> {
    match operation {
        Send(value) => tx.send(*value).map_or(Closed, |()| Done),
        TrySend(value) => sent(tx.try_send(*value)),
        Recv => rx.recv().map_or(Closed, Value),
        TryRecv => received(rx.try_recv()),
        Close => tx.close().map_or(Closed, |()| Done),
    }
}

fn timed(ends: &Ends, operation: &FifoOp<u8>) -> FifoAnswer<u8> {
    let (tx, rx) = ends;
    match operation {
        TrySend(value) => match tx.send_timeout(*value, A_WHILE) {
            Ok(()) => Done,
            Err(error) if error.is_timeout() => Full,
            Err(_) => Closed,
        },
        TryRecv => rx
            .recv_timeout(A_WHILE)
            .map_or_else(|error| if error.is_timeout() { Empty } else { Closed }, Value),
        other => plainly(ends, other),
    }
}

fn selected(ends: &Ends, operation: &FifoOp<u8>) -> FifoAnswer<u8> {
    let (tx, rx) = ends;
    let (_other, idle) = bounded_with_segments::<u8>(0, 0);
    match operation {
        Send(value) => select! {
            send(tx, *value) -> sent => sent.map_or(Closed, |()| Done),
            recv(idle) -> _ => unreachable!("nobody sends there"),
        },
        TrySend(value) => select! {
            send(tx, *value) -> sent => sent.map_or(Closed, |()| Done),
            default(A_WHILE) => Full,
        },
        Recv => select! {
            recv(rx) -> got => got.map_or(Closed, Value),
            recv(idle) -> _ => unreachable!("nobody sends there"),
        },
        TryRecv => select! {
            recv(rx) -> got => got.map_or(Closed, Value),
            default(A_WHILE) => Empty,
        },
        Close => plainly(ends, &Close),
    }
}

/// Makes a scenario of a channel against its specification; a close ends what still waits in the end.
fn channel(capacity: Option<usize>, spec: Fifo<u8>, form: Form) -> Scenario<Fifo<u8>, Ends> {
    let make = move || match capacity {
        Some(capacity) => bounded_with_segments(capacity, 1),
        None => unbounded_with_segments(1),
    };
    let apply = match form {
        Form::Plain => plainly,
        Form::Timed => timed,
        Form::Selected => selected,
    };
    Scenario::new("channel", spec, make, apply).finish(Close).checker(small_checks()).programs(12)
}

fn operations() -> impl Strategy<Value = FifoOp<u8>> {
    prop_oneof![any::<u8>().prop_map(Send), any::<u8>().prop_map(TrySend), Just(Recv), Just(TryRecv)]
}

#[test]
fn a_buffer_of_one_is_linearizable() {
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(Some(1), spec(Some(1)), form).check(operations());
    }
}

#[test]
fn a_buffer_of_two_is_linearizable() {
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(Some(2), spec(Some(2)), form).check(operations());
    }
}

#[test]
fn an_unbounded_channel_is_linearizable() {
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(None, spec(None), form).check(operations());
    }
}

#[test]
fn a_channel_that_is_closed_under_way_is_linearizable() {
    let operations = || prop_oneof![4 => operations(), 1 => Just(Close)];
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(Some(1), spec(Some(1)), form).check(operations());
        channel(None, spec(None), form).check(operations());
    }
}

/// A broken variant: a channel whose capacity is one more than it should be.
#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_channel_with_a_place_too_many_is_found() {
    for form in [Form::Plain, Form::Selected] {
        let failing = channel(Some(2), spec(Some(1)), form).programs(100).run(operations());
        assert!(failing.is_err(), "nobody noticed the second place");
    }
}

/// A send that is under way behind the buffer is no reason to make the buffer longer.
#[test]
#[cfg(feature = "shuttle")]
fn a_full_buffer_stays_full_for_every_caller() {
    use selvedge_check::{Checker, Engine, Primitives, Program, Strategy};
    let program = Program {
        first: vec![],
        threads: vec![
            vec![TrySend(143), TryRecv],
            vec![Send(76), TryRecv, Send(54)],
            vec![Send(31), TrySend(82)],
        ],
        last: vec![TryRecv],
    };
    let checker = Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .iterations(1_000)
        .engines([Engine::Shuttle(Strategy::Random)]);
    channel(Some(1), spec(Some(1)), Form::Selected).checker(checker).check_program(&program);
}

/// A caller that finds a buffer full, or empty, is right, whatever other operations have begun.
#[test]
#[cfg(feature = "shuttle")]
fn full_and_empty_are_told_as_they_are() {
    use selvedge_check::{Checker, Engine, Primitives, Program, Strategy};
    let programs = [
        vec![vec![TrySend(27), TryRecv], vec![TryRecv], vec![Send(2), TryRecv]],
        vec![vec![TrySend(27), TryRecv], vec![TrySend(28)], vec![Send(2)]],
    ];
    for threads in programs {
        let program = Program { first: vec![], threads, last: vec![TryRecv] };
        for form in [Form::Plain, Form::Timed, Form::Selected] {
            for strategy in [Strategy::Random, Strategy::Pct, Strategy::Urw] {
                let engine = Engine::Shuttle(strategy);
                let checker = Checker::new()
                    .primitives(Primitives::Real)
                    .ignore_environment()
                    .iterations(2_000)
                    .engines([engine]);
                channel(Some(1), spec(Some(1)), form).checker(checker).check_program(&program);
            }
        }
    }
}
