//! Sites that a test may change to a faulty twin.

#[cfg(feature = "checking")]
use super::seam::{Current, current};

/// Returns whether the line that calls this is to go by its faulty twin: whether a mutation of the running execution is
/// [`Twin`](super::seam::Change::Twin) there. In the default build it never is.
#[inline(always)]
#[cfg_attr(feature = "checking", track_caller)]
pub fn is_twin() -> bool {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.is_twin(core::panic::Location::caller());
    }
    false
}
