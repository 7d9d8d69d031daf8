//! Objects as specified: under a checker an operation of a primitive can be one *step* on an abstract state, instead of
//! its own code.
//!
//! A step reads the state of its object and replaces it in one go, or is *disabled* in that state and waits. The steps of
//! an object are in one order, and each step reads what the step before it left. That order is causal, but no
//! happens-before: a step names the earlier steps that happen before it ([`Done::after`]), and nothing else does.
//!
//! In a build without `checking` an [`Object`] has no bytes, and [`Object::is_specified`] is constantly `false`.

#![cfg_attr(
    not(feature = "checking"),
    allow(dead_code, unreachable_pub, reason = "steps are made under a checker only")
)]

mod common;
mod flag;
mod native;
mod shown;

#[cfg(feature = "checking")]
use super::seam::{self, Attempt, Current, Session, Slot, Taken, current};
#[cfg(feature = "checking")]
use core::cell::RefCell;
#[cfg(feature = "checking")]
use core::panic::Location;
#[cfg(feature = "checking")]
use core::time::Duration;
#[cfg(feature = "checking")]
use std::any::Any;
#[cfg(feature = "checking")]
use std::rc::Rc;
use std::time::Instant;

pub(crate) use common::{Common, explores_ways};
pub(crate) use flag::Flag;
pub(crate) use native::{HandleNumber, Listed, Native, Store, Tally, unseen};
pub(crate) use shown::{note_begun, note_received, with_value};

/// A step is disabled in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Disabled {
    /// When the step is enabled in this state, if it ever is.
    pub(crate) until: Option<Instant>,
}

/// Returns whether a deadline has come: where time is not discrete, `None`, at any moment.
pub(crate) fn has_come(deadline: Instant, now: Option<Instant>) -> bool {
    now.is_none_or(|now| now >= deadline)
}

/// The name of a step: its thread, in the engine's terms, and its position among what that thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId {
    /// The thread.
    pub thread: u32,
    /// The position in the thread's program order.
    pub index: u32,
}

/// Returns whether primitives that the caller makes are as specified: whether the running execution uses them so. In a bubble
/// they have their real form, in which they wait by the bubble's clock.
#[inline(always)]
pub(crate) fn is_specifying() -> bool {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.specified() && !super::bubble::is_inside();
    }
    false
}

/// Counts an operation as specified that makes no step.
#[inline(always)]
pub(crate) fn note_specified() {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        session.note_specified();
    }
}

/// The name of a value in a [`Store`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token {
    /// The thread that has put it there.
    pub(crate) thread: u32,
    /// How many that thread had put there before.
    pub(crate) number: u32,
}

/// What an enabled step does.
#[derive(Clone, Debug)]
pub struct Done<S, R> {
    /// The state that the step leaves.
    pub state: S,
    /// What the operation returns.
    pub result: R,
    /// The earlier steps that happen before this one.
    pub after: Vec<StepId>,
}

/// An object whose operations are steps, where the running execution uses primitives as specified.
#[derive(Debug)]
pub struct Object<S> {
    #[cfg(feature = "checking")]
    slot: Slot,
    #[cfg(feature = "checking")]
    kind: &'static str,
    #[cfg(feature = "checking")]
    initial: S,
    #[cfg(not(feature = "checking"))]
    state: core::marker::PhantomData<fn() -> S>,
}

#[cfg(not(feature = "checking"))]
impl<S: Clone + PartialEq + 'static> Object<S> {
    /// Returns an object of this kind (`mutex`, `chan`), which is `initial` at first.
    #[inline]
    pub(crate) const fn new(kind: &'static str, initial: S) -> Object<S> {
        Object::const_new(kind, initial)
    }

    /// Returns an object for a static.
    #[inline]
    pub(crate) const fn const_new(_kind: &'static str, initial: S) -> Object<S> {
        core::mem::forget(initial);
        Object { state: core::marker::PhantomData }
    }

    /// Returns whether operations on the object are to be steps.
    #[inline(always)]
    pub(crate) const fn is_specified(&self) -> bool {
        false
    }

    /// Returns whether the object was specified in an execution that is not the current one.
    #[inline(always)]
    pub(crate) const fn outlives_execution(&self) -> bool {
        false
    }

    /// Makes one step.
    #[inline(always)]
    pub(crate) fn step<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }

    /// Makes one step, which is enabled at its deadline at the latest.
    #[inline(always)]
    pub(crate) fn step_until<R>(
        &self,
        _operation: &'static str,
        _deadline: Instant,
        _step: impl Fn(&S, StepId, bool) -> Option<Done<S, R>>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }

    /// Makes one step on an object that is a part of another.
    #[inline(always)]
    pub(crate) fn step_in<R, W: Clone + PartialEq + 'static>(
        &self,
        _whole: &Object<W>,
        _operation: &'static str,
        _step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }

    /// Makes one step after a choice.
    #[inline(always)]
    pub(crate) fn step_assuming<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }

    /// Returns what `sees` finds in the state that the current thread can know of.
    #[inline(always)]
    pub(crate) fn known<R>(&self, _sees: impl Fn(&S) -> R) -> R {
        unreachable!("no object is specified outside a checker")
    }

    /// Waits for something in the state.
    #[inline(always)]
    pub(crate) fn observe<R>(
        &self,
        _operation: &'static str,
        _sees: impl Fn(&S) -> Option<(R, Vec<StepId>)>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }
}

