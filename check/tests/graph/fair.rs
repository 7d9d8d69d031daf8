//! Fair schedules: loops that write in each round end, with the outcomes of all fair interleavings, among which are those that
//! loom finds.

use super::*;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::{hint, thread};

type Outcomes = BTreeSet<Vec<usize>>;

fn fair() -> Checker {
    checker().fair_schedules(true).spurious_failures(false).find_first(false)
}

fn assert_is_bounded_by_fairness(report: &Report) {
    let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
    assert_eq!(bounds.to_string(), "fair schedules", "{report}");
}

/// Runs a program whose loops only fairness ends, and returns its outcomes. loom finds no others; it misses some, since it
/// lets a thread go on after a yield only where it looks for a race.
fn fair_outcomes(program: fn() -> Vec<usize>) -> Outcomes {
    let (met, report) = outcomes(fair(), program);
    assert_is_bounded_by_fairness(&report);
    if Engine::Loom.is_available() {
        let loom = checker().engines([Engine::Loom]).preemption_bound(None);
        let (loom, searched) = outcomes(loom, program);
        assert!(searched.verdict.passed(), "{searched}");
        assert!(met.is_superset(&loom), "{report}: {met:?}; {searched}: {loom:?}");
    }
    met
}

fn two<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    thread::scope(|scope| {
        let other = scope.spawn(b);
        (a(), other.join().expect("no panic"))
    })
}

/// A spinner that counts its rounds in an atomic, and so writes in each.
#[test]
fn a_spinner_that_counts_goes_round_once_for_each_operation_of_the_other() {
    let met = fair_outcomes(|| {
        let (rounds, flag, other) = (AtomicUsize::new(0), AtomicBool::new(false), AtomicUsize::new(0));
        two(
            || {
                while !flag.load(Acquire) {
                    rounds.fetch_add(1, Relaxed);
                    hint::spin_loop();
                }
            },
            || {
                other.fetch_add(1, Relaxed);
                other.fetch_add(1, Relaxed);
                flag.store(true, Release);
            },
        );
        vec![rounds.load(Relaxed)]
    });
    assert_eq!(met, (0..=4).map(|rounds| vec![rounds]).collect());
}

/// A lock by `swap`, which writes in each round.
#[test]
fn a_lock_by_swap_is_searched_to_its_end() {
    fn locked(lock: &AtomicBool, turn: &AtomicUsize) -> usize {
        let mut rounds = 0;
        while lock.swap(true, Acquire) {
            rounds += 1;
            thread::yield_now();
        }
        let place = turn.load(Relaxed);
        turn.store(place + 1, Relaxed);
        // A swap: loom may order a store before a read-modify-write that it cannot precede.
        lock.swap(false, Release);
        (place << 4) + rounds
    }
    let met = fair_outcomes(|| {
        let (lock, turn) = (AtomicBool::new(false), AtomicUsize::new(0));
        let (one, two) = two(|| locked(&lock, &turn), || locked(&lock, &turn));
        vec![one, two, turn.load(Relaxed)]
    });
    assert!(met.iter().all(|met| met[2] == 2), "{met:?}");
    assert!(met.contains(&vec![0, 16, 2]) && met.contains(&vec![16, 0, 2]), "{met:?}");
}

#[test]
fn a_ticket_lock_that_asks_by_fetch_add_is_searched_to_its_end() {
    let met = fair_outcomes(|| {
        let (next, serving, order) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
        let enter = |me: usize| {
            let ticket = next.fetch_add(1, Relaxed);
            while serving.fetch_add(0, AcqRel) != ticket {
                order.fetch_add(16, Relaxed);
                thread::yield_now();
            }
            let first = order.fetch_add(me, Relaxed) % 16;
            serving.fetch_add(1, AcqRel);
            first
        };
        let (one, two) = two(|| enter(1), || enter(2));
        vec![one, two]
    });
    assert_eq!(met, Outcomes::from([vec![0, 1], vec![2, 0]]));
}

/// A consumer that polls, moves a mark in each poll, and yields.
#[test]
fn a_consumer_that_yields_takes_all() {
    let met = fair_outcomes(|| {
        let (slots, polls) = ([AtomicUsize::new(0), AtomicUsize::new(0)], AtomicUsize::new(0));
        two(
            || {
                let mut taken = Vec::new();
                while taken.len() < 2 {
                    match slots[taken.len()].swap(0, Acquire) {
                        0 => {
                            polls.fetch_add(1, Relaxed);
                            thread::yield_now();
                        }
                        value => taken.push(value),
                    }
                }
                assert_eq!(taken, [5, 6]);
            },
            || {
                slots[0].swap(5, Release);
                slots[1].swap(6, Release);
            },
        );
        vec![polls.load(Relaxed)]
    });
    assert_eq!(met, (0..=3).map(|polls| vec![polls]).collect());
}

