//! Work that is done once for all who ask for it at the same time.

use super::{Mutex, once_value::Made};
use crate::rt::sync::Arc;
use core::fmt;
use core::hash::Hash;
use std::collections::HashMap;

/// Calls with the same key at the same time share one result: Go's `singleflight.Group`.
///
/// The first caller of a key runs its closure; those who call meanwhile wait for it, and get a clone of the result,
/// before which all that the closure did happens. Who calls later runs its own.
///
/// ```
/// use selvedge::rt::thread;
/// use selvedge::sync::SingleFlight;
/// let pages = SingleFlight::new();
/// let fetch = || pages.run("index", || "warp and weft".to_string());
/// thread::scope(|scope| {
///     let other = scope.spawn(fetch);
///     assert_eq!(fetch(), other.join().unwrap());
/// });
/// ```
pub struct SingleFlight<K, T> {
    flights: Mutex<Option<HashMap<K, Arc<Made<T>>>>>,
}

impl<K, T> SingleFlight<K, T> {
    constructor! {
        /// With nothing under way.
        ///
        /// ```
        /// let group = selvedge::sync::SingleFlight::new();
        /// assert_eq!(group.run(1, || "one"), "one");
        /// ```
        pub fn new() -> SingleFlight<K, T> {
            SingleFlight { flights: Mutex::new(None) }
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// use selvedge::sync::SingleFlight;
    /// static PAGES: SingleFlight<u32, String> = SingleFlight::const_new();
    /// assert_eq!(PAGES.run(1, || "one".to_string()), "one");
    /// ```
    pub const fn const_new() -> SingleFlight<K, T> {
        SingleFlight { flights: Mutex::const_new(None) }
    }
}

impl<K: Eq + Hash + Clone, T: Clone + Send + Sync> SingleFlight<K, T> {
    /// The result of `f`, or of the call with this key that is under way.
    ///
    /// # Panics
    /// If the closure that runs does, in all who share its call; and if the closure calls for its own key.
    ///
    /// ```
    /// let group = selvedge::sync::SingleFlight::new();
    /// assert_eq!((group.run(1, || "one"), group.run(1, || "uno")), ("one", "uno"));
    /// ```
    #[track_caller]
    pub fn run(&self, key: K, f: impl FnOnce() -> T) -> T {
        /// The end of a flight, also if it panics.
        struct Landing<'a, K: Eq + Hash, T> {
            group: &'a SingleFlight<K, T>,
            key: &'a K,
            flight: &'a Arc<Made<T>>,
        }
        impl<K: Eq + Hash, T> Drop for Landing<'_, K, T> {
            fn drop(&mut self) {
                let mut flights = self.group.flights.lock();
                if let Some(flights) = &mut *flights
                    && flights.get(self.key).is_some_and(|flight| Arc::ptr_eq(flight, self.flight))
                {
                    flights.remove(self.key);
                }
            }
        }
        let new = || Arc::new(Made::new());
        let mut flights = self.flights.lock();
        let flight = Arc::clone(flights.get_or_insert_default().entry(key.clone()).or_insert_with(new));
        drop(flights);
        flight
            .get_or_make(|| {
                let _landing = Landing { group: self, key: &key, flight: &flight };
                f()
            })
            .clone()
    }

    /// Lets the next caller of this key run its own closure, though a call may be under way.
    ///
    /// ```
    /// let group = selvedge::sync::SingleFlight::<_, i32>::new();
    /// group.forget(&1);
    /// ```
    pub fn forget(&self, key: &K) {
        if let Some(flights) = &mut *self.flights.lock() {
            flights.remove(key);
        }
    }
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        SingleFlight::new()
    }
}

impl<K, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let under_way = self.flights.try_lock().map(|flights| flights.as_ref().map_or(0, HashMap::len));
        f.debug_struct("SingleFlight").field("under_way", &under_way).finish()
    }
}
