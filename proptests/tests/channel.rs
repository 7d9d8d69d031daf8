//! Channels do what their sequential specification says, in every form of the operations: plain, timed, by `select!`
//! and as futures.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use selvedge::chan::{Receiver, Sender, TryRecvError, TrySendError};
use selvedge::chan::{bounded_with_segments, select, unbounded_with_segments};
use selvedge_check::spec::FifoAnswer::{self, Closed, Done, Empty, Full, Value};
use selvedge_check::spec::FifoOp::{self, Close, Recv, Send, TryRecv, TrySend};
use selvedge_check::spec::{Fifo, FifoState, Guess, Spec};
use selvedge_check::{Entry, Scenario};
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

/// How many selects of other threads can be about to bring their values: a program has at most three threads.
const OTHERS: usize = 2;

type Ends = (Sender<u8>, Receiver<u8>);

/// A channel, and how many values it may hold beyond its capacity. The place of a send that a select has chosen may be taken
/// before the value comes; the value is sent then beyond the capacity, as the guarantees of `chan` say. So where selects
/// send, the buffer may come to hold one value more for each of them that began beside the others.
#[derive(Clone)]
struct Queue {
    fifo: Fifo<u8>,
    capacity: Option<usize>,
    beyond: usize,
}

impl Queue {
    fn new(capacity: Option<usize>, form: Form) -> Queue {
        let fifo = capacity.map_or_else(Fifo::unbounded, Fifo::bounded);
        let beyond = if matches!(form, Form::Selected) { OTHERS } else { 0 };
        Queue { fifo, capacity, beyond }
    }

    fn goes_beyond(&self, (values, is_closed): &FifoState<u8>) -> bool {
        let places = self.capacity.map(|capacity| capacity..capacity + self.beyond);
        !is_closed && places.is_some_and(|places| places.contains(&values.len()))
    }
}

impl Spec for Queue {
    type State = FifoState<u8>;
    type Operation = FifoOp<u8>;
    type Answer = FifoAnswer<u8>;

    fn initial(&self) -> FifoState<u8> {
        self.fifo.initial()
    }

    fn apply(&self, state: &mut FifoState<u8>, operation: &FifoOp<u8>) -> Option<FifoAnswer<u8>> {
        self.fifo.apply(state, operation)
    }

    fn outcomes(
        &self,
        state: &FifoState<u8>,
        operation: &FifoOp<u8>,
    ) -> Vec<(FifoAnswer<u8>, FifoState<u8>)> {
        let mut outcomes = self.fifo.outcomes(state, operation);
        if let Send(value) | TrySend(value) = operation
            && self.goes_beyond(state)
        {
            let mut after = state.clone();
            after.0.push_back(*value);
            outcomes.push((Done, after));
        }
        outcomes
    }

    fn may_wait(&self, state: &FifoState<u8>, operation: &FifoOp<u8>) -> bool {
        self.fifo.may_wait(state, operation)
    }

    fn observes(&self, operation: &FifoOp<u8>, answer: &FifoAnswer<u8>) -> bool {
        self.fifo.observes(operation, answer)
    }

    fn group(&self, operation: &FifoOp<u8>, answer: Option<&FifoAnswer<u8>>) -> Option<u64> {
        self.fifo.group(operation, answer)
    }

    fn guesses(&self, entries: &[Entry<FifoOp<u8>, FifoAnswer<u8>>]) -> Option<Vec<Guess>> {
        self.fifo.guesses(entries)
    }
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
fn channel(capacity: Option<usize>, spec: Queue, form: Form) -> Scenario<Queue, Ends> {
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
        channel(Some(1), Queue::new(Some(1), form), form).check(operations());
    }
}

#[test]
fn a_buffer_of_two_is_linearizable() {
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(Some(2), Queue::new(Some(2), form), form).check(operations());
    }
}

#[test]
fn an_unbounded_channel_is_linearizable() {
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(None, Queue::new(None, form), form).check(operations());
    }
}

#[test]
fn a_channel_that_is_closed_under_way_is_linearizable() {
    let operations = || prop_oneof![4 => operations(), 1 => Just(Close)];
    for form in [Form::Plain, Form::Timed, Form::Selected] {
        channel(Some(1), Queue::new(Some(1), form), form).check(operations());
        channel(None, Queue::new(None, form), form).check(operations());
    }
}

/// A broken variant: a channel whose capacity is one more than it should be.
#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_channel_with_a_place_too_many_is_found() {
    let failing =
        channel(Some(2), Queue::new(Some(1), Form::Plain), Form::Plain).programs(100).run(operations());
    assert!(failing.is_err(), "nobody noticed the second place");
    let beyond = channel(Some(2 + OTHERS), Queue::new(Some(1), Form::Selected), Form::Selected);
    assert!(
        beyond.programs(100).run(operations()).is_err(),
        "nobody noticed one more than selects can bring"
    );
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
    channel(Some(1), Queue::new(Some(1), Form::Selected), Form::Selected)
        .checker(checker)
        .check_program(&program);
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
                channel(Some(1), Queue::new(Some(1), form), form).checker(checker).check_program(&program);
            }
        }
    }
}
