//! Threads that are alike: they run the same code on the same values, and nobody tells one from another.
//!
//! Executions that differ only in which of these threads is which are one for everybody. Of each set of such executions
//! the exploration has to reach one. TruSt goes to an execution by way of graphs whose last events may be placeholders,
//! which a revisit drops or changes later, so a graph may not be left out for what its placeholders do. It may be left out
//! if all executions that it leads to have another one in their set that is not left out.
//!
//! *Thread B overtakes A*, both alike and A the first by number, if the two do the same up to some point, the next event of
//! B is an *update* of a location that both know, and A makes its own update of this location later, or none. An update is a
//! step on an object, or a read-modify-write that writes whatever it finds. In each set there is an
//! execution without overtaking: number the threads so that A comes before B wherever B would overtake A. That has no
//! cycle. Threads of which one overtakes the other part at an update, and no two threads share an update, so all threads of
//! a cycle would part from each other at one point, and there the order of the updates is the order of them all.
//!
//! A graph is left out if a thread overtakes another in it *for good*. An event is for good if it is in the causal prefix
//! of a write that an earlier event was made to read by a revisit. Such a write is never dropped, since it is read, and no
//! read in its prefix is revisited, since that would drop the write. What a thread does on its own locations, which no
//! other thread knows, is for good too. If B's update and what the two threads do before it are for good, and only
//! read-modify-writes come before B's update, as on every object, then no write will come before it, since each
//! of these reads the one before. So if A has its update behind B's, or will have one, then A has none or one behind B's in
//! every execution to come. That A's next event will be an update of the same location shows in the graph before the revisit,
//! which dropped the update, or in a wait for it. It does not follow from B's update: threads that are alike may use
//! objects apart, such as the handles that they own.
//!
//! So no set is missed, though of a set whose threads part by reads or by other writes several executions may be
//! explored: their positions may change as long as the reads are no more than placeholders. `brute_force` compares the
//! sets of random programs.

use super::twin::{self, Twin};
use crate::event::{Event, EventId, Kind, LocationId, NONE, Reading, ThreadId};
use crate::graph::Graph;

/// Two threads that are alike, the first by number first.
#[derive(Clone, Copy)]
struct Pair {
    first: ThreadId,
    second: ThreadId,
}

/// A revisit.
struct Revisit<'a> {
    /// The thread whose read now reads another write.
    read: ThreadId,
    /// The graph without the revisit.
    before: &'a Graph,
}

/// Returns the events of a thread without its waits.
fn events(graph: &Graph, thread: ThreadId) -> impl Iterator<Item = EventId> {
    let events = graph.threads[thread as usize].events.iter().copied();
    events.filter(|id| graph.event(*id).kind != Kind::Wait)
}

/// Returns whether every execution that the graph leads to is, but for which of several threads is which, one that the
/// exploration reaches by way of another graph. The graph comes of `before` by a revisit of `read`.
pub(super) fn is_redundant(graph: &Graph, read: EventId, before: &Graph) -> bool {
    let revisit = Revisit { read: graph.event(read).thread, before };
    let alike = |second: ThreadId| {
        let like = graph.threads[second as usize].like;
        let earlier = (0..second).filter(move |first| graph.threads[*first as usize].like == like);
        earlier.filter(move |_| like.is_some()).map(move |first| Pair { first, second })
    };
    (0..graph.threads.len() as ThreadId).flat_map(alike).any(|pair| pair.second_overtakes(graph, &revisit))
}

impl Pair {
    /// Returns whether the second thread overtakes the first for good.
    fn second_overtakes(self, graph: &Graph, revisit: &Revisit<'_>) -> bool {
        let mut mine = events(graph, self.first);
        for (at, theirs) in events(graph, self.second).enumerate() {
            match mine.next() {
                Some(mine) if self.is_equal(graph, mine, theirs) => {
                    if !self.stays(graph, mine) {
                        return false;
                    }
                }
                Some(mine) => {
                    let behind = !graph.in_prefix(mine, theirs) || twin::is(Twin::NoneComesFirst);
                    let location = self.update_for_good(graph, theirs);
                    return behind
                        && location.is_some_and(|location| updated_by(graph, mine) == Some(location));
                }
                None => {
                    let location = self.update_for_good(graph, theirs);
                    return location
                        .is_some_and(|location| self.is_to_update(graph, revisit, (at, location)));
                }
            }
        }
        false
    }

