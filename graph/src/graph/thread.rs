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
    /// The threads that it makes, in the order of its spawns, which every run has.
    pub(crate) children: Vec<ThreadId>,
    /// The locations that it makes, in the order in which every run makes them.
    pub(crate) made: Vec<LocationId>,
    /// The numbers of the spawns that lead from the body to the thread. Threads are scheduled in the order of their
    /// paths, which do not depend on the order in which the threads happened to be made.
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
