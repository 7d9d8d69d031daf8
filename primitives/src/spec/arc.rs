//! The owners of a shared value, strong and weak.
//!
//! Most programs do not observe the counts: threads clone and drop their pointers, and the end of the value does nothing
//! that an engine sees. Then a clone and a drop are no events. Natively they are counted, so in each run of an execution one
//! thread is the last owner; which one, may differ from run to run, and the threads of the program cannot know.
//!
//! A program *observes* the counts by a weak pointer, by asking for a count or for exclusive access, or if the end of the
//! value does something that the engine sees. The exploration then begins anew, and each operation on this pointer is one
//! step. All drops happen before the end of the value, and before the exclusive access of the only owner.
//!
//! An engine without graphs takes all counts for observed.

use super::done;
use crate::rt::spec::{Common, Done, Object, StepId, Tally};
use crate::rt::twin::is_twin;

/// The owners of a value as specified.
pub(crate) struct Arc {
    counts: Object<State>,
    /// The two things that are together if the counts are observed.
    observed: [Common<Observed>; 2],
    made: Tally,
    dropped: Tally,
}

/// What stands for the knowledge that counts are observed; it has no state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Observed;

/// The counts of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State {
    strong: usize,
    /// The weak owners, and one share that all strong owners hold together.
    weak: usize,
    /// The drops of strong owners, and of weak ones.
    dropped: [Vec<StepId>; 2],
    /// The making of a value that has a weak pointer to itself.
    published: Option<StepId>,
}

impl State {
    const fn new(strong: usize) -> State {
        State { strong, weak: 1, dropped: [Vec::new(), Vec::new()], published: None }
    }

    fn add_strong(&self) -> State {
        State { strong: self.strong + 1, ..self.clone() }
    }

    fn add_weak(&self) -> State {
        State { weak: self.weak + 1, ..self.clone() }
    }

    /// Drops a strong owner, and returns whether it was the last one.
    fn drop_strong(&self, me: StepId) -> Done<State, bool> {
        let mut state = State { strong: self.strong - usize::from(!is_twin()), ..self.clone() }; // site: lost-drop
        state.dropped[0].push(me);
        let is_last = state.strong == 0;
        let before = self.dropped[0].iter().copied().filter(|_| is_last && !is_twin()); // site: no-edge-to-the-end
        done(state, is_last, before)
    }

    /// Drops a weak owner, and returns whether no share is left.
    fn drop_weak(&self, me: StepId) -> Done<State, bool> {
        let mut state = State { weak: self.weak - 1, ..self.clone() };
        state.dropped[1].push(me);
        let is_last = state.weak == 0;
        done(state, is_last, self.dropped[1].iter().copied().filter(|_| is_last))
    }

    /// Makes a strong owner, if the value lives.
    fn upgrade(&self) -> Done<State, bool> {
        let lives = self.strong > 0 || is_twin(); // site: upgrades-the-dead
        let state = if lives { self.add_strong() } else { self.clone() };
        done(state, lives, self.published.filter(|_| lives))
    }

    /// Gives up the strong owner if it is the only one.
    fn take(&self) -> Done<State, bool> {
        let is_only = self.strong == 1 || is_twin(); // site: takes-beside-others
        let strong = if is_only { 0 } else { self.strong };
        let after = self.dropped[0].iter().copied().filter(|_| is_only && !is_twin()); // site: no-edge-to-the-taker
        done(State { strong, ..self.clone() }, is_only, after)
    }

    fn is_alone(&self) -> Done<State, bool> {
        let alone = self.strong == 1 && (self.weak == 1 || is_twin()); // site: alone-beside-weak
        done(self.clone(), alone, self.dropped.iter().flatten().copied().filter(|_| alone))
    }
}

