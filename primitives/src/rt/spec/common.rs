//! Things whose operations are steps on a state that they may have in common with others, as the channels of a `select!`.
//!
//! `W`, the common state, keeps what each thing has under the thing's [`key`](Common::key). An operation that touches
//! several things makes sure that they are [together](Common::need_together). A thing that no step touches together with
//! another one has a state of its own under the graph engine, so that its steps have no order with those of the others.
//! Other engines keep one state for all things.

#[cfg(feature = "checking")]
use super::super::seam::{Current, Session, Slot, StepName, current};
use super::{Disabled, Done, Object, StepId};
#[cfg(feature = "checking")]
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
#[cfg(feature = "checking")]
use core::panic::Location;
#[cfg(feature = "checking")]
use std::any::{Any, TypeId};
#[cfg(feature = "checking")]
use std::rc::Rc;
use std::time::Instant;

/// Returns the newest state of a thing.
type Newest<'a, W> = &'a dyn Fn(u32) -> W;

/// A thing that has a part of a common state.
#[derive(Debug)]
pub(crate) struct Common<W> {
    #[cfg(feature = "checking")]
    slot: Slot,
    #[cfg(feature = "checking")]
    kind: &'static str,
    /// The thing after which reports name steps on this one, if this is a part of that.
    #[cfg(feature = "checking")]
    part_of: Option<u32>,
    state: PhantomData<fn() -> W>,
}

#[cfg(not(feature = "checking"))]
impl<W: Default + Clone + PartialEq + 'static> Common<W> {
    /// Returns a thing of this kind (`chan`).
    #[inline(always)]
    pub(crate) const fn new(_kind: &'static str) -> Common<W> {
        Common { state: PhantomData }
    }

    /// Returns a part, of this kind, of a thing.
    #[inline(always)]
    pub(crate) const fn part(_kind: &'static str, _whole: &Common<W>) -> Common<W> {
        Common { state: PhantomData }
    }

    /// Returns a part, of this kind, of an object.
    #[inline(always)]
    pub(crate) const fn part_of<S>(_kind: &'static str, _whole: &Object<S>) -> Common<W> {
        Common { state: PhantomData }
    }

    /// Returns whether operations on the thing are to be steps.
    #[inline(always)]
    pub(crate) const fn is_specified(&self) -> bool {
        false
    }

    /// Returns what tells this thing from the others that have a part of the common state.
    #[inline(always)]
    pub(crate) fn key(&self) -> u32 {
        0
    }

    /// Returns whether steps on these things are steps on one state.
    #[inline(always)]
    pub(crate) fn are_together(_things: &[&Common<W>]) -> bool {
        true
    }

    /// Makes sure that steps on these things are steps on one state.
    #[inline(always)]
    pub(crate) fn need_together(_things: &[&Common<W>]) {}

    /// Runs `code`.
    #[inline(always)]
    pub(crate) fn quietly(_things: &[&Common<W>; 2], code: impl FnOnce()) {
        code();
    }

    /// Makes one step on the common state.
    #[inline(always)]
    pub(crate) fn step<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&W, StepId) -> Option<Done<W, R>>,
    ) -> R {
        unreachable!("no thing is specified outside a checker")
    }

    /// Makes one step on the common state, which is tried at a moment if time is discrete.
    #[inline(always)]
    pub(crate) fn step_at<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&W, StepId, Option<Instant>) -> Result<Done<W, R>, Disabled>,
    ) -> R {
        unreachable!("no thing is specified outside a checker")
    }

    /// Returns what `sees` finds in the newest state; `None` in a replay.
    #[inline(always)]
    pub(crate) fn newest<R>(&self, _sees: impl Fn(&W) -> R) -> Option<R> {
        None
    }

    /// Returns what `sees` finds in the state that the current thread can know of.
    #[inline(always)]
    pub(crate) fn known<R>(&self, _sees: impl Fn(&W) -> R) -> R {
        unreachable!("no thing is specified outside a checker")
    }

    /// Waits until one of the things that `things` returns is to be observed.
    #[inline(always)]
    pub(crate) fn await_one_of(
        &self,
        _operation: &'static str,
        _things: &dyn Fn() -> Vec<u32>,
        _ready: &dyn Fn(Newest<'_, W>) -> Option<u32>,
    ) -> u32 {
        unreachable!("no thing is specified outside a checker")
    }

    /// Returns a number that orders things.
    #[inline(always)]
    pub(crate) fn order(&self) -> u32 {
        0
    }

    /// Makes one step after a choice.
    #[inline(always)]
    pub(crate) fn step_assuming<R>(
        &self,
        _operation: &'static str,
        _step: impl Fn(&W, StepId) -> Option<Done<W, R>>,
    ) -> R {
        unreachable!("no thing is specified outside a checker")
    }

    /// Lets reports name this thing beside a select.
    #[inline(always)]
    pub(crate) fn note_chosen(&self) {}

    /// Waits for something in the common state.
    #[inline(always)]
    pub(crate) fn observe<R>(
        &self,
        _operation: &'static str,
        _sees: impl Fn(&W) -> Option<(R, Vec<StepId>)>,
    ) -> R {
        unreachable!("no thing is specified outside a checker")
    }
}

