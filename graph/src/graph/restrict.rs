//! The part of a graph that a backward revisit keeps.

use super::clocks::Clocks;
use super::thread::Thread;
use super::{Graph, Kept, Location};
use crate::event::{EventId, Kind, NONE};

impl Graph {
    /// Returns a graph of the events for which `keep` holds, in their order. What is kept must have all of its
    /// program-order predecessors and sources kept too, but for the read about to be revisited.
    pub(crate) fn restrict(&self, keep: impl Fn(EventId) -> bool) -> (Graph, Vec<EventId>) {
        let mut map = vec![NONE; self.events.len()];
        // The run of the new graph adds events.
        let mut events = Vec::with_capacity(self.events.len() + 8);
        let mut clocks = Clocks::like(&self.clocks, self.events.len());
        for id in (0..self.len()).filter(|id| keep(*id)) {
            map[id as usize] = events.len() as EventId;
            events.push(*self.event(id));
            clocks.copy_from(&self.clocks, id);
        }
        let new = |id: EventId| if id == NONE { NONE } else { map[id as usize] };
        for event in &mut events {
            event.source = new(event.source);
            event.release_fence = new(event.release_fence);
        }
        let kept = |ids: &[EventId]| {
            let mut kept = Vec::with_capacity(ids.len() + 1);
            kept.extend(ids.iter().map(|id| map[*id as usize]).filter(|id| *id != NONE));
            kept
        };
        let location = |location: &Location| Location {
            writes: kept(&location.writes),
            reads: kept(&location.reads),
            waits: kept(&location.waits),
            initial: location.initial,
            plain: 0,
            is_object: location.is_object,
        };
        let thread = |thread: &Thread| Thread {
            events: kept(&thread.events),
            spawn: new(thread.spawn),
            children: thread.children.clone(),
            made: thread.made.clone(),
            path: thread.path.clone(),
        };
        let mut graph = Graph {
            model: self.model,
            clocks,
            threads: self.threads.iter().map(thread).collect(),
            locations: self.locations.iter().map(location).collect(),
            statics: self.statics.iter().map(location).collect(),
            seq_cst: kept(&self.seq_cst),
            nested: self.nested,
            events,
        };
        graph.recount();
        (graph, map)
    }

    /// Sets what restriction changes of what is kept with events and locations.
    fn recount(&mut self) {
        for id in 0..self.len() {
            let event = *self.event(id);
            if matches!(event.kind, Kind::Read | Kind::Write | Kind::RmwWrite) {
                let plain = event.order == crate::Order::Plain;
                self.location_mut(event.location).plain += u32::from(plain);
            }
        }
        for location in 0..self.locations.len() {
            self.renumber(location as u32, 0, self.locations[location].writes.len());
        }
        for n in 0..self.statics.len() {
            self.renumber(Kept::Static(n).number(), 0, self.statics[n].writes.len());
        }
    }
}
