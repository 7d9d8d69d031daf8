//! `selvedge litmus`: litmus programs under engines, or on this machine's processors.

mod explore;
mod native;

use super::{LitmusArguments, counted, jobs, print_json, seconds, table};
use explore::{Row, compare, differ, explore};
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
    let engines = if arguments.engines.is_empty() { vec![Engine::Graph] } else { arguments.engines.clone() };
    if let Some(missing) = engines.iter().chain([&Engine::Graph]).find(|engine| !engine.is_available()) {
        return Err(format!("{missing} is not compiled in; add `--features graph` to cargo's command"));
    }
    check_models(&arguments.models)?;
    if let [first, second] = &arguments.models[..] {
        return differences(arguments, &programs, [first, second]);
    }
    let explorations: Vec<(&Program, Engine, &str)> = programs
        .iter()
        .flat_map(|program| engines.iter().map(move |engine| (program, *engine)))
        .flat_map(|(program, engine)| {
            models_of(arguments, program, engine).into_iter().map(move |model| (program, engine, model))
        })
        .collect();
    let rows = jobs::run(
        &explorations,
        arguments.jobs.into(),
        arguments.json,
        |(program, engine, model)| format!("{} under {engine}, {model}", program.name),
        |(program, engine, model), counters| match engine {
            Engine::Graph => explore(program, model, arguments.explore_jobs.into(), counters),
            engine => compare(program, *engine, model, counters),
        },
    );
    if arguments.json {
        print_json(&rows)?;
    } else {
        show(&rows);
    }
    Ok(rows.iter().all(|row| row.ok))
}

/// The memory models under which a program is explored.
fn models_of<'a>(arguments: &'a LitmusArguments, program: &'a Program, engine: Engine) -> Vec<&'a str> {
    if let [model] = &arguments.models[..] {
        return vec![model];
    }
    if engine != Engine::Graph {
        return vec![DEFAULT];
    }
    let others = program.expectation.counts.iter().map(|(model, _)| model.as_str());
    ["genmc"].into_iter().chain(others).collect()
}

/// The model of which other engines' outcomes should be, and what processors may show.
const DEFAULT: &str = "c20";

fn check_models(models: &[String]) -> Result<(), String> {
    if models.len() > 2 {
        return Err("name one memory model, or two to see where they differ".to_string());
    }
    #[cfg(feature = "graph")]
    for model in models {
        model.parse::<selvedge_check::MemoryModel>().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Shows where two memory models differ.
fn differences(arguments: &LitmusArguments, programs: &[Program], models: [&str; 2]) -> Result<bool, String> {
    let label = |program: &Program| program.name.clone();
    let found = jobs::run(programs, arguments.jobs.into(), arguments.json, label, |program, counters| {
        differ(program, models, counters)
    });
    let different: Vec<_> = found.iter().filter(|found| found.executions[0] != found.executions[1]).collect();
    if arguments.json {
        print_json(&different)?;
        return Ok(true);
    }
    let [first, second] = models;
    let mut shown = table(&["program", first, second, &format!("only {first}"), &format!("only {second}")]);
    for row in &different {
        let [executions, others] = row.executions;
        shown.add_row([
            row.program.clone(),
            executions.to_string(),
            others.to_string(),
            row.only_first.join("\n"),
            row.only_second.join("\n"),
        ]);
    }
    println!("{shown}");
    println!("{} of {} programs have other numbers of executions", different.len(), programs.len());
    Ok(true)
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
    let compares = rows.iter().any(|row| row.engine != Engine::Graph.name());
    let mut head = vec!["program", "engine", "model", "expected", "executions", "blocked", "verdict", "time"];
    if compares {
        head.extend(["misses", "invents"]);
    }
    let mut shown = table(&head);
    for row in rows {
        let mut cells = vec![
            row.program.clone(),
            row.engine.clone(),
            row.model.clone(),
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
