//! A map that threads share: Go's `sync.Map`, with typed keys and values.
//!
//! Looking up takes no lock and waits for nobody. Changing takes none either, except while the table is being
//! replaced by a larger one: then those who change wait for the one that replaces it, and those who look up go on in
//! the old table.
//!
//! # Why a table
//! Go's map is a tree of hash nodes, with a lock in each; a sharded table of locked shards is the other common
//! choice, whose lookups take a lock. This one is a single table with open addressing, whose lookup is two cache
//! misses (the slot, the entry) where a tree of a million keys has five, and whose argument is short: a slot is never
//! empty again, so a key has one place. The price is the wait while it is replaced. What was deleted or replaced is given
//! back through [`reclaim`](crate::reclaim).

mod hasher;
mod keyed;
mod reference;
mod table;

use crate::first_panic::FirstPanic;
use crate::reclaim::{Domain, Pin};
use crate::rt::alloc::TrackedBox;
use crate::rt::entry::enter;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use crate::sync::Mutex;
use core::fmt;
use core::hash::{BuildHasher, Hash};
use core::ptr::null_mut;
use table::{Entry, Table, Word};

pub use hasher::MapHasher;
pub use reference::Ref;

/// Homes of the first table.
const FEW: usize = 16;
/// What a thread has deleted or replaced is given back after so many times.
const OFTEN: usize = 64;

/// A map that threads share.
///
/// Every operation on one key is one atomic step, and storing a value happens before the operations that see it, as
/// does deleting one before those that see it gone. Values are shared by reference ([`get`](Self::get)) or cloned.
///
/// # Destructors
/// What is replaced or deleted is dropped later: when no reference to anything in the map is left, and the thread has
/// replaced or deleted some more (at each 64th time it looks), or somebody calls [`collect`](Self::collect), or the map is
/// dropped. Where a destructor matters, as a channel's last sender, call `collect`. Keys, values and hashers are called
/// without any lock: they may use the map. If several destructors panic, each runs, and the first panic comes out.
///
/// # Memory
/// A table grows with the entries, and does not shrink by itself when they are deleted, except when it fills up with keys
/// that come and go. [`clear`](Self::clear) and [`shrink_to_fit`](Self::shrink_to_fit) give it back; until then
/// [`range`](Self::range), [`len`](Self::len) and [`is_empty`](Self::is_empty) walk all of it.
///
/// ```
/// use selvedge::map::Map;
/// let ages = Map::new();
/// ages.store("Ada", 36);
/// assert_eq!(ages.load("Ada"), Some(36));
/// assert_eq!(ages.load_or_store("Ada", 1), (36, true));
/// assert_eq!(ages.load_and_delete("Ada"), Some(36));
/// assert_eq!(ages.load("Ada"), None);
/// ```
pub struct Map<K, V, S = MapHasher> {
    table: AtomicPtr<Table<K, V>>,
    garbage: Domain<Garbage<K, V>>,
    /// For who replaces the table.
    replacing: Mutex<()>,
    hasher: S,
    /// Homes that a table has at least.
    few: usize,
}

/// What readers may still see.
enum Garbage<K, V> {
    Entry { _owned: TrackedBox<Entry<K, V>> },
    Table { _owned: TrackedBox<Table<K, V>> },
}

// SAFETY: keys and values are shared by reference, and dropped by whichever thread collects.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Send> Send for Map<K, V, S> {}
// SAFETY: as above.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Sync> Sync for Map<K, V, S> {}

impl<K, V> Map<K, V> {
    /// An empty map.
    ///
    /// ```
    /// assert!(selvedge::map::Map::<i32, i32>::new().is_empty());
    /// ```
    pub fn new() -> Map<K, V> {
        Map::with_hasher(MapHasher::default())
    }
}

