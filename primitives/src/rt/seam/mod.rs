//! The seam between `rt` and the engines.
//!
//! An engine decides which thread runs next and, if it has a memory model of its own, which values
//! loads return. It implements [`Backend`] (about a dozen operations with [`Memory`]); everything
//! above it exists once: [`Session`] runs the operations of a model through an engine, keeps count,
//! tells blocked threads from running ones, records and mutates; [`NativeRun`] does the part of that
//! which makes sense on real threads.
//!
//! This module is the harness's door, not the user's: models never name it.
//!
//! What an operation does depends on where it happens:
//! - outside any model: the native operation;
//! - inside an execution, on an object of that execution: the engine's;
//! - inside an execution, on an object of an earlier one: the object's *shadow* (its native value,
//!   which always holds the latest value), with no switch and no panic;
//! - while the thread unwinds: the engine's, as ever, but no scheduling point; a destructor that would
//!   have to wait for another thread ends the execution with the report of the panic;
//! - inside an execution, on an object made outside any model: the run is refused.
//!
//! After a failure nothing of the execution runs again: its OS thread stops where it is and its
//! stacks are leaked, never unwound, because a scoped thread may borrow from any of them.

mod current;
mod execution;
mod failure;
pub(crate) mod foreign;
mod held_locks;
mod meeting;
mod memory;
mod mutation;
mod native;
mod objects;
mod observe;
mod session;
mod slot;
mod survey;
mod threads;
mod trace;
mod waiting;

pub use super::sync::atomic::bits::Width;
pub use super::sync::atomic::word::Rmw;
pub(crate) use current::{Current, Home, current, restore_panic};
pub use current::{capture_panics, take_panic};
pub use failure::{Blocked, Failure, FailureKind};
pub(crate) use held_locks::Lock;
pub(crate) use memory::{Access, Shadow};
pub(crate) use mutation::weakens;
pub use mutation::{Change, Mutation};
pub use native::{NativeOptions, NativeRun};
pub(crate) use native::{entered, join_of, left};
pub(crate) use objects::CellAccess;
pub use objects::StaticKey;
pub use observe::{Timeline, is_before_now, moment, own_steps, this_thread, timeline};
pub use session::{Counters, Options, Outcome, Session};
pub(crate) use slot::Slot;
pub use survey::{Operation, Survey, Use, is_own_source};
pub use trace::{Call, Record, Step, Values};

use core::panic::Location;
use core::sync::atomic::Ordering;
use std::time::Duration;

/// A source line with an operation.
pub type Site = &'static Location<'static>;

/// Bytes of stack of a model's thread that asks for nothing, and of the model's body.
pub const STACK_SIZE: usize = 256 * 1024;

/// Bytes of stack that a model's thread has at least.
const LEAST_STACK_SIZE: usize = 64 * 1024;

/// A thread's number in its execution; 0 is the model's body.
pub type ThreadId = usize;

/// What an engine has to provide.
pub trait Backend {
    /// The engine's name in messages.
    fn name(&self) -> &'static str;

    /// Threads, the body included, that one execution may have.
    fn max_threads(&self) -> usize {
        usize::MAX
    }

    /// A new execution begins; forget all objects and threads.
    fn begin(&self);

    /// The operation about to run is at `site`.
    fn at(&self, _site: Site) {}

    /// From now on, or no longer, operations are no scheduling points: the current thread unwinds.
    fn hold(&self, on: bool);

    /// A scheduling point. `yielding`: the thread waits for others to make progress.
    fn switch(&self, yielding: bool);

    /// The current thread lets others go first, at a line that it may come back to. `frames`: where the frames of
    /// the function with that line begin on its stack, or 0.
    fn spin(&self, _frames: usize) {
        self.switch(true);
    }

    /// Lets all others go on as far as they can, if the engine has not done so for this thread already.
    fn let_all_others_go(&self) {
        self.switch(true);
    }

    /// The same from a thread that waits for a condition which changes nothing and keeps nothing.
    fn wait(&self) {
        self.switch(true);
    }

    /// A plain access is about to be made, which is no scheduling point by itself.
    fn plain(&self) {}

    /// Blocks the current thread until [`unblock`](Self::unblock).
    fn block(&self);

    /// Lets a blocked thread go on. What the caller did so far happens before it does.
    fn unblock(&self, thread: ThreadId);

