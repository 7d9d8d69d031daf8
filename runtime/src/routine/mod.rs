//! Programs made of tasks: prepared and cleaned up, beside and after one another, repeated, tried again, limited in time, and stopped
//! in order.
//!
//! A [`Task`] is anything that is executed under a [context](selvedge::context) and says how it went. Methods and
//! functions make tasks of tasks; a [`Routine`] is a task with a life around it. They are made of contexts, channels and groups,
//! and start goroutines if the caller is one, and threads otherwise.
//!
//! ```
//! use selvedge::context::{Context, background};
//! use selvedge_go::routine::{Executor, Outcome, Retry, Routine, Task, parallel};
//! use std::time::Duration;
//!
//! fn fetch(_: &Context) -> Outcome {
//!     Ok(())
//! }
//!
//! fn beat(context: &Context) -> Outcome {
//!     println!("alive; the context is done: {:?}", context.err());
//!     Ok(())
//! }
//!
//! let second = Duration::from_secs(1);
//! let fetches = Task::new(fetch).timeout(second).retry(Retry::times(3).doubling(second / 10, second).jitter(1));
//! let program = Routine::new(parallel([fetches.clone(), fetches]))
//!     .prepare(|_| Ok(println!("begins")))
//!     .daemon("heartbeat", Task::new(beat).repeat(0, second))
//!     .cleanup(|_| Ok(println!("ends")));
//! selvedge_go::run(|| assert!(program.execute(&background()).is_ok()));
//! ```
//!
//! | to | here |
//! | --- | --- |
//! | prepare and clean up | [`Routine::prepare`], [`Routine::cleanup`] |
//! | run workers, whose work counts, and daemons, which serve them | [`Routine::worker`], [`Routine::daemon`] |
//! | stop from outside | the context; [`Control::close`]; `Routine::stop_on` signals |
//! | handle a signal | `Routine::on_signal` |
//! | execute at the same time, one after the other, in copies | [`parallel`], [`serial`], [`Task::copies`] |
//! | execute again and again | [`Task::repeat`], [`Task::retry`] with [`Retry`]: back-off and jitter |
//! | limit the time | [`Task::timeout`], [`Task::deadline`] |
//! | run another program, and kill it in time | `Task::program` |
//! | take an error for the end | [`Task::guaranteed`] |
//! | execute at moments of the wall clock, as cron does | [`Task::scheduled`] |
//! | add a task to a routine that runs | [`child`] |
//! | log, profile and trace | [`Task::observed`], [`Routine::observe`]; [`Profile`], [`Trace`] |
//! | wrap tasks in layers | [`Task::wrapped_in`] |
//!
//! # Guarantees
//! - *Nothing is left.* What was started has ended when `execute` returns, and what it did happens before. Nothing is
//!   interrupted, so a task that ignores its context is waited for.
//! - *A panic is an error* of the task that panics: [`Panicked`].
//! - *Order.* Contexts are done from the outside to the inside, and cleanups run from the inside to the outside.
//!
//! What [`Routine`], [`child`], [`parallel`] and [`Task::retry`] promise about their ends has nine models with mutants, over primitives as specified, with
//! two or three tasks each (`models/src/models/routine.rs`). The graph engine explores eight of them to the end, and that of nested routines
//! within two preemptions. That outcomes are those of a sequential specification is a property of drawn trees of tasks
//! (`proptests/tests/routine.rs`).
//!
//! # Beside `x-mod/routine`
//! Most of this is what that library for Go does. Differences: workers; errors of concurrent tasks and of the cleanup are outcomes,
//! and not only logged; a second [`Control::close`] does no harm; `retry` of a negative number cannot be said; the environment of a
//! program is that of this one, unless it is cleared; a schedule is a function, which crates for cron expressions make; a trace is of
//! tasks, and not of what the scheduler does. Not here: an HTTP server for profiles; a hook tells what one would serve.

mod again;
mod beside;
mod child;
mod executor;
mod life;
#[cfg(unix)]
mod program;
mod record;
mod schedule;
#[cfg_attr(not(unix), path = "no_trap.rs")]
mod trap;
mod within;

pub use again::{Attempt, Retry, serial};
pub use beside::parallel;
pub use child::child;
pub use executor::{Executor, Outcome, Panicked, Task};
pub use life::{Arguments, Control, Routine};
#[cfg(unix)]
pub use program::Exited;
pub use record::{Profile, Took, Trace};
#[doc(inline)]
pub use selvedge::context::AnyError;
pub use within::Event;