impl Arc {
    /// Returns the owners of a value: the first one, or none yet.
    #[track_caller]
    #[inline(always)]
    pub(crate) fn new(strong: usize) -> Arc {
        Arc {
            counts: Object::new("arc", State::new(strong)),
            observed: [Common::new("owners"), Common::new("observers")],
            made: Tally::new(),
            dropped: Tally::new(),
        }
    }

    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.counts.is_specified()
    }

    /// Returns whether the value has been shared as specified in an execution that has ended. How many owners are left is
    /// not known then.
    #[inline(always)]
    pub(crate) fn outlives_execution(&self) -> bool {
        self.counts.outlives_execution()
    }

    fn observed(&self) -> [&Common<Observed>; 2] {
        self.observed.each_ref()
    }

    /// Returns whether the counts are observed in this exploration.
    pub(crate) fn is_observed(&self) -> bool {
        Common::are_together(&self.observed())
    }

    /// Lets the counts be observed: if they have not been so far, the exploration begins anew, and this does not return.
    pub(crate) fn observe(&self) {
        Common::need_together(&self.observed());
    }

    #[track_caller]
    pub(crate) fn clone_strong(&self) {
        match self.is_observed() {
            true => self.counts.step("clone", |state, _| Some(done(state.add_strong(), (), None))),
            false => self.made.add(),
        }
    }

    /// Drops a strong owner, and returns whether it was the last one.
    #[track_caller]
    pub(crate) fn drop_strong(&self) -> bool {
        if self.is_observed() {
            return self.counts.step("drop", |state, me| Some(state.drop_strong(me)));
        }
        self.dropped.add();
        self.dropped.get() == self.made.get() + 1
    }

    /// Drops the value. The counts are observed if the destructor does something that the engine sees.
    pub(crate) fn end(&self, destroy: impl FnOnce()) {
        match self.is_observed() {
            true => destroy(),
            false => Common::quietly(&self.observed(), destroy),
        }
    }

    /// Drops a weak owner, or the share of the strong ones; returns whether no share is left.
    #[track_caller]
    pub(crate) fn drop_weak(&self) -> bool {
        !self.is_observed() || self.counts.step("drop weak", |state, me| Some(state.drop_weak(me)))
    }

    /// Makes a weak owner.
    #[track_caller]
    pub(crate) fn add_weak(&self, operation: &'static str) {
        self.observe();
        self.counts.step(operation, |state, _| Some(done(state.add_weak(), (), None)));
    }

    #[track_caller]
    pub(crate) fn upgrade(&self) -> bool {
        self.observe();
        self.counts.step("upgrade", |state, _| Some(state.upgrade()))
    }

    /// Makes the first strong owner of a value that has a weak pointer to itself.
    #[track_caller]
    pub(crate) fn publish(&self) {
        self.observe();
        self.counts.step("publish", |state, me| {
            Some(done(State { published: Some(me), ..state.add_strong() }, (), None))
        });
    }

    /// Gives up the strong owner if it is the only one, and returns whether it was.
    #[track_caller]
    pub(crate) fn take(&self) -> bool {
        self.observe();
        self.counts.step("take", |state, _| Some(state.take()))
    }

    /// Returns whether there is one owner in all.
    #[track_caller]
    pub(crate) fn is_alone(&self) -> bool {
        self.observe();
        self.counts.step("be alone", |state, _| Some(state.is_alone()))
    }

    /// Returns the numbers of strong and of weak owners.
    #[track_caller]
    pub(crate) fn count(&self) -> (usize, usize) {
        self.observe();
        self.counts.step("count", |state, _| Some(done(state.clone(), (state.strong, state.weak - 1), None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    #[test]
    fn the_last_drop_comes_after_all_others() {
        let first = State::new(1).add_strong().drop_strong(step(1));
        assert!(!first.result && first.after.is_empty());
        let last = first.state.drop_strong(step(2));
        assert_eq!((last.result, last.after.as_slice()), (true, [step(1)].as_slice()));
        assert!(!last.state.upgrade().result);
        assert!(last.state.drop_weak(step(3)).result);
    }

    #[test]
    fn the_only_owner_takes_the_value_after_all_drops() {
        let two = State::new(1).add_strong();
        assert!(!two.take().result && !two.is_alone().result);
        let one = two.drop_strong(step(1)).state;
        assert_eq!(one.take().after, [step(1)]);
        assert_eq!(one.is_alone().after, [step(1)]);
        assert!(!one.add_weak().is_alone().result, "a weak pointer may become an owner");
    }

    #[test]
    fn a_value_with_a_pointer_to_itself_is_upgraded_after_it_has_been_made() {
        let unmade = State::new(0);
        assert!(!unmade.upgrade().result);
        let made = State { published: Some(step(1)), ..unmade.add_strong() };
        assert_eq!(made.upgrade().after, [step(1)]);
    }
}
