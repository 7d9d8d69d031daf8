//! Counting preemptions.
//!
//! A graph is no interleaving, but a sequentially consistent graph has interleavings: the orders of its
//! events that extend `po ∪ rf ∪ co ∪ rb`. Any other graph has at least orders that extend `po ∪ rf`, in which a
//! write comes before its readers, though a reader need not see the newest write.
//!
//! In the order with the fewest preemptions each thread runs until it cannot go on: the events that it could still
//! add would only come later otherwise. So the search decides only which thread runs next.

use crate::event::{Event, EventId, Kind, NONE, Reading};
use crate::graph::Graph;
use foldhash::fast::FixedState;
use std::collections::{HashSet, VecDeque};

/// How many places a search for an order within a bound visits. A graph whose search needs more counts as beyond the
/// bound.
const PLACES: usize = 1_000;

/// What an order of events extends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Extends {
    /// `po ∪ rf ∪ co ∪ rb`.
    Everything,
    /// `po ∪ rf`.
    Causality,
}

/// A place in an order: how many events of each thread have happened, and which thread runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    cursors: Vec<u32>,
    current: usize,
}

/// Returns whether no thread that could go on has to be interrupted more often than this.
pub(super) fn are_within(graph: &Graph, bound: u32) -> bool {
    let counted = |extends| Some((extends, order(graph, extends)?.1));
    let counted = counted(Extends::Everything).or_else(|| counted(Extends::Causality));
    counted.is_none_or(|(extends, count)| count <= bound || search(graph, extends, bound))
}

/// Returns the events as an interleaving, if the graph has one.
pub(crate) fn interleaving(graph: &Graph) -> Option<Vec<EventId>> {
    order(graph, Extends::Everything).map(|(events, _)| events)
}

/// Returns the events in an order, and how often that order interrupts a thread that could go on.
fn order(graph: &Graph, extends: Extends) -> Option<(Vec<EventId>, u32)> {
    let (mut place, mut count) = (Place::first(graph), 0);
    let mut order = Vec::with_capacity(graph.events.len());
    loop {
        place.run(graph, extends, |id| order.push(id));
        if order.len() == graph.events.len() {
            return Some((order, count));
        }
        count += place.interruption(graph);
        let next = place.others(graph, extends).next()?;
        place.current = next;
    }
}

/// Looks for an order with no more preemptions than the bound, those with fewer first.
fn search(graph: &Graph, extends: Extends, bound: u32) -> bool {
    let mut seen: HashSet<Place, FixedState> = HashSet::default();
    let mut places = VecDeque::from([(Place::first(graph), 0)]);
    while let Some((mut place, count)) = places.pop_front() {
        place.run(graph, extends, |_| ());
        if place.has_come_to_the_end(graph) || seen.len() == PLACES {
            return seen.len() < PLACES;
        }
        let interruption = place.interruption(graph);
        if count + interruption > bound || !seen.insert(place.clone()) {
            continue;
        }
        for current in place.others(graph, extends) {
            let next = (Place { current, ..place.clone() }, count + interruption);
            if interruption == 0 { places.push_front(next) } else { places.push_back(next) }
        }
    }
    false
}

impl Place {
    fn first(graph: &Graph) -> Place {
        Place { cursors: vec![0; graph.threads.len()], current: 0 }
    }

    fn next(&self, graph: &Graph, thread: usize) -> Option<EventId> {
        graph.threads[thread].events.get(self.cursors[thread] as usize).copied()
    }

    fn has_come_to_the_end(&self, graph: &Graph) -> bool {
        (0..self.cursors.len()).all(|thread| self.next(graph, thread).is_none())
    }

    /// Lets the current thread go on as far as it can.
    fn run(&mut self, graph: &Graph, extends: Extends, mut happens: impl FnMut(EventId)) {
        while let Some(id) = self.next(graph, self.current)
            && self.may_happen(graph, id, extends)
        {
            self.cursors[self.current] += 1;
            happens(id);
        }
    }

