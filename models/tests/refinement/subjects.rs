//! The primitives that are held against their specifications.

mod channels;
mod collections;
mod locks;
mod owners;
mod selects;
mod std_forms;
mod under;
mod waiting;

pub(crate) use channels::{Buffered, Handles, Rendezvous, Unbounded};
pub(crate) use collections::{Cells, Mapped, Pooled, Stacked};
pub(crate) use locks::{Locked, ReadOrWrite, ReadWrite, RtLocked};
pub(crate) use owners::{Observed, Silent};
pub(crate) use selects::{Futures, LateSends, Selects, Timers};
pub(crate) use std_forms::{RtGate, RtReadWrite, RtRunsOnce};
pub(crate) use under::{Acquires, Calls, Conditions, Groups, Locks, Reads, Receives, Sends, Under, Writes};
pub(crate) use waiting::{Condition, Gate, Group, Permits, RtCondition, RunsOnce, Tasks};

use crate::program::{Act, Program};

/// A primitive, its operations, and the twins of its specification.
pub(crate) trait Subject: Sync + Sized + 'static {
    /// Where the drawing of programs begins.
    const SEED: u64;
    /// How many operations there are.
    const OPERATIONS: usize;
    /// The path and the text of the specification.
    const SPECIFICATION: (&'static str, &'static str);
    /// The labels of the lines of the specification that have a faulty twin.
    const TWINS: &'static [&'static str];

    /// The operations that return 0 if the primitive is not in the state that they need now.
    const ATTEMPTS: &'static [usize] = &[];
    /// How many executions of a program are explored: of the real form of one that was drawn, and of one that was given; and
    /// of the specified form.
    const LIMITS: [u64; 3] = [1_500, 20_000, 50_000];
    /// Whether the real form orders no more than is specified.
    const EXACT_ORDER: bool = false;

    fn new() -> Self;

    /// Returns a primitive for so many threads.
    fn shared_by(_threads: usize) -> Self {
        Self::new()
    }

    /// Makes an operation, and returns what it came to.
    fn perform(&self, operation: usize, own: &mut Own) -> u8;

    /// Gives back what the thread has.
    fn leave(&self, own: &mut Own);

    /// Returns programs that are tried beside those that are drawn.
    fn programs() -> Vec<Program> {
        Vec::new()
    }
}

/// What a thread has of an object.
#[derive(Default)]
pub(crate) struct Own {
    exclusive: bool,
    shared: usize,
    upgradable: bool,
    permits: u64,
}

/// What an operation returns that the thread may not call now.
const NOT_NOW: u8 = 99;

/// Returns a program of operations on the first object.
fn operations(threads: &[&[usize]]) -> Program {
    let operate = |operation: &usize| Act::Operate { operation: *operation, object: 0 };
    Program { threads: threads.iter().map(|acts| acts.iter().map(operate).collect()).collect() }
}

/// Returns a program of two threads that looks whether what comes before the operations of the first happens before what
/// comes after those of the second.
fn handing_over(first: &[usize], second: &[usize]) -> Program {
    let mut program = operations(&[first, second]);
    program.threads[0].insert(0, Act::Mark);
    program.threads[1].push(Act::Sight);
    program
}

/// Returns a program of two threads that looks what is ordered when the second knows, by a relaxed load, that the first is
/// done before its operations begin.
fn told(first: &[usize], second: &[usize]) -> Program {
    let mut program = handing_over(first, second);
    program.threads[0].push(Act::Store(0));
    program.threads[1].insert(0, Act::Load(0));
    program
}

/// Returns what a closure returns, or 66 if it panics.
fn or_panic(operation: impl FnOnce() -> u8) -> u8 {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(operation)).unwrap_or(66)
}

macro_rules! refinements {
    ($($(#[$about:meta])* $test:ident: $subject:ty, $programs:literal programs, $complete:literal complete;)*) => {$(
        $(#[$about])*
        #[test]
        fn $test() {
            crate::refine::refine::<$subject>($programs, $complete);
        }
    )*};
}

refinements! {
    mutex: Locked, 60 programs, 8 complete;
    rt_mutex: RtLocked, 60 programs, 8 complete;
    rw_mutex: ReadWrite, 60 programs, 8 complete;
    rw_mutex_that_nobody_looks_at: ReadOrWrite, 60 programs, 8 complete;
    cond: Condition, 40 programs, 5 complete;
    condvar: RtCondition, 40 programs, 5 complete;
    wait_group: Group, 60 programs, 8 complete;
    wait_group_that_nobody_looks_at: Tasks, 30 programs, 5 complete;
    semaphore: Permits, 60 programs, 8 complete;
    barrier: Gate, 40 programs, 5 complete;
    once: RunsOnce, 40 programs, 5 complete;
    rendezvous: Rendezvous, 16 programs, 0 complete;
    buffered: Buffered, 16 programs, 0 complete;
    unbounded: Unbounded, 16 programs, 0 complete;
    handles: Handles, 16 programs, 0 complete;
    selects: Selects, 8 programs, 0 complete;
    late_sends: LateSends, 8 programs, 2 complete;
    timers: Timers, 10 programs, 2 complete;
    futures: Futures, 5 programs, 1 complete;
    arc: Observed, 60 programs, 8 complete;
    arc_that_nobody_observes: Silent, 30 programs, 5 complete;
    stack: Stacked, 40 programs, 5 complete;
    map: Mapped, 8 programs, 0 complete;
    cells: Cells, 16 programs, 0 complete;
    pool: Pooled, 30 programs, 3 complete;
    rt_rw_lock: RtReadWrite, 40 programs, 5 complete;
    rt_barrier: RtGate, 0 programs, 2 complete;
    rt_once: RtRunsOnce, 40 programs, 5 complete;
    lock_ctx: Under<Locks>, 12 programs, 1 complete;
    read_ctx: Under<Reads>, 12 programs, 1 complete;
    write_ctx: Under<Writes>, 12 programs, 1 complete;
    acquire_ctx: Under<Acquires>, 12 programs, 1 complete;
    wait_ctx: Under<Conditions>, 12 programs, 1 complete;
    group_wait_ctx: Under<Groups>, 12 programs, 1 complete;
    send_ctx: Under<Sends>, 6 programs, 0 complete;
    recv_ctx: Under<Receives>, 6 programs, 0 complete;
    call_ctx: Under<Calls>, 12 programs, 1 complete;
}
