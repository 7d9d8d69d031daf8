//! Work that is done once for all who ask for it at the same time.

use super::{Mutex, once_value::Made};
use crate::rt::sync::Arc;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use std::collections::HashMap;

/// Calls with the same key at the same time share one result: Go's `singleflight.Group`.
///
/// The first caller of a key runs its closure; those who call meanwhile wait for it, and get a clone of the result,
/// before which all that the closure did happens. Who calls later runs its own. No code of the key or the result runs
/// under a lock: it may use the group, and if it panics, nobody but its caller sees that.
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
    flights: Mutex<Option<Flights<K, T>>>,
}

/// The flights under way, by the hash of their keys.
type Flights<K, T> = HashMap<u64, Vec<Arc<Flight<K, T>>>>;

struct Flight<K, T> {
    key: K,
    made: Made<T>,
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

impl<K: Eq + Hash, T: Clone + Send + Sync> SingleFlight<K, T> {
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
        struct Landing<'a, K, T> {
            group: &'a SingleFlight<K, T>,
            hash: u64,
            flight: &'a Arc<Flight<K, T>>,
        }
        impl<K, T> Drop for Landing<'_, K, T> {
            fn drop(&mut self) {
                self.group.take_off(self.hash, self.flight);
            }
        }
        let hash = hash_of(&key);
        let flight = self.board(hash, key);
        let make = || {
            let _landing = Landing { group: self, hash, flight: &flight };
            f()
        };
        let result = flight.made.get_or_make(make).clone();
        // Before the result is returned: a value that is being returned is lost if a destructor panics then (rust#47949).
        drop(flight);
        result
    }

    /// Lets the next caller of this key run its own closure, though a call may be under way.
    ///
    /// ```
    /// let group = selvedge::sync::SingleFlight::<_, i32>::new();
    /// group.forget(&1);
    /// ```
    pub fn forget(&self, key: &K) {
        let hash = hash_of(key);
        let under_way = self.flights.lock().as_ref().and_then(|flights| flights.get(&hash).cloned());
        if let Some(flight) = under_way.iter().flatten().find(|flight| flight.key == *key) {
            self.take_off(hash, flight);
        }
    }

    /// The flight of a key, which begins here if none is under way.
    ///
    /// Keys are compared without the lock. If all flights with this hash have been compared when the lock is taken again, there
    /// is none of this key; if not, another thread has begun one meanwhile.
    fn board(&self, hash: u64, key: K) -> Arc<Flight<K, T>> {
        let mut compared = Vec::new();
        loop {
            if let Some(flight) = compared.iter().find(|flight: &&Arc<Flight<K, T>>| flight.key == key) {
                return Arc::clone(flight);
            }
            let mut flights = self.flights.lock();
            let under_way = flights.get_or_insert_default().entry(hash).or_default();
            let is_known = |flight| compared.iter().any(|known| Arc::ptr_eq(known, flight));
            if under_way.iter().all(is_known) {
                let flight = Arc::new(Flight { key, made: Made::new() });
                under_way.push(Arc::clone(&flight));
                return flight;
            }
            let more = under_way.clone();
            // What is dropped below may be the last that keeps a key.
            drop(flights);
            compared = more;
        }
    }
}

impl<K, T> SingleFlight<K, T> {
    /// Takes a flight off the list, if it is there.
    fn take_off(&self, hash: u64, flight: &Arc<Flight<K, T>>) {
        let mut flights = self.flights.lock();
        let Some(all) = &mut *flights else { return };
        let Some(under_way) = all.get_mut(&hash) else { return };
        // Each on the list keeps its key: the caller has an `Arc` too, so none is dropped under the lock.
        under_way.retain(|other| !Arc::ptr_eq(other, flight));
        if under_way.is_empty() {
            all.remove(&hash);
        }
    }
}

/// The same for all groups of a process, so that it is known without a group's lock; another in each process.
fn hash_of(key: &impl Hash) -> u64 {
    SeedableRandomState::with_seed(0, SharedSeed::global_random()).hash_one(key)
}

impl<K, T> Default for SingleFlight<K, T> {
    fn default() -> Self {
        SingleFlight::new()
    }
}

impl<K, T> fmt::Debug for SingleFlight<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |flights: &Flights<K, T>| flights.values().map(Vec::len).sum::<usize>();
        let under_way = self.flights.try_lock().map(|flights| flights.as_ref().map_or(0, count));
        f.debug_struct("SingleFlight").field("under_way", &under_way).finish()
    }
}
