//! Auditing what a test checks: `SELVEDGE_AUDIT`.

use super::{Candidate, Entry, Outcome, candidates};
use crate::explore::Model;
use crate::target_folder::target_folder;
use crate::{Checker, Engine};
use selvedge::rt::seam::is_own_source;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const VARIABLE: &str = "SELVEDGE_AUDIT";

/// How long each changed model may run.
const TIME: Duration = Duration::from_secs(5);

/// How many files this process has written.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A change: file, line, column, and what it is.
type Key = (String, u32, u32, String);

/// The changes that some model of this process fails with.
static NEEDED: Mutex<Option<HashSet<Key>>> = Mutex::new(None);

fn folder() -> Option<PathBuf> {
    let value = std::env::var_os(VARIABLE).filter(|value| !value.is_empty())?;
    Some(if value == "1" { target_folder().join("selvedge/audit") } else { PathBuf::from(value) })
}

/// Audits a model that has passed, if the environment asks for audits and the checker heeds it, and writes the
/// outcomes.
///
/// # Panics
/// If the outcomes cannot be written.
pub(crate) fn audit_check(checker: &Checker, model: &Model) {
    let Some(folder) = folder().filter(|_| checker.may_be_audited()) else { return };
    let entries = audit(checker, model);
    if let Err(why) = write(&folder, &checker.model_name(), &entries) {
        panic!("{why}; set {VARIABLE} to a folder that can be written to");
    }
}

fn write(folder: &Path, model: &str, entries: &[Entry]) -> Result<(), String> {
    let told =
        |error: std::io::Error| format!("the audit cannot be written to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    let name: String = model.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    let text = serde_json::to_string_pretty(entries)
        .map_err(|error| format!("the audit cannot be written: {error}"))?;
    // Several processes may check models of one name, and each several times. Relaxed: the number only has to be new.
    let number = WRITTEN.fetch_add(1, Relaxed);
    fs::write(folder.join(format!("{name}-{}-{number}.json", std::process::id())), text).map_err(told)
}

/// Returns the engines that judge an audit: the graph engine alone if it is among the checker's, else all that explore.
fn judges(checker: &Checker) -> Vec<Engine> {
    let engines = checker.engines.iter().copied().filter(|engine| engine.is_available());
    let engines: Vec<Engine> = engines.filter(|engine| *engine != Engine::Native).collect();
    if engines.contains(&Engine::Graph) { vec![Engine::Graph] } else { engines }
}

fn is_under_test(candidate: &Candidate) -> bool {
    let file = candidate.met.site.file();
    let is_test = file.starts_with("tests/") || file.contains("/tests/");
    !is_test && !is_own_source(file)
}

fn audit(checker: &Checker, model: &Model) -> Vec<Entry> {
    let name = checker.model_name();
    let checker = checker.clone().name(&name).ignore_environment().shrink(false);
    let mut met = Vec::new();
    for engine in judges(&checker) {
        let theirs = Arc::clone(model);
        met.extend(checker.clone().engines([engine]).survey(move || theirs()).1);
    }
    let mut found = Vec::new();
    for candidate in candidates(&met).into_iter().filter(is_under_test) {
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
        for report in checker.run(move || theirs()) {
            outcome = outcome.and(Outcome::of(&report, name));
        }
    }
    outcome
}
