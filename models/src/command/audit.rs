//! `selvedge audit`: which orderings, fences and wake-ups of the primitives the models need.

use super::{AuditArguments, Selection, jobs};
use cargo_selvedge::{Site, Source, Summary, report, sources};
use selvedge_check::audit::{Candidate, Entry, candidates};
use selvedge_check::{Engine, Use};
use selvedge_models::audit::{Effort, judge, survey};
use selvedge_models::model::Model;
use selvedge_models::models::MODELS;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The folders with the source that is audited, as sites name it.
const SOURCES: [&str; 2] = ["primitives/src", "runtime/src/core"];

/// Parts of the source that an engine replaces, or that connect to one: no model runs them.
const NOT_MODELLED: [&str; 4] = [
    "primitives/src/rt/seam/",
    "primitives/src/rt/sync/atomic/",
    "primitives/src/rt/park",
    "primitives/src/rt/thread/",
];

/// Audits the primitives, and returns whether everything is needed or explained.
pub(crate) fn run(arguments: &AuditArguments) -> Result<bool, String> {
    report(&summary(arguments)?, arguments.html.as_deref(), arguments.selection.json)
}

/// A change, and the models that meet its operation.
type Work = (Candidate, Vec<(&'static Model, Engine)>);

fn summary(arguments: &AuditArguments) -> Result<Summary, String> {
    let AuditArguments { selection, model, .. } = arguments;
    let effort = Effort::Time(Duration::from_secs(arguments.time_limit));
    let audited = Audited::find(selection)?;
    let met = meetings(selection, &engines(selection)?, model.as_deref(), &effort)?;
    let work = work(&met, |file, line| audited.fits(file, line));
    let label = |(candidate, _): &Work| candidate.met.site.to_string();
    let entries: Vec<Entry> =
        jobs::run(&work, selection.jobs.into(), selection.json, label, |(candidate, pairs), counters| {
            candidate.entry(judge(candidate, pairs, &effort, &counters))
        });
    audited.summary(entries)
}

/// The source that is audited.
pub(super) struct Audited {
    sources: Vec<Source>,
    /// What stands in the path and line of an operation.
    filter: String,
}

impl Audited {
    /// Reads the source.
    pub(super) fn find(selection: &Selection) -> Result<Audited, String> {
        let mut found = Vec::new();
        for folder in SOURCES {
            found.extend(sources(&root(), &root().join(folder))?);
        }
        let audited = Audited { sources: found, filter: selection.filter.clone().unwrap_or_default() };
        let lines = |source: &Source| 1..=source.text.lines().count() as u32;
        // A survey runs the models, so a filter that no line fits is rejected before it.
        if !audited.sources.iter().any(|source| lines(source).any(|line| audited.fits(&source.file, line))) {
            return Err(
                "nothing of the audited source fits the filter; name a part of a path, or file.rs:12"
                    .to_string(),
            );
        }
        Ok(audited)
    }

    /// Returns whether an operation at a line is asked for.
    pub(super) fn fits(&self, file: &str, line: u32) -> bool {
        let is_audited = SOURCES.iter().any(|folder| file.starts_with(folder));
        is_audited && format!("{file}:{line}").contains(&self.filter)
    }

    /// Joins what the models say of the operations with what stands in the source.
    pub(super) fn summary(&self, entries: Vec<Entry>) -> Result<Summary, String> {
        let sites = modelled(&self.sources)?.into_iter();
        let sites: Vec<Site> = sites.filter(|site| self.fits(&site.file, site.lines.0)).collect();
        if entries.is_empty() && sites.is_empty() {
            return Err("no ordering, fence or wake-up fits the filter".to_string());
        }
        let text = |file: &str| {
            let source = self.sources.iter().find(|source| source.file == file);
            source.map(|source| source.text.clone())
        };
        Ok(Summary::new(entries, &sites, text))
    }
}

/// Returns the engines that were asked for; without a choice the graph engine alone, which judges everything, or else
/// every engine that explores.
fn engines(selection: &Selection) -> Result<Vec<Engine>, String> {
    let mut engines = selection.engines()?;
    engines.retain(|engine| *engine != Engine::Native);
    if selection.engines.is_empty() && engines.contains(&Engine::Graph) {
        engines = vec![Engine::Graph];
    }
    if engines.is_empty() {
        return Err(
            "no engine that explores is compiled in; add `--features graph` to cargo's command".to_string()
        );
    }
    Ok(engines)
}

/// A model under an engine, and the operations that it meets there.
pub(super) type Meeting = ((&'static Model, Engine), Vec<Use>);

/// Runs every model that is asked for once, and collects the operations that it meets.
pub(super) fn meetings(
    selection: &Selection,
    engines: &[Engine],
    model: Option<&str>,
    effort: &Effort,
) -> Result<Vec<Meeting>, String> {
    let wanted = |found: &&Model| model.is_none_or(|text| found.name.contains(text));
    let models = MODELS.iter().filter(wanted);
    let all = models.flat_map(|model| engines.iter().map(move |engine| (model, *engine)));
    let pairs: Vec<(&Model, Engine)> = all.filter(|(model, engine)| model.is_run_under(*engine)).collect();
    let label = |(model, engine): &(&Model, Engine)| format!("{} under {engine}", model.name);
    let met = jobs::run(&pairs, selection.jobs.into(), selection.json, label, |(model, engine), _| {
        survey(model, *engine, effort)
    });
    let meeting = |(pair, met): (_, Result<Vec<Use>, _>)| match met {
        Ok(uses) => Ok((pair, uses)),
        Err(report) => {
            Err(format!("{} fails without any change, so that it cannot judge one: {report}", label(&pair)))
        }
    };
    pairs.into_iter().zip(met).map(meeting).collect()
}

/// Returns what can be changed in the operations that models meet.
pub(super) fn work(met: &[Meeting], fits: impl Fn(&str, u32) -> bool) -> Vec<Work> {
    let mut work: BTreeMap<String, Work> = BTreeMap::new();
    for (pair, uses) in met {
        for candidate in candidates(uses) {
            let site = candidate.met.site;
            if fits(site.file(), site.line()) {
                let key = format!("{site} {:?}", candidate.mutation.change);
                work.entry(key).or_insert_with(|| (candidate, Vec::new())).1.push(*pair);
            }
        }
    }
    work.into_values().collect()
}

/// Returns the folder of the workspace.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// Returns the operations that models should reach.
fn modelled(sources: &[Source]) -> Result<Vec<Site>, String> {
    let mut found = Vec::new();
    for source in sources {
        if !NOT_MODELLED.iter().any(|part| source.file.starts_with(part)) {
            found.extend(source.scan()?);
        }
    }
    Ok(found)
}
