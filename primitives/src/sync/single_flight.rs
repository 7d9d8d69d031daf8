//! Work that concurrent callers with one key share.

use super::{Mutex, once_value::Made};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::until::Until;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;
use std::collections::HashMap;

/// Shares one result among concurrent calls with equal keys: Go's `singleflight.Group`.
///
/// The first caller of a key runs its closure. Callers of an equal key that arrive meanwhile wait for it, and each gets
/// a clone of the result; the closure happens before every return. A caller that arrives later runs its own closure. No
/// code of the key or the result runs under a lock: it may use the group, and if it panics, only its caller is
/// affected.
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

/// The calls under way, by the hash of their keys.
type Flights<K, T> = HashMap<u64, Vec<Arc<Flight<K, T>>>>;

/// A call under way, and the callers that wait for its result.
struct Flight<K, T> {
    key: K,
    made: Made<T>,
}

impl<K, T> SingleFlight<K, T> {
    constructor! {
        /// Creates a group in which no call is under way.
        ///
        /// ```
        /// let group = selvedge::sync::SingleFlight::new();
        /// assert_eq!(group.run(1, || "one"), "one");
        /// ```
        pub fn new() -> SingleFlight<K, T> {
            SingleFlight { flights: Mutex::new(None) }
        }
    }

    /// Creates a group for a static.
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
    /// Returns the result of the call with this key that is under way, or else of `f`.
    ///
    /// # Panics
    /// If the closure that runs panics: then every call that shares it panics. If the closure ends its goroutine, the other
    /// calls that share it panic, and say so. Also if the closure calls `run` with its own key.
    ///
    /// ```
    /// let group = selvedge::sync::SingleFlight::new();
    /// assert_eq!((group.run(1, || "one"), group.run(1, || "uno")), ("one", "uno"));
    /// ```
    #[track_caller]
    pub fn run(&self, key: K, f: impl FnOnce() -> T) -> T {
        let _entry = enter();
        self.run_within(key, f, Until::default()).expect("without a limit a thread does not give up")
    }

    /// Returns what [`run`](Self::run) does, or `None` if the closure of another thread runs for longer than the wait may last.
    #[track_caller]
    pub(crate) fn run_within(&self, key: K, f: impl FnOnce() -> T, until: Until<'_>) -> Option<T> {
        /// Ends a flight when dropped, also while the thread unwinds.
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
        let result = flight.made.get_or_make_within(make, until).cloned();
        // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
        // (rust#47949).
        drop(flight);
        result
    }

    /// Lets the next caller of this key run its own closure, even while a call with the key is under way.
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

    /// Returns the flight of a key, which begins here if none is under way.
    ///
    /// Keys are compared without the lock. If all flights with this hash have been compared by the time the lock is
    /// taken again, none has this key. Otherwise another thread has begun a flight meanwhile, and the loop compares
    /// again.
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
            // The assignment drops flights, of which one may own the last key that is equal: user code, so without the
            // lock.
            drop(flights);
            compared = more;
        }
    }
}

impl<K, T> SingleFlight<K, T> {
    /// Removes a flight from the map, if it is there.
    fn take_off(&self, hash: u64, flight: &Arc<Flight<K, T>>) {
        let mut flights = self.flights.lock();
        let Some(all) = &mut *flights else { return };
        let Some(under_way) = all.get_mut(&hash) else { return };
        // The caller has an `Arc` of the flight too, so no flight and no key is dropped under the lock.
        under_way.retain(|other| !Arc::ptr_eq(other, flight));
        if under_way.is_empty() {
            all.remove(&hash);
        }
    }
}

/// Hashes a key with a seed that all groups of a process share, so that no group's lock is needed. Each process has
/// another seed.
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
