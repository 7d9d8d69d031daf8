//! Auditing what a test checks: `SELVEDGE_AUDIT`.

use super::{Candidate, Entry, Outcome, candidates, edits_of_environment};
use crate::explore::Model;
use crate::target_folder::target_folder;
use crate::{Checker, Engine};
use selvedge::rt::seam::{Edits, is_own_source};
use serde::Serialize;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const VARIABLE: &str = "SELVEDGE_AUDIT";

/// How long each changed model may run.
pub(super) const TIME: Duration = Duration::from_secs(5);

/// How many files this process has written.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A change: file, line, column, and what it is.
type Key = (String, u32, u32, String);

/// The changes that some model of this process fails with.
static NEEDED: Mutex<Option<HashSet<Key>>> = Mutex::new(None);

/// Returns the folder that a variable names; `1` stands for the one of that name in `target/selvedge`.
pub(super) fn folder_of(variable: &str, name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(variable).filter(|value| !value.is_empty())?;
    Some(if value == "1" { target_folder().join("selvedge").join(name) } else { PathBuf::from(value) })
}

/// Audits a model that has passed, if the environment asks for audits and the checker heeds it, and writes the
/// outcomes.
///
/// # Panics
/// If the outcomes cannot be written.
pub(crate) fn audit_check(checker: &Checker, model: &Model) {
    let Some(folder) = folder_of(VARIABLE, "audit").filter(|_| checker.may_be_audited()) else { return };
    let entries = audit(checker, model);
    if let Err(why) = write(&folder, &checker.model_name(), &entries) {
        panic!("{why}; set {VARIABLE} to a folder that can be written to");
    }
}

/// Writes what was found of a model to a file of its own.
pub(super) fn write(folder: &Path, model: &str, found: &(impl Serialize + ?Sized)) -> Result<(), String> {
    let told = |error: std::io::Error| format!("nothing can be written to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    let name: String = model.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let text = serde_json::to_string_pretty(found).map_err(|error| error.to_string())?;
    // Several processes may check models of one name, and each several times. Relaxed: the number only has to be new.
    let number = WRITTEN.fetch_add(1, Relaxed);
    fs::write(folder.join(format!("{name}-{}-{number}.json", std::process::id())), text).map_err(told)
}

/// Returns the engines that judge an audit. The graph engine judges alone if the checker has it; otherwise all that
/// explore judge.
pub(super) fn judges(checker: &Checker) -> Vec<Engine> {
    let engines = checker.engines.iter().copied().filter(|engine| engine.is_available());
    let engines: Vec<Engine> = engines.filter(|engine| *engine != Engine::Native).collect();
    if engines.contains(&Engine::Graph) { vec![Engine::Graph] } else { engines }
}

/// Returns whether a change is audited: it is of the code under test, and of an edited site if there are any.
fn is_under_test(candidate: &Candidate, edits: &Edits) -> bool {
    let site = candidate.met.site;
    if edits.0.is_empty() {
        !is_test_code(site.file()) && !is_own_source(site.file())
    } else {
        edits.is_edited(site)
    }
}

/// Returns whether a file belongs to tests, which are no part of what is audited.
pub(super) fn is_test_code(file: &str) -> bool {
    file.starts_with("tests/") || file.contains("/tests/")
}

fn audit(checker: &Checker, model: &Model) -> Vec<Entry> {
    let name = checker.model_name();
    let checker = checker.clone().in_environment().name(&name).ignore_environment().shrink(false);
    let mut met = Vec::new();
    for engine in judges(&checker) {
        let theirs = Arc::clone(model);
        met.extend(checker.clone().engines([engine]).survey(move || theirs()).1);
    }
    let edits = edits_of_environment();
    let mut found = Vec::new();
    for candidate in candidates(&met).into_iter().filter(|found| is_under_test(found, &edits)) {
        let entry = candidate.entry(Outcome::CannotJudge { models: vec![name.clone()] });
        let key = (entry.file.clone(), entry.line, entry.column, entry.change.clone());
        let mut needed = NEEDED.lock().unwrap_or_else(PoisonError::into_inner);
        if needed.get_or_insert_default().contains(&key) {
            continue;
        }
        drop(needed);
        let outcome = judge(&checker, model, &candidate, &name);
        if matches!(outcome, Outcome::Needed { .. }) {
            NEEDED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(key);
        }
        found.push(Entry { outcome, ..entry });
    }
    found
}

fn judge(checker: &Checker, model: &Model, candidate: &Candidate, name: &str) -> Outcome {
    let mut outcome = Outcome::CannotJudge { models: vec![name.to_string()] };
    for engine in judges(checker).into_iter().filter(|engine| candidate.is_judged_by(*engine)) {
        let theirs = Arc::clone(model);
        let checker = checker.clone().engines([engine]).time_limit(TIME).mutate(candidate.mutation.clone());
        let (report, exposed) = checker.survey_load_buffering(move || theirs());
        outcome = outcome.and(Outcome::of(&report, name).with_load_buffering(exposed.is_some()));
    }
    outcome
}
