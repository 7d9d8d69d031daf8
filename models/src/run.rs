//! Running the table.

use crate::model::Model;
use crate::mutant::Mutant;
use selvedge_check::{Checker, Counters, Engine, Report};
use std::path::PathBuf;
use std::time::Duration;

/// How far to go with each model.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Time for each model under each engine.
    pub time_limit: Duration,
    /// Executions for each model under each engine.
    pub executions: Option<u64>,
    /// Native runs.
    pub runs: u64,
    /// Jobs that rc11 shares an exploration among.
    pub jobs: usize,
    /// The share of each exploration that rc11 does: which of how many.
    pub shard: Option<(usize, usize)>,
    /// Where rc11 leaves what it did not come to.
    pub checkpoint: Option<PathBuf>,
    /// No preemption bounds, but for mutants, which are caught with few preemptions.
    pub full: bool,
}

impl Effort {
    /// What tests and `selvedge verify` do by themselves.
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

/// Far more than a mutant takes that is caught, in each of the steps below: one that is not must not pass for a slow
/// machine's fault.
const MUTANT_LIMIT: Duration = Duration::from_secs(60);

/// The most events that an execution of a bounded model may have under rc11: operations that break each
/// other's cells and try again could go on for ever. The longest models take about 500 if they don't.
const EVENTS: u32 = 600;

/// How long executions may become, step by step: what can go wrong mostly does so in a short one, and there are far
/// fewer of them.
const STEPS: [u32; 4] = [80, 120, 180, 240];

/// The settings of a model under an engine.
pub(crate) fn checker(model: &Model, engine: Engine) -> Checker {
    Checker::new()
        .name(model.name)
        .ignore_environment()
        .engines([engine])
        .preemption_bound(model.bound)
        .rc11_event_bound(model.bound.map(|_| EVENTS))
}

/// Runs a model under one engine.
pub fn run_model(model: &Model, engine: Engine, effort: &Effort, counters: SharedCounters) -> Report {
    let mut checker =
        checker(model, engine).iterations(effort.runs).time_limit(effort.time_limit).counters(counters);
    if let Some(limit) = effort.executions {
        checker = checker.max_executions(limit);
    }
    checker = checker.jobs(effort.jobs);
    if let Some((shard, shards)) = effort.shard {
        checker = checker.shard(shard, shards);
    }
    if let Some(folder) = &effort.checkpoint {
        checker = checker.checkpoint(folder.join(format!("{}.json", model.name.replace(':', "_"))));
    }
    if effort.full {
        checker = checker.preemption_bound(None);
    }
    let whole = effort.executions.is_none() && effort.shard.is_none() && effort.checkpoint.is_none();
    if engine == Engine::Rc11 && model.bound.is_some() && whole {
        // Half the time, for what no other search comes to.
        let step = checker.clone().time_limit(effort.time_limit / (2 * STEPS.len() as u32));
        let mut steps =
            STEPS.iter().map(|bound| only(step.clone().rc11_event_bound(Some(*bound)).run(model.body)));
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
/// What it came to, if it was not caught as it must be.
pub fn run_mutant(
    model: &Model,
    mutant: &Mutant,
    engine: Engine,
    effort: &Effort,
    counters: SharedCounters,
) -> Result<(), String> {
    let checker = checker(model, engine)
        .iterations(effort.runs)
        .time_limit(MUTANT_LIMIT)
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

/// Most mutants fail with one preemption, if not in short executions.
fn steps_of_a_mutant(checker: &Checker, bound: Option<usize>, engine: Engine) -> Vec<Checker> {
    let few = Some(1).filter(|few| bound.is_none_or(|bound| bound > *few));
    let shorter = if engine == Engine::Rc11 { &STEPS[..] } else { &[] };
    let bounds = few.map(Some).into_iter().chain([bound]);
    let with_bound = |bound| checker.clone().preemption_bound(bound);
    bounds
        .flat_map(|bound| {
            let checker = with_bound(bound);
            shorter.iter().chain([&EVENTS]).map(move |length| checker.clone().rc11_event_bound(Some(*length)))
        })
        .collect()
}

fn only(mut reports: Vec<Report>) -> Report {
    reports.pop().expect("one engine gives one report")
}

/// The harness's counters, shared between the run and whoever shows its progress. They count the
/// harness's work, outside any model.
#[allow(clippy::disallowed_types, reason = "the harness's own counters, outside any model")]
pub type SharedCounters = std::sync::Arc<Counters>;
