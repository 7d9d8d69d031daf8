//! Programs over the whole public API, with user code that misbehaves.
//!
//! A program is a list of steps: make, clone, drop, forget, poll, poll again, cancel, close, complete or drop a
//! selected operation. The code that a primitive calls back (wakers, `Clone`, `Drop`, `Hash`, `Eq`, closures) panics
//! or calls the same object again. Each family of objects has a module:
//!
//! - [`alarms`]: timers and tickers between threads, and selects that only wait to become ready;
//! - [`arcs`]: strong and weak pointers of `rt` between threads;
//! - [`cells`]: stacks, pools, shared values and domains;
//! - [`chan`]: handles, futures, streams, sinks and selects of a channel on one thread, against an exact model: every
//!   answer, every waiter's turn, every wake-up;
//! - [`contexts`]: contexts, their handles, the closures and tasks that wait for them, and waits under them;
//! - [`locals`]: every object in thread-locals, and used by their destructors;
//! - [`locks`]: locks, counters, groups, and what is done once;
//! - [`maps`]: a map, whose keys and values misbehave in each callback;
//! - [`threads`]: a channel between threads that are served in turn;
//! - [`timers`]: timers, tickers and channels of instants, their selects and tasks;
//! - [`twos`]: selects over two channels, whose answers must be those of two queues.
//!
//! In every family each value that was made is dropped exactly once, or forgotten by a step that says so; memory at the
//! end is what it was at the start; every program ends.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the books are kept, and the processes run, outside of any model"
)]

pub mod alarms;
pub mod arcs;
pub mod cells;
pub mod chan;
pub mod contexts;
pub mod drive;
pub mod locals;
pub mod locks;
pub mod maps;
mod patience;
pub mod smaller;
pub mod threads;
pub mod timers;
pub mod twos;
pub mod user;

/// What becomes of a selected operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is completed.
    Complete,
    /// It is completed with another handle of its channel.
    Clone,
    /// It is dropped, which panics.
    Drop,
    /// It is completed with a handle of another channel, which panics.
    Other,
    /// It is forgotten.
    Forget,
}
