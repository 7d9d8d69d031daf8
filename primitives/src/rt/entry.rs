//! Where the user's code called a primitive.
//!
//! The site of an operation is a line of the primitive, which mutations and the audit need. A report of a thread that
//! waits also names the line of the user's code that called the primitive; an [`Entry`] records that line.

#[cfg(feature = "checking")]
use super::seam::{self, Current, Home, Site, current};
#[cfg(feature = "checking")]
use core::panic::Location;

/// A call of a public operation: made when the call begins, dropped when it ends.
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

/// A line of the user's code, for what is done later on its behalf: the drop of a guard has no line of its own, and reports
/// the line that made the guard. In the default build an origin has no bytes.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    #[cfg(feature = "checking")]
    site: Site,
}

impl Origin {
    /// Returns the caller's line.
    #[inline(always)]
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn here() -> Origin {
        Origin {
            #[cfg(feature = "checking")]
            site: Location::caller(),
        }
    }

    /// Records the line until the `Entry` is dropped, as [`enter`] does with the caller's.
    #[inline(always)]
    pub(crate) fn enter(self) -> Entry {
        Entry {
            #[cfg(feature = "checking")]
            run: match current() {
                Current::Outside => Run::None,
                Current::Native(_) => {
                    seam::entered(self.site);
                    Run::Native
                }
                Current::Model(session) => {
                    session.entered(self.site);
                    Run::Model(Home::new(session))
                }
            },
        }
    }
}

/// Records the caller's line until the `Entry` is dropped. A public operation that may wait, itself `#[track_caller]`,
/// calls this first. The default build records nothing.
#[inline(always)]
#[cfg_attr(feature = "checking", track_caller)]
pub(crate) fn enter() -> Entry {
    Origin::here().enter()
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
