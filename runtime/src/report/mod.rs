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
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Writes to the standard error. A pipe that nobody reads keeps nothing from going on.
pub(crate) fn say(text: Arguments<'_>) {
    _ = stderr().write_fmt(text);
}

/// Calls a closure of the program, of this name, that is told something. It runs where nothing could receive its panic, which
/// therefore ends the process.
pub(crate) fn tell(closure: &str, f: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(f)).is_err() {
        say(format_args!("fatal error: the closure of `{closure}` has panicked\n"));
        std::process::exit(2);
    }
}
