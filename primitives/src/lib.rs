//! Go's concurrency tools for Rust, written on a layer that also runs under model checkers.
//!
//! - Channels: [`chan`].
//! - Locks and what else waits: [`sync`]. What is built of compare-exchange: [`atomic`].
//! - The abstraction layer: [`rt`]. Write a lock-free structure on it, and the same source runs
//!   natively and under loom and shuttle (features of the same names; see `selvedge-check`).

pub mod atomic;
pub mod chan;
mod queue;
pub mod rt;
pub mod sync;
