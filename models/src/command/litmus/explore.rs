//! Litmus programs under an engine.

use selvedge_check::{Checker, Counters, Engine, FailureKind, Report, Verdict};
use selvedge_models::litmus::{Compiled, Mode, Outcome, Outcomes, Program};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long loom and shuttle may take for a program.
const LIMIT: Duration = Duration::from_secs(5);

/// What exploring a program under an engine has come to.
#[derive(Serialize)]
pub(super) struct Row {
    pub(super) program: String,
    pub(super) engine: String,
    pub(super) model: String,
    pub(super) expected: Option<u64>,
    pub(super) executions: u64,
    pub(super) blocked: u64,
    pub(super) verdict: String,
    pub(super) seconds: f64,
    /// Outcomes that the graph engine finds and this engine does not.
    pub(super) misses: Vec<String>,
    /// Outcomes that this engine finds and the graph engine does not.
    pub(super) invents: Vec<String>,
    pub(super) remark: String,
    pub(super) ok: bool,
}

/// Returns the checker of a program under an engine; the graph engine explores under the model of this name.
pub(super) fn checker(program: &Program, engine: Engine, model: &str, counters: &Arc<Counters>) -> Checker {
    let checker = Checker::new()
        .name(&program.name)
        .ignore_environment()
        .engines([engine])
        .preemption_bound(None)
        .detect_races(false)
        .spurious_failures(false)
        .time_limit(Duration::from_secs(3600))
        .counters(Arc::clone(counters));
    under(checker, model)
}

/// Sets the memory model under which the graph engine explores.
#[cfg(feature = "graph")]
fn under(checker: Checker, model: &str) -> Checker {
    checker.memory_model(model.parse().expect("the command has looked at the names"))
}

/// Returns the checker as it is: no engine here has a memory model to choose.
#[cfg(not(feature = "graph"))]
fn under(checker: Checker, _: &str) -> Checker {
    checker
}

fn run_one(checker: &Checker, program: &Program, mode: Mode, outcomes: Option<Arc<Outcomes>>) -> Report {
    let compiled = Arc::new(Compiled::new(program, mode, outcomes));
    let mut reports = checker.run(move || compiled.run());
    reports.pop().expect("one engine gives one report")
}

/// Explores a program under a memory model, and looks for its race if it has one.
pub(super) fn explore(program: &Program, model: &str, jobs: usize, counters: Arc<Counters>) -> Row {
    let checker = checker(program, Engine::Graph, model, &counters).jobs(jobs);
    let report = run_one(&checker, program, Mode::Graph, None);
    let counted = program.expectation.under(model).is_none_or(|expected| expected == report.executions);
    let mut remark = match &report.verdict {
        Verdict::Exhaustive => String::new(),
        other => format!("{}: {report}", other.label()),
    };
    let mut ok = counted && matches!(report.verdict, Verdict::Exhaustive);
    if program.expectation.race {
        let raced = run_one(&checker.detect_races(true), program, Mode::Graph, None);
        let race = raced.verdict.failure().filter(|found| found.failure.kind == FailureKind::Race);
        ok &= race.is_some();
        remark = match race {
            Some(_) => "races, as expected".to_string(),
            None => format!("must race: {raced}"),
        };
    }
    row(program, model, &report, remark, ok)
}

fn row(program: &Program, model: &str, report: &Report, remark: String, ok: bool) -> Row {
    Row {
        program: program.name.clone(),
        engine: report.engine.to_string(),
        model: model.to_string(),
        expected: program.expectation.under(model),
        executions: report.executions,
        blocked: report.blocked,
        verdict: report.verdict.label().to_string(),
        seconds: report.elapsed.as_secs_f64(),
        misses: Vec::new(),
        invents: Vec::new(),
        remark,
        ok,
    }
}

/// Holds another engine's outcomes against those that the graph engine has under a memory model.
pub(super) fn compare(program: &Program, engine: Engine, model: &str, counters: Arc<Counters>) -> Row {
    let oracle = outcomes_of(&checker(program, Engine::Graph, model, &counters), program, Mode::Graph).1;
    let limited = checker(program, engine, model, &counters).time_limit(LIMIT);
    let (report, found) = outcomes_of(&limited, program, Mode::Other);
    let names = |outcomes: BTreeSet<&Outcome>| outcomes.into_iter().map(Outcome::to_string).collect();
    let remark = match &report.verdict {
        Verdict::Exhaustive => String::new(),
        _ => report.to_string(),
    };
    Row {
        misses: names(oracle.difference(&found).collect()),
        invents: names(found.difference(&oracle).collect()),
        ..row(program, "", &report, remark, true)
    }
}

pub(super) fn outcomes_of(checker: &Checker, program: &Program, mode: Mode) -> (Report, BTreeSet<Outcome>) {
    let outcomes = Arc::new(Outcomes::default());
    let report = run_one(checker, program, mode, Some(Arc::clone(&outcomes)));
    (report, outcomes.take())
}

/// Explores a program under two models, and lists the outcomes that one of them allows and the other does not.
pub(super) fn differ(program: &Program, models: [&str; 2], counters: Arc<Counters>) -> Difference {
    let [a, b] = models.map(|model| {
        let found = outcomes_of(&checker(program, Engine::Graph, model, &counters), program, Mode::Graph);
        (found.0.executions, found.1)
    });
    let names = |outcomes: BTreeSet<&Outcome>| outcomes.into_iter().map(Outcome::to_string).collect();
    Difference {
        program: program.name.clone(),
        executions: [a.0, b.0],
        only_first: names(a.1.difference(&b.1).collect()),
        only_second: names(b.1.difference(&a.1).collect()),
    }
}

/// What two memory models make of a program.
#[derive(Serialize)]
pub(super) struct Difference {
    pub(super) program: String,
    pub(super) executions: [u64; 2],
    /// Outcomes that only the first model allows.
    pub(super) only_first: Vec<String>,
    /// Outcomes that only the second model allows.
    pub(super) only_second: Vec<String>,
}
