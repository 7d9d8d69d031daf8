//! What a program can come to.

use crate::program::{Act, Program};
use crate::subjects::{Own, Subject};
use selvedge::rt::seam::{Moment, is_before_now, moment};
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge_check::{Checker, Engine, FailureKind, Mutation, Primitives, Report, Verdict};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

/// What each act of each thread came to; `None`: the thread did not come so far.
pub(crate) type Outcome = Vec<Vec<Option<Seen>>>;

/// What an act came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    /// The value that an operation or a load returned.
    Value(u8),
    /// How many noted moments of each thread happen before.
    Order([u8; 3]),
}

/// What the executions of a program come to.
#[derive(Debug)]
pub(crate) struct Outcomes {
    pub(crate) outcomes: BTreeSet<Outcome>,
    /// Whether there is a data race.
    pub(crate) races: bool,
    /// Any other failure than a race or a deadlock; no program of the tests has one.
    pub(crate) failure: Option<String>,
    /// Whether all executions were explored.
    pub(crate) complete: bool,
    /// Whether the mutated line was come to, if there is a mutation.
    pub(crate) mutated: bool,
}

/// What the threads of a program share beside the primitive.
#[derive(Default)]
struct Beside {
    atomics: [AtomicUsize; 2],
    /// The noted moments. Nothing depends on their order in the list.
    marks: Mutex<Vec<(usize, Moment)>>,
}

#[derive(Clone, Default)]
struct Collected {
    now: Arc<Mutex<Outcome>>,
    all: Arc<Mutex<BTreeSet<Outcome>>>,
}

impl Collected {
    fn begin(&self, program: &Program) {
        let none = |acts: &Vec<Act>| vec![None; acts.len()];
        *self.now.lock().expect("no panic") = program.threads.iter().map(none).collect();
    }

    fn note(&self, thread: usize, act: usize, result: Seen) {
        self.now.lock().expect("no panic")[thread][act] = Some(result);
    }

    fn end(&self) {
        let now = self.now.lock().expect("no panic").clone();
        self.all.lock().expect("no panic").insert(now);
    }
}

/// Explores a program with the primitives in this form.
pub(crate) fn explore<S: Subject>(
    program: &Program,
    form: Primitives,
    limit: u64,
    twin: Option<&Mutation>,
) -> Outcomes {
    let mut collected = Collected::default();
    let mut report = run::<S>(program, form, limit, twin, true, &collected);
    let races = is_race(&report);
    if races {
        collected = Collected::default();
        report = run::<S>(program, form, limit, twin, false, &collected);
    }
    let failure = report.verdict.failure().map(|found| format!("{program:?}: {found}"));
    let outcomes = std::mem::take(&mut *collected.all.lock().expect("no panic"));
    let complete = match &report.verdict {
        Verdict::Exhaustive => true,
        Verdict::Searched { bounds, .. } => bounds.contains("no conflict"),
        _ => false,
    };
    Outcomes { outcomes, races, failure, complete, mutated: report.mutated > 0 }
}

fn is_race(report: &Report) -> bool {
    report.verdict.failure().is_some_and(|found| found.failure.kind == FailureKind::Race)
}

fn run<S: Subject>(
    program: &Program,
    form: Primitives,
    limit: u64,
    twin: Option<&Mutation>,
    races: bool,
    collected: &Collected,
) -> Report {
    let (program, ends, into) = (program.clone(), collected.clone(), collected.clone());
    let checker = Checker::new()
        .ignore_environment()
        .engines([Engine::Graph])
        .primitives(form)
        .max_executions(limit)
        .detect_races(races)
        .shrink(false)
        .find_first(false)
        .at_deadlock(move || ends.end());
    let checker = twin.into_iter().cloned().fold(checker, Checker::mutate);
    checker.run(move || execute::<S>(&program, &into)).remove(0)
}

fn execute<S: Subject>(program: &Program, collected: &Collected) {
    collected.begin(program);
    let threads = program.threads.len();
    let objects = [S::shared_by(threads), S::shared_by(threads)];
    let beside = Beside::default();
    thread::scope(|scope| {
        for (number, acts) in program.threads.iter().enumerate() {
            let (objects, beside) = (&objects, &beside);
            scope.spawn(move || {
                let mut own = [Own::default(), Own::default()];
                for (at, act) in acts.iter().enumerate() {
                    let result = perform(*act, number, objects, beside, &mut own);
                    collected.note(number, at, result);
                }
                for (object, own) in objects.iter().zip(&mut own) {
                    object.leave(own);
                }
            });
        }
    });
    collected.end();
}

fn perform<S: Subject>(
    act: Act,
    thread: usize,
    objects: &[S; 2],
    beside: &Beside,
    own: &mut [Own; 2],
) -> Seen {
    match act {
        Act::Operate { operation, object } => {
            Seen::Value(objects[object].perform(operation, &mut own[object]))
        }
        Act::Load(atomic) => Seen::Value(beside.atomics[atomic].load(Relaxed) as u8),
        Act::Store(atomic) => {
            beside.atomics[atomic].store(thread + 1, Relaxed);
            Seen::Value(0)
        }
        Act::Mark => {
            let now = moment().expect("an execution under the graph engine");
            beside.marks.lock().expect("no panic").push((thread, now));
            Seen::Value(0)
        }
        Act::Sight => {
            let mut order = [0; 3];
            for (other, mark) in beside.marks.lock().expect("no panic").iter() {
                order[*other] += u8::from(*other != thread && is_before_now(*mark));
            }
            Seen::Order(order)
        }
    }
}
