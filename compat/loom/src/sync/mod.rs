//! What threads share.

pub mod atomic;
mod condvar;
pub mod mpsc;
mod mutex;
mod notify;
mod rwlock;

pub use condvar::{Condvar, WaitTimeoutResult};
pub use mutex::{Mutex, MutexGuard};
pub use notify::Notify;
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use selvedge::rt::sync::{Arc, Barrier, BarrierWaitResult, Weak};
pub use std::sync::{LockResult, TryLockResult};
