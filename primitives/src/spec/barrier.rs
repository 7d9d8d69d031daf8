//! A barrier: rounds of arrivals.
//!
//! The last arrival of a round completes in the same step. The others complete when their round has ended. All arrivals of
//! a round happen before each completion.

use super::done;
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;

/// A barrier as specified.
pub(crate) struct Barrier(Object<State>);

/// The arrivals of each round; the last round is under way.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    ended: Vec<Vec<StepId>>,
    arrived: Vec<StepId>,
}

impl State {
    const EMPTY: State = State { ended: Vec::new(), arrived: Vec::new() };

    /// Arrives, and returns the round if others are to arrive.
    fn arrive(&self, me: StepId, threads: u64) -> Done<State, Option<usize>> {
        let mut state = self.clone();
        state.arrived.push(me);
        let missing = if is_twin() { 1 } else { 0 }; // site: passes-early
        if ((state.arrived.len() + missing) as u64) < threads {
            let round = state.ended.len();
            return done(state, Some(round), None);
        }
        let round = core::mem::take(&mut state.arrived);
        state.ended.push(round);
        let earlier = self.arrived.iter().copied().filter(|_| !is_twin()); // site: no-edge-to-the-last
        done(state, None, earlier)
    }

    fn complete(&self, round: usize) -> Option<Done<State, ()>> {
        let arrivals = self.ended.get(round)?;
        Some(done(self.clone(), (), arrivals.iter().copied()))
    }
}

impl Barrier {
    constructor! {
        pub(crate) fn new(kind: &'static str) -> Barrier {
            Barrier(Object::new(kind, State::EMPTY))
        }
    }

    pub(crate) const fn const_new(kind: &'static str) -> Barrier {
        Barrier(Object::const_new(kind, State::EMPTY))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Waits until all threads have arrived, and returns whether the calling thread was the last.
    #[track_caller]
    pub(crate) fn wait(&self, threads: u64) -> bool {
        let Some(round) = self.0.step("arrive", |state, me| Some(state.arrive(me, threads))) else {
            return true;
        };
        self.0.step("pass", |state, _| state.complete(round));
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn all_arrivals_of_a_round_come_before_each_that_passes() {
        let first = State::EMPTY.arrive(step(1), 2);
        assert_eq!(first.result, Some(0));
        assert!(first.state.complete(0).is_none());
        let last = first.state.arrive(step(2), 2);
        assert_eq!((last.result, last.after.as_slice()), (None, [step(1)].as_slice()));
        let passed = last.state.complete(0).expect("the round has ended");
        assert_eq!(passed.after, [step(1), step(2)]);
        assert!(last.state.arrive(step(3), 2).state.complete(1).is_none(), "the next round");
    }
}
