//! Runs the models and their mutants.

use crate::model::Model;
use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge_check::{Checker, Counters, Engine, Report};
use std::path::PathBuf;
use std::time::Duration;

/// How far to go with each model.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Time for each model under each engine.
    pub time_limit: Duration,
    /// Executions of each search of a model under each engine.
    pub executions: Option<u64>,
    /// Native runs.
    pub runs: u64,
    /// Jobs that the graph engine shares an exploration among.
    pub jobs: usize,
    /// The share of each exploration that the graph engine does: which of how many.
    pub shard: Option<(usize, usize)>,
    /// The folder in which the graph engine saves what it has not explored.
    pub checkpoint: Option<PathBuf>,
    /// Whether models have no preemption bounds, and wider bounds on retries; mutants, which are caught with few preemptions,
    /// keep theirs.
    pub full: bool,
}

impl Effort {
    /// The effort of `selvedge verify` and of tests, before their own settings.
    pub const STANDARD: Effort = Effort {
        time_limit: Duration::from_secs(10),
        executions: None,
        runs: 300,
        jobs: 1,
        shard: None,
        checkpoint: None,
        full: false,
    };
}

/// The executions for a mutant in each of the steps of [`STEPS`]: far more than a mutant takes that is caught. No time limits
/// it, so that a slow machine does not miss one.
const MUTANT_LIMIT: u64 = 1_000_000;

/// The most events that an execution of a bounded model may have under the graph engine: operations that break each
/// other's cells and retry could go on for ever. The longest executions without such retries have about 500.
const EVENTS: u32 = 600;

/// How many events executions may have, step by step: most failures show in a short execution, and there are far
/// fewer short ones.
const STEPS: [u32; 4] = [80, 120, 180, 240];

/// Returns the settings of a model under an engine.
pub(crate) fn checker(model: &Model, engine: Engine) -> Checker {
    Checker::new()
        .name(model.name)
        .ignore_environment()
        .engines([engine])
        .primitives(model.primitives)
        .preemption_bound(model.bound)
        .event_bound(model.bound.map(|_| EVENTS))
}

/// Runs a model under one engine: explores it as far as its row says, or searches it.
pub fn run_model(model: &Model, engine: Engine, effort: &Effort, counters: SharedCounters) -> Report {
    let is_whole = effort.shard.is_none() && effort.checkpoint.is_none();
    let further = model.reach(false).filter(|_| effort.full).map(Reach::further);
    let reach = model.reach(effort.full).or(further).filter(|_| engine == Engine::Graph);
    let Some(reach) = reach else { return search(model, engine, effort, counters) };
    if reach != Reach::Everything && is_whole {
        // What is beyond the bound on retries is searched, as if there were none.
        let effort = Effort { time_limit: effort.time_limit / 2, full: false, ..effort.clone() };
        let searched = search(model, engine, &effort, counters.clone());
        if !searched.verdict.passed() {
            return searched;
        }
    }
    only(reach.bound(limited(model, engine, effort, counters)).run(model.body))
}

/// Returns the settings of a model under an engine, with the limits of an effort but that on executions.
fn limited(model: &Model, engine: Engine, effort: &Effort, counters: SharedCounters) -> Checker {
    let checker = checker(model, engine).iterations(effort.runs).time_limit(effort.time_limit);
    let checker = checker.counters(counters).jobs(effort.jobs);
    let checker = match effort.shard {
        Some((shard, shards)) => checker.shard(shard, shards),
        None => checker,
    };
    match &effort.checkpoint {
        Some(folder) => checker.checkpoint(folder.join(format!("{}.json", model.name.replace(':', "_")))),
        None => checker,
    }
}

/// Searches a model within its bound on preemptions; with `full` without.
fn search(model: &Model, engine: Engine, effort: &Effort, counters: SharedCounters) -> Report {
    let mut checker = limited(model, engine, effort, counters);
    if let Some(limit) = effort.executions {
        checker = checker.max_executions(limit);
    }
    if effort.full {
        checker = checker.preemption_bound(None);
    }
    let whole = effort.executions.is_none() && effort.shard.is_none() && effort.checkpoint.is_none();
    if engine == Engine::Graph && model.bound.is_some() && whole {
        // The steps have half of the time; the search without their limits has the other half.
        let step = checker.clone().time_limit(effort.time_limit / (2 * STEPS.len() as u32));
        let mut steps =
            STEPS.iter().map(|bound| only(step.clone().event_bound(Some(*bound)).run(model.body)));
        if let Some(failed) = steps.find(|report| report.verdict.failure().is_some()) {
            return failed;
        }
        checker = checker.time_limit(effort.time_limit / 2);
    }
    only(checker.run(model.body))
}

/// Runs a mutant of a model under an engine that can catch it.
///
/// # Errors
/// If the mutant was not caught as it must be: what the run came to.
pub fn run_mutant(
    model: &Model,
    mutant: &Mutant,
    engine: Engine,
    effort: &Effort,
    counters: SharedCounters,
) -> Result<(), String> {
    let checker = checker(model, engine)
        .iterations(effort.runs)
        .time_limit(None)
        .max_executions(MUTANT_LIMIT)
        .counters(counters)
        .shrink(false);
    let checker = mutant.mutations().into_iter().fold(checker, Checker::mutate);
    let mut judged = Ok(());
    for step in steps_of_a_mutant(&checker, model.bound, engine) {
        let report = only(step.run(model.body));
        judged = mutant.judge(&report);
        if report.verdict.failure().is_some() {
            break;
        }
    }
    judged
}

/// Returns the searches that are tried in turn: most mutants fail with one preemption, and in short executions.
fn steps_of_a_mutant(checker: &Checker, bound: Option<usize>, engine: Engine) -> Vec<Checker> {
    let few = Some(1).filter(|few| bound.is_none_or(|bound| bound > *few));
    let shorter = if engine == Engine::Graph { &STEPS[..] } else { &[] };
    let bounds = few.map(Some).into_iter().chain([bound]);
    let with_bound = |bound| checker.clone().preemption_bound(bound);
    bounds
        .flat_map(|bound| {
            let checker = with_bound(bound);
            shorter.iter().chain([&EVENTS]).map(move |length| checker.clone().event_bound(Some(*length)))
        })
        .collect()
}

fn only(mut reports: Vec<Report>) -> Report {
    reports.pop().expect("one engine gives one report")
}

/// The counters of a run, shared with the display of its progress. They count the work of the harness, outside any
/// model.
#[allow(clippy::disallowed_types, reason = "the harness's own counters, outside any model")]
pub type SharedCounters = std::sync::Arc<Counters>;
