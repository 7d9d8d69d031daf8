//! Which changed orderings may be what forbids load buffering, which no engine explores.
//!
//! Load buffering is a cycle of program order and reads-from: a thread reads what another one writes after a read of what
//! the first one writes after its own read. Between a read and a later write of another object an Acquire read, a Release
//! write or a fence keeps the order. A change that takes the last of these away *exposes* the pair, if other threads can
//! close the cycle. Their pairs count as kept, since a dependency that nothing here sees may keep them.

use super::observe::Clock;
use super::{Moment, Session, Site, is_own_source};
use core::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};
use std::collections::HashMap;

/// What an event of an execution does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read(u32),
    Write(u32),
    Update(u32),
    Fence,
}

impl Access {
    fn read(self) -> Option<u32> {
        match self {
            Access::Read(object) | Access::Update(object) => Some(object),
            _ => None,
        }
    }

    fn written(self) -> Option<u32> {
        match self {
            Access::Write(object) | Access::Update(object) => Some(object),
            _ => None,
        }
    }
}

/// The ordering of an event without the change under trial, and with it; of a fence that is not there, Relaxed.
#[derive(Clone, Copy)]
pub(super) struct Orders {
    pub(super) was: Ordering,
    pub(super) now: Ordering,
}

struct Event {
    access: Access,
    orders: Orders,
    site: Site,
    moment: Moment,
    /// What starting and joining threads puts before the event.
    clock: Clock,
}

impl Event {
    fn is_before(&self, other: &Event) -> bool {
        other.clock.contains(self.moment)
    }
}

/// The accesses and fences of an execution, by thread.
#[derive(Default)]
pub(super) struct Events(HashMap<u32, Vec<Event>>);

fn acquires(order: Ordering) -> bool {
    matches!(order, Acquire | AcqRel | SeqCst)
}

fn releases(order: Ordering) -> bool {
    matches!(order, Release | AcqRel | SeqCst)
}

/// Returns whether an ordering keeps a read before a write; `between` are the events from the one to the other.
fn is_kept(between: &[Event], order: impl Fn(&Event) -> Ordering) -> bool {
    let [read, .., write] = between else { return true };
    let is_fence = |event: &Event| event.access == Access::Fence && order(event) != Relaxed;
    acquires(order(read)) || releases(order(write)) || between.iter().any(is_fence)
}

impl Events {
    /// Returns a site whose change exposes a load-buffering cycle.
    fn exposed(&self) -> Option<Site> {
        self.0.iter().find_map(|(thread, events)| {
            let pairs = pairs(events).filter(|between| {
                is_kept(between, |event| event.orders.was) && !is_kept(between, |event| event.orders.now)
            });
            let mut closed = pairs.filter(|between| match between {
                [read, .., write] => self.closes(write, read, &mut vec![*thread]),
                _ => false,
            });
            let between = closed.next()?;
            between.iter().find(|event| event.orders.was != event.orders.now).map(|event| event.site)
        })
    }

    /// Returns whether other threads lead from a write to a read: each reads what the one before it writes, and writes
    /// later what the next one reads.
    fn closes(&self, write: &Event, read: &Event, used: &mut Vec<u32>) -> bool {
        self.0.iter().any(|(thread, events)| {
            if used.contains(thread) {
                return false;
            }
            used.push(*thread);
            let closes = pairs(events).any(|between| {
                let [theirs, .., next] = between else { return false };
                let reads_it = theirs.access.read() == write.access.written() && !theirs.is_before(write);
                let is_read = next.access.written() == read.access.read() && !read.is_before(next);
                reads_it && (is_read || self.closes(next, read, used))
            });
            used.pop();
            closes
        })
    }
}

/// Returns each read with a later write of another object and what stands between them.
fn pairs(events: &[Event]) -> impl Iterator<Item = &[Event]> {
    let reads = events.iter().enumerate().filter_map(|(first, event)| Some((first, event.access.read()?)));
    reads.flat_map(move |(first, object)| {
        let writes = events.iter().enumerate().skip(first + 1);
        let others =
            writes.filter(move |(_, event)| event.access.written().is_some_and(|written| written != object));
        others.map(move |(last, _)| &events[first..=last])
    })
}

impl Session {
    /// Notes an access or a fence, if the survey collects. An `Arc`'s counts decide nothing that a cycle could change.
    #[inline]
    pub(super) fn note_ordered(&self, access: Access, site: Site, orders: Orders) {
        if self.surveys {
            self.survey(access, site, orders);
        }
    }

    #[cold]
    fn survey(&self, access: Access, site: Site, orders: Orders) {
        if is_own_source(site.file()) && site.file().ends_with("rt/sync/arc.rs") {
            return;
        }
        if self.edits.is_edited(site) {
            self.counters.survey.meet_edit();
        }
        let mut state = self.state.borrow_mut();
        let moment = state.threads.note_moment();
        let clock = state.threads.clock().clone();
        state.ordered.0.entry(moment.thread).or_default().push(Event { access, orders, site, moment, clock });
    }

    /// Returns the ordering without what is under trial: mutations, if there are any, and else edits.
    pub(super) fn untried(&self, source: Ordering, edited: Ordering) -> Ordering {
        if self.has_mutations() { edited } else { source }
    }

    /// Looks at the execution that ends for a cycle that its changes expose.
    pub(super) fn survey_load_buffering(&self) {
        if !self.surveys {
            return;
        }
        let events = core::mem::take(&mut self.state.borrow_mut().ordered);
        let has_changed = |event: &Event| event.orders.was != event.orders.now;
        if self.counters.survey.exposed().is_none()
            && events.0.values().flatten().any(has_changed)
            && let Some(site) = events.exposed()
        {
            self.counters.survey.expose(site);
        }
    }
}
