//! Bounding a run to fair schedules.

use super::{Machine, State};
use crate::event::ThreadId;
use crate::explore::Exploration;
use crate::explore::fair::{Judgement, Set, judge, set_of};
use crate::run::{Run, Status};

impl Machine {
    /// Notes that the current thread yields.
    pub(super) fn note_yield(&self) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        if !exploration.is_fair() {
            return;
        }
        let current = run.current as usize;
        exploration.graph.threads[current].note_yield(run.threads[current].cursor);
        if let Some(turns) = &mut run.turns {
            turns.yielded(current);
        }
    }

    /// Judges the graph when the run has replayed it, or is about to replay its last event; gives the run up if it is beyond
    /// the bound.
    #[inline]
    pub(super) fn judge_fairness(&self) {
        if self.options.fair_schedules {
            self.judge_if_due();
        }
    }

    fn judge_if_due(&self) {
        let is_unfair = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let is_last = run.remaining == 1 && run.next_recorded(&exploration.graph).is_some();
            let is_due = run.turns.is_none() && (run.remaining == 0 || is_last);
            exploration.is_fair() && is_due && !run.dead && run.is_unfair(exploration)
        };
        if is_unfair {
            self.dead_end();
        }
    }

    /// Judges the graph with the new event, if it was not within the bound without.
    pub(super) fn judge_again(&self) {
        let is_unfair = self.options.fair_schedules && {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            run.is_open && run.is_unfair(exploration)
        };
        if is_unfair {
            self.dead_end();
        }
    }
}

impl Exploration {
    /// Returns whether executions are bounded to fair schedules.
    pub(super) fn is_fair(&self) -> bool {
        self.fair && !self.is_guided()
    }
}

impl Run {
    /// Judges the graph, and returns whether it is beyond the bound.
    fn is_unfair(&mut self, exploration: &mut Exploration) -> bool {
        let going = |thread: &usize| match &self.threads[*thread].status {
            Status::Ready | Status::Behind(_) | Status::Frontier | Status::Held => true,
            _ => self.is_ready(&exploration.graph, *thread as ThreadId),
        };
        let going = (0..self.threads.len()).filter(going).fold(0, |set: Set, thread| set | set_of(thread));
        let (turns, is_open) = match judge(&exploration.graph, going) {
            Judgement::Fair(turns) => (turns, false),
            Judgement::Open(turns) => (turns, true),
            Judgement::Unfair => {
                exploration.fair_cut = true;
                return true;
            }
        };
        (self.turns, self.is_open) = (Some(turns), is_open);
        false
    }

    /// Returns whether a complete execution has a fair schedule.
    pub(super) fn is_fair(&mut self, exploration: &mut Exploration) -> bool {
        let is_judged = self.turns.is_some() && !self.is_open;
        !exploration.is_fair() || is_judged || !self.is_unfair(exploration)
    }
}
