//! Channels of selvedge beside their peers, between threads and between async tasks. The module `race` says how they are
//! measured, and what is printed.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, beside channels of other crates"
)]

mod peers;
mod race;
mod tasks;
mod threads;

use std::process::ExitCode;

/// What selvedge may take at most of the time of the best peer of each row, in the geometric mean.
const GOAL_OF_MEAN: f64 = 0.7;

fn main() -> ExitCode {
    let rows: Vec<race::Row> = threads::rows().into_iter().chain(tasks::rows()).collect();
    race::run(&rows, GOAL_OF_MEAN)
}
