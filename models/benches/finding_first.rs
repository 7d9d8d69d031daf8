//! What the phases that find failures first cost where there is no failure: the search of everything to its end, with
//! and without them.
//!
//! The programs are the models that an engine explores to the end within the limit, with more executions than the
//! search of everything has before all other phases. Operations are counted as well as time: their number is the same
//! on every machine, however busy it is.
//!
//! `cargo bench -p selvedge-models --all-features --bench finding_first -- --limit 2 map` runs the models with `map` in
//! their names, each for two seconds at most.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench runs models; it is none")]
#![allow(missing_docs, reason = "a bench has no users")]

mod arguments;

use arguments::Arguments;
use selvedge_check::{Checker, Engine, Primitives, Report, Strategy, Verdict};
use selvedge_models::model::Model;
use selvedge_models::models::MODELS;

/// The most events of an execution of a model with a preemption bound, as everywhere else.
const EVENTS: u32 = 600;

/// The executions that the search of everything has before the other phases.
const FIRST: u64 = 256;

/// What a search has cost.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    operations: f64,
}

fn main() {
    let arguments = Arguments::read();
    for engine in [Engine::Graph, Engine::Shuttle(Strategy::DepthFirst)] {
        let models = MODELS.iter().filter(|model| arguments.select(model.name));
        let rows: Vec<[Cost; 2]> = models.filter_map(|model| measure(model, engine, &arguments)).collect();
        let count = rows.len();
        if count == 0 {
            println!("{engine}: no model");
            continue;
        }
        let seconds = |column: usize| rows.iter().map(|row| row[column].seconds).sum::<f64>();
        println!(
            "{engine}: {count} models, {:.2} s plainly, {:.2} s with all phases; in the geometric mean {} of the time, \
             {} of the operations",
            seconds(0),
            seconds(1),
            more(&rows, |cost| cost.seconds),
            more(&rows, |cost| cost.operations)
        );
    }
}

/// Returns how much more the phases take, in the geometric mean.
fn more(rows: &[[Cost; 2]], what: impl Fn(&Cost) -> f64) -> String {
    let logarithms = rows.iter().map(|[plain, all]| (what(all) / what(plain)).ln());
    let mean = logarithms.sum::<f64>() / rows.len() as f64;
    format!("{:+.1} %", (mean.exp() - 1.0) * 100.0)
}

/// Returns what a model costs plainly and with all phases, if it is one of those to be measured.
fn measure(model: &Model, engine: Engine, arguments: &Arguments) -> Option<[Cost; 2]> {
    let (executions, plain) = explore(model, engine, false, arguments)?;
    let (_, all) = explore(model, engine, true, arguments)?;
    let row = [[plain, all]];
    println!(
        "{engine} {}: {executions} executions, {:.3} s; {} of the time, {} of the operations",
        model.name,
        plain.seconds,
        more(&row, |cost| cost.seconds),
        more(&row, |cost| cost.operations)
    );
    Some([plain, all])
}

/// Returns the number of executions and what a search to its end costs; `None` if it does not come to its end, or has too
/// few executions.
fn explore(model: &Model, engine: Engine, finds_first: bool, arguments: &Arguments) -> Option<(u64, Cost)> {
    let checker = Checker::new()
        .ignore_environment()
        .engines([engine])
        .primitives(Primitives::Real)
        .preemption_bound(model.bound)
        .event_bound(model.bound.map(|_| EVENTS))
        .find_first(finds_first)
        .time_limit(arguments.limit);
    let report = checker.run(model.body).remove(0);
    let cost = Cost { seconds: report.elapsed.as_secs_f64(), operations: report.operations as f64 };
    (comes_to_its_end(&report) && report.executions + report.blocked > FIRST)
        .then_some((report.executions, cost))
}

fn comes_to_its_end(report: &Report) -> bool {
    match report.verdict {
        Verdict::Exhaustive => true,
        Verdict::Searched { .. } => !report.out_of_time,
        _ => false,
    }
}
