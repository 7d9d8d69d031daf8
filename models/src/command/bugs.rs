//! `selvedge bugs`: concurrency bugs of well-known programs, buggy and fixed.

use super::{Selection, coloured, jobs, print_json, table};
use comfy_table::Cell;
use selvedge_check::Engine;
use selvedge_models::bugs::{BUGS, Bug, Finding};
use serde::Serialize;

struct Outcome {
    bug: &'static Bug,
    engine: Engine,
    finding: Finding,
}

#[derive(Serialize)]
struct Row<'a> {
    kernel: &'a str,
    class: String,
    symptom: &'a str,
    engine: &'a str,
    buggy: String,
    executions_until_found: Option<u64>,
    seconds_until_found: Option<f64>,
    fixed: &'a str,
    ok: bool,
}

/// Runs the kernels, and returns whether every engine found each bug that it can see, and every fix passes.
pub(crate) fn run(selection: &Selection) -> Result<bool, String> {
    let bugs = selection.select(BUGS, |bug| bug.id)?;
    let engines = selection.engines()?;
    let pairs: Vec<(&Bug, Engine)> =
        bugs.iter().flat_map(|bug| engines.iter().map(move |engine| (*bug, *engine))).collect();
    let outcomes = jobs::run(
        &pairs,
        selection.jobs.into(),
        selection.json,
        |(bug, engine)| format!("{} under {engine}", bug.id),
        |(bug, engine), _counters| Outcome { bug, engine: *engine, finding: bug.run(*engine) },
    );
    let good = outcomes.iter().all(|outcome| outcome.judge().is_ok());
    if selection.json {
        let rows: Vec<_> = outcomes.iter().map(Outcome::row).collect();
        print_json(&rows)?;
    } else {
        show(&outcomes);
    }
    Ok(good)
}

impl Outcome {
    fn judge(&self) -> Result<(), String> {
        self.finding.judge(self.bug, self.engine)
    }

    fn row(&self) -> Row<'_> {
        let description = self.bug.description();
        let found = self.finding.found();
        Row {
            kernel: self.bug.id,
            class: description.map(|text| format!("{}: {}", text.class.0, text.class.1)).unwrap_or_default(),
            symptom: description.map(|text| text.symptom).unwrap_or_default(),
            engine: self.engine.name(),
            buggy: match (&self.finding.buggy, found) {
                (None, _) => "can't see".to_string(),
                (_, Some(found)) => found.failure.kind.to_string(),
                (Some(_), None) => "not found".to_string(),
            },
            executions_until_found: found.map(|found| found.failure.execution),
            seconds_until_found: found
                .and(self.finding.buggy.as_ref())
                .map(|report| report.elapsed.as_secs_f64()),
            fixed: self.finding.fixed.verdict.label(),
            ok: self.judge().is_ok(),
        }
    }
}

fn show(outcomes: &[Outcome]) {
    let mut rows = table(&[
        "kernel",
        "class",
        "symptom",
        "engine",
        "buggy form",
        "found in execution",
        "after",
        "fixed form",
    ]);
    for row in outcomes.iter().map(Outcome::row) {
        let execution = row.executions_until_found.map(|execution| execution.to_string()).unwrap_or_default();
        let time = row.seconds_until_found.map(|time| format!("{:.1} ms", time * 1e3)).unwrap_or_default();
        rows.add_row([
            Cell::new(row.kernel),
            Cell::new(&row.class),
            Cell::new(row.symptom),
            Cell::new(row.engine),
            coloured(&row.buggy, row.ok),
            Cell::new(execution),
            Cell::new(time),
            coloured(row.fixed, row.ok),
        ]);
    }
    println!("{rows}");
    for outcome in outcomes {
        if let Err(why) = outcome.judge() {
            println!("{} under {}: {why}", outcome.bug.id, outcome.engine);
        }
    }
}
