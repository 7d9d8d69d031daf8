//! `cargo selvedge tighten`: the weakest orderings, and the fewest fences, with which every test still passes.
//!
//! The audit says which single steps no model objects to. These are made one after the other, each on top of those before,
//! as VSync does (Oberhauser et al., *VSync: Push-Button Verification and Optimization for Synchronization Primitives on
//! Weak Memory Models*, ASPLOS 2021). Weaker orderings allow more executions, so a step that a test objects to once stays
//! refused, and at the end no single further step passes.

use crate::audit::sites;
use crate::judge::{edits_text, read_all};
use crate::project::{Project, Tests};
use crate::repair::price;
use cargo_selvedge::{Row, Status, Summary};
use clap::Args;
use selvedge_check::audit::{
    EDITS, Entry, FAIL_FAST, Judgement, LOAD_BUFFERING, Part, SourceEdit, VERDICTS, weaker_orderings,
};
use serde::Serialize;
use std::ffi::OsStr;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only operations whose file and line contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tests: Tests,
}

/// A proposal: weaker orderings with which every test passes, and what is known of it.
#[derive(Serialize)]
struct Proposal {
    edits: Vec<SourceEdit>,
    /// The models that were not explored to the end with the changes, and why; if there are none, each was.
    bounded: Vec<String>,
    /// Changes that only load buffering may object to.
    kept_for_load_buffering: Vec<String>,
    /// Changes that no model objects to, and a comment explains.
    explained: usize,
    /// Operations that no model reaches, or that no engine can judge.
    unknown: usize,
    /// Tests that fail with all changes together, although each step passed.
    failing: Vec<String>,
}

/// Looks for weaker orderings, and prints them.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let project = Project::find(&arguments.tests)?;
    project.compile()?;
    let summary = audited(&project, arguments.filter.as_deref())?;
    let proposal = proposal(&project, &summary)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&proposal).map_err(|error| error.to_string())?);
    } else {
        print!("{}", show(&proposal));
    }
    Ok(proposal.failing.is_empty())
}

fn audited(project: &Project, filter: Option<&str>) -> Result<Summary, String> {
    let folder = project.emptied("audit")?;
    if !project.run(&[("SELVEDGE_AUDIT", folder.as_os_str())])?.passed {
        return Err(
            "the tests fail as they are; `cargo selvedge repair` looks for orderings with which they pass"
                .to_string(),
        );
    }
    if !folder.exists() {
        return Err(
            "no test calls `check` on a model, so nothing says which orderings are needed".to_string()
        );
    }
    let mut entries: Vec<Entry> = read_all::<Vec<Entry>>(&folder)?.into_iter().flatten().collect();
    entries.retain(|entry| filter.is_none_or(|text| format!("{}:{}", entry.file, entry.line).contains(text)));
    if entries.is_empty() {
        return Err("the models reach no ordering or fence of the crate that could be weaker".to_string());
    }
    let mut sites = sites(project, None)?;
    sites.retain(|site| filter.is_none_or(|text| format!("{}:{}", site.file, site.lines.0).contains(text)));
    Ok(Summary::new(entries, &sites, |file| std::fs::read_to_string(project.root.join(file)).ok()))
}

fn proposal(project: &Project, summary: &Summary) -> Result<Proposal, String> {
    let mut edits: Vec<SourceEdit> = Vec::new();
    let mut kept: Vec<String> = Vec::new();
    for row in summary.rows.iter().filter(|row| row.status == Status::LoadBuffering) {
        kept.push(format!("{}:{}: {} -> {}", row.file, row.line, row.ordering, row.change));
    }
    for steps in places(summary) {
        for step in steps {
            let mut tried = edits.clone();
            tried.push(step.clone());
            let (passed, judgements) = trial(project, &tried)?;
            if passed {
                edits = tried;
                break;
            }
            if judgements.iter().any(|judgement| judgement.verdict == LOAD_BUFFERING) {
                kept.push(step.to_string());
            }
        }
    }
    edits.sort();
    let (bounded, failing) = if edits.is_empty() { Default::default() } else { confirm(project, &edits)? };
    let unknown = summary.count(Status::CannotJudge) + summary.count(Status::Untested);
    let explained = summary.count(Status::Explained);
    Ok(Proposal { edits, bounded, kept_for_load_buffering: kept, explained, unknown, failing })
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

/// Runs the tests with edits, as far as the first failure.
fn trial(project: &Project, edits: &[SourceEdit]) -> Result<(bool, Vec<Judgement>), String> {
    let (folder, text) = (project.emptied("verdicts")?, edits_text(edits)?);
    let run = project.run_quickly(&[
        (EDITS, OsStr::new(&text)),
        (FAIL_FAST, OsStr::new("1")),
        (VERDICTS, folder.as_os_str()),
    ])?;
    Ok((run.passed, judgements(&folder)?))
}

fn judgements(folder: &std::path::Path) -> Result<Vec<Judgement>, String> {
    Ok(read_all::<Vec<Judgement>>(folder)?.into_iter().flatten().collect())
}

/// Runs all tests with the edits, those of the documentation too, and returns which models were not explored to the end,
/// and which tests fail.
fn confirm(project: &Project, edits: &[SourceEdit]) -> Result<(Vec<String>, Vec<String>), String> {
    let (folder, text) = (project.emptied("verdicts")?, edits_text(edits)?);
    let run = project.run(&[(EDITS, OsStr::new(&text)), (VERDICTS, folder.as_os_str())])?;
    let judgements = judgements(&folder)?;
    let is_bounded = |judgement: &&Judgement| judgement.is_bounded();
    let told = |judgement: &Judgement| format!("{} ({})", judgement.model, judgement.because);
    let mut bounded: Vec<String> = judgements.iter().filter(is_bounded).map(told).collect();
    bounded.dedup();
    if !judgements.iter().any(|judgement| judgement.verdict == "exhaustive") {
        bounded.push("no model was explored to the end by any engine".to_string());
    }
    Ok((bounded, run.failed.into_iter().collect()))
}

/// Returns the proposal, for people.
fn show(proposal: &Proposal) -> String {
    let mut lines = Vec::new();
    if proposal.edits.is_empty() {
        lines.push(
            "nothing can be weaker: for each ordering and fence a test objects, or it is kept".to_string(),
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
            format!("worth: only searched, so another execution may object: {}", proposal.bounded.join("; "))
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
    lines.push(String::new());
    lines.join("\n")
}
