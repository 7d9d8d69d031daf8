//! Histories and their decision, against brute force and by example.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these tests are no models")]

use selvedge_check::spec::FifoAnswer::{Closed, Done, Empty, Full, Value};
use selvedge_check::spec::FifoOp::{Close, Recv, Send, TryRecv, TrySend};
use selvedge_check::spec::{
    self, Fifo, FifoAnswer, FifoOp, MapOp, PoolOp, Queue, QueueOp, RegisterOp, StackOp,
};
use selvedge_check::{Criterion, Entry, History, Spec, Transfer};
use std::collections::VecDeque;

fn entry<O, A>(thread: usize, operation: O, answer: A, called: u64, returned: u64) -> Entry<O, A> {
    Entry::called(thread, operation, called).returned(answer, returned)
}

fn judge<S: Spec>(spec: &S, entries: Vec<Entry<S::Operation, S::Answer>>) -> bool {
    let judged = History::of(entries).check(spec);
    assert!(judged.as_ref().err().is_none_or(|violation| violation.decided), "{judged:?}");
    judged.is_ok()
}

/// Returns whether the specification allows a sequence of operations with these answers.
fn in_sequence<S: Spec>(spec: &S, steps: Vec<(S::Operation, S::Answer)>) -> bool {
    let number = |(at, (operation, answer)): (u64, _)| entry(0, operation, answer, 2 * at, 2 * at + 1);
    judge(spec, (0..).zip(steps).map(number).collect())
}

fn queues_answer_as_rusts_queues_do() {
    use QueueOp::{Pop, Push};
    let queue = Queue::new;
    assert!(in_sequence(&queue(), vec![(Push(1), None), (Push(2), None), (Pop, Some(1)), (Pop, Some(2))]));
    assert!(in_sequence(&queue(), vec![(Pop, None), (Push(1), None), (Pop, Some(1)), (Pop, None)]));
    assert!(!in_sequence(&queue(), vec![(Push(1), None), (Push(2), None), (Pop, Some(2))]));
    assert!(!in_sequence(&queue(), vec![(Push(1), None), (Pop, None)]));
    assert!(!in_sequence(&queue(), vec![(Push(1), Some(1))]), "there is always room");
    let one = Queue::bounded(1);
    assert!(in_sequence(&one, vec![(Push(1), None), (Push(2), Some(2)), (Pop, Some(1)), (Push(3), None)]));
    assert!(!in_sequence(&one, vec![(Push(1), None), (Push(2), None)]));
    assert!(in_sequence(
        &one.stale(),
        vec![(Push(1), Some(1)), (Push(1), None), (Pop, None), (Pop, Some(1))]
    ));
    assert!(in_sequence(&Fifo::new(), vec![(Send(1), Done), (Send(2), Done), (Recv, Value(1))]));
}

#[test]
fn a_queue_that_is_out_of_order_is_shown_by_few_operations() {
    use QueueOp::{Pop, Push};
    let push = |n: u64| entry(0, Push(n), None, 4 * n, 4 * n + 1);
    let pop = |n: u64, value| entry(1, Pop, Some(value), 4 * n + 2, 4 * n + 3);
    let mut entries: Vec<_> = (0..1000).flat_map(|n| [push(n), pop(n, n)]).collect();
    assert_eq!(History::of(entries.clone()).check(&Queue::new()), Ok(()));
    entries.extend([push(1000), push(1001), pop(1001, 1001), pop(1002, 1000)]);
    let violation = History::of(entries).check(&Queue::new()).expect_err("the second comes first");
    assert!(violation.decided && violation.timeline.lines().count() <= 4, "{violation}");
}

