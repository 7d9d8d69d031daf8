//! What a memory model demands of an execution graph, checked as events are added. Happens-before is part of the graph.
//!
//! - `coherence`: which writes a read may see, and where in modification order a write may stand.
//! - `seq_cst` searches for cycles among the SeqCst accesses and fences; `c20`, `rc11` and `genmc` say what orders
//!   them.
//! - `global` searches for cycles among all events; `tso` and `sc` say what orders those.
//!
//! The exploration keeps atomicity (nothing comes between a read-modify-write's source and its write) when
//! it places writes.
//!
//! Exploration needs two things of a model: a part of a consistent graph that is closed under `po` and `rf` is
//! consistent, and a read of the newest write can be added to a consistent graph. Both hold of all models here.

mod c20;
pub(crate) mod coherence;
mod genmc;
mod global;
mod rc11;
mod sc;
mod seq_cst;
mod tso;

use crate::Model;
use crate::event::EventId;
use crate::graph::Graph;

/// Room for a search among events, kept from check to check.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// For each event the number of the last search that has seen it.
    seen: Vec<u32>,
    /// The number of this search.
    search: u32,
    stack: Vec<EventId>,
    /// For each thread the index of the first event from which the search has followed happens-before.
    followed: Vec<u32>,
}

impl Scratch {
    fn clear(&mut self, graph: &Graph) {
        self.search = self.search.checked_add(1).unwrap_or_else(|| {
            self.seen.clear();
            1
        });
        if self.seen.len() < graph.len() as usize {
            self.seen.resize(graph.len() as usize, 0);
        }
        self.stack.clear();
        self.followed.clear();
        self.followed.resize(graph.threads.len(), u32::MAX);
    }

    fn has_seen(&self, event: EventId) -> bool {
        self.seen[event as usize] == self.search
    }

    fn push(&mut self, event: EventId) {
        if core::mem::replace(&mut self.seen[event as usize], self.search) != self.search {
            self.stack.push(event);
        }
    }
}

/// Returns whether the graph is consistent, given that it was before `id` was added or changed, which must have no
/// successors in program order.
pub(crate) fn holds_after(graph: &Graph, id: EventId, scratch: &mut Scratch) -> bool {
    match graph.model {
        Model::C20 | Model::Ra => seq_cst::holds_after::<c20::Repaired>(graph, id, scratch),
        Model::C20Published => seq_cst::holds_after::<c20::Published>(graph, id, scratch),
        Model::Rc11 => seq_cst::holds_after::<rc11::Rules>(graph, id, scratch),
        Model::Genmc => seq_cst::holds_after::<genmc::Rules>(graph, id, scratch),
        Model::Tso => global::holds_after(graph, id, scratch, tso::orders),
        Model::Sc => global::holds_after(graph, id, scratch, sc::orders),
    }
}
