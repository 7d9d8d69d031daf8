//! Generated tests of selvedge's primitives.
//!
//! - [`sequential`]: sequences of operations on one thread, compared answer by answer with a
//!   reference that is a `VecDeque` and a flag (`tests/sequences.rs`).
//! - [`concurrent`]: small programs of a few threads, run natively and under an engine, whose
//!   histories must keep what a channel promises (`tests/programs.rs`), and which find a channel that
//!   was broken on purpose and shrink to a few lines (`tests/mutants.rs`).
//! - [`rim`]: programs over the whole API, with user code that panics and re-enters, one family of objects after the
//!   other (`tests/rim.rs`).
//! - [`call`]: the operations that both are made of.
//!
//! Seeds are fixed: a run draws the same programs each time.

pub mod call;
pub mod concurrent;
pub mod rim;
pub mod sequential;

use selvedge_check::{Checker, Primitives};

/// Returns the checker of programs that are drawn in great numbers: each is searched a little, over real primitives.
pub fn small_checks() -> Checker {
    Checker::new()
        .primitives(Primitives::Real)
        .ignore_environment()
        .preemption_bound(Some(1))
        .iterations(20)
        .max_executions(300)
}
