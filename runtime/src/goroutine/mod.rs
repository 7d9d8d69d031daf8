//! Goroutines: their table, and what runs on their stacks.

pub(crate) mod entry;
pub(crate) mod local;
pub(crate) mod table;

pub(crate) use table::{Slot, TABLE, slot};
