//! Explores every execution of a concurrent program that a memory model allows, each exactly once.
//!
//! The program runs on a [`Machine`], which gives its loads their values. After each run the machine goes to
//! the next branch; when there is none, everything has been explored:
//!
//! ```
//! use selvedge_graph::{End, Machine, Options, Order};
//! use std::{panic::Location, rc::Rc};
//!
//! // Two threads increment a counter: two executions.
//! let machine = Rc::new(Machine::new(Options::default()));
//! loop {
//!     let m = Rc::clone(&machine);
//!     let end = machine.run(Box::new(move || {
//!         let site = Location::caller();
//!         let counter = m.new_location(0, Some(site));
//!         for _ in 0..2 {
//!             let theirs = Rc::clone(&m);
//!             let body = move || {
//!                 let _ = theirs.update(counter, &|value| value + 1, Order::Relaxed, site);
//!             };
//!             m.spawn(Box::new(body), site);
//!         }
//!     }));
//!     assert!(matches!(end, End::Complete));
//!     if !machine.advance() {
//!         break;
//!     }
//! }
//! assert_eq!(machine.statistics().executions, 2);
//! ```
//!
//! This crate knows nothing of `selvedge::rt`, which is how programs usually come to it.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "the engine is below `selvedge::rt`")]

#[cfg(test)]
mod brute_force;
mod consistency;
mod event;
mod explore;
mod graph;
mod groups;
mod machine;
mod model;
mod order;
mod overflow;
mod race;
mod replay;
pub mod report;
mod run;
mod snapshot;
mod stack;
mod step;
mod threads;

pub use event::{LocationId, Site, ThreadId, Value};
pub use explore::Statistics;
pub use explore::split::Part;
pub use groups::Groups;
pub use machine::{End, Loops, Machine, Options, Statics};
pub use model::{Model, UnknownModel};
pub use order::Order;
pub use race::{Epoch, Race};
pub use replay::Token;
pub use snapshot::Frames;
pub use stack::DEFAULT_STACK_SIZE;
pub use step::{Attempt, Disabled, ObjectState, StepId, StepName, Taken};
