//! Audits the primitives: which models meet an operation, and which of them fail without it.

use crate::model::Model;
use crate::run::{SharedCounters, checker};
use selvedge_check::audit::{Candidate, Outcome};
use selvedge_check::{Checker, Engine, Report, Use};
use std::time::Duration;

/// How far to go with each run of a model.
#[derive(Clone, Copy, Debug)]
pub enum Effort {
    /// So long.
    Time(Duration),
    /// Through so many executions, however long they take: what comes of it is the same on every machine.
    Executions(u64),
}

impl Effort {
    /// Returns the checker with the limit.
    pub(crate) fn limit(self, checker: Checker) -> Checker {
        match self {
            Effort::Time(limit) => checker.time_limit(limit),
            Effort::Executions(limit) => checker.time_limit(None).max_executions(limit),
        }
    }
}

/// How many events an execution under the graph engine may have, step by step: short executions show most.
pub(crate) const EVENTS: [u32; 2] = [80, 160];

/// Returns the operations that a model meets.
///
/// # Errors
/// If the model fails as it is, within the bounds in which it is judged: then every change would seem to make it fail.
pub fn survey(model: &Model, engine: Engine, effort: &Effort) -> Result<Vec<Use>, Box<Report>> {
    let checker = effort.limit(checker(model, engine));
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
            let checker = effort
                .limit(checker(model, *engine))
                .event_bound(model.bound.map(|_| events))
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
        let checker = effort
            .limit(checker(model, *engine))
            .event_bound(model.bound.map(|_| EVENTS[0]))
            .shrink(false)
            .mutate(candidate.mutation.clone());
        checker.survey_load_buffering(model.body).1.is_some()
    };
    let exposed = pairs.iter().filter(|(_, engine)| *engine == Engine::Graph).any(exposes);
    outcome.with_load_buffering(exposed)
}
