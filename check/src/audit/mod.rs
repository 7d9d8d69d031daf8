//! Audits: which orderings, fences and wake-ups of the code under test its models need.
//!
//! An audit runs a model once to see which operations it meets. Then it weakens each of them by one legal step, or
//! leaves it out, and runs the model again: if the model fails, the operation is *needed* as it stands. Sites are
//! changed at run time, so nothing is compiled again.
//!
//! With the variable `SELVEDGE_AUDIT` set to a folder (or to `1`, for `target/selvedge/audit`), every
//! [`Checker::check`](crate::Checker::check) that passes is audited, and writes what it found there, as
//! JSON. `cargo selvedge audit` does that for a whole crate and puts the results together.

mod changes;
mod costs;
mod edit;
mod on_check;
mod repair;
mod repairs;
mod strengthen;
mod verdicts;

pub use changes::{Candidate, candidates};
pub use costs::{Instructions, NOTHING, costs};
pub use edit::{EDITS, Part, SourceEdit, ordering_of, weaker_orderings};
pub(crate) use edit::{as_edits, edits_of_environment};
pub(crate) use on_check::audit_check;
pub(crate) use repair::repair_check;
pub use repair::{Findings, REPAIR, REPAIR_SECONDS};
pub use repairs::{REPAIRS, Repair, repairs_of};
pub use verdicts::{FAIL_FAST, Judgement, LOAD_BUFFERING, VERDICTS};
pub(crate) use verdicts::{are_asked_for, report_verdicts};

use crate::Report;
use serde::{Deserialize, Serialize};

/// A change to one operation, and its outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The source file.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1.
    pub column: u32,
    /// The operation: `load`, `store`, `read-modify-write`, `compare-exchange`, `fence`, `wake-up`.
    pub operation: String,
    /// Its ordering, if it has one; of a compare-exchange on success and on failure.
    pub ordering: String,
    /// The change.
    pub change: String,
    /// The outcome of the change.
    pub outcome: Outcome,
}

/// The outcome of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A model fails with the change.
    Needed {
        /// The model.
        model: String,
        /// The engine.
        engine: String,
        /// The kind of failure: a race, a deadlock…
        kind: String,
        /// The counterexample.
        failure: String,
    },
    /// No model fails with the change.
    NotShownNeeded {
        /// The models that met the operation, and the verdicts of their runs.
        models: Vec<String>,
        /// Whether an execution has a cycle of program order and reads-from that only this ordering keeps from closing.
        /// No engine explores such cycles.
        #[serde(default)]
        load_buffering: bool,
    },
    /// No engine that was used can tell.
    CannotJudge {
        /// The models that met the operation.
        models: Vec<String>,
    },
}

impl Outcome {
    /// Returns the outcome that the run of a changed model shows.
    pub fn of(report: &Report, model: &str) -> Outcome {
        match report.verdict.failure() {
            Some(found) => Outcome::Needed {
                model: model.to_string(),
                engine: report.engine.to_string(),
                kind: found.failure.kind.to_string(),
                failure: found.to_string(),
            },
            None => {
                let models = vec![format!("{model} ({})", report.verdict.label())];
                Outcome::NotShownNeeded { models, load_buffering: false }
            }
        }
    }

    /// Returns the outcome, with what a survey says of load buffering.
    #[must_use]
    pub fn with_load_buffering(mut self, exposed: bool) -> Outcome {
        if let Outcome::NotShownNeeded { load_buffering, .. } = &mut self {
            *load_buffering |= exposed;
        }
        self
    }

    /// Returns the outcome in words, for tables.
    pub fn label(&self) -> &'static str {
        match self {
            Outcome::Needed { .. } => "needed",
            Outcome::NotShownNeeded { load_buffering: false, .. } => "not shown needed",
            Outcome::NotShownNeeded { load_buffering: true, .. } => {
                "not shown needed (load buffering not modelled)"
            }
            Outcome::CannotJudge { .. } => "can't judge",
        }
    }

    /// Returns the outcome of two sets of models together.
    #[must_use]
    pub fn and(self, other: Outcome) -> Outcome {
        use Outcome::{CannotJudge, Needed, NotShownNeeded};
        match (self, other) {
            (needed @ Needed { .. }, _) | (_, needed @ Needed { .. }) => needed,
            (
                NotShownNeeded { mut models, load_buffering },
                NotShownNeeded { models: more, load_buffering: other },
            ) => {
                models.extend(more);
                NotShownNeeded { models, load_buffering: load_buffering || other }
            }
            (not_shown @ NotShownNeeded { .. }, _) | (_, not_shown @ NotShownNeeded { .. }) => not_shown,
            (CannotJudge { mut models }, CannotJudge { models: more }) => {
                models.extend(more);
                CannotJudge { models }
            }
        }
    }
}

impl Entry {
    /// Returns the key that tells this change from others.
    pub fn key(&self) -> (&str, u32, u32, &str) {
        (&self.file, self.line, self.column, &self.change)
    }
}
