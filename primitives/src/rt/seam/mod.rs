//! The seam between `rt` and the engines.
//!
//! An engine decides which thread runs next and, if it has a memory model of its own, which values loads return. The
//! harness implements [`Backend`] for each engine, and [`Memory`] and [`Graph`] for those that have them. Everything above
//! these traits exists once: [`Session`] runs the operations of a model through a backend, counts them, tells blocked
//! threads from runnable ones, records steps, applies edits and mutations; [`NativeRun`] does the part of that which makes sense
//! on real threads.
//!
//! The harness (`selvedge-check`) uses this module. Users' code and models never name it.
//!
//! What an operation does depends on where it happens:
//! - outside any model: the native operation;
//! - inside an execution, on an object of that execution: the engine's operation;
//! - inside an execution, on an object of an earlier execution: an operation on the object's *shadow* (its native value,
//!   which always holds the latest value), with no switch and no panic;
//! - while the thread unwinds: the engine's operation, but without a scheduling point; a destructor that would have to
//!   wait for another thread ends the execution with a report of the panic;
//! - inside an execution, on an object made outside any model: the run is refused.
//!
//! E1. All threads of a model's execution are coroutines of one OS thread, the session's. Operations of a session never
//! run at the same time, and the state of the session and the shadows of its objects need no synchronization.
//!
//! E2. After a failure nothing of the execution runs again. The OS thread stops where it is, and the stacks are leaked,
//! never unwound, because a scoped thread may borrow from any of them.

mod abandoned;
mod current;
mod edit;
mod ends;
mod execution;
mod failure;
pub(crate) mod foreign;
mod held_locks;
mod load_buffering;
mod locals;
mod made;
mod meeting;
mod memory;
mod mutation;
mod native;
mod objects;
mod observe;
mod session;
mod slot;
mod steps;
mod survey;
mod threads;
mod trace;
mod waiting;

pub use super::spec::{Done, Object, StepId};
pub use super::sync::atomic::bits::Width;
pub use super::sync::atomic::word::Rmw;
pub(crate) use current::{Current, Home, current, restore_panic};
pub use current::{capture_panics, take_panic};
pub(crate) use edit::Side;
pub use edit::{Edit, Editing, Edits};
pub use failure::{Blocked, Failure, FailureKind};
pub(crate) use held_locks::Lock;
pub use made::{Family, Made};
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
pub use steps::{Attempt, Disabled, Newest, Ready, Sight, StepName, Taken};
pub use survey::{Operation, Survey, Use, is_own_source};
pub use trace::{Call, Record, Step, Values};

use core::panic::Location;
use core::sync::atomic::Ordering;
use std::any::Any;
use std::rc::Rc;
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
    /// Returns the engine's name in messages.
    fn name(&self) -> &'static str;

    /// Returns how many threads one execution may have, the body included.
    fn max_threads(&self) -> usize {
        usize::MAX
    }

    /// Begins a new execution: forgets all objects and threads.
    fn begin(&self);

    /// Notes that the operation about to run is at `site`.
    fn at(&self, _site: Site) {}

    /// Turns scheduling points off, while the current thread unwinds, or on again.
    fn hold(&self, on: bool);

    /// Makes a scheduling point. `yielding`: the current thread waits for other threads to make progress.
    fn switch(&self, yielding: bool);

    /// Lets other threads run first, at a line to which the current thread may return. `frames`: where the frames of the
    /// function with that line begin on the thread's stack, or 0.
    fn spin(&self, _frames: usize) {
        self.switch(true);
    }

    /// Lets all other threads run as far as they can, if the engine has not done so for this thread already.
    fn let_all_others_go(&self) {
        self.switch(true);
    }

    /// Lets other threads run first, while the current thread waits for a condition that only reads.
    fn wait(&self) {
        self.switch(true);
    }

    /// Notes that a plain access is about to be made, which is no scheduling point by itself.
    fn plain(&self) {}

    /// Blocks the current thread until [`unblock`](Self::unblock).
    fn block(&self);

    /// Makes a blocked thread runnable. What the caller has done happens before what that thread does next.
    fn unblock(&self, thread: ThreadId);

    /// Makes a thread that runs `body` on a stack of `stack_size` bytes. What the caller has done happens before it.
    fn spawn(&self, thread: ThreadId, stack_size: usize, body: Box<dyn FnOnce()>);

    /// The current thread is about to begin an operation: an engine that can tell an overflow of its stack does not
    /// return.
    fn check_stack(&self) {}

    /// Returns a number below `n`, if the engine branches over choices by itself.
    fn choose(&self, _n: usize) -> Option<usize> {
        None
    }

    /// Returns the engine's complaint about the execution, if it has one, after an operation of the current thread.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// Returns what an engine that explores execution graphs does by itself; `None`: the session does it.
    fn graph(&self) -> Option<&dyn Graph> {
        None
    }

    /// Returns the engine's own memory model; `None`: memory is sequentially consistent, on the shadows.
    fn memory(&self) -> Option<&dyn Memory>;
}

