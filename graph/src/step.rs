//! Steps: operations on the abstract state of an object, which a program gives the machine as functions.
//!
//! An object is a location whose values are the states of the run, by their numbers. A step is a read-modify-write of it,
//! so the steps of an object are in one order, each reads what the step before it left, and `po ∪ rf` has no cycle with
//! that order. No step acquires or releases by that. Instead a step names the steps that happen before it.
//!
//! A step may be disabled in a state. Its thread then waits: `explore::options` has what becomes of it.

use crate::event::{ThreadId, Value};
use crate::explore::twin::{self, Twin};
use core::cell::RefCell;
use core::time::Duration;
use std::any::Any;
use std::rc::Rc;

/// The state of an object.
pub type ObjectState = Rc<dyn Any>;

/// The name of a step: its thread, and its position in program order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The thread.
    pub thread: ThreadId,
    /// The position among the thread's events.
    pub index: u32,
}

/// What a step makes of its object, in a state in which it is enabled.
pub struct Taken {
    /// The state that the step leaves. A step that changes nothing leaves the allocation that it was given.
    pub state: ObjectState,
    /// The earlier steps that happen before this one. They have to be known by the state that the step was given.
    pub after: Vec<StepId>,
}

/// A step is disabled in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When the step is enabled in this state, if it ever is.
    pub until: Option<Duration>,
}

/// Tries a step in a state, as the step of that name, at a moment of virtual time; where time is not discrete, `None`, any
/// moment may have come. A pure function.
pub type Attempt<'a> = &'a dyn Fn(&ObjectState, StepId, Option<Duration>) -> Result<Taken, Disabled>;

/// The operation and the kind of the object of a step, for reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepName {
    /// The operation.
    pub operation: &'static str,
    /// The kind of the object.
    pub kind: &'static str,
    /// The object's number among those of its kind.
    pub number: u32,
}

/// The states that objects have had in a run, by their numbers.
#[derive(Default)]
pub(crate) struct States(RefCell<Vec<ObjectState>>);

impl core::fmt::Debug for States {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{} states", self.0.borrow().len())
    }
}

impl States {
    pub(crate) fn clear(&mut self) {
        self.0.get_mut().clear();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    pub(crate) fn add(&self, state: ObjectState) -> Value {
        let mut states = self.0.borrow_mut();
        states.push(state);
        states.len() as Value - 1
    }

    pub(crate) fn get(&self, number: Value) -> ObjectState {
        Rc::clone(&self.0.borrow()[number as usize])
    }
}

/// A step about to be made, and the states of its run.
#[derive(Clone, Copy)]
pub(crate) struct Stepping<'a> {
    pub(crate) me: StepId,
    pub(crate) attempt: Attempt<'a>,
    pub(crate) states: &'a States,
    /// The moment at which the step is made, in nanoseconds, if time is discrete.
    pub(crate) now: Option<u64>,
}

impl Stepping<'_> {
    /// Returns whether the step is enabled in a state.
    pub(crate) fn is_enabled(&self, state: Value) -> bool {
        self.attempt(&self.states.get(state)).is_ok()
    }

    /// Returns the later moment at which the step is enabled in a state in which it is disabled now.
    pub(crate) fn until(&self, state: Value) -> Option<u64> {
        let disabled = self.attempt(&self.states.get(state)).err()?;
        let until = u64::try_from(disabled.until?.as_nanos()).unwrap_or(u64::MAX);
        self.now.is_some_and(|now| until > now).then_some(until)
    }

    fn attempt(&self, state: &ObjectState) -> Result<Taken, Disabled> {
        let now = self.now.map(|now| if twin::is(Twin::TimesOutAtOnce) { u64::MAX } else { now });
        (self.attempt)(state, self.me, now.map(Duration::from_nanos))
    }

    /// Makes the step in a state; returns the number of the state that it leaves, and the steps that happen before it.
    pub(crate) fn take(&self, number: Value) -> Option<(Value, Vec<StepId>)> {
        let old = self.states.get(number);
        let Taken { state, after } = self.attempt(&old).ok()?;
        let new = if Rc::ptr_eq(&state, &old) { number } else { self.states.add(state) };
        Some((new, after))
    }
}
