//! Things whose operations are steps on a state that they have in common: one object for all things of an execution that
//! one step may touch together, such as the channels of a `select!`.
//!
//! `W`, the common state, keeps what each thing has under the thing's [`key`](Common::key).

#[cfg(feature = "checking")]
use super::super::seam::{Current, Session, Slot, current};
use super::{Done, Object, StepId};
#[cfg(feature = "checking")]
use core::hash::{Hash, Hasher};
use core::marker::PhantomData;
#[cfg(feature = "checking")]
use core::panic::Location;
#[cfg(feature = "checking")]
use std::any::TypeId;

/// A thing that has a part of a common state.
#[derive(Debug)]
pub struct Common<W> {
    /// Names the thing, and is touched by no step itself.
    own: Object<()>,
    common: PhantomData<fn() -> W>,
}

impl<W: Default + Clone + PartialEq + 'static> Common<W> {
    constructor! {
        /// Returns a thing of this kind (`chan`).
        pub(crate) fn new(kind: &'static str) -> Common<W> {
            Common { own: Object::new(kind, ()), common: PhantomData }
        }
    }

    /// Returns a thing for a static.
    pub(crate) const fn const_new(kind: &'static str) -> Common<W> {
        Common { own: Object::const_new(kind, ()), common: PhantomData }
    }

    /// Returns whether operations on the thing are to be steps.
    #[inline(always)]
    pub(crate) fn is_specified(&self) -> bool {
        self.own.is_specified()
    }
}

#[cfg(not(feature = "checking"))]
impl<W: Default + Clone + PartialEq + 'static> Common<W> {
    /// Returns what tells this thing from the others that have a part of the common state.
    #[inline(always)]
    pub(crate) fn key(&self) -> u32 {
        0
    }

    /// Makes one step on the common state.
    #[inline(always)]
    pub(crate) fn step<R>(
        &self,
        operation: &'static str,
        step: impl Fn(&W, StepId) -> Option<Done<W, R>>,
    ) -> R {
        self.own.step(operation, |(), me| {
            step(&W::default(), me).map(|done| Done { state: (), result: done.result, after: done.after })
        })
    }

    /// Waits for something in the common state.
    #[inline(always)]
    pub(crate) fn observe<R>(
        &self,
        operation: &'static str,
        sees: impl Fn(&W) -> Option<(R, Vec<StepId>)>,
    ) -> R {
        self.own.observe(operation, |()| sees(&W::default()))
    }
}

#[cfg(feature = "checking")]
impl<W: Default + Clone + PartialEq + 'static> Common<W> {
    /// Returns what tells this thing from the others that have a part of the common state.
    ///
    /// # Panics
    /// If the thing is not specified.
    pub(crate) fn key(&self) -> u32 {
        self.own.index(specifying())
    }

    /// Makes one step on the common state, as [`Object::step`] does on that of an object.
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
        let objects = (Self::common(session), self.own.index(session));
        super::make_step(session, objects, operation, step, Location::caller())
    }

    /// Waits for something stable in the common state, as [`Object::observe`] does in that of an object.
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
        let objects = (Self::common(session), self.own.index(session));
        super::make_observation(session, objects, operation, sees, Location::caller())
    }

    /// Returns the number of the object that stands for the common state.
    fn common(session: &Session) -> u32 {
        let mut hasher = std::hash::DefaultHasher::new();
        TypeId::of::<W>().hash(&mut hasher);
        // No static is in the upper half of the address space.
        let address = hasher.finish() as usize | 1 << (usize::BITS - 1);
        session.object(&Slot::lazy(), address, "common", &|| std::rc::Rc::new(W::default()))
    }
}

#[cfg(feature = "checking")]
fn specifying() -> &'static Session {
    match current() {
        Current::Model(session) => session,
        Current::Native(_) | Current::Outside => panic!("a step outside a model"),
    }
}
