//! What RC11 demands of an execution graph, checked as events are added. Happens-before is part of the graph.
//!
//! - `coherence`: which writes a read may see, and where in modification order a write may stand.
//! - `psc`: sequential consistency of the SeqCst accesses and fences.
//!
//! The exploration keeps atomicity (nothing comes between a read-modify-write's source and its write) when
//! it places writes. Sources: Lahav, Vafeiadis, Kang, Hur, Dreyer, *Repairing Sequential Consistency in C/C++11*
//! (PLDI 2017), with C++20's release sequences and strongly-happens-before.

pub(crate) mod coherence;
pub(crate) mod psc;
