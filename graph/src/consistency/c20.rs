//! C++20's total order S of SeqCst operations ([atomics.order]): it exists if the union of these has no cycle:
//!
//! - *strongly happens before* between SeqCst operations: `po`, and `po; hb; po` ([intro.races]); where a SeqCst
//!   release is acquired from by a SeqCst operation, the next line has the edge too;
//! - for A *coherence-ordered before* B, of one location: A → B, A → F' if B happens before F', F → B if F happens
//!   before A, and F → F', for A and B as far as they are SeqCst, and SeqCst fences F and F'.
//!
//! As published, A is coherence-ordered before B if `eco` leads from A to B, `rf ∪ mo ∪ rb ∪ mo; rf ∪ rb; rf`. That
//! forbids the fourth outcome of
//!
//! ```text
//! W.rel x 1; R.sc x; R.sc y  ‖  W.rel y 1; R.sc y; R.sc x
//! ```
//!
//! which x86-64 shows: each thread reads its own store from its store buffer (LWG 3941). The repaired rule does not
//! follow a read from the reader's own thread, except between two fences.
//!
//! A read-modify-write is one event.

use super::seq_cst;
use crate::event::{Event, EventId, Kind, LocationId, ThreadId};
use crate::graph::Graph;

/// Where a node ends.
pub(super) struct Node {
    thread: ThreadId,
    index: u32,
}

/// With the repair.
pub(super) struct Repaired;

/// As the text has it.
pub(super) struct Published;

impl seq_cst::Rules for Repaired {
    const UPDATE_IS_ONE: bool = true;
    const EARLIER_ORDERS_MORE: bool = true;

    type Source = Node;

    fn source(graph: &Graph, a: EventId) -> Node {
        last_half(graph, a)
    }

    fn is_ordered(graph: &Graph, a: &Node, b: EventId) -> bool {
        strongly_happens_before(graph, a, b)
    }

    fn from_access(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
        seq_cst::later_writes(graph, a, location).iter().for_each(|b| found(*b));
        seq_cst::later_reads(graph, a, location, |b, source| {
            if graph.event(b).thread != graph.event(source).thread {
                found(b);
            }
        });
    }

    fn between_fences(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
        seq_cst::later_reads(graph, a, location, |b, _| found(b));
    }
}

impl seq_cst::Rules for Published {
    const UPDATE_IS_ONE: bool = true;
    const EARLIER_ORDERS_MORE: bool = true;

    type Source = Node;

    fn source(graph: &Graph, a: EventId) -> Node {
        last_half(graph, a)
    }

    fn is_ordered(graph: &Graph, a: &Node, b: EventId) -> bool {
        strongly_happens_before(graph, a, b)
    }

    fn from_access(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
        seq_cst::later_writes(graph, a, location).iter().for_each(|b| found(*b));
        seq_cst::later_reads(graph, a, location, |b, _| found(b));
    }

    fn between_fences(_: &Graph, _: EventId, _: LocationId, _: impl FnMut(EventId)) {}
}

/// Whether `po` or `po; hb; po` leads from the node whose last event is `from` to `b`. Longer chains are edges one after
/// another.
fn strongly_happens_before(graph: &Graph, from: &Node, b: EventId) -> bool {
    let to = graph.event(b);
    // A read-modify-write begins with its read half.
    let first = to.index - u32::from(to.kind == Kind::RmwWrite);
    if from.thread == to.thread {
        return from.index < first;
    }
    let before = graph.threads[to.thread as usize].before(first);
    graph.clocks.hb(before)[from.thread as usize] > from.index + 1
}

fn last_half(graph: &Graph, id: EventId) -> Node {
    let Event { thread, index, .. } =
        *graph.event(if graph.event(id).is_read() { graph.other_half(id) } else { id });
    Node { thread, index }
}
