//! Mutations: weaken one site of a primitive at run time, without touching its source.

use super::{Session, Site};
use core::sync::atomic::Ordering;

/// What to change at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// Use this ordering (for a compare-exchange: on success) instead of the source's, unless that is weaker.
    Order(Ordering),
    /// Use this ordering when a compare-exchange fails.
    FailureOrder(Ordering),
    /// Leave the fence out.
    DropFence,
    /// Leave the store out; of a read-modify-write the write, so that it only reads.
    DropStore,
    /// Leave the wake-up out.
    DropUnpark,
    /// Take the faulty twin of a line of a specification.
    Twin,
}

/// A change at one site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutation {
    /// The end of the source file's path.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, if the line has several operations.
    pub column: Option<u32>,
    /// The change.
    pub change: Change,
}

impl Mutation {
    /// Returns whether `site` is the line that this mutation changes.
    pub fn matches(&self, site: Site) -> bool {
        site.line() == self.line
            && self.column.is_none_or(|column| site.column() == column)
            && site.file().ends_with(&self.file)
    }
}

impl Session {
    /// Returns whether a line of a specification is to go by its faulty twin.
    pub(crate) fn is_twin(&self, site: Site) -> bool {
        self.change_at(site) == Some(Change::Twin)
    }
}

/// Returns whether the ordering `to` is weaker than `from`.
pub(crate) fn weakens(to: Ordering, from: Ordering) -> bool {
    use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
    match from {
        SeqCst => to != SeqCst,
        AcqRel => matches!(to, Acquire | Release | Relaxed),
        Acquire | Release => to == Relaxed,
        _ => false,
    }
}
