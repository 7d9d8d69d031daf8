//! The changes that an audit tries: one legal step at a time.

use super::{Entry, Outcome};
use crate::{Change, Engine, Mutation};
use selvedge::rt::seam::{Operation, Use};
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

/// A change to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The operation.
    pub met: Use,
    /// The change.
    pub mutation: Mutation,
    /// The ordering that the change takes away, if it takes one away.
    from: Option<Ordering>,
}

/// Returns the changes that weaken an operation by one step or leave it out, in the order of the source.
pub fn candidates(uses: &[Use]) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = uses.iter().copied().flat_map(of_use).collect();
    found.sort_by_key(|candidate| {
        let site = candidate.met.site;
        (site.file(), site.line(), site.column(), describe(candidate.mutation.change))
    });
    found.dedup();
    found
}

fn of_use(met: Use) -> Vec<Candidate> {
    let candidate = |change: Change, from: Option<Ordering>| {
        let site = met.site;
        let (file, line, column) = (site.file().to_string(), site.line(), Some(site.column()));
        Candidate { met, mutation: Mutation { file, line, column, change }, from }
    };
    let mut found = Vec::new();
    for to in steps(met.operation, met.order).iter().copied() {
        found.push(candidate(Change::Order(to), met.order));
    }
    for to in steps(Operation::Load, met.failure).iter().copied() {
        found.push(candidate(Change::FailureOrder(to), met.failure));
    }
    match met.operation {
        Operation::Fence => found.push(candidate(Change::DropFence, met.order)),
        Operation::Unpark => found.push(candidate(Change::DropUnpark, None)),
        _ => (),
    }
    found
}

/// Returns the orderings that are one step weaker.
fn steps(operation: Operation, order: Option<Ordering>) -> &'static [Ordering] {
    use Operation::{CompareExchange, Fence, Load, Rmw, Store};
    match (operation, order) {
        (Load, Some(SeqCst)) => &[Acquire],
        (Store, Some(SeqCst)) => &[Release],
        (Rmw | CompareExchange | Fence, Some(SeqCst)) => &[AcqRel],
        (Rmw | CompareExchange | Fence, Some(AcqRel)) => &[Acquire, Release],
        (Load | Store | Rmw | CompareExchange, Some(Acquire | Release)) => &[Relaxed],
        // A relaxed fence has no effect, and leaving a fence out is a change of its own.
        _ => &[],
    }
}

fn describe(change: Change) -> String {
    match change {
        Change::Order(order) => format!("{order:?}"),
        Change::FailureOrder(order) => format!("{order:?} on failure"),
        Change::DropFence | Change::DropUnpark | Change::DropStore => "left out".to_string(),
        other => format!("{other:?}"),
    }
}

pub(super) fn name(operation: Operation) -> &'static str {
    match operation {
        Operation::Load => "load",
        Operation::Store => "store",
        Operation::Rmw => "read-modify-write",
        Operation::CompareExchange => "compare-exchange",
        Operation::Fence => "fence",
        Operation::Unpark => "wake-up",
        _ => "operation",
    }
}

impl Candidate {
    /// Returns whether an engine can judge the change.
    pub fn is_judged_by(&self, engine: Engine) -> bool {
        match self.from {
            Some(SeqCst) => engine.judges_seq_cst(),
            Some(_) => engine.sees_orderings(),
            None => engine != Engine::Native,
        }
    }

    /// Returns the entry for an outcome of the change.
    pub fn entry(&self, outcome: Outcome) -> Entry {
        let Use { site, operation, order, failure } = self.met;
        let ordering = match (order, failure) {
            (Some(order), Some(failure)) => format!("{order:?}, {failure:?}"),
            (Some(order), None) => format!("{order:?}"),
            _ => String::new(),
        };
        Entry {
            file: site.file().to_string(),
            line: site.line(),
            column: site.column(),
            operation: name(operation).to_string(),
            ordering,
            change: describe(self.mutation.change),
            outcome,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(operation: Operation, order: Option<Ordering>, failure: Option<Ordering>) -> Vec<Change> {
        let site = core::panic::Location::caller();
        let found = candidates(&[Use { site, operation, order, failure }]);
        found.into_iter().map(|candidate| candidate.mutation.change).collect()
    }

    #[test]
    fn each_ordering_is_weakened_by_one_legal_step() {
        use Change::{DropFence, DropUnpark, FailureOrder, Order};
        use Operation::{CompareExchange, Fence, Load, Rmw, Store, Unpark};
        assert_eq!(changes(Load, Some(SeqCst), None), [Order(Acquire)]);
        assert_eq!(changes(Load, Some(Acquire), None), [Order(Relaxed)]);
        assert_eq!(changes(Load, Some(Relaxed), None), []);
        assert_eq!(changes(Store, Some(SeqCst), None), [Order(Release)]);
        assert_eq!(changes(Store, Some(Release), None), [Order(Relaxed)]);
        assert_eq!(changes(Rmw, Some(SeqCst), None), [Order(AcqRel)]);
        assert_eq!(changes(Rmw, Some(AcqRel), None), [Order(Acquire), Order(Release)]);
        assert_eq!(
            changes(CompareExchange, Some(Release), Some(Acquire)),
            [Order(Relaxed), FailureOrder(Relaxed)]
        );
        assert_eq!(changes(Fence, Some(SeqCst), None), [Order(AcqRel), DropFence]);
        assert_eq!(changes(Fence, Some(Acquire), None), [DropFence]);
        assert_eq!(changes(Unpark, None, None), [DropUnpark]);
    }

    #[test]
    fn only_an_engine_that_models_an_ordering_judges_it() {
        let site = core::panic::Location::caller();
        let of = |operation, order| candidates(&[Use { site, operation, order, failure: None }]).remove(0);
        let judges = |candidate: &Candidate| {
            let engines =
                [Engine::Graph, Engine::Loom, Engine::Shuttle(crate::Strategy::DepthFirst), Engine::Native];
            engines.map(|engine| candidate.is_judged_by(engine))
        };
        assert_eq!(judges(&of(Operation::Load, Some(SeqCst))), [true, false, false, false]);
        assert_eq!(judges(&of(Operation::Load, Some(Acquire))), [true, true, false, false]);
        assert_eq!(judges(&of(Operation::Unpark, None)), [true, true, true, false]);
    }
}
