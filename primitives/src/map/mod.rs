//! A map that threads share: Go's `sync.Map`, with typed keys and values.
//!
//! A lookup takes no lock and waits for no thread. A change takes none either, except while the table is being replaced
//! by a larger one: then the threads that change the map wait for the thread that replaces the table, and lookups go on
//! in the old table.
//!
//! # Why a table
//! Go's map is a tree of hash nodes, with a lock in each; a sharded table of locked shards is the other common
//! choice, whose lookups take a lock. This one is a single table with open addressing, whose lookup is two cache
//! misses (the slot, the entry) where a tree of a million keys has five, and whose argument is short: a slot is never
//! empty again, so a key has one place. The price is the wait while the table is replaced. Entries that were deleted or
//! replaced are dropped through [`reclaim`](crate::reclaim).
//!
//! # Ownership of tables and entries
//! - **S1 (pin).** A thread pins `garbage` before it loads `table` and slots, both with SeqCst, as
//!   [`Domain`] asks. Tables and entries are retired after they were unlinked. So a table or an
//!   entry that a pinned thread has found is not dropped before the pin is. (A frozen table still shows an entry after
//!   it was deleted from the new table. A thread that finds the frozen table has pinned before that was replaced, and
//!   so before the entry was retired.)
//! - **S2 (entries).** An entry is in one slot that can change. The thread whose CAS in `Slot::replace` takes the entry
//!   out of that slot owns it, and retires it; the CAS of one value succeeds for one thread, and for none once the slot
//!   is frozen. The entries of a frozen table are owned by the thread that has locked `replacing`: `grow` puts them
//!   into the new table, `clear` retires them.
//! - **S3 (tables).** Only a thread that has locked `replacing` writes to `table`. While it has the lock the current
//!   table stays, and the table that it has replaced is its to retire, once.

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
use core::mem::needs_drop;
use core::ptr::null_mut;
use table::{Entry, Table, Word};

pub use hasher::MapHasher;
pub use reference::Ref;

/// How many homes the first table has.
const MIN_HOMES: usize = 16;
/// A thread looks for garbage to drop each time it has retired this many entries.
const COLLECT_EVERY: usize = 64;

/// A map that threads share.
///
/// Every operation on one key is one atomic step. Storing a value happens before the operations that see the value, and
/// deleting a key before those that miss it. Values are shared by reference ([`get`](Self::get)) or cloned.
///
/// # Destructors
/// An entry that is replaced or deleted is dropped later: when no [`Ref`] of the map is left and a thread collects. A
/// thread collects at each 64th entry that it replaces or deletes, and in [`collect`](Self::collect); dropping the map
/// drops all. Where a destructor matters, as that of a channel's last sender, call `collect`. Code of keys, values and
/// hashers runs without any lock, and may use the map. If several destructors panic, each runs, and the first panic is
/// resumed.
///
/// # Memory
/// The table grows with the entries, and does not shrink by itself when they are deleted, except when it fills up with
/// keys that were deleted. [`clear`](Self::clear) and [`shrink_to_fit`](Self::shrink_to_fit) free its memory. Until
/// then [`range`](Self::range), [`len`](Self::len) and [`is_empty`](Self::is_empty) walk the whole table.
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
#[doc(alias("DashMap", "ConcurrentHashMap", "HashMap"))]
pub struct Map<K, V, S = MapHasher> {
    table: AtomicPtr<Table<K, V>>,
    garbage: Domain<Garbage<K, V>>,
    /// Locked by the thread that replaces the table.
    replacing: Mutex<()>,
    hasher: S,
    /// How many homes a table has at least.
    min_homes: usize,
}

/// An entry or a table that was unlinked, and that pinned readers may still see.
enum Garbage<K, V> {
    Entry { _owned: TrackedBox<Entry<K, V>> },
    Table { _owned: TrackedBox<Table<K, V>> },
}

// SAFETY: a map owns its keys and values, and is sent with them; a `Ref` or a pin may share them with other threads.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Send> Send for Map<K, V, S> {}
// SAFETY: threads that share the map share keys and values by reference (`Sync`), and the thread that collects drops
// them (`Send`); the hasher is only shared.
unsafe impl<K: Send + Sync, V: Send + Sync, S: Sync> Sync for Map<K, V, S> {}

