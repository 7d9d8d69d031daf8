//! What more than one program of this package measures.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "benches run on real threads")]

pub mod contexts;
