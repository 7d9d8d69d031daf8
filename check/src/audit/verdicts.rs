//! Verdicts for a process that runs the tests: `SELVEDGE_VERDICTS` and `SELVEDGE_FAIL_FAST`.

use super::on_check::{folder_of, write};
use crate::{Checker, Engine, Report, Verdict};
use selvedge::rt::seam::{Site, Survey};
use serde::{Deserialize, Serialize};

/// The variable with the folder for verdicts.
pub const VERDICTS: &str = "SELVEDGE_VERDICTS";

/// The variable that makes the first bad verdict end the process.
pub const FAIL_FAST: &str = "SELVEDGE_FAIL_FAST";

/// The verdict in [`Judgement`] on a model that passes, but with edits that expose a load-buffering cycle.
pub const LOAD_BUFFERING: &str = "load buffering";

/// The verdict on a model under one engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judgement {
    /// The model.
    pub model: String,
    /// The engine.
    pub engine: String,
    /// The verdict in one word.
    pub verdict: String,
    /// Whether the verdict is the one that the test expects.
    pub is_expected: bool,
    /// Whether the model meets an operation that is edited.
    pub meets_edits: bool,
    /// What bounded the search, or how the model failed.
    pub because: String,
}

impl Judgement {
    fn of(model: &str, report: &Report, survey: &Survey, is_expected: bool) -> Judgement {
        let because = match &report.verdict {
            Verdict::Searched { bounds, .. } => bounds.clone(),
            Verdict::Refused { why } => why.clone(),
            Verdict::Failed(found) => format!("{}: {}", found.failure.kind, found.failure.message),
            _ => String::new(),
        };
        Judgement {
            model: model.to_string(),
            engine: report.engine.to_string(),
            verdict: report.verdict.label().to_string(),
            is_expected,
            meets_edits: survey.meets_edits(),
            because,
        }
    }

    fn exposed(model: &str, site: Site) -> Judgement {
        Judgement {
            model: model.to_string(),
            engine: String::new(),
            verdict: LOAD_BUFFERING.to_string(),
            is_expected: false,
            meets_edits: true,
            because: format!("{}:{}", site.file(), site.line()),
        }
    }

    /// Returns whether the verdict is a pass that a bound has cut, of a model that meets an edited operation: a pass of an
    /// engine that can explore everything.
    pub fn is_bounded(&self) -> bool {
        self.meets_edits && self.verdict == "searched" && self.engine == Engine::Graph.to_string()
    }
}

/// Returns whether a process is asked for its verdicts.
pub(crate) fn are_asked_for() -> bool {
    fails_fast() || std::env::var_os(VERDICTS).is_some_and(|value| !value.is_empty())
}

/// Returns whether the first bad verdict ends the process.
fn fails_fast() -> bool {
    std::env::var_os(FAIL_FAST).is_some_and(|value| !value.is_empty())
}

/// Writes the verdicts of a check, if the environment asks for that, and ends the process at a bad one, if it asks for
/// that too.
///
/// # Panics
/// If the verdicts cannot be written.
pub(crate) fn report_verdicts(
    checker: &Checker,
    reports: &[Report],
    survey: &Survey,
    is_expected: impl Fn(&Report) -> bool,
) {
    let name = checker.model_name();
    let mut judgements: Vec<Judgement> =
        reports.iter().map(|report| Judgement::of(&name, report, survey, is_expected(report))).collect();
    let exposed = survey.exposed().filter(|_| checker.may_be_audited());
    judgements.extend(exposed.map(|site| Judgement::exposed(&name, site)));
    if let Some(folder) = folder_of(VERDICTS, "verdicts")
        && let Err(why) = write(&folder, &name, &judgements)
    {
        panic!("{why}; set {VERDICTS} to a folder that can be written to");
    }
    if fails_fast() && judgements.iter().any(|judgement| !judgement.is_expected) {
        // The status of a test that fails.
        std::process::exit(101);
    }
}
