//! Failures with fewer preemptions, found by looking again under lower bounds.

use super::{Model, Plan, dispatch};
use crate::{Counterexample, Engine, Verdict};
use selvedge::rt::seam::Counters;
use std::sync::Arc;
use std::time::Duration;

/// The bounds to try, and what each may cost: more would keep the reader waiting.
const BOUNDS: usize = 3;
const TIME: Duration = Duration::from_millis(500);

/// The failure with the fewest preemptions that a short search finds. A schedule of shuttle's has been
/// shortened already.
pub(super) fn fewest_preemptions(
    plan: &Plan,
    model: &Model,
    found: Box<Counterexample>,
) -> Box<Counterexample> {
    if !matches!(plan.engine, Engine::Loom | Engine::Rc11) {
        return found;
    }
    for bound in 0..plan.preemptions.unwrap_or(BOUNDS).min(BOUNDS) {
        let mut lower = plan.clone();
        lower.preemptions = Some(bound);
        (lower.rc11.checkpoint, lower.rc11.shard, lower.rc11.jobs) = (None, None, 1);
        (lower.rc11.explored, lower.counters) = (Arc::default(), Arc::new(Counters::default()));
        (lower.time_limit, lower.out_of_time) = (Some(TIME), Arc::default());
        if let Verdict::Failed(mut fewer) = dispatch(&lower, model)
            && fewer.failure.kind == found.failure.kind
        {
            fewer.failure.execution = found.failure.execution;
            return fewer;
        }
    }
    found
}
