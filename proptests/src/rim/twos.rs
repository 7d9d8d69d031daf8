//! Selects over two channels, of which the answers must be those of two queues.

use super::drive::headline;
use super::smaller::{Smaller, smaller_lists};
use core::fmt;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::Strategy;
use selvedge::chan::{Receiver, Select, Sender, bounded_with_segments};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, History, Primitives, Spec, Strategy as Way};
use std::collections::VecDeque;
use std::sync::Arc;

/// An operation on two channels that have room for all values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `send`
    Send(usize),
    /// `try_recv`
    TryRecv(usize),
    /// `try_select` of two receives
    TrySelect,
    /// `select_timeout` of two receives with no time
    Timed,
}

/// Two queues.
struct Queues;

impl Spec for Queues {
    type State = [VecDeque<usize>; 2];
    type Operation = (Operation, usize);
    /// The channel and the value; or that nothing came.
    type Answer = Option<(usize, usize)>;

    fn initial(&self) -> Self::State {
        [VecDeque::new(), VecDeque::new()]
    }

    fn apply(&self, state: &mut Self::State, operation: &Self::Operation) -> Option<Self::Answer> {
        self.outcomes(state, operation).pop().map(|(answer, after)| {
            *state = after;
            answer
        })
    }

    fn outcomes(&self, state: &Self::State, operation: &Self::Operation) -> Vec<(Self::Answer, Self::State)> {
        let receive = |channel: usize| {
            let mut after = state.clone();
            after[channel].pop_front().map(|value| (Some((channel, value)), after))
        };
        let nothing = || vec![(None, state.clone())];
        let any = |found: Vec<_>| if found.is_empty() { nothing() } else { found };
        match *operation {
            (Operation::Send(channel), value) => {
                let mut after = state.clone();
                after[channel].push_back(value);
                vec![(None, after)]
            }
            (Operation::TryRecv(channel), _) => any(receive(channel).into_iter().collect()),
            (Operation::TrySelect | Operation::Timed, _) => any((0..2).filter_map(receive).collect()),
        }
    }
}

/// What comes first, and what two or three threads do.
#[derive(Clone)]
pub struct Program {
    first: Vec<Operation>,
    threads: Vec<Vec<Operation>>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  first {:?}", self.first)?;
        self.threads.iter().try_for_each(|thread| writeln!(f, "  thread {thread:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let threads = smaller_lists(&self.threads, |thread| smaller_lists(thread, |_| Vec::new()));
        let threads = threads.into_iter().map(|threads| Program { threads, first: self.first.clone() });
        let first = smaller_lists(&self.first, |_| Vec::new()).into_iter();
        threads.chain(first.map(|first| Program { first, threads: self.threads.clone() })).collect()
    }
}

/// Programs of two or three threads.
pub fn programs() -> impl Strategy<Value = Program> {
    let operation = (0..5_usize, any::<bool>()).prop_map(|(which, other)| match which {
        0 | 1 => Operation::Send(other.into()),
        2 => Operation::TryRecv(other.into()),
        3 => Operation::Timed,
        _ => Operation::TrySelect,
    });
    let first = one_of(vec![Operation::Send(0), Operation::Send(1)]);
    (vec(first, 0..3), vec(vec(operation, 1..4), 2..4))
        .prop_map(|(first, threads)| Program { first, threads })
}

type Channel = (Sender<usize>, Receiver<usize>);

fn perform(channels: &[Channel; 2], operation: Operation, value: usize) -> Option<(usize, usize)> {
    let mut select = Select::new();
    for (_, rx) in channels {
        select.recv(rx);
    }
    let selected = match operation {
        Operation::Send(channel) => {
            channels[channel].0.send(value).expect("it is open");
            return None;
        }
        Operation::TryRecv(channel) => {
            return channels[channel].1.try_recv().ok().map(|value| (channel, value));
        }
        Operation::TrySelect => select.try_select().ok(),
        Operation::Timed => select.select_timeout(Duration::ZERO).ok(),
    };
    selected.map(|operation| {
        let channel = operation.index();
        (channel, operation.recv(&channels[channel].1).expect("it was chosen"))
    })
}

fn body(program: &Program) {
    let channels = [(); 2].map(|()| bounded_with_segments(16, 2));
    let history = Arc::new(History::new());
    let follow = |thread: usize, operations: &[Operation]| {
        for (at, operation) in operations.iter().enumerate() {
            let value = 10 * thread + at + 1;
            history.record((*operation, value), || perform(&channels, *operation, value));
        }
    };
    follow(0, &program.first);
    thread::scope(|scope| {
        for (number, operations) in program.threads.iter().enumerate() {
            let follow = &follow;
            scope.spawn(move || follow(number + 1, operations));
        }
    });
    if let Err(violation) = history.check(&Queues) {
        panic!("{violation}");
    }
}

/// Runs a program under every engine.
///
/// # Panics
/// With the first report of a failure.
pub fn run(program: &Program) -> isize {
    let mut engines = vec![Engine::Native];
    if cfg!(feature = "shuttle") {
        engines.extend([Way::Random, Way::Pct, Way::DepthFirst].map(Engine::Shuttle));
    }
    if cfg!(feature = "graph") {
        engines.push(Engine::Graph);
    }
    let theirs = program.clone();
    let checker = Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .name("twos")
        .shrink(false)
        .iterations(50);
    let checker = checker.engines(engines).preemption_bound(Some(2)).max_executions(200);
    for report in checker.run(move || body(&theirs)) {
        assert!(report.verdict.failure().is_none(), "{}", headline(&report));
    }
    isize::MAX // the engines look after memory
}
