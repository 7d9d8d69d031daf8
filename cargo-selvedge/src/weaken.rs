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
    /// Changes that a comment explains, which are no part of the proposal.
    pub explained: Vec<Kept>,
    /// Operations that no model reaches, or that no engine can judge.
    pub unknown: usize,
    /// Tests that fail with all changes together, although each step passed.
    pub failing: Vec<String>,
    /// How many executions of each model a trial goes through, if a number bounds that.
    pub executions: Option<u64>,
}

/// A change that is not made although no model is known to object to it, since a comment explains why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The change, with its place.
    pub change: String,
    /// What the comment says.
    pub because: String,
    /// Whether every test passes with the change on top of the proposal and of the changes before it in this list that pass;
    /// `None` if that was not tried.
    pub passes: Option<bool>,
}

/// What becomes of operations of which a comment says why they stay although no model needs them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explained {
    /// They stay.
    #[default]
    Kept,
    /// They stay, and are tried, to see what the comments have to answer for.
    Tried,
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
        explained: Explained,
        mut trial: impl FnMut(&[SourceEdit]) -> Result<Trial, String>,
    ) -> Result<Proposal, String> {
        let mut edits: Vec<SourceEdit> = Vec::new();
        let mut kept: Vec<String> = Vec::new();
        for row in summary.rows.iter().filter(|row| row.status == Status::LoadBuffering) {
            kept.push(change(row));
        }
        for (_, steps) in places(summary, Status::NotShownNeeded) {
            for step in steps {
                edits.push(step);
                let ended = trial(&edits)?;
                if ended == Trial::Passed {
                    break;
                }
                let step = edits.pop();
                kept.extend(step.filter(|_| ended == Trial::LoadBuffering).map(|step| step.to_string()));
            }
        }
        let explained = match explained {
            Explained::Kept => untried(summary),
            Explained::Tried => tried(summary, edits.clone(), trial)?,
        };
        edits.sort();
        Ok(Proposal {
            edits,
            kept_for_load_buffering: kept,
            explained,
            unknown: summary.count(Status::CannotJudge) + summary.count(Status::Untested),
            ..Proposal::default()
        })
    }
}

/// Returns the changes that comments explain.
fn untried(summary: &Summary) -> Vec<Kept> {
    let explained = summary.rows.iter().filter(|row| row.status == Status::Explained);
    let kept = |row: &Row| Kept { change: change(row), because: row.because.clone(), passes: None };
    explained.map(kept).collect()
}

/// Tries the changes that comments explain on top of edits, and of each other as far as all tests pass.
fn tried(
    summary: &Summary,
    mut edits: Vec<SourceEdit>,
    mut trial: impl FnMut(&[SourceEdit]) -> Result<Trial, String>,
) -> Result<Vec<Kept>, String> {
    let mut all = Vec::new();
    for (row, steps) in places(summary, Status::Explained) {
        let mut kept = Kept { change: change(row), because: row.because.clone(), passes: Some(false) };
        for step in steps {
            edits.push(step.clone());
            if trial(&edits)? == Trial::Passed {
                (kept.change, kept.passes) = (step.to_string(), Some(true));
                break;
            }
            edits.pop();
        }
        all.push(kept);
    }
    Ok(all)
}

/// Returns the change of a row, with its place.
fn change(Row { file, line, operation, ordering, change, .. }: &Row) -> String {
    match (&ordering[..], &change[..]) {
        (_, "") => format!("{file}:{line}: {operation}, which no model reaches"),
        ("", change) => format!("{file}:{line}: {operation} -> {change}"),
        (ordering, change) => format!("{file}:{line}: {ordering} -> {change}"),
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
            let bound = proposal.executions.map(|limit| format!(", up to {limit} executions a model"));
            let bound = bound.unwrap_or_default();
            lines.push(format!("every test passes with {many}, and no single further one passes{bound}:"));
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
                format!("worth: only searched, so another execution may object: {}", some(&proposal.bounded))
            });
        }
        for kept in &proposal.kept_for_load_buffering {
            lines.push(format!("kept: {kept} is not shown needed (load buffering not modelled)"));
        }
        const SHOWN: usize = 40;
        lines.extend(proposal.explained.iter().take(SHOWN).map(Kept::told));
        if let Some(more) = proposal.explained.len().checked_sub(SHOWN).filter(|more| *more > 0) {
            lines.push(format!("kept: {more} more that comments explain (--json lists them)"));
        }
        if proposal.unknown > 0 {
            lines.push(format!("kept: {} that no model reaches or no engine can judge", proposal.unknown));
        }
        f.write_str(&lines.join("\n"))
    }
}

/// Returns the first models, and how many more there are.
fn some(models: &[String]) -> String {
    const SHOWN: usize = 5;
    let more = models.len().saturating_sub(SHOWN);
    let shown = models.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join("; ");
    if more == 0 { shown } else { format!("{shown}; and {more} more") }
}

