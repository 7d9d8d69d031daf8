//! The scheduler's loop: what an M does, one step after another, and what others do to it.
//!
//! An M needs one of the instance's *Ps* to run goroutines, so no more of them run at once than there are Ps. A goroutine
//! that has not begun stands in the run queue of a P, from which any M takes it. The M that runs it is its *home*. A goroutine that
//! *stays* goes on there for good: it stands in the queue of that M ([`Here`]), and other threads make it runnable
//! through the M's mail. One that does not stay goes through the queues of the Ps again, as if it had not begun. An M that takes
//! it and is not its home asks whether it may go on there, and sends it to its home if not.
//!
//! What stands below the loop is an [`Env`]: threads and stacks of the system's, or threads of a model, whose goroutines are closures
//! that say what they do next. So the models of `selvedge-models` run this loop and no copy of it. Whether an instance or an M
//! still exists is no matter of the loop, so std's `Arc` holds them in a model too.
//!
//! M1. What the hooks and the run loop keep in [`Here`] is used by its own thread only, and no goroutine is suspended while
//! it is borrowed.
//!
//! M2. Each M that is awake is counted in `Idle`. An M counts itself out once its mailbox says that it sleeps, and is counted
//! by the thread that wakes it through the mailbox, before it can do anything; or by itself, when it wakes at a deadline.
//!
//! M3. An M uses the queues of its P in the runtime only: while a goroutine runs, the P may be taken away
//! (`core::proc_state`). `Here::come_back` stands before each use, and finds out whether there is a P still.

mod asleep;
mod blocking;
mod env;
mod here;
mod instance;
mod m;
mod procs;
mod run;
mod search;
mod sleep;
mod wake;

pub use asleep::Outside;
pub use env::{Env, Lock, Ran, Suspend};
pub use here::{Here, InRuntime};
pub use instance::{Hint, Instance, NOBODY};
pub use m::M;
pub use run::home_here;
pub use wake::make_runnable;
