//! Cheap checks of the values that go in and come out. They are necessary for a queue, not sufficient.

use super::Entry;
use core::fmt::Debug;
use core::hash::Hash;
use std::collections::HashMap;

/// What an operation moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer<V> {
    /// A value went in.
    In(V),
    /// A value came out.
    Out(V),
}

/// One transfer: its value, thread, call and return.
#[derive(Clone, Debug)]
struct Moved<V> {
    value: V,
    thread: usize,
    called: u64,
    returned: u64,
}

/// The values that went into an object and came out of it. Each check takes time nearly linear in their number.
///
/// ```
/// use selvedge_check::{History, Transfer, spec::{FifoAnswer, FifoOp}};
///
/// let history = History::new();
/// history.record(FifoOp::Send(1), || FifoAnswer::Done);
/// history.record(FifoOp::Recv, || FifoAnswer::Value(1));
/// let transfers = history.transfers(|operation, answer| match (operation, answer) {
///     (FifoOp::Send(value), FifoAnswer::Done) => Some(Transfer::In(*value)),
///     (_, FifoAnswer::Value(value)) => Some(Transfer::Out(*value)),
///     _ => None,
/// });
/// transfers.exactly_once().unwrap();
/// transfers.fifo().unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Transfers<V> {
    ins: Vec<Moved<V>>,
    outs: Vec<Moved<V>>,
}

impl<V> Transfers<V> {
    pub(super) fn new<O, A>(
        entries: &[Entry<O, A>],
        transfer: impl Fn(&O, &A) -> Option<Transfer<V>>,
    ) -> Transfers<V> {
        let (mut ins, mut outs) = (Vec::new(), Vec::new());
        for entry in entries {
            let (Some(answer), Some(returned)) = (&entry.answer, entry.returned) else { continue };
            let (thread, called) = (entry.thread, entry.called);
            match transfer(&entry.operation, answer) {
                Some(Transfer::In(value)) => ins.push(Moved { value, thread, called, returned }),
                Some(Transfer::Out(value)) => outs.push(Moved { value, thread, called, returned }),
                None => (),
            }
        }
        Transfers { ins, outs }
    }
}

impl<V: Eq + Hash + Debug> Transfers<V> {
    fn counts(moved: &[Moved<V>]) -> HashMap<&V, usize> {
        let mut counts = HashMap::new();
        moved.iter().for_each(|moved| *counts.entry(&moved.value).or_default() += 1);
        counts
    }

    /// Checks that no value comes out more often than it went in: none is doubled or made up.
    ///
    /// # Errors
    /// Fails with a value that does.
    pub fn at_most_once(&self) -> Result<(), String> {
        let ins = Self::counts(&self.ins);
        for (value, out) in Self::counts(&self.outs) {
            let put = ins.get(value).copied().unwrap_or(0);
            if out > put {
                return Err(format!("{value:?} went in {put} times and came out {out} times"));
            }
        }
        Ok(())
    }

    /// Checks that each value comes out as often as it went in, of an object that is empty at the end.
    ///
    /// # Errors
    /// Fails with a value that was lost, doubled or made up.
    pub fn exactly_once(&self) -> Result<(), String> {
        self.conserved(&[])
    }

    /// Checks conservation: each value comes out as often as it went in, except those in `left`, which are still inside.
    ///
    /// # Errors
    /// Fails with a value that was lost, doubled or made up.
    pub fn conserved(&self, left: &[V]) -> Result<(), String> {
        let (ins, mut outs) = (Self::counts(&self.ins), Self::counts(&self.outs));
        left.iter().for_each(|value| *outs.entry(value).or_default() += 1);
        let all = ins.keys().chain(outs.keys());
        let number = |counts: &HashMap<&V, usize>, value: &V| counts.get(value).copied().unwrap_or(0);
        for value in all {
            let (put, out) = (number(&ins, value), number(&outs, value));
            if put != out {
                return Err(format!("{value:?} went in {put} times, and came out or is left {out} times"));
            }
        }
        Ok(())
    }

    /// Checks that each receiver gets the values of each sender in the order of the sends. All values must differ.
    ///
    /// # Errors
    /// Fails with two values in the wrong order.
    pub fn in_producer_order(&self) -> Result<(), String> {
        let mut numbers = HashMap::new();
        let mut sent: HashMap<usize, usize> = HashMap::new();
        for moved in &self.ins {
            let number = sent.entry(moved.thread).or_default();
            numbers.insert(&moved.value, (moved.thread, *number));
            *number += 1;
        }
        let mut last: HashMap<(usize, usize), (usize, &V)> = HashMap::new();
        for moved in &self.outs {
            let Some((sender, number)) = numbers.get(&moved.value).copied() else { continue };
            let before = last.insert((moved.thread, sender), (number, &moved.value));
            if let Some((_, earlier)) = before.filter(|(earlier, _)| *earlier > number) {
                let (value, receiver) = (&moved.value, moved.thread);
                return Err(format!(
                    "thread {receiver} received {earlier:?} before {value:?}, which thread {sender} sent first"
                ));
            }
        }
        Ok(())
    }

    /// Checks first in, first out, by the times of the history. If the send of one value returned before the send of a
    /// second was called, the receive of the second does not return before the receive of the first is called, nor is
    /// the second received while the first never is. All values must differ.
    ///
    /// # Errors
    /// Fails with two values in the wrong order.
    pub fn fifo(&self) -> Result<(), String> {
        let outs: HashMap<&V, &Moved<V>> = self.outs.iter().map(|moved| (&moved.value, moved)).collect();
        let received =
            |sent: &Moved<V>| outs.get(&sent.value).map_or((u64::MAX, u64::MAX), |o| (o.called, o.returned));
        // `latest` is the latest call of a receive, of the values whose sends have returned so far.
        let mut by_return: Vec<&Moved<V>> = self.ins.iter().collect();
        by_return.sort_by_key(|sent| sent.returned);
        let mut by_call: Vec<&Moved<V>> = self.ins.iter().collect();
        by_call.sort_by_key(|sent| sent.called);
        let mut earlier = by_return.into_iter().peekable();
        let mut latest: Option<(u64, &V)> = None;
        for second in by_call {
            while let Some(first) = earlier.next_if(|first| first.returned < second.called) {
                let begins = received(first).0;
                if latest.is_none_or(|(other, _)| begins > other) {
                    latest = Some((begins, &first.value));
                }
            }
            let (begins, ends) = received(second);
            if let Some((_, first)) = latest.filter(|(first, _)| begins != u64::MAX && ends < *first) {
                let second = &second.value;
                return Err(format!(
                    "{first:?} was sent before {second:?}, and {second:?} was received first"
                ));
            }
        }
        Ok(())
    }
}
