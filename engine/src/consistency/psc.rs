//! Sequential consistency: `psc = psc_base ∪ psc_F` is acyclic, with
//!
//! - `scb = po ∪ po; hb; po ∪ hb=loc ∪ co ∪ rb`,
//! - `psc_base = ([SC] ∪ [F]; hb?); scb; ([SC] ∪ hb?; [F])`,
//! - `psc_F = [F]; (hb ∪ hb; eco; hb); [F]`, where F are the SeqCst fences.
//!
//! Only SeqCst accesses and fences are nodes. Edges that come from program order and happens-before are read off
//! the clocks; those that come from a location are found by looking at its pairs of accesses.

use crate::event::{EventId, Kind, LocationId};
use crate::graph::Graph;

/// Room to work in, kept from check to check.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    edges: Vec<u64>,
    accesses: Vec<Access>,
    sources: Vec<u64>,
    targets: Vec<u64>,
    state: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Access {
    id: EventId,
    position: u32,
    write: bool,
}

/// Whether adding `id` can have closed a cycle at all.
fn matters(graph: &Graph, id: EventId) -> bool {
    if graph.seq_cst.len() < 2 {
        return false;
    }
    let event = graph.event(id);
    if event.is_seq_cst() {
        return true;
    }
    // A new event that is no node is the source of an edge only for a fence that happens before it.
    event.kind != Kind::Fence
        && graph
            .seq_cst
            .iter()
            .any(|node| graph.event(*node).kind == Kind::Fence && graph.happens_before(*node, id))
}

/// Whether the graph is consistent, given that it was before `id` was added or changed.
pub(crate) fn holds_after(graph: &Graph, id: EventId, scratch: &mut Scratch) -> bool {
    !matters(graph, id) || is_acyclic(graph, scratch)
}

/// Whether the whole graph is consistent.
pub(crate) fn is_acyclic(graph: &Graph, scratch: &mut Scratch) -> bool {
    let nodes = &graph.seq_cst;
    if nodes.len() < 2 {
        return true;
    }
    let words = nodes.len().div_ceil(64);
    scratch.edges.clear();
    scratch.edges.resize(nodes.len() * words, 0);
    for (a, from) in nodes.iter().enumerate() {
        for (b, to) in nodes.iter().enumerate() {
            if a != b && ordered(graph, *from, *to) {
                scratch.edges[a * words + b / 64] |= 1 << (b % 64);
            }
        }
    }
    for (location, _) in graph.all_locations() {
        add_location(graph, location, words, scratch);
    }
    has_no_cycle(nodes.len(), words, scratch)
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

fn add_location(graph: &Graph, location: LocationId, words: usize, scratch: &mut Scratch) {
    let at = graph.location(location);
    if at.writes.is_empty() {
        return;
    }
    scratch.accesses.clear();
    let accesses =
        at.writes.iter().map(|id| Access { id: *id, position: graph.event(*id).position, write: true });
    scratch.accesses.extend(accesses);
    let reads = at.reads.iter().map(|id| Access {
        id: *id,
        position: graph.position_of(graph.event(*id).source),
        write: false,
    });
    scratch.accesses.extend(reads);
    let (nodes, count) = (&graph.seq_cst, scratch.accesses.len());
    scratch.sources.clear();
    scratch.sources.resize(count * words, 0);
    scratch.targets.clear();
    scratch.targets.resize(count * words, 0);
    let (mut any_source, mut any_target) = (false, false);
    for (row, access) in scratch.accesses.iter().enumerate() {
        for (n, node) in nodes.iter().enumerate() {
            let fence = graph.event(*node).kind == Kind::Fence;
            let bit = 1 << (n % 64);
            if *node == access.id || (fence && graph.happens_before(*node, access.id)) {
                scratch.sources[row * words + n / 64] |= bit;
                any_source = true;
            }
            if *node == access.id || (fence && graph.happens_before(access.id, *node)) {
                scratch.targets[row * words + n / 64] |= bit;
                any_target = true;
            }
        }
    }
    if any_source && any_target {
        add_pairs(graph, words, scratch);
    }
}

fn add_pairs(graph: &Graph, words: usize, scratch: &mut Scratch) {
    let Scratch { edges, accesses, sources, targets, .. } = scratch;
    let empty = |masks: &[u64]| masks.iter().all(|mask| *mask == 0);
    for (row, a) in accesses.iter().enumerate() {
        let from = &sources[row * words..(row + 1) * words];
        if empty(from) {
            continue;
        }
        for (column, b) in accesses.iter().enumerate() {
            let to = &targets[column * words..(column + 1) * words];
            if row == column || empty(to) {
                continue;
            }
            // co and rb end in a write; eco also in a read, by one or two rf steps.
            let earlier = a.position < b.position;
            let base = (earlier && b.write) || graph.happens_before(a.id, b.id);
            let eco = earlier || (a.write && !b.write && a.position == b.position);
            if base || eco {
                connect(graph, edges, words, (from, a.id), (to, b.id), base);
            }
        }
    }
}

/// Adds edges from all sources to all targets; unless `base`, only from fences to fences.
fn connect(
    graph: &Graph,
    edges: &mut [u64],
    words: usize,
    (from, a): (&[u64], EventId),
    (to, b): (&[u64], EventId),
    base: bool,
) {
    for (n, node) in graph.seq_cst.iter().enumerate() {
        if from[n / 64] & 1 << (n % 64) == 0 || (!base && *node == a) {
            continue;
        }
        for word in 0..words {
            let mut mask = to[word];
            if !base
                && let Ok(own) = graph.seq_cst.binary_search(&b)
                && own / 64 == word
            {
                mask &= !(1 << (own % 64));
            }
            edges[n * words + word] |= mask;
        }
    }
}

fn has_no_cycle(nodes: usize, words: usize, scratch: &mut Scratch) -> bool {
    const NEW: u8 = 0;
    const OPEN: u8 = 1;
    const DONE: u8 = 2;
    fn visit(node: usize, words: usize, edges: &[u64], state: &mut [u8]) -> bool {
        state[node] = OPEN;
        for word in 0..words {
            let mut next = edges[node * words + word];
            while next != 0 {
                let to = word * 64 + next.trailing_zeros() as usize;
                next &= next - 1;
                if state[to] == OPEN || (state[to] == NEW && !visit(to, words, edges, state)) {
                    return false;
                }
            }
        }
        state[node] = DONE;
        true
    }
    scratch.state.clear();
    scratch.state.resize(nodes, NEW);
    let Scratch { edges, state, .. } = scratch;
    (0..nodes).all(|node| state[node] != NEW || visit(node, words, edges, state))
}
