//! Data structures of a few atomics: floats, bounded counters, values of any type, a stack, spin locks.
//!
//! The integers themselves are in [`rt::sync::atomic`](crate::rt::sync::atomic).
//!
//! | | |
//! | --- | --- |
//! | [`AtomicF32`], [`AtomicF64`] | floats with addition, minimum and maximum |
//! | [`AtomicCounter`] | a count that stays within a limit |
//! | [`Value`] | a value of any type, loaded and stored as a whole |
//! | [`ArcCell`] | an `Arc` that threads read and replace |
//! | [`SeqLock`] | plain data that readers copy without writing to memory, and copy again if it has changed meanwhile |
//! | [`Stack`] | a lock-free stack |
//! | [`SpinLock`] | a spinning lock for short sections, unfair |
//! | [`TicketLock`] | a spinning lock for short sections, first come, first served |

mod arc_cell;
mod counter;
mod float;
mod seq_lock;
mod spin;
mod stack;
mod value;

pub use arc_cell::{ArcCell, Loaded};
pub use counter::{AtomicCounter, LimitError};
pub use float::{AtomicF32, AtomicF64};
pub use seq_lock::SeqLock;
pub use spin::{RawSpinLock, RawTicketLock, SpinLock, SpinLockGuard, TicketLock, TicketLockGuard};
pub use stack::Stack;
pub use value::Value;
