//! Where the user's code called a primitive.
//!
//! A site is a line of the primitive, which is what mutations and the audit want. Whoever reads that a
//! thread waits wants to know the line of his own code too.

#[cfg(feature = "checking")]
use super::seam::{self, Current, Home, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// A call of a public operation, as long as it lasts.
pub(crate) struct Entry {
    #[cfg(feature = "checking")]
    run: Run,
}

/// The run that the call belongs to.
#[cfg(feature = "checking")]
enum Run {
    None,
    Native,
    Model(Home),
}

/// To be called first by a public operation that may wait, itself `#[track_caller]`: reports of threads
/// that wait in it name the caller's line. Nothing in the default build.
#[inline(always)]
#[cfg_attr(feature = "checking", track_caller)]
pub(crate) fn enter() -> Entry {
    Entry {
        #[cfg(feature = "checking")]
        run: match current() {
            Current::Outside => Run::None,
            Current::Native(_) => {
                seam::entered(Location::caller());
                Run::Native
            }
            Current::Model(session) => {
                session.entered(Location::caller());
                Run::Model(Home::new(session))
            }
        },
    }
}

#[cfg(feature = "checking")]
impl Drop for Entry {
    fn drop(&mut self) {
        match self.run {
            Run::None => (),
            Run::Native => seam::left(),
            Run::Model(home) => {
                if let Some(session) = home.get() {
                    session.left();
                }
            }
        }
    }
}
