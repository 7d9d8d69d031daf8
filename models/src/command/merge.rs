//! `selvedge merge`: adds up the reports of the shares of one verification.

use super::{MergeArguments, print_json, seconds, table};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

/// What `selvedge verify --json` says of a model under an engine, as far as it adds up.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Row {
    model: String,
    engine: String,
    verdict: String,
    detail: String,
    executions: u64,
    blocked: u64,
    events: u64,
    seconds: f64,
    mutants_caught: usize,
    mutants_missed: Vec<String>,
    ok: bool,
    shard: Option<(usize, usize)>,
}

/// Adds up the shares' reports, and returns whether all shares are there and good.
pub(crate) fn run(arguments: &MergeArguments) -> Result<bool, String> {
    let mut merged: BTreeMap<(String, String), Vec<Row>> = BTreeMap::new();
    for file in &arguments.reports {
        let shown = file.display();
        let text = fs::read_to_string(file).map_err(|error| format!("{shown} cannot be read: {error}"))?;
        let rows: Vec<Row> = serde_json::from_str(&text)
            .map_err(|error| format!("{shown} is not what `selvedge verify --json` prints: {error}"))?;
        for row in rows {
            merged.entry((row.model.clone(), row.engine.clone())).or_default().push(row);
        }
    }
    let rows = merged.into_values().map(merge).collect::<Result<Vec<_>, _>>()?;
    if arguments.json {
        print_json(&rows)?;
    } else {
        show(&rows);
    }
    Ok(rows.iter().all(|row| row.ok))
}

/// Returns one row for the shares of a model under an engine. Each share does by itself what is not shared: there the
/// first one counts.
fn merge(mut rows: Vec<Row>) -> Result<Row, String> {
    rows.sort_by_key(|row| row.shard);
    let first = rows[0].clone();
    let Some((_, shards)) = first.shard else { return Ok(first) };
    let found: Vec<_> = rows.iter().filter_map(|row| row.shard).collect();
    let wanted: Vec<_> = (1..=shards).map(|shard| (shard, shards)).collect();
    if found != wanted {
        return Err(format!(
            "{} under {}: the shares {found:?} are not each of 1 to {shards} once",
            first.model, first.engine
        ));
    }
    // The report of a share that explored all of its part names no other bound than the share.
    let whole = |row: &Row| {
        let (shard, shards) = row.shard.unwrap_or_default();
        row.detail.contains(&format!("(shard {shard} of {shards})"))
    };
    let verdict = match rows.iter().find(|row| !row.ok) {
        Some(bad) => bad.verdict.clone(),
        None if rows.iter().all(whole) => "exhaustive".to_string(),
        None => "searched".to_string(),
    };
    Ok(Row {
        verdict,
        detail: rows.iter().map(|row| row.detail.as_str()).collect::<Vec<_>>().join("\n"),
        executions: rows.iter().map(|row| row.executions).sum(),
        blocked: rows.iter().map(|row| row.blocked).sum(),
        events: rows.iter().map(|row| row.events).sum(),
        seconds: rows.iter().map(|row| row.seconds).sum(),
        ok: rows.iter().all(|row| row.ok),
        shard: None,
        ..first
    })
}

fn show(rows: &[Row]) {
    let mut shown = table(&["model", "engine", "verdict", "executions", "time of all", "mutants caught"]);
    for row in rows {
        shown.add_row([
            row.model.clone(),
            row.engine.clone(),
            row.verdict.clone(),
            row.executions.to_string(),
            seconds(Duration::from_secs_f64(row.seconds)),
            row.mutants_caught.to_string(),
        ]);
    }
    println!("{shown}");
    for row in rows.iter().filter(|row| !row.ok) {
        println!("{} under {}", row.model, row.detail);
    }
    let good = rows.iter().filter(|row| row.ok).count();
    println!("{good} of {} as expected", rows.len());
}

#[cfg(test)]
mod tests {
    use super::{Row, merge};

    fn row(shard: (usize, usize), executions: u64, bounds: &str) -> Row {
        Row {
            model: "m".to_string(),
            engine: "graph".to_string(),
            verdict: "searched".to_string(),
            detail: format!("graph: searched, {executions} executions ({bounds})"),
            executions,
            blocked: 1,
            events: 10,
            seconds: 0.5,
            mutants_caught: 0,
            mutants_missed: Vec::new(),
            ok: true,
            shard: Some(shard),
        }
    }

    #[test]
    fn all_shares_together_are_exhaustive() {
        let merged = merge(vec![row((2, 2), 5, "shard 2 of 2"), row((1, 2), 3, "shard 1 of 2")]);
        let merged = merged.expect("both shares are there");
        assert_eq!((merged.verdict.as_str(), merged.executions, merged.blocked), ("exhaustive", 8, 2));
    }

    #[test]
    fn a_share_that_was_cut_makes_it_a_search() {
        let cut = row((2, 2), 5, "stopped after 5s; shard 2 of 2");
        let merged = merge(vec![row((1, 2), 3, "shard 1 of 2"), cut]).expect("both shares are there");
        assert_eq!(merged.verdict, "searched");
    }

    #[test]
    fn a_missing_or_doubled_share_is_told() {
        for shares in [vec![row((1, 2), 3, "")], vec![row((1, 2), 3, ""), row((1, 2), 3, "")]] {
            assert!(merge(shares).is_err_and(|error| error.contains("are not each of 1 to 2 once")));
        }
    }
}
