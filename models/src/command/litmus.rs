//! `selvedge litmus`.

use super::{LitmusArguments, hardware, jobs, seconds, table};
use selvedge_check::{Checker, Counters, Engine, FailureKind, Report, Verdict};
use selvedge_models::litmus::{Compiled, Mode, Outcome, Outcomes, PROGRAMS, Program, parse};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

/// Programs with more executions run only when they are asked for.
const MANY: u64 = 100_000;

/// How long loom and shuttle may take for a program.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Row {
    program: String,
    engine: String,
    expected: Option<u64>,
    executions: u64,
    blocked: u64,
    verdict: String,
    seconds: f64,
    /// Outcomes that rc11 has and this engine has not.
    misses: Vec<String>,
    /// Outcomes that this engine has and rc11 has not.
    invents: Vec<String>,
    remark: String,
    ok: bool,
}

/// Runs litmus programs; whether all came out as expected.
pub(crate) fn run(arguments: &LitmusArguments) -> Result<bool, String> {
    let programs = programs(arguments)?;
    if arguments.native {
        return hardware::run(&programs, arguments.instances, arguments.json);
    }
    let engines = if arguments.engines.is_empty() { vec![Engine::Rc11] } else { arguments.engines.clone() };
    if let Some(missing) = engines.iter().chain([&Engine::Rc11]).find(|engine| !engine.is_available()) {
        return Err(format!("{missing} is not compiled in; add `--features rc11` to cargo's command"));
    }
    let pairs: Vec<(&Program, Engine)> =
        programs.iter().flat_map(|program| engines.iter().map(move |engine| (program, *engine))).collect();
    let rows = jobs::run(
        &pairs,
        arguments.jobs.into(),
        arguments.json,
        |(program, engine)| format!("{} under {engine}", program.name),
        |(program, engine), counters| match engine {
            Engine::Rc11 => explore(program, arguments.explore_jobs.into(), counters),
            engine => compare(program, *engine, counters),
        },
    );
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
    } else {
        show(&rows);
    }
    Ok(rows.iter().all(|row| row.ok))
}

fn programs(arguments: &LitmusArguments) -> Result<Vec<Program>, String> {
    let text = match &arguments.file {
        None => PROGRAMS.to_string(),
        Some(file) => {
            fs::read_to_string(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?
        }
    };
    let file = arguments.file.as_ref().map_or("litmus.txt".to_string(), |file| file.display().to_string());
    let all = parse(&text).map_err(|error| format!("{file}:{error}"))?;
    for name in &arguments.names {
        if !all.iter().any(|program| program.name == *name) {
            let like: Vec<_> = all
                .iter()
                .map(|program| program.name.as_str())
                .filter(|known| known.contains(name))
                .collect();
            let like =
                if like.is_empty() { String::new() } else { format!("; there are {}", like.join(", ")) };
            return Err(format!("{file} has no program named `{name}`{like}"));
        }
    }
    let wanted = |program: &Program| {
        if arguments.names.is_empty() {
            arguments.all || program.expectation.executions.is_none_or(|executions| executions <= MANY)
        } else {
            arguments.names.contains(&program.name)
        }
    };
    Ok(all.into_iter().filter(wanted).collect())
}

pub(super) fn checker(program: &Program, engine: Engine, counters: &Arc<Counters>) -> Checker {
    Checker::new()
        .name(&program.name)
        .ignore_environment()
        .engines([engine])
        .preemption_bound(None)
        .detect_races(false)
        .spurious_failures(false)
        .time_limit(Duration::from_secs(3600))
        .counters(Arc::clone(counters))
}

fn run_one(checker: &Checker, program: &Program, mode: Mode, outcomes: Option<Arc<Outcomes>>) -> Report {
    let compiled = Arc::new(Compiled::new(program, mode, outcomes));
    let mut reports = checker.run(move || compiled.run());
    reports.pop().expect("one engine gives one report")
}

/// Explores a program under rc11, and looks for its race if it has one.
fn explore(program: &Program, jobs: usize, counters: Arc<Counters>) -> Row {
    let checker = checker(program, Engine::Rc11, &counters).jobs(jobs);
    let report = run_one(&checker, program, Mode::Rc11, None);
    let counted = program.expectation.executions.is_none_or(|expected| expected == report.executions);
    let mut remark = match &report.verdict {
        Verdict::Exhaustive => String::new(),
        other => format!("{}: {report}", other.label()),
    };
    let mut ok = counted && matches!(report.verdict, Verdict::Exhaustive);
    if program.expectation.race {
        let raced = run_one(&checker.detect_races(true), program, Mode::Rc11, None);
        let race = raced.verdict.failure().filter(|found| found.failure.kind == FailureKind::Race);
        ok &= race.is_some();
        remark = match race {
            Some(_) => "races, as expected".to_string(),
            None => format!("must race: {raced}"),
        };
    }
    row(program, &report, remark, ok)
}

fn row(program: &Program, report: &Report, remark: String, ok: bool) -> Row {
    Row {
        program: program.name.clone(),
        engine: report.engine.to_string(),
        expected: program.expectation.executions,
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

/// Holds another engine's outcomes against rc11's.
fn compare(program: &Program, engine: Engine, counters: Arc<Counters>) -> Row {
    let oracle = outcomes_of(&checker(program, Engine::Rc11, &counters), program, Mode::Rc11).1;
    let limited = checker(program, engine, &counters).time_limit(LIMIT);
    let (report, found) = outcomes_of(&limited, program, Mode::Other);
    let names = |outcomes: BTreeSet<&Outcome>| outcomes.into_iter().map(Outcome::to_string).collect();
    let remark = match &report.verdict {
        Verdict::Exhaustive => String::new(),
        _ => report.to_string(),
    };
    Row {
        misses: names(oracle.difference(&found).collect()),
        invents: names(found.difference(&oracle).collect()),
        ..row(program, &report, remark, true)
    }
}

pub(super) fn outcomes_of(checker: &Checker, program: &Program, mode: Mode) -> (Report, BTreeSet<Outcome>) {
    let outcomes = Arc::new(Outcomes::default());
    let report = run_one(checker, program, mode, Some(Arc::clone(&outcomes)));
    (report, outcomes.take())
}

fn show(rows: &[Row]) {
    let compares = rows.iter().any(|row| row.engine != Engine::Rc11.name());
    let mut head = vec!["program", "engine", "expected", "executions", "blocked", "verdict", "time"];
    if compares {
        head.extend(["misses", "invents"]);
    }
    let mut shown = table(&head);
    for row in rows {
        let mut cells = vec![
            row.program.clone(),
            row.engine.clone(),
            row.expected.map_or("-".to_string(), |expected| expected.to_string()),
            row.executions.to_string(),
            row.blocked.to_string(),
            if row.ok { row.verdict.clone() } else { format!("{} ✗", row.verdict) },
            seconds(Duration::from_secs_f64(row.seconds)),
        ];
        if compares {
            cells.extend([counted(&row.misses), counted(&row.invents)]);
        }
        shown.add_row(cells);
    }
    println!("{shown}");
    for row in rows.iter().filter(|row| !row.remark.is_empty() && (!row.ok || compares)) {
        println!("{}: {}", row.program, row.remark.lines().next().unwrap_or_default());
    }
    let good = rows.iter().filter(|row| row.ok).count();
    println!("{good} of {} as expected", rows.len());
}

/// `2, such as T0.r0=1 T1.r0=0`.
fn counted(outcomes: &[String]) -> String {
    match outcomes.first() {
        None => "0".to_string(),
        Some(first) => format!("{}, such as {first}", outcomes.len()),
    }
}
