//! Go's package `sync`, with Rust's habits: guards instead of unlocking by hand, no poisoning.
//!
//! | | |
//! | --- | --- |
//! | [`Mutex`] | a value that one thread at a time has access to |
//! | [`RwMutex`] | a value that several readers share, or one writer has alone |
//! | [`Cond`] | a condition that threads wait for |
//! | [`Once`], [`OnceFunc`], [`OnceValue`], [`Lazy`] | code that runs once, before any caller goes on |
//! | [`WaitGroup`] | waits until a number of tasks is done |
//! | [`ErrGroup`] | waits for tasks that may fail |
//! | [`Semaphore`] | a number of permits |
//! | [`SingleFlight`] | work that concurrent callers with one key share |
//! | [`Barrier`] | a point that threads pass together |
//!
//! Each of them is built of a word and a queue in which threads sleep, first come, first served. The queue is allocated
//! when a thread first sleeps. What a static can hold is made by `const_new` there; `new` is `const` too, but only in
//! the default build, since in a checking one it tells the running engine. `WaitGroup` and
//! `ErrGroup` keep their state behind an `Arc`, and are made at run time.
//!
//! The names of std and parking_lot work beside Go's: [`RwLock`] and [`Condvar`] are these types, and `notify_one`,
//! `wait_while`, `try_lock_for`, `call_once` and the like are methods of them.

mod barrier;
mod cond;
mod err_group;
mod familiar;
mod mutex;
mod once;
mod once_value;
mod owned;
mod raw_mutex;
mod raw_rw_mutex;
mod rw_mutex;
mod semaphore;
mod single_flight;
mod wait_group;
mod wrapper;

#[doc(hidden)]
pub use crate::queue::{Ticket, Waiters, Wake};
pub use barrier::Barrier;
/// [`Cond`] by std's and parking_lot's name.
pub use cond::Cond as Condvar;
pub use cond::{Cond, CondGuard};
pub use err_group::ErrGroup;
pub(crate) use err_group::Tell;
pub use familiar::WaitTimeoutResult;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use once::Once;
pub use once_value::{Lazy, OnceFunc, OnceValue};
pub use owned::{OwnedMutexGuard, OwnedRwMutexReadGuard, OwnedRwMutexWriteGuard};
pub use raw_mutex::RawMutex;
pub use raw_rw_mutex::RawRwMutex;
pub use rw_mutex::{
    MappedRwMutexReadGuard, MappedRwMutexWriteGuard, RwMutex, RwMutexReadGuard, RwMutexUpgradableReadGuard,
    RwMutexWriteGuard,
};
/// [`RwMutex`] and its guards by std's and parking_lot's names.
pub use rw_mutex::{
    MappedRwMutexReadGuard as MappedRwLockReadGuard, MappedRwMutexWriteGuard as MappedRwLockWriteGuard,
    RwMutex as RwLock, RwMutexReadGuard as RwLockReadGuard,
    RwMutexUpgradableReadGuard as RwLockUpgradableReadGuard, RwMutexWriteGuard as RwLockWriteGuard,
};
pub use semaphore::{Permits, Semaphore};
pub use single_flight::SingleFlight;
pub use wait_group::{Task, WaitGroup};
