//! The record of one execution.

use super::Site;
use core::fmt;
use core::sync::atomic::Ordering;

/// One operation of one thread.
#[derive(Clone, Debug)]
pub struct Step {
    /// The thread's number; 0 is the model's body.
    pub thread: usize,
    /// The operation: `store`, `fetch_add`, `park` …
    pub operation: &'static str,
    /// The object's number in this execution, in order of creation.
    pub object: Option<u32>,
    /// The ordering that was in force, after any mutation.
    pub ordering: Option<Ordering>,
    /// Values read and written, in words.
    pub values: String,
    /// The source line.
    pub site: Site,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "T{} {}", self.thread, self.operation)?;
        if let Some(object) = self.object {
            write!(f, " #{object}")?;
        }
        if let Some(ordering) = self.ordering {
            write!(f, ".{ordering:?}")?;
        }
        if !self.values.is_empty() {
            write!(f, " {}", self.values)?;
        }
        write!(f, "  {}:{}", self.site.file(), self.site.line())
    }
}