#[test]
fn ready_specifications_do_what_their_objects_do_and_no_more() {
    let fifo = Fifo::bounded(1);
    assert!(in_sequence(
        &fifo,
        vec![(Send(1), Done), (TrySend(2), Full), (Recv, Value(1)), (TryRecv, Empty)]
    ));
    assert!(in_sequence(&fifo, vec![(Send(1), Done), (Close, Done), (TryRecv, Value(1)), (Recv, Closed)]));
    assert!(!in_sequence(&fifo, vec![(Send(1), Done), (Send(2), Done)]), "it has to wait");
    assert!(!in_sequence(&fifo, vec![(Close, Done), (Close, Done)]));
    let stale = fifo.stale();
    assert!(in_sequence(
        &stale,
        vec![(TrySend(1), Full), (TrySend(1), Done), (TryRecv, Empty), (TryRecv, Value(1))]
    ));
    assert!(!in_sequence(&stale, vec![(TrySend(1), Done), (TrySend(2), Done)]), "it holds one value");
    use StackOp::{Pop, Push};
    assert!(in_sequence(&spec::Stack::new(), vec![(Push(1), None), (Push(2), None), (Pop, Some(2))]));
    assert!(!in_sequence(&spec::Stack::new(), vec![(Push(1), None), (Push(2), None), (Pop, Some(1))]));
    queues_answer_as_rusts_queues_do();
    use RegisterOp::{CompareExchange, Read, Swap, Write};
    let register = spec::Register::new(0);
    assert!(in_sequence(
        &register,
        vec![(CompareExchange(0, 2), Some(0)), (Swap(3), Some(2)), (Read, Some(3))]
    ));
    assert!(!in_sequence(&register, vec![(Write(1), None), (Read, Some(0))]));
    use spec::CounterOp::{Add, Get};
    assert!(in_sequence(&spec::Counter, vec![(Add(2), 0), (Add(-1), 2), (Get, 1)]));
    assert!(!in_sequence(&spec::Counter, vec![(Add(2), 0), (Add(2), 0)]));
    let map = spec::Map::new();
    let insert = (MapOp::Insert("a", 1), None);
    assert!(in_sequence(
        &map,
        vec![insert.clone(), (MapOp::GetOrInsert("a", 2), Some(1)), (MapOp::Get("b"), None)]
    ));
    assert!(!in_sequence(&map, vec![insert, (MapOp::Remove("a"), None)]));
    use spec::SetOp::{Contains, Insert, Remove};
    assert!(in_sequence(&spec::Set::new(), vec![(Insert(1), true), (Insert(1), false), (Remove(1), true)]));
    assert!(!in_sequence(&spec::Set::new(), vec![(Insert(1), true), (Contains(1), false)]));
    use spec::LockOp::{Lock, TryLock, Unlock};
    assert!(in_sequence(&spec::Mutex, vec![(Lock, true), (TryLock, false), (Unlock, true), (TryLock, true)]));
    assert!(!in_sequence(&spec::Mutex, vec![(Lock, true), (Lock, true)]));
    use spec::RwLockOp::{Read as Enter, TryRead, TryWrite, UnlockRead, Write as Own};
    let strict = spec::RwLock::default();
    assert!(in_sequence(&strict, vec![(Enter, true), (Enter, true), (TryWrite, false), (UnlockRead, true)]));
    assert!(!in_sequence(&strict, vec![(Enter, true), (Own, true)]));
    assert!(!in_sequence(&strict, vec![(Enter, true), (TryRead, false)]));
    assert!(in_sequence(&spec::RwLock { fair: true }, vec![(Enter, true), (TryRead, false)]));
    use spec::SemaphoreOp::{Acquire, Release, TryAcquire};
    let semaphore = spec::Semaphore(2);
    assert!(in_sequence(&semaphore, vec![(Acquire(2), true), (TryAcquire(1), false), (Release(1), true)]));
    assert!(!in_sequence(&semaphore, vec![(Acquire(2), true), (Acquire(1), true)]));
    use spec::OnceOp::{Call, IsDone};
    assert!(in_sequence(&spec::Once, vec![(IsDone, false), (Call, true), (Call, false), (IsDone, true)]));
    assert!(!in_sequence(&spec::Once, vec![(Call, true), (Call, true)]));
    let (put, get) = (PoolOp::Put(1), PoolOp::Get);
    assert!(in_sequence(
        &spec::Pool::new(),
        vec![(put.clone(), None), (get.clone(), None), (get.clone(), Some(1))]
    ));
    assert!(!in_sequence(&spec::Pool::new(), vec![(put, None), (get.clone(), Some(1)), (get, Some(1))]));
}

/// The histories of a queue in the paper by Herlihy and Wing: H1 is linearizable, H2 and H4 are not.
#[test]
fn the_queues_of_the_paper() {
    let fifo = Fifo::unbounded;
    let h1 = vec![
        entry(0, Send('x'), Done, 0, 2),
        entry(1, Send('y'), Done, 1, 3),
        entry(1, Recv, Value('x'), 4, 5),
        entry(2, Recv, Value('y'), 6, 8),
        entry(0, Send('z'), Done, 7, 9),
    ];
    assert!(judge(&fifo(), h1));
    let h2 = vec![
        entry(0, Send('x'), Done, 0, 1),
        entry(1, Send('y'), Done, 2, 4),
        entry(0, Recv, Value('y'), 3, 5),
    ];
    assert!(!judge(&fifo(), h2));
    let h4 = vec![
        entry(0, Send('x'), Done, 0, 2),
        entry(1, Send('y'), Done, 1, 3),
        entry(0, Recv, Value('y'), 4, 6),
        entry(2, Recv, Value('y'), 5, 7),
    ];
    assert!(!judge(&fifo(), h4));
}

