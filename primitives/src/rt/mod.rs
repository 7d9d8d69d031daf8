//! The abstraction layer: std's building blocks, which run natively, or under a model checker when a
//! model is running.
//!
//! Write a primitive on these types and it needs no `cfg` and no second version: a default build
//! compiles them to core's and std's own, and a build with the features `rc11`, `loom` or `shuttle` decides
//! at run time, operation by operation, who executes it. Outside a model everything is native.
//!
//! Paths mirror std: [`sync::atomic`], [`sync::Arc`], [`cell::UnsafeCell`], [`thread`], [`hint`].
//! What std has no name for: [`park`] (how primitives block), [`alloc`] (tracked heap nodes),
//! [`choose`] (a choice that a checker explores), [`assume`], [`time::now`](time::now()).
//!
//! Rules for code under a checker:
//! - make every `rt` object inside the model's closure; a static is made with `const_new`;
//! - wait with [`park`], [`wait_until`], or in a loop that calls [`hint::spin_loop`] or [`thread::yield_now`], never in a
//!   bare loop;
//! - spawn with [`thread`], never with std's.
//!
//! # What each engine cannot see
//!
//! | | native | rc11 | loom | shuttle |
//! | --- | --- | --- | --- | --- |
//! | explores | what happens to happen | every execution that RC11 allows, each once; bounds on preemptions and events are there if you ask for them | interleavings up to the bounds; by itself it misses some that its own model allows (tokio-rs/loom issues 166 and 392: two threads on one location where the writer loads first). `rt` makes loads conflict so that it finds these, but nobody has proved it complete: its verdict is *searched* at best | depth-first: all interleavings up to the bounds; random, PCT, URW: a sample |
//! | weak memory | the processor's | RC11 with C++20's release sequences; no load buffering | acquire and release, the last 7 stores of each location; no load buffering | none: sequentially consistent, so an ordering bug cannot show |
//! | SeqCst accesses | the processor's | as C++20 has them | taken as AcqRel; `rt` puts SeqCst fences around them, which is stronger than the source, so it can't judge them | all accesses are |
//! | stores against read-modify-writes | the processor's | in every order that is allowed | it may order a store before a read-modify-write that it cannot precede (tokio-rs/loom issues 254 and 389): false alarms for a lock that is released by a store | in order |
//! | failing compare-exchange | may fail spuriously | may read an old store; a weak one fails spuriously, again only if the thread has not merely come back to try again | reads the newest store only; never spuriously | never spuriously |
//! | races on cells | not seen | reported, also with the making and the freeing of memory | reported | not seen |
//! | leaks, double frees, uses after free | not seen | as loom | reported for `rt::alloc` and `rt::sync::Arc` | as loom |
//! | deadlock | when every thread of the run waits | reported | reported | reported |
//! | threads | any number | any number | 5 with the body | any number |
//! | timed waits | real time | one test of the token, at any moment | as rc11 | as rc11 |
//! | loops with `spin_loop` or `yield_now` | | explored round by round, up to a number of rounds; only a round that is proved to repeat the one before is left out ([`hint::spin_loop`]) | others run first | others run first, which makes the verdict *searched* if the thread could have gone on |
//! | [`wait_until`] | | one read for each value that ends the wait | others run first | others run first |
//! | choices | random | branches | every vector of choices, one exploration each | branches depth-first, else random |
//! | statics | keep their values | as if made before the body | made again before the body of each execution | made again at first use |
//! | `JoinHandle::is_finished` | | refused | told | told |
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
pub(crate) mod entry;
pub mod hint;
#[doc(hidden)]
pub mod local;
pub(crate) mod locks;
pub mod park;
#[cfg(feature = "checking")]
#[doc(hidden)]
pub mod seam;
pub(crate) mod shard;
pub(crate) mod spin_wait;
pub mod sync;
pub mod thread;
pub mod time;

#[doc(inline)]
pub use crate::__rt_thread_local as thread_local;
pub use choice::{assume, choose};
#[doc(inline)]
pub use hint::wait_until;
