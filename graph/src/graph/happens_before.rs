//! Happens-before: `hb = (po ∪ sw ∪ spawn ∪ join)+`, with
//! `sw = [rel]; ([F]; po)?; rs; rf; (po; [F])?; [acq]`.
//!
//! C++20's release sequences are `rs = [W]; (rf; rmw)*`. Those of RC11 as published have later stores of the same
//! thread too: `rs = [W]; (po=loc; [W])?; (rf; rmw)*`. Under `ra` every atomic access is at least Acquire or Release.
//! Under these two models an event has second rows of clocks, for C++20's happens-before, by which races are judged.
//!
//! Every model makes `po ∪ rf` acyclic, so an event's clock is final when the event is added.

use super::clocks::{Clocks, Rows};
use super::thread::{Thread, before};
use crate::event::{Event, EventId, Kind, NONE};
use crate::{Model, Order};

/// The parts of a graph from which an event's clock follows.
pub(super) struct Computation<'a> {
    pub(super) model: Model,
    pub(super) clocks: &'a mut Clocks,
    pub(super) events: &'a [Event],
    pub(super) threads: &'a [Thread],
}

/// What distinguishes one happens-before from another.
#[derive(Clone, Copy)]
struct Rules {
    rows: Rows,
    /// Every atomic access acquires, or releases.
    ordered: bool,
    /// A store continues the release sequences of its thread's earlier stores to the location.
    same_thread: bool,
}

impl Rules {
    fn acquires(self, event: &Event) -> bool {
        event.order.acquires() || (self.ordered && event.order != Order::Plain)
    }

    fn releases(self, event: &Event) -> bool {
        event.order.releases() || (self.ordered && event.order != Order::Plain)
    }
}

impl Computation<'_> {
    /// Computes the clocks of an event from those of the events that it follows.
    pub(super) fn run(&mut self, id: EventId) {
        let event = *self.event(id);
        let before = Some(before(self.threads, &event)).filter(|before| *before != NONE);
        self.clocks.inherit(id, before);
        self.clocks.count(id, event.thread, event.index + 1);
        if (matches!(event.kind, Kind::Read | Kind::Wait | Kind::Observe) && event.source != NONE)
            || event.kind == Kind::Join
        {
            self.clocks.follow(id, event.source);
        }
        let (ordered, same_thread) = (self.model == Model::Ra, self.model == Model::Rc11);
        self.with_rules(id, &event, Rules { rows: Rows::MODEL, ordered, same_thread });
        if self.model.has_own_happens_before() {
            self.with_rules(id, &event, Rules { rows: Rows::RACES, ordered: false, same_thread: false });
        }
    }

    #[inline]
    fn with_rules(&mut self, id: EventId, event: &Event, rules: Rules) {
        match event.kind {
            // The steps that happen before a step are named by it.
            _ if event.is_step() => (),
            Kind::Read => self.read(id, event, rules),
            Kind::Write | Kind::RmwWrite => self.write(id, event, rules),
            Kind::Fence if event.order.acquires() => self.acquire_fence(id, event, rules),
            Kind::Join => self.join(id, event, rules),
            _ => (),
        }
    }

    fn event(&self, id: EventId) -> &Event {
        &self.events[id as usize]
    }

    #[inline]
    fn read(&mut self, id: EventId, event: &Event, rules: Rules) {
        if event.source != NONE && rules.acquires(event) {
            self.clocks.acquire(rules.rows, id, event.source);
        }
    }

    #[inline]
    fn write(&mut self, id: EventId, event: &Event, rules: Rules) {
        if rules.releases(event) {
            self.clocks.publish(rules.rows, id, id);
        } else if event.release_fence != NONE {
            self.clocks.publish(rules.rows, id, event.release_fence);
        }
        if rules.same_thread
            && let Some(earlier) = self.earlier_release(event)
        {
            self.clocks.publish(rules.rows, id, earlier);
        }
        if event.kind == Kind::RmwWrite {
            let source = self.event(before(self.threads, event)).source;
            if source != NONE {
                self.clocks.pass_on(rules.rows, id, source);
            }
        }
    }

    /// Returns the last release store of the thread to the location before `event`.
    fn earlier_release(&self, event: &Event) -> Option<EventId> {
        let earlier = &self.threads[event.thread as usize].events[..event.index as usize];
        let releases = |id: &&EventId| {
            let other = self.event(**id);
            other.is_write() && other.location == event.location && other.order.releases()
        };
        earlier.iter().rev().find(releases).copied()
    }

    /// Lets an acquire fence acquire from all that its thread has read since the acquire fence before it.
    fn acquire_fence(&mut self, id: EventId, event: &Event, rules: Rules) {
        for at in (0..event.index as usize).rev() {
            let earlier = self.threads[event.thread as usize].events[at];
            let Event { kind, order, source, .. } = *self.event(earlier);
            match kind {
                Kind::Read if source != NONE && !self.event(earlier).is_step() => {
                    self.clocks.acquire(rules.rows, id, source);
                }
                Kind::Fence if order.acquires() => return,
                _ => (),
            }
        }
    }

    fn join(&mut self, id: EventId, event: &Event, rules: Rules) {
        self.clocks.order(rules.rows, id, event.source);
        // One more than it has events: also what the thread did after its last one happens before the join.
        let events = self.threads[event.argument as usize].events.len() as u32;
        self.clocks.count(id, event.argument, events + 1);
    }
}