impl<K, V, S> Map<K, V, S> {
    constructor! {
        /// An empty map with a hasher of one's own.
        ///
        /// It needs no more of the hasher than that different keys have different hashes, mostly: they are mixed here, so
        /// one that gives integers as they are does. Keys with the same hash are looked through one by one.
        ///
        /// ```
        /// use selvedge::map::Map;
        /// let map = Map::with_hasher(std::hash::RandomState::new());
        /// map.store(1, "one");
        /// ```
        pub fn with_hasher(hasher: S) -> Map<K, V, S> {
            Map {
                table: AtomicPtr::new(null_mut()),
                garbage: Domain::new().collecting_every(OFTEN),
                replacing: Mutex::new(()),
                hasher,
                few: FEW,
            }
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// use selvedge::map::Map;
    /// use std::hash::{BuildHasherDefault, DefaultHasher};
    /// static NAMES: Map<u32, &str, BuildHasherDefault<DefaultHasher>> =
    ///     Map::const_with_hasher(BuildHasherDefault::new());
    /// NAMES.store(1, "warp");
    /// assert_eq!(NAMES.load(&1), Some("warp"));
    /// ```
    pub const fn const_with_hasher(hasher: S) -> Map<K, V, S> {
        Map {
            table: AtomicPtr::const_new(null_mut()),
            garbage: Domain::const_new().collecting_every(OFTEN),
            replacing: Mutex::const_new(()),
            hasher,
            few: FEW,
        }
    }

    /// With so small a table that models come to the next one. A power of two.
    #[doc(hidden)]
    pub fn with_homes(homes: usize, hasher: S) -> Map<K, V, S> {
        let mut map = Map::with_hasher(hasher);
        map.few = homes;
        map
    }

    /// The table, if there is one.
    fn table<'a>(&'a self, _pin: &'a Pin<'_>) -> Option<&'a Table<K, V>> {
        // SeqCst: for the pin. Acquire, by that: the table is written.
        let table = self.table.load(SeqCst); // site: load-table
        // SAFETY: we are pinned.
        unsafe { table.as_ref() }
    }

    /// Replaces a table by one that has room for its entries, unless somebody else has. (If there is another at the same address by
    /// now, that is replaced: no harm.)
    #[cold]
    fn grow(&self, full: *const Table<K, V>) {
        let replacing = self.replacing.lock();
        // Relaxed: who replaced it has had the lock.
        let table = self.table.load(Relaxed);
        if !core::ptr::eq(table, full) {
            return;
        }
        // SAFETY: we have the lock, so nobody else unlinks the table.
        let words = unsafe { table.as_ref() }.map(Table::freeze).unwrap_or_default();
        let old = self.replace(Table::with(&words, self.few));
        drop(replacing);
        self.retire_table(old);
    }

    /// Another table; the old one is the caller's to retire, when it has let go of the lock: destructors may use the
    /// map.
    fn replace(&self, table: Table<K, V>) -> *mut Table<K, V> {
        // Release: the table, and what was done before whatever it has, or has no more.
        self.table.swap(TrackedBox::into_raw(TrackedBox::new(table)), Release) // site: replace-table
    }

    fn retire_table(&self, table: *mut Table<K, V>) {
        if !table.is_null() {
            // SAFETY: it is unlinked, by the caller alone.
            self.garbage.retire(Garbage::Table { _owned: unsafe { TrackedBox::from_raw(table) } });
        }
    }

    /// Gives back an entry that we have unlinked.
    fn retire(&self, word: Word<K, V>) {
        if let Some(entry) = word.entry() {
            // SAFETY: it is unlinked, by the caller alone.
            self.garbage.retire(Garbage::Entry { _owned: unsafe { TrackedBox::from_raw(entry) } });
        }
    }

    /// Drops what was replaced or deleted and nobody can read any more, unless another thread is about it; see
    /// [destructors](Map#destructors).
    ///
    /// ```
    /// use selvedge::{chan, map::Map};
    /// let (tx, rx) = chan::bounded::<i32>(1);
    /// let senders = Map::new();
    /// senders.store("Ada", tx);
    /// senders.delete("Ada");
    /// senders.collect();
    /// assert!(rx.recv().is_err(), "the last sender is dropped");
    /// ```
    pub fn collect(&self) {
        let _entry = enter();
        self.garbage.collect();
    }

