//! What is built of compare-exchange: floats, bounded counters, values of any kind, a stack, spin locks.
//!
//! The integers themselves are in [`rt::sync::atomic`](crate::rt::sync::atomic).
//!
//! | | |
//! | --- | --- |
//! | [`AtomicF32`], [`AtomicF64`] | floats that are added to, and that keep the largest or smallest |
//! | [`AtomicCounter`] | a count that stays within a limit |
//! | [`Value`] | any value, loaded and stored as a whole |
//! | [`ArcCell`] | an `Arc` that threads read and replace |
//! | [`SeqLock`] | plain data that is read without writing anything, and read again if it has changed meanwhile |
//! | [`Stack`] | last in, first out |
//! | [`SpinLock`] | a lock for moments, unfair |
//! | [`TicketLock`] | a lock for moments, first come, first served |

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
