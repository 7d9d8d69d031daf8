//! `selvedge bugs`.

use super::{Selection, jobs, table};
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
    fixed: &'a str,
    ok: bool,
}

/// Runs the kernels; whether every bug was found by whoever can see it, and every fix passes.
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
        println!("{}", serde_json::to_string_pretty(&rows).map_err(|error| error.to_string())?);
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
            fixed: self.finding.fixed.verdict.label(),
            ok: self.judge().is_ok(),
        }
    }
}

fn show(outcomes: &[Outcome]) {
    let mut rows =
        table(&["kernel", "class", "symptom", "engine", "buggy form", "found in execution", "fixed form"]);
    for row in outcomes.iter().map(Outcome::row) {
        let execution = row.executions_until_found.map(|execution| execution.to_string()).unwrap_or_default();
        rows.add_row([row.kernel, &row.class, row.symptom, row.engine, &row.buggy, &execution, row.fixed]);
    }
    println!("{rows}");
    for outcome in outcomes {
        if let Err(why) = outcome.judge() {
            println!("{} under {}: {why}", outcome.bug.id, outcome.engine);
        }
    }
}
