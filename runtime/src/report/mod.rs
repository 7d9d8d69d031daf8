//! What the runtime tells about its goroutines.

pub(crate) mod deadlock;
pub(crate) mod hog;
