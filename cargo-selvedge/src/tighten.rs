//! `cargo selvedge tighten`: the weakest orderings, and the fewest fences, with which every test still passes.

use crate::audit::sites;
use crate::judge::{edits_text, read_all};
use crate::project::{Project, Tests};
use cargo_selvedge::{Explained, Proposal, Summary, Trial};
use clap::Args;
use selvedge_check::audit::{EDITS, Entry, FAIL_FAST, Judgement, LOAD_BUFFERING, SourceEdit, VERDICTS};
use std::ffi::OsStr;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Only operations whose file and line contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Try also what comments explain, and say whether a model objects; it is never proposed
    #[arg(long)]
    explained: bool,
    /// One JSON document on standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    tests: Tests,
}

/// Looks for weaker orderings, and prints them.
pub(crate) fn run(arguments: &Arguments) -> Result<bool, String> {
    let project = Project::find(&arguments.tests)?;
    project.compile()?;
    let summary = audited(&project, arguments.filter.as_deref())?;
    let explained = if arguments.explained { Explained::Tried } else { Explained::Kept };
    let proposal = proposal(&project, &summary, explained)?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&proposal).map_err(|error| error.to_string())?);
    } else {
        println!("{proposal}");
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

/// Returns the weakest orderings with which the project's tests pass.
fn proposal(project: &Project, summary: &Summary, explained: Explained) -> Result<Proposal, String> {
    let mut proposal = Proposal::of(summary, explained, |edits| trial(project, edits))?;
    if !proposal.edits.is_empty() {
        (proposal.bounded, proposal.failing) = confirm(project, &proposal.edits)?;
    }
    Ok(proposal)
}

/// Runs the tests with edits, as far as the first failure.
fn trial(project: &Project, edits: &[SourceEdit]) -> Result<Trial, String> {
    let (folder, text) = (project.emptied("verdicts")?, edits_text(edits)?);
    let run = project.run_quickly(&[
        (EDITS, OsStr::new(&text)),
        (FAIL_FAST, OsStr::new("1")),
        (VERDICTS, folder.as_os_str()),
    ])?;
    let exposed = judgements(&folder)?.iter().any(|judgement| judgement.verdict == LOAD_BUFFERING);
    Ok(match run.passed {
        true => Trial::Passed,
        false if exposed => Trial::LoadBuffering,
        false => Trial::Failed,
    })
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
