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

    /// Returns whether program order and happens-before order the node `a` before the node `b`.
    fn is_ordered(graph: &Graph, a: EventId, b: EventId) -> bool;

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
    let has_fence = graph.seq_cst.iter().any(|node| is_fence_before(*node));
    if !has_fence && !event.is_seq_cst() {
        return true;
    }
    scratch.clear(graph.seq_cst.len());
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
    while let Some(at) = scratch.stack.pop() {
        let node = graph.seq_cst[at];
        if is_source(node) {
            return true;
        }
        successors::<R>(graph, node, scratch);
        let same = if R::UPDATE_IS_ONE { graph.other_half(node) } else { node };
        if same != node {
            successors::<R>(graph, same, scratch);
        }
    }
    false
}

/// Pushes the successors of a node.
fn successors<R: Rules>(graph: &Graph, node: EventId, scratch: &mut Scratch) {
    for at in 0..graph.seq_cst.len() {
        let other = graph.seq_cst[at];
        if !scratch.seen[at] && other != node && R::is_ordered(graph, node, other) {
            scratch.push(at);
        }
    }
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
    R::from_access(graph, a, location, |b| reach(graph, b, true, scratch));
}

fn between_fences<R: Rules>(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch) {
    R::between_fences(graph, a, location, |b| reach(graph, b, false, scratch));
}

/// Pushes the nodes at which an edge to the access `b` ends: the fences after it, and itself if `itself`.
fn reach(graph: &Graph, b: EventId, itself: bool, scratch: &mut Scratch) {
    for at in 0..graph.seq_cst.len() {
        let node = graph.seq_cst[at];
        let fence = graph.event(node).kind == Kind::Fence;
        if (itself && node == b) || (fence && graph.happens_before(b, node)) {
            scratch.push(at);
        }
    }
}

/// Returns where an access stands in the modification order of its location: a read with its source.
fn position_at(graph: &Graph, access: EventId) -> u32 {
    let event = graph.event(access);
    if event.is_write() { event.position } else { graph.position_of(event.source) }
}

/// Returns the accesses that `mo` and `rb` lead to from the access `a`: the writes after it, or after its source.
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
