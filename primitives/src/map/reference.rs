//! What is found in a map.

use super::table::Entry;
use crate::reclaim::Pin;
use core::fmt;
use core::ops::Deref;

/// An entry that was found in a [`Map`](super::Map); it dereferences to the value.
///
/// ```
/// use selvedge::map::Map;
/// let ages = Map::new();
/// ages.store("Ada", 36);
/// let found = ages.get("Ada").unwrap();
/// ages.delete("Ada");
/// assert_eq!((*found.key(), *found), ("Ada", 36), "what was found stays");
/// ```
pub struct Ref<'a, K, V> {
    entry: *const Entry<K, V>,
    _pin: Pin<'a>,
}

// SAFETY: it shares the entry.
unsafe impl<K: Sync, V: Sync> Send for Ref<'_, K, V> {}
// SAFETY: as above.
unsafe impl<K: Sync, V: Sync> Sync for Ref<'_, K, V> {}

impl<'a, K, V> Ref<'a, K, V> {
    /// # Safety
    /// The entry was found in the map while this pin was there.
    pub(super) unsafe fn new(entry: *const Entry<K, V>, pin: Pin<'a>) -> Self {
        Ref { entry, _pin: pin }
    }

    fn entry(&self) -> &Entry<K, V> {
        // SAFETY: the pin is there as long as we are.
        unsafe { &*self.entry }
    }

    /// The key.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store("warp", 1);
    /// assert_eq!(map.get("warp").map(|found| *found.key()), Some("warp"));
    /// ```
    pub fn key(&self) -> &K {
        &self.entry().key
    }
}

impl<K, V> Deref for Ref<'_, K, V> {
    type Target = V;

    fn deref(&self) -> &V {
        &self.entry().value
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Ref<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ref").field(self.key()).field(&**self).finish()
    }
}
