//! `selvedge audit`: which orderings, fences and wake-ups of the primitives the models need.

use super::{AuditArguments, jobs};
use cargo_selvedge::{Site, Source, Summary, report, sources};
use selvedge_check::Engine;
use selvedge_check::audit::{Candidate, Entry, candidates};
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
    Ok(summary_and_models(arguments)?.0)
}

/// Audits the primitives. Returns the summary, and the models that meet an operation of it.
pub(super) fn summary_and_models(
    arguments: &AuditArguments,
) -> Result<(Summary, Vec<&'static Model>), String> {
    let selection = &arguments.selection;
    let engines = engines(arguments)?;
    let effort = Effort { time_limit: Duration::from_secs(arguments.time_limit) };
    let fits = |file: &str, line: u32| {
        let wanted = selection.filter.as_deref().unwrap_or("");
        SOURCES.iter().any(|folder| file.starts_with(folder)) && format!("{file}:{line}").contains(wanted)
    };
    let mut all_sources = Vec::new();
    for folder in SOURCES {
        all_sources.extend(sources(&root(), &root().join(folder))?);
    }
    let sources = all_sources;
    let lines = |source: &Source| 1..=source.text.lines().count() as u32;
    // The survey runs the models, so a filter that no line fits is rejected before it.
    if !sources.iter().any(|source| lines(source).any(|line| fits(&source.file, line))) {
        return Err(
            "nothing of the audited source fits the filter; name a part of a path, or file.rs:12".to_string()
        );
    }
    let work = work(arguments, &engines, &effort, fits)?;
    let label = |(candidate, _): &Work| candidate.met.site.to_string();
    let entries: Vec<Entry> =
        jobs::run(&work, selection.jobs.into(), selection.json, label, |(candidate, pairs), counters| {
            candidate.entry(judge(candidate, pairs, &effort, &counters))
        });
    let sites: Vec<Site> =
        modelled(&sources)?.into_iter().filter(|site| fits(&site.file, site.lines.0)).collect();
    if entries.is_empty() && sites.is_empty() {
        return Err("no ordering, fence or wake-up fits the filter".to_string());
    }
    let text =
        |file: &str| sources.iter().find(|source| source.file == file).map(|source| source.text.clone());
    let pairs = work.iter().flat_map(|(_, pairs)| pairs);
    let models: BTreeMap<&str, &Model> = pairs.map(|(model, _)| (model.name, *model)).collect();
    Ok((Summary::new(entries, &sites, text), models.into_values().collect()))
}

/// Returns the engines that were asked for; without a choice the graph engine alone, which judges everything, or else
/// every engine that explores.
fn engines(arguments: &AuditArguments) -> Result<Vec<Engine>, String> {
    let mut engines = arguments.selection.engines()?;
    engines.retain(|engine| *engine != Engine::Native);
    if arguments.selection.engines.is_empty() && engines.contains(&Engine::Graph) {
        engines = vec![Engine::Graph];
    }
    if engines.is_empty() {
        return Err(
            "no engine that explores is compiled in; add `--features graph` to cargo's command".to_string()
        );
    }
    Ok(engines)
}

/// Runs every model that is asked for once, and collects what can be changed in it.
fn work(
    arguments: &AuditArguments,
    engines: &[Engine],
    effort: &Effort,
    fits: impl Fn(&str, u32) -> bool,
) -> Result<Vec<Work>, String> {
    let selection = &arguments.selection;
    let wanted = |model: &&Model| arguments.model.as_deref().is_none_or(|text| model.name.contains(text));
    let models = MODELS.iter().filter(wanted);
    let all = models.flat_map(|model| engines.iter().map(move |engine| (model, *engine)));
    let pairs: Vec<(&Model, Engine)> = all.filter(|(model, engine)| model.is_run_under(*engine)).collect();
    let label = |(model, engine): &(&Model, Engine)| format!("{} under {engine}", model.name);
    let met = jobs::run(&pairs, selection.jobs.into(), selection.json, label, |(model, engine), _| {
        survey(model, *engine, effort)
    });
    let mut work: BTreeMap<String, Work> = BTreeMap::new();
    for (pair, met) in pairs.iter().zip(met) {
        let uses = met.map_err(|report| {
            format!("{} fails without any change, so that it cannot judge one: {report}", label(pair))
        })?;
        for candidate in candidates(&uses) {
            let site = candidate.met.site;
            if fits(site.file(), site.line()) {
                let key = format!("{site} {:?}", candidate.mutation.change);
                work.entry(key).or_insert_with(|| (candidate, Vec::new())).1.push(*pair);
            }
        }
    }
    Ok(work.into_values().collect())
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
