//! Trees of tasks against a sequential specification: which leaf is executed how often, in which order where nothing runs beside it,
//! and how the whole ends; on plain threads and on goroutines, of which none is left. Builders that are broken on purpose
//! are found.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, proptest};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use selvedge::context::{Context, background};
use selvedge_go::routine::{Executor, Outcome, Retry, Routine, Task, parallel, serial};
use selvedge_go::{Builder, gosched, num_goroutine};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

/// A leaf: how many of its first executions fail, and whether they panic.
#[derive(Clone, Debug)]
struct Leaf(u8, bool);

#[derive(Clone, Debug)]
enum Plan {
    Leaf(Leaf),
    Serial(Vec<Plan>),
    Parallel(Vec<Plan>),
    Retry(u32, Box<Plan>),
    Repeat(u32, Box<Plan>),
    Guaranteed(Box<Plan>),
    Timeout(Box<Plan>),
    /// With a daemon that waits, what is prepared, and what is cleaned up.
    Routine(Option<Leaf>, Box<Plan>, Option<Leaf>),
}

fn leaves() -> impl Strategy<Value = Leaf> {
    (0_u8..4, any::<bool>()).prop_map(|(fails, panics)| Leaf(fails.saturating_sub(1), panics))
}

fn plans() -> impl Strategy<Value = Plan> {
    leaves().prop_map(Plan::Leaf).prop_recursive(4, 20, 3, |inner| {
        let boxed = || inner.clone().prop_map(Box::new);
        proptest::prop_oneof![
            2 => vec(inner.clone(), 0..4).prop_map(Plan::Serial),
            2 => vec(inner.clone(), 0..4).prop_map(Plan::Parallel),
            2 => (0_u32..4, boxed()).prop_map(|(times, plan)| Plan::Retry(times, plan)),
            1 => (1_u32..3, boxed()).prop_map(|(times, plan)| Plan::Repeat(times, plan)),
            1 => boxed().prop_map(Plan::Guaranteed),
            1 => boxed().prop_map(Plan::Timeout),
            2 => (proptest::option::of(leaves()), boxed(), proptest::option::of(leaves()))
                .prop_map(|(prepare, main, cleanup)| Plan::Routine(prepare, main, cleanup)),
        ]
    })
}

/// How a builder is broken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// One try too few.
    FewerTries,
    /// A failure ends what runs one after the other too late.
    GoesOn,
    /// The cleanup is left out.
    NoCleanup,
}

/// The leaves that were executed, in order.
type Log = Arc<Mutex<Vec<usize>>>;

/// Builds tasks, and numbers the leaves in the order of the plan.
struct Tasks {
    log: Log,
    leaves: usize,
    fault: Fault,
}

impl Tasks {
    fn leaf(&mut self, leaf: &Leaf) -> impl Fn(&Context) -> Outcome + Send + Sync + use<> {
        let (number, Leaf(fails, panics), log) = (self.leaves, leaf.clone(), Arc::clone(&self.log));
        self.leaves += 1;
        move |_| {
            let mut all = log.lock().expect("no panic");
            let before = all.iter().filter(|other| **other == number).count();
            all.push(number);
            drop(all);
            match before < usize::from(fails) {
                true if panics => std::panic::resume_unwind(Box::new(number.to_string())),
                true => Err(format!("a panic: {number}").into()),
                false => Ok(()),
            }
        }
    }

    fn build(&mut self, plan: &Plan) -> Task {
        match plan {
            Plan::Leaf(leaf) => Task::new(self.leaf(leaf)),
            Plan::Serial(plans) => {
                let tasks: Vec<_> = plans.iter().map(|plan| self.build(plan)).collect();
                if self.fault == Fault::GoesOn { parallel([parallel(tasks)]) } else { serial(tasks) }
            }
            Plan::Parallel(plans) => parallel(plans.iter().map(|plan| self.build(plan)).collect::<Vec<_>>()),
            Plan::Retry(times, plan) => {
                let times = times - u32::from(self.fault == Fault::FewerTries && *times > 1);
                self.build(plan).retry(Retry::times(times))
            }
            Plan::Repeat(times, plan) => self.build(plan).repeat(*times, Duration::ZERO),
            Plan::Guaranteed(plan) => self.build(plan).guaranteed(|_| ()),
            Plan::Timeout(plan) => self.build(plan).timeout(HOUR),
            Plan::Routine(prepare, main, cleanup) => {
                let prepare = prepare.as_ref().map(|leaf| self.leaf(leaf));
                let routine = Routine::new(self.build(main));
                let routine = routine.daemon("daemon", |context: &Context| {
                    assert!(context.done().recv().is_err());
                    Ok(())
                });
                let routine = match prepare {
                    Some(prepare) => routine.prepare(prepare),
                    None => routine,
                };
                match cleanup.as_ref().map(|leaf| self.leaf(leaf)) {
                    Some(cleanup) if self.fault != Fault::NoCleanup => Task::of(routine.cleanup(cleanup)),
                    _ => Task::of(routine),
                }
            }
        }
    }
}

/// What the specification says: the leaves that are executed, and the errors of which one comes out; none if it ends well.
#[derive(Default)]
struct Specified {
    log: Vec<usize>,
}

type Errors = BTreeSet<String>;

