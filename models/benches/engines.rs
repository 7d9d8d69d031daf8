//! The engines side by side: for each program the number of executions, and the least of three times that a whole
//! exploration takes.
//!
//! Each engine searches plainly, without phases that find failures first. The graph engine explores each program under
//! its default memory model and under `genmc`. Where GenMC publishes the
//! number of executions, the number under `genmc` must be the same. At the end stand the geometric means of loom's and
//! shuttle's times over the graph engine's, on the programs with three or more threads that they finish, and the
//! smallest ratio of all programs. The bench fails if loom's mean over our own programs is less than 100.
//!
//! `cargo bench -p selvedge-models --all-features --bench engines -- --limit 2 fa` runs the programs with `fa` in
//! their names, each for two seconds at most.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "a bench runs models; it is none")]
#![allow(missing_docs, reason = "a bench has no users")]

mod arguments;
mod programs;

use arguments::Arguments;
use comfy_table::{Table, presets};
use programs::Program;
use selvedge_check::{Checker, Engine, MemoryModel, Report, Strategy, Verdict};
use std::process::ExitCode;
use std::sync::Arc;

/// How many times as long as the graph engine loom must take.
const LEAST: f64 = 100.0;

/// An engine, and the memory model under which the graph engine runs.
type Column = (Engine, MemoryModel);

const COLUMNS: [Column; 4] = [
    (Engine::Graph, MemoryModel::C20),
    (Engine::Graph, MemoryModel::Genmc),
    (Engine::Loom, MemoryModel::C20),
    (Engine::Shuttle(Strategy::DepthFirst), MemoryModel::C20),
];

const HEAD: [&str; 7] =
    ["program", "threads", "graph, c20", "graph, genmc", "GenMC 0.11", "loom", "shuttle, depth-first"];

/// How an exploration came to its end.
#[derive(Clone, Copy)]
struct Measured {
    executions: u64,
    seconds: f64,
}

/// A program with what each column measured; `None`: the engine did not come to the end.
struct Row {
    program: Program,
    measured: [Option<Measured>; 4],
}

fn main() -> ExitCode {
    let arguments = Arguments::read();
    let ours = measure(programs::ours(), &arguments);
    let genmc = measure(programs::of_genmc(), &arguments);
    print("Our programs", &ours);
    print("Programs of GenMC's test suite with 100 and more executions", &genmc);
    let mean = compare("our programs", &ours);
    compare("GenMC's programs", &genmc);
    let agree = ours.iter().chain(&genmc).filter(|row| !row.agrees()).map(|row| row.program.name.as_str());
    let differ: Vec<_> = agree.collect();
    if !differ.is_empty() {
        println!("GenMC publishes another number of executions of {}", differ.join(", "));
    }
    let slow = mean.is_some_and(|mean| mean < LEAST);
    if slow {
        println!("loom must take at least {LEAST} times as long as the graph engine");
    }
    ExitCode::from(u8::from(slow || !differ.is_empty()))
}

fn measure(programs: Vec<Program>, arguments: &Arguments) -> Vec<Row> {
    let selected = programs.into_iter().filter(|program| arguments.select(&program.name));
    selected
        .map(|program| {
            let measured = COLUMNS.map(|column| explore(&program, column, arguments));
            eprintln!("{}", program.name);
            Row { program, measured }
        })
        .collect()
}

/// Explores a program three times, or once if that takes more than a second.
fn explore(program: &Program, (engine, model): Column, arguments: &Arguments) -> Option<Measured> {
    let checker = Checker::new()
        .ignore_environment()
        .engines([engine])
        .memory_model(model)
        .detect_races(program.is_free_of_races())
        .preemption_bound(None)
        .spurious_failures(false)
        .find_first(false)
        .time_limit(arguments.limit);
    let body: Arc<dyn Fn() + Send + Sync> = program.body(engine).into();
    let mut least: Option<Measured> = None;
    for _ in 0..3 {
        let body = Arc::clone(&body);
        let report = checker.run(move || body()).remove(0);
        if !ends(&report) {
            return None;
        }
        let seconds = report.elapsed.as_secs_f64();
        let seconds = least.map_or(seconds, |least| least.seconds.min(seconds));
        least = Some(Measured { executions: report.executions, seconds });
        if seconds > 1.0 {
            break;
        }
    }
    least
}

fn ends(report: &Report) -> bool {
    match &report.verdict {
        Verdict::Exhaustive => true,
        Verdict::Searched { .. } => !report.out_of_time,
        Verdict::Refused { .. } if report.engine == Engine::Loom => false,
        Verdict::Failed(_) | Verdict::Refused { .. } => panic!("{report}"),
        _ => false,
    }
}

impl Row {
    /// Returns whether the number of executions under `genmc` is the published one, as far as both are known.
    fn agrees(&self) -> bool {
        let [_, genmc, ..] = self.measured;
        self.program.published.is_none_or(|published| genmc.is_none_or(|genmc| genmc.executions == published))
    }

    /// Returns how many times as long as the graph engine an engine takes.
    fn ratio(&self, column: usize) -> Option<f64> {
        Some(self.measured[column]?.seconds / self.measured[0]?.seconds)
    }
}

fn print(title: &str, rows: &[Row]) {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_header(HEAD);
    for Row { program, measured } in rows {
        let [c20, genmc, loom, shuttle] = measured.map(|measured| match measured {
            Some(Measured { executions, seconds }) => format!("{executions}, {:.2} ms", seconds * 1e3),
            None => "not to the end".to_owned(),
        });
        let published = program.published.map_or("-".to_owned(), |published| published.to_string());
        let (name, threads) = (program.name.clone(), program.threads.to_string());
        table.add_row([name, threads, c20, genmc, published, loom, shuttle]);
    }
    println!("{title}:\n{table}\n");
}

/// Prints how long loom and shuttle take; returns loom's geometric mean on the programs with three or more threads.
fn compare(title: &str, rows: &[Row]) -> Option<f64> {
    let [loom, _] = [2, 3].map(|column| {
        let ratios = |threads: usize| {
            let rows = rows.iter().filter(move |row| row.program.threads >= threads);
            rows.filter_map(move |row| row.ratio(column))
        };
        let least = ratios(0).fold(f64::INFINITY, f64::min);
        let (count, sum) = ratios(3).fold((0, 0.0), |(count, sum), ratio| (count + 1, sum + ratio.ln()));
        let mean = (count > 0).then(|| (sum / f64::from(count)).exp())?;
        println!(
            "{title}: {} takes {mean:.0} times as long as the graph engine with three or more threads ({count} programs); \
             least of all {least:.1}",
            COLUMNS[column].0
        );
        Some(mean)
    });
    loom
}
