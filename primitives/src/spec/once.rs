//! A closure that runs once: not begun, running, or ended. The end of the closure happens before every later return.

use super::done;
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;

/// A once as specified.
pub(crate) struct Once(Object<State>);

/// The state of a once.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Fresh,
    /// The thread runs the closure.
    Running(u32),
    /// The closure has ended, by this step.
    Ended(StepId),
}

/// What a call is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    /// Run its closure, and then call [`Once::end`].
    Run,
    /// Return: a closure has ended.
    Return,
    /// Nothing: it was called by the closure that runs.
    Misused,
}

impl State {
    fn call(&self, me: StepId) -> Option<Done<State, Call>> {
        match self {
            State::Fresh => Some(done(State::Running(me.thread), Call::Run, None)),
            State::Running(thread) if *thread == me.thread => Some(done(self.clone(), Call::Misused, None)),
            State::Running(_) if is_twin() => Some(done(self.clone(), Call::Return, None)), // site: early-return
            State::Running(_) => None,
            State::Ended(end) => {
                let after = Some(*end).filter(|_| !is_twin()); // site: no-edge-of-the-end
                Some(done(self.clone(), Call::Return, after))
            }
        }
    }

    fn is_done(&self) -> Done<State, bool> {
        match self {
            State::Ended(end) => done(self.clone(), true, Some(*end)),
            _ => done(self.clone(), false, None),
        }
    }
}

impl Once {
    constructor! {
        pub(crate) fn new() -> Once {
            Once(Object::new("once", State::Fresh))
        }
    }

    pub(crate) const fn const_new() -> Once {
        Once(Object::const_new("once", State::Fresh))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Waits while another thread runs its closure.
    #[track_caller]
    pub(crate) fn call(&self) -> Call {
        self.0.step("call", |state, me| state.call(me))
    }

    /// Ends the closure.
    #[track_caller]
    pub(crate) fn end(&self) {
        self.0.step("end", |_, me| Some(done(State::Ended(me), (), None)));
    }

    #[track_caller]
    pub(crate) fn is_done(&self) -> bool {
        self.0.step("look", |state, _| Some(state.is_done()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::{step, step_of};

    #[test]
    fn one_closure_runs_and_ends_before_every_return() {
        let running = State::Fresh.call(step_of(1, 0)).expect("nobody has called");
        assert_eq!(running.result, Call::Run);
        assert!(running.state.call(step_of(2, 0)).is_none(), "waits");
        assert_eq!(running.state.call(step_of(1, 1)).map(|done| done.result), Some(Call::Misused));
        assert!(!running.state.is_done().result);
        let ended = State::Ended(step(5));
        let call = ended.call(step_of(2, 0)).expect("it has ended");
        assert_eq!((call.result, call.after.as_slice()), (Call::Return, [step(5)].as_slice()));
        assert_eq!(ended.is_done().after, [step(5)]);
    }
}
