//! Happens-before: `hb = (po ∪ sw ∪ spawn ∪ join)+`, with
//! `sw = [rel]; ([F]; po)?; rs; rf; (po; [F])?; [acq]` and `rs = [W]; (rf; rmw)*`.
//!
//! RC11 makes `po ∪ rf` acyclic, so an event's clock is final when the event is added.

use super::clocks::Clocks;
use super::thread::{Thread, before};
use crate::event::{Event, EventId, Kind, NONE};

/// The parts of a graph from which an event's clock follows.
pub(super) struct Computation<'a> {
    pub(super) clocks: &'a mut Clocks,
    pub(super) events: &'a [Event],
    pub(super) threads: &'a [Thread],
}

impl Computation<'_> {
    /// Computes the clocks of an event from those of the events that it follows.
    pub(super) fn run(&mut self, id: EventId) {
        let event = *self.event(id);
        let before = Some(before(self.threads, &event)).filter(|before| *before != NONE);
        self.clocks.inherit(id, before);
        self.clocks.count(id, event.thread, event.index + 1);
        match event.kind {
            Kind::Read => self.read(id, &event),
            Kind::Write | Kind::RmwWrite => self.write(id, &event),
            Kind::Fence if event.order.acquires() => self.acquire_fence(id, &event),
            Kind::Join => self.join(id, &event),
            _ => (),
        }
    }

    fn event(&self, id: EventId) -> &Event {
        &self.events[id as usize]
    }

    fn read(&mut self, id: EventId, event: &Event) {
        if event.source == NONE {
            return;
        }
        self.clocks.follow(id, event.source);
        if event.order.acquires() {
            self.clocks.acquire(id, event.source);
        }
    }

    fn write(&mut self, id: EventId, event: &Event) {
        if event.order.releases() {
            self.clocks.publish(id, id);
        } else if event.release_fence != NONE {
            self.clocks.publish(id, event.release_fence);
        }
        if event.kind == Kind::RmwWrite {
            let source = self.event(before(self.threads, event)).source;
            if source != NONE {
                self.clocks.pass_on(id, source);
            }
        }
    }

    /// Lets an acquire fence acquire from all that its thread has read since the acquire fence before it.
    fn acquire_fence(&mut self, id: EventId, event: &Event) {
        for at in (0..event.index as usize).rev() {
            let earlier = self.threads[event.thread as usize].events[at];
            let Event { kind, order, source, .. } = *self.event(earlier);
            match kind {
                Kind::Read if source != NONE => self.clocks.acquire(id, source),
                Kind::Fence if order.acquires() => return,
                _ => (),
            }
        }
    }

    fn join(&mut self, id: EventId, event: &Event) {
        self.clocks.follow(id, event.source);
        self.clocks.order(id, event.source);
        // One more than it has events: also what the thread did after its last one happens before the join.
        let events = self.threads[event.argument as usize].events.len() as u32;
        self.clocks.count(id, event.argument, events + 1);
    }
}
