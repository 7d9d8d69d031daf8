//! Register and counter.

use super::Spec;
use core::fmt::Debug;
use core::hash::Hash;

/// An operation on a register.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RegisterOp<V> {
    /// Answers the value.
    Read,
    /// Sets the value; answers `None`.
    Write(V),
    /// Sets the value; answers the old one.
    Swap(V),
    /// Sets the value to the second if it is the first; answers the value found.
    CompareExchange(V, V),
}

/// A register: one value.
#[derive(Clone, Debug)]
pub struct Register<V>(V);

impl<V> Register<V> {
    /// Returns a register that begins with this value.
    pub fn new(initial: V) -> Register<V> {
        Register(initial)
    }
}

impl<V: Clone + Eq + Hash + Debug> Spec for Register<V> {
    type State = V;
    type Operation = RegisterOp<V>;
    type Answer = Option<V>;

    fn initial(&self) -> V {
        self.0.clone()
    }

    fn observes(&self, operation: &RegisterOp<V>, answer: &Option<V>) -> bool {
        match operation {
            RegisterOp::Read => true,
            RegisterOp::CompareExchange(old, _) => answer.as_ref() != Some(old),
            RegisterOp::Write(_) | RegisterOp::Swap(_) => false,
        }
    }

    fn apply(&self, state: &mut V, operation: &RegisterOp<V>) -> Option<Option<V>> {
        let found = state.clone();
        Some(match operation {
            RegisterOp::Read => Some(found),
            RegisterOp::Write(value) => {
                *state = value.clone();
                None
            }
            RegisterOp::Swap(value) => {
                *state = value.clone();
                Some(found)
            }
            RegisterOp::CompareExchange(old, new) => {
                if found == *old {
                    *state = new.clone();
                }
                Some(found)
            }
        })
    }
}

/// An operation on a counter.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum CounterOp {
    /// Adds a number; answers the value before.
    Add(i64),
    /// Answers the value.
    Get,
}

/// A counter that begins with 0 and wraps around.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter;

impl Spec for Counter {
    type State = i64;
    type Operation = CounterOp;
    type Answer = i64;

    fn initial(&self) -> i64 {
        0
    }

    fn observes(&self, operation: &CounterOp, _answer: &i64) -> bool {
        matches!(operation, CounterOp::Get | CounterOp::Add(0))
    }

    fn apply(&self, state: &mut i64, operation: &CounterOp) -> Option<i64> {
        let before = *state;
        if let CounterOp::Add(amount) = operation {
            *state = before.wrapping_add(*amount);
        }
        Some(before)
    }
}
