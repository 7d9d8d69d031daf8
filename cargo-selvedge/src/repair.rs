//! `cargo selvedge repair`: the smallest sets of stronger orderings and fences after which every test passes.

use crate::judge::{edits_text, passes, read_all};
use crate::project::{Project, Tests};
use cargo_selvedge::{Row, Summary, price};
use clap::Args;
use selvedge_check::audit::{Entry, Findings, Part, REPAIR, REPAIR_SECONDS, REPAIRS, Repair, SourceEdit};
use std::collections::BTreeSet;
use std::ffi::OsStr;

/// How many sets are tried on all tests.
const TRIED: usize = 40;

/// How many sets are shown.
const SHOWN: usize = 5;

#[derive(Args)]
pub(crate) struct Arguments {
    /// How many seconds the search may take for each failing model
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    time_limit: u64,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tests: Tests,
}

/// Searches, prints what it finds, and returns whether there is a repair.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let project = Project::find(&arguments.tests)?;
    project.compile()?;
    let findings = search(&project, arguments.time_limit)?;
    let repairs = repairs(&project, &findings)?;
    let file = project.target.join("repair.json");
    let text = serde_json::to_string_pretty(&repairs).map_err(|error| error.to_string())?;
    std::fs::write(&file, &text).map_err(|error| format!("{} cannot be written: {error}", file.display()))?;
    // The failing tests write their pages once more, with the repairs.
    project.run(&[(REPAIRS, file.as_os_str())])?;
    if arguments.json {
        println!("{text}");
    } else {
        print!("{}", show(&findings, &repairs));
    }
    Ok(repairs.iter().any(|repair| repair.is_repair))
}

/// Runs the tests, lets each failing model search for itself, and returns what they find.
fn search(project: &Project, seconds: u64) -> Result<Vec<Findings>, String> {
    let folder = project.emptied("repair")?;
    let verdicts = project.emptied("verdicts")?;
    let seconds = seconds.to_string();
    let run = project.run(&[
        (REPAIR, folder.as_os_str()),
        (REPAIR_SECONDS, OsStr::new(&seconds)),
        (selvedge_check::audit::VERDICTS, verdicts.as_os_str()),
    ])?;
    if run.passed {
        return Err(format!(
            "every test of {} passes: there is nothing to repair (`cargo selvedge tighten` looks for weaker orderings)",
            project.name
        ));
    }
    let findings: Vec<Findings> = read_all(&folder)?;
    if findings.is_empty() {
        let failed: Vec<String> = run.failed.into_iter().collect();
        let has_models = !read_all::<Vec<selvedge_check::audit::Judgement>>(&verdicts)?.is_empty();
        let why = if has_models { "no model fails" } else { "no test calls `check` on a model" };
        return Err(format!(
            "tests fail, but {why}, so this is no matter of orderings: {}",
            failed.join(", ")
        ));
    }
    Ok(findings)
}

/// Returns the smallest sets after which every test passes, the cheapest first.
fn repairs(project: &Project, findings: &[Findings]) -> Result<Vec<Repair>, String> {
    let models: BTreeSet<String> = findings.iter().map(|found| found.model.clone()).collect();
    let mut found: Vec<Repair> = Vec::new();
    for edits in joined(findings).into_iter().take(TRIED) {
        if found.len() >= SHOWN || found.first().is_some_and(|best| best.edits.len() < edits.len()) {
            break;
        }
        if passes(project, &edits)? {
            let because = doubts(project, &edits)?;
            let (models, is_repair) = (models.iter().cloned().collect(), because.is_empty());
            found.push(Repair { models, edits, is_repair, because });
        }
    }
    found.sort_by_key(|repair| !repair.is_repair);
    Ok(found)
}

/// Returns the sets that contain one of each model's sets, without those that contain another one, the smallest first.
fn joined(findings: &[Findings]) -> Vec<Vec<SourceEdit>> {
    const MOST: usize = 2_000;
    let mut joined: BTreeSet<BTreeSet<SourceEdit>> = BTreeSet::from([BTreeSet::new()]);
    for found in findings {
        let mut next = BTreeSet::new();
        for (set, more) in joined.iter().flat_map(|set| found.sets.iter().map(move |more| (set, more))) {
            if next.len() < MOST {
                next.insert(set.iter().chain(more).cloned().collect::<BTreeSet<_>>());
            }
        }
        joined = next;
    }
    let all: Vec<BTreeSet<SourceEdit>> = joined.into_iter().map(without_weaker).collect();
    let contains_another =
        |set: &BTreeSet<SourceEdit>| all.iter().any(|other| other != set && other.is_subset(set));
    let minimal: BTreeSet<&BTreeSet<SourceEdit>> = all.iter().filter(|set| !contains_another(set)).collect();
    let mut minimal: Vec<Vec<SourceEdit>> =
        minimal.into_iter().map(|set| set.iter().cloned().collect()).collect();
    minimal.sort_by_key(|set: &Vec<SourceEdit>| (set.len(), cost(set)));
    minimal
}

