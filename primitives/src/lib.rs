//! Go's concurrency tools for Rust, written on a layer that also runs under model checkers.
//!
//! - Channels: [`chan`].
//! - Locks and what else waits: [`sync`]. What is built of compare-exchange: [`atomic`].
//! - A map that threads share: [`map`].
//! - A pool of things that are expensive to make: [`pool`].
//! - When memory may be freed that others read: [`reclaim`].
//! - The abstraction layer: [`rt`]. Write a lock-free structure on it, and the same source runs
//!   natively and under loom and shuttle (features of the same names; see `selvedge-check`).

/// A constructor that is `const` in the default build, where there is no engine to be told.
macro_rules! constructor {
    ($(#[$meta:meta])* $visible:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) -> $out:ty $body:block) => {
        $(#[$meta])*
        #[cfg(not(feature = "checking"))]
        #[inline]
        $visible const fn $name($($argument: $type),*) -> $out $body

        $(#[$meta])*
        #[cfg(feature = "checking")]
        #[track_caller]
        $visible fn $name($($argument: $type),*) -> $out $body
    };
}

pub mod atomic;
pub mod chan;
mod first_panic;
pub mod map;
pub mod pool;
mod queue;
pub mod reclaim;
pub mod rt;
pub mod sync;
