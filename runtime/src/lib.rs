//! Goroutines for Rust: tasks with stacks of their own, which a few threads run in turn.
//!
//! The channels, selects and locks of [`selvedge`] wait through `selvedge::rt::park`. On a goroutine that parks the
//! goroutine, and its thread runs another one.
//!
//! The parts, each of which knows only those above it:
//!
//! | part | what it is |
//! | --- | --- |
//! | `core` | the scheduler's algorithms over numbers of tasks, written on `selvedge::rt` and model-checked |

#[doc(hidden)]
pub mod core;
