//! Checks concurrent code that is written on [`selvedge::rt`].
//!
//! [`check`] runs a closure, the *model*, under every engine compiled in: natively many times over,
//! and with the features `graph`, `loom` and `shuttle` under these. [`Checker`] sets bounds, engines and
//! expectations, and returns a [`Report`] for each engine, whose [`Verdict`] claims no more than was
//! explored. A failure comes with the interleaving and a token that replays it.
//!
//! A model is refused, not passed, if the engine saw no operation in it: then it uses std's types, or
//! two copies of `selvedge` are linked. So models live in a crate's `tests/` folder or in a crate of
//! their own, not in the `src` of a crate that `selvedge-check` depends on.
//!
//! *Mutants*: [`Checker::mutate`] weakens one site of the code under test at run time, found by its label
//! with [`site_of`]. A model proves something only if a mutant of it fails.
//!
//! Beyond a closure with assertions:
//! - [`Scenario`] draws the programs (features `proptest` and `quickcheck`), holds each history against a [`Spec`],
//!   and shrinks what fails to a test;
//! - [`History`] records operations and decides whether a specification allows what they answered; ready
//!   specifications are in [`spec`];
//! - `Progress` (feature `shuttle`) freezes threads, and so tells lock-free operations from those that wait;
//! - [`audit`] finds which orderings, fences and wake-ups the models need.
//!
//! # Environment
//! | variable | meaning |
//! | --- | --- |
//! | `SELVEDGE_ENGINES` | comma-separated: `native`, `graph`, `loom`, `shuttle`, `shuttle-random`, `shuttle-pct`, `shuttle-urw` |
//! | `SELVEDGE_ITERATIONS` | native runs and random schedules |
//! | `SELVEDGE_SEED` | the seed of random schedules and descents |
//! | `SELVEDGE_FIND_FIRST` | `no`: a search explores everything in one order, without the phases that find first; `yes` by default |
//! | `SELVEDGE_PREEMPTIONS` | the preemption bound of every search, or `none`; without it loom and shuttle keep to two, the graph engine to none |
//! | `SELVEDGE_MODEL` | the memory model of the graph engine: `c20`, `c20-published`, `rc11`, `genmc`, `ra`, `tso` or `sc` |
//! | `SELVEDGE_ROUNDS` | how many rounds of a loop that waits the graph engine explores where they are not proved to be alike; 32 by default |
//! | `SELVEDGE_RETRIES` | how often the operations of a thread may begin anew under the graph engine, see [`Checker::retry_bound`], or `none` |
//! | `SELVEDGE_FAIR` | `yes`: the graph engine keeps to fair schedules, see [`Checker::fair_schedules`]; `no` by default |
//! | `SELVEDGE_PRIMITIVES` | the form of the primitives: `specified` or `real`, see [`Checker::primitives`] |
//! | `SELVEDGE_STEPS` | `all`: a failure's steps each in a line of its own, instead of the calls that they are part of |
//! | `SELVEDGE_REPLAY` | a failure's token; models of other names run as ever |
//! | `SELVEDGE_AUDIT` | a folder for audits, see [`audit`]; `1` for `target/selvedge/audit` |
//! | `SELVEDGE_REPAIR` | a folder for what failing models find that would let them pass; `SELVEDGE_REPAIR_SECONDS` limits each search |
//! | `SELVEDGE_REPAIRS` | the file of repairs that reports and pages show; `cargo selvedge repair` leaves it in the target folder |
//! | `SELVEDGE_EDITS` | changes of the source, as JSON, that all models run with |
//! | `SELVEDGE_VERDICTS` | a folder for verdicts; with `SELVEDGE_FAIL_FAST` the first bad one ends the process |
//!
//! ```
//! use selvedge::rt::{sync::Arc, sync::atomic::{AtomicBool, Ordering}, thread};
//!
//! selvedge_check::check(|| {
//!     let ready = Arc::new(AtomicBool::new(false));
//!     let theirs = Arc::clone(&ready);
//!     let thread = thread::spawn(move || theirs.store(true, Ordering::Release));
//!     thread.join().unwrap();
//!     assert!(ready.load(Ordering::Acquire));
//! });
//! ```

#![cfg_attr(docsrs, feature(doc_cfg))]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the harness runs outside any model, on real threads"
)]

/// Compiles and runs the README's examples.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "graph")]
#[doc = include_str!("../docs/orderings.md")]
pub mod orderings {}

#[doc = include_str!("../docs/your-program.md")]
pub mod your_program {}

#[cfg(feature = "proptest")]
#[doc = include_str!("../docs/your-primitive.md")]
pub mod your_primitive {}

#[doc = include_str!("../docs/migrating.md")]
pub mod migrating {}

#[doc = include_str!("../docs/contexts.md")]
pub mod contexts {}

#[doc = include_str!("../docs/virtual-time.md")]
pub mod virtual_time {}

pub mod audit;
mod checker;
mod command;
mod engine;
mod environment;
mod explore;
#[cfg(feature = "graph")]
mod graph_report;
mod history;
mod names;
mod narrative;
mod primitives;
#[cfg(feature = "shuttle")]
mod progress;
mod replay;
mod report;
mod scenario;
mod site;
pub mod spec;
mod target_folder;

pub use checker::{Checker, check};
pub use engine::{Engine, Strategy};
pub use explore::Phase;
pub use history::{Criterion, Entry, Fairness, History, Transfer, Transfers, Violation};
pub use primitives::Primitives;
#[cfg(feature = "shuttle")]
pub use progress::Progress;
pub use report::{Counterexample, Report, Verdict};
pub use scenario::{Failing, Program, Scenario};
pub use selvedge::rt::seam::{
    Blocked, Call, Change, Counters, Failure, FailureKind, Mutation, Operation, Step, Use, Values,
};
#[cfg(feature = "graph")]
pub use selvedge_graph::Model as MemoryModel;
pub use site::site_of;
pub use spec::Spec;
