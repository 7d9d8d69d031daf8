//! One test for each model and engine, and one for each mutant and engine that can catch it.

use libtest_mimic::{Arguments, Trial};
use selvedge_check::{Engine, Verdict};
use selvedge_models::models::MODELS;
use selvedge_models::run::{Effort, run_model, run_mutant};
use std::time::Duration;

/// The effort of tests, which are quicker than `selvedge verify` and count executions instead of seconds, so that
/// they do the same on every machine.
const EFFORT: Effort =
    Effort { time_limit: Duration::from_secs(600), executions: Some(2_000), runs: 100, ..Effort::STANDARD };

fn main() {
    let mut tests = Vec::new();
    for model in MODELS.iter() {
        for engine in Engine::available().into_iter().filter(|engine| model.is_run_under(*engine)) {
            tests.push(Trial::test(format!("{}::{engine}", model.name), move || {
                let reach = model.reach(false).filter(|_| engine == Engine::Graph);
                let report = run_model(model, engine, &EFFORT, Default::default());
                let kind_fits = match report.verdict {
                    Verdict::Stressed { .. } => engine == Engine::Native,
                    Verdict::Searched { .. } => engine != Engine::Native,
                    Verdict::Exhaustive => !matches!(engine, Engine::Native | Engine::Loom),
                    _ => false,
                };
                let reaches = reach.is_none_or(|reach| reach.is_that_of(&report.verdict));
                if kind_fits && reaches { Ok(()) } else { Err(report.to_string().into()) }
            }));
            for mutant in model.mutants.iter().filter(move |mutant| mutant.is_seen_by(engine)) {
                let name = format!("{}::{engine}::{}", model.name, mutant.name());
                tests.push(Trial::test(name, move || {
                    run_mutant(model, mutant, engine, &EFFORT, Default::default()).map_err(Into::into)
                }));
            }
        }
        tests.push(Trial::test(format!("{}::has_a_mutant", model.name), || {
            if model.mutants.is_empty() {
                Err("nothing shows that this model can fail".into())
            } else {
                Ok(())
            }
        }));
    }
    libtest_mimic::run(&Arguments::from_args(), tests).exit();
}
