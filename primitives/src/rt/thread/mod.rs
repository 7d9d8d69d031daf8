//! Threads: std's, or the running engine's.
//!
//! In a checking build a thread belongs to the run that spawned it. `join` returns the panic of a thread; a panic that no
//! thread can see any more fails the model.

#[cfg(feature = "checking")]
mod checked;
#[cfg(feature = "checking")]
mod frames;
mod number;
#[cfg(feature = "checking")]
mod parking;
#[cfg(not(feature = "checking"))]
mod plain;
#[cfg(feature = "checking")]
mod raw;
#[cfg(feature = "checking")]
mod scope;
mod symmetric;

pub use super::local::{AccessError, LocalKey};
#[cfg(feature = "checking")]
pub use checked::{Builder, JoinHandle, Thread, ThreadId, current, sleep, spawn, yield_now};
#[cfg(feature = "checking")]
pub(crate) use checked::{
    index_under_engine, lose_panic, note_retry, spin_or, under_engine, wait_under_engine,
};
#[cfg(feature = "checking")]
pub(crate) use frames::Registers;
pub(crate) use number::number;
#[cfg(feature = "checking")]
pub use parking::{park, park_timeout};
#[cfg(not(feature = "checking"))]
pub use plain::{current, park, park_timeout, scope, sleep, spawn, yield_now};
#[cfg(not(feature = "checking"))]
pub(crate) use plain::{lose_panic, note_retry, spin_or, under_engine, wait_under_engine};
#[cfg(feature = "checking")]
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use std::thread::panicking;
#[cfg(not(feature = "checking"))]
pub use std::thread::{Builder, JoinHandle, Scope, ScopedJoinHandle, Thread, ThreadId};
pub use symmetric::{Symmetric, spawn_symmetric, spawn_symmetric_scoped};
