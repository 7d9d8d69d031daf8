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

    /// Returns the limits of a phase of the exploration that begins after `done` executions: its own number of
    /// executions and its share of the time, a `parts`-th, and never more than these limits leave.
    #[cfg(any(feature = "graph", feature = "shuttle"))]
    pub(super) fn of_phase(&self, done: u64, executions: u64, parts: u32) -> Limits {
        let last = done.saturating_add(executions);
        let until = self.time.map(|limit| limit.min(self.started.elapsed() + limit / parts));
        let executions = self.executions.map_or(last, |limit| limit.min(last));
        Limits { started: self.started, time: until, executions: Some(executions) }
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

#[cfg(all(test, any(feature = "graph", feature = "shuttle")))]
mod tests {
    use super::*;

    #[test]
    fn a_phase_keeps_to_its_own_number_and_to_the_limit_on_all() {
        let all = Limits::new(None, Some(100));
        let phase = all.of_phase(10, 50, 2);
        assert_eq!((phase.reached(59), phase.reached(60)), (None, Some(Cut::Executions(60))));
        assert_eq!(all.of_phase(80, 50, 2).reached(100), Some(Cut::Executions(100)));
    }

    #[test]
    fn a_phase_has_its_share_of_the_time() {
        let all = Limits::new(Some(Duration::ZERO), None);
        assert!(matches!(all.of_phase(0, 50, 2).reached(1), Some(Cut::Time(_))));
        let long = Limits::new(Some(Duration::from_secs(1 << 20)), None);
        assert_eq!(long.of_phase(0, 50, 2).reached(1), None);
    }
}
