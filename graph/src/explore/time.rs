//! Discrete time.
//!
//! All threads have one clock, which stands still while a thread can go on: a thread that can add an event does so before
//! time passes. Each event has the time at which it was added. When no thread can go on, and nobody waits for what another
//! branch brings, the clock goes to the earliest moment for which a thread waits.
//!
//! So the events of one time are added after all those of earlier times, and nothing that is added later changes these:
//!
//! - A read or a step of an earlier time reads no write of a later time. It did not wait for it, as it could go on. So no write
//!   revisits a read of an earlier time.
//! - What was written at an earlier time is known. A read sees no older write, and a write or a step comes behind it. (The
//!   memory model need not promise that. But what takes no time has come to its end when time passes.)
//!
//! A graph of which no thread can add an event at this time is one way to begin the next. The exploration of one time is that
//! of any program, which comes to each such graph once (`super`, and `steps` for threads that wait), and it goes on from each of
//! them with the events of the next time. So it comes to each execution once.
//!
//! A step or a wait with a deadline is enabled in more states from its deadline on, and in the same ones before. The time of
//! an event does not change when it is revisited, so whether the deadline has come does not, either. Places that a step was
//! offered at an earlier time are behind those of the steps of that time, and are offered again only as the one at their end.
//!
//! A thread that repeats a round of a loop counts as one that waits. When something that it reads gets a new value at a
//! later time, the thread goes round again, with new reads: those of its last round are of an earlier time.
//!
//! `brute_force` holds this against the executions of random programs, found with a clock for all threads, and four broken
//! twins against the same test.

use super::twin::{self, Twin};
use crate::event::{Event, EventId};
use crate::graph::Graph;

impl Graph {
    /// Returns how many of a location's writes are of an earlier time than an event, if time is discrete. A read may not see
    /// an older write than the last of these, and a write comes after it.
    #[inline]
    pub(crate) fn before_time(&self, event: &Event) -> u32 {
        if !self.discrete || twin::is(Twin::ForgetsEarlierTimes) {
            return 0;
        }
        let writes = &self.location(event.location).writes;
        writes.partition_point(|write| self.event(*write).time < event.time) as u32
    }

    /// Returns whether an event is of a later time than a read, which cannot read it then.
    #[inline]
    pub(super) fn is_later(&self, event: EventId, read: EventId) -> bool {
        let is_later = self.discrete && self.event(read).time < self.event(event).time;
        is_later && !twin::is(Twin::ReadsLaterTimes)
    }

    /// Returns whether a write of a later time is newer than what a read has read.
    pub(crate) fn is_outlived(&self, read: EventId) -> bool {
        let event = self.event(read);
        let newest = self.location(event.location).writes.last().map(|write| self.event(*write));
        let later =
            |newest: &Event| newest.time > event.time && newest.position > self.position_of(event.source);
        self.discrete && newest.is_some_and(later)
    }

    /// Returns the time of the last event.
    pub(crate) fn last_time(&self) -> u64 {
        self.events.iter().map(|event| event.time).max().unwrap_or(0)
    }
}