#[cfg(feature = "checking")]
impl<S: Clone + PartialEq + 'static> Object<S> {
    /// Returns an object of this kind (`mutex`, `chan`), which is `initial` at first, made by the current thread.
    #[track_caller]
    pub fn new(kind: &'static str, initial: S) -> Object<S> {
        let object = Object { slot: Slot::native(), kind, initial };
        if let Current::Model(session) = current()
            && !super::bubble::is_inside()
        {
            session.object_created(&object.slot, kind, object.first());
        }
        object
    }

    /// Returns an object for a static, as if made before the model. `const` in every build.
    #[track_caller]
    pub const fn const_new(kind: &'static str, initial: S) -> Object<S> {
        Object { slot: Slot::lazy(), kind, initial }
    }

    fn first(&self) -> Rc<dyn Any> {
        Rc::new(self.initial.clone())
    }

    /// Returns whether operations on the object are to be steps: whether the running execution uses primitives as
    /// specified, and the object is one of this execution.
    pub fn is_specified(&self) -> bool {
        match current() {
            Current::Model(session) => session.specifies(&self.slot),
            Current::Native(_) | Current::Outside => false,
        }
    }

    /// Returns whether the object was specified in an execution that is not the current one.
    pub(crate) fn outlives_execution(&self) -> bool {
        let place = self.slot.get();
        !place.lazy && place.epoch != 0 && !self.is_specified()
    }

    /// Makes one step, `operation`, which waits until it is enabled. `step` gets the state and the name of the step. It
    /// returns `None` where the step is disabled, and what the step does elsewhere. It has to be a pure function: an engine
    /// calls it on every state in which the step may stand.
    ///
    /// # Panics
    /// If the object is not specified.
    #[track_caller]
    pub fn step<R>(&self, operation: &'static str, step: impl Fn(&S, StepId) -> Option<Done<S, R>>) -> R {
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        let object = self.index(session);
        make_step(session, (object, object), operation, (untimed(step), false), Location::caller())
    }

    /// Makes one step, as [`step`](Self::step) does, until a deadline: `step` also gets whether that has come, and is enabled
    /// in every state then. Where time is not discrete, it may have come at any moment.
    ///
    /// # Panics
    /// If the object is not specified.
    #[track_caller]
    pub(crate) fn step_until<R>(
        &self,
        operation: &'static str,
        deadline: Instant,
        step: impl Fn(&S, StepId, bool) -> Option<Done<S, R>>,
    ) -> R {
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        let object = self.index(session);
        let step = until(deadline, step);
        make_step(session, (object, object), operation, (step, false), Location::caller())
    }

    /// Makes one step, as [`step`](Self::step) does, on an object that is a part of another, which reports name.
    ///
    /// # Panics
    /// If an object is not specified.
    #[track_caller]
    pub(crate) fn step_in<R, W: Clone + PartialEq + 'static>(
        &self,
        whole: &Object<W>,
        operation: &'static str,
        step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        let objects = (self.index(session), whole.index(session));
        make_step(session, objects, operation, (untimed(step), false), Location::caller())
    }

    /// Makes one step after a choice: where the step never is enabled, the graph engine does not count the execution, since
    /// another way of the choice brings what then happens. For engines for which [`explores_ways`] returns `true`.
    ///
    /// # Panics
    /// If the object is not specified.
    #[track_caller]
    pub(crate) fn step_assuming<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        let object = self.index(session);
        make_step(session, (object, object), operation, (untimed(step), true), Location::caller())
    }

    /// Returns what `sees` finds in the state that the last step has left which the current thread can know of: by what it
    /// has done, and by what it has read, directly or through others. This is no event, and has no place among the steps.
    ///
    /// # Panics
    /// If the object is not specified.
    pub(crate) fn known<R>(&self, sees: impl Fn(&S) -> R) -> R {
        let Current::Model(session) = current() else { panic!("a look outside a model") };
        sees(state_of(&session.known_state(self.index(session))))
    }

    /// Returns the number of the object in the running execution.
    fn index(&self, session: &Session) -> u32 {
        session.object(&self.slot, core::ptr::from_ref(self).addr(), self.kind, &|| self.first())
    }
}

/// An object, for steps of a thread that does not borrow it. The object must live when a step is made.
pub(crate) struct Remote<S> {
    #[cfg(feature = "checking")]
    object: u32,
    state: core::marker::PhantomData<fn() -> S>,
}

