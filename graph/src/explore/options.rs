//! The ways in which a new event can be added.

use super::{Exploration, Mode, What};
use crate::consistency::coherence::newest_known;
use crate::event::{Event, EventId, Kind, NONE, SPURIOUS, Value};

/// How a read may be added.
pub(crate) struct Ways<'a> {
    /// Makes the value that a read-modify-write writes of the one it read.
    pub(crate) update: &'a dyn Fn(Value) -> Value,
    /// A source that the thread's wait has read already.
    pub(crate) skip: Option<EventId>,
}

/// What came of adding an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Added {
    /// The event is in the graph.
    Event(EventId),
    /// A read that waits has nothing to read yet.
    NotYet,
    /// There is no consistent way.
    Never,
}

impl Exploration {
    /// Adds a read, and what it writes.
    pub(crate) fn add_read(&mut self, event: Event, ways: &Ways<'_>) -> Added {
        let (location, last) = (event.location, self.graph.last(event.thread));
        let oldest = newest_known(&self.graph, location, last).max(self.graph.before_time(&event));
        let newest = self.graph.location(location).writes.len() as u32;
        let waits = |exploration: &Exploration, position: u32| {
            let source = exploration.graph.write_at(location, position);
            event.read.waits(exploration.graph.value_of(location, source))
        };
        if (oldest..=newest).all(|position| waits(self, position)) {
            return Added::NotYet;
        }
        let first_item = self.items.len();
        let mut sources = Vec::with_capacity((newest - oldest) as usize + 1);
        for position in oldest..=newest {
            let source = self.graph.write_at(location, position);
            // A later write can revisit a read of the newest write only, so a wait that has read an older write
            // never ends.
            if position < newest && (waits(self, position) || Some(source) == ways.skip) {
                continue;
            }
            let value = self.graph.value_of(location, source);
            let writes = event.read.writes(value);
            if writes && event.read.weak {
                sources.push(Event { source, argument: SPURIOUS, read: event.read.failing(), ..event });
            }
            if writes && self.graph.is_taken(location, position) {
                self.offer(Event { source, ..event }, ways.update);
            } else {
                sources.push(Event { source, ..event });
            }
        }
        self.take_source(ways.update, sources, first_item)
    }

    /// Adds the newest read that is consistent, and leaves the others for later.
    fn take_source(
        &mut self,
        update: &dyn Fn(Value) -> Value,
        mut reads: Vec<Event>,
        first_item: usize,
    ) -> Added {
        let length = self.graph.len();
        if let Mode::Guided(guide) = &mut self.mode {
            reads = guide.read(&self.graph, &reads).into_iter().collect();
        }
        while let Some(event) = reads.pop() {
            let event = self.with_value(event);
            let id = self.graph.add(event);
            if !self.is_consistent(id) {
                self.graph.cut(length);
                continue;
            }
            for older in core::mem::take(&mut reads) {
                let event = self.with_value(older);
                self.later(What::Add { length, event, position: 0, read: NONE });
            }
            self.had_one_way = self.items.len() == first_item;
            if event.read.writes(event.value) && self.add_update(id, update(event.value)) == Added::Never {
                self.graph.cut(length);
                return Added::Never;
            }
            self.share_weight(first_item);
            return Added::Event(id);
        }
        Added::Never
    }

    fn with_value(&self, event: Event) -> Event {
        let value = self.graph.value_of(event.location, event.source);
        Event { value, order: event.read.order(value), ..event }
    }

    /// Queues the revisits of a read-modify-write whose source another one has taken. With both the graph is
    /// inconsistent, but the write of this one can revisit the other's read, as if it had come first.
    fn offer(&mut self, event: Event, update: &dyn Fn(Value) -> Value) {
        if matches!(self.mode, Mode::Guided(_)) {
            return;
        }
        let length = self.graph.len();
        let event = self.with_value(event);
        let read = self.graph.add(event);
        if self.is_consistent(read) {
            let write = self.graph.add(write_half(&event, update(event.value)));
            self.revisit_reads(write);
        }
        self.graph.cut(length);
    }

    /// Adds the write half of the read-modify-write whose read half is `read`, the last event.
    pub(crate) fn add_update(&mut self, read: EventId, value: Value) -> Added {
        let event = *self.graph.event(read);
        let write = self.graph.add(write_half(&event, value));
        self.revisit_reads(write);
        let position = self.graph.position_of(event.source);
        if self.graph.is_taken(event.location, position) {
            return Added::Never;
        }
        self.graph.place(write, position + 1);
        if self.is_consistent(write) { Added::Event(write) } else { Added::Never }
    }

    /// Adds a write.
    pub(crate) fn add_write(&mut self, event: Event) -> Added {
        let (location, last) = (event.location, self.graph.last(event.thread));
        let known = newest_known(&self.graph, location, last).max(self.graph.before_time(&event));
        let first_item = self.items.len();
        let length = self.graph.len();
        let id = self.graph.add(event);
        self.revisit_reads(id);
        let mut places = places(&self.graph, id, known);
        if let Mode::Guided(guide) = &mut self.mode {
            places = guide.place(&places).into_iter().collect();
        }
        while let Some(position) = places.pop() {
            self.graph.place(id, position);
            if !self.is_consistent(id) {
                self.graph.displace(id);
                continue;
            }
            for position in places {
                self.later(What::Add { length, event, position, read: NONE });
            }
            self.share_weight(first_item);
            return Added::Event(id);
        }
        Added::Never
    }

    /// Adds an event that branches over the numbers below `ways`.
    pub(crate) fn add_choice(&mut self, event: Event, ways: u32) -> Added {
        let first_item = self.items.len();
        let length = self.graph.len();
        let argument = match &mut self.mode {
            Mode::Guided(guide) => guide.choice(ways),
            _ => 0,
        };
        let id = self.graph.add(Event { argument, ..event });
        if !matches!(self.mode, Mode::Guided(_)) {
            for argument in (1..ways).rev() {
                let event = Event { argument, ..event };
                self.later(What::Add { length, event, position: 0, read: NONE });
            }
        }
        self.share_weight(first_item);
        Added::Event(id)
    }

    /// Adds an event that there is only one way to add.
    pub(crate) fn add_only(&mut self, event: Event) -> Added {
        let id = self.graph.add(event);
        if self.is_consistent(id) { Added::Event(id) } else { Added::Never }
    }
}

/// Returns the write half that follows a read half.
pub(super) fn write_half(read: &Event, value: Value) -> Event {
    Event { kind: Kind::RmwWrite, order: read.read.success, source: NONE, value, ..*read }
}

/// Returns the places in modification order, after `known`, at which a write may stand.
pub(super) fn places(graph: &crate::graph::Graph, write: EventId, known: u32) -> Vec<u32> {
    let location = graph.event(write).location;
    let end = graph.location(location).writes.len() as u32;
    (known + 1..=end + 1).filter(|position| !graph.is_taken(location, position - 1)).collect()
}
