//! RC11's `psc` as published: `psc_base ∪ psc_F` is acyclic, with
//!
//! - `scb = po ∪ po≠loc; hb; po≠loc ∪ hb=loc ∪ mo ∪ rb`,
//! - `psc_base = ([SC] ∪ [F]; hb?); scb; ([SC] ∪ hb?; [F])`,
//! - `psc_F = [F]; (hb ∪ hb; eco; hb); [F]`, where F are the SeqCst fences.
//!
//! The two halves of a read-modify-write are two events of one location, so neither is a step of `po≠loc`. Lahav,
//! Vafeiadis, Kang, Hur, Dreyer, *Repairing Sequential Consistency in C/C++11* (PLDI 2017), section 4.

use super::seq_cst;
use crate::event::{Event, EventId, Kind, LocationId};
use crate::graph::Graph;

pub(super) struct Rules;

impl seq_cst::Rules for Rules {
    const UPDATE_IS_ONE: bool = false;
    const EARLIER_ORDERS_MORE: bool = false;

    type Source = EventId;

    fn source(_: &Graph, a: EventId) -> EventId {
        a
    }

    fn is_ordered(graph: &Graph, a: &EventId, b: EventId) -> bool {
        let a = *a;
        is_ordered(graph, a, b, || by_way_of_other_locations(graph, a, b))
    }

    fn from_access(graph: &Graph, a: EventId, location: LocationId, found: impl FnMut(EventId)) {
        from_access(graph, a, location, found);
    }

    fn between_fences(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
        seq_cst::later_reads(graph, a, location, |b, _| found(b));
    }
}

/// The edges that `po` and `hb` give; `otherwise` tells whether `scb` has one between accesses of two threads.
pub(super) fn is_ordered(graph: &Graph, a: EventId, b: EventId, otherwise: impl Fn() -> bool) -> bool {
    let (from, to) = (graph.event(a), graph.event(b));
    let after = |last: EventId| graph.clocks.hb(last)[from.thread as usize];
    match (from.kind == Kind::Fence, to.kind == Kind::Fence) {
        (true, true) => after(b) > from.index,
        (false, true) => after(b) > from.index + 1,
        (true, false) => after(graph.before(b)) > from.index,
        (false, false) if from.thread == to.thread => from.index < to.index,
        (false, false) => otherwise(),
    }
}

/// The accesses of its location that `mo`, `rb` and `hb=loc` lead to from the access `a`.
pub(super) fn from_access(graph: &Graph, a: EventId, location: LocationId, mut found: impl FnMut(EventId)) {
    seq_cst::later_writes(graph, a, location).iter().for_each(|b| found(*b));
    let reads = graph.location(location).reads.iter();
    reads.filter(|b| **b != a && graph.happens_before(a, **b)).for_each(|b| found(*b));
}

/// Whether `po≠loc; hb; po≠loc` leads from `a` to `b`: by way of the first event after `a`, and the last before `b`,
/// of other locations. The beginning and the end of a thread are such events.
fn by_way_of_other_locations(graph: &Graph, a: EventId, b: EventId) -> bool {
    let (from, to) = (graph.event(a), graph.event(b));
    let is_elsewhere = |event: &Event, access: &Event| {
        !(event.is_read() || event.is_write()) || event.location != access.location
    };
    let after = &graph.threads[from.thread as usize].events[from.index as usize + 1..];
    let first = after.iter().position(|id| is_elsewhere(graph.event(*id), from));
    let first = from.index as usize + 1 + first.unwrap_or(after.len());
    let theirs = &graph.threads[to.thread as usize];
    let before = &theirs.events[..to.index as usize];
    let last = before.iter().rev().find(|id| is_elsewhere(graph.event(**id), to)).copied();
    graph.clocks.hb(last.unwrap_or(theirs.spawn))[from.thread as usize] as usize > first
}
