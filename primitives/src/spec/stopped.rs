//! Waits that something stops, such as a context.
//!
//! A wait that can be stopped is one step, which is enabled where the wait is over, and where its thread is *marked* in the
//! object's state. What stops the wait makes a step that marks the thread. A wait that is over as well is not stopped: a
//! thread that ends a wait before it stops it has ended it. The stop happens before the return of the wait that it ends.

use crate::rt::spec::{Done, Object, StepId};
use crate::rt::thread;
use crate::rt::twin::is_twin;
use crate::rt::until::{Nudge, Until};

/// The threads whose waits have been stopped, each with the step that did; a part of an object's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stopped(Vec<(u64, StepId)>);

impl Stopped {
    pub(super) const NONE: Stopped = Stopped(Vec::new());

    fn mark(&mut self, thread: u64, by: StepId) {
        self.0.push((thread, by));
    }

    /// Takes the mark off a thread, and returns the step that made it.
    fn unmark(&mut self, thread: u64) -> Option<StepId> {
        let at = self.0.iter().position(|(marked, _)| *marked == thread)?;
        Some(self.0.remove(at).1)
    }
}

/// A state of an object whose waits can be stopped.
pub(super) trait Stoppable: Clone + PartialEq + 'static {
    fn stopped(&mut self) -> &mut Stopped;
}

/// How a wait that may last only so long ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended<R> {
    Over(R),
    Stopped,
    TimedOut,
}

/// Waits until `over` is enabled, as long as the wait may last. A wait that ends before leaves what `given_up` makes of the
/// state.
#[track_caller]
pub(super) fn wait<S: Stoppable, R: Copy>(
    object: &Object<S>,
    operation: &'static str,
    until: Until<'_>,
    over: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    given_up: impl Fn(&S) -> S,
) -> Ended<R> {
    let me = thread::number();
    let remote = object.remote();
    let stops = move || remote.step("stop a wait", |state: &S, by| Some(marking(state, me, by)));
    let watched = until.stop.map(|stop| stop.watch(Nudge::Step(Box::new(stops))));
    let is_stopped_already = watched == Some(None);
    let act = |state: &S, step: StepId, is_due: bool| {
        attempt(state, me, |state| over(state, step), &given_up, is_due)
    };
    let (ended, took_mark) = match until.deadline {
        _ if is_stopped_already => {
            let (ended, _) = object.step(operation, |state, step| act(state, step, true));
            (if let Ended::TimedOut = ended { Ended::Stopped } else { ended }, true)
        }
        Some(deadline) => object.step_until(operation, deadline, act),
        None => object.step(operation, |state, step| act(state, step, false)),
    };
    if let (Some(stop), Some(Some(place))) = (until.stop, watched) {
        let in_time = stop.unwatch(place);
        // The stop came after the end of the wait, and must not stop the thread's next one.
        if !in_time && !took_mark && forgets() {
            object.step("end a wait", |state, _| Some(unmarking(state, me)));
        }
    }
    if let (Ended::TimedOut, Some(deadline)) = (ended, until.deadline) {
        super::pass_until(deadline);
    }
    ended
}

/// Returns whether a mark that came too late is taken off.
fn forgets() -> bool {
    !is_twin() // site: forget-mark
}

fn marking<S: Stoppable>(state: &S, thread: u64, by: StepId) -> Done<S, ()> {
    let mut state = state.clone();
    state.stopped().mark(thread, by);
    super::done(state, (), None)
}

fn unmarking<S: Stoppable>(state: &S, thread: u64) -> Done<S, ()> {
    let mut state = state.clone();
    state.stopped().unmark(thread);
    super::done(state, (), None)
}

/// Ends the wait, if it is over, stopped or due to give up; returns how, and whether the thread was marked.
fn attempt<S: Stoppable, R>(
    state: &S,
    me: u64,
    over: impl Fn(&S) -> Option<Done<S, R>>,
    given_up: &impl Fn(&S) -> S,
    is_due: bool,
) -> Option<Done<S, (Ended<R>, bool)>> {
    let mut left = state.clone();
    let mark = left.stopped().unmark(me);
    if let Some(Done { state, result, after }) = over(&left) {
        let loses = mark.is_some() && is_twin(); // site: lose-what-came
        let ended = if loses { Ended::Stopped } else { Ended::Over(result) };
        return Some(Done { state, result: (ended, mark.is_some()), after });
    }
    let ended = match mark {
        Some(_) => Ended::Stopped,
        None if is_due => Ended::TimedOut,
        None => return None,
    };
    Some(super::done(given_up(&left), (ended, mark.is_some()), mark))
}
