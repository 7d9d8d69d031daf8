//! What RC11 demands of an execution graph, checked as events are added.
//!
//! - `hb` computes happens-before clocks: RC11 makes `po ∪ rf` acyclic, so an event's clock is final
//!   when the event is added.
//! - `coherence`: which writes a read may see, and where in modification order a write may stand.
//! - `psc`: sequential consistency of the SeqCst accesses and fences.
//!
//! Atomicity (nothing between a read-modify-write's source and its write) is kept by whoever places
//! writes. Sources: Lahav, Vafeiadis, Kang, Hur, Dreyer, *Repairing Sequential Consistency in C/C++11*
//! (PLDI 2017), with C++20's release sequences and strongly-happens-before.

pub(crate) mod coherence;
pub(crate) mod hb;
pub(crate) mod psc;
