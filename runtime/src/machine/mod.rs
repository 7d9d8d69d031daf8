//! The scheduler at work: threads, called *Ms*, that run goroutines.
//!
//! An M needs one of the instance's *Ps* to run goroutines, so no more of them run at once than there are Ps. A goroutine
//! that has not begun stands in the run queue of a P, from which any M takes it. The M that runs it is its *home*. A goroutine that
//! *stays* goes on there for good: it stands in the queue of that M ([`Here::bound`]), and other threads make it runnable
//! through the M's mail. In mode `Never` all goroutines stay; in the others only those that have to. One that does not stay goes
//! through the queues of the Ps again, as if it had not begun. An M that takes it and is not its home looks at its stack, in mode
//! `Checked`, and sends it to its home if it is tied to that thread.
//!
//! M1. What the hooks and the run loop keep in [`Here`] is used by its own thread only, and no goroutine is suspended while
//! it is borrowed.
//!
//! M2. Each M that is awake is counted in `Idle`. An M counts itself out once its mailbox says that it sleeps, and is counted
//! by the thread that wakes it through the mailbox, before it can do anything; or by itself, when it wakes at a deadline.
//!
//! M3. An M uses the queues of its P in the runtime only: while a goroutine runs, the P may be taken away
//! (`core::proc_state`). [`Here::come_back`] stands before each use, and finds out whether there is a P still.

mod bell;
mod blocking;
mod clock;
mod fuzz;
mod here;
mod hooks;
mod instance;
mod m;
mod monitor;
mod outsiders;
mod proc_clock;
mod quit;
mod run_loop;
mod sleep;
mod start;

pub(crate) use blocking::blocking;
pub(crate) use here::{Command, Here, Suspend, here, signal_note};
pub(crate) use instance::Instance;
pub(crate) use m::M;
pub(crate) use outsiders::{Expects, SUSPECTS, is_own, outsiders};
pub(crate) use hooks::on_thread_stack;
pub(crate) use run_loop::is_live;
pub(crate) use start::{run, spawn, spawn_local};

/// Makes a goroutine runnable that a report has found woken when it gave the stack back.
pub(crate) fn make_runnable(task: u32) {
    run_loop::make_runnable(task, here());
}
