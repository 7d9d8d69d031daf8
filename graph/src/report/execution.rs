//! An execution graph as plain data, detached from any exploration, from which the reports are made.

use core::fmt;
use core::ops::Range;
use core::sync::atomic::Ordering;
use std::collections::BTreeMap;

/// One execution: its threads' events, and the relations between them.
#[derive(Clone, Debug, Default)]
pub struct Execution {
    /// What broke, in words; empty if nothing did.
    pub headline: String,
    /// The threads; number 0 is the model's body.
    pub threads: Vec<Thread>,
    /// The locations that events name by number.
    pub locations: Vec<Location>,
    /// The names of cells that events name by number; a cell without one is `c3`.
    pub cells: BTreeMap<u32, String>,
    /// The names of objects; an object without one is `mutex#3`.
    pub objects: BTreeMap<(&'static str, u32), String>,
    /// The names of values that are better shown by a name, such as pointers.
    pub values: BTreeMap<u128, String>,
    /// Events to highlight: the two accesses that race, or a read of an old value and the write that it missed.
    pub culprits: Vec<EventId>,
    /// What a report says besides the headline, a line each.
    pub notes: Vec<String>,
}

/// One thread's events, in program order.
#[derive(Clone, Debug, Default)]
pub struct Thread {
    /// The thread's name, if it has one.
    pub name: Option<String>,
    /// Its events.
    pub events: Vec<Event>,
    /// What it waits for at its end, if it did not come to one: `park`, `join of T2`.
    pub waits_for: Option<String>,
}

/// A location.
#[derive(Clone, Debug)]
pub struct Location {
    /// The machine's number of it.
    pub number: u32,
    /// Its name in reports: `#3`, or what the model calls it.
    pub name: String,
    /// How its values are written.
    pub values: Values,
    /// The value it was made with.
    pub initial: u128,
    /// Its writes in modification order, the oldest first; the value it was made with comes before
    /// them and is not listed.
    pub writes: Vec<EventId>,
}

/// How the values of a location are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Values {
    /// As unsigned numbers.
    #[default]
    Unsigned,
    /// As signed numbers of so many bits.
    Signed(u32),
    /// As `true` and `false`.
    Bool,
    /// As pointers: 0 is `null`.
    Pointer,
}

/// A line of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The file's name.
    pub file: String,
    /// The line's number, from 1.
    pub line: u32,
    /// The column, in characters from 1.
    pub column: u32,
    /// The line itself without the white space around it, if the source could be read.
    pub text: Option<String>,
    /// The part of `text` that is meant, in characters.
    pub mark: Range<usize>,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

/// An event by its place: thread, and position in program order from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId {
    /// The thread's number.
    pub thread: usize,
    /// The position in the thread.
    pub index: usize,
}

/// Where a read takes its value from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The value the location was made with.
    Initial,
    /// A write.
    Write(EventId),
}

/// One event.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it is: `load`, `store`, `fetch_add`, `compare_exchange`, `fence`, `spawn`, `join`, `choose` …
    pub operation: &'static str,
    /// The location accessed, an index into [`Execution::locations`].
    pub location: Option<usize>,
    /// The object on which the event is a step, by its kind and its number among those of its kind.
    pub object: Option<(&'static str, u32)>,
    /// The number of the cell accessed.
    pub cell: Option<u32>,
    /// The ordering in force; `None` for plain accesses and events without one.
    pub order: Option<Ordering>,
    /// The value read.
    pub read: Option<u128>,
    /// The value written.
    pub written: Option<u128>,
    /// For reads (read-modify-writes too): where the value comes from.
    pub reads_from: Option<Source>,
    /// For `spawn` and `join`: the other thread; for `choose`: the choice.
    pub argument: Option<usize>,
    /// The source line, if known.
    pub site: Option<Line>,
    /// For each thread how many of its first events happen before this one, itself included.
    pub happens_before: Vec<usize>,
    /// Whether the read waits for another value than it found.
    pub waits: bool,
}

impl Execution {
    /// Returns the event at `id`.
    ///
    /// # Panics
    /// If there is none.
    pub fn event(&self, id: EventId) -> &Event {
        &self.threads[id.thread].events[id.index]
    }

    /// Returns whether `a` happens before `b` (and is not `b`).
    pub fn happens_before(&self, a: EventId, b: EventId) -> bool {
        a != b && self.event(b).happens_before.get(a.thread).is_some_and(|count| *count > a.index)
    }
}
