//! Bounds on random programs: the outcomes found are possible ones, and all of them if no bound has cut anything.

use super::{checker, outcomes};
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicUsize, fence};
use selvedge::rt::thread;
use selvedge_check::{Checker, Verdict};
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug)]
enum Step {
    Load(usize),
    Store(usize, usize),
    Add(usize),
    Swap(usize, usize),
    Exchange(usize, usize),
    Fence,
    Yield,
}

struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }
}

type Program = Vec<Vec<Step>>;

fn program(random: &mut Random) -> Program {
    let threads = 2 + random.below(2);
    let longest = 5 - threads;
    let step = |random: &mut Random| {
        let at = random.below(2);
        match random.below(8) {
            0 | 1 => Step::Load(at),
            2 | 3 => Step::Store(at, 1 + random.below(3)),
            4 => Step::Add(at),
            5 => Step::Swap(at, random.below(3)),
            6 => Step::Exchange(at, random.below(2)),
            _ if random.below(2) == 0 => Step::Fence,
            _ => Step::Yield,
        }
    };
    let thread = |random: &mut Random| (0..=random.below(longest)).map(|_| step(random)).collect();
    (0..threads).map(|_| thread(random)).collect()
}

/// The values that each thread's operations found.
fn perform(program: &Program) -> Vec<Vec<usize>> {
    let memory = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let step = |step: &Step| match *step {
        Step::Load(at) => memory[at].load(Acquire),
        Step::Store(at, value) => {
            memory[at].store(value, Release);
            0
        }
        Step::Add(at) => memory[at].fetch_add(1, AcqRel),
        Step::Swap(at, value) => memory[at].swap(value, Relaxed),
        Step::Exchange(at, old) => {
            memory[at].compare_exchange_weak(old, 3, AcqRel, Relaxed).unwrap_or_else(|found| 10 + found)
        }
        Step::Fence => {
            fence(SeqCst);
            0
        }
        Step::Yield => {
            thread::yield_now();
            0
        }
    };
    thread::scope(|scope| {
        let run = |steps: &Vec<Step>| steps.iter().map(step).collect();
        let threads: Vec<_> = program.iter().map(|steps| scope.spawn(move || run(steps))).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    })
}

/// Returns the outcomes, and whether no bound has cut anything.
fn found(checker: Checker, program: &Program) -> (BTreeSet<Vec<Vec<usize>>>, bool) {
    let theirs = program.clone();
    let (found, report) = outcomes(checker, move || perform(&theirs));
    let cut = match &report.verdict {
        Verdict::Exhaustive => false,
        // The verdict on a program whose threads do not meet is at most *searched*.
        Verdict::Searched { bounds, .. } => bounds.contains("at most"),
        Verdict::Refused { why } if why.contains("no execution came to its end") => {
            assert!(found.is_empty(), "{program:?}: {report}");
            true
        }
        _ => panic!("{program:?}: {report}"),
    };
    (found, !cut)
}

#[test]
fn bounds_leave_out_and_never_invent_or_break() {
    let mut random = Random(23);
    let (mut cut, mut whole) = (0, 0);
    for _ in 0..150 {
        let program = program(&mut random);
        let (all, exhaustive) = found(checker().preemption_bound(None), &program);
        assert!(exhaustive, "{program:?}");
        for preemptions in 0..=4 {
            for events in [None, Some(4), Some(9), Some(14)] {
                let bounded = checker().preemption_bound(Some(preemptions)).event_bound(events);
                let (some, exhaustive) = found(bounded, &program);
                assert!(some.is_subset(&all), "{program:?}, {preemptions} preemptions, {events:?} events");
                assert!(
                    !exhaustive || some == all,
                    "{program:?}, {preemptions} preemptions, {events:?} events"
                );
                *(if exhaustive { &mut whole } else { &mut cut }) += 1;
            }
        }
    }
    // The bounds have cut some programs and not others.
    assert!(cut > 300 && whole > 300, "{cut} cut, {whole} whole");
}
