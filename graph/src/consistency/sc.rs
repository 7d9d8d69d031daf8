//! Sequential consistency: `po ∪ rf ∪ mo ∪ rb` is acyclic, over all events.

use crate::event::{Event, EventId};
use crate::graph::Graph;

/// All of program order is kept.
pub(super) fn orders(_: &Graph, _: &Event, _: &[EventId], _: &Event) -> bool {
    true
}
