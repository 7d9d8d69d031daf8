//! Reports of one execution: as text, as a Graphviz graph, as a page.
//!
//! ```
//! use selvedge_graph::report::{Event, EventId, Execution, Thread, Location, Source, Values, text};
//! use std::sync::atomic::Ordering::Relaxed;
//!
//! let event = |operation, read: Option<u128>, written| Event {
//!     operation,
//!     location: Some(0),
//!     object: None,
//!     cell: None,
//!     order: Some(Relaxed),
//!     read,
//!     written,
//!     reads_from: read.map(|_| Source::Write(EventId { thread: 0, index: 0 })),
//!     argument: None,
//!     site: None,
//!     happens_before: Vec::new(),
//!     waits: false,
//! };
//! let thread = |event| Thread { events: vec![event], ..Thread::default() };
//! let execution = Execution {
//!     headline: "an example".to_string(),
//!     threads: vec![thread(event("store", None, Some(1))), thread(event("load", Some(1), None))],
//!     locations: vec![Location {
//!         number: 0,
//!         name: "x".to_string(),
//!         values: Values::Unsigned,
//!         initial: 0,
//!         writes: vec![EventId { thread: 0, index: 0 }],
//!     }],
//!     ..Execution::default()
//! };
//! assert!(text(&execution).contains("load x.Relaxed = 1  ← T0.0"));
//! ```

mod dot;
mod execution;
mod explain;
mod html;
mod text;

pub use dot::dot;
pub use execution::{Event, EventId, Execution, Line, Location, Source, Thread, Values};
pub use html::html;
pub use text::text;

impl Execution {
    /// Describes an event: `load x.Acquire = 1`.
    fn describe(&self, event: &Event) -> String {
        let mut text = event.operation.to_string();
        if let Some(object) = event.object {
            text.push_str(&format!(" on {}", self.object(object)));
        } else if let Some(location) = event.location.and_then(|at| self.locations.get(at)) {
            text.push_str(&format!(" {}", location.name));
        }
        if let Some(cell) = event.cell {
            let name = self.cells.get(&cell).cloned().unwrap_or_else(|| format!("c{cell}"));
            text.push_str(&format!(" {name}"));
        }
        if let Some(order) = event.order {
            text.push_str(&format!(".{order:?}"));
        }
        let value = |value| self.value(event.location, value);
        match (event.read.map(value), event.written.map(value)) {
            (Some(read), Some(written)) => text.push_str(&format!(" {read} → {written}")),
            (Some(read), None) => text.push_str(&format!(" = {read}")),
            (None, Some(written)) => text.push_str(&format!(" := {written}")),
            (None, None) => (),
        }
        if let Some(argument) = event.argument {
            let thread = matches!(event.operation, "spawn" | "join");
            text.push_str(&if thread { format!(" T{argument}") } else { format!(" {argument}") });
        }
        text
    }

    fn object(&self, object: (&'static str, u32)) -> String {
        self.objects.get(&object).cloned().unwrap_or_else(|| format!("{}#{}", object.0, object.1))
    }

    /// Returns a value as it is written.
    fn value(&self, location: Option<usize>, value: u128) -> String {
        if let Some(name) = self.values.get(&value) {
            return name.clone();
        }
        match location.and_then(|at| self.locations.get(at)).map(|location| location.values) {
            Some(Values::Bool) if value <= 1 => (value == 1).to_string(),
            Some(Values::Pointer) if value == 0 => "null".to_string(),
            Some(Values::Signed(bits @ 1..=127)) if value >> (bits - 1) == 1 => {
                (value as i128 - (1 << bits)).to_string()
            }
            _ => value.to_string(),
        }
    }

    /// Returns a thread's title: `T1 (reader)`.
    fn title(&self, thread: usize) -> String {
        match &self.threads[thread].name {
            Some(name) => format!("T{thread} ({name})"),
            None => format!("T{thread}"),
        }
    }

    /// Returns all events, by thread and program order.
    fn ids(&self) -> impl Iterator<Item = EventId> + '_ {
        let threads = self.threads.iter().enumerate();
        let ids = |(number, thread): (usize, &Thread)| {
            let events = thread.events.len();
            (0..events).map(move |index| EventId { thread: number, index })
        };
        threads.flat_map(ids)
    }

