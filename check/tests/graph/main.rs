//! What the graph engine promises beyond the counts of the litmus programs.
#![cfg(feature = "graph")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "results are collected outside the model"
)]

mod bounds;
mod exploring;
mod fair;
mod finding;
mod loops;
mod random_loops;
mod retries;
mod stacks;
mod waiting;

use selvedge_check::{Checker, Engine, FailureKind, Primitives, Report, Verdict};
use std::collections::BTreeSet;
use std::sync::Mutex;

fn checker() -> Checker {
    Checker::new().primitives(Primitives::Real).ignore_environment().engines([Engine::Graph])
}

fn run(model: impl Fn() + Send + Sync + 'static) -> Report {
    checker().run(model).remove(0)
}

/// Returns the number of executions of a model that must be exhaustive.
fn count(model: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = run(model);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    report.executions
}

fn kind(report: &Report) -> Option<FailureKind> {
    report.verdict.failure().map(|found| found.failure.kind)
}

/// Returns the values that `program` returns in all executions.
fn results<T: Ord + Clone + Send + 'static>(program: impl Fn() -> T + Send + Sync + 'static) -> BTreeSet<T> {
    let (found, report) = outcomes(checker(), program);
    assert!(report.verdict.passed(), "{report}");
    found
}

/// Returns the values that `program` returns in the executions that a checker runs, and the report.
fn outcomes<T: Ord + Clone + Send + 'static>(
    checker: Checker,
    program: impl Fn() -> T + Send + Sync + 'static,
) -> (BTreeSet<T>, Report) {
    let found = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let into = std::sync::Arc::clone(&found);
    let model = move || {
        let value = program();
        into.lock().expect("no panic").insert(value);
    };
    let report = checker.run(model).remove(0);
    let found = found.lock().expect("no panic").clone();
    (found, report)
}
