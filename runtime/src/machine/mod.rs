//! The scheduler at work: threads, called *Ms*, that run goroutines.
//!
//! The loop is `core::scheduler`'s; here is what it is built on.

mod bell;
mod clock;
mod fuzz;
mod here;
mod hooks;
mod m;
mod monitor;
mod native;
mod outsiders;
mod proc_clock;
mod quit;
mod run_loop;
mod start;

pub(crate) use crate::core::scheduler::Suspend;
pub(crate) use here::{Command, here, signal_note};
pub(crate) use hooks::{blocking, on_thread_stack};
pub(crate) use native::{Here, Instance, M};
pub(crate) use outsiders::{Expects, is_own};
pub(crate) use start::{run, spawn, spawn_local};

/// Makes a goroutine runnable that a report has found woken when it gave the stack back.
pub(crate) fn make_runnable(task: u32) {
    run_loop::make_runnable(task, here());
}
