//! To which bubble an object belongs: the one in which it was made.

use super::{apart, fatal, here, name_of, name_of_here};

/// The bubble in which an object was made, if it was made in one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(pub(super) u32);

impl Owner {
    /// The object was made outside any bubble.
    pub(crate) const NOBODY: Owner = Owner(0);

    /// Returns the owner of an object that the caller makes.
    #[inline]
    pub(crate) fn here() -> Owner {
        here().map_or(Owner::NOBODY, |here| Owner(here.bubble.id))
    }

    /// Returns the owner of several objects together: one of them, if they have the same; nobody, if not.
    pub(crate) fn of_all(owners: impl IntoIterator<Item = Owner>) -> Option<Owner> {
        owners.into_iter().reduce(|one, other| if one == other { one } else { Owner::NOBODY })
    }

    /// Makes a part of an object of this owner, which the caller may be the first to need: a part of one that was made
    /// outside is outside, too.
    pub(crate) fn lets_make<R>(self, make: impl FnOnce() -> R) -> R {
        if self == Owner::NOBODY { apart(make) } else { make() }
    }

    /// Ends the process if the caller uses the object of another bubble than its own.
    #[inline]
    #[track_caller]
    pub(crate) fn check(self, what: &str) {
        if self != Owner::NOBODY {
            self.check_caller(what);
        }
    }

    #[cold]
    #[track_caller]
    fn check_caller(self, what: &str) {
        if Owner::here() != self {
            fatal(&format!(
                "{what} that was made in {} is used {}: make it outside, or use it inside only",
                name_of(self.0),
                name_of_here()
            ));
        }
    }
}
