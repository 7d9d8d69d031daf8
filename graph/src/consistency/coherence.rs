//! Coherence: `hb; eco?` is irreflexive.

use crate::event::{EventId, LocationId};
use crate::graph::Graph;

/// The place in modification order of the newest write that an event after `last` in its thread must know
/// of: one that happens before it, or that a read which happens before it has read. A read may not see an
/// older one; a write must come after it.
pub(crate) fn newest_known(graph: &Graph, location: LocationId, last: EventId) -> u32 {
    let at = graph.location(location);
    let hb = graph.clocks.hb(last);
    let known = |id: &EventId| {
        let event = graph.event(*id);
        hb[event.thread as usize] > event.index
    };
    let written = at.writes.iter().rposition(known).map_or(0, |position| position as u32 + 1);
    let read = at.reads.iter().filter(|id| known(id)).map(|id| graph.position_of(graph.event(*id).source));
    read.max().unwrap_or(0).max(written)
}
