//! Go's concurrency tools for Rust, written on a layer that also runs under model checkers.
//!
//! - Channels: [`chan`].
//! - Locks, conditions, barriers and other primitives that block: [`sync`]. Data structures of a few atomics:
//!   [`atomic`].
//! - Contexts, which carry cancellation, deadlines and values: [`context`].
//! - A map that threads share: [`map`].
//! - A pool of objects that are expensive to make: [`pool`].
//! - Reclamation of memory that other threads may still read: [`reclaim`].
//! - Virtual time for tests: [`testing`].
//! - The abstraction layer: [`rt`]. Write a lock-free structure on it, and the same source runs
//!   natively, under loom, under shuttle and under the graph engine, which explores every execution that the memory
//!   model allows (features of the same names; the harness is the crate `selvedge-check`).
//!
//! # Targets
//! Targets with 64-bit pointers, of which at most 48 bits are significant in the addresses that the allocator
//! returns; std is needed. Tests run on x86-64 Linux; `make targets` compiles for the others.

#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(target_pointer_width = "64"))]
compile_error!(
    "selvedge supports targets with 64-bit pointers only: its channels keep tags in the free bits of 64-bit addresses"
);

/// A constructor that is `const` in the default build, where there is no engine to be told.
macro_rules! constructor {
    ($(#[$meta:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $out:ty $body:block) => {
        $(#[$meta])*
        #[cfg(not(feature = "checking"))]
        #[inline]
        #[track_caller]
        $visible const fn $name($($argument: $type),*) -> $out $body

        $(#[$meta])*
        #[cfg(feature = "checking")]
        #[track_caller]
        $visible fn $name($($argument: $type),*) -> $out $body
    };
}

pub mod atomic;
mod cache_padded;
pub mod chan;
pub mod context;
mod first_panic;
pub mod map;
pub mod pool;
mod queue;
mod race_probe;
pub mod reclaim;
pub mod rt;
mod spec;
pub mod sync;
pub mod testing;
