//! Histories: the operations of threads on an object with its answers, and the decision whether a specification allows
//! them.

mod explain;
mod fairness;
mod order;
mod search;
mod transfers;

pub use explain::Violation;
pub use fairness::Fairness;
pub use order::Criterion;
pub use transfers::{Transfer, Transfers};

use crate::Spec;
use search::{Decision, Effort};
use selvedge::rt::seam::{self, Moment, Timeline};
use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// One operation of a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<O, A> {
    /// The thread, numbered in order of first appearance.
    pub thread: usize,
    /// The operation, with its arguments.
    pub operation: O,
    /// The answer, or `None` if the operation has not returned.
    pub answer: Option<A>,
    /// The time of the call: calls and returns are counted together.
    pub called: u64,
    /// The time of the return.
    pub returned: Option<u64>,
    /// For each thread, how many of its operations had returned before the call; `None` if the times tell.
    before: Option<Vec<u32>>,
}

impl<O, A> Entry<O, A> {
    /// Returns the entry of an operation recorded elsewhere, as in a log, that was called at `time`. Times may have
    /// any unit, and all of them differ.
    pub fn called(thread: usize, operation: O, time: u64) -> Entry<O, A> {
        Entry { thread, operation, answer: None, called: time, returned: None, before: None }
    }

    /// Returns the entry with the operation's return.
    ///
    /// # Panics
    /// If `time` is not after the call.
    #[track_caller]
    pub fn returned(self, answer: A, time: u64) -> Entry<O, A> {
        assert!(time > self.called, "an operation returns after it is called, not at {time}");
        Entry { answer: Some(answer), returned: Some(time), ..self }
    }
}

/// The identity of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Who {
    Model(usize),
    Real(ThreadId),
}

#[derive(Debug)]
struct Record<O, A> {
    entries: Vec<Entry<O, A>>,
    threads: HashMap<Who, usize>,
    /// For each thread the moments at which its operations returned.
    returns: Vec<Vec<Moment>>,
    time: u64,
}

/// Records the operations of concurrent threads.
///
/// A model makes a history for each execution, and shares it by reference. No engine sees the recording, so it costs no
/// interleavings and orders nothing. One operation precedes another natively and under shuttle by time, under the graph
/// engine by happens-before, and under loom only by program order and by the start and the end of threads: there a
/// history that [`check`](Self::check) accepts is sequentially consistent, not necessarily linearizable.
///
/// ```
/// use selvedge::rt::{sync::atomic::{AtomicI64, Ordering::Relaxed}, thread};
/// use selvedge_check::{History, spec::{Counter, CounterOp}};
///
/// selvedge_check::check(|| {
///     let (counter, history) = (AtomicI64::new(0), History::new());
///     let add = || history.record(CounterOp::Add(1), || counter.fetch_add(1, Relaxed));
///     thread::scope(|scope| {
///         scope.spawn(add);
///         add();
///     });
///     history.check(&Counter).unwrap();
/// });
/// ```
#[derive(Debug)]
pub struct History<O, A>(Mutex<Record<O, A>>);

impl<O, A> Default for History<O, A> {
    fn default() -> History<O, A> {
        History(Mutex::new(Record {
            entries: Vec::new(),
            threads: HashMap::new(),
            returns: Vec::new(),
            time: 0,
        }))
    }
}

impl<O: Clone + Debug, A: Clone + Debug> History<O, A> {
    /// Returns an empty history.
    pub fn new() -> History<O, A> {
        History::default()
    }

    /// Returns a history that was recorded elsewhere. The operations of one thread must not overlap.
    pub fn of(entries: impl IntoIterator<Item = Entry<O, A>>) -> History<O, A> {
        let history = History::default();
        {
            let mut record: MutexGuard<'_, Record<O, A>> = history.lock();
            record.entries = entries.into_iter().collect();
            record.entries.sort_by_key(|entry| entry.called);
            let times = record.entries.iter().map(|entry| entry.returned.unwrap_or(entry.called));
            record.time = times.max().map_or(0, |time| time + 1);
        }
        history
    }

    fn lock(&self) -> MutexGuard<'_, Record<O, A>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Performs an operation of the current thread, records it, and returns the answer.
    pub fn record(&self, operation: O, perform: impl FnOnce() -> A) -> A {
        let number = self.call(operation);
        let answer = perform();
        self.answer(number, answer.clone());
        answer
    }

