//! Edits: operations that run as if their source had been changed, without compiling it again.
//!
//! A mutation weakens what stands in the source. An edit is the source: mutations and surveys see the edited ordering.

use super::{Operation, Site};
use core::sync::atomic::Ordering;

/// What an edit does at its operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Editing {
    /// Writes this ordering (for a compare-exchange: on success) in place of the source's.
    Order(Ordering),
    /// Writes this ordering of a compare-exchange on failure; of a `fetch_update`, of its load too.
    FailureOrder(Ordering),
    /// Adds a fence before the operation.
    FenceBefore(Ordering),
    /// Adds a fence after the operation.
    FenceAfter(Ordering),
    /// Takes the fence away.
    DropFence,
}

/// An edit of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The source file, as sites name it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The operation there.
    pub operation: Operation,
    /// What is edited.
    pub editing: Editing,
}

/// Where a fence is added.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Before,
    After,
}

/// The edits of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits(pub Vec<Edit>);

impl Edits {
    /// Returns whether an operation at a site is edited.
    pub fn is_edited(&self, site: Site) -> bool {
        self.0.iter().any(|edit| edit.is_at(site))
    }

    /// Returns what is edited of the operation at a site.
    fn at(&self, site: Site, operation: Operation) -> impl Iterator<Item = Editing> {
        self.0.iter().filter_map(move |edit| edit.of(site, operation))
    }

    /// Returns the ordering of an operation after the edits.
    pub(crate) fn order(&self, site: Site, operation: Operation, order: Ordering) -> Ordering {
        self.at(site, operation).fold(order, |order, editing| match editing {
            Editing::Order(edited) => edited,
            Editing::FailureOrder(edited) if operation == Operation::Load => edited,
            _ => order,
        })
    }

    /// Returns the ordering of a failed compare-exchange after the edits.
    pub(crate) fn failure_order(&self, site: Site, order: Ordering) -> Ordering {
        self.at(site, Operation::CompareExchange).fold(order, |order, editing| match editing {
            Editing::FailureOrder(edited) => edited,
            _ => order,
        })
    }

    /// Returns the fence that the edits add beside an operation.
    pub(crate) fn fence(&self, site: Site, operation: Operation, side: Side) -> Option<Ordering> {
        self.at(site, operation).find_map(|editing| match (editing, side) {
            (Editing::FenceBefore(order), Side::Before) | (Editing::FenceAfter(order), Side::After) => {
                Some(order)
            }
            _ => None,
        })
    }

    /// Returns whether the edits take the fence at a site away.
    pub(crate) fn drop_fence(&self, site: Site) -> bool {
        self.at(site, Operation::Fence).any(|editing| editing == Editing::DropFence)
    }
}

impl Edit {
    fn is_at(&self, site: Site) -> bool {
        site.line() == self.line && site.column() == self.column && site.file() == self.file
    }

    /// Returns what this edit does to an operation at a site. The load of a `fetch_update` stands at the site of its
    /// compare-exchange, and has the ordering of a failed one.
    fn of(&self, site: Site, operation: Operation) -> Option<Editing> {
        let of_the_load = operation == Operation::Load
            && self.operation == Operation::CompareExchange
            && matches!(self.editing, Editing::FailureOrder(_));
        (self.is_at(site) && (self.operation == operation || of_the_load)).then_some(self.editing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Ordering::{Acquire, Relaxed, Release, SeqCst};

    #[test]
    fn an_edit_is_of_one_operation_at_one_site() {
        let site = core::panic::Location::caller();
        let (file, line, column) = (site.file().to_string(), site.line(), site.column());
        let edit = |operation, editing| Edit { file: file.clone(), line, column, operation, editing };
        let edits = Edits(vec![
            edit(Operation::Store, Editing::Order(Release)),
            edit(Operation::Store, Editing::FenceBefore(SeqCst)),
            edit(Operation::CompareExchange, Editing::FailureOrder(Acquire)),
            edit(Operation::Fence, Editing::DropFence),
        ]);
        assert_eq!(edits.order(site, Operation::Store, Relaxed), Release);
        assert_eq!(edits.order(site, Operation::Rmw, Relaxed), Relaxed);
        assert_eq!(edits.order(site, Operation::Load, Relaxed), Acquire);
        assert_eq!(edits.order(site, Operation::CompareExchange, Relaxed), Relaxed);
        assert_eq!(edits.failure_order(site, Relaxed), Acquire);
        assert_eq!(edits.fence(site, Operation::Store, Side::Before), Some(SeqCst));
        assert_eq!(edits.fence(site, Operation::Store, Side::After), None);
        assert!(edits.drop_fence(site));
        let elsewhere = core::panic::Location::caller();
        assert_eq!(edits.order(elsewhere, Operation::Store, Relaxed), Relaxed);
        assert!(!edits.drop_fence(elsewhere));
    }
}
