//! The outcomes of the executions of a litmus program.

use core::fmt;
use std::collections::BTreeSet;
#[allow(clippy::disallowed_types, reason = "outcomes are collected outside the model")]
use std::sync::{Mutex, PoisonError};

/// The registers at the end of an execution: of each thread, and of main last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Outcome(pub(super) Vec<Vec<i64>>);

/// The outcomes of a run's complete executions.
#[derive(Debug, Default)]
#[allow(clippy::disallowed_types, reason = "outcomes are collected outside the model")]
pub struct Outcomes(Mutex<BTreeSet<Outcome>>);

impl Outcomes {
    pub(super) fn add(&self, outcome: Outcome) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(outcome);
    }

    /// Takes the outcomes that have been collected.
    pub fn take(&self) -> BTreeSet<Outcome> {
        core::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (thread, registers) in self.0.iter().enumerate() {
            for (register, value) in registers.iter().enumerate() {
                let name = if thread + 1 == self.0.len() { "main".to_string() } else { format!("T{thread}") };
                write!(f, "{}{name}.r{register}={value}", if first { "" } else { " " })?;
                first = false;
            }
        }
        if first { f.write_str("no registers") } else { Ok(()) }
    }
}
