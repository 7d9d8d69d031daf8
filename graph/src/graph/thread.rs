//! The threads of an execution.

use crate::event::{Event, EventId, LocationId, ThreadId};
use serde::{Deserialize, Serialize};

/// A thread of an execution.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Thread {
    /// Its events in program order.
    pub(crate) events: Vec<EventId>,
    /// How many events the thread has had where it yields, each time; noted under a bound to fair schedules only.
    pub(crate) yields: Vec<u32>,
    /// The event that made it; `NONE` for the body.
    pub(crate) spawn: EventId,
    /// The threads that it makes, in the order of its spawns, which every run has.
    pub(crate) children: Vec<ThreadId>,
    /// The locations that it makes, in the order in which every run makes them.
    pub(crate) made: Vec<LocationId>,
    /// The numbers of the spawns that lead from the body to the thread. Threads are scheduled in the order of their
    /// paths, which do not depend on the order in which the threads happened to be made.
    pub(crate) path: Vec<u32>,
    /// The first of the threads that are alike, of which this is one: they run the same code, and nothing but their numbers
    /// tells them apart.
    pub(crate) like: Option<ThreadId>,
}

impl Thread {
    /// Notes that the thread yields after so many events.
    pub(crate) fn note_yield(&mut self, events: u32) {
        if let Err(at) = self.yields.binary_search(&events) {
            self.yields.insert(at, events);
        }
    }

    /// Forgets the yields that do not stand before an event: the thread may go another way there.
    pub(crate) fn forget_last_yields(&mut self) {
        let kept = self.yields.partition_point(|events| (*events as usize) < self.events.len());
        self.yields.truncate(kept);
    }

    /// Returns whether the thread yields after so many events.
    #[inline]
    pub(crate) fn yields_at(&self, events: u32) -> bool {
        !self.yields.is_empty() && self.yields.binary_search(&events).is_ok()
    }

    /// Returns the event before the one with this index, or the event that made the thread.
    #[inline]
    pub(crate) fn before(&self, index: u32) -> EventId {
        match index {
            0 => self.spawn,
            index => self.events[index as usize - 1],
        }
    }
}

/// Returns the event before `event` in its thread, or the one that made the thread.
#[inline]
pub(crate) fn before(threads: &[Thread], event: &Event) -> EventId {
    threads[event.thread as usize].before(event.index)
}
