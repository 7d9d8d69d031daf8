//! What the runtime tells about its goroutines.

pub(crate) mod deadlock;
