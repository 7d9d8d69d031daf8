//! Operations on objects: making them, and steps.

use super::{Machine, State};
use crate::Order;
use crate::event::{Event, EventId, Kind, LocationId, NONE, Read, Reading, Site};
use crate::explore::options::Added;
use crate::explore::steps::Stepped;
use crate::race::Race;
use crate::run::Status;
use crate::step::{Attempt, ObjectState, StepId, StepName, Stepping};

/// What a thread does with a step.
enum Outcome {
    /// The step has been made in this state.
    Made(ObjectState, StepId),
    /// A wait has been added, or replayed.
    Waited,
    /// The thread is to be suspended.
    Wait(Status),
}

/// A step about to be made.
#[derive(Clone, Copy)]
struct Request<'a> {
    object: LocationId,
    name: StepName,
    attempt: Attempt<'a>,
    site: Site,
    /// Whether another branch does what happens where this step never is enabled.
    assumes: bool,
}

/// Returns the newest state of an object.
pub(super) type Newest<'a> = &'a dyn Fn(LocationId) -> ObjectState;

/// Chooses one of several objects by their newest states.
pub(super) type Ready<'a> = &'a dyn Fn(Newest<'_>) -> Option<LocationId>;

impl Machine {
    /// Makes an object, in this state.
    pub fn new_object(&self, state: ObjectState) -> LocationId {
        let number = self.state.borrow().run.states.add(state);
        let location = self.new_location(number, None);
        self.note_object(location)
    }

    /// Returns the object of a static, as if it were made before the program began, in this state.
    pub fn static_object(&self, address: usize, state: ObjectState) -> LocationId {
        let number = self.state.borrow().run.states.add(state);
        let location = self.static_location(address, number);
        self.note_object(location)
    }

    /// Returns the object of a static at a distance from the fixed point of the program.
    pub(super) fn static_object_at(&self, distance: isize, state: ObjectState) -> LocationId {
        let number = self.state.borrow().run.states.add(state);
        let location = self.static_at(distance, number);
        self.note_object(location)
    }

    fn note_object(&self, location: LocationId) -> LocationId {
        self.state.borrow_mut().exploration.graph.location_mut(location).is_object = true;
        location
    }

    /// Makes a step, which waits until it is enabled. Returns the state in which it was made, and its name. If the step
    /// `assumes` that it is enabled some time, a run in which it never is comes to nothing: a choice that the thread has made
    /// before would have had to be another one.
    ///
    /// # Errors
    /// The making of the object, if it does not happen before the step.
    pub fn step(
        &self,
        object: LocationId,
        name: StepName,
        (attempt, assumes): (Attempt<'_>, bool),
        site: Site,
    ) -> Result<(ObjectState, StepId), Race> {
        self.check_birth(object)?;
        let request = &Request { object, name, attempt, site, assumes };
        if let Some(found) = self.rehearse_step(request) {
            return Ok(found);
        }
        loop {
            let outcome = match self.turn() {
                Some(recorded) => self.replay_step(recorded, request),
                None => self.new_step(request),
            };
            match outcome {
                Outcome::Made(state, me) => {
                    self.state.borrow_mut().run.me().assumes = false;
                    return Ok((state, me));
                }
                Outcome::Waited => (),
                Outcome::Wait(status) => {
                    self.state.borrow_mut().run.me().assumes = request.assumes;
                    self.wait(status);
                }
            }
        }
    }

    /// Waits until `sees` returns something in the object's state, which it then does in every later state, too: the
    /// earlier steps that happen before this. Returns the first state in which it did.
    ///
    /// # Errors
    /// The making of the object, if it does not happen before the observation.
    pub fn observe(
        &self,
        object: LocationId,
        name: StepName,
        sees: &dyn Fn(&ObjectState) -> Option<Vec<StepId>>,
        site: Site,
    ) -> Result<ObjectState, Race> {
        self.check_birth(object)?;
        self.fail_if_rehearsing();
        loop {
            if let Some(recorded) = self.turn() {
                if let Some(found) = self.replay_observation(recorded, (object, name), site) {
                    return Ok(found);
                }
                continue;
            }
            let read = Read::new(Reading::Step, 0, Order::Relaxed, Order::Relaxed);
            let event = self.event(Kind::Observe, read.success, site);
            let event = Event { location: object, read, ..event };
            let added = {
                let mut state = self.state.borrow_mut();
                let State { exploration, run, .. } = &mut *state;
                exploration.add_observation(event, |state| sees(&run.states.get(state)).is_some())
            };
            let Some(id) = added else {
                let seen = self.state.borrow().exploration.graph.location(object).writes.len();
                self.wait(Status::Disabled { location: object, seen, until: None });
                continue;
            };
            self.state.borrow_mut().run.name_step(id, name);
            let found = self.found(id);
            let after = sees(&found).unwrap_or_default();
            self.state.borrow_mut().exploration.graph.order_after(id, &after);
            let _ = self.note_added(Added::Event(id));
            return Ok(found);
        }
    }

    /// Gives the current thread's last step, or observation, another name in reports.
    pub fn rename_step(&self, name: StepName) {
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        let made = run.me().cursor as usize;
        let events = &exploration.graph.threads[run.current as usize].events[..made];
        if let Some(event) = events.iter().rev().find(|event| run.name_of(**event).is_some()) {
            run.name_step(*event, name);
        }
    }

    /// Returns the state that the last step on an object has left which the current thread can know of: by its own
    /// events, and by what they have read, directly or through others.
    pub fn known_state(&self, object: LocationId) -> ObjectState {
        let state = self.state.borrow();
        let State { exploration, run, .. } = &*state;
        let graph = &exploration.graph;
        let last = run.last_event(graph);
        let known = graph.location(object).writes.iter().rfind(|step| graph.in_prefix(**step, last));
        run.states.get(graph.value_of(object, known.copied().unwrap_or(NONE)))
    }

    /// Returns the state that the last step of all on an object has left, whether or not the current thread can know of it;
    /// `None` in a replay, in which not all steps may have been made again.
    pub fn newest_state(&self, object: LocationId) -> Option<ObjectState> {
        let state = self.state.borrow();
        let graph = &state.exploration.graph;
        let last = graph.location(object).writes.last().copied().unwrap_or(NONE);
        (state.run.remaining == 0).then(|| state.run.states.get(graph.value_of(object, last)))
    }

    /// Waits until one of the objects that `objects` returns is to be observed: the one that `ready` returns, which it gets
    /// the objects' newest states for; or the one that the thread observes in the graph. What `ready` finds has to stay so,
    /// and only one of all objects' observations may come to be possible first.
    pub fn await_one_of(&self, objects: &dyn Fn() -> Vec<LocationId>, ready: Ready<'_>) -> LocationId {
        loop {
            let recorded = self.turn();
            let objects = objects();
            let seen = {
                let state = self.state.borrow();
                let graph = &state.exploration.graph;
                if let Some(recorded) = recorded {
                    return graph.event(recorded).location;
                }
                let newest = |object: LocationId| {
                    let last = graph.location(object).writes.last().copied();
                    state.run.states.get(graph.value_of(object, last.unwrap_or(NONE)))
                };
                if let Some(object) = ready(&newest) {
                    return object;
                }
                objects.into_iter().map(|object| (object, graph.location(object).writes.len())).collect()
            };
            self.wait(Status::DisabledAny(seen));
        }
    }

    fn replay_observation(
        &self,
        id: EventId,
        (object, name): (LocationId, StepName),
        site: Site,
    ) -> Option<ObjectState> {
        let event = *self.state.borrow().exploration.graph.event(id);
        if event.kind != Kind::Observe || event.location != object {
            self.diverged("an observation", Some(site));
        }
        if !self.has_happened(event.source) {
            self.wait(Status::Behind(event.source));
            return None;
        }
        {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let value = exploration.graph.value_of(object, event.source);
            let stored = &mut exploration.graph.events[id as usize];
            (stored.value, stored.site) = (value, Some(site));
            run.name_step(id, name);
            run.replayed();
        }
        Some(self.found(id))
    }

    fn new_step(&self, request: &Request<'_>) -> Outcome {
        let read = Read::new(Reading::Step, 0, Order::Relaxed, Order::Relaxed);
        let event = self.event(Kind::Read, read.success, request.site);
        let event = Event { location: request.object, read, ..event };
        let (stepped, me) = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let me = StepId { thread: run.current, index: run.me().cursor };
            let now = run.clock.map(|_| event.time);
            let stepping = Stepping { me, attempt: request.attempt, states: &run.states, now };
            let stepped = exploration.add_step(event, &stepping);
            if let Stepped::Made(read) = stepped {
                run.name_step(read, request.name);
            }
            (stepped, me)
        };
        match stepped {
            Stepped::Made(read) => {
                // No plain access races with a step.
                let _ = self.note_added(Added::Event(read + 1));
                Outcome::Made(self.found(read), me)
            }
            Stepped::Waits => {
                self.note_wait();
                Outcome::Waited
            }
            Stepped::NotYet(until) => {
                let location = request.object;
                let seen = self.state.borrow().exploration.graph.location(location).writes.len();
                Outcome::Wait(Status::Disabled { location, seen, until })
            }
        }
    }

    /// Moves the thread's time to that of the step before this one. Returns the state that the step has found.
    fn found(&self, read: EventId) -> ObjectState {
        let (value, _) = self.note_read(read);
        self.state.borrow().run.states.get(value)
    }

    /// Notes that the current thread's next event is a wait.
    fn note_wait(&self) {
        let jump = {
            let mut state = self.state.borrow_mut();
            state.run.me().cursor += 1;
            core::mem::take(&mut state.exploration.jump)
        };
        if jump {
            self.dead_end();
        }
    }

    fn replay_step(&self, id: EventId, request: &Request<'_>) -> Outcome {
        let event = *self.state.borrow().exploration.graph.event(id);
        if !event.is_step()
            || event.location != request.object
            || !matches!(event.kind, Kind::Read | Kind::Wait)
        {
            self.diverged("a step", Some(request.site));
        }
        if event.kind == Kind::Wait {
            return self.replay_wait();
        }
        if !self.has_happened(event.source) {
            return Outcome::Wait(Status::Behind(event.source));
        }
        let me = StepId { thread: event.thread, index: event.index };
        let taken = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let graph = &mut exploration.graph;
            let value = graph.value_of(event.location, event.source);
            let now = run.clock.map(|_| event.time);
            let stepping = Stepping { me, attempt: request.attempt, states: &run.states, now };
            let taken = stepping.take(value);
            let stored = &mut graph.events[id as usize];
            (stored.value, stored.site) = (value, Some(request.site));
            let revisited = graph.last(event.thread) == id;
            match &taken {
                Some((_, after)) if revisited => graph.order_after(id, after),
                Some(_) => (),
                None if revisited => graph.make_wait(id),
                None => {
                    drop(state);
                    self.diverged("a step that was enabled", Some(request.site));
                }
            }
            taken
        };
        let Some((new, _)) = taken else { return self.replay_wait() };
        {
            let run = &mut self.state.borrow_mut().run;
            run.name_step(id, request.name);
            run.replayed();
        }
        let found = self.found(id);
        // No plain access races with a step.
        let _ = self.write_half(id, new, request.site);
        Outcome::Made(found, me)
    }

    fn replay_wait(&self) -> Outcome {
        let run = &mut self.state.borrow_mut().run;
        run.me().cursor += 1;
        run.count_replayed();
        Outcome::Waited
    }

    /// Returns what a step comes to in a rehearsal; `None` if there is no rehearsal.
    fn rehearse_step(&self, request: &Request<'_>) -> Option<(ObjectState, StepId)> {
        let event = self.rehearsed(|event| {
            event.kind == Kind::Read
                && event.location == request.object
                && event.read.reading == Reading::Step
        })?;
        self.rehearsed(|write| write.kind == Kind::RmwWrite && write.value == event.value);
        let state = self.state.borrow().run.states.get(event.value);
        Some((state, StepId { thread: event.thread, index: event.index }))
    }
}
