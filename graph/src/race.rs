//! Data races: accesses to one location, one of them plain and one of them a write, that happens-before does
//! not order.
//!
//! A cell carries no values that the model could choose among: in a program without races the latest write that
//! happens before an access is the only one. So accesses to cells are no events of the graph; each run checks
//! them by the clocks of the events around them. An access between the events `n - 1` and `n` of its thread has the
//! *epoch* `(thread, n)`. The access happens before every event whose clock counts more than `n` events of that
//! thread. Plain accesses to atomics are events.

use crate::Order;
use crate::event::{EventId, Site, ThreadId};
use crate::graph::Graph;

/// A point in a thread's program order, between two of its events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// The thread.
    pub thread: u32,
    /// How many events the thread had had.
    pub events: u32,
}

/// An access that races with another access.
#[derive(Clone, Copy, Debug)]
pub struct Race {
    /// The epoch of the access.
    pub epoch: Epoch,
    /// Whether the access writes.
    pub write: bool,
    /// The line of the access.
    pub site: Option<Site>,
}

/// A plain access to a cell, which is no event of the graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CellAccess {
    pub(crate) cell: u32,
    pub(crate) epoch: Epoch,
    pub(crate) write: bool,
    pub(crate) site: Site,
}

#[derive(Clone, Copy, Debug)]
struct Access {
    epoch: Epoch,
    site: Option<Site>,
    ongoing: u32,
}

/// A cell's accesses: each thread's last read and last write.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cell {
    reads: Vec<Access>,
    writes: Vec<Access>,
}

impl Cell {
    /// Returns a cell made at `epoch`, which counts as a write.
    pub(crate) fn made(epoch: Epoch, site: Site) -> Cell {
        Cell { reads: Vec::new(), writes: vec![Access { epoch, site: Some(site), ongoing: 0 }] }
    }

    /// Begins an access. `ordered` tells whether an epoch of another thread happens before the access.
    pub(crate) fn begin(
        &mut self,
        epoch: Epoch,
        write: bool,
        site: Site,
        ordered: impl Fn(Epoch) -> bool,
    ) -> Result<(), Race> {
        let races = |access: &&Access| {
            access.epoch.thread != epoch.thread && (access.ongoing > 0 || !ordered(access.epoch))
        };
        let race = |other: &Access, write: bool| Race { epoch: other.epoch, write, site: other.site };
        if let Some(other) = self.writes.iter().find(races) {
            return Err(race(other, true));
        }
        if let Some(other) = self.reads.iter().filter(|_| write).find(races) {
            return Err(race(other, false));
        }
        let accesses = if write { &mut self.writes } else { &mut self.reads };
        match accesses.iter_mut().find(|access| access.epoch.thread == epoch.thread) {
            Some(access) => *access = Access { epoch, site: Some(site), ongoing: access.ongoing + 1 },
            None => accesses.push(Access { epoch, site: Some(site), ongoing: 1 }),
        }
        Ok(())
    }

    /// Ends the access that the thread has begun last.
    pub(crate) fn end(&mut self, epoch: Epoch, write: bool) {
        let accesses = if write { &mut self.writes } else { &mut self.reads };
        if let Some(access) = accesses.iter_mut().find(|access| access.epoch.thread == epoch.thread) {
            access.epoch = epoch;
            access.ongoing = access.ongoing.saturating_sub(1);
        }
    }
}

/// Returns whether an epoch happens before the event that comes after `last`, or is of the thread `me`.
pub(crate) fn is_ordered(graph: &Graph, epoch: Epoch, me: ThreadId, last: EventId) -> bool {
    epoch.thread == me || graph.clocks.races(last)[epoch.thread as usize] > epoch.events
}

/// Returns an access that races with the event `id`.
pub(crate) fn with_event(graph: &Graph, id: EventId) -> Option<Race> {
    let event = graph.event(id);
    if !event.is_read() && !event.is_write() {
        return None;
    }
    let location = graph.location(event.location);
    if location.plain == 0 {
        return None;
    }
    let races = |other: &&EventId| {
        let other_event = graph.event(**other);
        let plain = event.order == Order::Plain || other_event.order == Order::Plain;
        plain
            && other_event.thread != event.thread
            && !graph.happens_before_for_races(**other, id)
            && !graph.happens_before_for_races(id, **other)
    };
    let reads = location.reads.iter().filter(|_| event.is_write());
    let other = location.writes.iter().chain(reads).find(races)?;
    let other = graph.event(*other);
    let epoch = Epoch { thread: other.thread, events: other.index };
    Some(Race { epoch, write: other.is_write(), site: other.site })
}
