//! The events of an execution graph.

use crate::Order;
use core::panic::Location;
use serde::{Deserialize, Serialize};

/// A value in memory: up to 128 bits, in the low bits.
pub type Value = u128;

/// A source line.
pub type Site = &'static Location<'static>;

/// An event's number in its graph, which is also its *stamp*: events are numbered in the order in
/// which the exploration added them.
pub(crate) type EventId = u32;

/// A thread's number; 0 is the body.
pub type ThreadId = u32;

/// A location's number.
pub type LocationId = u32;

/// No event. The source of a read that reads the value with which the location was made.
pub(crate) const NONE: EventId = EventId::MAX;

/// The argument of a weak compare-exchange's read that found the wanted value, and failed spuriously.
pub(crate) const SPURIOUS: u32 = 1;

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// The beginning of the body: event 0 of every graph.
    Root,
    /// A read; also the first half of a read-modify-write.
    Read,
    /// A thread waits for its step to be enabled: it is disabled behind `source` (`explore::steps`).
    Wait,
    /// A thread has waited until the state that `source` leaves showed it something that no later step changes.
    Observe,
    /// A write.
    Write,
    /// The second half of a read-modify-write, whose read is the event before it in the thread.
    RmwWrite,
    /// A fence.
    Fence,
    /// A thread is made.
    Spawn,
    /// The end of another thread has been waited for.
    Join,
    /// A non-deterministic choice.
    Choice,
}

/// What an operation does with the value that its read finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reading {
    /// The operation only loads.
    Load,
    /// The operation writes, whatever the read has found.
    Update,
    /// The operation writes if the read has found the wanted value.
    Compare,
    /// The operation waits for the wanted value, and then writes.
    Await,
    /// A step: the operation waits until it is enabled, and then writes.
    Step,
}

/// The read half of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Read {
    pub(crate) reading: Reading,
    /// The value that `Compare` and `Await` look for. For a step, if preemptions are counted, the set of places before its own
    /// at which it is disabled, as bits.
    pub(crate) wanted: Value,
    /// The order if the operation writes (or is a load).
    pub(crate) success: Order,
    /// The order of a comparison that finds another value.
    pub(crate) failure: Order,
    /// Whether the comparison may fail though it finds the wanted value.
    pub(crate) weak: bool,
}

impl Read {
    pub(crate) fn new(reading: Reading, wanted: Value, success: Order, failure: Order) -> Read {
        Read { reading, wanted, success, failure, weak: false }
    }

    /// Returns whether the operation writes after it has read `value`. (A step does if it is enabled, which only the program
    /// can tell.)
    pub(crate) fn writes(&self, value: Value) -> bool {
        match self.reading {
            Reading::Load => false,
            Reading::Update | Reading::Step => true,
            Reading::Compare | Reading::Await => value == self.wanted,
        }
    }

    /// Returns the order of a read that finds `value`.
    pub(crate) fn order(&self, value: Value) -> Order {
        match self.reading {
            Reading::Load | Reading::Update | Reading::Step => self.success,
            Reading::Compare | Reading::Await if value == self.wanted => self.success,
            Reading::Compare | Reading::Await => self.failure,
        }
    }

    /// Returns the read without its write: a comparison that fails, whatever value it finds.
    pub(crate) fn failing(&self) -> Read {
        Read { reading: Reading::Load, success: self.failure, ..*self }
    }

    /// Returns whether a thread that finds `value` waits for another.
    pub(crate) fn waits(&self, value: Value) -> bool {
        self.reading == Reading::Await && value != self.wanted
    }
}

/// An event.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Event {
    pub(crate) kind: Kind,
    pub(crate) order: Order,
    pub(crate) thread: ThreadId,
    /// The position in the thread's program order.
    pub(crate) index: u32,
    /// The location, for reads and writes.
    pub(crate) location: LocationId,
    /// For a read its source; for a join the other thread's last event.
    pub(crate) source: EventId,
    /// For a write its position in the location's modification order, from 1; 0 is the initial value.
    pub(crate) position: u32,
    /// For spawn and join the other thread; for a choice the way taken; for a read [`SPURIOUS`] or 0.
    pub(crate) argument: u32,
    /// The last release fence in the thread up to here.
    pub(crate) release_fence: EventId,
    /// The value read or written. Each replay of the event refreshes the value, since addresses differ
    /// from run to run.
    pub(crate) value: Value,
    pub(crate) read: Read,
    /// The thread's virtual time, in nanoseconds. Where time is discrete, that of all threads when the event was added.
    pub(crate) time: u64,
    #[serde(skip)]
    pub(crate) site: Option<Site>,
}

impl Event {
    pub(crate) fn new(kind: Kind, order: Order) -> Event {
        Event {
            kind,
            order,
            thread: 0,
            index: 0,
            location: 0,
            source: NONE,
            position: 0,
            argument: 0,
            release_fence: NONE,
            value: 0,
            read: Read::new(Reading::Load, 0, order, order),
            time: 0,
            site: None,
        }
    }

    pub(crate) fn is_read(&self) -> bool {
        self.kind == Kind::Read
    }

    pub(crate) fn is_write(&self) -> bool {
        matches!(self.kind, Kind::Write | Kind::RmwWrite)
    }

    /// Returns whether the event is part of a step.
    pub(crate) fn is_step(&self) -> bool {
        self.read.reading == Reading::Step
    }

    /// Returns whether the event is a node of the graph in which sequential consistency is judged.
    pub(crate) fn is_seq_cst(&self) -> bool {
        self.order.is_seq_cst()
            && matches!(self.kind, Kind::Read | Kind::Write | Kind::RmwWrite | Kind::Fence)
    }
}