/// Two spinners that write let the third thread go on in the end.
#[test]
fn two_spinners_do_not_starve_a_third_thread() {
    let program = || {
        let (flag, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
        let spin = || {
            while !flag.load(Acquire) {
                rounds.fetch_add(1, Relaxed);
                thread::yield_now();
            }
        };
        thread::scope(|scope| {
            scope.spawn(spin);
            scope.spawn(spin);
            flag.store(true, Release);
        });
        vec![rounds.load(Relaxed)]
    };
    let (met, report) = outcomes(fair(), program);
    assert_is_bounded_by_fairness(&report);
    assert!(met.contains(&vec![0]) && met.contains(&vec![2]), "{met:?}");
}

/// The fault shows only if the spinner goes on between two operations of the other thread, and again between the next two.
#[test]
fn a_fault_between_the_operations_of_the_other_thread_is_found() {
    let report = fair()
        .run(|| {
            let (state, seen) = (AtomicUsize::new(0), AtomicUsize::new(0));
            two(
                || {
                    while state.load(Acquire) < 3 {
                        seen.fetch_or(1 << state.load(Acquire), Relaxed);
                        thread::yield_now();
                    }
                },
                || (1..=3).for_each(|next| state.store(next, Release)),
            );
            assert_ne!(seen.load(Relaxed) & 0b110, 0b110, "both states were seen");
        })
        .remove(0);
    assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
    // The token replays it, whatever the bound.
    assert!(report.to_string().contains("both states were seen"), "{report}");
    assert!(!report.to_string().contains("the replay went another way"), "{report}");
}

/// A thread that yields lets another go on without being interrupted.
#[test]
fn a_yield_is_no_preemption() {
    let program = || {
        let (lock, entered) = (AtomicBool::new(false), AtomicUsize::new(0));
        let enter = || {
            while lock.swap(true, Acquire) {
                thread::yield_now();
            }
            entered.fetch_add(1, Relaxed);
            lock.swap(false, Release);
        };
        // The first thread waits at each of the other's critical sections.
        two(enter, || (0..2).for_each(|_| enter()));
        vec![entered.load(Relaxed)]
    };
    let (all, _) = outcomes(fair().preemption_bound(1), program);
    assert_eq!(all, Outcomes::from([vec![3]]));
    let handed_over = || {
        let turn = AtomicUsize::new(0);
        let take = |mine: usize| {
            while turn.fetch_add(0, AcqRel) % 2 != mine {
                turn.fetch_add(2, Relaxed);
                thread::yield_now();
            }
            turn.fetch_add(1, AcqRel);
        };
        two(|| (0..2).for_each(|_| take(1)), || (0..2).for_each(|_| take(0)));
        vec![turn.load(Relaxed) % 2]
    };
    let (met, report) = outcomes(fair().preemption_bound(0), handed_over);
    assert_eq!(met, Outcomes::from([vec![0]]), "{report}");
}

/// Nothing is left out where no thread yields, so the verdict has no bound.
#[test]
fn a_program_without_yields_is_explored_exhaustively() {
    let report = fair()
        .run(|| {
            let count = AtomicUsize::new(0);
            two(|| count.fetch_add(1, Relaxed), || count.fetch_add(1, Relaxed));
            assert_eq!(count.load(Relaxed), 2);
        })
        .remove(0);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
}

/// An operation of a program that has interleavings only: all accesses are read-modify-writes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Op {
    /// Adds 1 to this location.
    Add(usize),
    /// Replaces the value of this location.
    Set(usize, usize),
    /// Adds 1 to the second location, yields, and repeats this, until the first location has this value.
    Spin(usize, usize, usize),
    /// As `Spin`, but takes the first location by putting 0 there.
    Take(usize, usize, usize),
    Spawn(usize),
    Join(usize),
}

const LOCATIONS: usize = 3;

