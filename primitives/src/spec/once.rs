//! A closure that runs once: not begun, running, or ended. The end of the closure happens before every later return.
//!
//! A closure of std's `Once` can end by a panic, too, and then poisons the `Once`. A call that goes on in spite of that runs
//! its own closure, of which the end of the one that has panicked happens before.

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
    /// The closure has ended by a panic, which poisons, by this step.
    Poisoned(StepId),
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

/// What a call of std's form is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Run its closure, and then call [`Once::finish`].
    Run { poisoned: bool },
    /// Return: a closure has returned.
    Return,
    /// Panic: a closure has panicked.
    Poisoned,
}

impl State {
    fn call(&self, me: StepId) -> Option<Done<State, Call>> {
        match self {
            State::Fresh => Some(done(State::Running(me.thread), Call::Run, None)),
            State::Running(thread) if *thread == me.thread => Some(done(self.clone(), Call::Misused, None)),
            State::Running(_) if is_twin() => Some(done(self.clone(), Call::Return, None)), // site: early-return
            State::Running(_) => None,
            State::Ended(end) | State::Poisoned(end) => {
                let after = Some(*end).filter(|_| !is_twin()); // site: no-edge-of-the-end
                Some(done(self.clone(), Call::Return, after))
            }
        }
    }

    /// Begins a call of std's form; a call from the closure that runs waits for itself.
    fn begin(&self, me: StepId, despite_poison: bool) -> Option<Done<State, Begun>> {
        let run = |poisoned| (State::Running(me.thread), Begun::Run { poisoned });
        let (state, begun) = match self {
            State::Fresh => run(false),
            State::Running(_) => return None,
            State::Ended(_) => (self.clone(), Begun::Return),
            State::Poisoned(_) if despite_poison => run(true),
            State::Poisoned(_) => (self.clone(), Begun::Poisoned),
        };
        Some(done(state, begun, self.end().filter(|_| !is_twin()))) // site: no-edge-to-std-calls
    }

    fn finish(me: StepId, panicked: bool) -> State {
        let poisoned = panicked && !is_twin(); // site: forgets-the-panic
        if poisoned { State::Poisoned(me) } else { State::Ended(me) }
    }

    /// Returns whether a closure has returned, once one has ended.
    fn wait(&self) -> Option<Done<State, bool>> {
        let end = self.end()?;
        let after = Some(end).filter(|_| !is_twin()); // site: no-edge-to-waits
        Some(done(self.clone(), !matches!(self, State::Poisoned(_)), after))
    }

    /// Returns the step by which the last closure has ended.
    fn end(&self) -> Option<StepId> {
        match self {
            State::Ended(end) | State::Poisoned(end) => Some(*end),
            State::Fresh | State::Running(_) => None,
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
        pub(crate) fn new(kind: &'static str) -> Once {
            Once(Object::new(kind, State::Fresh))
        }
    }

    pub(crate) const fn const_new(kind: &'static str) -> Once {
        Once(Object::const_new(kind, State::Fresh))
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

    /// Begins a call of std's form, which waits while a closure runs.
    #[track_caller]
    pub(crate) fn begin(&self, despite_poison: bool) -> Begun {
        self.0.step("call", |state, me| state.begin(me, despite_poison))
    }

    /// Ends the closure of a call of std's form.
    #[track_caller]
    pub(crate) fn finish(&self, panicked: bool) {
        self.0.step("end", |_, me| Some(done(State::finish(me, panicked), (), None)));
    }

    /// Waits until a closure has ended, and returns whether it has returned.
    #[track_caller]
    pub(crate) fn wait(&self) -> bool {
        self.0.step("wait", |state, _| state.wait())
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

    #[test]
    fn a_panic_poisons_until_a_call_goes_on_in_spite_of_it() {
        let begun = |state: &State, despite| {
            state.begin(step_of(2, 0), despite).map(|done| (done.result, done.after))
        };
        assert_eq!(begun(&State::Fresh, false), Some((Begun::Run { poisoned: false }, Vec::new())));
        assert_eq!(begun(&State::Running(2), true), None, "also its own closure");
        let poisoned = State::finish(step(5), true);
        assert_eq!(begun(&poisoned, false), Some((Begun::Poisoned, vec![step(5)])));
        assert_eq!(begun(&poisoned, true), Some((Begun::Run { poisoned: true }, vec![step(5)])));
        assert_eq!(begun(&State::finish(step(6), false), true), Some((Begun::Return, vec![step(6)])));
        assert_eq!(poisoned.wait().map(|done| done.result), Some(false));
        assert!(State::Running(1).wait().is_none());
    }
}
