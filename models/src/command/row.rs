//! What `selvedge verify` has found, for its table, its page and its reports.

use serde::Serialize;

/// A model under an engine.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    pub(super) model: &'a str,
    pub(super) property: &'a str,
    pub(super) engine: &'a str,
    pub(super) verdict: &'a str,
    pub(super) detail: String,
    pub(super) executions: u64,
    pub(super) blocked: u64,
    pub(super) events: u64,
    pub(super) operations: u64,
    pub(super) shard: Option<(usize, usize)>,
    pub(super) seconds: f64,
    pub(super) mutants_caught: usize,
    pub(super) mutants_missed: &'a [String],
    pub(super) mutants_it_cannot_see: usize,
    /// The page with the execution that failed, in the folder of the page of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) counterexample: Option<String>,
    pub(super) ok: bool,
}
