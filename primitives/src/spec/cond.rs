//! A condition: a queue of the threads that wait, first come, first served.
//!
//! A wait *arrives*: it takes a place in the queue, while its thread has the lock. Then the thread unlocks, and the wait
//! *completes* when a signal has taken it out of the queue. A timed wait completes, or withdraws from the queue. The signal
//! happens before the completion of the wait that it ends.

use super::stopped::{self, Ended, Stoppable, Stopped};
use super::{done, pass_until, timed};
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;

/// A condition as specified.
pub(crate) struct Cond(Object<State>);

/// The state of a condition.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// The arrivals of the threads that wait.
    waiting: Vec<StepId>,
    /// The arrivals of the threads that a signal has woken, each with the signal.
    woken: Vec<(StepId, StepId)>,
    /// The address of the lock with which the threads wait.
    lock: usize,
    stopped: Stopped,
}

impl State {
    const IDLE: State = State { waiting: Vec::new(), woken: Vec::new(), lock: 0, stopped: Stopped::NONE };

    /// Takes a place in the queue; returns `None` if other threads wait with another lock.
    fn arrive(&self, me: StepId, lock: usize) -> Done<State, Option<StepId>> {
        if !self.waiting.is_empty() && self.lock != lock {
            return done(self.clone(), None, None);
        }
        let waiting = self.waiting.iter().copied().chain([me]).collect();
        done(State { waiting, lock, ..self.clone() }, Some(me), None)
    }

    /// Ends the first `count` waits.
    fn signal(&self, me: StepId, count: usize) -> Done<State, bool> {
        let mut state = self.clone();
        let count = if is_twin() { usize::MAX } else { count }; // site: wakes-too-many
        let count = count.min(state.waiting.len());
        let last = count == 1 && is_twin(); // site: wakes-the-last
        let from = if last { state.waiting.len() - 1 } else { 0 };
        let woken = state.waiting.drain(from..from + count).map(|arrival| (arrival, me));
        let lost = is_twin(); // site: lost-signal
        state.woken.extend(woken.filter(|_| !lost));
        done(state, count > 0, None)
    }

    fn complete(&self, arrival: StepId) -> Option<Done<State, ()>> {
        let at = self.woken.iter().position(|(woken, _)| *woken == arrival)?;
        let mut state = self.clone();
        let (_, signal) = state.woken.remove(at);
        Some(done(state, (), [signal]))
    }

    /// Completes a wait or withdraws it, and returns whether it was signalled.
    fn complete_or_withdraw(&self, arrival: StepId) -> Done<State, bool> {
        match self.complete(arrival) {
            Some(Done { state, after, .. }) => Done { state, result: true, after },
            None => done(self.withdraw(arrival), false, None),
        }
    }

    fn withdraw(&self, arrival: StepId) -> State {
        let others = self.waiting.iter().copied().filter(|other| *other != arrival);
        State { waiting: others.collect(), ..self.clone() }
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

impl Cond {
    constructor! {
        pub(crate) fn new(kind: &'static str) -> Cond {
            Cond(Object::new(kind, State::IDLE))
        }
    }

    pub(crate) const fn const_new(kind: &'static str) -> Cond {
        Cond(Object::const_new(kind, State::IDLE))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Takes a place in the queue; returns `None` if other threads wait with another lock than the one at this address.
    #[track_caller]
    pub(crate) fn arrive(&self, lock: usize) -> Option<StepId> {
        self.0.step("wait", |state, me| Some(state.arrive(me, lock)))
    }

    /// Waits for a signal, as long as the wait may last, and returns whether there was one.
    #[track_caller]
    pub(crate) fn complete(&self, arrival: StepId, until: Until<'_>) -> bool {
        if until.stop.is_some() {
            let over = |state: &State, _| state.complete(arrival);
            let given_up = |state: &State| state.withdraw(arrival);
            let ended = stopped::wait(&self.0, "be signalled or stopped", until, over, given_up);
            return matches!(ended, Ended::Over(()));
        }
        let Some(deadline) = until.deadline else {
            self.0.step("be signalled", |state, _| state.complete(arrival));
            return true;
        };
        let signalled = self.0.step_until("be signalled or time out", deadline, |state, _, is_due| {
            timed(state.complete_or_withdraw(arrival), is_due)
        });
        if !signalled {
            pass_until(deadline);
        }
        signalled
    }

    /// Ends the wait of the thread that has waited longest, and returns whether a thread waited.
    #[track_caller]
    pub(crate) fn signal(&self) -> bool {
        self.0.step("signal", |state, me| Some(state.signal(me, 1)))
    }

    #[track_caller]
    pub(crate) fn broadcast(&self) {
        self.0.step("broadcast", |state, me| Some(state.signal(me, usize::MAX)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    fn two_wait() -> State {
        State::IDLE.arrive(step(1), 8).state.arrive(step(2), 8).state
    }

    #[test]
    fn a_signal_wakes_the_thread_that_has_waited_longest_and_comes_before_its_return() {
        let signalled = two_wait().signal(step(3), 1);
        assert!(signalled.result && signalled.state.complete(step(2)).is_none());
        assert_eq!(signalled.state.complete(step(1)).expect("it was signalled").after, [step(3)]);
        assert!(!State::IDLE.signal(step(1), 1).result, "no thread waits");
    }

    #[test]
    fn a_broadcast_wakes_those_who_wait_and_none_that_comes_later() {
        let all = two_wait().signal(step(3), usize::MAX).state.arrive(step(4), 8).state;
        assert!([1, 2].iter().all(|wait| all.complete(step(*wait)).is_some()));
        assert!(all.complete(step(4)).is_none());
    }

    #[test]
    fn a_wait_that_times_out_takes_no_signal() {
        let one = two_wait().complete_or_withdraw(step(1));
        assert!(!one.result);
        let signalled = one.state.signal(step(3), 1).state.complete_or_withdraw(step(2));
        assert!(signalled.result && signalled.after == [step(3)]);
    }

    #[test]
    fn two_locks_are_misuse_while_a_thread_waits() {
        assert_eq!(two_wait().arrive(step(3), 16).result, None);
        assert_eq!(State::IDLE.arrive(step(3), 16).result, Some(step(3)));
    }
}