#[test]
fn an_operation_that_has_not_returned_may_have_happened_or_not() {
    let sent = || Entry::called(0, Send(1), 0);
    assert!(judge(&Fifo::unbounded(), vec![sent(), entry(1, TryRecv, Value(1), 1, 2)]));
    assert!(judge(&Fifo::unbounded(), vec![sent(), entry(1, TryRecv, Empty, 1, 2)]));
    assert!(!judge(&Fifo::unbounded(), vec![sent(), entry(1, TryRecv, Value(2), 1, 2)]));
    // The receive that has not returned may have taken the first value.
    let second = vec![
        entry(0, Send(1), Done, 0, 1),
        Entry::called(1, Recv, 2),
        entry(0, Send(2), Done, 3, 4),
        entry(0, TryRecv, Value(2), 5, 6),
    ];
    assert!(judge(&Fifo::unbounded(), second));
}

#[test]
fn criteria_differ_in_what_may_change_places() {
    use RegisterOp::{Read, Write};
    // Thread 1 reads the old value after the write of thread 0 has returned.
    let stale = || History::of([entry(0, Write(1), None, 0, 1), entry(1, Read, Some(0), 2, 3)]);
    let register = spec::Register::new(0);
    assert!(stale().check_by(Criterion::Linearizable, &register).is_err());
    assert!(stale().check_by(Criterion::SequentiallyConsistent, &register).is_ok());
    assert!(stale().check_by(Criterion::QuiescentlyConsistent, &register).is_err(), "there was a rest");
    // Thread 0 reads before it writes, but sees its own write; an operation of thread 1 lasts the whole time.
    let reordered = || {
        History::of([
            entry(1, Read, Some(1), 0, 9),
            entry(0, Read, Some(1), 1, 2),
            entry(0, Write(1), None, 3, 4),
        ])
    };
    assert!(reordered().check_by(Criterion::SequentiallyConsistent, &register).is_err());
    assert!(reordered().check_by(Criterion::QuiescentlyConsistent, &register).is_ok());
}

#[test]
fn a_violation_names_the_operation_and_shows_the_least_that_proves_it() {
    let mut entries = Vec::new();
    // Many operations in order, then two values that come out in the wrong order.
    for value in 0..20 {
        entries.push(entry(0, Send(value), Done, 10 * value, 10 * value + 2));
        entries.push(entry(1, Recv, Value(value), 10 * value + 1, 10 * value + 3));
    }
    entries.push(entry(0, Send(100), Done, 300, 301));
    entries.push(entry(0, Send(101), Done, 302, 303));
    entries.push(entry(1, Recv, Value(101), 304, 306));
    entries.push(entry(2, Recv, Value(100), 307, 308));
    let violation = History::of(entries).check(&Fifo::unbounded()).expect_err("out of order");
    assert_eq!(
        violation.to_string(),
        "not linearizable: Recv → Value(101) of thread 1 has no place in any order of the operations\n  \
         T0 ├┤         Send(100) → Done\n  \
         T0   ├┤       Send(101) → Done\n  \
         T1     ├┤     Recv → Value(101)   ← no place\n  \
         T2       ├┤   Recv → Value(100)"
    );
}

/// A generator of random numbers with a fixed seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

type QueueEntry = Entry<FifoOp<u64>, FifoAnswer<u64>>;

/// Returns a history of a queue whose operations take effect at random points of their duration.
fn simulate(
    random: &mut Random,
    threads: usize,
    operations: usize,
    capacity: Option<usize>,
) -> Vec<QueueEntry> {
    struct Running {
        entry: QueueEntry,
        answer: Option<FifoAnswer<u64>>,
    }
    let mut running: Vec<Option<Running>> = (0..threads).map(|_| None).collect();
    let (mut queue, mut entries, mut time, mut begun) = (VecDeque::new(), Vec::new(), 0, 0);
    while begun < operations || running.iter().any(Option::is_some) {
        time += 1;
        let thread = random.below(threads);
        match running[thread].take() {
            None if begun < operations => {
                begun += 1;
                let operation = if random.below(2) == 0 { TrySend(begun as u64) } else { TryRecv };
                running[thread] =
                    Some(Running { entry: Entry::called(thread, operation, time), answer: None });
            }
            None => (),
            Some(Running { entry, answer: None }) => {
                let answer = match &entry.operation {
                    TrySend(_) if capacity.is_some_and(|capacity| queue.len() >= capacity) => Full,
                    TrySend(value) => {
                        queue.push_back(*value);
                        Done
                    }
                    _ => queue.pop_front().map_or(Empty, Value),
                };
                running[thread] = Some(Running { entry, answer: Some(answer) });
            }
            Some(Running { entry, answer: Some(answer) }) => entries.push(entry.returned(answer, time)),
        }
    }
    entries.sort_by_key(|entry| entry.called);
    entries
}

