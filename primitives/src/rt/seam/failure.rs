//! What an engine reports when an execution breaks.

use super::{Made, Site, Step};
use core::fmt;

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// An assertion failed or a thread panicked.
    Panic,
    /// No thread can run, and the body has not returned.
    Deadlock,
    /// Two unordered accesses to a cell, one of them a write.
    Race,
    /// The body returned, and a thread waits for ever or an allocation was not freed.
    Leak,
    /// Memory was freed twice.
    DoubleFree,
    /// Memory was freed with another layout than it was allocated with, or from its middle.
    WrongLayout,
    /// Memory was used after it had been freed.
    UseAfterFree,
    /// Threads keep running and nothing changes any more.
    Livelock,
    /// A thread waits for one that has stopped between two of its steps.
    Dependence,
    /// A thread has overflowed its stack.
    StackOverflow,
    /// A bound on the operations of one execution was hit while things still changed.
    BoundExceeded,
    /// The run cannot be judged: it breaks a rule of the engine, as the message says.
    Refused,
}

impl FailureKind {
    /// All kinds of failure.
    pub const ALL: [FailureKind; 12] = [
        FailureKind::Panic,
        FailureKind::Deadlock,
        FailureKind::Race,
        FailureKind::Leak,
        FailureKind::DoubleFree,
        FailureKind::WrongLayout,
        FailureKind::UseAfterFree,
        FailureKind::Livelock,
        FailureKind::Dependence,
        FailureKind::StackOverflow,
        FailureKind::BoundExceeded,
        FailureKind::Refused,
    ];

    /// Returns the name used in reports, tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Panic => "panic",
            FailureKind::Deadlock => "deadlock",
            FailureKind::Race => "race",
            FailureKind::Leak => "leak",
            FailureKind::DoubleFree => "double free",
            FailureKind::WrongLayout => "wrong layout",
            FailureKind::UseAfterFree => "use after free",
            FailureKind::Livelock => "livelock",
            FailureKind::Dependence => "dependence",
            FailureKind::StackOverflow => "stack overflow",
            FailureKind::BoundExceeded => "bound exceeded",
            FailureKind::Refused => "refused",
        }
    }
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A thread that waits, and where.
#[derive(Clone, Debug)]
pub struct Blocked {
    /// The thread's number; 0 is the model's body.
    pub thread: usize,
    /// The thread's name, if it has one.
    pub name: Option<String>,
    /// What it waits for: `park`, or `join of T2`.
    pub waits_for: String,
    /// The line that waits.
    pub site: Site,
    /// The line that called the operation which waits there, if that is known.
    pub called_at: Option<Site>,
    /// Which thread has the lock for which this one waits, and where it was locked, in words; if that is known.
    pub holder: Option<String>,
}

/// A failed execution.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// What broke, in words.
    pub message: String,
    /// The thread in which it showed.
    pub thread: usize,
    /// The sites involved, the one that showed it first; for a race both accesses.
    pub sites: Vec<Site>,
    /// The threads that wait, for deadlocks and leaks.
    pub blocked: Vec<Blocked>,
    /// The threads' names, by their numbers.
    pub names: Vec<Option<String>>,
    /// The number of the failing execution, from 1.
    pub execution: u64,
    /// The interleaving, if it was recorded.
    pub steps: Vec<Step>,
    /// The objects, if the execution was recorded.
    pub objects: Vec<Made>,
}
