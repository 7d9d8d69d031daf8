//! Coherence: `hb; eco?` is irreflexive.

use crate::event::{EventId, LocationId};
use crate::graph::Graph;

/// Returns the place in modification order of the newest write that an event after `last` in its thread must know:
/// a write that happens before the event, or that a read which happens before the event has read. A read may not see an
/// older write; a write must come after that write.
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
