//! Models as a user of loom writes them, a file for each family of behaviour: what comes of each, and after how many
//! executions.
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "suites that are written for loom use std's types beside loom's, and tests look at models from outside"
)]

mod atomics;
mod builder;
mod channels;
mod futures;
mod locks;
mod memory;
mod statics;
mod threads;

use selvedge_check::{FailureKind, Report, Verdict};
use selvedge_loom as loom;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

/// Explores a model as `loom::model` does without any variable.
fn explore(model: impl Fn() + Send + Sync + 'static) -> Report {
    let checker = loom::model::Builder::new().checker().ignore_environment().shrink(false);
    checker.run(model).remove(0)
}

/// Returns how many executions a model has, none of which fails.
fn executions(model: impl Fn() + Send + Sync + 'static) -> u64 {
    let report = explore(model);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    report.executions
}

/// Returns how a model fails.
fn failure(model: impl Fn() + Send + Sync + 'static) -> FailureKind {
    let report = explore(model);
    match &report.verdict {
        Verdict::Failed(found) => found.failure.kind,
        _ => panic!("{report}"),
    }
}

/// Returns the different results of a model's executions, in the order of how they print.
fn results<T>(model: impl Fn() -> T + Send + Sync + 'static) -> Vec<T>
where
    T: Clone + Debug + Send + 'static,
{
    let found = Arc::new(Mutex::new(BTreeMap::new()));
    let into = Arc::clone(&found);
    executions(move || {
        let result = model();
        into.lock().expect("no panic").insert(format!("{result:?}"), result);
    });
    let found = found.lock().expect("no panic");
    found.values().cloned().collect()
}