/// Tries every order that respects time.
fn by_brute_force<S: Spec>(
    spec: &S,
    entries: &[Entry<S::Operation, S::Answer>],
    done: &mut Vec<bool>,
    state: &S::State,
) -> bool {
    if entries.iter().zip(&*done).all(|(entry, done)| *done || entry.returned.is_none()) {
        return true;
    }
    (0..entries.len()).any(|next| {
        let ready = |other: usize| {
            done[other] || entries[other].returned.is_none_or(|time| time > entries[next].called)
        };
        if done[next] || !(0..entries.len()).all(|other| other == next || ready(other)) {
            return false;
        }
        let mut after = state.clone();
        let answer = spec.apply(&mut after, &entries[next].operation);
        if answer.is_none() || entries[next].answer.is_some() && answer != entries[next].answer {
            return false;
        }
        done[next] = true;
        let found = by_brute_force(spec, entries, done, &after);
        done[next] = false;
        found
    })
}

#[test]
fn random_histories_are_decided_as_by_brute_force() {
    let mut random = Random(5);
    let (mut good, mut bad) = (0, 0);
    for round in 0..3_000 {
        let capacity = [None, Some(1), Some(2)][round % 3];
        let mut entries = simulate(&mut random, 3, 7, capacity);
        if round % 2 == 1 {
            // Two answers change places, or one changes.
            let (a, b) = (random.below(entries.len()), random.below(entries.len()));
            let answers = (entries[a].answer.clone(), entries[b].answer.clone());
            (entries[b].answer, entries[a].answer) = answers;
        }
        // The last operation of some thread has not returned.
        let pending = (round % 5 == 0).then(|| entries.len() - 1);
        if let Some(at) = pending {
            let Entry { thread, operation, called, .. } = entries[at].clone();
            entries[at] = Entry::called(thread, operation, called);
        }
        let fifo = capacity.map_or_else(Fifo::unbounded, Fifo::bounded);
        let expected = by_brute_force(&fifo, &entries, &mut vec![false; entries.len()], &fifo.initial());
        assert_eq!(judge(&fifo, entries.clone()), expected, "{entries:?}");
        if expected {
            good += 1
        } else {
            bad += 1
        }
        assert!(round % 2 == 1 || expected, "what was simulated is linearizable: {entries:?}");
    }
    assert!(good > 1_500 && bad > 300, "{good} good, {bad} bad");
}

/// Random answers to random operations that overlap, writes of the current value among them.
#[test]
fn random_histories_of_registers_and_maps_are_decided_as_by_brute_force() {
    fn compare<S: Spec>(spec: &S, draw: impl Fn(&mut Random) -> (S::Operation, S::Answer)) {
        let (mut random, mut good, mut bad) = (Random(7), 0, 0);
        for _ in 0..20_000 {
            let mut called = [0; 3];
            let entries: Vec<_> = (0..4_u64)
                .map(|at| {
                    let (thread, (operation, answer)) = (random.below(3), draw(&mut random));
                    let from = (4 * at).saturating_sub(2 * random.below(4) as u64).max(called[thread]);
                    called[thread] = 4 * at + 2 + 2 * random.below(2) as u64;
                    entry(thread, operation, answer, from, called[thread] - 1)
                })
                .collect();
            let expected = by_brute_force(spec, &entries, &mut vec![false; entries.len()], &spec.initial());
            assert_eq!(judge(spec, entries.clone()), expected, "{entries:?}");
            if expected { good += 1 } else { bad += 1 }
        }
        assert!(good > 200 && bad > 200, "{good} good, {bad} bad");
    }
    compare(&spec::Register::new(0), |random| match (random.below(4), random.below(2), random.below(2)) {
        (0, value, _) => (RegisterOp::Read, Some(value)),
        (1, value, _) => (RegisterOp::Write(value), None),
        (2, value, found) => (RegisterOp::Swap(value), Some(found)),
        (_, old, found) => (RegisterOp::CompareExchange(old, 1 - old), Some(found)),
    });
    compare(&spec::Map::new(), |random| {
        let found = [None, Some(0), Some(1)][random.below(3)];
        match (random.below(4), random.below(2)) {
            (0, value) => (MapOp::Insert(0, value), found),
            (1, value) => (MapOp::GetOrInsert(0, value), found),
            (2, _) => (MapOp::Remove(0), found),
            _ => (MapOp::Get(0), found),
        }
    });
}

