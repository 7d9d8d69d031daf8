//! First in, first out: channels and queues.

use super::{Guess, Spec, number_of};
use crate::history::Entry;
use core::fmt::Debug;
use core::hash::Hash;
use core::marker::PhantomData;
use std::collections::{BTreeSet, HashMap, VecDeque};

/// An operation on a queue or channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FifoOp<V> {
    /// Appends a value, and waits for room.
    Send(V),
    /// Takes the oldest value, and waits for one.
    Recv,
    /// Appends a value if there is room.
    TrySend(V),
    /// Takes the oldest value if there is one.
    TryRecv,
    /// Closes the queue: no value can be sent any more, and no operation waits.
    Close,
}

/// What an operation on a queue returned.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FifoAnswer<V> {
    /// Sent or closed.
    Done,
    /// This value came.
    Value(V),
    /// `try_send`: no room.
    Full,
    /// `try_recv`: no value.
    Empty,
    /// A send, or a second close, on a closed queue; a receive on one that is closed and empty.
    Closed,
}

/// A queue: bounded or not, blocking or not, closable.
///
/// ```
/// use selvedge_check::{History, spec::{Fifo, FifoAnswer::{Done, Value}, FifoOp::{Recv, Send}}};
///
/// let history = History::new();
/// history.record(Send(1), || Done);
/// history.record(Send(2), || Done);
/// history.record(Recv, || Value(2));
/// let error = history.check(&Fifo::unbounded()).unwrap_err();
/// assert!(error.to_string().contains("Recv"));
/// ```
#[derive(Clone, Debug)]
#[doc(alias = "Channel")]
pub struct Fifo<V> {
    capacity: Option<usize>,
    stale: bool,
    values: PhantomData<fn(V)>,
}

impl<V> Default for Fifo<V> {
    fn default() -> Fifo<V> {
        Fifo::unbounded()
    }
}

impl<V> Fifo<V> {
    /// Returns a queue with room for any number of values, as [`unbounded`](Self::unbounded) does.
    pub fn new() -> Fifo<V> {
        Fifo::unbounded()
    }

    /// Returns a queue with room for any number of values.
    pub fn unbounded() -> Fifo<V> {
        Fifo { capacity: None, stale: false, values: PhantomData }
    }

    /// Returns a queue with room for so many values.
    ///
    /// # Panics
    /// If `capacity` is 0: a rendezvous is no sequential object, its two sides complete each other.
    #[track_caller]
    pub fn bounded(capacity: usize) -> Fifo<V> {
        assert!(capacity > 0, "a rendezvous has no sequential specification; use capacities from 1");
        Fifo { capacity: Some(capacity), stale: false, values: PhantomData }
    }
}

impl<V> Fifo<V> {
    /// Allows `TrySend` to find no room, and `TryRecv` no value, though there is some, as an earlier state of the
    /// queue had it. A queue whose ends read each other's counters with Acquire and Release promises no more: each
    /// end may see an earlier state of the other, and both at once is no state of a sequential queue.
    #[must_use]
    pub fn stale(self) -> Fifo<V> {
        Fifo { stale: true, ..self }
    }
}

/// The values in a queue, and whether it is closed.
pub type FifoState<V> = (VecDeque<V>, bool);

impl<V: Clone + Eq + Hash + Debug> Spec for Fifo<V> {
    type State = FifoState<V>;
    type Operation = FifoOp<V>;
    type Answer = FifoAnswer<V>;

    fn initial(&self) -> FifoState<V> {
        (VecDeque::new(), false)
    }

    fn observes(&self, _operation: &FifoOp<V>, answer: &FifoAnswer<V>) -> bool {
        matches!(answer, FifoAnswer::Full | FifoAnswer::Empty | FifoAnswer::Closed)
    }

    fn apply(&self, (values, closed): &mut FifoState<V>, operation: &FifoOp<V>) -> Option<FifoAnswer<V>> {
        let has_room = self.capacity.is_none_or(|capacity| values.len() < capacity);
        match operation {
            FifoOp::Send(_) | FifoOp::TrySend(_) | FifoOp::Close if *closed => Some(FifoAnswer::Closed),
            FifoOp::Send(value) | FifoOp::TrySend(value) if has_room => {
                values.push_back(value.clone());
                Some(FifoAnswer::Done)
            }
            FifoOp::Send(_) => None,
            FifoOp::TrySend(_) => Some(FifoAnswer::Full),
            FifoOp::Close => {
                *closed = true;
                Some(FifoAnswer::Done)
            }
            FifoOp::Recv | FifoOp::TryRecv => match (values.pop_front(), operation) {
                (Some(value), _) => Some(FifoAnswer::Value(value)),
                (None, _) if *closed => Some(FifoAnswer::Closed),
                (None, FifoOp::TryRecv) => Some(FifoAnswer::Empty),
                (None, _) => None,
            },
        }
    }

    fn outcomes(&self, state: &FifoState<V>, operation: &FifoOp<V>) -> Vec<(FifoAnswer<V>, FifoState<V>)> {
        let mut after = state.clone();
        let now = self.apply(&mut after, operation).map(|answer| (answer, after));
        let before = match operation {
            FifoOp::TrySend(_) if self.stale && self.capacity.is_some() => Some(FifoAnswer::Full),
            FifoOp::TryRecv if self.stale => Some(FifoAnswer::Empty),
            _ => None,
        };
        let before = before.filter(|before| now.as_ref().is_none_or(|(answer, _)| answer != before));
        now.into_iter().chain(before.map(|answer| (answer, state.clone()))).collect()
    }