    /// Returns the location which the second thread updates for good and behind updates only, if the event is the read of an
    /// update, and the thread is not the one that has made the location.
    fn update_for_good(self, graph: &Graph, theirs: EventId) -> Option<LocationId> {
        let location = updated_by(graph, theirs).filter(|at| !is_made_by(graph, *at, self.second))?;
        let place = graph.position_of(graph.event(theirs).source) as usize;
        let mut before = graph.location(location).writes[..place].iter();
        let is_fixed = before.all(|write| graph.event(*write).kind == Kind::RmwWrite);
        ((is_fixed || twin::is(Twin::EveryPlaceIsFixed)) && is_for_good(graph, theirs)).then_some(location)
    }

    /// Returns whether the first thread's next event, number `at` but for waits, will be an update of the location.
    fn is_to_update(self, graph: &Graph, revisit: &Revisit<'_>, (at, location): (usize, LocationId)) -> bool {
        let last = graph.event(graph.last(self.first));
        let waits = last.kind == Kind::Wait && last.thread == self.first && last.location == location;
        let mut before = events(revisit.before, self.first);
        let dropped = before.nth(at).filter(|_| revisit.read != self.first);
        waits || dropped.is_some_and(|dropped| updated_by(revisit.before, dropped) == Some(location))
    }

    /// Returns whether two events of the threads, before which the threads did the same, are the same.
    fn is_equal(self, graph: &Graph, mine: EventId, theirs: EventId) -> bool {
        let (mine, theirs) = (graph.event(mine), graph.event(theirs));
        let alike = |event: &Event| (event.kind, event.order, event.argument, event.is_step(), event.time);
        if alike(mine) != alike(theirs) {
            return false;
        }
        let same = mine.location == theirs.location;
        match mine.kind {
            Kind::Fence | Kind::Choice => true,
            Kind::Join => mine.source == theirs.source,
            Kind::Read | Kind::Observe if same => mine.source == theirs.source,
            Kind::Read => self.is_own(graph, mine, theirs) && self.is_own_source(graph, mine, theirs),
            Kind::Write | Kind::RmwWrite if !same => {
                self.is_own(graph, mine, theirs) && mine.position == theirs.position
            }
            // Threads that make threads of their own are not compared any further.
            Kind::Write | Kind::RmwWrite | Kind::Observe | Kind::Wait | Kind::Spawn | Kind::Root => false,
        }
    }

    /// Returns whether two locations are the same for the threads: each has made its own as its `k`-th.
    fn is_own(self, graph: &Graph, mine: &Event, theirs: &Event) -> bool {
        let made = |thread: ThreadId, location: LocationId| {
            graph.threads[thread as usize].made.iter().position(|made| *made == location)
        };
        let mine = made(self.first, mine.location);
        mine.is_some() && mine == made(self.second, theirs.location)
    }

    /// Returns whether two reads of such locations find what the threads themselves have written at the same place.
    fn is_own_source(self, graph: &Graph, mine: &Event, theirs: &Event) -> bool {
        if mine.source == NONE || theirs.source == NONE {
            return mine.source == theirs.source;
        }
        let (mine, theirs) = (graph.event(mine.source), graph.event(theirs.source));
        (mine.thread, theirs.thread) == (self.first, self.second) && mine.position == theirs.position
    }

    /// Returns whether an event of the first thread that the second thread's equals is for good.
    fn stays(self, graph: &Graph, mine: EventId) -> bool {
        let event = graph.event(mine);
        let has_one_way = match event.kind {
            Kind::Fence => true,
            Kind::Read | Kind::Write | Kind::RmwWrite => is_made_by(graph, event.location, self.first),
            _ => false,
        };
        has_one_way || is_for_good(graph, mine)
    }
}

/// Returns the location of an update, if this is the read of one.
fn updated_by(graph: &Graph, id: EventId) -> Option<LocationId> {
    let event = graph.event(id);
    let updates = matches!(event.read.reading, Reading::Step | Reading::Update);
    (event.kind == Kind::Read && updates).then_some(event.location)
}

fn is_made_by(graph: &Graph, location: LocationId, thread: ThreadId) -> bool {
    graph.threads[thread as usize].made.contains(&location)
}

/// Returns whether an event is in the causal prefix of a write that an earlier event was made to read.
fn is_for_good(graph: &Graph, id: EventId) -> bool {
    let reads = |event: &Event| matches!(event.kind, Kind::Read | Kind::Wait) && event.source != NONE;
    let mut events = graph.events.iter().enumerate().filter(|(_, event)| reads(event));
    events.any(|(reader, event)| event.source > reader as EventId && graph.in_prefix(id, event.source))
}
