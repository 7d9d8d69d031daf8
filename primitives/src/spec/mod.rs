//! Primitives as specified: for each one an abstract state and its operations, which a checker takes for *steps*.
//!
//! A primitive has two forms under a checker. The real form is its own code. The specified form is here: an operation
//! reads and replaces the abstract state in one go, or is disabled in a state and waits. An operation that others can
//! see waiting *arrives* by one step, and *completes* by another.
//!
//! Happens-before is what the documentation of the primitive promises, and no more: the real form may give more, for
//! example because its counters are read-modify-writes that all synchronize with each other. An order in a
//! specification that the real form does not give would hide races of programs.
//!
//! An attempt that fails, and a look at the state, find the state of their place in the object's order. In the real form
//! they are relaxed loads, which may be stale to a thread that has learned by other relaxed accesses of what it does not
//! find; such a failure is not specified.
//!
//! Each file has the state of one primitive with its operations as pure functions, and a handle that makes steps of
//! them. A primitive asks [`Object::is_specified`](crate::rt::spec::Object::is_specified) once in a public operation.
//! The refinement tests in `models/tests/refinement` hold each specification against the real form; sites of the
//! specifications that have labels are changed there, and the tests have to notice.

mod arc;
mod barrier;
pub(crate) mod chan;
mod cond;
mod garbage;
mod mutex;
mod once;
mod pool;
mod rw_lock;
mod rw_mutex;
mod semaphore;
mod sorted;
mod stack;
mod stopped;
mod wait_group;

pub(crate) use arc::Arc;
pub(crate) use barrier::Barrier;
pub(crate) use cond::Cond;
pub(crate) use garbage::Garbage;
pub(crate) use mutex::Mutex;
pub(crate) use once::{Begun, Call, Once};
pub(crate) use pool::Pool;
pub(crate) use rw_lock::RwLock;
pub(crate) use rw_mutex::RwMutex;
pub(crate) use semaphore::Semaphore;
pub(crate) use stack::Stack;
pub(crate) use wait_group::WaitGroup;

use crate::rt::spec::{Done, StepId};
use crate::rt::{thread, time};
use std::time::Instant;

/// Returns what a step does: it leaves `state`, returns `result`, and the steps of `after` happen before it.
fn done<S, R>(state: S, result: R, after: impl IntoIterator<Item = StepId>) -> Done<S, R> {
    Done { state, result, after: after.into_iter().collect() }
}

/// Returns a step that waits until it succeeds, or until it is due to give up.
fn timed<S>(done: Done<S, bool>, is_due: bool) -> Option<Done<S, bool>> {
    (done.result || is_due).then_some(done)
}

/// Lets the thread's time pass until this moment.
#[track_caller]
pub(crate) fn pass_until(moment: Instant) {
    let left = moment.saturating_duration_since(time::now());
    if !left.is_zero() {
        thread::sleep(left);
    }
}

/// What the tests of the specifications have in common.
#[cfg(test)]
mod testing {
    use crate::rt::spec::{Done, StepId};

    /// Returns the name of a step.
    pub(super) fn step(index: u32) -> StepId {
        step_of(0, index)
    }

    /// Returns the name of a step of a thread.
    pub(super) fn step_of(thread: u32, index: u32) -> StepId {
        StepId { thread, index }
    }

    /// Returns the steps that happen before one.
    pub(super) fn after<S, R>(done: Done<S, R>) -> Vec<StepId> {
        done.after
    }
}
