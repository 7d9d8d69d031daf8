//! Counting preemptions.
//!
//! A graph is no interleaving, but a sequentially consistent graph has interleavings: the orders of its
//! events that extend `po ∪ rf ∪ co ∪ rb`. Any other graph has at least orders that extend `po ∪ rf`, in which a
//! write comes before its readers, though a reader need not see the newest write.
//!
//! In the order with the fewest preemptions each thread runs until it cannot go on, or to where it yields or begins to wait,
//! from where others go on without having interrupted it: the events that it could still add would only come later
//! otherwise. So the search decides only which thread runs next. With [`Yields::Switch`], the bound to fair schedules, another
//! thread has to go on where a thread yields, if one can.

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

/// What a thread does where it yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    /// It may go on.
    MayPass,
    /// Another thread goes on.
    Switch,
    /// Another thread goes on, or might with events that the graph does not have yet.
    SwitchOrGrow,
}

/// A place in an order: how many events of each thread have happened, and which thread runs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    cursors: Vec<u32>,
    current: usize,
}

/// Returns whether no thread that could go on has to be interrupted more often than this.
pub(super) fn are_within(graph: &Graph, bound: u32, yields: Yields) -> bool {
    let counted = |extends| Some((extends, order(graph, extends)?.1));
    let counted = counted(Extends::Everything).or_else(|| counted(Extends::Causality));
    counted.is_none_or(|(extends, count)| is_within(graph, extends, bound, yields, count))
}

/// Returns whether a graph that this one grows to may be within the bound. Such a graph need not have an interleaving, though
/// this one has.
pub(super) fn may_be_within(graph: &Graph, bound: u32, yields: Yields) -> bool {
    let order = order(graph, Extends::Causality);
    order.is_none_or(|(_, count)| is_within(graph, Extends::Causality, bound, yields, count))
}

/// Returns whether a graph of which an order with so many preemptions is known is within the bound.
fn is_within(graph: &Graph, extends: Extends, bound: u32, yields: Yields, known: u32) -> bool {
    yields == Yields::MayPass && known <= bound || search(graph, extends, bound, yields)
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
fn search(graph: &Graph, extends: Extends, bound: u32, yields: Yields) -> bool {
    let mut seen: HashSet<Place, FixedState> = HashSet::default();
    let mut places = VecDeque::from([(Place::first(graph), 0)]);
    while let Some((mut place, count)) = places.pop_front() {
        let may_stop = place.run_to_stop(graph, extends);
        if place.has_come_to_the_end(graph) || seen.len() == PLACES {
            return seen.len() < PLACES;
        }
        let interruption = if may_stop { 0 } else { place.interruption(graph) };
        if count + interruption > bound || !seen.insert(place.clone()) {
            continue;
        }
        let goes_on = may_stop && !place.must_switch(graph, extends, yields);
        let others = place.others(graph, extends).filter(|other| goes_on || *other != place.current);
        for current in others {
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

    /// Returns whether the current thread has yielded, and has to let another one go on. Where the next events of the others
    /// come later in this order it has not: in another order with as many preemptions some of their events may come here.
    fn must_switch(&self, graph: &Graph, extends: Extends, yields: Yields) -> bool {
        if yields == Yields::MayPass || !graph.threads[self.current].yields_at(self.cursors[self.current]) {
            return false;
        }
        let mut others = (0..self.cursors.len()).filter(|other| *other != self.current);
        let may_grow =
            yields == Yields::SwitchOrGrow && others.any(|other| self.next(graph, other).is_none());
        !may_grow && self.others(graph, extends).any(|other| other != self.current)
    }

    /// Lets the current thread go on as far as it can, or to where it may stop without being interrupted; returns whether it
    /// is there, and could go on.
    fn run_to_stop(&mut self, graph: &Graph, extends: Extends) -> bool {
        let mut has_moved = false;
        while let Some(id) = self.next(graph, self.current)
            && self.may_happen(graph, id, extends)
        {
            if has_moved && self.may_stop(graph, id) {
                return true;
            }
            self.cursors[self.current] += 1;
            has_moved = true;
        }
        false
    }

    /// Returns whether the current thread, whose next event this is, yields or begins to wait before it.
    fn may_stop(&self, graph: &Graph, id: EventId) -> bool {
        let Event { kind, read, .. } = graph.event(id);
        let waits = *kind == Kind::Join || read.reading == Reading::Await;
        waits || graph.threads[self.current].yields_at(self.cursors[self.current])
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
