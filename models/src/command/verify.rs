//! `selvedge verify`: every model, and the mutants that it must catch.

use super::row::Row;
use super::{VerifyArguments, coloured, jobs, junit, page, print_json, seconds, table};
use cargo_selvedge::Summary;
use comfy_table::Cell;
use selvedge_check::{Counters, Engine, Report, Verdict};
use selvedge_models::model::Model;
use selvedge_models::models::MODELS;
use selvedge_models::reach::Reach;
use selvedge_models::run::{Effort, run_model, run_mutant};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A model under an engine, with its mutants.
struct Outcome {
    model: &'static Model,
    report: Report,
    mutants: Mutants,
    shard: Option<(usize, usize)>,
    /// How far the model is to be explored.
    reach: Option<Reach>,
}

/// What has become of the mutants of a model under an engine.
#[derive(Default)]
struct Mutants {
    caught: usize,
    missed: Vec<String>,
    unseen: usize,
}

/// Seconds for each model under each engine without `--time-limit`: all models take less than three minutes on two
/// cores.
const SECONDS: u64 = 2;

impl VerifyArguments {
    fn effort(&self) -> Effort {
        let mut effort = Effort { time_limit: Duration::from_secs(SECONDS), ..Effort::STANDARD };
        if self.full {
            effort = Effort { time_limit: Duration::from_secs(600), runs: 10_000, full: true, ..effort };
        }
        if let Some(limit) = self.time_limit {
            effort.time_limit = limit;
        }
        effort.jobs = self.explore_jobs.into();
        effort.shard = self.shard;
        effort.checkpoint = self.checkpoint.clone();
        effort
    }
}

impl VerifyArguments {
    fn write_reports(&self, outcomes: &[Outcome]) -> Result<(), String> {
        let write = |path: &Path, text: String| {
            std::fs::write(path, text)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))
        };
        if let Some(path) = &self.junit {
            let rows: Vec<_> = outcomes.iter().map(Outcome::row).collect();
            write(path, junit::junit(&rows)?)?;
        }
        let Some(path) = &self.html else { return Ok(()) };
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let rows = outcomes.iter().map(|outcome| {
            let drawn = draw(outcome, folder).map_err(|why| format!("{}: {why}", folder.display()))?;
            Ok(Row { counterexample: drawn.map(|page| name_of(&page)), ..outcome.row() })
        });
        let rows: Vec<Row<'_>> = rows.collect::<Result<_, String>>()?;
        let audit = self.audit.as_ref().map(|path| {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            let wrong =
                |error| format!("{} is not what `selvedge audit --json` prints: {error}", path.display());
            serde_json::from_str::<Summary>(&text).map_err(wrong)
        });
        write(path, page::page(&rows, audit.transpose()?.as_ref()))
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs models with their mutants, and returns whether each came out as expected.
pub(crate) fn run(arguments: &VerifyArguments) -> Result<bool, String> {
    let selection = &arguments.selection;
    let models = selection.select(&MODELS, |model| model.name)?;
    let engines = selection.engines()?;
    if let Some(folder) = &arguments.checkpoint {
        let failed = |error| format!("the folder {} cannot be made: {error}", folder.display());
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let all = models.iter().flat_map(|model| engines.iter().map(move |engine| (*model, *engine)));
    let pairs: Vec<(&Model, Engine)> = all.filter(|(model, engine)| model.is_run_under(*engine)).collect();
    let effort = arguments.effort();
    let outcomes = jobs::run(
        &pairs,
        selection.jobs.into(),
        selection.json,
        |(model, engine)| format!("{} under {engine}", model.name),
        |(model, engine), counters| verify(model, *engine, &effort, counters),
    );
    let good = outcomes.iter().all(Outcome::is_good);
    arguments.write_reports(&outcomes)?;
    if selection.json {
        let rows: Vec<_> = outcomes.iter().map(Outcome::row).collect();
        print_json(&rows)?;
    } else {
        show(&outcomes);
    }
    Ok(good)
}

fn verify(model: &'static Model, engine: Engine, effort: &Effort, counters: Arc<Counters>) -> Outcome {
    let report = run_model(model, engine, effort, Arc::clone(&counters));
    let mut mutants = Mutants::default();
    // The first share tries the mutants for all.
    let mutants_here = effort.shard.is_none_or(|(shard, _)| shard == 1);
    for mutant in model.mutants.iter().filter(|_| mutants_here) {
        if !mutant.is_seen_by(engine) {
            mutants.unseen += 1;
            continue;
        }
        match run_mutant(model, mutant, engine, effort, Arc::clone(&counters)) {
            Ok(()) => mutants.caught += 1,
            Err(why) => mutants.missed.push(format!("{}: {why}", mutant.name())),
        }
    }
    let reach = model.reach(effort.full).filter(|_| engine == Engine::Graph);
    Outcome { model, report, mutants, shard: effort.shard, reach }
}

impl Outcome {
    /// Returns whether no failure was found and something was explored.
    fn passed(&self) -> bool {
        self.report.verdict.passed() && (self.report.executions > 0 || self.shard.is_some())
    }

    /// Returns whether everything was explored that is to be.
    fn has_reached(&self) -> bool {
        self.reach.is_some_and(|reach| reach.is_that_of(&self.report.verdict))
    }

    /// Returns whether the model was explored neither less nor more than it is to be, unless time did not suffice or others
    /// explore the rest.
    fn reaches_as_told(&self) -> bool {
        let unfinished = self.shard.is_some() || cut(&self.report).contains("stopped after");
        self.reach.is_none() || self.has_reached() || unfinished
    }

    fn is_good(&self) -> bool {
        self.passed() && self.reaches_as_told() && self.mutants.missed.is_empty()
    }

    fn row(&self) -> Row<'_> {
        Row {
            model: self.model.name,
            property: self.model.property,
            engine: self.report.engine.name(),
            verdict: self.report.verdict.label(),
            detail: self.report.to_string(),
            executions: self.report.executions,
            blocked: self.report.blocked,
            events: self.report.events,
            operations: self.report.operations,
            shard: self.shard.filter(|_| self.report.engine == Engine::Graph),
            seconds: self.report.elapsed.as_secs_f64(),
            mutants_caught: self.mutants.caught,
            mutants_missed: &self.mutants.missed,
            mutants_it_cannot_see: self.mutants.unseen,
            counterexample: None,
            ok: self.is_good(),
        }
    }
}