    /// Replaces the table by one that is as large as the entries need; those who change the map wait meanwhile.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// (0..1000).for_each(|n| map.store(n, n));
    /// (1..1000).for_each(|n| assert!(map.delete(&n)));
    /// map.shrink_to_fit();
    /// assert_eq!(map.len(), 1);
    /// ```
    pub fn shrink_to_fit(&self) {
        let _entry = enter();
        // Relaxed: it is only compared; if it is another by the time that we have the lock, that is new.
        let table = self.table.load(Relaxed);
        if !table.is_null() {
            self.grow(table);
        }
        self.garbage.collect();
    }

    /// Calls `f` with the key and value of each entry, until it says `false`.
    ///
    /// No key comes twice, and one that is there all the time comes; of one that is stored or deleted meanwhile, it
    /// is any value that it had since the call. `f` may use the map; while it runs, nothing is dropped.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// (0..3).for_each(|n| map.store(n, n * n));
    /// let mut sum = 0;
    /// map.range(|_, square| {
    ///     sum += square;
    ///     true
    /// });
    /// assert_eq!(sum, 5);
    /// ```
    pub fn range(&self, mut f: impl FnMut(&K, &V) -> bool) {
        let _entry = enter();
        let pin = self.garbage.pin();
        let Some(table) = self.table(&pin) else { return };
        // SAFETY: we are pinned.
        for entry in unsafe { table.entries() } {
            if !f(&entry.key, &entry.value) {
                return;
            }
        }
    }

    /// How many entries there are; those that are stored or deleted meanwhile may be counted or not. It walks the
    /// table.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// assert_eq!(map.len(), 1);
    /// ```
    pub fn len(&self) -> usize {
        let mut count = 0;
        self.range(|_, _| {
            count += 1;
            true
        });
        count
    }

    /// Whether there is no entry.
    ///
    /// ```
    /// assert!(selvedge::map::Map::<i32, i32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        let mut empty = true;
        self.range(|_, _| {
            empty = false;
            false
        });
        empty
    }

    /// Deletes everything, in one step, and drops what nobody can read any more.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// map.clear();
    /// assert!(map.is_empty());
    /// ```
    pub fn clear(&self) {
        let _entry = enter();
        let replacing = self.replacing.lock();
        // SAFETY: we have the lock, so nobody else unlinks the table. Relaxed: who put it there has had the lock.
        let Some(table) = (unsafe { self.table.load(Relaxed).as_ref() }) else { return };
        let words = table.freeze();
        let old = self.replace(Table::with(&[], self.few));
        drop(replacing);
        let mut panics = FirstPanic::none();
        for word in words {
            panics.catch(|| self.retire(word));
        }
        panics.catch(|| self.retire_table(old));
        panics.catch(|| self.garbage.collect());
        panics.resume();
    }
}

impl<K, V, S> Drop for Map<K, V, S> {
    fn drop(&mut self) {
        let table = self.table.with_mut(|table| *table);
        if table.is_null() {
            return;
        }
        // SAFETY: nobody else is left.
        let mut table = unsafe { TrackedBox::from_raw(table) };
        let mut panics = FirstPanic::none();
        // SAFETY: the entries are the table's, each in one slot.
        panics.drop_each(
            table.words_mut().filter_map(Word::entry).map(|entry| unsafe { TrackedBox::from_raw(entry) }),
        );
        panics.resume();
    }
}

impl<K, V, S: Default> Default for Map<K, V, S> {
    fn default() -> Self {
        Map::with_hasher(S::default())
    }
}

impl<K: Eq + Hash, V, S: BuildHasher + Default> FromIterator<(K, V)> for Map<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let map = Map::default();
        entries.into_iter().for_each(|(key, value)| map.store(key, value));
        map
    }
}

impl<K: fmt::Debug, V: fmt::Debug, S> fmt::Debug for Map<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        self.range(|key, value| {
            map.entry(key, value);
            true
        });
        map.finish()
    }
}
