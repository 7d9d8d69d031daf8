//! `selvedge litmus --native`: what this machine's processors show, held against what the model of these processors
//! allows (`tso` on x86-64, else `c20`, which allows no less).

use super::explore::{checker, outcomes_of};
use crate::command::{coloured, counted, jobs, print_json, table};
use comfy_table::Cell;
use selvedge_check::{Engine, Verdict};
use selvedge_models::litmus::{Mode, Outcome, Program, run_natively};
use serde::Serialize;
use std::collections::BTreeMap;

/// What may be seen.
const MODEL: &str = if cfg!(target_arch = "x86_64") { "tso" } else { super::DEFAULT };

/// What running a program has come to.
#[derive(Serialize)]
struct Row {
    program: String,
    runs: u64,
    /// The number of outcomes that the model allows; `None`: not all of them are known.
    allowed: Option<usize>,
    observed: BTreeMap<String, u64>,
    /// Outcomes that the model allows and the machine did not show.
    unseen: Vec<String>,
    /// Outcomes that the model forbids and the machine showed.
    forbidden: Vec<String>,
    ok: bool,
}

/// Runs programs on real processors, and returns whether the model allows every outcome that they showed.
pub(super) fn run(programs: &[Program], instances: u64, json: bool) -> Result<bool, String> {
    if !Engine::Graph.is_available() {
        return Err(
            "the graph engine is not compiled in, which says what is allowed; add `--features graph` to cargo's command"
                .to_string(),
        );
    }
    let label = |program: &Program| program.name.clone();
    // One program at a time has all processors.
    let rows = jobs::run(programs, 1, json, label, |program, counters| {
        let (report, allowed) =
            outcomes_of(&checker(program, Engine::Graph, MODEL, &counters), program, Mode::Graph);
        let observed = run_natively(program, instances);
        let known = matches!(report.verdict, Verdict::Exhaustive);
        let unseen = allowed.iter().filter(|outcome| !observed.contains_key(outcome));
        let forbidden = observed.keys().filter(|outcome| known && !allowed.contains(outcome));
        let forbidden: Vec<String> = forbidden.map(Outcome::to_string).collect();
        Row {
            program: program.name.clone(),
            runs: observed.values().sum(),
            allowed: known.then_some(allowed.len()),
            unseen: unseen.map(Outcome::to_string).collect(),
            ok: forbidden.is_empty(),
            forbidden,
            observed: observed.into_iter().map(|(outcome, count)| (outcome.to_string(), count)).collect(),
        }
    });
    if json {
        print_json(&rows)?;
    } else {
        show(&rows);
    }
    Ok(rows.iter().all(|row| row.ok))
}

fn show(rows: &[Row]) {
    let mut shown =
        table(&["program", "runs", "outcomes allowed", "seen", "never seen", "seen though forbidden"]);
    for row in rows {
        shown.add_row([
            Cell::new(&row.program),
            Cell::new(row.runs),
            Cell::new(row.allowed.map_or("-".to_string(), |count| count.to_string())),
            Cell::new(row.observed.len()),
            Cell::new(counted(&row.unseen)),
            coloured(&counted(&row.forbidden), row.ok),
        ]);
    }
    println!("{shown}");
    if let [row] = rows {
        for (outcome, count) in &row.observed {
            println!("{count:>12}  {outcome}");
        }
        row.unseen.iter().for_each(|outcome| println!("{:>12}  {outcome}", 0));
    }
    let bad = rows.iter().filter(|row| !row.ok).count();
    println!("{} of {} showed nothing that {MODEL} forbids", rows.len() - bad, rows.len());
    if bad > 0 && !cfg!(target_arch = "x86_64") {
        println!(
            "no model here has load buffering by relaxed accesses, which this kind of processor may show"
        );
    }
}
