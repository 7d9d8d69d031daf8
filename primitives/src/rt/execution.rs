//! The end of an execution, for values that live as long as one.

#[cfg(feature = "checking")]
use super::seam::{Current, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// Calls `f` at the end of the current execution of a model, and returns `true`; outside any model drops `f` and returns
/// `false`.
///
/// The execution ends when the model's body has returned and all other threads have ended, which happens before `f` is
/// called; the body's thread waits for them. The functions are called on that thread, the last one first, and its
/// thread-locals are dropped afterwards; or before, for what another thread asks for when the body has returned and nothing
/// was to be done at the end. They may do what a model may do, and `f` may call this again. In a run on real
/// threads `f` is called by the thread that ends last. After a failure nothing is called.
///
/// A static that has a value of its own in each execution is a [`LazyLock`](crate::rt::sync::LazyLock) or a
/// [`OnceLock`](crate::rt::sync::OnceLock), which drop their values in this way.
///
/// ```
/// assert!(!selvedge::rt::execution::at_end(|| unreachable!("there is no model")));
/// ```
#[track_caller]
pub fn at_end(f: impl FnOnce() + Send + 'static) -> bool {
    #[cfg(feature = "checking")]
    match current() {
        Current::Model(session) => {
            session.at_end(Location::caller(), f);
            return true;
        }
        Current::Native(run) => {
            run.at_end(f);
            return true;
        }
        Current::Outside => (),
    }
    drop(f);
    false
}
