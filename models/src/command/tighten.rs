//! `selvedge tighten`: the weakest orderings of the primitives with which the models still pass.

use super::audit::{Audited, meetings, work};
use super::{TightenArguments, print_json};
use cargo_selvedge::{Explained, Proposal, Status, Summary, Trial};
use selvedge_check::Engine;
use selvedge_check::audit::{Entry, Outcome};
use selvedge_models::audit::Effort;
use selvedge_models::tighten::Judges;

/// The executions in which a model shows the operations that it meets, in each of its searches.
const SURVEY: u64 = 500;

/// Looks for weaker orderings, prints them, and returns whether there are none: the source is as weak as the models allow.
/// What becomes of each trial goes to standard error.
pub(crate) fn run(arguments: &TightenArguments) -> Result<bool, String> {
    let TightenArguments { selection, executions, explained, model } = arguments;
    if !Engine::Graph.is_available() {
        return Err(
            "only the graph engine judges orderings; add `--features graph` to cargo's command".to_string()
        );
    }
    if !selection.engines.is_empty() {
        return Err("`tighten` runs the graph engine; leave `--engine` out".to_string());
    }
    let audited = Audited::find(selection)?;
    let met = meetings(selection, &[Engine::Graph], model.as_deref(), &Effort::Executions(SURVEY))?;
    let mut judges = Judges::new(*executions, selection.jobs.into());
    for ((model, _), uses) in &met {
        judges.add(model, uses);
    }
    // Nothing is known of the changes yet, but what comments say.
    let unjudged = || Outcome::NotShownNeeded { models: Vec::new(), load_buffering: false };
    let work = work(&met, |file, line| audited.fits(file, line));
    let entries: Vec<Entry> = work.iter().map(|(candidate, _)| candidate.entry(unjudged())).collect();
    let summary = audited.summary(entries)?;
    let explained = if *explained { Explained::Tried } else { Explained::Kept };
    let mut proposal = Proposal::of(&summary, explained, |edits| {
        let (trial, failing) = judges.try_edits(edits)?;
        let edit = edits.last().map(ToString::to_string).unwrap_or_default();
        eprintln!("{edit}: {}", told(trial, failing.as_deref()));
        Ok(trial)
    })?;
    (proposal.bounded, proposal.failing) = judges.confirm(&proposal.edits)?;
    proposal.executions = Some(*executions);
    if selection.json {
        print_json(&proposal)?;
    } else {
        println!("{}\n{proposal}", headline(&summary));
    }
    Ok(proposal.edits.is_empty())
}

fn told(trial: Trial, failing: Option<&str>) -> String {
    match (trial, failing) {
        (Trial::Failed, how) => how.unwrap_or("a model fails").to_string(),
        (Trial::LoadBuffering, _) => "only load buffering may object".to_string(),
        (Trial::Passed, _) => "no model fails".to_string(),
    }
}

fn headline(summary: &Summary) -> String {
    let (all, explained) = (summary.rows.len(), summary.count(Status::Explained));
    let unknown = summary.count(Status::Untested) + summary.count(Status::CannotJudge);
    format!("{all} single steps, of which comments explain {explained} and no model reaches {unknown}")
}
