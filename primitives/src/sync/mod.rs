//! Go's package `sync`, with Rust's habits: guards instead of unlocking by hand, no poisoning.
//!
//! | | |
//! | --- | --- |
//! | [`Mutex`] | one at a time |
//! | [`RwMutex`] | readers together, or one writer |
//! | [`Cond`] | waiting until somebody says that something has changed |
//! | [`Once`], [`OnceFunc`], [`OnceValue`], [`Lazy`] | done once, and before anybody goes on |
//! | [`WaitGroup`] | waiting for a number of things to be done |
//! | [`ErrGroup`] | the same, of which one may fail |
//! | [`Semaphore`] | a number of permits |
//! | [`SingleFlight`] | work that is done once for all who ask for it at the same time |
//! | [`Barrier`] | a point that threads pass together |
//!
//! All of them are a word, and a queue of those who sleep, first come, first served; the queue is allocated when
//! somebody first sleeps. What a static can hold is made by `const_new` there; `new` is `const` too, but only in the
//! default build, since in a checking one it tells the running engine. `WaitGroup` and `ErrGroup` are shared by
//! clones instead.

mod barrier;
mod cond;
mod err_group;
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

#[doc(hidden)]
pub use crate::queue::{Ticket, Waiters, Wake};
pub use barrier::Barrier;
pub use cond::{Cond, CondGuard};
pub use err_group::ErrGroup;
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
pub use semaphore::{Permits, Semaphore};
pub use single_flight::SingleFlight;
pub use wait_group::WaitGroup;
