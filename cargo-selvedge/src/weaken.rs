//! Which orderings can be weaker: steps on top of each other, as long as every test still passes.
//!
//! The audit says which single steps no model objects to. These are made one after the other, each on top of those before,
//! as VSync does (Oberhauser et al., *VSync: Push-Button Verification and Optimization for Synchronization Primitives on
//! Weak Memory Models*, ASPLOS 2021). Weaker orderings allow more executions, so a step that a test objects to once stays
//! refused, and at the end no single further step passes.

use crate::summary::{Row, Status, Summary};
use core::fmt;
use selvedge_check::audit::{Instructions, Part, SourceEdit, weaker_orderings};
use serde::Serialize;

/// A proposal: weaker orderings with which every test passes, and what is known of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Proposal {
    /// The changes.
    pub edits: Vec<SourceEdit>,
    /// The models that were not explored to the end with the changes, and why; if there are none, each was.
    pub bounded: Vec<String>,
    /// Changes that only load buffering may object to.
    pub kept_for_load_buffering: Vec<String>,
    /// Changes that no model objects to, and a comment explains.
    pub explained: usize,
    /// Operations that no model reaches, or that no engine can judge.
    pub unknown: usize,
    /// Tests that fail with all changes together, although each step passed.
    pub failing: Vec<String>,
}

/// How the tests ended with changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// All tests pass, and no execution has a cycle that only load buffering would close.
    Passed,
    /// Only load buffering, which no engine explores, may object.
    LoadBuffering,
    /// A test fails.
    Failed,
}

