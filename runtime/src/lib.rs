//! Goroutines for Rust: tasks with stacks of their own, which a few threads run in turn.
//!
//! The channels, selects and locks of [`selvedge`] wait through `selvedge::rt::park`. On a goroutine that parks the
//! goroutine, and its thread runs another one.
//!
//! ```
//! use selvedge::chan::bounded;
//!
//! let sum = selvedge_go::run(|| {
//!     let (tx, rx) = bounded(0);
//!     for n in 1..=3 {
//!         let tx = tx.clone();
//!         selvedge_go::go(move || tx.send(n).expect("the receiver is there"));
//!     }
//!     drop(tx);
//!     rx.iter().sum::<i32>()
//! });
//! assert_eq!(sum, 6);
//! ```
//!
//! # What never moves, and what that cannot hold against
//!
//! A goroutine that has begun stays on its thread for good, unless the program chooses otherwise ([`Migration`], `unsafe`); only one
//! that has not begun is taken by another thread. So thread-locals, `Rc`s and handles that belong to a thread work on goroutines as they do on threads, in safe code. One
//! thing does not: **code that sets a thread-local for its extent and calls back**, as `scoped_tls` does, and the notion of
//! a "current" runtime in rayon and tokio. It relies on the last such call on a thread being the first to end. If the
//! callback waits, another goroutine of the thread may run, make such a call too, and find, or leave, the first one's value:
//! a reference that dangles if that one ends first. Do not wait inside such a callback. Thread-local *values* are shared by
//! the goroutines of a thread, which run in turn; those of [`selvedge::rt::thread_local!`] belong to the goroutine.
//!
//! # What blocks a thread
//!
//! A call that blocks its thread, such as reading a file or `std::thread::sleep`, keeps the other goroutines of the thread
//! waiting. Wrap it in [`blocking`], so that goroutines that have not begun run elsewhere at once; without, they do after 10 to
//! 20 ms. No goroutine is interrupted: a long computation calls [`gosched`] from time to time, for the others of its thread.
//!
//! A destructor that waits while a panic unwinds blocks its thread, because std counts panics by thread.
//!
//! # Under a checker
//!
//! Inside a model, [`go`] starts one of the checker's threads and [`run`] calls its closure, so a program with goroutines is
//! checked as one with threads. [`run`] does not end the other threads then: they have to end by themselves, as in any model.
//!
//! # Targets
//!
//! Linux on x86-64 and AArch64. Elsewhere the crate compiles, and a goroutine is a thread, as in a model.
//!
//! # Parts
//!
//! Each part knows only those above it.
//!
//! | part | what it is |
//! | --- | --- |
//! | `core` | the scheduler's algorithms over numbers of tasks, written on `selvedge::rt` and model-checked |
//! | `stack` | the memory of stacks, guards, and what happens at an overflow |
//! | `migration` | what tells whether a stack may go on on another thread |
//! | `goroutine` | the table of goroutines, and what runs on their stacks |
//! | `machine` | what the scheduler stands on: threads, stacks and the clock of the system, and the monitor, which takes a P from a goroutine that keeps it |
//! | `report` | what a program is told that cannot go on, and the list of goroutines; `machine` calls it |
//! | `pool` | threads for calls that block |
//! | `signal` | signals of the operating system, as values of channels |
//! | `routine` | programs made of tasks |
//! | [`patterns`] | pipelines, worker pools and other patterns of Go programs, which know the public API only |

#[doc(hidden)]
pub mod core;

macro_rules! native {
    ($($module:item)*) => {
        $(
            #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
            #[allow(
                clippy::disallowed_types,
                clippy::disallowed_methods,
                reason = "this stands below the primitives, and no checker runs it"
            )]
            $module
        )*
    };
}

native! {
    mod goroutine;
    mod machine;
    mod migration;
    mod pool;
    mod report;
    mod stack;
}

mod api;
mod build;
mod future;
pub mod patterns;
pub mod routine;
mod scope;
mod settings;
#[cfg(unix)]
pub mod signal;

pub use api::{
    Builder, LockedThread, blocking, blocking_on_pool, dump, go, go_local, goexit, gomaxprocs, gosched,
    lock_os_thread, num_cpu, num_goroutine, run, set_procs, sleep, spawn,
};
pub use build::{BuildInfo, build_info};
pub use future::{block_on, go_future};
pub use scope::{Scope, ScopedJoin, scope};
#[doc(inline)]
pub use selvedge::rt::Join;
pub use settings::{Deadlock, Leftover, Migration};