    /// Records that the current thread calls an operation, and returns its number.
    pub(crate) fn call(&self, operation: O) -> usize {
        let who = match seam::this_thread() {
            Some(thread) => Who::Model(thread),
            None => Who::Real(std::thread::current().id()),
        };
        let by_time = seam::timeline() == Timeline::RealTime;
        let mut record = self.lock();
        let fresh = record.threads.len();
        let thread = *record.threads.entry(who).or_insert(fresh);
        if thread == record.returns.len() {
            record.returns.push(Vec::new());
        }
        let before = (!by_time).then(|| {
            let earlier = |moments: &Vec<Moment>| moments.partition_point(|at| seam::is_before_now(*at));
            record.returns.iter().map(|moments| earlier(moments) as u32).collect()
        });
        let called = record.time;
        record.time += 1;
        record.entries.push(Entry { thread, operation, answer: None, called, returned: None, before });
        record.entries.len() - 1
    }

    /// Records that operation `number`, of the current thread, returns.
    pub(crate) fn answer(&self, number: usize, answer: A) {
        let moment = seam::moment();
        let mut record = self.lock();
        let time = record.time;
        record.time += 1;
        let entry = &mut record.entries[number];
        entry.answer = Some(answer);
        entry.returned = Some(time);
        let thread = entry.thread;
        record.returns[thread].extend(moment);
    }

    /// Returns the operations so far, in the order of their calls.
    pub fn entries(&self) -> Vec<Entry<O, A>> {
        self.lock().entries.clone()
    }

    /// Decides whether the history is linearizable: whether each operation has a moment between its call and its
    /// return such that the operations, performed at these moments one after another, answer as `spec` says. An
    /// operation that has not returned may have happened or not.
    ///
    /// # Errors
    /// Fails with the operation that has no place and the smallest part found of the history that shows it, or if the
    /// search was given up undecided.
    pub fn check<S>(&self, spec: &S) -> Result<(), Violation>
    where
        S: Spec<Operation = O, Answer = A>,
    {
        self.check_by(Criterion::Linearizable, spec)
    }

    /// Decides as [`check`](Self::check) does, by another criterion.
    ///
    /// # Errors
    /// Fails where [`check`](Self::check) does, if no order fits the criterion.
    pub fn check_by<S>(&self, criterion: Criterion, spec: &S) -> Result<(), Violation>
    where
        S: Spec<Operation = O, Answer = A>,
    {
        check_entries(&self.entries(), criterion, spec)
    }

    /// Returns the values that went in and came out, for checks that are cheaper than a specification. `transfer`
    /// says what an operation with this answer has moved.
    pub fn transfers<V>(&self, transfer: impl Fn(&O, &A) -> Option<Transfer<V>>) -> Transfers<V> {
        Transfers::new(&self.entries(), transfer)
    }

    /// Returns figures on how evenly the threads were served.
    pub fn fairness(&self) -> Fairness {
        Fairness::of(&self.entries())
    }
}

/// Decides recorded entries, part by part.
///
/// # Errors
/// Fails where [`History::check`] does.
pub(crate) fn check_entries<S: Spec>(
    entries: &[Entry<S::Operation, S::Answer>],
    criterion: Criterion,
    spec: &S,
) -> Result<(), Violation> {
    let mut parts: Vec<(u64, Vec<usize>)> = Vec::new();
    let mut known: HashMap<u64, usize> = HashMap::new();
    for (at, entry) in entries.iter().enumerate() {
        let part = spec.part(&entry.operation);
        let index = *known.entry(part).or_insert_with(|| {
            parts.push((part, Vec::new()));
            parts.len() - 1
        });
        parts[index].1.push(at);
    }
    parts.iter().try_for_each(|(_, chosen)| check_part(entries, chosen, criterion, spec))
}

/// Decides one part: by a search that trusts the specification's guesses, then by a proof from few operations
/// that it cannot be, then by a search that tries everything.
fn check_part<S: Spec>(
    entries: &[Entry<S::Operation, S::Answer>],
    chosen: &[usize],
    criterion: Criterion,
    spec: &S,
) -> Result<(), Violation> {
    for effort in [Effort::Guided, Effort::Full] {
        let (culprit, decided) = match search::decide(entries, chosen, criterion, spec, effort) {
            Decision::Yes => return Ok(()),
            Decision::No { culprit } => (culprit, true),
            Decision::Unknown { culprit } => (culprit, false),
        };
        let proof = explain::proof(entries, chosen, culprit, criterion, spec);
        if decided || proof.is_some() {
            return Err(explain::violation(entries, chosen, culprit, criterion, proof));
        }
    }
    Err(explain::undecided(chosen.len()))
}

/// Returns whether some order of the operations that have returned leaves every other operation blocked.
pub(crate) fn may_be_stuck<S: Spec>(entries: &[Entry<S::Operation, S::Answer>], spec: &S) -> bool {
    let all: Vec<usize> = (0..entries.len()).collect();
    search::is_stuck(entries, &all, spec)
}
