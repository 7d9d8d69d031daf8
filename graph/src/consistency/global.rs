//! Models in which all accesses take effect in one order: program order, as far as the model keeps it, reads from
//! other threads, modification order and reads-before form no cycle.
//!
//! A new cycle goes through the event that was added or changed, so the search begins and ends there.

use super::Scratch;
use crate::event::{Event, EventId, Kind};
use crate::graph::Graph;

/// Returns whether the graph is consistent after `id` was added or changed. `orders` tells whether the model keeps
/// the program order between two events of one thread, given the events between them.
pub(super) fn holds_after(
    graph: &Graph,
    id: EventId,
    scratch: &mut Scratch,
    orders: impl Fn(&Graph, &Event, &[EventId], &Event) -> bool,
) -> bool {
    let event = graph.event(id);
    if !(event.is_read() || event.is_write()) {
        return true;
    }
    scratch.clear(graph);
    successors(graph, id, scratch, &orders);
    while let Some(next) = scratch.stack.pop() {
        if next == id {
            return false;
        }
        successors(graph, next, scratch, &orders);
    }
    true
}

/// Pushes the successors of an event.
fn successors(
    graph: &Graph,
    id: EventId,
    scratch: &mut Scratch,
    orders: &impl Fn(&Graph, &Event, &[EventId], &Event) -> bool,
) {
    let event = graph.event(id);
    let later = &graph.threads[event.thread as usize].events[event.index as usize + 1..];
    for (at, next) in later.iter().enumerate() {
        // The others would only pass on an order that the model does not keep.
        if is_ordered_kind(graph.event(*next)) && orders(graph, event, &later[..at], graph.event(*next)) {
            scratch.push(*next);
        }
    }
    match event.kind {
        Kind::Spawn => {
            let first = graph.threads[event.argument as usize].events.first();
            first.into_iter().for_each(|first| scratch.push(*first));
        }
        Kind::Read | Kind::Write | Kind::RmwWrite => at_location(graph, id, event, scratch),
        Kind::Root | Kind::Fence | Kind::Join | Kind::Choice | Kind::Wait | Kind::Observe => (),
    }
    if !later.iter().any(|later| is_ordered_kind(graph.event(*later))) {
        joins(graph, event, scratch);
    }
}

/// Returns whether an event is one that the model orders.
fn is_ordered_kind(event: &Event) -> bool {
    match event.kind {
        Kind::Fence => event.is_seq_cst(),
        Kind::Root | Kind::Choice | Kind::Wait => false,
        Kind::Read | Kind::Observe | Kind::Write | Kind::RmwWrite | Kind::Spawn | Kind::Join => true,
    }
}

/// Pushes the next write, and the reads of other threads that read from this one.
fn at_location(graph: &Graph, id: EventId, event: &Event, scratch: &mut Scratch) {
    let at = graph.location(event.location);
    let position = if event.is_write() { event.position } else { graph.position_of(event.source) };
    // A write that has no place yet has no successors.
    if event.is_write() && position == 0 {
        return;
    }
    at.writes.get(position as usize).into_iter().for_each(|next| scratch.push(*next));
    let reads_it = |read: &&EventId| {
        let read = graph.event(**read);
        event.is_write() && read.source == id && read.thread != event.thread
    };
    let observes = |watch: &&EventId| graph.event(**watch).kind == Kind::Observe;
    let reads = at.reads.iter().chain(graph.watches.iter().filter(observes));
    reads.filter(reads_it).for_each(|read| scratch.push(*read));
}

/// Pushes the joins that wait for the end of the event's thread.
fn joins(graph: &Graph, event: &Event, scratch: &mut Scratch) {
    for thread in &graph.threads {
        for join in &thread.events {
            let join_event = graph.event(*join);
            if join_event.kind == Kind::Join && join_event.argument == event.thread {
                scratch.push(*join);
            }
        }
    }
}
