//! What is built of compare-exchange: floats, bounded counters, spin locks.
//!
//! The integers themselves are in [`rt::sync::atomic`](crate::rt::sync::atomic).
//!
//! | | |
//! | --- | --- |
//! | [`AtomicF32`], [`AtomicF64`] | floats that are added to, and that keep the largest or smallest |
//! | [`AtomicCounter`] | a count that stays within a limit |
//! | [`SpinLock`] | a lock for moments, unfair |
//! | [`TicketLock`] | a lock for moments, first come, first served |

mod counter;
mod float;
mod spin;

pub use counter::{AtomicCounter, LimitError};
pub use float::{AtomicF32, AtomicF64};
pub use spin::{RawSpinLock, RawTicketLock, SpinLock, SpinLockGuard, TicketLock, TicketLockGuard};