impl Kept {
    fn told(&self) -> String {
        let Kept { change, because, passes } = self;
        let models = match passes {
            None => "",
            Some(true) => "no model objects to that and those above together; ",
            Some(false) => "a model objects to that and those above together; ",
        };
        format!("kept: {change}: {models}a comment explains: {because}")
    }
}

/// Returns, for each part of an operation with this status, its weaker orderings, the weakest first. The parts that save
/// most come first.
fn places(summary: &Summary, status: Status) -> Vec<(&Row, Vec<SourceEdit>)> {
    let mut places: Vec<(&Row, Vec<SourceEdit>)> = Vec::new();
    for row in summary.rows.iter().filter(|row| row.status == status) {
        let steps = steps(row, summary, status);
        let is_known = |(_, known): &(&Row, Vec<SourceEdit>)| {
            let (one, other) = (known.first(), steps.first());
            one.zip(other).is_some_and(|(one, other)| one.place() == other.place() && one.part == other.part)
        };
        if !steps.is_empty() && !places.iter().any(is_known) {
            places.push((row, steps));
        }
    }
    let saving = |(_, steps): &(&Row, Vec<SourceEdit>)| {
        steps.first().map_or(0, |step| {
            let (from, to) = step.instructions();
            from.rank.saturating_sub(to.rank)
        })
    };
    places.sort_by_key(|steps| core::cmp::Reverse(saving(steps)));
    places
}

/// Returns the edits that weaken the part of an operation that a row is about, but for those to which the audit gives
/// another status than this one.
fn steps(row: &Row, summary: &Summary, status: Status) -> Vec<SourceEdit> {
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
        others.any(|other| other.change == change && other.status != status)
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
        let proposal = Proposal::of(&summary(), Explained::Kept, |edits| {
            tried.push(edits.iter().map(SourceEdit::to_string).collect::<Vec<_>>().join("; "));
            let relaxed_store =
                edits.iter().any(|edit| edit.line == 2 && edit.to.as_deref() == Some("Relaxed"));
            Ok(if relaxed_store { Trial::Failed } else { Trial::Passed })
        });
        let proposal = proposal.expect("trials can be made");
        let [store, load] = ["src/a.rs:2: SeqCst -> Release", "src/a.rs:1: Acquire -> Relaxed"];
        assert_eq!(tried, ["src/a.rs:2: SeqCst -> Relaxed", store, &format!("{store}; {load}")]);
        assert_eq!(edits(&proposal), [load, store]);
        assert_eq!((proposal.explained.len(), proposal.unknown), (1, 0));
        assert!(proposal.to_string().contains("x86-64: xchg -> mov"), "{proposal}");
    }

    #[test]
    fn what_only_load_buffering_needs_is_kept() {
        let proposal = Proposal::of(&summary(), Explained::Kept, |_| Ok(Trial::LoadBuffering));
        let proposal = proposal.expect("trials can be made");
        assert_eq!(edits(&proposal), [""; 0]);
        assert_eq!(proposal.kept_for_load_buffering.len(), 4, "{proposal}");
        assert!(
            proposal.to_string().contains("src/a.rs:3: Acquire -> Relaxed is not shown needed"),
            "{proposal}"
        );
    }

    #[test]
    fn what_a_comment_explains_is_shown_with_the_comment_and_never_proposed() {
        let mut summary = summary();
        summary.rows[3].because = "a later read needs it".to_string();
        let change = "src/a.rs:4: Acquire -> Relaxed";
        let shown = |passes| Kept {
            change: change.to_string(),
            because: "a later read needs it".to_string(),
            passes,
        };
        let only_explained = |edits: &[SourceEdit]| match edits.last() {
            Some(edit) if edit.line == 4 => Ok(Trial::Passed),
            _ => Ok(Trial::Failed),
        };
        let never_explained = |edits: &[SourceEdit]| match edits.last() {
            Some(edit) if edit.line == 4 => Ok(Trial::Failed),
            _ => Ok(Trial::Passed),
        };
        let kept = Proposal::of(&summary, Explained::Kept, only_explained).expect("trials can be made");
        assert_eq!((edits(&kept), &kept.explained[..]), (Vec::new(), &[shown(None)][..]));
        let passes = Proposal::of(&summary, Explained::Tried, only_explained).expect("trials can be made");
        assert_eq!((edits(&passes), &passes.explained[..]), (Vec::new(), &[shown(Some(true))][..]));
        let fails = Proposal::of(&summary, Explained::Tried, never_explained).expect("trials can be made");
        assert_eq!((edits(&fails).len(), &fails.explained[..]), (2, &[shown(Some(false))][..]));
        for (proposal, words) in [(kept, ""), (passes, "no model objects to"), (fails, "a model objects to")]
        {
            let told = proposal.to_string();
            assert!(told.contains(&format!("kept: {change}: {words}")), "{told}");
            assert!(told.contains("a comment explains: a later read needs it"), "{told}");
        }
    }
}