#[test]
fn long_histories_of_queues_are_decided() {
    let mut random = Random(9);
    let long = if cfg!(debug_assertions) { 10_000 } else { 100_000 };
    for (threads, operations, capacity) in [(4, long, None), (8, long, None), (4, 10_000, Some(64))] {
        let mut entries = simulate(&mut random, threads, operations, capacity);
        let fifo = capacity.map_or_else(Fifo::unbounded, Fifo::bounded);
        assert!(judge(&fifo, entries.clone()));
        // A value that comes out twice.
        let taken: Vec<usize> =
            (0..entries.len()).filter(|at| matches!(entries[*at].answer, Some(Value(_)))).collect();
        let (first, last) = (taken[taken.len() / 2], taken[taken.len() / 2 + 9]);
        entries[last].answer = entries[first].answer.clone();
        let violation = History::of(entries).check(&fifo).expect_err("a value came out twice");
        assert!(violation.decided && violation.message.contains("has no place"), "{violation}");
    }
}

fn moved(operation: &FifoOp<u64>, answer: &FifoAnswer<u64>) -> Option<Transfer<u64>> {
    match (operation, answer) {
        (Send(value) | TrySend(value), Done) => Some(Transfer::In(*value)),
        (_, Value(value)) => Some(Transfer::Out(*value)),
        _ => None,
    }
}

#[test]
fn transfers_find_what_is_lost_doubled_made_up_or_overtaken() {
    let of = |entries: Vec<QueueEntry>| History::of(entries).transfers(moved);
    let sent = |value, time| entry(0, Send(value), Done, time, time + 1);
    let got = |thread, value, time| entry(thread, Recv, Value(value), time, time + 1);
    let good = of(vec![sent(1, 0), sent(2, 2), got(1, 1, 4), got(1, 2, 6)]);
    assert_eq!((good.exactly_once(), good.fifo(), good.in_producer_order()), (Ok(()), Ok(()), Ok(())));
    let lost = of(vec![sent(1, 0), sent(2, 2), got(1, 1, 4)]);
    assert_eq!((lost.at_most_once(), lost.conserved(&[2]), lost.fifo()), (Ok(()), Ok(()), Ok(())));
    assert!(lost.exactly_once().expect_err("lost").contains('2'));
    let doubled = of(vec![sent(1, 0), got(1, 1, 2), got(2, 1, 4)]);
    assert!(doubled.at_most_once().is_err() && doubled.exactly_once().is_err());
    assert!(of(vec![got(1, 7, 0)]).at_most_once().is_err(), "made up");
    let swapped = of(vec![sent(1, 0), sent(2, 2), got(1, 2, 4), got(1, 1, 6)]);
    assert!(swapped.fifo().is_err() && swapped.in_producer_order().is_err());
    let apart = of(vec![sent(1, 0), sent(2, 2), got(1, 2, 4), got(2, 1, 6)]);
    assert!(apart.fifo().is_err() && apart.in_producer_order().is_ok());
    let overlap = of(vec![sent(1, 0), sent(2, 2), got(1, 2, 4), entry(2, Recv, Value(1), 3, 9)]);
    assert!(overlap.fifo().is_ok(), "the receives overlap");
    let skipped = of(vec![sent(1, 0), sent(2, 2), got(1, 2, 4)]);
    assert!(skipped.fifo().is_err(), "the first is still inside");
}

#[test]
fn transfers_of_long_histories_hold_where_the_decision_does() {
    let entries = simulate(&mut Random(3), 6, 100_000, None);
    let transfers = History::of(entries).transfers(moved);
    transfers.at_most_once().expect("no doubles");
    transfers.fifo().expect("in order");
    transfers.in_producer_order().expect("in order");
}

#[test]
fn fairness_counts() {
    let work = |thread, called, returned| entry(thread, spec::CounterOp::Get, 0, called, returned);
    let history = History::of([work(0, 0, 9), work(1, 1, 2), work(1, 3, 4), work(1, 5, 6), work(1, 7, 10)]);
    let fairness = history.fairness();
    assert_eq!(
        (fairness.completed.as_slice(), fairness.overtaken, fairness.pending),
        ([1, 4].as_slice(), 3, 0)
    );
    assert!((fairness.jain - 25.0 / (2.0 * 17.0)).abs() < 1e-9);
}
