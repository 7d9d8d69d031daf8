//! Sequential consistency of the SeqCst accesses and fences, the *nodes*: the edges between them form no cycle.
//!
//! An edge comes from program order and happens-before ([`Rules::is_ordered`]), or by way of two accesses A and B
//! of one location: it begins at A if A is SeqCst, or at a SeqCst fence that happens before A; it ends at B, or at a
//! SeqCst fence that B happens before.
//!
//! The graph was acyclic before an event was added or changed, so a new cycle leaves that event by an edge of its
//! own: nothing happens after it yet, so only by way of accesses of its location. The search starts there and
//! computes edges as it meets nodes. A read of the newest write and a write at the end have no such edges, and cost
//! nothing.

use super::Scratch;
use crate::event::{EventId, Kind, LocationId};
use crate::graph::Graph;

/// What orders SeqCst accesses and fences.
pub(crate) trait Rules {
    /// Says whether the two halves of a read-modify-write are one node.
    const UPDATE_IS_ONE: bool;

    /// Says whether an event is ordered before all that a later event of its thread is ordered before, so that a search
    /// need not follow happens-before from the later event.
    const EARLIER_ORDERS_MORE: bool;

    /// What [`is_ordered`](Self::is_ordered) needs to know of a node.
    type Source;

    /// Looks up what orders the node `a`.
    fn source(graph: &Graph, a: EventId) -> Self::Source;

    /// Returns whether program order and happens-before order the node `a` before the node `b`.
    fn is_ordered(graph: &Graph, a: &Self::Source, b: EventId) -> bool;

    /// Calls `found` with each B to which an edge leads from `a`.
    fn from_access(graph: &Graph, a: EventId, location: LocationId, found: impl FnMut(EventId));

    /// Calls `found` with each further B to which an edge leads that begins and ends at a fence.
    fn between_fences(graph: &Graph, a: EventId, location: LocationId, found: impl FnMut(EventId));
}

/// Returns whether the graph is consistent after `id` was added or changed.
pub(super) fn holds_after<R: Rules>(graph: &Graph, id: EventId, scratch: &mut Scratch) -> bool {
    let event = graph.event(id);
    if graph.seq_cst.len() < 2 || event.is_step() || !(event.is_read() || event.is_write()) {
        return true;
    }
    let is_fence_before =
        |node: EventId| graph.event(node).kind == Kind::Fence && graph.happens_before(node, id);
    let has_fence = graph.fences.iter().any(|fence| graph.happens_before(*fence, id));
    if !has_fence && !event.is_seq_cst() {
        return true;
    }
    scratch.clear(graph);
    // A cycle from the event itself, or through it from a fence before it.
    let same = if R::UPDATE_IS_ONE { graph.other_half(id) } else { id };
    from_access::<R>(graph, id, event.location, scratch);
    if reaches::<R>(graph, scratch, |node| node == id || node == same || is_fence_before(node)) {
        return false;
    }
    // A cycle by an edge between fences is closed at a fence before the event, not at the event. What the search has
    // seen so far leads to neither.
    if !has_fence {
        return true;
    }
    between_fences::<R>(graph, id, event.location, scratch);
    !reaches::<R>(graph, scratch, is_fence_before)
}

/// Returns whether the search gets to a source from the nodes on its stack.
fn reaches<R: Rules>(graph: &Graph, scratch: &mut Scratch, is_source: impl Fn(EventId) -> bool) -> bool {
    while let Some(node) = scratch.stack.pop() {
        if is_source(node) {
            return true;
        }
        follow_happens_before::<R>(graph, node, scratch);
        accesses_after::<R>(graph, node, scratch);
        if R::UPDATE_IS_ONE {
            let other = graph.other_half(node);
            if other != node {
                accesses_after::<R>(graph, other, scratch);
            }
        }
    }
    false
}

/// Pushes the nodes to which program order and happens-before lead. The earliest comes to lie on top of the stack: what
/// it leads to need not be looked up for the later ones of its thread.
fn follow_happens_before<R: Rules>(graph: &Graph, node: EventId, scratch: &mut Scratch) {
    let event = graph.event(node);
    let followed = &mut scratch.followed[event.thread as usize];
    if R::EARLIER_ORDERS_MORE && event.index >= *followed {
        return;
    }
    *followed = event.index;
    let source = R::source(graph, node);
    for other in graph.seq_cst.iter().rev() {
        if !scratch.has_seen(*other) && *other != node && R::is_ordered(graph, &source, *other) {
            scratch.push(*other);
        }
    }
}

/// Pushes the nodes to which accesses lead: the node itself, or those that happen after the fence.
fn accesses_after<R: Rules>(graph: &Graph, node: EventId, scratch: &mut Scratch) {
    let event = graph.event(node);
    if event.kind != Kind::Fence {
        return from_access::<R>(graph, node, event.location, scratch);
    }
    // The order of an object's steps is no coherence order.
    for (location, at) in graph.all_locations().filter(|(_, location)| !location.is_object) {
        for access in at.writes.iter().chain(&at.reads) {
            if graph.happens_before(node, *access) {
                from_access::<R>(graph, *access, location, scratch);
                between_fences::<R>(graph, *access, location, scratch);
            }
        }
    }
}

fn from_access<R: Rules>(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch) {
    R::from_access(graph, a, location, |b| {
        if graph.event(b).is_seq_cst() {
            scratch.push(b);
        }
        fences_after(graph, b, scratch);
    });
}

fn between_fences<R: Rules>(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch) {
    R::between_fences(graph, a, location, |b| fences_after(graph, b, scratch));
}

/// Pushes the fences that happen after the access `b`.
fn fences_after(graph: &Graph, b: EventId, scratch: &mut Scratch) {
    for fence in &graph.fences {
        if graph.happens_before(b, *fence) {
            scratch.push(*fence);
        }
    }
}

/// Returns where an access stands in the modification order of its location: a read with its source.
#[inline]
fn position_at(graph: &Graph, access: EventId) -> u32 {
    let event = graph.event(access);
    if event.is_write() { event.position } else { graph.position_of(event.source) }
}

/// Returns the accesses that `mo` and `rb` lead to from the access `a`: the writes after it, or after its source.
#[inline]
pub(super) fn later_writes(graph: &Graph, a: EventId, location: LocationId) -> &[EventId] {
    &graph.location(location).writes[position_at(graph, a) as usize..]
}

/// Calls `found` with the reads that `rf`, `mo; rf` and `rb; rf` lead to from the access `a`.
pub(super) fn later_reads(
    graph: &Graph,
    a: EventId,
    location: LocationId,
    mut found: impl FnMut(EventId, /* source */ EventId),
) {
    let (from, position) = (graph.event(a), position_at(graph, a));
    for b in &graph.location(location).reads {
        let source = graph.event(*b).source;
        let read = graph.position_of(source);
        if *b != a && (read > position || (from.is_write() && read == position)) {
            found(*b, source);
        }
    }
}
