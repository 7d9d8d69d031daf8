//! Shared ownership, and scaffolding for models.
//!
//! [`Mutex`], [`RwLock`], [`Condvar`], [`Barrier`], [`Once`], [`OnceLock`] and [`LazyLock`] serve models and tests; the
//! library's own are in `selvedge::sync`. They have std's names and meaning, without poisoning of locks.

mod arc;
pub mod atomic;
mod barrier;
mod condvar;
mod mutex;
mod once;
mod once_lock;
mod rw_lock;

#[doc(inline)]
pub use crate::__rt_unsize as unsize;
pub use arc::{Arc, Weak};
pub use barrier::{Barrier, BarrierWaitResult};
pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use once::{Once, OnceState};
pub use once_lock::{LazyLock, OnceLock};
pub use rw_lock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
