//! Running the table.

use crate::table::Model;
use crate::twin::Twin;
use selvedge_check::{Checker, Counters, Engine, Report};
use std::time::Duration;

/// How far to go with each model.
#[derive(Clone, Debug)]
pub struct Effort {
    /// Time for each model or twin under each engine.
    pub time_limit: Duration,
    /// Native runs.
    pub runs: u64,
    /// No preemption bounds.
    pub full: bool,
}

impl Effort {
    /// What tests and `selvedge verify` do by themselves.
    pub const STANDARD: Effort = Effort { time_limit: Duration::from_secs(10), runs: 300, full: false };
}

fn checker(model: &Model, engine: Engine, effort: &Effort) -> Checker {
    let bound = if effort.full { None } else { model.bound };
    Checker::new()
        .name(model.name)
        .ignore_environment()
        .engines([engine])
        .preemption_bound(bound)
        .iterations(effort.runs)
        .time_limit(effort.time_limit)
}

/// Runs a model under one engine.
pub fn run_model(model: &Model, engine: Engine, effort: &Effort, counters: SharedCounters) -> Report {
    only(checker(model, engine, effort).counters(counters).run(model.body))
}

/// Runs a twin of a model under an engine that can catch it.
///
/// # Errors
/// What it came to, if it was not caught as it must be.
pub fn run_twin(
    model: &Model,
    twin: &Twin,
    engine: Engine,
    effort: &Effort,
    counters: SharedCounters,
) -> Result<(), String> {
    let checker = checker(model, engine, effort).mutate(twin.mutation()).counters(counters);
    twin.judge(&only(checker.run(model.body)))
}

fn only(mut reports: Vec<Report>) -> Report {
    reports.pop().expect("one engine gives one report")
}

/// The harness's counters, shared between the run and whoever shows its progress. They count the
/// harness's work, outside any model.
#[allow(clippy::disallowed_types, reason = "the harness's own counters, outside any model")]
pub type SharedCounters = std::sync::Arc<Counters>;
