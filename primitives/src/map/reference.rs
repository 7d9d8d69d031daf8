//! A reference to an entry of a map.

use super::table::Entry;
use crate::reclaim::Pin;
use core::fmt;
use core::ops::Deref;

/// Refers to an entry that was found in a [`Map`](super::Map), and dereferences to its value.
///
/// ```
/// use selvedge::map::Map;
/// let ages = Map::new();
/// ages.store("Ada", 36);
/// let found = ages.get("Ada").unwrap();
/// ages.delete("Ada");
/// assert_eq!((*found.key(), *found), ("Ada", 36), "an entry that was found stays");
/// ```
pub struct Ref<'a, K, V> {
    entry: *const Entry<K, V>,
    _pin: Pin<'a>,
}

// SAFETY: a `Ref` gives out nothing but shared references to the key and the value, and its pin may be dropped on any
// thread.
unsafe impl<K: Sync, V: Sync> Send for Ref<'_, K, V> {}
// SAFETY: a `Ref` gives out nothing but shared references to the key and the value.
unsafe impl<K: Sync, V: Sync> Sync for Ref<'_, K, V> {}

impl<'a, K, V> Ref<'a, K, V> {
    /// # Safety
    /// The caller found the entry in the map while `pin` existed.
    pub(super) unsafe fn new(entry: *const Entry<K, V>, pin: Pin<'a>) -> Self {
        Ref { entry, _pin: pin }
    }

    fn entry(&self) -> &Entry<K, V> {
        // SAFETY: S1 of the parent module: the entry was found while `_pin` existed, and `_pin` lives as long as
        // `self`.
        unsafe { &*self.entry }
    }

    /// Returns the key.
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
