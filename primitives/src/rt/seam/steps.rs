//! Steps: operations of primitives as specified, on the abstract states of objects.
//!
//! An engine that explores graphs makes a step by itself. Elsewhere a step is one scheduling point, at which it is tried on
//! the object's state. A step that is disabled blocks its thread, and every step that changes the state so that the waiting
//! one is enabled wakes the thread, which then tries again.
//!
//! Where the engine has a memory model too, loom's, two kinds of atomics make its orders. Each step makes a Relaxed
//! read-modify-write of the object's atomic, so that loom explores the orders of the steps. Each step has an atomic of its
//! own, too, which it releases and from which those steps acquire that name it as happening before them.

use super::made::Family;
use super::meeting::{Deed, Place};
use super::threads::Waits;
use super::{Rmw, Session, Site, Slot, StaticKey, StepId, ThreadId, Values, Width, is_own_source};
use core::fmt;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::any::Any;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a step makes of its object, in a state in which it is enabled.
pub struct Taken {
    /// The state that the step leaves. A step that changes nothing leaves the allocation that it was given.
    pub state: Rc<dyn Any>,
    /// The earlier steps that happen before this one.
    pub after: Vec<StepId>,
}

/// A step is disabled in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disabled {
    /// When the step is enabled in this state, if it ever is.
    pub until: Option<Duration>,
}

/// Tries a step in a state, as the step of that name, so long after the execution began. Where time is not discrete, `None`,
/// any moment may have come.
type AttemptFn<'a> = dyn Fn(&Rc<dyn Any>, StepId, Option<Duration>) -> Result<Taken, Disabled> + 'a;

/// A step about to be tried.
pub type Attempt<'a> = &'a AttemptFn<'a>;

/// Looks for something in a state, which every later state has too, and returns the earlier steps that happen before the
/// thread sees it.
pub type Sight<'a> = &'a dyn Fn(&Rc<dyn Any>) -> Option<Vec<StepId>>;

/// Returns the newest state of an object.
pub type Newest<'a> = &'a dyn Fn(u32) -> Rc<dyn Any>;

/// Chooses one of several objects by their newest states.
pub type Ready<'a> = &'a dyn Fn(Newest<'_>) -> Option<u32>;

/// An operation and the object that it acts on, as reports call them: `lock on mutex#1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepName {
    /// The operation.
    pub operation: &'static str,
    /// The kind of the object.
    pub kind: &'static str,
    /// The number of the object among those of its kind, from 0, in the order in which they were made.
    pub number: u32,
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}#{}", self.operation, self.kind, self.number)
    }
}

/// An object of the running execution.
struct Specified {
    kind: &'static str,
    number: u32,
    /// The state, where the engine has no graph.
    state: Rc<dyn Any>,
    /// The engine's object, or the atomic that stands for the order of the steps.
    engine: Option<u32>,
    waiting: Vec<Waiting>,
    /// The object on which steps of this one are made, as a thing that may be in a group with others.
    of_thing: Option<u32>,
}

/// Something that the execution keeps until its end.
struct Keepsake {
    kept: NonNull<()>,
    release: fn(NonNull<()>),
}

/// A thread that waits until its step is enabled.
struct Waiting {
    thread: ThreadId,
    me: StepId,
    attempt: *const AttemptFn<'static>,
}

/// The objects of the running execution.
#[derive(Default)]
pub(super) struct SpecifiedObjects {
    all: Vec<Specified>,
    /// Those of statics, by address.
    statics: HashMap<usize, u32>,
    /// For each step the atomic that it releases, if the engine has a memory model and no graph.
    edges: HashMap<StepId, u32>,
    /// The number of steps of each thread.
    steps: HashMap<ThreadId, u32>,
    kept: Vec<Keepsake>,
}

impl Drop for SpecifiedObjects {
    fn drop(&mut self) {
        self.kept.drain(..).for_each(|keepsake| (keepsake.release)(keepsake.kept));
    }
}

impl SpecifiedObjects {
    fn add(&mut self, kind: &'static str, state: Rc<dyn Any>, engine: Option<u32>) -> u32 {
        let number = self.all.iter().filter(|object| object.kind == kind).count() as u32;
        self.all.push(Specified { kind, number, state, engine, waiting: Vec::new(), of_thing: None });
        self.all.len() as u32 - 1
    }

