//! Programs drawn from operations: right structures pass, broken ones fail and shrink to what matters.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use quickcheck::{Arbitrary, Gen};
use selvedge::chan::{self, Receiver, Sender};
use selvedge::rt::sync::Mutex;
use selvedge::rt::sync::atomic::AtomicI64;
#[cfg(feature = "graph")]
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge_check::spec::CounterOp::{Add, Get};
use selvedge_check::spec::FifoAnswer::{Closed, Done, Empty, Full, Value};
use selvedge_check::spec::FifoOp::{self, Close, Recv, Send, TryRecv, TrySend};
use selvedge_check::spec::StackOp::{Pop, Push};
use selvedge_check::spec::{Counter, CounterOp, Fifo, Stack};
use selvedge_check::{Checker, Engine, Primitives, Program, Scenario};
use std::collections::VecDeque;

/// A channel: `recv` waits, so the program ends with a close. There is room for all values: with senders that
/// wait a close is not one moment, as `Sender::close` says.
fn channel() -> Scenario<Fifo<u8>, (Sender<u8>, Receiver<u8>)> {
    let make = || chan::bounded(16);
    Scenario::new("channel", Fifo::bounded(16), make, |(tx, rx), operation| match operation {
        Send(value) => tx.send(*value).map_or(Closed, |()| Done),
        TrySend(value) => match tx.try_send(*value) {
            Ok(()) => Done,
            Err(error) if error.is_full() => Full,
            Err(_) => Closed,
        },
        Recv => rx.recv().map_or(Closed, Value),
        TryRecv => rx.try_recv().map_or_else(|error| if error.is_empty() { Empty } else { Closed }, Value),
        Close => tx.close().map_or(Closed, |()| Done),
    })
    .finish(Close)
}

fn channel_operations() -> impl Strategy<Value = FifoOp<u8>> {
    prop_oneof![any::<u8>().prop_map(Send), any::<u8>().prop_map(TrySend), Just(Recv), Just(TryRecv)]
}

/// Few programs, shallow searches: this is about the scenario more than about the channel.
fn quick() -> Checker {
    Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .preemption_bound(Some(1))
        .iterations(20)
        .max_executions(300)
}

#[test]
fn a_channel_does_what_its_specification_says() {
    channel().checker(quick()).programs(25).check(channel_operations());
}

/// A queue behind a lock; broken: the newest of three or more values comes out first.
fn queue(broken: bool) -> Scenario<Fifo<u8>, Mutex<VecDeque<u8>>> {
    let make = || Mutex::new(VecDeque::new());
    Scenario::new("queue", Fifo::unbounded(), make, move |queue, operation| {
        let mut queue = queue.lock();
        match operation {
            TrySend(value) => {
                queue.push_back(*value);
                Done
            }
            _ if broken && queue.len() > 2 => queue.pop_back().map_or(Empty, Value),
            _ => queue.pop_front().map_or(Empty, Value),
        }
    })
    .checker(quick())
    .programs(200)
}

fn queue_operations() -> impl Strategy<Value = FifoOp<u8>> {
    prop_oneof![any::<u8>().prop_map(TrySend), Just(TryRecv)]
}

#[test]
fn a_queue_behind_a_lock_is_right() {
    queue(false).programs(10).check(queue_operations());
}

#[test]
fn a_broken_queue_shrinks_to_four_operations_and_the_smallest_values() {
    let failing = queue(true).run(queue_operations()).expect_err("it is broken");
    let program = &failing.program;
    let mut operations = program.first.clone();
    operations.extend(program.threads.concat());
    operations.extend(program.last.clone());
    assert_eq!(operations.len(), 4, "{failing}");
    let sent = |operation: &FifoOp<u8>| if let TrySend(value) = operation { Some(*value) } else { None };
    let mut values: Vec<u8> = operations.iter().filter_map(sent).collect();
    values.sort_unstable();
    assert!(values.len() == 3 && values[0] != values[2], "{failing}");
    // Real threads may miss the smallest ones on the way.
    #[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
    assert_eq!(values[2], 1, "{failing}");
    let text = failing.to_string();
    assert!(
        text.contains("fn queue_regression()")
            && text.contains("queue().check_program(&selvedge_check::Program {"),
        "{text}"
    );
}

/// Makes a counter that is read and written in two steps.
fn torn() -> Scenario<Counter, AtomicI64> {
    Scenario::new(
        "torn",
        Counter,
        || AtomicI64::new(0),
        |counter, operation: &CounterOp| {
            let before = counter.load(Acquire);
            if let Add(amount) = operation {
                counter.store(before + amount, Release);
            }
            before
        },
    )
    .checker(Checker::new().primitives(Primitives::Real).ignore_environment())
}

#[test]
fn an_interleaving_that_loses_an_addition_is_found_and_the_program_shrinks() {
    let operations = || prop_oneof![(1_i64..100).prop_map(Add), Just(Get)];
    let engines = Engine::available().into_iter().filter(|engine| *engine != Engine::Native);
    for engine in engines {
        let torn = torn()
            .checker(Checker::new().primitives(Primitives::Real).ignore_environment().engines([engine]));
        let failing = torn.run(operations()).expect_err("it is torn");
        let expected = Program { first: vec![], threads: vec![vec![Add(1)], vec![Add(1)]], last: vec![] };
        assert_eq!(failing.program, expected, "{failing}");
        let again = torn.run_program(&failing.program).expect_err("the test that it prints fails too");
        assert_eq!(again.report.engine, engine);
    }
}

