//! Concurrency patterns of Go programs, as library code: on channels, locks and contexts, with no mechanism of its
//! own.
//!
//! | pattern | here | order |
//! | --- | --- | --- |
//! | barrier fetch | [`fetch_all`] waits for all, [`fetch_first`] for one | results as the fetches were given |
//! | pipeline | [`Pipeline`], whose stages hand values and errors on | values keep their order, but for [`Pipeline::fan_out`] |
//! | producers and consumers | [`produce_and_consume`] | the values of a producer keep their order |
//! | publish and subscribe | [`Broker`], with filters, time-outs and eviction | a subscriber gets the messages of a publisher in order |
//! | worker pool | [`Workers`] | jobs are taken in the order submitted |
//! | callbacks in place of channels | [`crawl`] | one call at a time, in no order |
//! | rate limit | [`Pace`], [`TokenBucket`] | tokens of a bucket come in the order of the calls |
//! | safe exit | [`Exit`]: a quit channel that all goroutines hear | none |
//! | a group in which one may fail | [`ErrGroup`] | the first error is the result |
//!
//! What they share:
//! - They start goroutines if the caller is one, and threads otherwise; under a checker, threads of the model.
//! - What they start has ended when the call that waits for it returns ([`fetch_all`], [`Pipeline::wait`], [`Workers::finish`],
//!   …), and everything that it did happens before that return. The drop of an object without that call tells its
//!   goroutines to end, and does not wait for them.
//! - The first panic of a closure comes out of the call that waits, once all have ended; later ones are lost. In fetches,
//!   pipelines, crawls, groups, producers and consumers a panic stops the others, as an error does. The panic of a job is in its
//!   [`Ticket`], and that of a filter comes out of [`Broker::publish`].
//! - Closures run while nothing is locked, but for the callback of [`crawl`].
//! - A value is handed to one closure or dropped, never both, never neither; the documentation of each item says when values
//!   are dropped.
//!
//! Each has a model in `models/src/models/patterns.rs`, which the graph engine explores to the end over channels and
//! locks as specified, with twins of the code here that the model catches. Sizes there are two or three goroutines
//! and values.
//!
//! Sources: Go's blog on pipelines and cancellation, "Go Concurrency Patterns" and its sequel by Pike and Gerrand,
//! the packages `x/sync/errgroup` and `x/time/rate`.

mod crawl;
mod exit;
mod fault;
mod fetch;
mod pipeline;
mod produce;
mod pub_sub;
mod rate;
mod refused;
mod team;
mod workers;

pub use crawl::crawl;
pub use exit::Exit;
pub use fault::Fault;
pub use fetch::{fetch_all, fetch_first};
pub use pipeline::Pipeline;
pub use produce::{Outlet, produce_and_consume};
pub use pub_sub::{Broker, Patience, Published, Subscription};
pub use rate::{Pace, TokenBucket};
pub use refused::Refused;
#[doc(inline)]
pub use selvedge::sync::ErrGroup;
pub use workers::{Ticket, Workers};
