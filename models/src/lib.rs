//! The models of selvedge's primitives, each with mutants, and concurrency bugs of well-known
//! programs. `selvedge verify` and `selvedge bugs` run them; so do this crate's tests.

pub mod audit;
pub mod bugs;
pub mod litmus;
pub mod model;
pub mod models;
pub mod mutant;
pub mod reach;
pub mod run;
pub mod tighten;
