//! What the runtime tells about its goroutines.

pub(crate) mod deadlock;
pub(crate) mod dump;
pub(crate) mod hog;
pub(crate) mod leftover;
pub(crate) mod local;
mod symbols;
mod trace;

use core::fmt::Arguments;
use std::io::{Write, stderr};

/// Writes to the standard error. A pipe that nobody reads keeps nothing from going on.
pub(crate) fn say(text: Arguments<'_>) {
    _ = stderr().write_fmt(text);
}
