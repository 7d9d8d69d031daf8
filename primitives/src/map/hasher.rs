//! The hasher of a map whose user chooses none.

#[cfg(feature = "checking")]
use crate::rt::thread;
use core::fmt;
use core::hash::BuildHasher;
#[cfg(feature = "checking")]
use foldhash::fast::FixedState;
use foldhash::fast::{FoldHasher, RandomState};

/// The hasher of a [`Map`](super::Map): foldhash with a random seed, so that it is hard to choose keys with one home.
/// Under an engine the seed is fixed, so that every execution is the same.
///
/// ```
/// use selvedge::map::{Map, MapHasher};
/// let map: Map<i32, i32> = Map::with_hasher(MapHasher::default());
/// assert!(map.is_empty());
/// ```
#[derive(Clone, Default)]
pub struct MapHasher {
    random: RandomState,
}

impl BuildHasher for MapHasher {
    type Hasher = FoldHasher<'static>;

    #[inline]
    fn build_hasher(&self) -> FoldHasher<'static> {
        #[cfg(feature = "checking")]
        if thread::under_engine() {
            return FixedState::default().build_hasher();
        }
        self.random.build_hasher()
    }
}

impl fmt::Debug for MapHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapHasher").finish_non_exhaustive()
    }
}
