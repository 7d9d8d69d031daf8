//! A count of tasks, and the waits for it to come to zero.
//!
//! A wait is one step, enabled while no task is left: a wait that sees the count at zero may return, also if tasks are
//! added before its thread goes on. Every `done` of a round, which ends when the count comes to zero, happens before the
//! return of a wait that finds the count at the end of that round. It also happens before the next task is added to the
//! empty group. That is more than is promised, and is there because each addition to an empty group writes the cell by
//! which a checker notices an addition that races with a wait: two additions are to race with waits, not with each other.
//!
//! Under an engine with graphs, the ends of tasks need no order as long as each thread that ends one knows of enough
//! additions ([`apart`]).

mod apart;

use super::stopped::{self, Ended, Stoppable, Stopped};
use super::{done, pass_until};
use crate::rt::spec::{Done, Native, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;

/// A group as specified.
pub(crate) struct WaitGroup(Object<State>, Native<apart::Apart>);

/// The state of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    left: u32,
    /// How often the count has come to zero.
    round: u32,
    /// The ends of tasks in this round.
    done: Vec<StepId>,
    /// The ends of tasks in the round before.
    ended: Vec<StepId>,
    stopped: Stopped,
}

impl State {
    const EMPTY: State =
        State { left: 0, round: 0, done: Vec::new(), ended: Vec::new(), stopped: Stopped::NONE };

    /// Adds tasks, and returns how many are left; `None` if they are too many.
    fn add(&self, n: u32) -> Done<State, Option<u32>> {
        match self.left.checked_add(n) {
            Some(left) => {
                let ended = self.ended.iter().copied().filter(|_| self.left == 0);
                done(State { left, ..self.clone() }, Some(left), ended)
            }
            None => done(self.clone(), None, None),
        }
    }

    /// Ends a task; returns `false` if none is left.
    fn done(&self, me: StepId) -> Done<State, bool> {
        let mut state = self.clone();
        state.done.push(me);
        match self.left {
            0 => done(self.clone(), false, None),
            1 if is_twin() => done(self.clone(), true, None), // site: lost-done
            1 => {
                state.ended = core::mem::take(&mut state.done);
                done(State { left: 0, round: self.round.wrapping_add(1), ..state }, true, None)
            }
            left => done(State { left: left - 1, ..state }, true, None),
        }
    }

    /// Returns the round that is about to begin.
    fn wait(&self) -> Option<Done<State, u32>> {
        let none_left = self.left == 0 || self.left == 1 && is_twin(); // site: early-wait
        none_left.then(|| done(self.clone(), self.round, self.ended.iter().copied()))
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

impl WaitGroup {
    #[track_caller]
    pub(crate) fn new() -> WaitGroup {
        let state = Object::new("waitgroup", State::EMPTY);
        let apart = Native::new(|| apart::Apart::new(&state));
        WaitGroup(state, apart)
    }

    fn apart(&self) -> Option<&apart::Apart> {
        self.1.get().filter(|apart| !apart.is_looked_at())
    }

    /// Notes that the program looks at the count, for which all operations need one order.
    fn look(&self) {
        if let Some(apart) = self.apart() {
            apart.look();
        }
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Adds tasks, and returns whether a race of this with a wait is to be noticed, as the group may be empty and be waited
    /// for; `None` if the tasks are too many.
    #[track_caller]
    pub(crate) fn add(&self, n: u32) -> Option<bool> {
        if let Some(apart) = self.apart() {
            apart.add(n);
            return Some(false);
        }
        self.0.step("add", |state, _| Some(state.add(n))).map(|left| left == n)
    }

    /// Ends a task; returns `false` if none is left.
    #[track_caller]
    pub(crate) fn done(&self) -> bool {
        if let Some(apart) = self.apart() {
            apart.done();
            return true;
        }
        self.0.step("done", |state, me| Some(state.done(me)))
    }

    /// Waits until no task is left, and returns how often that was so before; `None` when the wait may last no longer.
    #[track_caller]
    pub(crate) fn wait_within(&self, until: Until<'_>) -> Option<u32> {
        if until.stop.is_some() {
            self.look();
            let over = |state: &State, _| state.wait();
            let ended = stopped::wait(&self.0, "wait or be stopped", until, over, State::clone);
            return if let Ended::Over(round) = ended { Some(round) } else { None };
        }
        let Some(deadline) = until.deadline else {
            return Some(match self.apart() {
                Some(apart) => u32::from(apart.wait()),
                None => self.0.step("wait", |state, _| state.wait()),
            });
        };
        self.look();
        let waited = self.0.step_until("wait or time out", deadline, |state, _, is_due| match state.wait() {
            Some(Done { state, result, after }) => Some(Done { state, result: Some(result), after }),
            None => is_due.then(|| done(state.clone(), None, None)),
        });
        if waited.is_none() {
            pass_until(deadline);
        }
        waited
    }

    #[track_caller]
    pub(crate) fn left(&self) -> u32 {
        self.look();
        self.0.step("look", |state, _| Some(done(state.clone(), state.left, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn a_wait_returns_at_zero_after_every_done_of_the_round() {
        assert!(State::EMPTY.wait().is_some_and(|done| done.after.is_empty()));
        let two = State::EMPTY.add(2);
        assert_eq!(two.result, Some(2));
        let one = two.state.done(step(1)).state;
        assert!(one.wait().is_none());
        let none = one.done(step(2)).state;
        let waited = none.wait().expect("no task is left");
        assert_eq!((waited.after.as_slice(), waited.result), ([step(1), step(2)].as_slice(), 1));
        let next = none.add(1).state.done(step(3)).state;
        assert_eq!(next.wait().expect("no task is left").after, [step(3)], "of its own round");
    }

    #[test]
    fn misuse_changes_nothing() {
        assert!(!State::EMPTY.done(step(1)).result);
        let full = State::EMPTY.add(u32::MAX).state;
        assert_eq!(full.add(1).result, None);
        assert_eq!(full.add(1).state, full);
    }
}
