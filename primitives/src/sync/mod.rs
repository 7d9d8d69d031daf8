//! Go's package `sync`, with Rust's habits: guards instead of unlocking by hand, no poisoning.
//!
//! | | |
//! | --- | --- |
//! | [`Mutex`] | one at a time |
//! | [`RwMutex`] | readers together, or one writer |
//! | [`Cond`] | waiting until somebody says that something has changed |
//! | [`Once`], [`OnceValue`] | done once, and before anybody goes on |
//! | [`WaitGroup`] | waiting for a number of things to be done |
//!
//! All of them are a word, and a queue of those who sleep, first come, first served; the queue is allocated when
//! somebody first sleeps. Each can be made for a static (`const_new`), and in a default build `new` would do there
//! too.

mod cond;
mod mutex;
mod once;
mod raw_rw_mutex;
mod rw_mutex;
mod wait_group;

pub use cond::Cond;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard, RawMutex};
pub use once::{Once, OnceValue};
pub use raw_rw_mutex::RawRwMutex;
pub use rw_mutex::{
    MappedRwMutexReadGuard, MappedRwMutexWriteGuard, RwMutex, RwMutexReadGuard, RwMutexWriteGuard,
};
pub use wait_group::WaitGroup;