    /// Makes a thread that runs `body` on a stack of `stack_size` bytes. What the caller did so far happens before it.
    fn spawn(&self, thread: ThreadId, stack_size: usize, body: Box<dyn FnOnce()>);

    /// The current thread is about to begin an operation: an engine that can tell an overflow of its stack does not
    /// return.
    fn check_stack(&self) {}

    /// A number below `n`, if the engine branches over choices by itself.
    fn choose(&self, _n: usize) -> Option<usize> {
        None
    }

    /// What the engine has to object to, once it has let the current thread go on.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Returns what an engine that explores execution graphs does by itself; `None`: the session does it.
    fn graph(&self) -> Option<&dyn Graph> {
        None
    }

    /// The engine's own memory model; `None`: sequentially consistent, on the shadows.
    fn memory(&self) -> Option<&dyn Memory>;
}

/// The memory model of an engine that has one. Objects are numbered from 0 in each execution, in
/// the order in which they are made, atomics and cells apart. Each atomic operation is a
/// scheduling point.
pub trait Memory {
    /// A new atomic.
    fn atomic_new(&self, width: Width, value: u64) -> u32;
    /// An atomic load.
    fn load(&self, atomic: u32, order: Ordering) -> u64;
    /// An atomic store.
    fn store(&self, atomic: u32, value: u64, order: Ordering);
    /// An atomic read-modify-write; the old value.
    fn rmw(&self, atomic: u32, op: Rmw, width: Width, order: Ordering) -> u64;
    /// A compare-exchange; the old value or the value found.
    fn compare_exchange(&self, atomic: u32, exchange: Exchange) -> Result<u64, u64>;
    /// A fence.
    fn fence(&self, order: Ordering);
    /// A plain read of an atomic, checked for races.
    fn unsync_load(&self, atomic: u32) -> u64;
    /// A plain write of an atomic, checked for races.
    fn unsync_store(&self, atomic: u32, value: u64);
    /// Exclusive access to an atomic, which with `new` replaces its value; the latest value.
    fn exclusive(&self, atomic: u32, new: Option<u64>) -> u64;
    /// A new cell.
    fn cell_new(&self) -> u32;
    /// An access to a cell begins.
    fn cell_begin(&self, cell: u32, write: bool);
    /// The access begun last on this cell ends.
    fn cell_end(&self, cell: u32, write: bool);
}

/// The arguments of a compare-exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// The value to be replaced.
    pub current: u64,
    /// The value to replace it with.
    pub new: u64,
    /// The ordering if it is replaced.
    pub success: Ordering,
    /// The ordering if another one is found.
    pub failure: Ordering,
    /// Whether it may fail for no reason; then where the frames of its caller begin on the stack, or 0.
    pub weak: Option<usize>,
}

/// What an engine that explores execution graphs rather than interleavings does by itself: it knows which thread waits
/// for which, what is ordered, and virtual time.
pub trait Graph {
    /// Waits for the end of `thread`, which happens before this returns.
    fn join(&self, thread: ThreadId);
    /// Waits until `atomic` is 1, and makes it 0, with Acquire.
    fn take(&self, atomic: u32);
    /// The same until a moment in virtual time; whether it was 1.
    fn take_until(&self, atomic: u32, deadline: Duration) -> bool;
    /// A wait for a condition that changes nothing and keeps nothing begins to ask for it.
    fn begin_wait(&self) -> u32;
    /// It was false: goes on when what it depends on may have changed.
    fn wait_again(&self, begun: u32);
    /// Stops the current thread for good; the execution does not count.
    fn stop(&self) -> !;
    /// The atomic of a static, as if made before the model.
    fn static_atomic(&self, address: usize, value: u64) -> u32;
    /// The cell of a static; `None` if executions run at once, which would share its memory.
    fn static_cell(&self) -> Option<u32>;
    /// The current thread's virtual time.
    fn now(&self) -> Duration;
    /// Moves it on.
    fn advance_to(&self, time: Duration);
    /// The moment in the current thread's program order.
    fn moment(&self) -> Moment;
    /// Whether a moment happens before what the current thread does now.
    fn is_ordered(&self, moment: Moment) -> bool;
}

/// A moment in a thread's program order, in the engine's own terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The thread.
    pub thread: u32,
    /// How far it had come.
    pub events: u32,
}

/// What an engine throws through an operation that races with another one, made at this site if it is known.
#[derive(Clone, Copy, Debug)]
pub struct Raced(pub Option<Site>);