#[cfg(feature = "checking")]
impl<W: Default + Clone + PartialEq + 'static> Common<W> {
    /// Returns a thing of this kind (`chan`), made by the current thread.
    #[track_caller]
    pub(crate) fn new(kind: &'static str) -> Common<W> {
        let common = Common { slot: Slot::native(), kind, part_of: None, state: PhantomData };
        if let Current::Model(session) = current()
            && !super::super::bubble::is_inside()
        {
            session.object_created(&common.slot, kind, Common::<W>::first());
        }
        common
    }

    /// Returns a part, of this kind, of a thing that the current thread has just made. Reports name steps on the part after
    /// the whole thing.
    #[track_caller]
    pub(crate) fn part(kind: &'static str, whole: &Common<W>) -> Common<W> {
        let part_of = whole.is_specified().then(|| whole.key());
        Common { part_of, ..Common::new(kind) }
    }

    /// Returns a part, of this kind, of an object. Reports name steps on the part after the object.
    ///
    /// # Panics
    /// If the object is not specified.
    #[track_caller]
    pub(crate) fn part_of<S: Clone + PartialEq + 'static>(
        kind: &'static str,
        whole: &Object<S>,
    ) -> Common<W> {
        Common { part_of: Some(whole.index(specifying())), ..Common::new(kind) }
    }

    fn first() -> Rc<dyn Any> {
        Rc::new(W::default())
    }

    /// Returns whether operations on the thing are to be steps.
    pub(crate) fn is_specified(&self) -> bool {
        match current() {
            Current::Model(session) => session.specifies(&self.slot),
            Current::Native(_) | Current::Outside => false,
        }
    }

    fn index(&self, session: &Session) -> u32 {
        session.object(&self.slot, core::ptr::from_ref(self).addr(), self.kind, &Common::<W>::first)
    }

    /// Returns what tells this thing from the others that have a part of the common state.
    ///
    /// # Panics
    /// If the thing is not specified.
    pub(crate) fn key(&self) -> u32 {
        self.index(specifying())
    }

    /// Returns whether steps on these things are steps on one state in this exploration.
    ///
    /// # Panics
    /// If a thing is not specified.
    pub(crate) fn are_together(things: &[&Common<W>]) -> bool {
        let session = specifying();
        let mut objects = things.iter().map(|thing| thing.objects(session).0);
        let first = objects.next();
        objects.all(|object| Some(object) == first)
    }

    /// Makes sure that steps on these things are steps on one state. The graph engine begins the exploration anew if they
    /// have been steps on different ones, and this does not return.
    ///
    /// # Panics
    /// If a thing is not specified.
    pub(crate) fn need_together(things: &[&Common<W>]) {
        if !Common::are_together(things) {
            specifying().need_together(&things.iter().map(|thing| thing.key()).collect::<Vec<u32>>());
        }
    }

    /// Runs `code`. If that does something that the engine sees, steps on the things have to be steps on one state, as by
    /// [`need_together`](Self::need_together).
    ///
    /// # Panics
    /// If a thing is not specified.
    pub(crate) fn quietly(things: &[&Common<W>; 2], code: impl FnOnce()) {
        specifying().quietly(things.map(Common::key), code);
    }

    /// Makes one step on the common state, as [`Object::step`](super::Object::step) does on that of an object.
    ///
    /// # Panics
    /// If the thing is not specified.
    #[track_caller]
    pub(crate) fn step<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&W, StepId) -> Option<Done<W, R>>,
    ) -> R {
        let session = specifying();
        let step = (super::untimed(step), false);
        super::make_step(session, self.objects(session), operation, step, Location::caller())
    }

    /// Makes one step on the common state, which is tried at a moment if time is discrete: see
    /// [`Object::step_until`](super::Object::step_until).
    ///
    /// # Panics
    /// If the thing is not specified.
    #[track_caller]
    pub(crate) fn step_at<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&W, StepId, Option<Instant>) -> Result<Done<W, R>, Disabled>,
    ) -> R {
        let session = specifying();
        super::make_step(session, self.objects(session), operation, (step, false), Location::caller())
    }

    /// Makes one step after a choice: where the step never is enabled, the graph engine does not count the execution, since
    /// another way of the choice brings what then happens. For engines for which [`explores_ways`] returns `true`.
    ///
    /// # Panics
    /// If the thing is not specified.
    #[track_caller]
    pub(crate) fn step_assuming<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&W, StepId) -> Option<Done<W, R>>,
    ) -> R {
        let session = specifying();
        let step = (super::untimed(step), true);
        super::make_step(session, self.objects(session), operation, step, Location::caller())
    }

    /// Waits for something stable in the common state, as [`Object::observe`](super::Object::observe) does in that of an object.
    ///
    /// # Panics
    /// If the thing is not specified.
    #[track_caller]
    pub(crate) fn observe<R>(
        &self,
        operation: &'static str,
        sees: impl Fn(&W) -> Option<(R, Vec<StepId>)>,
    ) -> R {
        let session = specifying();
        super::make_observation(session, self.objects(session), operation, sees, Location::caller())
    }

    /// Returns what `sees` finds in the newest state, whether or not the current thread can know of it; `None` in a replay.
    /// What a program does must not depend on it, but for putting things [together](Self::need_together).
    ///
    /// # Panics
    /// If the thing is not specified.
    pub(crate) fn newest<R>(&self, sees: impl Fn(&W) -> R) -> Option<R> {
        let session = specifying();
        Some(sees(super::state_of(&session.newest_state(self.objects(session).0)?)))
    }

    /// Returns what `sees` finds in the state that the last step has left which the current thread can know of: by what it
    /// has done, and by what it has read, directly or through others. This is no event, and has no place among the steps.
    ///
    /// # Panics
    /// If the thing is not specified.
    pub(crate) fn known<R>(&self, sees: impl Fn(&W) -> R) -> R {
        let session = specifying();
        sees(super::state_of(&session.known_state(self.objects(session).0)))
    }

    /// Waits until one of the things that `things` returns is to be [observed](Self::observe): the one that `ready` returns,
    /// which gets the newest states of things. What it finds has to stay so. Only where the things have states of their own.
    /// Reports say that the thread waits for `operation` on this thing.
    ///
    /// # Panics
    /// If the thing is not specified.
    #[track_caller]
    pub(crate) fn await_one_of(
        &self,
        operation: &'static str,
        things: &dyn Fn() -> Vec<u32>,
        ready: &dyn Fn(Newest<'_, W>) -> Option<u32>,
    ) -> u32 {
        let session = specifying();
        let named = (operation, self.part_of.unwrap_or(self.index(session)));
        let ready =
            |state: &dyn Fn(u32) -> Rc<dyn Any>| ready(&|thing| super::state_of::<W>(&state(thing)).clone());
        session.await_one_of(named, things, &ready, Location::caller())
    }

    /// Returns a number that orders things. A thing has the same number in each run of an execution.
    ///
    /// # Panics
    /// If the thing is not specified, or has no state of its own.
    pub(crate) fn order(&self) -> u32 {
        let session = specifying();
        session.place_of(self.index(session))
    }

    /// Returns a number that stands for the kind of state, and is no address of a static: those are not in the upper half of
    /// the memory.
    fn of_state() -> usize {
        let mut hasher = std::hash::DefaultHasher::new();
        TypeId::of::<W>().hash(&mut hasher);
        hasher.finish() as usize | 1 << (usize::BITS - 1)
    }

    /// Lets reports name this thing beside the current thread's last step, if that is a select's, instead of the thing that the
    /// step was made on.
    ///
    /// # Panics
    /// If the thing is not specified.
    pub(crate) fn note_chosen(&self) {
        let session = specifying();
        if session.is_recording() {
            let this = session.name_of_step(self.objects(session).1, "");
            session.rename_step(&|step| match step.operation.contains("select") {
                true => StepName { operation: step.operation, ..this },
                // Of a waker that was called meanwhile.
                false => step,
            });
        }
    }

    /// Returns the numbers of the object with the common state, and of the thing that reports name.
    fn objects(&self, session: &Session) -> (u32, u32) {
        let own = self.index(session);
        let object = session.object_of_thing(own, Common::<W>::of_state, &Common::<W>::first);
        (object, self.part_of.unwrap_or(own))
    }
}

/// Returns whether the engine leaves an execution uncounted that comes to nothing, and explores each way of a choice.
pub(crate) fn explores_ways() -> bool {
    #[cfg(feature = "checking")]
    return matches!(current(), Current::Model(session) if session.explores_ways());
    #[cfg(not(feature = "checking"))]
    false
}

#[cfg(feature = "checking")]
fn specifying() -> &'static Session {
    match current() {
        Current::Model(session) => session,
        Current::Native(_) | Current::Outside => panic!("a step outside a model"),
    }
}
