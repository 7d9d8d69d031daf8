//! A closure that runs once: not begun, running, or ended. The end of the closure happens before every later return.
//!
//! A closure of std's `Once` can end by a panic, too, and then poisons the `Once`. A call that goes on in spite of that runs
//! its own closure, of which the end of the one that has panicked happens before.

use super::done;
use super::stopped::{self, Ended, Stoppable, Stopped};
use crate::rt::spec::{Done, Object, StepId};
use crate::rt::twin::is_twin;
use crate::rt::until::Until;

/// A once as specified.
pub(crate) struct Once(Object<State>);

/// The state of a once.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    phase: Phase,
    stopped: Stopped,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
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
    const FRESH: State = State { phase: Phase::Fresh, stopped: Stopped::NONE };

    fn becomes(&self, phase: Phase) -> State {
        State { phase, ..self.clone() }
    }

    fn call(&self, me: StepId) -> Option<Done<State, Call>> {
        match self.phase {
            Phase::Fresh => Some(done(self.becomes(Phase::Running(me.thread)), Call::Run, None)),
            Phase::Running(thread) if thread == me.thread => Some(done(self.clone(), Call::Misused, None)),
            Phase::Running(_) if is_twin() => Some(done(self.clone(), Call::Return, None)), // site: early-return
            Phase::Running(_) => None,
            Phase::Ended(end) | Phase::Poisoned(end) => {
                let after = Some(end).filter(|_| !is_twin()); // site: no-edge-of-the-end
                Some(done(self.clone(), Call::Return, after))
            }
        }
    }

    /// Begins a call of std's form; a call from the closure that runs waits for itself.
    fn begin(&self, me: StepId, despite_poison: bool) -> Option<Done<State, Begun>> {
        let run = |poisoned| (self.becomes(Phase::Running(me.thread)), Begun::Run { poisoned });
        let (state, begun) = match self.phase {
            Phase::Fresh => run(false),
            Phase::Running(_) => return None,
            Phase::Ended(_) => (self.clone(), Begun::Return),
            Phase::Poisoned(_) if despite_poison => run(true),
            Phase::Poisoned(_) => (self.clone(), Begun::Poisoned),
        };
        Some(done(state, begun, self.end().filter(|_| !is_twin()))) // site: no-edge-to-std-calls
    }

    fn finish(&self, me: StepId, panicked: bool) -> State {
        let poisoned = panicked && !is_twin(); // site: forgets-the-panic
        self.becomes(if poisoned { Phase::Poisoned(me) } else { Phase::Ended(me) })
    }

    /// Returns whether a closure has returned, once one has ended.
    fn wait(&self) -> Option<Done<State, bool>> {
        let end = self.end()?;
        let after = Some(end).filter(|_| !is_twin()); // site: no-edge-to-waits
        Some(done(self.clone(), !matches!(self.phase, Phase::Poisoned(_)), after))
    }

    /// Returns the step by which the last closure has ended.
    fn end(&self) -> Option<StepId> {
        match self.phase {
            Phase::Ended(end) | Phase::Poisoned(end) => Some(end),
            Phase::Fresh | Phase::Running(_) => None,
        }
    }

    fn is_done(&self) -> Done<State, bool> {
        match self.phase {
            Phase::Ended(end) => done(self.clone(), true, Some(end)),
            _ => done(self.clone(), false, None),
        }
    }
}

impl Stoppable for State {
    fn stopped(&mut self) -> &mut Stopped {
        &mut self.stopped
    }
}

impl Once {
    constructor! {
        pub(crate) fn new(kind: &'static str) -> Once {
            Once(Object::new(kind, State::FRESH))
        }
    }

    pub(crate) const fn const_new(kind: &'static str) -> Once {
        Once(Object::const_new(kind, State::FRESH))
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.0.is_specified()
    }

    /// Waits while another thread runs its closure; `None`: the wait may last no longer.
    #[track_caller]
    pub(crate) fn call_within(&self, until: Until<'_>) -> Option<Call> {
        if until.stop.is_none() && until.deadline.is_none() {
            return Some(self.0.step("call", |state, me| state.call(me)));
        }
        match stopped::wait(&self.0, "call or be stopped", until, State::call, State::clone) {
            Ended::Over(call) => Some(call),
            Ended::Stopped | Ended::TimedOut => None,
        }
    }

    /// Ends the closure.
    #[track_caller]
    pub(crate) fn end(&self) {
        self.0.step("end", |state, me| Some(done(state.becomes(Phase::Ended(me)), (), None)));
    }

    /// Begins a call of std's form, which waits while a closure runs.
    #[track_caller]
    pub(crate) fn begin(&self, despite_poison: bool) -> Begun {
        self.0.step("call", |state, me| state.begin(me, despite_poison))
    }

    /// Ends the closure of a call of std's form.
    #[track_caller]
    pub(crate) fn finish(&self, panicked: bool) {
        self.0.step("end", |state, me| Some(done(state.finish(me, panicked), (), None)));
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
        let running = State::FRESH.call(step_of(1, 0)).expect("nobody has called");
        assert_eq!(running.result, Call::Run);
        assert!(running.state.call(step_of(2, 0)).is_none(), "waits");
        assert_eq!(running.state.call(step_of(1, 1)).map(|done| done.result), Some(Call::Misused));
        assert!(!running.state.is_done().result);
        let ended = State::FRESH.becomes(Phase::Ended(step(5)));
        let call = ended.call(step_of(2, 0)).expect("it has ended");
        assert_eq!((call.result, call.after.as_slice()), (Call::Return, [step(5)].as_slice()));
        assert_eq!(ended.is_done().after, [step(5)]);
    }

    #[test]
    fn a_panic_poisons_until_a_call_goes_on_in_spite_of_it() {
        let running = |thread| State::FRESH.becomes(Phase::Running(thread));
        let begun = |state: &State, despite| {
            state.begin(step_of(2, 0), despite).map(|done| (done.result, done.after))
        };
        assert_eq!(begun(&State::FRESH, false), Some((Begun::Run { poisoned: false }, Vec::new())));
        assert_eq!(begun(&running(2), true), None, "also its own closure");
        let poisoned = running(2).finish(step(5), true);
        assert_eq!(begun(&poisoned, false), Some((Begun::Poisoned, vec![step(5)])));
        assert_eq!(begun(&poisoned, true), Some((Begun::Run { poisoned: true }, vec![step(5)])));
        assert_eq!(begun(&running(2).finish(step(6), false), true), Some((Begun::Return, vec![step(6)])));
        assert_eq!(poisoned.wait().map(|done| done.result), Some(false));
        assert!(running(1).wait().is_none());
    }
}
