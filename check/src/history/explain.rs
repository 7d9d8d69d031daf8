//! Explains what is wrong with a history, by few of its operations.

use super::Entry;
use super::order::Criterion;
use super::search::{self, Decision, Effort, LIMIT};
use crate::Spec;
use core::fmt;
use std::collections::HashMap;

/// The most columns of a timeline.
const WIDTH: usize = 64;

/// Why a history does not fit its specification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Whether the violation is certain: `false` if the search was given up.
    pub decided: bool,
    /// What is wrong, in words.
    pub message: String,
    /// The part of the history that shows it, as a timeline.
    pub timeline: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.timeline.is_empty() { Ok(()) } else { write!(f, "\n{}", self.timeline) }
    }
}

impl std::error::Error for Violation {}

pub(super) fn undecided(operations: usize) -> Violation {
    Violation {
        decided: false,
        message: format!(
            "undecided: no order of the {operations} operations was found in {LIMIT} steps; \
             record fewer operations, or check what a cheaper test can (`History::transfers`)"
        ),
        timeline: String::new(),
    }
}

pub(super) fn violation<O: Clone + fmt::Debug, A: Clone + fmt::Debug>(
    entries: &[Entry<O, A>],
    chosen: &[usize],
    culprit: usize,
    criterion: Criterion,
    proof: Option<Vec<usize>>,
) -> Violation {
    let entry = &entries[culprit];
    let quality = match criterion {
        Criterion::Linearizable => "linearizable",
        Criterion::SequentiallyConsistent => "sequentially consistent",
        Criterion::QuiescentlyConsistent => "quiescently consistent",
    };
    let answer = entry.answer.as_ref().map(|answer| format!(" → {answer:?}")).unwrap_or_default();
    let shown = proof.unwrap_or_else(|| near(entries, chosen.to_vec(), culprit));
    Violation {
        decided: true,
        message: format!(
            "not {quality}: {:?}{answer} of thread {} has no place in any order of the operations",
            entry.operation, entry.thread
        ),
        timeline: timeline(entries, &shown, culprit),
    }
}

/// Returns few operations that have no order, which proves that the whole history has none: groups of operations that
/// belong together, those nearest to `culprit` first. Operations that have not returned may belong to any group, so
/// all of them are kept.
pub(super) fn proof<S: Spec>(
    entries: &[Entry<S::Operation, S::Answer>],
    chosen: &[usize],
    culprit: usize,
    criterion: Criterion,
    spec: &S,
) -> Option<Vec<usize>> {
    const WINDOWS: [usize; 6] = [1, 2, 4, 8, 32, 128];
    let end = |at: usize| entries[at].returned.unwrap_or(entries[at].called);
    let mut groups: HashMap<u64, (u64, Vec<usize>)> = HashMap::new();
    let pending: Vec<usize> = chosen.iter().copied().filter(|at| entries[*at].returned.is_none()).collect();
    for at in chosen.iter().filter(|at| entries[**at].returned.is_some()) {
        if let Some(group) = spec.group(&entries[*at].operation, entries[*at].answer.as_ref()) {
            let (distance, members) = groups.entry(group).or_insert((u64::MAX, Vec::new()));
            *distance = end(*at).abs_diff(end(culprit)).min(*distance);
            members.push(*at);
        }
    }
    let mut groups: Vec<(u64, Vec<usize>)> = groups.into_values().collect();
    groups.sort();
    let fails = |groups: &[Vec<usize>]| {
        let mut kept = groups.concat();
        kept.extend(&pending);
        kept.sort_unstable();
        matches!(search::decide(entries, &kept, criterion, spec, Effort::Short), Decision::No { .. })
    };
    let take = |window: usize| groups.iter().take(window).map(|(_, members)| members.clone()).collect();
    let mut found: Vec<Vec<usize>> = WINDOWS.into_iter().map(take).find(|groups: &Vec<_>| fails(groups))?;
    // The farthest group is tried first, so that the groups that are left are close to the culprit.
    for at in (0..found.len()).rev() {
        let removed = found.remove(at);
        if !fails(&found) {
            found.insert(at, removed);
        }
    }
    let mut kept = found.concat();
    kept.extend(&pending);
    kept.sort_unstable();
    Some(kept)
}

/// Returns the operations around `culprit`.
fn near<O, A>(entries: &[Entry<O, A>], mut kept: Vec<usize>, culprit: usize) -> Vec<usize> {
    const NEIGHBOURS: usize = 12;
    kept.sort_unstable_by_key(|at| core::cmp::Reverse(entries[*at].returned.unwrap_or(entries[*at].called)));
    let mut shown: Vec<usize> = kept.into_iter().take(NEIGHBOURS).chain([culprit]).collect();
    shown.sort_unstable();
    shown.dedup();
    shown
}

/// Returns a line for each operation, by thread, with a bar from its call to its return.
fn timeline<O: fmt::Debug, A: fmt::Debug>(
    entries: &[Entry<O, A>],
    shown: &[usize],
    culprit: usize,
) -> String {
    let mut times: Vec<u64> = Vec::new();
    for at in shown {
        times.push(entries[*at].called);
        times.extend(entries[*at].returned);
    }
    times.sort_unstable();
    let columns = times.len().clamp(1, WIDTH);
    let column = |time: u64| times.partition_point(|other| *other < time) * columns / times.len().max(1);
    let by_time = shown.iter().all(|at| entries[*at].before.is_none());
    let mut order = shown.to_vec();
    order.sort_by_key(|at| (entries[*at].thread, entries[*at].called));
    let mut text = String::new();
    for at in order {
        let entry = &entries[at];
        let from = column(entry.called);
        let to = entry.returned.map_or(columns, column);
        let bar = format!("{}├{}", " ".repeat(from), "─".repeat((to - from).saturating_sub(1)));
        let end = if entry.returned.is_some() { "┤" } else { "…" };
        let answer = match &entry.answer {
            Some(answer) => format!(" → {answer:?}"),
            None => String::new(),
        };
        let mark = if at == culprit { "   ← no place" } else { "" };
        let padding = " ".repeat((columns + 1).saturating_sub(to));
        let (thread, operation) = (entry.thread, &entry.operation);
        text.push_str(&format!("  T{thread} {bar}{end}{padding} {operation:?}{answer}{mark}\n"));
    }
    if !by_time {
        text.push_str(
            "  (drawn as it was explored; only what happens before something else is kept in order)\n",
        );
    }
    text.truncate(text.trim_end().len());
    text
}
