#![doc = include_str!("../README.md")]

pub mod alloc;
pub mod cell;
pub mod future;
pub mod hint;
pub mod lazy_static;
pub mod model;
pub mod sync;
pub mod thread;

#[doc(inline)]
pub use crate::model::model;
#[doc(inline)]
pub use selvedge::rt::thread_local;

#[doc(hidden)]
pub use selvedge as __selvedge;

/// The number of threads that loom runs at most, the model's body among them. There is no such limit here.
pub const MAX_THREADS: usize = 5;

/// Does nothing: every part of a model is explored.
///
/// loom explores from here on a model whose builder has set
/// [`expect_explicit_explore`](model::Builder::expect_explicit_explore).
pub fn explore() {}

/// Does nothing: every part of a model is explored, also the part after this call.
///
/// loom takes one way through what follows. To explore everything is more, and misses nothing that loom finds.
pub fn stop_exploring() {}

/// Does nothing: every operation of a model is explored, also the one after this call.
///
/// loom takes one way at the next operation. To explore all ways is more, and misses nothing that loom finds.
pub fn skip_branch() {}
