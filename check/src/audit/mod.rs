//! Audits: which orderings, fences and wake-ups of the code under test its models need.
//!
//! A model is run once to see which operations it meets. Then each of them is weakened by one legal step, or
//! left out, and the model run again: if it fails, the operation is *needed* as it stands. Nothing is
//! compiled again: sites are changed at run time.
//!
//! With the variable `SELVEDGE_AUDIT` set to a folder (or to `1`, for `target/selvedge/audit`), every
//! [`Checker::check`](crate::Checker::check) that passes is audited, and writes what it found there, as
//! JSON. `cargo selvedge audit` does that for a whole crate and puts the results together.

mod changes;
mod on_check;

pub use changes::{Candidate, candidates};
pub(crate) use on_check::audit_check;

use crate::Report;
use serde::{Deserialize, Serialize};

/// A change to one operation, and what came of it.
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
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Outcome {
    /// A model fails without it.
    Needed {
        /// Which model.
        model: String,
        /// Under which engine.
        engine: String,
        /// How: a race, a deadlock…
        kind: String,
        /// The counterexample.
        failure: String,
    },
    /// No model failed.
    NotShownNeeded {
        /// The models that met the operation, and what their runs may claim.
        models: Vec<String>,
    },
    /// No engine that was used can tell.
    CannotJudge {
        /// The models that met the operation.
        models: Vec<String>,
    },
}

impl Outcome {
    /// What the run of a changed model says.
    pub fn of(report: &Report, model: &str) -> Outcome {
        match report.verdict.failure() {
            Some(found) => Outcome::Needed {
                model: model.to_string(),
                engine: report.engine.to_string(),
                kind: found.failure.kind.to_string(),
                failure: found.to_string(),
            },
            None => Outcome::NotShownNeeded { models: vec![format!("{model} ({})", report.verdict.label())] },
        }
    }

    /// In words, for tables.
    pub fn label(&self) -> &'static str {
        match self {
            Outcome::Needed { .. } => "needed",
            Outcome::NotShownNeeded { .. } => "not shown needed",
            Outcome::CannotJudge { .. } => "can't judge",
        }
    }

    /// What two sets of models say together.
    #[must_use]
    pub fn and(self, other: Outcome) -> Outcome {
        use Outcome::{CannotJudge, Needed, NotShownNeeded};
        match (self, other) {
            (needed @ Needed { .. }, _) | (_, needed @ Needed { .. }) => needed,
            (NotShownNeeded { mut models }, NotShownNeeded { models: more }) => {
                models.extend(more);
                NotShownNeeded { models }
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
    /// What tells this change from others.
    pub fn key(&self) -> (&str, u32, u32, &str) {
        (&self.file, self.line, self.column, &self.change)
    }
}
