//! The ways in which a step can be added.
//!
//! A step of an object stands behind one of the steps that the object has already, or before all of them. If it is enabled
//! behind the last one it is added there. Behind any other one, S, it comes before the step R that follows S now: the new
//! step's write revisits R, as if the new step had come first (`revisit`).
//!
//! TruSt relies on this: whatever thread is to go on, its next event can be added in a way that no later event has to
//! change. A step that is disabled behind the last step of its object has no such way. What replaces it:
//!
//! - The thread *waits*: a [`Kind::Wait`] is added in the step's stead, an event that no relation of the memory model
//!   knows. It marks that the step has been offered every place up to here at which it is enabled. If there is no such
//!   place, nothing is added at all.
//! - The thread has its turn again once the object has a new place, behind the wait, at which the step is enabled. Then the
//!   step is offered those new places in the same way. So each place is offered once, however long the thread waits.
//! - R may be disabled behind the new step. Then R is no step any more: its event becomes a wait, which goes on from there.
//! - A revisit that drops a wait loses nothing: waits count as maximally added. But the wait that R became keeps the step
//!   that revisited R from being dropped, as R itself would.
//!
//! Which thread has its turn is a function of the graph: the first of those whose next event can be added. So a thread that
//! has waited goes on as soon as it can, before the thread that let it.
//!
//! `brute_force` holds this against all interleavings of random programs: each end of a program, with the threads that
//! wait in it, is reached, none twice, and no run comes to nothing.

use super::twin::{self, Twin};
use super::{Exploration, Mode};
use crate::event::{Event, EventId, Kind, Value};
use crate::graph::Graph;
use crate::step::Stepping;

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stepped {
    /// The step is in the graph, with its read here.
    Made(EventId),
    /// A wait is in the graph.
    Waits,
    /// The step is enabled at no new place, and nothing has been added. In the newest state it is enabled at this later
    /// moment, if time is discrete.
    NotYet(Option<u64>),
}

impl Exploration {
    /// Adds a step, of which `event` is the read, or lets its thread wait.
    pub(crate) fn add_step(&mut self, event: Event, stepping: &Stepping<'_>) -> Stepped {
        let location = event.location;
        let newest = self.graph.location(location).writes.len() as u32;
        let first = first_new_place(&self.graph, &event);
        let first_item = self.items.len();
        let guided = matches!(self.mode, Mode::Guided(_));
        let is_enabled = |graph: &Graph, place: u32| {
            stepping.is_enabled(graph.value_of(location, graph.write_at(location, place)))
        };
        let mut waits = false;
        for place in (first..newest).filter(|_| !guided && !twin::is(Twin::OffersTheEndOnly)) {
            if is_enabled(&self.graph, place) {
                self.offer_place(event, place, stepping);
                waits = true;
            }
        }
        let source = self.graph.write_at(location, newest);
        if first <= newest && is_enabled(&self.graph, newest) {
            let read = self.make_step(Event { source, ..event }, stepping);
            let write = self.graph.len() - 1;
            self.graph.place(write, newest + 1);
            self.share_weight(first_item);
            return Stepped::Made(read);
        }
        if !waits {
            return Stepped::NotYet(stepping.until(self.graph.value_of(location, source)));
        }
        self.graph.add(Event { kind: Kind::Wait, source, ..event });
        self.share_weight(first_item);
        Stepped::Waits
    }

    /// Queues the revisit by which the step comes to this place, if the revisit is to be made from this graph.
    fn offer_place(&mut self, event: Event, place: u32, stepping: &Stepping<'_>) {
        let length = self.graph.len();
        let next = self.graph.write_at(event.location, place + 1);
        let source = self.graph.write_at(event.location, place);
        self.make_step(Event { source, ..event }, stepping);
        self.revisit_step(self.graph.other_half(next), length + 1);
        self.graph.cut(length);
    }

    /// Adds both halves of a step, and returns its read. Its write has no place yet.
    fn make_step(&mut self, event: Event, stepping: &Stepping<'_>) -> EventId {
        let value = self.graph.value_of(event.location, event.source);
        let mut event = Event { value, ..event };
        if self.bound.is_some() || self.fair {
            event.read.wanted = self.disabled_before(&event, stepping);
        }
        let read = self.graph.add(event);
        let (value, after) = stepping.take(value).expect("the caller has found the step to be enabled there");
        self.graph.order_after(read, &after);
        self.graph.add(super::options::write_half(&event, value));
        read
    }

    /// Returns the places before that of a step at which it is disabled, as bits. Places that have no bit count as places
    /// where it waits.
    fn disabled_before(&self, event: &Event, stepping: &Stepping<'_>) -> Value {
        let place = self.graph.position_of(event.source);
        let is_disabled = |place: &u32| {
            let source = self.graph.write_at(event.location, *place);
            !stepping.is_enabled(self.graph.value_of(event.location, source))
        };
        (0..place.min(Value::BITS)).filter(is_disabled).fold(0, |places, place| places | 1 << place)
    }
}

impl Exploration {
    /// Adds an observation: an event that is enabled behind a step of its object and all later ones, and finds the same
    /// behind each. So the first such step is the only one to observe, and the observation has no place in the object's
    /// order. Returns `None` if there is no such step yet.
    pub(crate) fn add_observation(&mut self, event: Event, sees: impl Fn(Value) -> bool) -> Option<EventId> {
        let location = event.location;
        let newest = self.graph.location(location).writes.len() as u32;
        let sources = (0..=newest).map(|place| self.graph.write_at(location, place));
        let source = sources.into_iter().find(|source| sees(self.graph.value_of(location, *source)))?;
        let value = self.graph.value_of(location, source);
        Some(self.graph.add(Event { kind: Kind::Observe, source, value, ..event }))
    }
}

/// Returns the first place of an object, by the number of steps before it, at which a new step may stand and where it has
/// not been offered yet.
fn first_new_place(graph: &Graph, event: &Event) -> u32 {
    let (object, last) = (event.location, graph.last(event.thread));
    let before = graph.event(last);
    let waited = match before.kind {
        Kind::Wait if before.location == object && twin::is(Twin::OffersTheEndAfterWaiting) => {
            graph.location(object).writes.len() as u32
        }
        // Where time has passed since, a timed step may be enabled where it was disabled.
        Kind::Wait if graph.discrete && before.time < event.time => 0,
        Kind::Wait if before.location == object => graph.position_of(before.source) + 1,
        _ => 0,
    };
    let steps = &graph.location(object).writes;
    let known = steps.iter().rposition(|step| graph.in_prefix(*step, last)).map_or(0, |at| at as u32 + 1);
    waited.max(known).max(graph.before_time(event))
}
