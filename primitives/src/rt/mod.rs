//! The abstraction layer: std's building blocks, which run natively, or under a model checker when a
//! model is running.
//!
//! Write a primitive on these types and it needs no `cfg` and no second version: a default build
//! compiles them to core's and std's own, and a build with the features `loom` or `shuttle` decides
//! at run time, operation by operation, who executes it. Outside a model everything is native.
//!
//! Paths mirror std: [`sync::atomic`], [`sync::Arc`], [`cell::UnsafeCell`], [`thread`], [`hint`].
//! What std has no name for: [`park`] (how primitives block), [`alloc`] (tracked heap nodes),
//! [`choose`] (a choice that a checker explores), [`time::now`](time::now()).
//!
//! Rules for code under a checker:
//! - make every `rt` object inside the model's closure; a static is made with `const_new`;
//! - wait with [`park`], [`hint::spin_loop`] or [`thread::yield_now`], never in a bare loop;
//! - spawn with [`thread`], never with std's.
//!
//! # What each engine cannot see
//!
//! | | native | loom | shuttle |
//! | --- | --- | --- | --- |
//! | explores | what happens to happen | interleavings up to the bounds; by itself it misses some that its own model allows (tokio-rs/loom issues 166 and 392: two threads on one location where the writer loads first). `rt` makes loads conflict so that it finds these, but nobody has proved it complete: its verdict is *searched* at best | depth-first: all interleavings up to the bounds; random, PCT, URW: a sample |
//! | weak memory | the processor's | acquire and release, the last 7 stores of each location; no load buffering | none: sequentially consistent, so an ordering bug cannot show |
//! | SeqCst accesses | the processor's | taken as AcqRel; `rt` puts SeqCst fences around them, which is stronger than the source, so it can't judge them | all accesses are |
//! | stores against read-modify-writes | the processor's | it may order a store before a read-modify-write that it cannot precede (tokio-rs/loom issues 254 and 389): false alarms for a lock that is released by a store | in order |
//! | failing compare-exchange | may fail spuriously | reads the newest store only; never spuriously | never spuriously |
//! | races on cells | not seen | reported | not seen |
//! | leaks, double frees, uses after free | not seen | reported for `rt::alloc` and `rt::sync::Arc` | as loom |
//! | deadlock | when every thread of the run waits | reported | reported |
//! | threads | any number | 5 with the body | any number |
//! | timed waits | real time | one test of the token, at any moment | as loom |
//! | choices | random | every vector of choices, one exploration each | branches depth-first, else random |
//! | statics | keep their values | made again before the body of each execution | made again at first use |
//!
//! No engine sees std's types, plain memory, or threads that std spawned; a run in which it saw
//! nothing at all is refused.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "this module is what everything else uses instead"
)]

pub mod alloc;
pub mod cell;
mod choice;
#[cfg(feature = "checking")]
#[doc(hidden)]
pub mod engine;
pub(crate) mod entry;
pub mod hint;
#[doc(hidden)]
pub mod local;
pub mod park;
pub mod sync;
pub mod thread;
pub mod time;

#[doc(inline)]
pub use crate::__rt_thread_local as thread_local;
pub use choice::{assume, choose};
