//! `selvedge tighten`: the weakest orderings of the primitives with which the models still pass.

use super::{AuditArguments, audit, print_json};
use cargo_selvedge::{Proposal, Trial};
use selvedge_check::Engine;
use selvedge_models::audit::{Effort, try_edits};
use std::time::Duration;

/// Looks for weaker orderings, prints them, and returns whether there are none: the source is as weak as the models allow.
pub(crate) fn run(arguments: &AuditArguments) -> Result<bool, String> {
    if !Engine::Graph.is_available() {
        return Err(
            "only the graph engine judges orderings; add `--features graph` to cargo's command".to_string()
        );
    }
    if arguments.html.is_some() {
        return Err("`--html` is the audit's".to_string());
    }
    let (summary, models) = audit::summary_and_models(arguments)?;
    let effort = Effort { time_limit: Duration::from_secs(arguments.time_limit) };
    let mut bounded = Vec::new();
    let proposal = Proposal::of(&summary, |edits| {
        let (trial, cut) = try_edits(&models, edits, &effort)?;
        if trial == Trial::Passed {
            bounded = cut;
        }
        Ok(trial)
    })?;
    let proposal = Proposal { bounded, ..proposal };
    if arguments.selection.json {
        print_json(&proposal)?;
    } else {
        println!("{}\n{proposal}", summary.headline());
    }
    Ok(proposal.edits.is_empty())
}
