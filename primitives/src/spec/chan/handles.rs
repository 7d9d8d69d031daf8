//! The handles of a channel.
//!
//! A clone is no event, unless the program counts handles: natively it is counted. A drop is a step on an object that the handles of one side have for
//! themselves, which knows from that count whether the handle was the last one: if so, every clone has been made and dropped
//! before; if not, a handle is left from which more may be made, but the side stays open in any case. So the count says the
//! same whenever the step is looked at. The drop of the only handle that there ever was is no step. The last drop then closes
//! the channel.

use super::channel::Side;
use super::handle::{Chan, Inner};
use crate::rt::spec::{Done, HandleNumber, Object, StepId, Tally, Token};
use crate::rt::twin::is_twin;
use crate::spec::done;

/// The handles of one side, as the drops and the upgrades know them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    dropped: Vec<StepId>,
    /// How many handles were made by clones that are steps.
    cloned: usize,
    /// How many weak handles have become handles.
    upgraded: usize,
}

impl State {
    /// Returns the number of handles, of which so many were made by clones that are no steps.
    fn count(&self, clones: usize) -> usize {
        1 + clones + self.cloned + self.upgraded - self.dropped.len()
    }

    /// Drops a handle, and returns whether it was the last one.
    fn drop(&self, me: StepId, clones: usize) -> Done<State, bool> {
        let mut state = self.clone();
        state.dropped.push(me);
        let is_last = state.count(clones) == 0;
        let after = if is_last && !is_twin() { self.dropped.clone() } else { Vec::new() }; // site: no-edge-to-the-last-drop
        done(state, is_last, after)
    }

    /// Makes a weak handle a handle, if there is one still; returns whether there is.
    fn upgrade(&self, clones: usize) -> Done<State, bool> {
        let is_open = self.count(clones) > 0;
        let upgraded = self.upgraded + usize::from(is_open);
        done(State { upgraded, ..self.clone() }, is_open, None)
    }
}

/// The handles of one side.
pub(super) struct Handles {
    object: Object<State>,
    /// How often a handle was cloned.
    clones: Tally,
    /// How many weak handles were made.
    weak: Tally,
}

impl Handles {
    pub(super) fn new(kind: &'static str) -> Handles {
        Handles { object: Object::new(kind, State::default()), clones: Tally::new(), weak: Tally::new() }
    }

    /// Returns how many clones were no steps.
    fn clones(&self, counted: bool) -> usize {
        if counted { 0 } else { self.clones.get() }
    }

    /// Clones a handle.
    fn clone(&self, counted: bool) {
        self.clones.add();
        if counted {
            self.object.step("clone", |state, _| {
                Some(done(State { cloned: state.cloned + 1, ..state.clone() }, (), None))
            });
        }
    }

    /// Drops a handle, and returns whether it was the last one.
    fn drop(&self, counted: bool) -> bool {
        let is_only = !counted && self.clones.get() == 0 && self.weak.get() == 0;
        is_only || self.object.step("drop", |state, me| Some(state.drop(me, self.clones(counted))))
    }
}

/// What becomes of a channel by the drop of a handle.
pub(crate) struct Dropped<T> {
    /// The values that go with the last receiver.
    pub(crate) values: Vec<T>,
    /// Whether the handle was the last one of all, weak ones too.
    pub(crate) frees: bool,
    /// The wakers to wake.
    pub(crate) wakes: Vec<Token>,
}

impl<T> Chan<T> {
    /// Returns whether handles of this channel are counted here, and not by the real form.
    #[inline(always)]
    pub(crate) fn counts_handles(&self) -> bool {
        self.is_made_as_specified()
    }

    /// Notes that a handle was cloned, and numbers the clone.
    pub(crate) fn count_clone(&self, side: Side) -> HandleNumber {
        let Some(inner) = self.specified() else { return HandleNumber::default() };
        inner.handles(side).clone(inner.sides.are_counted());
        if inner.sides.are_apart() {
            return HandleNumber::new(inner.sides.clone_handle(side as usize));
        }
        HandleNumber::default()
    }

