//! Shared ownership, and scaffolding for models.
//!
//! [`Mutex`] and [`Condvar`] serve models and tests; the library's own are in `selvedge::sync`.

mod arc;
pub mod atomic;
mod condvar;
mod mutex;

#[doc(inline)]
pub use crate::__rt_unsize as unsize;
pub use arc::{Arc, Weak};
pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