/// The memory model of an engine that has one. In each execution objects are numbered from 0 in the order in which they are
/// made, atomics apart from cells. Each atomic operation is a scheduling point.
pub trait Memory {
    /// Makes an atomic, and returns its number.
    fn atomic_new(&self, width: Width, value: u64) -> u32;
    /// Loads.
    fn load(&self, atomic: u32, order: Ordering) -> u64;
    /// Stores.
    fn store(&self, atomic: u32, value: u64, order: Ordering);
    /// Makes a read-modify-write, and returns the old value.
    fn rmw(&self, atomic: u32, op: Rmw, width: Width, order: Ordering) -> u64;
    /// Makes a compare-exchange, and returns the old value or, as an error, the value found.
    fn compare_exchange(&self, atomic: u32, exchange: Exchange) -> Result<u64, u64>;
    /// Makes a fence.
    fn fence(&self, order: Ordering);
    /// Reads an atomic as plain memory, checked for races.
    fn unsync_load(&self, atomic: u32) -> u64;
    /// Writes an atomic as plain memory, checked for races.
    fn unsync_store(&self, atomic: u32, value: u64);
    /// Accesses an atomic exclusively: replaces its value by `new`, if there is one, and returns the latest value.
    fn exclusive(&self, atomic: u32, new: Option<u64>) -> u64;
    /// Makes a cell, and returns its number.
    fn cell_new(&self) -> u32;
    /// Begins an access to a cell.
    fn cell_begin(&self, cell: u32, write: bool);
    /// Ends the access to this cell that began last.
    fn cell_end(&self, cell: u32, write: bool);
}

/// The arguments of a compare-exchange.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// The value to be replaced.
    pub current: u64,
    /// The value to replace it with.
    pub new: u64,
    /// The ordering if the value is replaced.
    pub success: Ordering,
    /// The ordering if another value is found.
    pub failure: Ordering,
    /// For a compare-exchange that may fail spuriously: where the frames of its caller begin on the stack, or 0.
    pub weak: Option<usize>,
}

