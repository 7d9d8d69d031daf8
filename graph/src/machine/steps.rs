//! Operations on objects: making them, and steps.

use super::{Machine, State};
use crate::Order;
use crate::event::{Event, EventId, Kind, LocationId, Read, Reading, Site};
use crate::explore::options::{Added, Ways};
use crate::race::Race;
use crate::run::Status;
use crate::step::{Attempt, ObjectState, StepId, StepName, Stepping};

/// What a thread does with a step.
enum Outcome {
    Made(ObjectState),
    Wait(Status),
}

/// A step about to be made.
#[derive(Clone, Copy)]
struct Request<'a> {
    object: LocationId,
    name: StepName,
    attempt: Attempt<'a>,
    site: Site,
}

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

    fn note_object(&self, location: LocationId) -> LocationId {
        self.state.borrow_mut().exploration.graph.location_mut(location).is_object = true;
        location
    }

    /// Makes a step, which waits until it is enabled. Returns the state in which it was made, and its name.
    ///
    /// # Errors
    /// The making of the object, if it does not happen before the step.
    pub fn step(
        &self,
        object: LocationId,
        name: StepName,
        attempt: Attempt<'_>,
        site: Site,
    ) -> Result<(ObjectState, StepId), Race> {
        self.check_birth(object)?;
        let request = Request { object, name, attempt, site };
        if let Some(found) = self.rehearse_step(&request) {
            return Ok(found);
        }
        loop {
            let (outcome, me) = match self.turn() {
                Some(recorded) => (self.replay_step(recorded, &request), self.step_of(recorded)),
                None => self.new_step(&request)?,
            };
            match outcome {
                Outcome::Made(state) => return Ok((state, me)),
                Outcome::Wait(status) => self.wait(status),
            }
        }
    }

    fn step_of(&self, id: EventId) -> StepId {
        let state = self.state.borrow();
        let event = state.exploration.graph.event(id);
        StepId { thread: event.thread, index: event.index }
    }

    fn new_step(&self, request: &Request<'_>) -> Result<(Outcome, StepId), Race> {
        let read = Read::new(Reading::Step, 0, Order::Relaxed, Order::Relaxed);
        let event = self.event(Kind::Read, read.success, request.site);
        let event = Event { location: request.object, read, step: Some(request.name), ..event };
        let (added, me) = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let me = StepId { thread: run.current, index: run.me().cursor };
            let stepping = Stepping { me, attempt: request.attempt, states: &run.states };
            let ways =
                Ways { update: &|value| value, skip: None, timed_out: false, stepping: Some(stepping) };
            let added = exploration.add_read(event, &ways);
            if added == Added::NotYet {
                let writes = exploration.graph.location(request.object).writes.len();
                return Ok((Outcome::Wait(Status::Disabled(request.object, writes)), me));
            }
            (added, me)
        };
        let id = self.note_added(added)?;
        Ok((self.outcome(id, request, me), me))
    }

    /// Moves the thread's time to that of the step before this one.
    fn outcome(&self, id: EventId, request: &Request<'_>, me: StepId) -> Outcome {
        let (value, _) = self.note_read(id);
        let state = self.state.borrow().run.states.get(value);
        match (request.attempt)(&state, me) {
            Some(_) => Outcome::Made(state),
            None => Outcome::Wait(Status::Waits(id)),
        }
    }

    fn replay_step(&self, id: EventId, request: &Request<'_>) -> Outcome {
        let event = *self.state.borrow().exploration.graph.event(id);
        if event.kind != Kind::Read || event.location != request.object || event.read.reading != Reading::Step
        {
            self.diverged("a step", Some(request.site));
        }
        if !self.has_happened(event.source) {
            return Outcome::Wait(Status::Behind(event.source));
        }
        let me = StepId { thread: event.thread, index: event.index };
        let taken = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let value = exploration.graph.value_of(event.location, event.source);
            let stored = &mut exploration.graph.events[id as usize];
            (stored.value, stored.site, stored.step) = (value, Some(request.site), Some(request.name));
            let stepping = Stepping { me, attempt: request.attempt, states: &run.states };
            let taken = stepping.take(value);
            if let Some((_, after)) = &taken
                && exploration.graph.last(event.thread) == id
            {
                // The step was revisited.
                exploration.graph.order_after(id, after);
            }
            run.replayed();
            taken
        };
        let outcome = self.outcome(id, request, me);
        if let Some((new, _)) = taken {
            // No plain access races with a step.
            let _ = self.write_half(id, new, request.site);
        }
        outcome
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
