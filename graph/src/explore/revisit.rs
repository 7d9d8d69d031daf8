//! Backward revisits: a new write may be read by a read that was added before it.
//!
//! A revisit takes a read of the location outside the write's causal prefix, drops the events that were added after
//! the read and are not in that prefix, and lets the read read the write. Many graphs would lead to one graph in this
//! way. The revisit is made only from the graph in which the read and each dropped event is *maximally added*, as if
//! each had been added in the first way that the exploration tries: reads from, and writes at, the end of modification
//! order.

use super::options::places;
use super::twin::{self, Twin};
use super::{Exploration, Mode, What, symmetry};
use crate::consistency::coherence::newest_known;
use crate::event::{Event, EventId, Kind, LocationId, SPURIOUS};
use crate::graph::Graph;

impl Exploration {
    /// Queues the backward revisits that a write offers. The write is the last event, and not in modification order
    /// yet.
    pub(super) fn revisit_reads(&mut self, write: EventId) {
        if matches!(self.mode, Mode::Guided(_)) {
            return;
        }
        let location = self.graph.event(write).location;
        for at in 0..self.graph.location(location).reads.len() {
            let read = self.graph.location(location).reads[at];
            if may_read(&self.graph, read, write) && is_allowed(&self.graph, read, write) {
                self.queue_revisit(read, write);
            }
        }
    }

    /// Queues the backward revisit of one step's read by the write of another, the last event, which has no place yet.
    pub(super) fn revisit_step(&mut self, read: EventId, write: EventId) {
        if may_read(&self.graph, read, write) && is_allowed(&self.graph, read, write) {
            self.queue_revisit(read, write);
        }
    }

    fn queue_revisit(&mut self, read: EventId, write: EventId) {
        let mut graph = self.spare.graph(self.graph.model);
        let keep = |event| event <= read || self.graph.in_prefix(event, write);
        self.graph.restrict(keep, &mut graph, &mut self.spare.map);
        let (read, write) = (self.spare.map[read as usize], self.spare.map[write as usize]);
        let places = places_of(&graph, read, write);
        if places.is_empty() {
            self.spare.graphs.push(graph);
            return;
        }
        graph.set_source(read, write);
        if symmetry::is_redundant(&graph, read, &self.graph) {
            self.spare.graphs.push(graph);
            return;
        }
        let event = *graph.event(read);
        if event.read.weak && event.read.writes(event.value) {
            // The compare-exchange may read the write and fail spuriously.
            let mut failing = graph.clone();
            failing.events[read as usize].argument = SPURIOUS;
            failing.events[read as usize].read = event.read.failing();
            failing.set_source(read, write);
            self.later(What::Revisit { graph: failing, read, places: places.clone() });
        }
        self.later(What::Revisit { graph, read, places });
    }
}

/// Returns whether a read may read a new write: it is neither in the write's causal prefix nor of an earlier time.
fn may_read(graph: &Graph, read: EventId, write: EventId) -> bool {
    !graph.in_prefix(read, write) && !graph.is_later(write, read)
}

/// Returns where the write may stand for the read to read it.
fn places_of(graph: &Graph, read: EventId, write: EventId) -> Vec<u32> {
    let Event { kind, location, .. } = *graph.event(write);
    let earlier = graph.before_time(graph.event(write));
    let seen = newest_known(graph, location, graph.before(read)).max(earlier);
    let written = newest_known(graph, location, graph.before(write));
    if kind != Kind::RmwWrite {
        return places(graph, write, seen.max(written));
    }
    let source = graph.position_of(graph.event(graph.before(write)).source);
    if source < seen || graph.is_taken(location, source) { Vec::new() } else { vec![source + 1] }
}

/// Returns whether this is the graph from which the revisit is to be made.
fn is_allowed(graph: &Graph, read: EventId, write: EventId) -> bool {
    is_maximal(graph, read, write)
        && (read + 1..write).all(|event| graph.in_prefix(event, write) || is_maximal(graph, event, write))
}

/// Returns whether an event was added maximally, as seen from `write`: only events that were added before it or are in
/// the write's prefix count.
fn is_maximal(graph: &Graph, id: EventId, write: EventId) -> bool {
    let event = graph.event(id);
    match event.kind {
        // A spurious failure is revisited as the failure that another value would cause.
        Kind::Read if event.argument == SPURIOUS => false,
        Kind::Read => is_newest(graph, event.location, graph.position_of(event.source), id, write),
        Kind::Write | Kind::RmwWrite => {
            let location = graph.location(event.location);
            let watches = graph.watches.iter().filter(|_| !twin::is(Twin::WaitIsUnread));
            let mut reads = location.reads.iter().chain(watches);
            let is_read =
                reads.any(|read| graph.event(*read).source == id && counts(graph, *read, id, write));
            !is_read && is_newest(graph, event.location, event.position, id, write)
        }
        Kind::Choice => event.argument == 0,
        // There is one way to add them.
        Kind::Wait if twin::is(Twin::WaitIsRead) => {
            is_newest(graph, event.location, graph.position_of(event.source), id, write)
        }
        Kind::Wait | Kind::Observe => true,
        Kind::Root | Kind::Fence | Kind::Spawn | Kind::Join => true,
    }
}

fn counts(graph: &Graph, event: EventId, id: EventId, write: EventId) -> bool {
    event <= id || graph.in_prefix(event, write)
}

/// Returns whether no write that counts comes after `position` in modification order.
fn is_newest(graph: &Graph, location: LocationId, position: u32, id: EventId, write: EventId) -> bool {
    let later = &graph.location(location).writes[position as usize..];
    !later.iter().any(|other| counts(graph, *other, id, write))
}
