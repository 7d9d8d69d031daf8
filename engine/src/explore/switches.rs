//! Counting preemptions.
//!
//! A graph is no interleaving, but one that is sequentially consistent has interleavings: the orders of its
//! events that extend `po ∪ rf ∪ co ∪ rb`. Finding the one with the fewest preemptions is hard; this takes a
//! greedy one, which keeps a thread running as long as it can. So the count may be too high, and a bound on
//! it cut more than it should: it never claims more than that it cut.

use crate::event::{EventId, Kind, NONE, Reading};
use crate::graph::Graph;

/// How often a thread that could go on is interrupted, in the interleaving found; nothing if the graph has
/// none.
pub(super) fn preemptions(graph: &Graph) -> Option<u32> {
    interleaving(graph).map(|(_, preemptions)| preemptions)
}

/// The events in an order that extends `po ∪ rf ∪ co ∪ rb`, and how often a thread is interrupted in it.
pub(crate) fn interleaving(graph: &Graph) -> Option<(Vec<EventId>, u32)> {
    let mut cursors = vec![0_usize; graph.threads.len()];
    let mut happened = vec![false; graph.events.len()];
    let (mut current, mut count, mut order) = (0, 0, Vec::new());
    while order.len() < graph.events.len() {
        let next = |thread: usize| graph.threads[thread].events.get(cursors[thread]).copied();
        let enabled = |thread: usize| next(thread).is_some_and(|id| is_enabled(graph, id, &happened));
        if !enabled(current) {
            let other = (0..graph.threads.len()).find(|thread| enabled(*thread))?;
            let waits = next(current).is_none_or(|id| {
                let event = graph.event(id);
                event.kind == Kind::Join || event.read.reading == Reading::Await
            });
            count += u32::from(!waits);
            current = other;
        }
        let id = graph.threads[current].events[cursors[current]];
        happened[id as usize] = true;
        cursors[current] += 1;
        order.push(id);
    }
    Some((order, count))
}

/// Whether all that must come before an event has happened.
fn is_enabled(graph: &Graph, id: EventId, happened: &[bool]) -> bool {
    let event = graph.event(id);
    let done = |other: EventId| other == NONE || happened[other as usize];
    if event.index == 0 && !done(graph.threads[event.thread as usize].spawn) {
        return false;
    }
    match event.kind {
        Kind::Read | Kind::Join => done(event.source),
        Kind::Write | Kind::RmwWrite => {
            let location = graph.location(event.location);
            let earlier = location.writes[..event.position as usize - 1].iter().all(|write| done(*write));
            let is_older = |read: &&EventId| {
                let read = graph.event(**read);
                graph.position_of(read.source) < event.position && read.source != id
            };
            earlier && location.reads.iter().filter(is_older).all(|read| done(*read))
        }
        Kind::Root | Kind::Fence | Kind::Spawn | Kind::Choice => true,
    }
}
