//! How far the graph engine explores a model.

use crate::model::Model;
use core::fmt;
use selvedge_check::{Checker, Verdict};

/// The executions of a model that the graph engine explores, each of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All executions.
    Everything,
    /// All executions in which the operations of each thread begin anew so often at most.
    Retries(u32),
}

impl Reach {
    /// Bounds a checker to these executions, and to no others.
    pub(crate) fn bound(self, checker: Checker) -> Checker {
        let retries = match self {
            Reach::Everything => None,
            Reach::Retries(bound) => Some(bound),
        };
        checker.preemption_bound(None).event_bound(None).retry_bound(retries)
    }

    /// Returns the next step beyond these executions.
    pub(crate) fn further(self) -> Reach {
        match self {
            Reach::Everything => Reach::Everything,
            Reach::Retries(bound) => Reach::Retries(bound + 1),
        }
    }

    /// Returns whether a verdict under the graph engine says that so much was explored, neither more nor less.
    pub fn is_that_of(self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Exhaustive => self == Reach::Everything,
            Verdict::Searched { bounds, .. } => *bounds == self.to_string(),
            _ => false,
        }
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reach::Everything => f.write_str("everything"),
            Reach::Retries(1) => f.write_str("at most 1 retry of a thread"),
            Reach::Retries(bound) => write!(f, "at most {bound} retries of a thread"),
        }
    }
}

/// Lists models with how far `selvedge verify` explores them under the graph engine, and how far `selvedge verify --full`, as
/// a table in Markdown.
pub fn table<'a>(models: impl Iterator<Item = &'a Model>) -> String {
    let row = |model: &Model| {
        let [standard, full] = [false, true].map(|full| model.reach(full));
        let cell = |reach: Option<Reach>| reach.map(|reach| reach.to_string()).unwrap_or_default();
        let full = full.filter(|_| full != standard);
        format!("| `{}` | {} | {} |", model.name, cell(standard), cell(full))
    };
    let head = ["| model | `verify` | `verify --full` |", "| --- | --- | --- |"].map(str::to_string);
    let rows: Vec<String> = head.into_iter().chain(models.map(row)).collect();
    rows.join("\n")
}