impl<S: Clone + PartialEq + 'static> Remote<S> {
    /// Makes one step, as [`Object::step`] does.
    #[cfg(feature = "checking")]
    #[track_caller]
    pub(crate) fn step<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        let objects = (self.object, self.object);
        make_step(session, objects, operation, (untimed(step), false), Location::caller())
    }

    /// Makes one step.
    #[cfg(not(feature = "checking"))]
    pub(crate) fn step<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
    ) -> R {
        unreachable!("no object is specified outside a checker")
    }
}

impl<S: Clone + PartialEq + 'static> Object<S> {
    /// Returns the object for steps of other threads.
    ///
    /// # Panics
    /// If the object is not specified.
    pub(crate) fn remote(&self) -> Remote<S> {
        #[cfg(feature = "checking")]
        let Current::Model(session) = current() else { panic!("a step outside a model") };
        Remote {
            #[cfg(feature = "checking")]
            object: self.index(session),
            state: core::marker::PhantomData,
        }
    }
}

#[cfg(feature = "checking")]
impl<S: Clone + PartialEq + 'static> Object<S> {
    /// Waits until `sees` finds something in the state, and returns it with the earlier steps that happen before this. What
    /// it finds must be *stable*: found in every later state of the object, too, and the same. An observation has no place
    /// among the object's steps, so it is explored in one way only, where a step would be in many.
    ///
    /// # Panics
    /// If the object is not specified.
    #[track_caller]
    pub fn observe<R>(&self, operation: &'static str, sees: impl Fn(&S) -> Option<(R, Vec<StepId>)>) -> R {
        let Current::Model(session) = current() else { panic!("an observation outside a model") };
        let object = self.index(session);
        make_observation(session, (object, object), operation, sees, Location::caller())
    }
}

/// A step that is tried at a moment, if time is discrete.
#[cfg(feature = "checking")]
type Timed<S, R> = Result<Done<S, R>, Disabled>;

/// Makes a step whose time never comes of one that may be disabled.
#[cfg(feature = "checking")]
fn untimed<S, R>(
    step: impl Fn(&S, StepId) -> Option<Done<S, R>>,
) -> impl Fn(&S, StepId, Option<Instant>) -> Timed<S, R> {
    move |state, me, _| step(state, me).ok_or(Disabled { until: None })
}

/// Makes a step that is enabled from its deadline on of one that also gets whether that has come.
#[cfg(feature = "checking")]
fn until<S, R>(
    deadline: Instant,
    step: impl Fn(&S, StepId, bool) -> Option<Done<S, R>>,
) -> impl Fn(&S, StepId, Option<Instant>) -> Timed<S, R> {
    move |state, me, now| step(state, me, has_come(deadline, now)).ok_or(Disabled { until: Some(deadline) })
}

/// Makes a step on an object, which reports call a step on the second one.
#[cfg(feature = "checking")]
fn make_step<S: PartialEq + 'static, R>(
    session: &Session,
    objects: (u32, u32),
    operation: &'static str,
    (step, assumes): (impl Fn(&S, StepId, Option<Instant>) -> Timed<S, R>, bool),
    site: &'static Location<'static>,
) -> R {
    // What the step has come to where it was tried last. An engine makes the step there.
    let last = RefCell::new(None);
    let attempt = |state: &Rc<dyn Any>, me: StepId, now: Option<Duration>| {
        let old = state_of::<S>(state);
        let now = now.map(|now| session.moment_after(now));
        let Done { state: new, result, after } = step(old, me, now).map_err(|Disabled { until }| {
            seam::Disabled { until: until.map(|until| session.passed_at(until)) }
        })?;
        last.replace(Some(((core::ptr::from_ref(old), me, now), result)));
        let state = if new == *old { Rc::clone(state) } else { Rc::new(new) };
        Ok(Taken { state, after })
    };
    let attempt: Attempt<'_> = &attempt;
    let (found, me) = session.make_step(objects, operation, (attempt, assumes), site);
    let place = (core::ptr::from_ref(state_of::<S>(&found)), me, session.discrete_now());
    if let Some((_, result)) = last.into_inner().filter(|(tried, _)| *tried == place) {
        return result;
    }
    match step(state_of::<S>(&found), me, place.2) {
        Ok(done) => done.result,
        Err(_) => unreachable!("a step is a pure function of the state, and was enabled in this one"),
    }
}

/// Makes an observation of an object, which reports call one of the second one.
#[cfg(feature = "checking")]
fn make_observation<S: 'static, R>(
    session: &Session,
    objects: (u32, u32),
    operation: &'static str,
    sees: impl Fn(&S) -> Option<(R, Vec<StepId>)>,
    site: &'static Location<'static>,
) -> R {
    let sight = |state: &Rc<dyn Any>| sees(state_of::<S>(state)).map(|(_, after)| after);
    let found = session.observe(objects, operation, &sight, site);
    match sees(state_of::<S>(&found)) {
        Some((result, _)) => result,
        None => {
            unreachable!("an observation is a pure function of the state, and found something in this one")
        }
    }
}

#[cfg(feature = "checking")]
fn state_of<S: 'static>(state: &Rc<dyn Any>) -> &S {
    state.downcast_ref().expect("all states of an object have its type")
}