/// Of two edits of one part of an operation, keeps the stronger one.
fn without_weaker(set: BTreeSet<SourceEdit>) -> BTreeSet<SourceEdit> {
    let is_weaker = |edit: &SourceEdit| {
        set.iter().any(|other| {
            let same = other.place() == edit.place() && other.part == edit.part;
            same && rank(other) > rank(edit)
        })
    };
    set.iter().filter(|edit| !is_weaker(edit)).cloned().collect()
}

fn rank(edit: &SourceEdit) -> u32 {
    edit.instructions().1.rank
}

fn cost(set: &[SourceEdit]) -> u32 {
    let cost = |edit: &SourceEdit| {
        let (from, to) = edit.instructions();
        to.rank.saturating_sub(from.rank)
    };
    set.iter().map(cost).sum()
}

/// Returns whether a row of the audit is about the ordering that an edit changes. A fence that is added has no row: without
/// it the search has found a failing model.
fn is_about(row: &Row, edit: &SourceEdit) -> bool {
    let is_failure = row.change.ends_with("on failure");
    (&row.file, row.line, row.column) == (&edit.file, edit.line, edit.column)
        && is_failure == (edit.part == Part::FailureOrder)
}

/// Returns why a set is only a candidate: what the audit names of its orderings, and which verdicts are bounded; empty if
/// nothing is in doubt.
fn doubts(project: &Project, edits: &[SourceEdit]) -> Result<String, String> {
    let (folder, verdicts) = (project.emptied("repair-audit")?, project.emptied("verdicts")?);
    let text = edits_text(edits)?;
    let run = project.run(&[
        (selvedge_check::audit::EDITS, OsStr::new(&text)),
        ("SELVEDGE_AUDIT", folder.as_os_str()),
        (selvedge_check::audit::VERDICTS, verdicts.as_os_str()),
    ])?;
    if !run.passed {
        let failed: Vec<String> = run.failed.into_iter().collect();
        return Ok(format!("with these changes tests fail: {}", failed.join(", ")));
    }
    let entries: Vec<Vec<Entry>> = read_all(&folder)?;
    let source = |file: &str| std::fs::read_to_string(project.root.join(file)).ok();
    let summary = Summary::new(entries.into_iter().flatten().collect(), &[], source);
    let mut doubts = Vec::new();
    for edit in edits.iter().filter(|edit| matches!(edit.part, Part::Order | Part::FailureOrder)) {
        let rows: Vec<&Row> = summary.rows.iter().filter(|row| is_about(row, edit)).collect();
        if rows.is_empty() {
            doubts.push(format!("the audit finds nothing of {edit}"));
        }
        for row in rows.into_iter().filter(|row| !row.is_good()) {
            let (place, status) = (format!("{}:{}", row.file, row.line), row.status.label());
            doubts.push(format!("at {place} the audit finds {} -> {} {status}", row.ordering, row.change));
        }
    }
    let judgements: Vec<Vec<selvedge_check::audit::Judgement>> = read_all(&verdicts)?;
    for bounded in judgements.iter().flatten().filter(|judgement| judgement.is_bounded()) {
        doubts.push(format!("{} is only searched ({})", bounded.model, bounded.because));
    }
    doubts.dedup();
    Ok(doubts.join("; "))
}

/// Returns what was found, for people.
fn show(findings: &[Findings], repairs: &[Repair]) -> String {
    let mut text = String::new();
    let mut line = |words: String| {
        text.push_str(&words);
        text.push('\n');
    };
    for found in findings {
        line(format!("{} fails: {}", found.model, found.failure));
        if let Some(note) = &found.note {
            line(format!("  {note}"));
        }
    }
    let Some(first) = repairs.first() else {
        line(match findings.iter().all(|found| !found.sets.is_empty()) {
            true => {
                "no repair: each model passes with some changes, but no set lets every test pass".to_string()
            }
            false => "no repair: no set of one or two changes to orderings and fences lets every test pass"
                .to_string(),
        });
        return text;
    };
    let changes = match first.edits.len() {
        1 => "one change".to_string(),
        many => format!("{many} changes"),
    };
    line(format!("every test passes after {changes}:"));
    for repair in repairs {
        line(String::new());
        line(if repair.is_repair { "repair".to_string() } else { format!("candidate ({})", repair.because) });
        for edit in &repair.edits {
            let place = place(edit, repair);
            line(format!("  {place}: {}{}", edit.change(), price(edit)));
        }
    }
    text
}

/// Returns a place: file and line, and the column if another edit has the same line.
fn place(edit: &SourceEdit, repair: &Repair) -> String {
    let same_line = |other: &&SourceEdit| other.file == edit.file && other.line == edit.line;
    let columns: BTreeSet<u32> = repair.edits.iter().filter(same_line).map(|other| other.column).collect();
    let (file, line, column) = (&edit.file, edit.line, edit.column);
    if columns.len() > 1 { format!("{file}:{line}:{column}") } else { format!("{file}:{line}") }
}
