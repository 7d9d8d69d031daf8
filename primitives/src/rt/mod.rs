//! The abstraction layer: std's building blocks, which run natively, or under a model checker when a
//! model is running.
//!
//! A primitive written on these types needs no `cfg` and no second version. A default build compiles them to core's and
//! std's own types. A build with the feature `checking`, which `selvedge-check` turns on, decides at run time for each
//! operation whether it runs natively or under an engine. Outside a model everything is native.
//!
//! Paths mirror std: [`sync::atomic`], [`sync::Arc`], [`cell::UnsafeCell`], [`thread`], [`hint`].
//! What std has no name for: [`park`] (how primitives block), [`alloc`] (tracked heap nodes),
//! [`choose`] (a choice that a checker explores), [`assume`], [`time::now`](time::now()).
//!
//! Rules for code under a checker:
//! - make every `rt` object inside the model's closure; make a static with `const_new` ([why](#statics));
//! - wait with [`park`], [`wait_until`], or in a loop that calls [`hint::spin_loop`] or [`thread::yield_now`], never in
//!   a bare loop;
//! - spawn with [`thread`], never with std's.
//!
//! # Statics
//!
//! A type of this library that can stand in a static has a constructor `const_new`, which is `const` in every build:
//!
//! ```
//! use selvedge::sync::Mutex;
//!
//! static NAMES: Mutex<Vec<String>> = Mutex::const_new(Vec::new());
//!
//! NAMES.lock().push("warp".to_string());
//! assert_eq!(NAMES.lock().len(), 1);
//! ```
//!
//! `new` is `const` in the default build only. Features are shared by everything that is built together, so
//! `static NAMES: Mutex<Vec<String>> = Mutex::new(Vec::new())` compiles, in a crate of yours or in a dependency, until
//! another crate of the build turns `checking` on, and then fails with "cannot call non-const associated function in
//! statics". A crate that depends on `selvedge-check` only as a dev-dependency turns it on for its tests, examples and
//! benchmarks, and not for `cargo build`. What to do: write `const_new` in every static, which costs nothing; if the
//! static is a dependency's, report it there and build with a patched copy meanwhile (`[patch.crates-io]`), or move the
//! models to a package that does not need the dependency and test that package by itself (`cargo test -p`).
//!
//! `new` cannot be `const` under an engine, because making an object is an event that the engine has to see, and a
//! `const fn` can tell no one. Registration at the first use, which serves statics, would lose that event:
//! - A thread that makes a node and publishes it with Relaxed races with the reader's first access. If that access
//!   registered the node, nothing would be left to race with.
//! - loom takes the making of an object for an access by the thread that registers it. An object that is first used by
//!   another thread than its maker would bring false alarms; only for statics, which are registered before the model's
//!   body, is that no matter.
//! - An object that was made outside the model would look like one that was made inside, and would carry values from
//!   one execution to the next. Such a run is refused now.
//!
//! # What each engine cannot see
//!
//! | | native | graph | loom | shuttle |
//! | --- | --- | --- | --- | --- |
//! | explores | what happens to happen | every execution that RC11 allows, each once; bounds on preemptions and events are there if you ask for them | interleavings up to the bounds; by itself it misses some that its own model allows (tokio-rs/loom issues 166 and 392: two threads on one location where the writer loads first). `rt` makes loads conflict so that it finds these, but there is no proof that it is complete: its verdict is *searched* at best | depth-first: all interleavings up to the bounds; random, PCT, URW: a sample |
//! | weak memory | the processor's | RC11 with C++20's release sequences; no load buffering | acquire and release, the last 7 stores of each location; no load buffering | none: sequentially consistent, so an ordering bug cannot show |
//! | SeqCst accesses | the processor's | as C++20 has them | taken as AcqRel; `rt` puts SeqCst fences around them, which is stronger than the source, so it can't judge them | all accesses are |
//! | stores against read-modify-writes | the processor's | in every order that is allowed | it may order a store before a read-modify-write that it cannot precede (tokio-rs/loom issues 254 and 389): false alarms for a lock that is released by a store | in order |
//! | failing compare-exchange | may fail spuriously | may read an old store; a weak one fails spuriously, again only if the thread has not merely come back to try again | reads the newest store only; never spuriously | never spuriously |
//! | races on cells | not seen | reported, also with the making and the freeing of memory | reported | not seen |
//! | leaks, double frees, uses after free | not seen | as loom | reported for `rt::alloc` and `rt::sync::Arc` | as loom |
//! | deadlock | when every thread of the run waits | reported | reported | reported |
//! | threads | any number | any number | 5 with the body | any number |
//! | timed waits | real time | one test of the token, at any moment | as graph | as graph |
//! | loops with `spin_loop` or `yield_now` | | explored round by round, up to a number of rounds; only a round that is proved to repeat the one before is left out ([`hint::spin_loop`]) | others run first | others run first, which makes the verdict *searched* if the thread could have gone on |
//! | [`wait_until`] | | one read for each value that ends the wait | others run first | others run first |
//! | choices | random | branches | every vector of choices, one exploration each | branches depth-first, else random |
//! | statics, but for the values in static locks, which stay | keep their values | as if made before the body | made again before the body of each execution | made again at first use |
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
mod backoff;
pub(crate) mod bubble;
pub mod cell;
mod choice;
pub(crate) mod entry;
pub mod execution;
pub mod hint;
mod local;
pub(crate) mod locks;
pub(crate) mod mark;
pub mod park;
#[cfg(feature = "checking")]
#[doc(hidden)]
pub mod seam;
pub(crate) mod shard;
pub(crate) mod spec;
pub(crate) mod spin_wait;
pub mod sync;
#[doc(hidden)]
pub mod task;
pub mod thread;
pub mod time;
#[doc(hidden)]
pub mod timer;
#[doc(hidden)]
pub mod twin;
#[doc(hidden)]
pub mod until;

#[doc(inline)]
pub use crate::__rt_thread_local as thread_local;
pub(crate) use choice::Choices;
pub use choice::{assume, choose};
#[doc(inline)]
pub use hint::wait_until;
#[doc(inline)]
pub use task::Join;
