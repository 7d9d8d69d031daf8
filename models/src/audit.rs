//! Auditing the primitives: which models meet an operation, and which of them fail without it.

use crate::run::{SharedCounters, checker};
use crate::table::Model;
use selvedge_check::audit::{Candidate, Outcome};
use selvedge_check::{Engine, Use};
use std::time::Duration;

/// How far to go with each model and change.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Time for each run.
    pub time_limit: Duration,
}

/// How long executions under rc11 may become, step by step: short ones show most.
const EVENTS: [u32; 2] = [80, 160];

/// The operations that a model meets.
pub fn survey(model: &Model, engine: Engine, effort: &Effort) -> Vec<Use> {
    checker(model, engine).time_limit(effort.time_limit).survey(model.body).1
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
            if *engine != Engine::Rc11 && events != EVENTS[0] {
                continue;
            }
            let checker = checker(model, *engine)
                .rc11_event_bound(model.bound.map(|_| events))
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
    outcome
}
