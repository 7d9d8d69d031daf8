//! The time to the first failure: how long each search takes, and how many executions, until it finds the bug of each
//! kernel in its buggy form, and catches each mutant of each model.
//!
//! Each engine searches as by default, and plainly, without the phases that find failures first
//! (`Checker::find_first`). Each search runs a program until it fails, or its time is over; a mutant has the bounds of
//! its model. A failure that a search does not find counts with the whole limit in the geometric mean of the times. The
//! table begins with the program on which the slowest search takes longest. A search is not asked for what its engine
//! cannot see.
//!
//! `cargo bench -p selvedge-models --all-features --bench first_failure -- --limit 2 grpc` runs the programs with
//! `grpc` in their names, each for two seconds at most.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench runs models; it is none")]
#![allow(missing_docs, reason = "a bench has no users")]

mod arguments;

use arguments::Arguments;
use comfy_table::{Table, presets};
use selvedge_check::{Checker, Engine, FailureKind, Mutation, Primitives, Strategy};
use selvedge_models::bugs::BUGS;
use selvedge_models::models::MODELS;

/// The most events of an execution of a model with a preemption bound, as everywhere else.
const EVENTS: u32 = 600;

/// A way to look for failures.
struct Search {
    name: &'static str,
    engine: Engine,
    /// Whether the search of everything waits for what finds failures first.
    find_first: bool,
}

const SEARCHES: [Search; 4] = [
    Search { name: "graph", engine: Engine::Graph, find_first: true },
    Search { name: "graph, plain", engine: Engine::Graph, find_first: false },
    Search { name: "shuttle", engine: Engine::Shuttle(Strategy::DepthFirst), find_first: true },
    Search { name: "shuttle, plain", engine: Engine::Shuttle(Strategy::DepthFirst), find_first: false },
];

/// A program that fails.
struct Program {
    name: String,
    body: fn(),
    bound: Option<usize>,
    mutations: Vec<Mutation>,
    is_seen_by: Box<dyn Fn(Engine) -> bool>,
}

/// What came of a search.
#[derive(Clone, Copy)]
enum Outcome {
    Found { seconds: f64, executions: u64 },
    NotFound,
    NotSeen,
}

fn main() {
    let arguments = Arguments::read();
    let programs = kernels().chain(mutants()).filter(|program| arguments.select(&program.name));
    let mut rows: Vec<_> = programs
        .map(|program| {
            let outcomes = SEARCHES.each_ref().map(|search| look(&program, search, &arguments));
            eprintln!("{}: {}", program.name, outcomes.map(|outcome| outcome.to_string()).join("; "));
            (program.name, outcomes)
        })
        .collect();
    let limit = arguments.limit.as_secs_f64();
    let slowest = |outcomes: &[Outcome]| {
        outcomes.iter().filter_map(|outcome| outcome.seconds(limit)).fold(0.0, f64::max)
    };
    rows.sort_by(|(_, a), (_, b)| slowest(b).total_cmp(&slowest(a)));
    print(&rows);
    for (column, search) in SEARCHES.iter().enumerate() {
        let outcomes = rows.iter().map(|(name, outcomes)| (name.as_str(), outcomes[column]));
        summarize(search.name, &outcomes.collect::<Vec<_>>(), limit);
    }
}

/// Returns the buggy form of every kernel.
fn kernels() -> impl Iterator<Item = Program> {
    BUGS.iter().map(|bug| Program {
        name: bug.id.to_owned(),
        body: bug.buggy,
        bound: None,
        mutations: Vec::new(),
        is_seen_by: Box::new(|engine| bug.kind != FailureKind::Race || engine.sees_races()),
    })
}

/// Returns every model with each of its mutants.
fn mutants() -> impl Iterator<Item = Program> {
    MODELS.iter().flat_map(|model| {
        model.mutants.iter().map(|mutant| Program {
            name: format!("{} / {}", model.name, mutant.name()),
            body: model.body,
            bound: model.bound,
            mutations: mutant.mutations(),
            is_seen_by: Box::new(|engine| mutant.is_seen_by(engine)),
        })
    })
}

fn look(program: &Program, search: &Search, arguments: &Arguments) -> Outcome {
    if !(program.is_seen_by)(search.engine) {
        return Outcome::NotSeen;
    }
    let checker = Checker::new()
        .ignore_environment()
        .engines([search.engine])
        .primitives(Primitives::Real)
        .preemption_bound(program.bound)
        .event_bound(program.bound.map(|_| EVENTS))
        .find_first(search.find_first)
        .shrink(false)
        .time_limit(arguments.limit);
    let checker = program.mutations.iter().cloned().fold(checker, Checker::mutate);
    let report = checker.run(program.body).remove(0);
    match report.verdict.failure() {
        Some(found) => {
            Outcome::Found { seconds: report.elapsed.as_secs_f64(), executions: found.failure.execution }
        }
        None => Outcome::NotFound,
    }
}

impl Outcome {
    /// Returns the time of the search; the limit if it found nothing.
    fn seconds(&self, limit: f64) -> Option<f64> {
        match self {
            Outcome::Found { seconds, .. } => Some(*seconds),
            Outcome::NotFound => Some(limit),
            Outcome::NotSeen => None,
        }
    }

    fn executions(&self) -> Option<u64> {
        match self {
            Outcome::Found { executions, .. } => Some(*executions),
            _ => None,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Outcome::Found { seconds, executions } => write!(f, "{:.1} ms, {executions}", seconds * 1e3),
            Outcome::NotFound => write!(f, "not found"),
            Outcome::NotSeen => write!(f, "-"),
        }
    }
}

fn print(rows: &[(String, [Outcome; SEARCHES.len()])]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(core::iter::once("program").chain(SEARCHES.iter().map(|search| search.name)));
    for (name, outcomes) in rows {
        let cells = outcomes.iter().map(ToString::to_string);
        table.add_row(core::iter::once(name.clone()).chain(cells));
    }
    println!("{table}\n");
}

/// Prints what a search came to on all programs that its engine can see fail.
fn summarize(search: &str, outcomes: &[(&str, Outcome)], limit: f64) {
    let seconds: Vec<f64> = outcomes.iter().filter_map(|(_, outcome)| outcome.seconds(limit)).collect();
    let executions: Vec<f64> =
        outcomes.iter().filter_map(|(_, outcome)| outcome.executions()).map(|count| count as f64).collect();
    let seen = outcomes.iter().filter(|(_, outcome)| !matches!(outcome, Outcome::NotSeen));
    let missed = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::NotFound));
    let missed: Vec<_> = missed.map(|(name, _)| *name).collect();
    let found = outcomes.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Found { .. }));
    let worst =
        found.max_by(|(_, a), (_, b)| a.seconds(limit).partial_cmp(&b.seconds(limit)).expect("a number"));
    println!("{search}: {} of {} found", executions.len(), seen.count());
    println!("  geometric means: {:.2} ms, {:.1} executions", mean(&seconds) * 1e3, mean(&executions));
    if let Some((name, outcome)) = worst {
        println!("  worst of those found: {outcome} ({name})");
    }
    if !missed.is_empty() {
        println!("  not found within {limit} s: {}", missed.join(", "));
    }
}

fn mean(numbers: &[f64]) -> f64 {
    (numbers.iter().map(|number| number.ln()).sum::<f64>() / numbers.len() as f64).exp()
}
