//! A queue whose operations never wait, with the answers of Rust's queues: a [`Fifo`] in fewer words.

use super::{Fifo, FifoAnswer, FifoOp, FifoState, Guess, Spec};
use crate::history::Entry;
use core::fmt::Debug;
use core::hash::Hash;

/// An operation on a queue that never waits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum QueueOp<V> {
    /// Appends a value; answers `None`, or `Some` with the value if there is no room, as `push(value).err()` does.
    Push(V),
    /// Takes the oldest value, if there is one.
    Pop,
}

/// A queue whose operations never wait: first in, first out. Where operations wait, or the queue can be closed, the
/// specification is [`Fifo`].
///
/// ```
/// use selvedge::rt::{sync::Mutex, thread};
/// use selvedge_check::{History, spec::{Queue, QueueOp::{Pop, Push}}};
///
/// selvedge_check::check(|| {
///     let (queue, history) = (Mutex::new(Vec::new()), History::new());
///     let push = |value| history.record(Push(value), || {
///         queue.lock().push(value);
///         None
///     });
///     thread::scope(|scope| {
///         scope.spawn(|| push(1));
///         push(2);
///     });
///     history.record(Pop, || Some(queue.lock().remove(0)));
///     history.check(&Queue::new()).unwrap();
/// });
/// ```
#[derive(Clone, Debug)]
pub struct Queue<V>(Fifo<V>);

impl<V> Queue<V> {
    /// Returns an empty queue with room for any number of values.
    pub fn new() -> Queue<V> {
        Queue(Fifo::unbounded())
    }

    /// Returns an empty queue with room for so many values.
    ///
    /// # Panics
    /// If `capacity` is 0.
    #[track_caller]
    pub fn bounded(capacity: usize) -> Queue<V> {
        Queue(Fifo::bounded(capacity))
    }

    /// Allows a `Push` to find no room, and a `Pop` to find nothing, though there is some, as [`Fifo::stale`] does.
    #[must_use]
    pub fn stale(self) -> Queue<V> {
        Queue(self.0.stale())
    }
}

impl<V> Default for Queue<V> {
    fn default() -> Queue<V> {
        Queue::new()
    }
}

fn as_fifo<V: Clone>(operation: &QueueOp<V>) -> FifoOp<V> {
    match operation {
        QueueOp::Push(value) => FifoOp::TrySend(value.clone()),
        QueueOp::Pop => FifoOp::TryRecv,
    }
}

fn answer_as_fifo<V: Clone>(operation: &QueueOp<V>, answer: &Option<V>) -> FifoAnswer<V> {
    match (operation, answer) {
        (QueueOp::Push(_), None) => FifoAnswer::Done,
        (QueueOp::Push(_), Some(_)) => FifoAnswer::Full,
        (QueueOp::Pop, Some(value)) => FifoAnswer::Value(value.clone()),
        (QueueOp::Pop, None) => FifoAnswer::Empty,
    }
}

fn answer_of_fifo<V: Clone>(operation: &QueueOp<V>, answer: FifoAnswer<V>) -> Option<V> {
    match (answer, operation) {
        (FifoAnswer::Value(value), _) => Some(value),
        (FifoAnswer::Full, QueueOp::Push(value)) => Some(value.clone()),
        _ => None,
    }
}

impl<V: Clone + Eq + Hash + Debug> Spec for Queue<V> {
    type State = FifoState<V>;
    type Operation = QueueOp<V>;
    type Answer = Option<V>;

    fn initial(&self) -> FifoState<V> {
        self.0.initial()
    }

    fn observes(&self, operation: &QueueOp<V>, answer: &Option<V>) -> bool {
        self.0.observes(&as_fifo(operation), &answer_as_fifo(operation, answer))
    }

    fn apply(&self, state: &mut FifoState<V>, operation: &QueueOp<V>) -> Option<Option<V>> {
        let answer = self.0.apply(state, &as_fifo(operation))?;
        Some(answer_of_fifo(operation, answer))
    }

    fn outcomes(&self, state: &FifoState<V>, operation: &QueueOp<V>) -> Vec<(Option<V>, FifoState<V>)> {
        let outcomes = self.0.outcomes(state, &as_fifo(operation)).into_iter();
        outcomes.map(|(answer, after)| (answer_of_fifo(operation, answer), after)).collect()
    }

    fn group(&self, operation: &QueueOp<V>, answer: Option<&Option<V>>) -> Option<u64> {
        let answer = answer.map(|answer| answer_as_fifo(operation, answer));
        self.0.group(&as_fifo(operation), answer.as_ref())
    }

    fn guesses(&self, entries: &[Entry<QueueOp<V>, Option<V>>]) -> Option<Vec<Guess>> {
        let as_fifo = |entry: &Entry<QueueOp<V>, Option<V>>| {
            let answer = entry.answer.as_ref().map(|answer| answer_as_fifo(&entry.operation, answer));
            let mut same = Entry::called(entry.thread, as_fifo(&entry.operation), entry.called);
            (same.answer, same.returned) = (answer, entry.returned);
            same
        };
        self.0.guesses(&entries.iter().map(as_fifo).collect::<Vec<_>>())
    }
}
