//! A stack: the last value in is the first out. A push happens before the pop that takes its value.
//!
//! A pop that finds the stack empty orders nothing. In the real form it is a load, which may be stale: it finds a moment since
//! the last one that its thread knows of. So it may *miss* the values that are there now, if the stack was empty meanwhile.
//! The stack's end is no event: the thread that drops it knows all pushes and pops.

use super::done;
use crate::rt::choose;
use crate::rt::spec::{Done, Native, Object, StepId, Store, Token, explores_ways, with_value};
use crate::rt::twin::is_twin;

/// A stack as specified.
pub(crate) struct Stack<T> {
    state: Object<State>,
    values: Native<Store<T>>,
}

/// The values of a stack, the last one on top, each with its push.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State(Vec<(Token, StepId)>);

impl State {
    const EMPTY: State = State(Vec::new());

    fn push(&self, me: StepId, value: Token) -> Done<State, ()> {
        let mut state = self.clone();
        let place = if is_twin() { 0 } else { state.0.len() }; // site: first-in-first-out
        state.0.insert(place, (value, me));
        done(state, (), None)
    }

    fn pop(&self) -> Done<State, Option<Token>> {
        let mut state = self.clone();
        let Some((value, push)) = state.0.pop() else { return done(state, None, None) };
        let after = if is_twin() { None } else { Some(push) }; // site: no-edge-to-the-pop
        done(state, Some(value), after)
    }

    /// Finds nothing, though there are values: if the stack was empty since it was in the state that the thread knows of. That
    /// is so if the lowest value was not in the stack then.
    fn miss(&self, known: &State) -> Option<Done<State, Option<Token>>> {
        let lowest = self.0.first()?;
        let misses = !known.0.contains(lowest) && !is_twin(); // site: misses-nothing
        misses.then(|| done(self.clone(), None, None))
    }

    fn is_empty(&self) -> Done<State, bool> {
        let after = self.0.last().filter(|_| is_twin()).map(|(_, push)| *push); // site: look-orders
        done(self.clone(), self.0.is_empty(), after)
    }
}

impl<T> Stack<T> {
    constructor! {
        pub(crate) fn new() -> Stack<T> {
            Stack { state: Object::new("stack", State::EMPTY), values: Native::of_default() }
        }
    }

    /// Returns a stack that is never specified.
    pub(crate) const fn real() -> Stack<T> {
        Stack { state: Object::const_new("stack", State::EMPTY), values: Native::none() }
    }

    /// Returns what the operations act on, if they are to be steps.
    #[inline(always)]
    pub(crate) fn specified(&self) -> Option<Specified<'_, T>> {
        let values = self.values.get()?;
        Some(Specified { state: &self.state, values })
    }
}

/// What the operations of a specified stack act on.
pub(crate) struct Specified<'a, T> {
    state: &'a Object<State>,
    values: &'a Store<T>,
}

impl<T> Specified<'_, T> {
    #[track_caller]
    pub(crate) fn push(&self, value: T) {
        let operation = with_value("push", &value);
        let value = self.values.put(value);
        self.state.step(operation, |state, me| Some(state.push(me, value)));
    }

    #[track_caller]
    pub(crate) fn pop(&self) -> Option<T> {
        let known = self.state.known(State::clone);
        let popped = match explores_ways() && choose(2) == 1 {
            true => self.state.step_assuming("pop", |state, _| state.miss(&known)),
            false => self.state.step("pop", |state, _| Some(state.pop())),
        };
        popped.map(|value| self.values.take(value))
    }

    #[track_caller]
    pub(crate) fn is_empty(&self) -> bool {
        self.state.step("look", |state, _| Some(state.is_empty()))
    }

    /// Returns what is left, the top first, for the thread that drops the stack.
    pub(crate) fn rest(&self) -> Vec<T> {
        let rest = self.state.known(|state| state.0.clone());
        rest.into_iter().rev().map(|(value, _)| self.values.take(value)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::testing::step;

    fn value(number: u32) -> Token {
        Token { thread: 0, number }
    }

    #[test]
    fn a_pop_misses_values_only_if_the_stack_was_empty_meanwhile() {
        let one = State::EMPTY.push(step(1), value(1)).state;
        let two = one.push(step(2), value(2)).state;
        assert!(two.miss(&State::EMPTY).is_some_and(|missed| missed.result.is_none() && missed.state == two));
        assert!(two.miss(&one).is_none() && two.miss(&two).is_none());
        assert!(State::EMPTY.miss(&one).is_none(), "there is nothing to be missed");
    }

    #[test]
    fn the_last_value_in_is_the_first_out_and_comes_after_its_own_push_alone() {
        let two = State::EMPTY.push(step(1), value(1)).state.push(step(2), value(2)).state;
        let last = two.pop();
        assert_eq!((last.result, last.after), (Some(value(2)), vec![step(2)]));
        let first = last.state.pop();
        assert_eq!((first.result, first.after), (Some(value(1)), vec![step(1)]));
        let none = first.state.pop();
        assert!(none.result.is_none() && none.after.is_empty() && none.state == State::EMPTY);
    }
}
