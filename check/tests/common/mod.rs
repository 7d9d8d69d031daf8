//! What tests of several engines share.
#![allow(dead_code, reason = "each test target uses a part")]

use selvedge_check::{Checker, Engine, FailureKind, Primitives, Report, Strategy};

/// Returns the engines that explore, as far as they are compiled in.
pub(crate) fn explorers() -> Vec<Engine> {
    let explorers = [Engine::Graph, Engine::Loom, Engine::Shuttle(Strategy::DepthFirst)];
    explorers.into_iter().filter(|engine| engine.is_available()).collect()
}

/// Returns a checker of one engine, whatever the environment asks for.
pub(crate) fn checker(engine: Engine) -> Checker {
    Checker::new().primitives(Primitives::Real).ignore_environment().engines([engine])
}

/// Runs a model under one engine.
pub(crate) fn run(engine: Engine, model: impl Fn() + Send + Sync + 'static) -> Report {
    checker(engine).run(model).remove(0)
}

/// Returns the kind of a failed run's failure.
pub(crate) fn kind(report: &Report) -> Option<FailureKind> {
    report.verdict.failure().map(|found| found.failure.kind)
}