    /// Returns the threads that can go on.
    fn others(&self, graph: &Graph, extends: Extends) -> impl Iterator<Item = usize> {
        let enabled = move |thread: &usize| {
            self.next(graph, *thread).is_some_and(|id| self.may_happen(graph, id, extends))
        };
        (0..self.cursors.len()).filter(enabled)
    }

    /// Returns 1 if the current thread could go on, and 0 if it has ended, waits or yields.
    fn interruption(&self, graph: &Graph) -> u32 {
        let yields = graph.threads[self.current].yields_at(self.cursors[self.current]);
        let goes_on = self.next(graph, self.current).is_some_and(|id| !yields && !self.waits(graph, id));
        u32::from(goes_on)
    }

    /// Returns whether the current thread, whose next event this is, waits for another.
    fn waits(&self, graph: &Graph, id: EventId) -> bool {
        let event = graph.event(id);
        let before = graph.before(id);
        if graph.discrete && before != NONE && graph.event(before).time < event.time {
            return true;
        }
        // So many of the object's steps have been made.
        let place = || {
            let steps = &graph.location(event.location).writes;
            steps.iter().filter(|step| self.has_happened(graph, **step)).count() as u32
        };
        match event.kind {
            Kind::Join => true,
            Kind::Observe => place() < graph.position_of(event.source),
            Kind::Read if event.is_step() => {
                event.read.wanted.checked_shr(place()).is_none_or(|places| places & 1 != 0)
            }
            _ => event.read.reading == Reading::Await,
        }
    }

    #[inline]
    fn has_happened(&self, graph: &Graph, id: EventId) -> bool {
        let event = graph.event(id);
        event.index < self.cursors[event.thread as usize]
    }

    /// Returns whether all events of earlier times have happened, if time is discrete.
    fn has_time_come(&self, graph: &Graph, event: &Event) -> bool {
        let earlier = |next: EventId| graph.event(next).time < event.time;
        !graph.discrete
            || !(0..self.cursors.len()).any(|thread| self.next(graph, thread).is_some_and(earlier))
    }

    /// Returns whether all that must come before an event has happened.
    fn may_happen(&self, graph: &Graph, id: EventId, extends: Extends) -> bool {
        let event = graph.event(id);
        let done = |other: EventId| other == NONE || self.has_happened(graph, other);
        if event.index == 0 && !has_spawned(graph, event.thread as usize, done)
            || !self.has_time_come(graph, event)
        {
            return false;
        }
        match event.kind {
            Kind::Join | Kind::Observe => done(event.source),
            Kind::Read if !done(event.source) => false,
            Kind::Read if event.read.reading == Reading::Load => true,
            // Both halves of a read-modify-write happen at once: what the write needs, the read waits for.
            Kind::Read => {
                let write = graph.other_half(id);
                write == id || may_write(graph, write, id, extends, done)
            }
            Kind::Write => may_write(graph, id, id, extends, done),
            _ => true,
        }
    }
}

/// Returns whether the event that makes a thread has happened.
pub(super) fn has_spawned(graph: &Graph, thread: usize, done: impl Fn(EventId) -> bool) -> bool {
    done(graph.threads[thread].spawn)
}

/// Returns whether a write may happen, whose own read is `read`, if it has one: whether the write before it and the reads of
/// that earlier write have happened. (The earlier write has waited for all writes before itself.)
#[inline]
fn may_write(
    graph: &Graph,
    write: EventId,
    read: EventId,
    extends: Extends,
    done: impl Fn(EventId) -> bool,
) -> bool {
    if extends == Extends::Causality {
        return true;
    }
    let Event { location, position, .. } = *graph.event(write);
    let before = graph.write_at(location, position - 1);
    let reads_it = |other: &&EventId| **other != read && graph.event(**other).source == before;
    done(before) && graph.location(location).reads.iter().filter(reads_it).all(|other| done(*other))
}
