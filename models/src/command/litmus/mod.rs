//! `selvedge litmus`: litmus programs under engines, or on this machine's processors.

mod explore;
mod native;

use super::{LitmusArguments, counted, jobs, print_json, seconds, table};
use explore::{Row, compare, explore};
use selvedge_check::Engine;
use selvedge_models::litmus::{PROGRAMS, Program, parse};
use std::fs;
use std::time::Duration;

/// Programs with more executions run only when they are asked for.
const MANY: u64 = 100_000;

/// Runs litmus programs, and returns whether each came out as expected.
pub(crate) fn run(arguments: &LitmusArguments) -> Result<bool, String> {
    let programs = programs(arguments)?;
    if arguments.native {
        return native::run(&programs, arguments.instances, arguments.json);
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
        print_json(&rows)?;
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