    /// Returns a location's modification order with its values.
    fn modification_order(&self, location: &Location) -> String {
        let at = self.locations.iter().position(|other| core::ptr::eq(other, location));
        let is_object = location.writes.first().is_some_and(|write| self.event(*write).written.is_none());
        let mut text = if is_object { "initial".to_string() } else { self.value(at, location.initial) };
        for write in &location.writes {
            let event = self.event(*write);
            let value = event.written.map_or(event.operation.to_string(), |value| self.value(at, value));
            text.push_str(&format!(" → {value} ({write})"));
        }
        text
    }

    /// Returns the happens-before edges between threads that no other edges imply.
    fn edges_between_threads(&self) -> Vec<(EventId, EventId)> {
        let mut edges = Vec::new();
        for to in self.ids() {
            let known = |thread: usize, event: &Event| event.happens_before.get(thread).copied().unwrap_or(0);
            for thread in (0..self.threads.len()).filter(|thread| *thread != to.thread) {
                let count = known(thread, self.event(to)).min(self.threads[thread].events.len());
                let before = match to.index {
                    0 => 0,
                    index => known(thread, &self.threads[to.thread].events[index - 1]),
                };
                if count > before {
                    edges.push((EventId { thread, index: count - 1 }, to));
                }
            }
        }
        edges
    }
}

impl core::fmt::Display for EventId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "T{}.{}", self.thread, self.index)
    }
}

#[cfg(test)]
pub(crate) mod example {
    use super::{Event, EventId, Execution, Line, Location, Source, Thread, Values};
    use core::sync::atomic::Ordering::{self, Acquire, Relaxed};

    fn event(operation: &'static str, order: Ordering, happens_before: &[usize]) -> Event {
        Event {
            operation,
            location: Some(0),
            object: None,
            cell: None,
            order: Some(order),
            read: None,
            written: None,
            reads_from: None,
            argument: None,
            site: Some(Line {
                file: "src/a \"b\" <c>.rs".to_string(),
                line: 7,
                column: 5,
                text: Some(format!("<x>.{operation}(&y)")),
                mark: 4..4 + operation.chars().count(),
            }),
            happens_before: happens_before.to_vec(),
            waits: false,
        }
    }

    /// Returns message passing whose store lacks its Release, so that the accesses to the cell race.
    pub(crate) fn race() -> Execution {
        let plain = |operation, clock: &[usize]| Event {
            location: None,
            object: None,
            cell: Some(2),
            order: None,
            ..event(operation, Relaxed, clock)
        };
        let store = EventId { thread: 0, index: 1 };
        Execution {
            headline: "data race: <one> & another".to_string(),
            threads: vec![
                Thread {
                    name: Some("writer".to_string()),
                    events: vec![
                        plain("cell write", &[1, 0]),
                        Event { written: Some(1), ..event("store", Relaxed, &[2, 0]) },
                    ],
                    waits_for: None,
                },
                Thread {
                    name: None,
                    events: vec![
                        Event {
                            read: Some(1),
                            reads_from: Some(Source::Write(store)),
                            ..event("load", Acquire, &[0, 1])
                        },
                        plain("cell read", &[0, 2]),
                    ],
                    waits_for: Some("park".to_string()),
                },
            ],
            locations: vec![Location {
                number: 3,
                name: "flag".to_string(),
                values: Values::Bool,
                initial: 0,
                writes: vec![store],
            }],
            cells: [(2, "data".to_string())].into(),
            culprits: vec![EventId { thread: 1, index: 1 }, EventId { thread: 0, index: 0 }],
            ..Execution::default()
        }
    }
}
