//! Happens-before: `hb = (po ∪ sw ∪ spawn ∪ join)+`, with
//! `sw = [rel]; ([F]; po)?; rs; rf; (po; [F])?; [acq]` and `rs = [W]; (rf; rmw)*`.

use crate::event::{Event, EventId, Kind, NONE};
use crate::graph::Graph;

/// Computes the clocks of an event from those of the events that it follows.
pub(crate) fn compute(graph: &mut Graph, id: EventId) {
    let before = match graph.before(id) {
        NONE => None,
        before => Some(before),
    };
    graph.clocks.inherit(id, before);
    let event = *graph.event(id);
    graph.clocks.count(id, event.thread, event.index + 1);
    match event.kind {
        Kind::Read => read(graph, id, &event),
        Kind::Write | Kind::RmwWrite => write(graph, id, &event),
        Kind::Fence if event.order.acquires() => acquire_fence(graph, id, &event),
        Kind::Join => join(graph, id, &event),
        _ => (),
    }
}

fn read(graph: &mut Graph, id: EventId, event: &Event) {
    if event.source == NONE {
        return;
    }
    graph.clocks.follow(id, event.source);
    if event.order.acquires() {
        graph.clocks.acquire(id, event.source);
    }
}

fn write(graph: &mut Graph, id: EventId, event: &Event) {
    if event.order.releases() {
        graph.clocks.publish(id, id);
    } else if event.release_fence != NONE {
        graph.clocks.publish(id, event.release_fence);
    }
    if event.kind == Kind::RmwWrite {
        let source = graph.event(graph.before(id)).source;
        if source != NONE {
            graph.clocks.pass_on(id, source);
        }
    }
}

/// An acquire fence acquires from all that its thread has read, as far as no fence did before.
fn acquire_fence(graph: &mut Graph, id: EventId, event: &Event) {
    for at in (0..event.index as usize).rev() {
        let earlier = graph.threads[event.thread as usize].events[at];
        let Event { kind, order, source, .. } = *graph.event(earlier);
        match kind {
            Kind::Read if source != NONE => graph.clocks.acquire(id, source),
            Kind::Fence if order.acquires() => return,
            _ => (),
        }
    }
}

fn join(graph: &mut Graph, id: EventId, event: &Event) {
    graph.clocks.follow(id, event.source);
    graph.clocks.order(id, event.source);
    // One more than it has events: also what the thread did after its last one happens before the join.
    let events = graph.threads[event.argument as usize].events.len() as u32;
    graph.clocks.count(id, event.argument, events + 1);
}