impl Specified {
    fn leaf(&mut self, number: usize, leaf: &Leaf) -> Errors {
        let before = self.log.iter().filter(|other| **other == number).count();
        self.log.push(number);
        if before < usize::from(leaf.0) { [format!("a panic: {number}")].into() } else { Errors::new() }
    }

    /// Executes a plan whose first leaf has this number.
    fn run(&mut self, first: usize, plan: &Plan) -> Errors {
        match plan {
            Plan::Leaf(leaf) => self.leaf(first, leaf),
            Plan::Serial(plans) => {
                let found = numbered(first, plans).map(|(first, plan)| self.run(first, plan));
                found.into_iter().find(|errors| !errors.is_empty()).unwrap_or_default()
            }
            Plan::Parallel(plans) => {
                numbered(first, plans).flat_map(|(first, plan)| self.run(first, plan)).collect()
            }
            Plan::Retry(times, plan) => {
                let mut errors = Errors::new();
                for _ in 0..(*times).max(1) {
                    errors = self.run(first, plan);
                    if errors.is_empty() {
                        break;
                    }
                }
                errors
            }
            Plan::Repeat(times, plan) => {
                let mut runs = (0..*times).map(|_| self.run(first, plan));
                runs.find(|errors| !errors.is_empty()).unwrap_or_default()
            }
            Plan::Guaranteed(plan) => {
                self.run(first, plan);
                Errors::new()
            }
            Plan::Timeout(plan) => self.run(first, plan),
            Plan::Routine(prepare, main, cleanup) => {
                if let Some(leaf) = prepare {
                    let errors = self.leaf(first, leaf);
                    if !errors.is_empty() {
                        return errors;
                    }
                }
                let first = first + usize::from(prepare.is_some());
                let errors = self.run(first, main);
                let cleaned = cleanup.as_ref().map(|leaf| self.leaf(first + leaves_of(main), leaf));
                if errors.is_empty() { cleaned.unwrap_or_default() } else { errors }
            }
        }
    }
}

/// Returns each plan with the number of its first leaf.
fn numbered(first: usize, plans: &[Plan]) -> impl Iterator<Item = (usize, &Plan)> {
    plans.iter().scan(first, |next, plan| {
        let first = *next;
        *next += leaves_of(plan);
        Some((first, plan))
    })
}

fn leaves_of(plan: &Plan) -> usize {
    match plan {
        Plan::Leaf(_) => 1,
        Plan::Serial(plans) | Plan::Parallel(plans) => plans.iter().map(leaves_of).sum(),
        Plan::Retry(_, plan) | Plan::Repeat(_, plan) | Plan::Guaranteed(plan) | Plan::Timeout(plan) => {
            leaves_of(plan)
        }
        Plan::Routine(prepare, main, cleanup) => {
            usize::from(prepare.is_some()) + leaves_of(main) + usize::from(cleanup.is_some())
        }
    }
}

fn is_parallel(plan: &Plan) -> bool {
    match plan {
        Plan::Leaf(_) => false,
        Plan::Parallel(plans) => plans.len() > 1 || plans.iter().any(is_parallel),
        Plan::Serial(plans) => plans.iter().any(is_parallel),
        Plan::Retry(_, plan) | Plan::Repeat(_, plan) | Plan::Guaranteed(plan) | Plan::Timeout(plan) => {
            is_parallel(plan)
        }
        Plan::Routine(_, main, _) => is_parallel(main),
    }
}

/// Executes a plan, and compares it with the specification.
fn check(plan: &Plan, fault: Fault) -> Result<(), String> {
    let mut specified = Specified::default();
    let errors = specified.run(0, plan);
    let mut tasks = Tasks { log: Log::default(), leaves: 0, fault };
    let task = tasks.build(plan);
    let outcome = task.execute(&background());
    drop(task);
    let Tasks { log, .. } = tasks;
    if Arc::strong_count(&log) != 1 {
        return Err("a task is left".to_string());
    }
    let mut log = core::mem::take(&mut *log.lock().expect("no panic"));
    if is_parallel(plan) {
        log.sort_unstable();
        specified.log.sort_unstable();
    }
    if log != specified.log {
        return Err(format!("executed {log:?}, specified {:?}", specified.log));
    }
    match outcome {
        Ok(()) if errors.is_empty() => Ok(()),
        Err(error) if errors.contains(&error.to_string()) => Ok(()),
        other => Err(format!("ends with {other:?}, specified {errors:?}")),
    }
}

fn check_on_goroutines(plan: &Plan) -> Result<(), String> {
    Builder::new().procs(2).run(|| {
        let result = check(plan, Fault::None);
        while num_goroutine() > 1 {
            gosched();
        }
        result
    })
}

proptest! {
    #![proptest_config(Config { failure_persistence: None, ..Config::with_cases(300) })]

    #[test]
    fn trees_of_tasks_end_as_specified(plan in plans()) {
        check(&plan, Fault::None).map_err(TestCaseError::fail)?;
        check_on_goroutines(&plan).map_err(TestCaseError::fail)?;
    }
}

#[test]
fn builders_that_are_broken_are_found() {
    for fault in [Fault::FewerTries, Fault::GoesOn, Fault::NoCleanup] {
        let mut runner = TestRunner::deterministic();
        let found = (0..1000).any(|_| {
            let plan = plans().new_tree(&mut runner).expect("a plan").current();
            check(&plan, fault).is_err()
        });
        assert!(found, "a fault is not found");
    }
}
