//! What a check prints of itself, whether it passes or not.

use crate::{Engine, Report};
use std::io::Write;

/// Prints a line for a report, and a warning if the limit on time cut the run.
pub(crate) fn announce(model: &str, report: &Report) {
    let mut text = format!("{model}: {}\n", report.line());
    if report.out_of_time {
        text.push_str(&warning(model, report));
    }
    // Not by `eprint!`, which a test that passes would swallow. Nobody is helped by an error here.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What a run that time cut leaves open, and what to do about it.
fn warning(model: &str, report: &Report) -> String {
    let engine = report.engine;
    let smaller = match engine {
        Engine::Native => "run fewer times (`Checker::iterations`, SELVEDGE_ITERATIONS)",
        Engine::Loom | Engine::Rc11 | Engine::Shuttle(crate::Strategy::DepthFirst) => {
            "bound the search (`Checker::preemption_bound`, SELVEDGE_PREEMPTIONS=1)"
        }
        Engine::Shuttle(_) => "draw fewer schedules (`Checker::iterations`, SELVEDGE_ITERATIONS)",
    };
    format!(
        "{model}: warning: {engine} ran out of time after {:.1?}, and what it did not come to is unchecked: raise \
         `Checker::time_limit`, make the model smaller, or {smaller}\n",
        report.elapsed
    )
}
