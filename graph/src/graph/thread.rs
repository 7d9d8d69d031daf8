//! The threads of an execution.

use crate::event::{Event, EventId, LocationId, ThreadId};
use serde::{Deserialize, Serialize};

/// A thread of an execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// Its events in program order.
    pub(crate) events: Vec<EventId>,
    /// The event that made it; `NONE` for the body.
    pub(crate) spawn: EventId,
    /// Its k-th spawn makes this thread, in every run.
    pub(crate) children: Vec<ThreadId>,
    /// Its k-th new location is this one, in every run.
    pub(crate) made: Vec<LocationId>,
    /// Which spawn of which spawn: threads are scheduled in the order of their paths, which do not
    /// depend on the order in which they happened to be made.
    pub(crate) path: Vec<u32>,
}

/// Returns the event before `event` in its thread, or the one that made the thread.
#[inline]
pub(crate) fn before(threads: &[Thread], event: &Event) -> EventId {
    let thread = &threads[event.thread as usize];
    match event.index {
        0 => thread.spawn,
        index => thread.events[index as usize - 1],
    }
}