impl Mutants {
    /// Returns `2/2`, `1/2`, or `can't see`.
    fn text(&self) -> String {
        match self.caught + self.missed.len() {
            0 => "can't see".to_string(),
            tried if self.unseen == 0 => format!("{}/{tried}", self.caught),
            tried => format!("{}/{tried}, can't see {}", self.caught, self.unseen),
        }
    }
}

/// Draws the execution that failed, where the engine has its graph, and returns the page.
fn draw(outcome: &Outcome, folder: &Path) -> Result<Option<PathBuf>, String> {
    #[cfg(feature = "graph")]
    if let Some(found) = outcome.report.verdict.failure() {
        let failed = |error| format!("the execution's page could not be written: {error}");
        return found.write_to(folder, outcome.model.name).map_err(failed);
    }
    let (_, _) = (outcome, folder);
    Ok(None)
}

fn show(outcomes: &[Outcome]) {
    let head =
        ["model", "property", "engine", "verdict", "what cut it", "executions", "time", "mutants caught"];
    let mut rows = table(&head);
    for outcome in outcomes {
        let report = &outcome.report;
        rows.add_row([
            Cell::new(outcome.model.name),
            Cell::new(outcome.model.property),
            Cell::new(report.engine),
            coloured(report.verdict.label(), outcome.passed()),
            Cell::new(cut(report)),
            Cell::new(report.executions),
            Cell::new(seconds(report.elapsed)),
            coloured(&outcome.mutants.text(), outcome.mutants.missed.is_empty()),
        ]);
    }
    println!("{rows}");
    let bad: Vec<_> = outcomes.iter().filter(|outcome| !outcome.is_good()).collect();
    for outcome in &bad {
        if !outcome.passed() {
            println!("{} under {}", outcome.model.name, outcome.report);
            match draw(outcome, "target/selvedge".as_ref()) {
                Ok(Some(page)) => println!("the execution as a page: {}", page.display()),
                Ok(None) => (),
                Err(why) => println!("{why}"),
            }
        }
        if let Some(reach) = outcome.reach.filter(|_| outcome.passed() && !outcome.reaches_as_told()) {
            println!(
                "{} under {}: the model's row says that the exploration reaches {reach}",
                outcome.model.name, outcome.report
            );
        }
        for missed in &outcome.mutants.missed {
            println!(
                "{} under {}: a mutant was not caught as it must be, {missed}",
                outcome.model.name, outcome.report.engine
            );
        }
    }
    let mutants: usize = outcomes.iter().map(|outcome| outcome.mutants.caught).sum();
    println!("{} of {} as expected, {mutants} mutants caught", outcomes.len() - bad.len(), outcomes.len());
    print_what_is_exhausted(outcomes);
}

/// Returns what has cut a search, in words.
fn cut(report: &Report) -> &str {
    match &report.verdict {
        Verdict::Searched { bounds, .. } => bounds,
        _ => "",
    }
}

/// Prints of how many models everything was explored under the graph engine, in each file of models, and of how many more
/// everything within a bound on retries.
fn print_what_is_exhausted(outcomes: &[Outcome]) {
    let mut files: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.report.engine == Engine::Graph) {
        let [exhausted, within, all] = files.entry(outcome.model.file()).or_default();
        let is_exhausted = matches!(outcome.report.verdict, Verdict::Exhaustive);
        *exhausted += usize::from(is_exhausted);
        *within += usize::from(!is_exhausted && outcome.has_reached());
        *all += 1;
    }
    if files.is_empty() {
        return;
    }
    let each = files.iter().map(|(file, [exhausted, within, all])| match within {
        0 => format!("{file} {exhausted} of {all}"),
        _ => format!("{file} {exhausted} of {all} and {within} within a bound on retries"),
    });
    println!("exhaustive under the graph engine: {}", each.collect::<Vec<_>>().join(", "));
}
