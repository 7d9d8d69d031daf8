//! Go's package `sync`, with Rust's habits: guards instead of unlocking by hand, no poisoning.
//!
//! | | |
//! | --- | --- |
//! | [`Mutex`] | one at a time |
//! | [`RwMutex`] | readers together, or one writer |
//! | [`Cond`] | waiting until somebody says that something has changed |
//! | [`Once`], [`OnceValue`] | done once, and before anybody goes on |
//! | [`WaitGroup`] | waiting for a number of things to be done |
//! | [`ErrGroup`] | the same, of which one may fail |
//! | [`Semaphore`] | a number of permits |
//! | [`Barrier`] | a point that threads pass together |
//!
//! All of them are a word, and a queue of those who sleep, first come, first served; the queue is allocated when
//! somebody first sleeps. `Mutex`, `RwMutex`, `Cond`, `Once` and `Semaphore` can be made for a static (`const_new`).

mod barrier;
mod cond;
mod err_group;
mod mutex;
mod once;
mod raw_rw_mutex;
mod rw_mutex;
mod semaphore;
mod wait_group;

pub use barrier::Barrier;
pub use cond::Cond;
pub use err_group::ErrGroup;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, RawMutex};
pub use once::{Once, OnceValue};
pub use raw_rw_mutex::RawRwMutex;
pub use rw_mutex::{
    MappedRwMutexReadGuard, MappedRwMutexWriteGuard, RwMutex, RwMutexReadGuard, RwMutexWriteGuard,
};
pub use semaphore::{Permits, Semaphore};
pub use wait_group::WaitGroup;