    /// Notes that a weak handle was made.
    pub(crate) fn count_weak(&self, side: Side) {
        if let Some(inner) = self.specified() {
            inner.handles(side).weak.add();
        }
    }
}

impl<T> Inner<T> {
    fn handles(&self, side: Side) -> &Handles {
        &self.handles[side as usize]
    }

    /// Returns how many weak handles there were of both sides.
    fn weak(&self) -> usize {
        self.handles.iter().map(|handles| handles.weak.get()).sum()
    }

    /// Notes that a handle of a channel is gone whose sides are apart; returns whether no handle is left. Which of several
    /// threads drops the last handle of all may differ from run to run of an execution: no value is left then, and freeing
    /// the memory is no event.
    fn frees_apart(&self) -> bool {
        let clones: usize = self.handles.iter().map(|handles| handles.clones.get()).sum();
        self.dropped.add();
        self.dropped.get() == self.handles.len() + clones + self.weak()
    }

    /// Drops a handle of a channel whose sides are apart.
    fn drop_apart(&self, side: Side, number: HandleNumber) -> Dropped<T> {
        let number = number.get();
        match side {
            Side::Senders => self.sides.drop_sender(number),
            Side::Receivers => {
                self.sides.drop_receiver(number, self.capacity, core::mem::needs_drop::<T>());
            }
        }
        Dropped { values: Vec::new(), frees: self.frees_apart(), wakes: Vec::new() }
    }

    /// Drops a handle: the last one of its side closes the channel.
    pub(crate) fn drop_handle(&self, side: Side, number: HandleNumber) -> Dropped<T> {
        if self.sides.are_apart() {
            return self.drop_apart(side, number);
        }
        if !self.handles(side).drop(self.sides.are_counted()) {
            return Dropped { values: Vec::new(), frees: false, wakes: Vec::new() };
        }
        let operation = match side {
            Side::Senders => "close by the last sender's drop",
            Side::Receivers => "close by the last receiver's drop",
        };
        let ((values, frees), wakes) = self.step_and_wake(operation, |turn, key| {
            turn.close(key);
            let values = if side == Side::Receivers { turn.discard(key) } else { Vec::new() };
            Some((values, turn.leave(key, Some(side), self.weak())))
        });
        Dropped { values: values.into_iter().map(|value| self.values.take(value)).collect(), frees, wakes }
    }

    /// Drops a weak handle; returns whether it was the last one of all.
    pub(crate) fn drop_weak(&self) -> bool {
        if self.sides.are_apart() {
            return self.frees_apart();
        }
        self.step_and_wake("drop a weak handle", |turn, key| Some(turn.leave(key, None, self.weak()))).0
    }

    /// Makes a weak handle a handle; returns whether that can be.
    pub(crate) fn upgrade(&self, side: Side) -> bool {
        self.sides.need_together();
        let (handles, counted) = (self.handles(side), self.sides.are_counted());
        handles.object.step("upgrade", |state, _| Some(state.upgrade(handles.clones(counted))))
    }

    /// Returns the number of handles of a side.
    pub(crate) fn count(&self, side: Side) -> usize {
        self.sides.need_counts();
        let handles = self.handles(side);
        handles
            .object
            .step("count", |state, _| Some(done(state.clone(), state.count(handles.clones(true)), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn the_last_drop_comes_after_the_others() {
        let one = State::default().drop(step(1), 1);
        assert!(!one.result && one.after.is_empty());
        let last = one.state.drop(step(2), 1);
        assert!(last.result);
        assert_eq!(last.after, [step(1)]);
        assert!(!last.state.upgrade(1).result, "none is left");
    }

    #[test]
    fn a_clone_that_is_a_step_counts() {
        let two = State { cloned: 1, ..State::default() };
        assert_eq!((two.count(0), two.drop(step(1), 0).result), (2, false));
    }

    #[test]
    fn a_weak_handle_that_was_upgraded_counts() {
        let two = State::default().upgrade(0);
        assert!(two.result);
        assert_eq!(two.state.count(0), 2);
        assert!(!two.state.drop(step(1), 0).result);
    }
}