impl<K, V> Map<K, V> {
    /// Creates an empty map.
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
        /// Creates an empty map that hashes keys with `hasher`.
        ///
        /// The hasher need only give different keys different hashes, mostly. The map mixes the hashes, so a hasher
        /// that returns integers as they are will do. Keys with equal hashes are compared one by one.
        ///
        /// ```
        /// use selvedge::map::Map;
        /// let map = Map::with_hasher(std::hash::RandomState::new());
        /// map.store(1, "one");
        /// ```
        pub fn with_hasher(hasher: S) -> Map<K, V, S> {
            let ends = needs_drop::<K>() || needs_drop::<V>();
            let garbage = if ends { Domain::new() } else { Domain::of_plain_garbage() };
            Map {
                table: AtomicPtr::new(null_mut()),
                garbage: garbage.collecting_every(COLLECT_EVERY),
                replacing: Mutex::new(()),
                hasher,
                min_homes: MIN_HOMES,
            }
        }
    }

    /// Creates an empty map for a static.
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
            garbage: Domain::const_new().collecting_every(COLLECT_EVERY),
            replacing: Mutex::const_new(()),
            hasher,
            min_homes: MIN_HOMES,
        }
    }

    /// Creates a map whose first table has `homes` homes, a power of two, so that models replace it.
    #[doc(hidden)]
    pub fn with_homes(homes: usize, hasher: S) -> Map<K, V, S> {
        let mut map = Map::with_hasher(hasher);
        map.min_homes = homes;
        map
    }

    /// Returns the current table, if there is one.
    fn table<'a>(&'a self, _pin: &'a Pin<'_>) -> Option<&'a Table<K, V>> {
        // SeqCst: S1; after the pin, so that a collection that misses the pin has unlinked the old table before this
        // load. With
        // Acquire the table could be dropped while this thread reads it (mutant at `load-table`). The Acquire in it
        // pairs with the Release in `replace`, so the table's initialization happens before it is read.
        let table = self.table.load(SeqCst); // site: load-table
        // SAFETY: S1: `_pin` existed before the load, and outlives the reference.
        unsafe { table.as_ref() }
    }

    /// Replaces the table `full` by one that has room for its entries, unless another thread has. (If a new table has
    /// the address of the old one by now, that is replaced, which does no harm.)
    #[cold]
    fn grow(&self, full: *const Table<K, V>) {
        let replacing = self.replacing.lock();
        // Relaxed: the thread that stored the table held `replacing`, so locking has synchronized with it.
        let table = self.table.load(Relaxed);
        if !core::ptr::eq(table, full) {
            return;
        }
        // SAFETY: S3: this thread has locked `replacing`, so the table stays until this thread replaces it.
        let words = unsafe { table.as_ref() }.map(Table::freeze).unwrap_or_default();
        let old = self.replace(Table::with(&words, self.min_homes));
        drop(replacing);
        self.retire_table(old);
    }

    /// Replaces the table, and returns the old one. The caller has locked `replacing`, and retires the old table after
    /// unlocking: destructors may use the map.
    fn replace(&self, table: Table<K, V>) -> *mut Table<K, V> {
        // Release: publishes the table to lookups, whose SeqCst load is in `table`, and with it the writes that precede
        // the insertions and deletions that `freeze` has read. With Relaxed a lookup could read an uninitialized table
        // (mutant at `replace-table`).
        self.table.swap(TrackedBox::into_raw(TrackedBox::new(table)), Release) // site: replace-table
    }

    /// Retires a table that the caller has replaced.
    fn retire_table(&self, table: *mut Table<K, V>) {
        if !table.is_null() {
            // SAFETY: S3: the caller has replaced the table, which came from `into_raw`, and retires it once.
            self.garbage.retire(Garbage::Table { _owned: unsafe { TrackedBox::from_raw(table) } });
        }
    }

    /// Retires the entry of a word that the caller has unlinked.
    fn retire(&self, word: Word<K, V>) {
        if let Some(entry) = word.entry() {
            // SAFETY: S2: the caller owns the entry, which came from `into_raw`, and retires it once.
            self.garbage.retire(Garbage::Entry { _owned: unsafe { TrackedBox::from_raw(entry) } });
        }
    }

    /// Drops the entries that were replaced or deleted and that no thread can read any more, unless another thread is
    /// collecting. The section [destructors](Map#destructors) says when else they are dropped.
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

    /// Replaces the table by one that is as large as the entries need; threads that change the map wait meanwhile.
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
        // Relaxed: `grow` only compares the pointer. If the table is another by then, it was made meanwhile, and fits.
        let table = self.table.load(Relaxed);
        if !table.is_null() {
            self.grow(table);
        }
        self.garbage.collect();
    }

    /// Calls `f` with the key and value of each entry, until `f` returns `false`.
    ///
    /// No key is passed twice, and a key that is in the map all the time is passed. Of a key that is stored or deleted
    /// meanwhile, the value is any that the key had during the call, or the key is not passed. `f` may use the map.
    /// While `f` runs, no entry is dropped.
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
        // SAFETY: this thread pinned before it loaded the table.
        for entry in unsafe { table.entries() } {
            if !f(&entry.key, &entry.value) {
                return;
            }
        }
    }

    /// Counts the entries by a walk along the table; entries that are stored or deleted meanwhile may be counted or
    /// not.
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

    /// Returns whether the map has no entry.
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

    /// Deletes all entries in one step, and drops those that no thread can read.
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
        // Relaxed: the thread that stored the table held `replacing`, so locking has synchronized with it.
        // SAFETY: S3: this thread has locked `replacing`, so the table stays until this thread replaces it.
        let Some(table) = (unsafe { self.table.load(Relaxed).as_ref() }) else { return };
        let words = table.freeze();
        let old = self.replace(Table::with(&[], self.min_homes));
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
        // SAFETY: the map is being dropped, so no other thread has it, and its table, from `into_raw`, is given up
        // once.
        let mut table = unsafe { TrackedBox::from_raw(table) };
        let mut panics = FirstPanic::none();
        // SAFETY: S2: the table owns the entries, each of which is in one slot and came from `into_raw`.
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
