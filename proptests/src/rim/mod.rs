//! Programs over the whole public API, with user code that misbehaves.
//!
//! A program is a list of steps: make, clone, drop, forget, poll, poll again, cancel, close, complete or drop a
//! selected operation. The code that a primitive calls back (wakers, `Clone`, `Drop`, `Hash`, `Eq`, closures) panics
//! or calls the same object again ([`user`]). [`drive`] draws the programs, runs them and shrinks one that fails. Each
//! family of objects has a module:
//!
//! - [`alarms`]: timers and tickers between threads.
//!
//! In every family each value that was made is dropped exactly once, or forgotten by a step that says so; memory at the
//! end is what it was at the start; every program ends.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the books are kept, and the processes run, outside of any model"
)]

pub mod alarms;
pub mod drive;
pub mod user;
