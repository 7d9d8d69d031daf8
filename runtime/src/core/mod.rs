//! The scheduler's algorithms: which goroutine runs next, and which thread is woken for it.
//!
//! They know goroutines as numbers, and stacks, signals and clocks not at all. They are written on `selvedge::rt`, so
//! that the models of `selvedge-models` run them under each engine.

pub mod bound;
pub mod caught;
pub mod chain;
pub mod ending;
pub mod idle;
pub mod inbox;
pub mod injector;
pub mod jobs;
mod list_lock;
pub mod mailbox;
pub mod poll_slot;
pub mod post;
pub mod proc_state;
pub mod ready;
pub mod run_queue;
#[allow(clippy::disallowed_types, reason = "std's `Arc` is no matter of the algorithm: the module says why")]
pub mod scheduler;
pub mod suspects;
pub mod timers;