/// A place in an interleaving: the next operation of each thread, which may be in the middle of a round, and whose turn it
/// is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    next: Vec<(usize, bool)>,
    /// The threads that have yet to begin, or to go on from a yield.
    resting: BTreeSet<usize>,
    memory: [usize; LOCATIONS],
    /// Whether the thread has yielded and done nothing since; the others that have done something since, and those that have
    /// not since the yield before.
    turns: Vec<(bool, BTreeSet<usize>, BTreeSet<usize>)>,
    /// Which thread had the last operation, and how often one that could go on was interrupted; where that is counted.
    current: usize,
    preemptions: usize,
}

impl Place {
    /// Notes that a thread yields.
    fn rest(&mut self, thread: usize) {
        let (_, since, _) = &self.turns[thread];
        let owed = (0..self.turns.len()).filter(|other| !since.contains(other)).collect();
        self.turns[thread] = (true, BTreeSet::new(), owed);
        self.resting.insert(thread);
    }
}

/// Returns what is in memory at the ends of all fair interleavings with at most so many preemptions.
fn fair_interleavings(program: &[Vec<Op>], bound: Option<usize>) -> Outcomes {
    let all: BTreeSet<usize> = (0..program.len()).collect();
    let turn = (false, all.clone(), BTreeSet::new());
    let first = Place {
        next: vec![(0, false); program.len()],
        resting: (1..program.len()).collect(),
        memory: [0; LOCATIONS],
        turns: vec![turn; program.len()],
        current: 0,
        preemptions: 0,
    };
    let (mut seen, mut places, mut ends) = (BTreeSet::new(), vec![first], Outcomes::new());
    while let Some(place) = places.pop() {
        if !seen.insert(place.clone()) {
            continue;
        }
        let is_done = |thread: usize| place.next[thread].0 == program[thread].len();
        let passed = |op: Op| program[0][..place.next[0].0].contains(&op);
        let enabled: Vec<usize> = (0..program.len())
            .filter(|thread| !is_done(*thread) && (*thread == 0 || passed(Op::Spawn(*thread))))
            .filter(|thread| !matches!(program[*thread][place.next[*thread].0], Op::Join(other) if !is_done(other)))
            .collect();
        if enabled.is_empty() {
            ends.insert(place.memory.to_vec());
        }
        let is_held = |thread: &usize| {
            let (has_yielded, since, owed) = &place.turns[*thread];
            let mut others = enabled.iter().filter(|other| *other != thread).peekable();
            *has_yielded
                && others.peek().is_some()
                && (since.is_empty() || others.any(|other| owed.contains(other)))
        };
        let free: Vec<usize> = enabled.iter().copied().filter(|thread| !is_held(thread)).collect();
        for thread in if free.is_empty() { enabled.clone() } else { free } {
            let mut place = place.clone();
            if let Some(bound) = bound {
                let current = core::mem::replace(&mut place.current, thread);
                let interrupts =
                    current != thread && enabled.contains(&current) && !place.resting.contains(&current);
                place.preemptions += usize::from(interrupts);
                if place.preemptions > bound {
                    continue;
                }
            }
            for (other, (has_yielded, since, owed)) in place.turns.iter_mut().enumerate() {
                if other == thread {
                    *has_yielded = false;
                } else {
                    since.insert(thread);
                    owed.remove(&thread);
                }
            }
            // Where preemptions are counted a thread goes on and has its next operation at once.
            if place.resting.remove(&thread) && bound.is_none() {
                places.push(place);
                continue;
            }
            let (at, is_inside) = place.next[thread];
            let op = program[thread][at];
            place.next[thread] = match op {
                Op::Add(location) => {
                    place.memory[location] += 1;
                    (at + 1, false)
                }
                Op::Set(location, value) => {
                    place.memory[location] = value;
                    (at + 1, false)
                }
                Op::Spin(_, rounds, _) | Op::Take(_, rounds, _) if is_inside => {
                    place.memory[rounds] += 1;
                    place.rest(thread);
                    (at, false)
                }
                Op::Spin(location, _, until) => {
                    let ends = place.memory[location] == until;
                    (at + usize::from(ends), !ends)
                }
                Op::Take(location, _, until) => {
                    let ends = core::mem::take(&mut place.memory[location]) == until;
                    (at + usize::from(ends), !ends)
                }
                Op::Spawn(_) | Op::Join(_) => (at + 1, false),
            };
            places.push(place);
        }
    }
    ends
}