/// What an engine that explores execution graphs rather than interleavings does by itself: it knows which thread waits
/// for which, what is ordered, and virtual time.
pub trait Graph {
    /// Waits for the end of `thread`, which happens before this returns.
    fn join(&self, thread: ThreadId);
    /// Notes that threads are alike, which the current thread has made one right after the other: executions that differ
    /// only in which of them is which are one. Returns whether the engine leaves some of these out.
    fn alike(&self, threads: &[ThreadId]) -> bool;
    /// Waits until `atomic` is 1, and makes it 0, with Acquire.
    fn take(&self, atomic: u32);
    /// Waits until `atomic` is 1, and makes it 0, with Acquire; or until `deadline` in virtual time. Returns whether it was 1.
    fn take_until(&self, atomic: u32, deadline: Duration) -> bool;
    /// Makes an object whose operations are steps, in this state, and returns its number.
    fn object_new(&self, state: Rc<dyn Any>) -> u32;
    /// Returns the object of a static, as if made before the model in this state.
    fn object_of_static(&self, address: usize, state: Rc<dyn Any>) -> u32;
    /// Returns the object on which steps of `thing`, an object, are made: that of the group in which the thing is with
    /// others, whose state is `first` at first, or its own.
    fn object_of_thing(&self, thing: u32, first: Rc<dyn Any>) -> u32;
    /// Goes on only if the things are in one group. If they are not, the execution does not count, and the exploration
    /// begins anew with the things in one group.
    fn need_together(&self, things: &[u32]);
    /// Makes a step, which waits until it is enabled. Returns the state in which the step was made, and its name.
    /// If the step assumes that it is enabled some time, `true`, an execution in which it never is does not count.
    fn step(&self, object: u32, name: StepName, attempt: (Attempt<'_>, bool)) -> (Rc<dyn Any>, StepId);
    /// Returns the state that the last step of all on the object has left; `None` in a replay.
    fn newest_state(&self, object: u32) -> Option<Rc<dyn Any>>;
    /// Returns the state that the last step on the object has left which the current thread can know of.
    fn known_state(&self, object: u32) -> Rc<dyn Any>;
    /// Waits until `sees` returns something in the object's state, which it then does in every later state: the earlier
    /// steps that happen before this. Returns the first state in which it did.
    fn observe(&self, object: u32, name: StepName, sees: Sight<'_>) -> Rc<dyn Any>;
    /// Waits until one of the objects that `objects` returns is to be observed: the one that `ready` returns, which it gets
    /// the objects' newest states for, or the one that the thread has observed before. What `ready` finds has to stay so.
    fn await_one_of(&self, objects: &dyn Fn() -> Vec<u32>, ready: Ready<'_>) -> u32;
    /// Begins one evaluation of a condition that only reads, by a thread that waits for it.
    fn begin_wait(&self) -> u32;
    /// Blocks after an evaluation that was false, until something that it has read may have changed.
    fn wait_again(&self, begun: u32);
    /// Stops the current thread for good: the execution does not count.
    fn stop(&self) -> !;
    /// Returns whether there is a bound on how often a thread's operations may begin anew.
    fn bounds_retries(&self) -> bool;
    /// Notes that an operation of the current thread begins anew. Beyond the bound this stops the thread for good, and the
    /// execution does not count.
    fn note_retry(&self);
    /// Returns the atomic of a static, as if made before the model.
    fn static_atomic(&self, address: usize, value: u64) -> u32;
    /// Returns the cell of a static; `None` if several executions run at the same time, which would share its memory.
    fn static_cell(&self) -> Option<u32>;
    /// Gives the current thread's last step another name.
    fn rename_step(&self, name: StepName);
    /// Returns the current thread's virtual time.
    fn now(&self) -> Duration;
    /// Advances the current thread's virtual time. Where time is discrete, the thread waits until then.
    fn advance_to(&self, time: Duration);
    /// Returns whether time is discrete: it passes only while all threads wait.
    fn is_time_discrete(&self) -> bool;
    /// Returns the current moment of the current thread's program order.
    fn moment(&self) -> Moment;
    /// Returns whether a moment happens before what the current thread does now.
    fn is_ordered(&self, moment: Moment) -> bool;
}

/// A moment of a thread's program order, in the engine's own terms: what vector clocks call an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The thread.
    pub thread: u32,
    /// How many events the thread had made.
    pub events: u32,
}

/// The panic that an engine throws through an operation which races with another one, made at this site if it is known.
#[derive(Clone, Copy, Debug)]
pub struct Raced(pub Option<Site>);
