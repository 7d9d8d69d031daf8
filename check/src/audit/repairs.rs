//! The repairs that `cargo selvedge repair` has found, for reports of failures.

use super::SourceEdit;
use core::fmt;
use serde::{Deserialize, Serialize};

/// The variable with the file of repairs, which `cargo selvedge repair` sets when it runs the failing tests once more.
pub const REPAIRS: &str = "SELVEDGE_REPAIRS";

/// A set of edits after which every test of the crate passes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repair {
    /// The models that fail without the edits.
    pub models: Vec<String>,
    /// The edits.
    pub edits: Vec<SourceEdit>,
    /// Whether the audit names nothing at the edited sites and no bound cut a verdict; else the set is a candidate.
    pub is_repair: bool,
    /// Why the set is only a candidate; empty for a repair.
    pub because: String,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.is_repair { "repair" } else { "candidate for a repair" };
        write!(f, "a {what}, with which every test passes")?;
        for edit in &self.edits {
            write!(f, "\n  {edit}")?;
        }
        if self.is_repair { Ok(()) } else { write!(f, "\n  no more than a candidate: {}", self.because) }
    }
}

/// Returns the repairs that the environment names for a model, the smallest and cheapest first; none if no search has
/// been made.
pub fn repairs_of(model: &str) -> Vec<Repair> {
    let file = std::env::var_os(REPAIRS).filter(|file| !file.is_empty());
    let text = file.and_then(|file| std::fs::read_to_string(file).ok()).unwrap_or_default();
    let repairs: Vec<Repair> = serde_json::from_str(&text).unwrap_or_default();
    repairs.into_iter().filter(|repair| repair.models.iter().any(|name| name == model)).collect()
}
