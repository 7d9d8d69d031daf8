//! What several tests use.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Calls `f`, which must panic, and returns the text of the panic.
pub(crate) fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).map(|_| ()).expect_err("it panics");
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_string());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).expect("a text")
}