    fn group(&self, operation: &FifoOp<V>, answer: Option<&FifoAnswer<V>>) -> Option<u64> {
        match (operation, answer) {
            (FifoOp::Send(value) | FifoOp::TrySend(value), Some(FifoAnswer::Done) | None)
            | (_, Some(FifoAnswer::Value(value))) => Some(number_of(value)),
            (_, Some(FifoAnswer::Empty)) => Some(number_of(&"empty")),
            // Whether the queue is full or closed depends on operations that may be left out.
            _ => None,
        }
    }

    /// Values leave in the order in which they entered, so there is one order of values that fits both the
    /// sends and the receives, if the history has any. With it each operation has a deadline: its own
    /// return, or that of an operation on a later value. The earliest deadline goes first.
    fn guesses(&self, entries: &[Entry<FifoOp<V>, FifoAnswer<V>>]) -> Option<Vec<Guess>> {
        let mut pairs: HashMap<&V, Pair> = HashMap::new();
        for (at, entry) in entries.iter().enumerate() {
            let span = (entry.called, entry.returned.unwrap_or(u64::MAX));
            match (&entry.operation, &entry.answer) {
                (FifoOp::Send(value) | FifoOp::TrySend(value), Some(FifoAnswer::Done) | None) => {
                    let pair = pairs.entry(value).or_default();
                    if pair.sent.replace((span, at)).is_some() {
                        return None; // The value was sent twice, and its receives are not told apart.
                    }
                }
                (_, Some(FifoAnswer::Value(value))) => {
                    pairs.entry(value).or_default().received = Some((span, at));
                }
                _ => (),
            }
        }
        let pairs: Vec<Pair> = pairs.into_values().collect();
        Some(deadlines(&in_order(&pairs), entries))
    }
}

type Span = (u64, u64);

/// The send and the receive of one value: for each its time and its entry.
#[derive(Clone, Copy, Default)]
struct Pair {
    sent: Option<(Span, usize)>,
    received: Option<(Span, usize)>,
}

impl Pair {
    fn sent_at(&self) -> Span {
        self.sent.map_or((0, 0), |(span, _)| span)
    }

    /// Returns the time of the receive; a value that has not been received comes after all others.
    fn received_at(&self) -> Span {
        self.received.map_or((u64::MAX, u64::MAX), |(span, _)| span)
    }
}

/// Returns the values in an order that fits all sends and receives, as far as there is one. The values are picked one
/// by one: each is one that no send and no receive of the remaining values precedes, and of several such values the
/// most urgent.
fn in_order(pairs: &[Pair]) -> Vec<Pair> {
    let sorted = |key: fn(&Pair) -> u64| {
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_unstable_by_key(|at| key(&pairs[*at]));
        order.into_iter().peekable()
    };
    let mut sends = sorted(|pair| pair.sent_at().0);
    let (mut sent, mut received) = (sorted(|pair| pair.sent_at().1), sorted(|pair| pair.received_at().1));
    let mut picked = vec![false; pairs.len()];
    // `half_free` has the values whose send no other send precedes, by the call of their receive. `free` has those whose
    // receive no other receive precedes either, by the return of their send.
    let (mut half_free, mut free) = (BTreeSet::new(), BTreeSet::new());
    let mut order = Vec::new();
    while order.len() < pairs.len() {
        while sent.next_if(|at| picked[*at]).is_some() {}
        while received.next_if(|at| picked[*at]).is_some() {}
        let until = sent.peek().map_or(u64::MAX, |at| pairs[*at].sent_at().1);
        while let Some(at) = sends.next_if(|at| pairs[*at].sent_at().0 <= until) {
            half_free.insert((pairs[at].received_at().0, at));
        }
        let until = received.peek().map_or(u64::MAX, |at| pairs[*at].received_at().1);
        while let Some((_, at)) = half_free.first().copied().filter(|(called, _)| *called <= until) {
            half_free.pop_first();
            free.insert((pairs[at].sent_at().1, at));
        }
        let Some((_, at)) = free.pop_first().or_else(|| half_free.pop_first()) else { break };
        picked[at] = true;
        order.push(pairs[at]);
    }
    order
}

/// Returns for each entry its rank by deadline, and among equal deadlines by the order of values.
fn deadlines<V>(order: &[Pair], entries: &[Entry<FifoOp<V>, FifoAnswer<V>>]) -> Vec<Guess> {
    let own = |entry: &Entry<_, _>| (entry.returned.unwrap_or(u64::MAX), 0);
    let mut deadlines: Vec<(u64, usize)> = entries.iter().map(own).collect();
    let (mut send, mut receive) = (u64::MAX, u64::MAX);
    for (number, pair) in order.iter().enumerate().rev() {
        if let Some((_, at)) = pair.received {
            receive = receive.min(deadlines[at].0);
            deadlines[at] = (receive, number);
        }
        if let Some((_, at)) = pair.sent {
            send = send.min(deadlines[at].0).min(receive);
            deadlines[at] = (send, number);
        }
    }
    let mut by_deadline: Vec<usize> = (0..entries.len()).collect();
    by_deadline.sort_by_key(|at| deadlines[*at]);
    let mut guesses = vec![Guess { rank: 0, turn: None }; entries.len()];
    (0..).zip(by_deadline).for_each(|(rank, at)| guesses[at].rank = rank);
    let sends = order.iter().filter_map(|pair| pair.sent.map(|(_, at)| at));
    (0..).zip(sends).for_each(|(turn, at)| guesses[at].turn = Some(turn));
    guesses
}
