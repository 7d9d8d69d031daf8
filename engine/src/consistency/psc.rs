//! Sequential consistency: `psc = psc_base ∪ psc_F` is acyclic, with
//!
//! - `scb = po ∪ po; hb; po ∪ hb=loc ∪ co ∪ rb`,
//! - `psc_base = ([SC] ∪ [F]; hb?); scb; ([SC] ∪ hb?; [F])`,
//! - `psc_F = [F]; (hb ∪ hb; eco; hb); [F]`, where F are the SeqCst fences.
//!
//! Only SeqCst accesses and fences are nodes. The graph was acyclic before an event was added or changed, so
//! a new cycle leaves that event by an edge of its own: nothing happens after it yet, so only by `co`, `rb`
//! or `eco` to accesses of its location. The search starts there and computes edges as it meets nodes. A
//! read of the newest write and a write at the end have no such edges, and cost nothing.

use crate::event::{EventId, Kind, LocationId};
use crate::graph::Graph;

/// Room to work in, kept from check to check.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// By place in the graph's list of nodes.
    seen: Vec<bool>,
    stack: Vec<usize>,
}

/// Which nodes an access stands for where an edge begins or ends.
#[derive(Clone, Copy, PartialEq)]
enum End {
    /// Itself if it is a node, and the fences beyond it.
    Any,
    /// The fences only.
    Fences,
}

/// Whether the graph is consistent, given that it was before `id` was added or changed, which must have no
/// successors in program order.
pub(crate) fn holds_after(graph: &Graph, id: EventId, scratch: &mut Scratch) -> bool {
    let event = graph.event(id);
    if graph.seq_cst.len() < 2 || !(event.is_read() || event.is_write()) {
        return true;
    }
    let is_source = |node: EventId| {
        node == id || (graph.event(node).kind == Kind::Fence && graph.happens_before(node, id))
    };
    if !graph.seq_cst.iter().any(|node| is_source(*node)) {
        return true;
    }
    scratch.seen.clear();
    scratch.seen.resize(graph.seq_cst.len(), false);
    scratch.stack.clear();
    // What eco leads to counts only for the fences among the sources; the access itself is one too, but then
    // so are they.
    let from_fence = has_fence_before(graph, id);
    successors_at(graph, id, event.location, scratch, from_fence);
    while let Some(at) = scratch.stack.pop() {
        let node = graph.seq_cst[at];
        if is_source(node) {
            return false;
        }
        successors(graph, node, scratch);
    }
    true
}

fn push(at: usize, scratch: &mut Scratch) {
    if !core::mem::replace(&mut scratch.seen[at], true) {
        scratch.stack.push(at);
    }
}

/// Pushes the successors of a node.
fn successors(graph: &Graph, node: EventId, scratch: &mut Scratch) {
    for at in 0..graph.seq_cst.len() {
        if !scratch.seen[at] && graph.seq_cst[at] != node && ordered(graph, node, graph.seq_cst[at]) {
            push(at, scratch);
        }
    }
    let event = graph.event(node);
    if event.kind != Kind::Fence {
        return successors_at(graph, node, event.location, scratch, false);
    }
    for (location, at) in graph.all_locations() {
        for access in at.writes.iter().chain(&at.reads) {
            if graph.happens_before(node, *access) {
                successors_at(graph, *access, location, scratch, true);
            }
        }
    }
}

/// Pushes what the edges from the access `a` to others of its location lead to. `from_fence`: they may begin
/// at a fence that happens before it.
fn successors_at(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch, from_fence: bool) {
    let at = graph.location(location);
    let from = graph.event(a);
    let position = if from.is_write() { from.position } else { graph.position_of(from.source) };
    // co and rb.
    for b in &at.writes[position as usize..] {
        reach(graph, *b, End::Any, scratch);
    }
    for b in &at.reads {
        if *b == a {
            continue;
        }
        if graph.happens_before(a, *b) {
            reach(graph, *b, End::Any, scratch);
        } else if from_fence {
            // eco that ends in rf: from fence to fence only.
            let source = graph.position_of(graph.event(*b).source);
            if source > position || (from.is_write() && source == position) {
                reach(graph, *b, End::Fences, scratch);
            }
        }
    }
}

/// Whether a SeqCst fence happens before an access.
fn has_fence_before(graph: &Graph, access: EventId) -> bool {
    let is_fence = |node: &&EventId| graph.event(**node).kind == Kind::Fence;
    graph.seq_cst.iter().filter(is_fence).any(|fence| graph.happens_before(*fence, access))
}

/// Pushes the nodes that an edge to the access `b` ends at.
fn reach(graph: &Graph, b: EventId, end: End, scratch: &mut Scratch) {
    for at in 0..graph.seq_cst.len() {
        let node = graph.seq_cst[at];
        let fence = graph.event(node).kind == Kind::Fence;
        if (node == b && end == End::Any) || (fence && graph.happens_before(b, node)) {
            push(at, scratch);
        }
    }
}

/// The edges that program order and happens-before give.
fn ordered(graph: &Graph, a: EventId, b: EventId) -> bool {
    let (from, to) = (graph.event(a), graph.event(b));
    let after = |last: EventId| graph.clocks.hb(last)[from.thread as usize];
    match (from.kind == Kind::Fence, to.kind == Kind::Fence) {
        (true, true) => after(b) > from.index,
        (false, true) => after(b) > from.index + 1,
        (true, false) => after(graph.before(b)) > from.index,
        (false, false) if from.thread == to.thread => from.index < to.index,
        (false, false) => after(graph.before(b)) > from.index + 1,
    }
}
