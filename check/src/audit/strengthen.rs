//! The edits that a search for a repair tries at one operation.

use super::costs::costs;
use super::edit::{Part, SourceEdit};
use selvedge::rt::seam::{Operation, Use};
use std::sync::atomic::Ordering::{self, AcqRel, Acquire, Relaxed, Release, SeqCst};

/// How far a search goes at one operation; each kind includes those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reach {
    /// Other orderings.
    Orderings,
    /// Fences before an operation, and Acquire fences after one that reads.
    Fences,
    /// SeqCst fences after an operation.
    FencesAfter,
}

impl Reach {
    pub(super) const ALL: [Reach; 3] = [Reach::Orderings, Reach::Fences, Reach::FencesAfter];
}

/// Returns whether an ordering is stronger than another.
pub(super) fn is_stronger(order: Ordering, than: Ordering) -> bool {
    match than {
        Relaxed => order != Relaxed,
        Acquire | Release => matches!(order, AcqRel | SeqCst),
        AcqRel => order == SeqCst,
        _ => false,
    }
}

fn legal(operation: Operation) -> &'static [Ordering] {
    match operation {
        Operation::Load => &[Relaxed, Acquire, SeqCst],
        Operation::Store => &[Relaxed, Release, SeqCst],
        Operation::Rmw | Operation::CompareExchange => &[Relaxed, Acquire, Release, AcqRel, SeqCst],
        Operation::Fence => &[Acquire, Release, AcqRel, SeqCst],
        _ => &[],
    }
}

/// Returns the edits that strengthen one operation, the cheapest first.
pub(super) fn edits(met: &Use, reach: Reach) -> Vec<SourceEdit> {
    let reads = matches!(met.operation, Operation::Load | Operation::Rmw | Operation::CompareExchange);
    let writes = matches!(met.operation, Operation::Store | Operation::Rmw | Operation::CompareExchange);
    let mut found = Vec::new();
    let stronger = |operation, from: Ordering| {
        legal(operation).iter().copied().filter(move |order| is_stronger(*order, from))
    };
    if let Some(from) = met.order {
        let edit = |to| SourceEdit::of(met, Part::Order, Some(from), Some(to));
        found.extend(stronger(met.operation, from).map(edit));
    }
    if let Some(from) = met.failure {
        let edit = |to| SourceEdit::of(met, Part::FailureOrder, Some(from), Some(to));
        found.extend(stronger(Operation::Load, from).map(edit));
    }
    let mut fence = |part, to| found.push(SourceEdit::of(met, part, None, Some(to)));
    if reach >= Reach::Fences && reads {
        fence(Part::FenceAfter, Acquire);
    }
    if reach >= Reach::Fences && writes {
        fence(Part::FenceBefore, Release);
        fence(Part::FenceBefore, AcqRel);
    }
    if reach >= Reach::Fences && (reads || writes) {
        fence(Part::FenceBefore, SeqCst);
    }
    if reach >= Reach::FencesAfter && (reads || writes) {
        fence(Part::FenceAfter, SeqCst);
    }
    found.sort_by_key(rank);
    found
}

/// Returns the edits that make one operation as strong as the search can make it.
pub(super) fn strongest(met: &Use, reach: Reach) -> Vec<SourceEdit> {
    let all = edits(met, reach);
    let strongest = |edit: &&SourceEdit| {
        edit.to() == Some(SeqCst)
            || !all.iter().any(|other| other.part == edit.part && other.to() == Some(SeqCst))
    };
    all.iter().filter(strongest).cloned().collect()
}

/// Returns the rank of what an edit adds, to try cheap edits first.
pub(super) fn rank(edit: &SourceEdit) -> u32 {
    let operation = match edit.part {
        Part::Order => edit.operation().unwrap_or(Operation::Fence),
        Part::FailureOrder => Operation::CompareExchange,
        Part::FenceBefore | Part::FenceAfter => Operation::Fence,
    };
    let rank = |order: Option<Ordering>| {
        order.map_or(0, |order| costs(operation, order).rank * 10 + strength(order))
    };
    rank(edit.to()).saturating_sub(rank(edit.from()))
}

/// Returns a number that is higher for a stronger ordering, where the instructions are the same.
fn strength(order: Ordering) -> u32 {
    match order {
        Relaxed => 0,
        Acquire | Release => 1,
        AcqRel => 2,
        _ => 3,
    }
}

/// Returns whether one edit does no more than another at the same place: where the other one is made, this one would
/// change nothing more.
pub(super) fn is_covered(edit: &SourceEdit, by: &SourceEdit) -> bool {
    let at_least = |(weak, strong): (Ordering, Ordering)| weak == strong || is_stronger(strong, weak);
    edit.place() == by.place() && edit.part == by.part && edit.to().zip(by.to()).is_some_and(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(operation: Operation, order: Ordering, failure: Option<Ordering>) -> Use {
        Use { site: core::panic::Location::caller(), operation, order: Some(order), failure }
    }

    fn changes(met: &Use, reach: Reach) -> Vec<String> {
        edits(met, reach).iter().map(SourceEdit::change).collect()
    }

    #[test]
    fn only_legal_stronger_orderings_are_tried_and_the_cheapest_first() {
        let load = met(Operation::Load, Relaxed, None);
        assert_eq!(changes(&load, Reach::Orderings), ["Relaxed -> Acquire", "Relaxed -> SeqCst"]);
        let store = met(Operation::Store, Release, None);
        assert_eq!(changes(&store, Reach::Orderings), ["Release -> SeqCst"]);
        let exchange = met(Operation::CompareExchange, Acquire, Some(Relaxed));
        let found = changes(&exchange, Reach::Orderings);
        for wanted in ["Acquire -> AcqRel", "Acquire -> SeqCst", "Relaxed -> Acquire on failure"] {
            assert!(found.contains(&wanted.to_string()), "{found:?}");
        }
        assert_eq!(found.len(), 4);
        let fence = met(Operation::Fence, Acquire, None);
        assert_eq!(changes(&fence, Reach::FencesAfter), ["Acquire -> AcqRel", "Acquire -> SeqCst"]);
    }

    #[test]
    fn fences_come_after_orderings_and_the_strongest_edits_cover_all() {
        let store = met(Operation::Store, Relaxed, None);
        let found = edits(&store, Reach::FencesAfter);
        let words: Vec<String> = found.iter().map(SourceEdit::change).collect();
        assert_eq!(words[0], "Relaxed -> Release");
        assert_eq!(words.last().map(String::as_str), Some("add fence(SeqCst) after"));
        let strong = strongest(&store, Reach::FencesAfter);
        assert!(found.iter().all(|edit| strong.iter().any(|by| is_covered(edit, by))), "{words:?}");
        assert_eq!(strong.len(), 3);
    }
}