impl Proposal {
    /// Returns the weakest orderings with which the trials pass.
    ///
    /// # Errors
    /// If a trial cannot be made.
    pub fn of(
        summary: &Summary,
        mut trial: impl FnMut(&[SourceEdit]) -> Result<Trial, String>,
    ) -> Result<Proposal, String> {
        let mut edits: Vec<SourceEdit> = Vec::new();
        let mut kept: Vec<String> = Vec::new();
        for row in summary.rows.iter().filter(|row| row.status == Status::LoadBuffering) {
            kept.push(format!("{}:{}: {} -> {}", row.file, row.line, row.ordering, row.change));
        }
        for steps in places(summary) {
            for step in steps {
                let mut tried = edits.clone();
                tried.push(step.clone());
                match trial(&tried)? {
                    Trial::Passed => {
                        edits = tried;
                        break;
                    }
                    Trial::LoadBuffering => kept.push(step.to_string()),
                    Trial::Failed => (),
                }
            }
        }
        edits.sort();
        Ok(Proposal {
            edits,
            kept_for_load_buffering: kept,
            explained: summary.count(Status::Explained),
            unknown: summary.count(Status::CannotJudge) + summary.count(Status::Untested),
            ..Proposal::default()
        })
    }
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let proposal = self;
        let mut lines = Vec::new();
        if proposal.edits.is_empty() {
            lines.push(
                "nothing can be weaker: for each ordering and fence a test objects, or it is kept"
                    .to_string(),
            );
        } else {
            let many = if proposal.edits.len() == 1 { "this change" } else { "these changes" };
            lines.push(format!("every test passes with {many}, and no single further one passes:"));
            lines.extend(proposal.edits.iter().map(|edit| format!("  {edit}{}", price(edit))));
        }
        if !proposal.failing.is_empty() {
            lines.push(format!("but with all of them together tests fail: {}", proposal.failing.join(", ")));
        }
        if !proposal.edits.is_empty() {
            lines.push(if proposal.bounded.is_empty() {
                "worth: exhaustive; the graph engine has explored every execution of every model with them"
                    .to_string()
            } else {
                format!(
                    "worth: only searched, so another execution may object: {}",
                    proposal.bounded.join("; ")
                )
            });
        }
        for kept in &proposal.kept_for_load_buffering {
            lines.push(format!("kept: {kept} is not shown needed (load buffering not modelled)"));
        }
        let Proposal { explained, unknown, .. } = proposal;
        if *explained > 0 {
            lines.push(format!("kept: {explained} that no model needs and a comment explains"));
        }
        if *unknown > 0 {
            lines.push(format!("kept: {unknown} that no model reaches or no engine can judge"));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Returns, for each part of an operation that no model needs as it is, its weaker orderings, the weakest first. The
/// parts that save most come first.
fn places(summary: &Summary) -> Vec<Vec<SourceEdit>> {
    let mut places: Vec<Vec<SourceEdit>> = Vec::new();
    for row in summary.rows.iter().filter(|row| row.status == Status::NotShownNeeded) {
        let steps = steps(row, summary);
        let is_known = |known: &Vec<SourceEdit>| {
            let (one, other) = (known.first(), steps.first());
            one.zip(other).is_some_and(|(one, other)| one.place() == other.place() && one.part == other.part)
        };
        if !steps.is_empty() && !places.iter().any(is_known) {
            places.push(steps);
        }
    }
    let saving = |steps: &Vec<SourceEdit>| {
        steps.first().map_or(0, |step| {
            let (from, to) = step.instructions();
            from.rank.saturating_sub(to.rank)
        })
    };
    places.sort_by_key(|steps| core::cmp::Reverse(saving(steps)));
    places
}

/// Returns the edits that weaken the part of an operation that a row is about, but for those that the audit has refused.
fn steps(row: &Row, summary: &Summary) -> Vec<SourceEdit> {
    let is_failure = row.change.ends_with("on failure");
    let mut orderings = row.ordering.split(", ");
    let from = if is_failure { orderings.nth(1) } else { orderings.next() };
    let Some(from) = from.filter(|from| !from.is_empty()) else { return Vec::new() };
    let edit = |to: Option<String>| SourceEdit {
        file: row.file.clone(),
        line: row.line,
        column: row.column,
        operation: row.operation.clone(),
        part: if is_failure { Part::FailureOrder } else { Part::Order },
        from: Some(from.to_string()),
        to,
    };
    let refused = |edit: &SourceEdit| {
        let change = match &edit.to {
            Some(to) if is_failure => format!("{to} on failure"),
            Some(to) => to.clone(),
            None => "left out".to_string(),
        };
        let same =
            |other: &&Row| (&other.file, other.line, other.column) == (&row.file, row.line, row.column);
        let mut others = summary.rows.iter().filter(same);
        others.any(|other| other.change == change && other.status != Status::NotShownNeeded)
    };
    let names = weaker_orderings(&row.operation, from, is_failure);
    names.into_iter().map(edit).filter(|edit| !refused(edit)).collect()
}

/// Returns what an edit costs.
pub fn price(edit: &SourceEdit) -> String {
    let (from, to): (Instructions, Instructions) = edit.instructions();
    let change = |from: &str, to: &str| {
        if from == to { format!("{to}, as before") } else { format!("{from} -> {to}") }
    };
    format!("    [x86-64: {}; AArch64: {}]", change(from.x86_64, to.x86_64), change(from.aarch64, to.aarch64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u32, (operation, ordering, change): (&str, &str, &str), status: Status) -> Row {
        Row {
            file: "src/a.rs".to_string(),
            line,
            column: 5,
            operation: operation.to_string(),
            ordering: ordering.to_string(),
            change: change.to_string(),
            status,
            because: String::new(),
            failure: None,
        }
    }

    fn summary() -> Summary {
        Summary {
            rows: vec![
                row(1, ("load", "Acquire", "Relaxed"), Status::NotShownNeeded),
                row(2, ("store", "SeqCst", "Release"), Status::NotShownNeeded),
                row(3, ("load", "Acquire", "Relaxed"), Status::LoadBuffering),
                row(4, ("load", "Acquire", "Relaxed"), Status::Explained),
                row(5, ("load", "Acquire", "Relaxed"), Status::Needed),
            ],
        }
    }

    fn edits(proposal: &Proposal) -> Vec<String> {
        proposal.edits.iter().map(SourceEdit::to_string).collect()
    }

    #[test]
    fn each_step_is_tried_on_top_of_those_that_passed_and_the_dearest_place_first() {
        let mut tried = Vec::new();
        let proposal = Proposal::of(&summary(), |edits| {
            tried.push(edits.iter().map(SourceEdit::to_string).collect::<Vec<_>>().join("; "));
            let relaxed_store =
                edits.iter().any(|edit| edit.line == 2 && edit.to.as_deref() == Some("Relaxed"));
            Ok(if relaxed_store { Trial::Failed } else { Trial::Passed })
        });
        let proposal = proposal.expect("trials can be made");
        let [store, load] = ["src/a.rs:2: SeqCst -> Release", "src/a.rs:1: Acquire -> Relaxed"];
        assert_eq!(tried, ["src/a.rs:2: SeqCst -> Relaxed", store, &format!("{store}; {load}")]);
        assert_eq!(edits(&proposal), [load, store]);
        assert_eq!((proposal.explained, proposal.unknown), (1, 0));
        assert!(proposal.to_string().contains("x86-64: xchg -> mov"), "{proposal}");
    }

    #[test]
    fn what_only_load_buffering_needs_is_kept() {
        let proposal = Proposal::of(&summary(), |_| Ok(Trial::LoadBuffering)).expect("trials can be made");
        assert_eq!(edits(&proposal), [""; 0]);
        assert_eq!(proposal.kept_for_load_buffering.len(), 4, "{proposal}");
        assert!(
            proposal.to_string().contains("src/a.rs:3: Acquire -> Relaxed is not shown needed"),
            "{proposal}"
        );
    }
}
