//! Audits the primitives: which models meet an operation, which of them fail without it, and how they end with edits.

use crate::model::Model;
use crate::run::{SharedCounters, checker};
use cargo_selvedge::Trial;
use selvedge_check::audit::{Candidate, Outcome, SourceEdit};
use selvedge_check::{Engine, Report, Use, Verdict};
use std::time::Duration;

/// How far to go with each model and change.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Time for each run.
    pub time_limit: Duration,
}

/// How many events an execution under the graph engine may have, step by step: short executions show most.
const EVENTS: [u32; 2] = [80, 160];

/// Returns the operations that a model meets.
///
/// # Errors
/// If the model fails as it is, within the bounds in which it is judged: then every change would seem to make it fail.
pub fn survey(model: &Model, engine: Engine, effort: &Effort) -> Result<Vec<Use>, Box<Report>> {
    let checker = checker(model, engine).time_limit(effort.time_limit);
    let steps: &[u32] = if engine == Engine::Graph { &EVENTS } else { &[] };
    let short = steps.iter().flat_map(|events| {
        let bound = model.bound.map(|_| *events);
        checker.clone().event_bound(bound).run(model.body)
    });
    let (report, met) = checker.survey(model.body);
    match short.chain([report]).find(|report| report.verdict.failure().is_some()) {
        Some(failed) => Err(Box::new(failed)),
        None => Ok(met),
    }
}

/// Runs models with the change until one fails.
pub fn judge(
    candidate: &Candidate,
    pairs: &[(&Model, Engine)],
    effort: &Effort,
    counters: &SharedCounters,
) -> Outcome {
    let all = pairs.iter().map(|(model, _)| model.name.to_string()).collect();
    let mut outcome = Outcome::CannotJudge { models: all };
    for events in EVENTS {
        let mut round: Option<Outcome> = None;
        for (model, engine) in pairs.iter().filter(|(_, engine)| candidate.is_judged_by(*engine)) {
            if *engine != Engine::Graph && events != EVENTS[0] {
                continue;
            }
            let checker = checker(model, *engine)
                .event_bound(model.bound.map(|_| events))
                .time_limit(effort.time_limit)
                .counters(counters.clone())
                .shrink(false)
                .mutate(candidate.mutation.clone());
            for report in checker.run(model.body) {
                let of_this = Outcome::of(&report, model.name);
                if matches!(of_this, Outcome::Needed { .. }) {
                    return of_this;
                }
                round = Some(match round {
                    Some(others) => others.and(of_this),
                    None => of_this,
                });
            }
        }
        outcome = round.unwrap_or(outcome);
    }
    let exposes = |(model, engine): &(&Model, Engine)| {
        let checker = checker(model, *engine)
            .event_bound(model.bound.map(|_| EVENTS[0]))
            .time_limit(effort.time_limit)
            .shrink(false)
            .mutate(candidate.mutation.clone());
        checker.survey_load_buffering(model.body).1.is_some()
    };
    let exposed = pairs.iter().filter(|(_, engine)| *engine == Engine::Graph).any(exposes);
    outcome.with_load_buffering(exposed)
}

/// Runs models under the graph engine with edits of the source until one fails. Returns how that ended, and which models
/// were not explored to the end.
///
/// # Errors
/// If an edit names no operation or no ordering.
pub fn try_edits(
    models: &[&Model],
    edits: &[SourceEdit],
    effort: &Effort,
) -> Result<(Trial, Vec<String>), String> {
    let (mut trial, mut bounded) = (Trial::Passed, Vec::new());
    for events in EVENTS {
        bounded.clear();
        for model in models {
            let checker = checker(model, Engine::Graph)
                .event_bound(model.bound.map(|_| events))
                .time_limit(effort.time_limit)
                .shrink(false)
                .source_edits(edits)?;
            let (report, exposed) = checker.survey_load_buffering(model.body);
            match &report.verdict {
                Verdict::Exhaustive => (),
                Verdict::Searched { bounds, .. } => bounded.push(format!("{} ({bounds})", model.name)),
                _ => return Ok((Trial::Failed, bounded)),
            }
            if exposed.is_some() {
                trial = Trial::LoadBuffering;
            }
        }
    }
    Ok((trial, bounded))
}
