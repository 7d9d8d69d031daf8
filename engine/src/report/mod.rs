//! Reports.
mod execution;
pub use execution::{Event, EventId, Execution, Lane, Location, Source};
