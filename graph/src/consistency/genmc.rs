//! RC11's `psc` as GenMC 0.11 computes it: `psc_base ∪ psc_F` is acyclic, with
//!
//! - `scb = po ∪ po; hb; po ∪ hb=loc ∪ mo ∪ rb`,
//! - `psc_base = ([SC] ∪ [F]; hb?); scb; ([SC] ∪ hb?; [F])`,
//! - `psc_F = [F]; (hb ∪ hb; eco; hb); [F]`, where F are the SeqCst fences.
//!
//! The two halves of a read-modify-write are two events, and count as a step of `po`.

use super::{rc11, seq_cst};
use crate::event::{EventId, LocationId};
use crate::graph::Graph;

pub(super) struct Rules;

impl seq_cst::Rules for Rules {
    const UPDATE_IS_ONE: bool = false;
    const EARLIER_ORDERS_MORE: bool = true;

    type Source = EventId;

    fn source(_: &Graph, a: EventId) -> EventId {
        a
    }

    fn is_ordered(graph: &Graph, a: &EventId, b: EventId) -> bool {
        let a = *a;
        rc11::is_ordered(graph, a, b, || {
            let from = graph.event(a);
            graph.clocks.hb(graph.before(b))[from.thread as usize] > from.index + 1
        })
    }

    fn from_access(graph: &Graph, a: EventId, location: LocationId, found: impl FnMut(EventId)) {
        rc11::from_access(graph, a, location, found);
    }

    fn between_fences(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
        seq_cst::later_reads(graph, a, location, |b, _| found(b));
    }
}
