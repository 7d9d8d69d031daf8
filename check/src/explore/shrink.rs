//! Failures with fewer preemptions, found by looking again under lower bounds.

use super::{End, Found, Model, Phase, Plan, explore};
use crate::Engine;
use std::sync::Arc;
use std::time::Duration;

/// The bounds to try.
const BOUNDS: usize = 3;

/// How many executions a look under one bound explores. A number, so that a run's report does not depend on the speed of the
/// machine.
const EXECUTIONS: u64 = 2_000;

/// How long a look may take whose executions are long: more would keep the reader waiting.
const TIME: Duration = Duration::from_secs(5);

/// Returns the failure with the fewest preemptions that a short search finds. A schedule of shuttle's has been
/// shortened already.
pub(super) fn fewest_preemptions(plan: &Plan, model: &Model, found: Box<Found>) -> Box<Found> {
    if !matches!(plan.engine, Engine::Loom | Engine::Graph) {
        return found;
    }
    let fewest = match found.phase {
        Some(Phase::Preemptions(bound)) => Some(bound),
        _ => plan.preemptions,
    };
    for bound in 0..fewest.unwrap_or(BOUNDS).min(BOUNDS) {
        let mut lower = Plan {
            preemptions: Some(bound),
            counters: Arc::default(),
            max_executions: Some(EXECUTIONS),
            time_limit: Some(TIME),
            find_first: false,
            ..plan.clone()
        };
        (lower.graph.checkpoint, lower.graph.shard, lower.graph.jobs) = (None, None, 1);
        if let End::Failed(mut fewer) = explore(&lower, model).end
            && fewer.failure.kind == found.failure.kind
        {
            fewer.failure.execution = found.failure.execution;
            fewer.phase = found.phase;
            return fewer;
        }
    }
    found
}
