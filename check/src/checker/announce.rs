//! What a check prints of itself, whether it passes or not.

use crate::{Engine, Report};
use std::io::Write;
use std::sync::Once;

/// Prints a line for a report, a warning if the limit on time cut the run, and, once for each process, a warning if the
/// engines are not optimised.
pub(crate) fn announce(model: &str, report: &Report) {
    static OPTIMISATION: Once = Once::new();
    let mut text = format!("{model}: {}\n", report.line());
    if report.out_of_time {
        text.push_str(&out_of_time(model, report));
    }
    if report.engine != Engine::Native {
        OPTIMISATION.call_once(|| text.push_str(not_optimised(env!("SELVEDGE_OPT_LEVEL"))));
    }
    print(&text);
}

/// Prints on standard error, also in a test that passes: `eprint!` would be captured there. An error is of no use to
/// the caller, whose model has been judged.
pub(crate) fn print(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Returns the warning for a harness compiled at this level of optimisation. The profile of a user's workspace decides
/// about it: a dependency's own counts nothing.
fn not_optimised(level: &str) -> &'static str {
    match level {
        "0" => {
            "selvedge-check: warning: the engines are compiled without optimisation and explore five to ten times \
             slower; put `[profile.dev.package.\"*\"]` and below it `opt-level = 3` into the workspace's Cargo.toml\n"
        }
        _ => "",
    }
}

/// Returns the warning for a run that the limit on time cut: what is left open, and what to do about it.
fn out_of_time(model: &str, report: &Report) -> String {
    let engine = report.engine;
    let smaller = match engine {
        Engine::Native => "run fewer times (`Checker::iterations`, SELVEDGE_ITERATIONS)",
        Engine::Loom | Engine::Graph | Engine::Shuttle(crate::Strategy::DepthFirst) => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_engines_without_any_optimisation_are_warned_of() {
        assert!(not_optimised("0").contains("[profile.dev.package.\"*\"]"));
        for level in ["1", "2", "3", "s", "z"] {
            assert_eq!(not_optimised(level), "");
        }
    }

    #[test]
    fn the_level_is_one_that_cargo_knows() {
        assert!(["0", "1", "2", "3", "s", "z"].contains(&env!("SELVEDGE_OPT_LEVEL")));
    }
}