/// Which of push and pop a thread may do is the thread's role.
#[test]
fn roles_are_kept() {
    let make = || Mutex::new((Vec::new(), None, None));
    let scenario = Scenario::new("roles", Stack::new(), make, |stack, operation| {
        let mut stack = stack.lock();
        let me = selvedge::rt::thread::current().id();
        let owner = if matches!(operation, Push(_)) { &mut stack.1 } else { &mut stack.2 };
        assert_eq!(*owner.get_or_insert(me), me, "somebody else plays this part");
        match operation {
            Push(value) => {
                stack.0.push(*value);
                None
            }
            Pop => stack.0.pop(),
        }
    });
    let scenario = scenario.checker(quick()).programs(10).first(0..=0).last(0..=0);
    scenario.check_roles([any::<u8>().prop_map(Push).boxed(), Just(Pop).boxed()]);
}

#[derive(Clone, Debug)]
enum Operation {
    Add(u8),
    Get,
}

/// The counter, its operations drawn by quickcheck.
struct SmallCounter;

impl selvedge_check::Spec for SmallCounter {
    type State = u32;
    type Operation = Operation;
    type Answer = u32;

    fn initial(&self) -> u32 {
        0
    }

    fn apply(&self, state: &mut u32, operation: &Operation) -> Option<u32> {
        let before = *state;
        if let Operation::Add(amount) = operation {
            *state += u32::from(*amount);
        }
        Some(before)
    }
}

impl Arbitrary for Operation {
    fn arbitrary(random: &mut Gen) -> Operation {
        if bool::arbitrary(random) { Operation::Add(u8::arbitrary(random)) } else { Operation::Get }
    }

    fn shrink(&self) -> Box<dyn Iterator<Item = Operation>> {
        match self {
            Operation::Add(amount) => Box::new(amount.shrink().map(Operation::Add)),
            Operation::Get => Box::new(core::iter::empty()),
        }
    }
}

#[test]
fn quickcheck_draws_and_shrinks_programs_too() {
    let scenario = |torn: bool| {
        let make = || selvedge::rt::sync::atomic::AtomicU32::new(0);
        Scenario::new("small", SmallCounter, make, move |counter, operation| match operation {
            Operation::Get => counter.load(Acquire),
            Operation::Add(amount) if torn => {
                let before = counter.load(Acquire);
                counter.store(before + u32::from(*amount), Release);
                before
            }
            Operation::Add(amount) => counter.fetch_add((*amount).into(), Release),
        })
        .checker(quick())
    };
    scenario(false).programs(20).check_arbitrary();
    #[cfg(feature = "shuttle")]
    {
        let engine = Engine::Shuttle(selvedge_check::Strategy::DepthFirst);
        let torn = scenario(true).checker(quick().engines([engine]));
        let failing = torn.run_arbitrary().expect_err("it is torn");
        assert_eq!((failing.program.operations(), failing.program.threads.len()), (2, 2), "{failing}");
        assert!(format!("{:?}", failing.program.threads).contains("Add(1)"), "{failing}");
    }
}

/// A wake-up that is forgotten is a deadlock, not hidden by the close at the end.
#[test]
#[cfg(feature = "shuttle")]
fn a_lost_wake_up_is_a_deadlock() {
    use selvedge_check::{Change, FailureKind, Mutation, Strategy::DepthFirst, site_of};
    let source = include_str!("../../primitives/src/chan/algorithm/send.rs");
    let mutation: Mutation =
        site_of(source, "primitives/src/chan/algorithm/send.rs", "wake-receiver", Change::DropUnpark)
            .expect("the site exists");
    let checker = quick().engines([Engine::Shuttle(DepthFirst)]).mutate(mutation);
    let failing = channel().checker(checker).run(channel_operations()).expect_err("nobody is woken");
    let failure = failing.report.verdict.failure().expect("a failure");
    assert_eq!(failure.failure.kind, FailureKind::Deadlock, "{failing}");
    assert_eq!(failing.program.operations(), 2, "{failing}");
}

/// What shows in answers only by the memory model: a stale read after the write has been seen.
#[test]
#[cfg(feature = "graph")]
fn an_ordering_that_is_too_weak_shows_in_the_answers() {
    use selvedge::rt::sync::atomic::{AtomicBool, AtomicU32};
    // Values come out of a slot that is full: they must be those that went in.
    let slot = |publish| {
        let make = || (AtomicU32::new(0), AtomicBool::new(false));
        Scenario::new("slot", Fifo::unbounded(), make, move |(value, full), operation| match operation {
            TrySend(new) => {
                value.store(*new, Relaxed);
                full.store(true, publish);
                Done
            }
            _ if full.load(Acquire) => {
                full.store(false, Relaxed);
                Value(value.load(Relaxed))
            }
            _ => Empty,
        })
        .checker(Checker::new().primitives(Primitives::Real).ignore_environment().engines([Engine::Graph]))
    };
    let program = Program { first: vec![], threads: vec![vec![TrySend(7)], vec![TryRecv]], last: vec![] };
    slot(Release).check_program(&program);
    let failing = slot(Relaxed).run_program(&program).expect_err("the value is not published");
    assert!(failing.to_string().contains("TryRecv → Value(0)"), "{failing}");
}
