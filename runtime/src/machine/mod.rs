//! The scheduler at work: threads, called *Ms*, that run goroutines.
//!
//! An M needs one of the instance's *Ps* to run goroutines, so no more of them run at once than there are Ps. A goroutine
//! that has not begun stands in the run queue of a P, from which any M takes it. The M that begins it is its *home* for
//! good: from then on the goroutine waits in the queue of that M ([`Here::bound`]), and other threads make it runnable
//! through the M's mail. So a goroutine that has begun never changes its thread (mode `Never`).
//!
//! M1. What the hooks and the run loop keep in [`Here`] is used by its own thread only, and no goroutine is suspended while
//! it is borrowed.
//!
//! M2. Each M that is awake is counted in `Idle`, and an M that sleeps is counted by the thread that wakes it, before it can
//! do anything. An M that is about to sleep first writes in its mail that it sleeps, and then counts itself out: mail that
//! comes in between is counted once more, and the M takes the surplus back ([`Mail::credits`]).

mod blocking;
mod here;
mod hooks;
mod instance;
mod m;
mod run_loop;
mod sleep;
mod start;
mod timers;

pub(crate) use blocking::blocking;
pub(crate) use here::{Here, Suspend, here, signal_note};
pub(crate) use hooks::PARKED_OUTSIDERS;
pub use instance::Deadlock;
pub(crate) use instance::{Instance, Settings};
pub(crate) use m::M;
pub(crate) use start::{run, spawn, spawn_local};
