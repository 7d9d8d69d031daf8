//! Every model of a pattern is explored to its end: the documentation of the patterns says so.
#![cfg(feature = "graph")]

use selvedge_check::{Engine, Verdict};
use selvedge_models::models::MODELS;
use selvedge_models::run::{Effort, run_model};
use std::time::Duration;

#[test]
fn the_graph_engine_explores_each_model_of_a_pattern_to_its_end() {
    let models: Vec<_> = MODELS.iter().filter(|model| model.name.starts_with("patterns::")).collect();
    assert!(models.len() > 15, "only {} models", models.len());
    // The largest one has some 8,000 executions, which end by themselves; the limit is for a machine that does much else.
    let effort = Effort { time_limit: Duration::from_secs(120), ..Effort::STANDARD };
    let mut open = Vec::new();
    for model in models {
        let report = run_model(model, Engine::Graph, &effort, Default::default());
        println!("{}: {report}", model.name);
        if !matches!(report.verdict, Verdict::Exhaustive) {
            open.push(format!("{}: {report}", model.name));
        }
    }
    assert!(open.is_empty(), "{}", open.join("\n"));
}
