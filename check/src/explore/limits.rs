//! The limits on a whole exploration.

use super::{Cut, Plan};
use std::time::{Duration, Instant};

/// The limits, and when the exploration began.
#[derive(Clone)]
pub(super) struct Limits {
    started: Instant,
    time: Option<Duration>,
    executions: Option<u64>,
}

impl Limits {
    /// Returns the limits of an exploration that begins now.
    pub(super) fn new(time: Option<Duration>, executions: Option<u64>) -> Limits {
        Limits { started: Instant::now(), time, executions }
    }

    /// Returns the limits of the plan's exploration, which begins now.
    pub(super) fn of(plan: &Plan) -> Limits {
        Limits::new(plan.time_limit, plan.max_executions)
    }

    /// Returns the limit that keeps execution number `done + 1` from beginning, if one does. The first execution may
    /// begin at any time.
    pub(super) fn reached(&self, done: u64) -> Option<Cut> {
        if let Some(limit) = self.executions.filter(|limit| done >= *limit) {
            return Some(Cut::Executions(limit));
        }
        self.time.filter(|limit| done > 0 && self.started.elapsed() >= *limit).map(Cut::Time)
    }
}
