//! A mutual exclusion lock: free or locked. An unlock happens before the next lock.
//!
//! A thread locks when it finds the lock free, and any thread that waits may be the one. So no thread sees another one
//! wait, and an operation is one step. A timed lock locks, or finds the lock taken and times out.

use super::stopped::{self, Ended, Stoppable, Stopped};
use super::{done, pass_until, timed};
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;
use std::time::Instant;

/// A lock as specified.
pub(crate) struct Mutex(Object<State>);

/// The state of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    locked: bool,
    /// The last unlock.
    unlocked: Option<StepId>,
    stopped: Stopped,
}

impl State {
    const FREE: State = State { locked: false, unlocked: None, stopped: Stopped::NONE };

    fn lock(&self) -> Option<Done<State, ()>> {
        let free = !self.locked || is_twin(); // site: two-owners
        let after = self.unlocked.filter(|_| !is_twin()); // site: no-edge
        free.then(|| done(State { locked: true, ..self.clone() }, (), after))
    }

    fn try_lock(&self) -> Done<State, bool> {
        match self.lock() {
            Some(Done { state, after, .. }) if !is_twin() => Done { state, result: true, after }, // site: never-tried
            _ => done(self.clone(), false, self.unlocked.filter(|_| is_twin())), // site: too-much-order
        }
    }

    /// Returns `false` if nobody has the lock.
    fn unlock(&self, me: StepId) -> Done<State, bool> {
        match self.locked {
            true if is_twin() => done(State { unlocked: Some(me), ..self.clone() }, true, None), // site: lost-unlock
            true => done(State { locked: false, unlocked: Some(me), ..self.clone() }, true, None),
            false => done(self.clone(), false, None),
        }
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

impl Mutex {
    constructor! {
        pub(crate) fn new(kind: &'static str) -> Mutex {
            Mutex(Object::new(kind, State::FREE))
        }
    }

    pub(crate) const fn const_new(kind: &'static str) -> Mutex {
        Mutex(Object::const_new(kind, State::FREE))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Locks.
    #[track_caller]
    pub(crate) fn lock(&self) {
        self.0.step("lock", |state, _| state.lock());
    }

    /// Locks, or returns `false` when the wait may last no longer.
    #[track_caller]
    pub(crate) fn lock_within(&self, until: Until<'_>) -> bool {
        match until {
            Until { deadline: None, stop: None } => {
                self.lock();
                true
            }
            Until { deadline: Some(deadline), stop: None } => self.lock_until(deadline),
            Until { stop: Some(_), .. } => {
                let ended = stopped::wait(
                    &self.0,
                    "lock or be stopped",
                    until,
                    |state, _| state.lock(),
                    State::clone,
                );
                matches!(ended, Ended::Over(()))
            }
        }
    }

    #[track_caller]
    fn lock_until(&self, deadline: Instant) -> bool {
        let locked = self
            .0
            .step_until("lock or time out", deadline, |state, _, is_due| timed(state.try_lock(), is_due));
        if !locked {
            pass_until(deadline);
        }
        locked
    }

    #[track_caller]
    pub(crate) fn try_lock(&self) -> bool {
        self.0.step("try to lock", |state, _| Some(state.try_lock()))
    }

    /// Returns `false` if nobody has the lock.
    #[track_caller]
    pub(crate) fn unlock(&self) -> bool {
        self.0.step("unlock", |state, me| Some(state.unlock(me)))
    }

    #[track_caller]
    pub(crate) fn is_locked(&self) -> bool {
        self.0.step("look", |state, _| Some(done(state.clone(), state.locked, None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::{after, step};

    #[test]
    fn a_lock_waits_while_another_has_it_and_comes_after_its_unlock() {
        let held = State::FREE.lock().expect("it is free");
        assert!(held.after.is_empty(), "no unlock came before");
        assert_eq!(held.state.lock().map(after), None);
        let free = held.state.unlock(step(1));
        assert!(free.result);
        assert_eq!(free.state.lock().map(after), Some(vec![step(1)]));
    }

    #[test]
    fn an_attempt_fails_only_while_another_has_the_lock_and_then_orders_nothing() {
        let held = State::FREE.try_lock();
        assert!(held.result);
        let again = held.state.try_lock();
        assert!(!again.result && again.after.is_empty() && again.state == held.state);
    }

    #[test]
    fn only_a_locked_lock_is_unlocked() {
        assert!(!State::FREE.unlock(step(1)).result);
    }
}
