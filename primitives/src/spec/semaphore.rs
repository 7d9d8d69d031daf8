//! Permits, taken in the order in which they were given back, and the threads that wait for some, first come, first
//! served.
//!
//! An acquisition *arrives*: it takes its permits if no thread waits and there are enough, or a place in the queue. In the
//! queue it *completes* when it is the first and there are enough permits. It may time out or be stopped instead, and withdraws
//! from the queue in a step of its own: until then others wait behind it.
//!
//! The release of a permit happens before the acquisition that takes that permit. Permits that are there from the beginning
//! go first, so the n-th permit that is released happens before the acquisition of the (n + C)-th permit, and before no
//! earlier one.

use super::done;
use super::stopped::{self, Ended, Stoppable, Stopped};
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;
use std::collections::VecDeque;

/// A semaphore as specified.
pub(crate) struct Semaphore(Object<State>);

/// The state of a semaphore.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    /// The permits that are there from the beginning, and not yet taken.
    fresh: u64,
    /// The permits that have been given back: how many by which release.
    released: VecDeque<(u64, StepId)>,
    /// The arrivals that wait, and how many permits each wants.
    waiting: VecDeque<(StepId, u64)>,
    stopped: Stopped,
}

impl State {
    const fn new(permits: u64) -> State {
        State { fresh: permits, released: VecDeque::new(), waiting: VecDeque::new(), stopped: Stopped::NONE }
    }

    fn available(&self) -> u64 {
        self.fresh + self.released.iter().map(|(count, _)| count).sum::<u64>()
    }

    /// Takes permits, if there are enough.
    fn take(&self, count: u64) -> Option<Done<State, ()>> {
        if self.available() < count {
            return None;
        }
        let mut state = self.clone();
        let fresh = count.min(state.fresh);
        state.fresh -= fresh;
        let (mut missing, mut after) = (count - fresh, Vec::new());
        while missing > 0 {
            let (left, release) = state.released.front_mut()?;
            let taken = missing.min(*left);
            (*left, missing) = (*left - taken, missing - taken);
            after.push(*release);
            state.released.retain(|(left, _)| *left > 0);
        }
        Some(done(state, (), after))
    }

    /// Takes permits, if no thread waits and there are enough.
    fn try_acquire(&self, count: u64) -> Option<Done<State, ()>> {
        let barred = !self.waiting.is_empty() && !is_twin(); // site: overtakes-waiters
        self.take(count).filter(|_| !barred)
    }

    /// Takes permits, or a place in the queue, which it returns.
    fn arrive(&self, me: StepId, count: u64) -> Done<State, Option<StepId>> {
        if let Some(Done { state, after, .. }) = self.try_acquire(count) {
            return done(state, None, after);
        }
        let mut state = self.clone();
        state.waiting.push_back((me, count));
        done(state, Some(me), None)
    }

    fn complete(&self, arrival: StepId) -> Option<Done<State, ()>> {
        let (first, count) = *self.waiting.front()?;
        let Done { mut state, after, .. } = self.take(count).filter(|_| first == arrival)?;
        state.waiting.pop_front();
        Some(done(state, (), after))
    }

    fn withdraw(&self, arrival: StepId) -> State {
        let mut state = self.clone();
        let stays = is_twin(); // site: stays-waiting
        state.waiting.retain(|(other, _)| stays || *other != arrival);
        state
    }

    /// Adds permits; returns `false` if they cannot be counted.
    fn release(&self, me: StepId, count: u64) -> Done<State, bool> {
        if self.available().checked_add(count).is_none() {
            return done(self.clone(), false, None);
        }
        let mut state = self.clone();
        let count = if is_twin() { count - 1 } else { count }; // site: lost-permit
        state.released.push_back((count, me));
        done(state, true, None)
    }
}

/// Makes a step of what may be impossible, and then leaves `state` and returns `false`.
fn tried(state: State, taken: Option<Done<State, ()>>) -> Done<State, bool> {
    match taken {
        Some(Done { state, after, .. }) => Done { state, result: true, after },
        None => done(state, false, None),
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

impl Semaphore {
    constructor! {
        pub(crate) fn new(permits: u64) -> Semaphore {
            Semaphore(Object::new("semaphore", State::new(permits)))
        }
    }

    pub(crate) const fn const_new(permits: u64) -> Semaphore {
        Semaphore(Object::const_new("semaphore", State::new(permits)))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    #[track_caller]
    pub(crate) fn try_acquire(&self, count: u64) -> bool {
        self.0.step("try to acquire", |state, _| Some(tried(state.clone(), state.try_acquire(count))))
    }

    /// Takes permits, or returns `false` when the wait may last no longer.
    #[track_caller]
    pub(crate) fn acquire_within(&self, count: u64, until: Until<'_>) -> bool {
        let Some(arrival) = self.0.step("acquire", |state, me| Some(state.arrive(me, count))) else {
            return true;
        };
        let over = |state: &State, _| state.complete(arrival);
        if until.stop.is_none() && until.deadline.is_none() {
            self.0.step("acquire", over);
            return true;
        }
        let ended = stopped::wait(&self.0, "acquire or give up", until, over, State::clone);
        let acquired = ended == Ended::Over(());
        if !acquired {
            self.0.step("withdraw", |state, _| Some(done(state.withdraw(arrival), (), None)));
        }
        acquired
    }

    /// Adds permits; returns `false` if they cannot be counted.
    #[track_caller]
    pub(crate) fn release(&self, count: u64) -> bool {
        self.0.step("release", |state, me| Some(state.release(me, count)))
    }

    #[track_caller]
    pub(crate) fn available(&self) -> u64 {
        self.0.step("look", |state, _| Some(done(state.clone(), state.available(), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn a_release_comes_before_the_acquisition_of_its_permit_only() {
        let one = State::new(1).release(step(1), 1).state;
        let fresh = one.take(1).expect("there are two");
        assert!(fresh.after.is_empty(), "a permit that was there goes first");
        assert_eq!(fresh.state.take(1).expect("there is one").after, [step(1)]);
        assert_eq!(one.take(2).expect("there are two").after, [step(1)]);
        assert!(one.take(3).is_none());
    }

    #[test]
    fn who_comes_first_is_served_first() {
        let waiting = State::new(1).arrive(step(1), 2).state;
        assert!(waiting.try_acquire(1).is_none(), "a thread waits");
        let second = waiting.arrive(step(2), 1);
        assert_eq!(second.result, Some(step(2)));
        assert!(second.state.complete(step(2)).is_none() && second.state.complete(step(1)).is_none());
        let left = second.state.withdraw(step(1));
        assert!(left.complete(step(2)).is_some());
    }

    #[test]
    fn permits_that_cannot_be_counted_are_not_added() {
        let full = State::new(u64::MAX);
        assert!(!full.release(step(1), 1).result);
        assert_eq!(full.release(step(1), 1).state, full);
    }
}