    fn name(&self, object: u32, operation: &'static str) -> StepName {
        let Specified { kind, number, .. } = self.all[object as usize];
        StepName { operation, kind, number }
    }

    /// Names the next step of a thread.
    fn next_step(&mut self, thread: ThreadId) -> StepId {
        let steps = self.steps.entry(thread).or_default();
        *steps += 1;
        StepId { thread: thread as u32, index: *steps - 1 }
    }
}

impl Session {
    /// Keeps something until the execution is over, and calls `release` with it then, which runs no code of the model's.
    pub(crate) fn keep_to_the_end(&self, kept: NonNull<()>, release: fn(NonNull<()>)) {
        self.state.borrow_mut().specified.kept.push(Keepsake { kept, release });
    }

    /// Registers a new object with the running execution.
    pub(crate) fn object_created(&self, slot: &Slot, kind: &'static str, state: Rc<dyn Any>) {
        if !self.specified() {
            return;
        }
        let engine = match self.backend.graph() {
            Some(graph) => Some(graph.object_new(Rc::clone(&state))),
            None => self.backend.memory().map(|memory| memory.atomic_new(Width::U32, 0)),
        };
        let name = {
            let mut session = self.state.borrow_mut();
            let index = session.specified.add(kind, state, engine);
            slot.set(super::slot::Place { lazy: false, epoch: session.epoch, index });
            session.specified.name(index, "")
        };
        self.list(Family::Specified(kind), name.number, kind, slot.made_at());
    }

    /// Returns whether the operations on an object are steps now.
    pub(crate) fn specifies(&self, slot: &Slot) -> bool {
        let place = slot.get();
        self.specified() && (place.lazy || place.epoch == self.epoch())
    }

    /// Returns the number of a specified object.
    pub(crate) fn object(
        &self,
        slot: &Slot,
        address: usize,
        kind: &'static str,
        first: &dyn Fn() -> Rc<dyn Any>,
    ) -> u32 {
        let (place, epoch) = (slot.get(), self.epoch());
        if place.epoch == epoch {
            return place.index;
        }
        assert!(place.lazy, "a step on an object that is not specified");
        let known = self.state.borrow().specified.statics.get(&address).copied();
        let index = known.unwrap_or_else(|| {
            let state = first();
            let engine = match self.backend.graph() {
                Some(graph) => Some(graph.object_of_static(address, Rc::clone(&state))),
                None => self.lazy_object(StaticKey::of_atomic(address)),
            };
            let specified = &mut self.state.borrow_mut().specified;
            let index = specified.add(kind, state, engine);
            specified.statics.insert(address, index);
            index
        });
        slot.set(super::slot::Place { lazy: true, epoch, index });
        let number = self.state.borrow().specified.name(index, "").number;
        self.list(Family::Specified(kind), number, kind, slot.made_at());
        index
    }

    /// Returns the object on which steps of a thing are made: the thing's own, or that of its group, whose state is `first`
    /// at first. Without a graph all things with a state of this kind have one object, which `kind` stands for.
    pub(crate) fn object_of_thing(
        &self,
        thing: u32,
        kind: fn() -> usize,
        first: &dyn Fn() -> Rc<dyn Any>,
    ) -> u32 {
        let Some(graph) = self.backend.graph() else {
            return self.object(&Slot::lazy(), kind(), "common", first);
        };
        let (known, engine) = {
            let specified = &self.state.borrow().specified;
            let thing = &specified.all[thing as usize];
            (thing.of_thing, thing.engine)
        };
        if let Some(known) = known {
            return known;
        }
        let engine = engine.expect("an engine with graphs knows the objects");
        let on = graph.object_of_thing(engine, first());
        let specified = &mut self.state.borrow_mut().specified;
        let same = specified.all.iter().position(|object| object.engine == Some(on));
        let object = same.map_or_else(|| specified.add("group", first(), Some(on)), |at| at as u32);
        specified.all[thing as usize].of_thing = Some(object);
        object
    }

    /// Goes on only if steps of these things are made on one object. If they are not, the execution does not count, and
    /// they are in the executions that are explored instead.
    pub(crate) fn need_together(&self, things: &[u32]) {
        if let Some(graph) = self.backend.graph() {
            let engine = {
                let specified = &self.state.borrow().specified;
                let engine = things.iter().filter_map(|thing| specified.all[*thing as usize].engine);
                engine.collect::<Vec<u32>>()
            };
            graph.need_together(&engine);
        }
    }

