//! The part of a graph that a backward revisit keeps.

use super::{Graph, Location};
use crate::event::{EventId, Kind, NONE};

impl Graph {
    /// Makes `part` the graph of the events for which `keep` holds, in their order, and `map` the numbers that they have
    /// there. What is kept must have all of its program-order predecessors and sources kept too, but for the read about
    /// to be revisited.
    ///
    /// `part` may be any graph: its vectors are used again.
    pub(crate) fn restrict(&self, keep: impl Fn(EventId) -> bool, part: &mut Graph, map: &mut Vec<EventId>) {
        part.model = self.model;
        part.nested = self.nested;
        part.discrete = self.discrete;
        part.copy_events(self, keep, map);
        let new = |id: EventId| if id == NONE { NONE } else { map[id as usize] };
        for event in &mut part.events {
            event.source = new(event.source);
            event.release_fence = new(event.release_fence);
        }
        let kept = |ids: &[EventId], part: &mut Vec<EventId>| {
            part.clear();
            // The run of the part may add one. Most locations have no events, and never will.
            if !ids.is_empty() {
                part.reserve(ids.len() + 1);
            }
            part.extend(ids.iter().map(|id| map[*id as usize]).filter(|id| *id != NONE));
        };
        part.threads.resize_with(self.threads.len(), Default::default);
        for (thread, from) in part.threads.iter_mut().zip(&self.threads) {
            kept(&from.events, &mut thread.events);
            thread.yields.clone_from(&from.yields);
            thread.forget_last_yields();
            thread.spawn = new(from.spawn);
            thread.children.clone_from(&from.children);
            thread.made.clone_from(&from.made);
            thread.path.clone_from(&from.path);
            thread.like = from.like;
        }
        let locations = |from: &[Location], part: &mut Vec<Location>| {
            part.resize_with(from.len(), Default::default);
            for (location, from) in part.iter_mut().zip(from) {
                kept(&from.writes, &mut location.writes);
                kept(&from.reads, &mut location.reads);
                location.initial = from.initial;
                location.plain = 0;
                location.is_object = from.is_object;
            }
        };
        locations(&self.locations, &mut part.locations);
        locations(&self.statics, &mut part.statics);
        kept(&self.seq_cst, &mut part.seq_cst);
        kept(&self.fences, &mut part.fences);
        kept(&self.watches, &mut part.watches);
        part.recount();
    }

    fn copy_events(&mut self, from: &Graph, keep: impl Fn(EventId) -> bool, map: &mut Vec<EventId>) {
        map.clear();
        map.resize(from.events.len(), NONE);
        // The run of this graph adds events.
        let events = from.events.len() + 8;
        self.events.clear();
        self.events.reserve(events);
        self.clocks.clear_as(&from.clocks, events);
        for id in (0..from.len()).filter(|id| keep(*id)) {
            map[id as usize] = self.events.len() as EventId;
            self.events.push(*from.event(id));
            self.clocks.copy_from(&from.clocks, id);
        }
    }

    /// Sets what restriction changes of what is kept with events and locations.
    fn recount(&mut self) {
        let Graph { events, locations, statics, .. } = self;
        for location in locations.iter().chain(&*statics) {
            for (at, write) in location.writes.iter().enumerate() {
                events[*write as usize].position = at as u32 + 1;
            }
        }
        for id in 0..self.len() {
            let event = *self.event(id);
            let is_access = matches!(event.kind, Kind::Read | Kind::Write | Kind::RmwWrite);
            if is_access && event.order == crate::Order::Plain {
                self.location_mut(event.location).plain += 1;
            }
        }
    }
}
