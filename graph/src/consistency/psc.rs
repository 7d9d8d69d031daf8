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

/// Returns whether the graph is consistent, given that the graph was so before `id` was added or changed. The event
/// `id` must have no successors in program order.
pub(crate) fn holds_after(graph: &Graph, id: EventId, scratch: &mut Scratch) -> bool {
    let event = graph.event(id);
    if graph.seq_cst.len() < 2 || !(event.is_read() || event.is_write()) {
        return true;
    }
    let is_fence_before =
        |node: EventId| graph.event(node).kind == Kind::Fence && graph.happens_before(node, id);
    let has_fence = graph.seq_cst.iter().any(|node| is_fence_before(*node));
    if !has_fence && !event.is_seq_cst() {
        return true;
    }
    scratch.seen.clear();
    scratch.seen.resize(graph.seq_cst.len(), false);
    scratch.stack.clear();
    // A cycle by an edge of psc_base: from the event itself, or through it from a fence before it.
    successors_at(graph, id, event.location, scratch);
    if reaches(graph, scratch, |node| node == id || is_fence_before(node)) {
        return false;
    }
    // A cycle by an edge of psc_F begins at a fence, so the cycle is closed there and not at the event. The nodes that
    // the search has seen so far lead to neither.
    if !has_fence {
        return true;
    }
    readers_at(graph, id, event.location, scratch);
    !reaches(graph, scratch, is_fence_before)
}

/// Returns whether the search gets to a source from the nodes on its stack.
fn reaches(graph: &Graph, scratch: &mut Scratch, is_source: impl Fn(EventId) -> bool) -> bool {
    while let Some(at) = scratch.stack.pop() {
        let node = graph.seq_cst[at];
        if is_source(node) {
            return true;
        }
        successors(graph, node, scratch);
    }
    false
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
        return successors_at(graph, node, event.location, scratch);
    }
    for (location, at) in graph.all_locations() {
        for access in at.writes.iter().chain(&at.reads) {
            if graph.happens_before(node, *access) {
                successors_at(graph, *access, location, scratch);
                readers_at(graph, *access, location, scratch);
            }
        }
    }
}

/// Returns where an access stands in the modification order of its location.
fn position_at(graph: &Graph, access: EventId) -> u32 {
    let event = graph.event(access);
    if event.is_write() { event.position } else { graph.position_of(event.source) }
}

/// Pushes what co, rb and hb lead to from the access `a`, at its location.
fn successors_at(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch) {
    let at = graph.location(location);
    let later = at.writes[position_at(graph, a) as usize..].iter();
    let after = at.reads.iter().filter(|b| **b != a && graph.happens_before(a, **b));
    for b in later.chain(after) {
        reach(graph, *b, Ends::AtFencesAndItself, scratch);
    }
}

/// Pushes what eco leads to from the access `a` if it ends in rf: only psc_F has such edges, so only fences
/// after the readers, and only where the edge begins at a fence before `a`.
fn readers_at(graph: &Graph, a: EventId, location: LocationId, scratch: &mut Scratch) {
    let (from, position) = (graph.event(a), position_at(graph, a));
    for b in &graph.location(location).reads {
        let source = graph.position_of(graph.event(*b).source);
        if *b != a && (source > position || (from.is_write() && source == position)) {
            reach(graph, *b, Ends::AtFences, scratch);
        }
    }
}

/// Where an edge to an access may end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    /// At the fences after the access.
    AtFences,
    /// At these, and at the access.
    AtFencesAndItself,
}

/// Pushes the nodes at which an edge to the access `b` ends.
fn reach(graph: &Graph, b: EventId, ends: Ends, scratch: &mut Scratch) {
    for at in 0..graph.seq_cst.len() {
        let node = graph.seq_cst[at];
        let fence = graph.event(node).kind == Kind::Fence;
        if (ends == Ends::AtFencesAndItself && node == b) || (fence && graph.happens_before(b, node)) {
            push(at, scratch);
        }
    }
}

/// Returns whether program order or happens-before makes an edge from `a` to `b`.
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