    /// Waits until one of the things that `things` returns is to be observed, which have objects of their own: the one that
    /// `ready` returns, by the things' newest states; reports say that the thread waits for `operation` on `named`. Only for
    /// engines with graphs.
    pub(crate) fn await_one_of(
        &self,
        (operation, named): (&'static str, u32),
        things: &dyn Fn() -> Vec<u32>,
        ready: Ready<'_>,
        site: Site,
    ) -> u32 {
        let site = self.line_of_step(site);
        let graph = self.backend.graph().expect("without a graph, things have one state together");
        let name = self.state.borrow().specified.name(named, operation);
        let mut found = None;
        self.while_blocked(Waits::Step(name), site, || {
            let objects = || things().into_iter().map(|thing| self.place_of(thing)).collect();
            let ready = |state: &dyn Fn(u32) -> Rc<dyn Any>| {
                ready(&|thing| state(self.place_of(thing))).map(|thing| self.place_of(thing))
            };
            found = Some(graph.await_one_of(&objects, &ready));
        });
        let found = things().into_iter().find(|thing| Some(self.place_of(*thing)) == found);
        found.expect("a thread observes in a replay what it has observed before")
    }

    /// Returns the engine's object of a thing. In the order of these numbers things come in the same order whenever an
    /// execution is run.
    pub(crate) fn place_of(&self, thing: u32) -> u32 {
        let engine = self.state.borrow().specified.all[thing as usize].engine;
        engine.expect("an engine with graphs knows the objects")
    }

    /// Runs `code`; if that does something that the engine sees, or runs in such code itself, the things are put together.
    pub(crate) fn quietly(&self, things: [u32; 2], code: impl FnOnce()) {
        /// Ends the quiet, also while the thread unwinds.
        struct Ends<'a>(&'a Session);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                self.0.quiet.set(None);
            }
        }
        self.disturb();
        self.quiet.set(Some(things));
        let _ends = Ends(self);
        code();
    }

    /// Notes that the code which runs now does something that the engine sees.
    pub(super) fn disturb(&self) {
        if let Some(things) = self.quiet.take() {
            self.need_together(&things);
        }
    }

    /// Returns whether the engine explores each way of a choice, and can leave an execution uncounted.
    pub(crate) fn explores_ways(&self) -> bool {
        self.backend.graph().is_some()
    }

    /// Returns the newest state of an object, which other threads may have made; `None` in a replay of an engine with
    /// graphs.
    pub(crate) fn newest_state(&self, object: u32) -> Option<Rc<dyn Any>> {
        let (state, engine) = {
            let object = &self.state.borrow().specified.all[object as usize];
            (Rc::clone(&object.state), object.engine)
        };
        match (self.backend.graph(), engine) {
            (Some(graph), Some(engine)) => graph.newest_state(engine),
            _ => Some(state),
        }
    }

    /// Returns the state of an object that the current thread can know of; without a graph, the state that the object has.
    pub(crate) fn known_state(&self, object: u32) -> Rc<dyn Any> {
        let (state, engine) = {
            let object = &self.state.borrow().specified.all[object as usize];
            (Rc::clone(&object.state), object.engine)
        };
        match (self.backend.graph(), engine) {
            (Some(graph), Some(engine)) => graph.known_state(engine),
            _ => state,
        }
    }

    /// Returns the line that reports show for a step: that of the call by which the program came to a line of our own.
    fn line_of_step(&self, site: Site) -> Site {
        if !is_own_source(site.file()) {
            return site;
        }
        self.state.borrow().threads.call().map_or(site, |call| call.site)
    }

    /// Returns the moment that is so long after the beginning of the execution.
    pub(crate) fn moment_after(&self, passed: Duration) -> Instant {
        self.state.borrow().started + passed
    }

    /// Returns how long after the beginning of the execution a moment is.
    pub(crate) fn passed_at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.state.borrow().started)
    }

    /// Returns the current moment, if time is discrete.
    pub(crate) fn discrete_now(&self) -> Option<Instant> {
        self.backend.graph().filter(|graph| graph.is_time_discrete()).map(|_| self.now())
    }

    /// Makes a step that reports call `operation` on the object `named`, and returns the state in which it was made, and
    /// its name. If it `assumes` that it is enabled some time, an execution in which it never is does not count under an
    /// engine with graphs.
    pub(crate) fn make_step(
        &self,
        (object, named): (u32, u32),
        operation: &'static str,
        (attempt, assumes): (Attempt<'_>, bool),
        site: Site,
    ) -> (Rc<dyn Any>, StepId) {
        let site = self.line_of_step(site);
        self.visit(Place::Object(object), Deed::Write);
        // Relaxed: a statistic.
        self.counters.specified.fetch_add(1, Relaxed);
        let (name, engine) = {
            let specified = &self.state.borrow().specified;
            (specified.name(named, operation), specified.all[object as usize].engine)
        };
        let (found, me, changed) = match (self.backend.graph(), engine) {
            (Some(graph), Some(engine)) => {
                let mut made = None;
                self.while_blocked(Waits::Step(name), site, || {
                    made = Some(graph.step(engine, name, (attempt, assumes)));
                });
                let (found, me) = made.expect("an engine's step returns once it is made");
                (found, me, true)
            }
            _ => self.step_on_state(object, name, attempt, site),
        };
        self.note_change(changed);
        self.record(operation, site, None, None, Values::Of { kind: name.kind, number: name.number });
        (found, me)
    }

    /// Waits until `sees` returns something in the object's state, and returns the state.
    pub(crate) fn observe(
        &self,
        (object, named): (u32, u32),
        operation: &'static str,
        sees: Sight<'_>,
        site: Site,
    ) -> Rc<dyn Any> {
        let site = self.line_of_step(site);
        let (name, engine) = {
            let specified = &self.state.borrow().specified;
            (specified.name(named, operation), specified.all[object as usize].engine)
        };
        let (Some(graph), Some(engine)) = (self.backend.graph(), engine) else {
            let attempt = |state: &Rc<dyn Any>, _, _| match sees(state) {
                Some(after) => Ok(Taken { state: Rc::clone(state), after }),
                None => Err(Disabled { until: None }),
            };
            return self.make_step((object, named), operation, (&attempt, false), site).0;
        };
        self.visit(Place::Object(object), Deed::Read);
        // Relaxed: a statistic.
        self.counters.specified.fetch_add(1, Relaxed);
        let mut found = None;
        self.while_blocked(Waits::Step(name), site, || found = Some(graph.observe(engine, name, sees)));
        self.note_change(true);
        self.record(operation, site, None, None, Values::Of { kind: name.kind, number: name.number });
        found.expect("an engine's observation returns once it is made")
    }

    /// Makes a step on the object's state. Also returns whether the step changed the state.
    fn step_on_state(
        &self,
        object: u32,
        name: StepName,
        attempt: Attempt<'_>,
        site: Site,
    ) -> (Rc<dyn Any>, StepId, bool) {
        let thread = self.this_thread();
        let me = self.state.borrow_mut().specified.next_step(thread);
        self.order_steps(object, true, site);
        loop {
            let found = Rc::clone(&self.state.borrow().specified.all[object as usize].state);
            if let Ok(taken) = attempt(&found, me, None) {
                self.make_edges(me, &taken.after, site);
                let changed = !Rc::ptr_eq(&found, &taken.state);
                if changed {
                    self.state.borrow_mut().specified.all[object as usize].state = taken.state;
                    self.wake_enabled(object);
                }
                return (found, me, changed);
            }
            if self.is_unwinding() {
                self.cannot_wait(site);
            }
            self.wait_for_step(object, Waiting { thread, me, attempt: forget_lifetime(attempt) }, name, site);
            self.order_steps(object, false, site);
        }
    }

    /// Calls the current thread's last step what `name` makes of its name, if the execution is recorded.
    pub(crate) fn rename_step(&self, name: &dyn Fn(StepName) -> StepName) {
        let renamed = {
            let mut state = self.state.borrow_mut();
            let thread = state.threads.current;
            let mut steps = state.steps.iter_mut().rev().filter(|step| step.thread == thread);
            steps.find_map(|step| {
                let Values::Of { kind, number } = step.values else { return None };
                let new = name(StepName { operation: step.operation, kind, number });
                step.operation = new.operation;
                step.values = Values::Of { kind: new.kind, number: new.number };
                Some(new)
            })
        };
        if let Some((graph, name)) = self.backend.graph().zip(renamed) {
            graph.rename_step(name);
        }
    }

    /// Returns an operation on an object as reports call it.
    pub(crate) fn name_of_step(&self, object: u32, operation: &'static str) -> StepName {
        self.state.borrow().specified.name(object, operation)
    }

    /// Makes the scheduling point of a step. A thread that has waited has just been scheduled.
    fn order_steps(&self, object: u32, first: bool, site: Site) {
        let engine = self.state.borrow().specified.all[object as usize].engine;
        match (self.backend.memory(), engine) {
            // Relaxed: the steps' order is no happens-before.
            (Some(memory), Some(atomic)) => {
                self.step(site, |_| memory.rmw(atomic, Rmw::Add(1), Width::U32, Relaxed));
            }
            _ if first => self.step(site, |backend| backend.switch(false)),
            _ => (),
        }
    }

    fn wait_for_step(&self, object: u32, waiting: Waiting, name: StepName, site: Site) {
        let thread = waiting.thread;
        self.state.borrow_mut().specified.all[object as usize].waiting.push(waiting);
        self.block(Waits::Step(name), site);
        let specified = &mut self.state.borrow_mut().specified;
        specified.all[object as usize].waiting.retain(|waiting| waiting.thread != thread);
    }

    /// Wakes the threads whose steps are enabled in the object's new state.
    fn wake_enabled(&self, object: u32) {
        let woken: Vec<ThreadId> = {
            let state = &mut *self.state.borrow_mut();
            let object = &state.specified.all[object as usize];
            let is_enabled = |waiting: &&Waiting| {
                // SAFETY: the attempt is a closure on the stack of the waiting thread, which is in `wait_for_step`, takes
                // the pointer out of the list before it returns from there, and is never unwound meanwhile (E2).
                let attempt = unsafe { &*waiting.attempt };
                attempt(&object.state, waiting.me, None).is_ok()
            };
            let enabled = object.waiting.iter().filter(is_enabled).map(|waiting| waiting.thread);
            enabled.filter(|thread| state.threads.wake(*thread)).collect()
        };
        for thread in woken {
            self.backend.unblock(thread);
        }
    }

    /// Lets the steps in `after` happen before the step `me`, where the engine has a memory model. No other thread runs
    /// meanwhile: all this belongs to the step.
    fn make_edges(&self, me: StepId, after: &[StepId], site: Site) {
        let Some(memory) = self.backend.memory() else { return };
        let number = self.state.borrow().specified.edges.len();
        // Twice as many as have been met: the exploration starts over once for each doubling.
        let more = (0..(2 * number).max(FEWEST_EDGES)).map(|number| StaticKey::of_atomic(EDGES + number));
        let own = self.lazy_object_and(StaticKey::of_atomic(EDGES + number), more);
        let earlier: Vec<u32> = {
            let edges = &mut self.state.borrow_mut().specified.edges;
            let earlier = after.iter().filter(|earlier| is_last_of_thread(**earlier, after));
            let earlier = earlier.filter_map(|earlier| edges.get(earlier).copied()).collect();
            edges.extend(own.map(|own| (me, own)));
            earlier
        };
        let unwinds = self.is_unwinding();
        self.step(site, |backend| {
            if !unwinds {
                backend.hold(true);
            }
            for atomic in earlier {
                // Acquire: synchronizes with the Release below of the earlier step.
                memory.rmw(atomic, Rmw::Or(0), Width::U32, Acquire);
            }
            if let Some(own) = own {
                // Release: what happens before this step happens before the steps that name it, by their Acquire above.
                memory.rmw(own, Rmw::Swap(1), Width::U32, Release);
                // Relaxed: publishes nothing. loom counts a plain access of an atomic as part of the operation before it in
                // the thread. That operation is this load now, and not the Release, which would publish the access too.
                memory.load(own, Relaxed);
            }
            if !unwinds {
                backend.hold(false);
            }
        });
    }
}

/// The address of the first atomic for the edges of steps: no object stands in the first page of memory.
const EDGES: usize = 1;

/// How many of them are made at least, once one is missing.
const FEWEST_EDGES: usize = 8;

/// Returns whether `after` has no later step of the same thread.
fn is_last_of_thread(step: StepId, after: &[StepId]) -> bool {
    !after.iter().any(|other| other.thread == step.thread && other.index > step.index)
}

/// Forgets how long an attempt lives.
fn forget_lifetime(attempt: Attempt<'_>) -> *const AttemptFn<'static> {
    let attempt: *const AttemptFn<'_> = attempt;
    // SAFETY: the types differ in a lifetime only, of which a raw pointer promises nothing.
    unsafe { core::mem::transmute(attempt) }
}
