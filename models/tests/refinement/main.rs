//! The specified forms of the primitives against their real forms, under the graph engine.
//!
//! A subject is a primitive with a few operations. Programs of two or three threads are drawn over it: operations on two
//! objects, accesses to atomics and cells beside them. Each program is explored with primitives as real and as specified.
//! - Every outcome of the real form is an outcome of the specified form: what operations and loads returned, which thread
//!   waits for ever, and whether there is a data race.
//! - If the program has no accesses beside the primitives and the real form is explored to the end, the outcomes are equal.
//!
//! Each faulty twin of a specification must show in one of these programs.
#![cfg(feature = "graph")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "outcomes are collected outside the model"
)]

mod as_specified;
mod counts;
mod counts_chan;
mod explore;
mod owners;
mod program;
mod promises;
mod refine;
mod selects;
mod subjects;
mod timed;
mod whole_programs;
