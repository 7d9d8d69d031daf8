//! Overflows of the program's stacks, as results instead of crashes.
//!
//! A thread that overflows its stack touches the fence below it (see [`stack`](crate::stack)), and the system raises
//! SIGSEGV. The handler runs on the OS thread's signal stack. It cannot unwind the program's frames: the fault may be
//! at any instruction. So the handler makes the coroutine return at once, as one that has
//! [overflowed](Ended::Overflowed): its frames are discarded, and no destructor of theirs runs. The caller
//! of the machine must not run the program again on this OS thread, since what the frames had begun is never completed.
//!
//! The frames may hold a lock which the report needs too: that of `malloc`'s arena, or of the standard output. On
//! x86-64 the handler lifts the upper part of the fence and lets the thread go on by single steps until the functions
//! that the recursion has called have returned (`by_steps`), and discards the frames then. On AArch64 a fault inside
//! the C library ends the process with a message. A lock that the recursion itself holds is never released.
//!
//! Other faults go to the handler that was there before. Targets other than Linux on x86-64 and AArch64 have no
//! handler: there an overflow ends the process, unless an operation of the overflowing thread notices it first.

#![cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    allow(dead_code, reason = "only the signal handler makes or reads it")
)]

use crate::stack::Bounds;
use core::cell::Cell;
use corosensei::trap::CoroutineTrapHandler;

/// How a thread's coroutine came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The thread's body has returned.
    Returned,
    /// The thread has overflowed its stack, and its frames are gone.
    Overflowed,
}

/// The coroutine that runs on this OS thread.
#[derive(Clone, Copy)]
struct Running {
    bounds: Bounds,
    trap: CoroutineTrapHandler<Ended>,
}

thread_local! {
    // Without a destructor and made at compile time, so that a signal handler may read it.
    static RUNNING: Cell<Option<Running>> = const { Cell::new(None) };
}

/// Runs a coroutine, whose overflow becomes its result.
pub(crate) fn watched<R>(bounds: Bounds, trap: CoroutineTrapHandler<Ended>, resume: impl FnOnce() -> R) -> R {
    RUNNING.set(Some(Running { bounds, trap }));
    let result = resume();
    RUNNING.set(None);
    result
}

/// Returns whether the frames of the running thread go beyond the part of its stack that the program has.
pub(crate) fn is_beyond_size() -> bool {
    let here = 0_u8;
    let address = (&raw const here).addr();
    RUNNING.get().is_some_and(|running| address < running.bounds.floor)
}

/// Ends the single steps of a thread that has overflowed and is about to suspend itself.
pub(crate) fn forget_steps() {
    #[cfg(all(target_os = "linux", target_arch = "x86_64"))]
    by_steps::forget();
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod by_steps;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod fault;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod library;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod registers;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod signal;

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(crate) use fault::prepare;

/// Does nothing: an overflow ends the process.
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(crate) fn prepare() {}
