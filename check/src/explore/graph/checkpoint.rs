//! A file with what is left of an exploration, to go on with later.

use super::super::Plan;
use super::pool::{Known, Standing};
use selvedge_graph::{Groups, Part, Statistics};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

/// What stands in the file.
#[derive(Deserialize)]
pub(super) struct Saved {
    version: String,
    /// The model and the settings that decide what is explored.
    exploration: String,
    pub(super) statistics: Statistics,
    pub(super) statics: Vec<isize>,
    pub(super) groups: Groups,
    /// What has been cut so far.
    pub(super) cuts: Vec<String>,
    pub(super) parts: Vec<Part>,
}

/// The same, to be written.
#[derive(Serialize)]
struct Saving<'a> {
    version: String,
    exploration: String,
    statistics: Statistics,
    statics: Vec<isize>,
    groups: Groups,
    cuts: &'a BTreeSet<String>,
    parts: &'a [Part],
}

fn exploration(plan: &Plan) -> String {
    let graph = &plan.graph;
    format!(
        "{}; {}; primitives {}, races {}, spurious failures {}, discrete time {}, preemptions {:?}, events {:?}, rounds {}, retries {:?}, fair schedules {}, shard {:?}, mutations {:?}, edits {:?}",
        plan.name,
        graph.model,
        plan.primitives,
        graph.races,
        graph.spurious_failures,
        graph.discrete_time,
        plan.preemptions,
        graph.events,
        graph.rounds,
        graph.retries,
        graph.fair_schedules,
        graph.shard,
        plan.mutations,
        plan.edits.0
    )
}

fn failed(what: &str, path: &Path, error: impl core::fmt::Display) -> String {
    format!("the checkpoint {} {what}: {error}", path.display())
}

pub(super) fn read(path: &Path, plan: &Plan) -> Result<Saved, String> {
    let text = fs::read_to_string(path).map_err(|error| failed("cannot be read", path, error))?;
    let saved: Saved = serde_json::from_str(&text)
        .map_err(|error| failed("is damaged; remove it to start anew", path, error))?;
    if saved.version != env!("CARGO_PKG_VERSION") {
        let why = format!("it was written by version {}", saved.version);
        return Err(failed("cannot be used; remove it to start anew", path, why));
    }
    if saved.exploration != exploration(plan) {
        let why = format!("it is of another exploration ({})", saved.exploration);
        return Err(failed("cannot be used; remove it to start anew", path, why));
    }
    Ok(saved)
}

pub(super) fn write(path: &Path, plan: &Plan, known: &Known, standing: &Standing<'_>) -> Result<(), String> {
    let version = env!("CARGO_PKG_VERSION").to_string();
    let saved = Saving {
        version,
        exploration: exploration(plan),
        statistics: standing.statistics,
        statics: known.statics.distances(),
        groups: known.groups(),
        cuts: standing.cuts,
        parts: standing.parts,
    };
    let text = serde_json::to_string(&saved).map_err(|error| failed("cannot be made", path, error))?;
    // Written beside it first: a checkpoint is there whole or not at all.
    let beside = path.with_extension("new");
    let written = fs::write(&beside, text).and_then(|()| fs::rename(&beside, path));
    written.map_err(|error| failed("cannot be written", path, error))
}

/// The exploration is done: nothing is left to go on with.
pub(super) fn remove(path: &Path) -> Result<(), String> {
    match fs::remove_file(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(failed("cannot be removed", path, error)),
    }
}