/// Runs the operations of a thread on atomics.
fn perform(ops: &[Op], memory: &[AtomicUsize; LOCATIONS]) {
    for op in ops {
        match *op {
            Op::Add(location) => _ = memory[location].fetch_add(1, AcqRel),
            Op::Set(location, value) => _ = memory[location].swap(value, AcqRel),
            Op::Spin(location, rounds, until) => {
                while memory[location].fetch_add(0, AcqRel) != until {
                    memory[rounds].fetch_add(1, Relaxed);
                    thread::yield_now();
                }
            }
            Op::Take(location, rounds, until) => {
                while memory[location].swap(0, AcqRel) != until {
                    memory[rounds].fetch_add(1, Relaxed);
                    hint::spin_loop();
                }
            }
            Op::Spawn(_) | Op::Join(_) => (),
        }
    }
}

fn run_on_atomics(program: &[Vec<Op>]) -> Vec<usize> {
    let memory: [AtomicUsize; LOCATIONS] = core::array::from_fn(|_| AtomicUsize::new(0));
    thread::scope(|scope| {
        let others: Vec<_> = program[1..].iter().map(|ops| scope.spawn(|| perform(ops, &memory))).collect();
        perform(&program[0], &memory);
        others.into_iter().for_each(|other| other.join().expect("no panic"));
    });
    memory.iter().map(|location| location.load(Relaxed)).collect()
}

/// Adds what the body's thread does for the others.
fn with_spawns(mut program: Vec<Vec<Op>>) -> Vec<Vec<Op>> {
    let others = 1..program.len();
    let spawns = others.clone().map(Op::Spawn);
    program[0] = spawns.chain(program[0].clone()).chain(others.map(Op::Join)).collect();
    program
}

/// Returns programs whose loops only fairness ends.
fn spinning_programs() -> Vec<Vec<Vec<Op>>> {
    let spins = [Op::Spin(0, 1, 2), Op::Spin(0, 1, 1), Op::Take(0, 1, 2), Op::Spin(0, 2, 2)];
    let before = [vec![], vec![Op::Add(2)], vec![Op::Set(1, 5), Op::Set(0, 1)], vec![Op::Add(1), Op::Add(1)]];
    let mut programs = Vec::new();
    for spin in spins {
        for before in &before {
            let (Op::Spin(_, _, until) | Op::Take(_, _, until)) = spin else { unreachable!("they spin") };
            let other = [&before[..], &[Op::Set(0, until)]].concat();
            programs.push(vec![vec![spin], other.clone()]);
            programs.push(vec![other.clone(), vec![Op::Add(2), spin, Op::Add(2)]]);
            if matches!(spin, Op::Spin(..)) && before.len() < 2 {
                programs.push(vec![other, vec![spin], vec![spin]]);
            }
        }
    }
    programs
}

/// The exploration reaches the ends of all fair interleavings, and no others.
#[test]
fn fair_interleavings_are_all_found_and_no_others() {
    for program in spinning_programs() {
        let expected = fair_interleavings(&with_spawns(program.clone()), None);
        let ran = program.clone();
        let (met, report) = outcomes(fair(), move || run_on_atomics(&ran));
        assert!(report.verdict.passed(), "{program:?}: {report}");
        assert_eq!(met, expected, "{program:?}: {report}");
    }
}

/// With a bound on preemptions the exploration reaches the ends of all fair interleavings within the bound.
#[test]
fn fair_interleavings_within_a_bound_are_all_found() {
    let programs = spinning_programs().into_iter();
    for (program, bound) in programs.flat_map(|program| [0, 1, 2].map(|bound| (program.clone(), bound))) {
        let expected = fair_interleavings(&with_spawns(program.clone()), Some(bound));
        let ran = program.clone();
        let (met, report) = outcomes(fair().preemption_bound(bound), move || run_on_atomics(&ran));
        let missed: Vec<_> = expected.difference(&met).collect();
        assert!(missed.is_empty(), "{program:?} with {bound} preemptions misses {missed:?}: {report}");
    }
}

/// A thread that yields may let another go on there, though it could go on itself until the other one is needed.
#[test]
fn a_thread_stops_where_it_yields() {
    let program = || {
        let memory = [0; 2].map(AtomicUsize::new);
        let yields = || {
            memory[0].fetch_add(1, Relaxed);
            thread::yield_now();
            memory[0].fetch_add(1, Relaxed);
            memory[1].swap(1, AcqRel);
        };
        two(yields, || memory[1].swap(2, AcqRel));
    };
    let report = fair().preemption_bound(0).run(program).remove(0);
    // In the other one the second thread comes last.
    assert_eq!(report.executions, 2, "{report}");
}
