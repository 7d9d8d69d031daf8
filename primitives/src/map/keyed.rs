//! Operations on one key.

use super::table::{Entry, Place, Table, Word};
use super::{Map, Ref};
use crate::reclaim::Pin;
use crate::rt::alloc::TrackedBox;
use crate::rt::entry::enter;
use core::borrow::Borrow;
use core::hash::{BuildHasher, Hash};
use core::ptr::null;

/// What an operation does with a key, given the value that the key has.
enum Verdict {
    Keep,
    Put,
    Remove,
}

/// The entry that a key had, and what has changed.
struct Outcome<'a, K, V> {
    before: Option<&'a Entry<K, V>>,
    change: Change<'a, K, V>,
}

enum Change<'a, K, V> {
    Nothing,
    Put(&'a Entry<K, V>),
    Removed,
}

/// Retires the entry that an operation has unlinked, and grows the table that it has filled, when dropped: after the
/// operation's pin, which would keep the garbage from being dropped, and also while the thread unwinds.
struct AfterUnpinning<'a, K, V, S> {
    map: &'a Map<K, V, S>,
    unlinked: Word<K, V>,
    full: *const Table<K, V>,
}

impl<'a, K, V, S> AfterUnpinning<'a, K, V, S> {
    fn nothing(map: &'a Map<K, V, S>) -> Self {
        AfterUnpinning { map, unlinked: Word::EMPTY, full: null() }
    }
}

impl<K, V, S> Drop for AfterUnpinning<'_, K, V, S> {
    fn drop(&mut self) {
        // At most one of the two: an entry that fills the table went into an empty slot, and replaced none.
        self.map.retire(self.unlinked);
        if !self.full.is_null() {
            self.map.grow(self.full);
        }
    }
}

impl<K: Eq + Hash, V, S: BuildHasher> Map<K, V, S> {
    fn hash(&self, key: &(impl Hash + ?Sized)) -> u64 {
        spread(self.hasher.hash_one(key))
    }

    /// Returns a reference to the entry of a key. While such references exist, no entry that is replaced or deleted is
    /// dropped.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, String::from("one"));
    /// assert_eq!(map.get(&1).map(|one| one.len()), Some(3));
    /// ```
    pub fn get<Q>(&self, key: &Q) -> Option<Ref<'_, K, V>>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let _entry = enter();
        let hash = self.hash(key);
        let pin = self.garbage.pin();
        // SAFETY: this thread pinned before it loaded the table.
        let entry = unsafe { self.table(&pin)?.find(hash, |other| other.borrow() == key) };
        let entry = entry.map(core::ptr::from_ref)?;
        // SAFETY: the entry was found while `pin` existed, and `pin` goes with it.
        Some(unsafe { Ref::new(entry, pin) })
    }

    /// Returns a clone of the value of a key.
    ///
    /// ```
    /// assert_eq!(selvedge::map::Map::<i32, i32>::new().load(&1), None);
    /// ```
    pub fn load<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.get(key).map(|found| V::clone(&found))
    }

    /// Sets the value of a key.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// map.store(1, "uno");
    /// assert_eq!(map.load(&1), Some("uno"));
    /// ```
    pub fn store(&self, key: K, value: V) {
        self.put(key, value, |_| true, |_| ());
    }

    /// Sets the value of a key, and returns a clone of the value before.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// assert_eq!(map.swap(1, "one"), None);
    /// assert_eq!(map.swap(1, "uno"), Some("one"));
    /// ```
    pub fn swap(&self, key: K, value: V) -> Option<V>
    where
        V: Clone,
    {
        self.put(key, value, |_| true, |outcome| outcome.before.map(|entry| entry.value.clone()))
    }

    /// Returns a clone of the value of a key and `true`; or, if the key has none, sets it to `value` and returns a
    /// clone of that and `false`.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// assert_eq!(map.load_or_store(1, "one"), ("one", false));
    /// assert_eq!(map.load_or_store(1, "uno"), ("one", true));
    /// ```
    pub fn load_or_store(&self, key: K, value: V) -> (V, bool)
    where
        V: Clone,
    {
        self.put(
            key,
            value,
            |before| before.is_none(),
            |outcome| match (outcome.before, outcome.change) {
                (Some(entry), _) => (entry.value.clone(), true),
                (None, Change::Put(entry)) => (entry.value.clone(), false),
                (None, _) => unreachable!("a key without a value is given one"),
            },
        )
    }

    /// Sets the value of a key to `new` if it equals `current`, and returns whether it did.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// assert!(map.compare_and_swap(1, &"one", "uno") && !map.compare_and_swap(1, &"one", "eins"));
    /// assert_eq!(map.load(&1), Some("uno"));
    /// ```
    pub fn compare_and_swap(&self, key: K, current: &V, new: V) -> bool
    where
        V: PartialEq,
    {
        self.put(
            key,
            new,
            |before| before == Some(current),
            |outcome| matches!(outcome.change, Change::Put(_)),
        )
    }

    /// Deletes a key if its value equals `current`, and returns whether it did.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// assert!(!map.compare_and_delete(&1, &"uno") && map.compare_and_delete(&1, &"one"));
    /// assert!(map.is_empty());
    /// ```
    pub fn compare_and_delete<Q>(&self, key: &Q, current: &V) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: PartialEq,
    {
        self.remove(key, |value| value == current, |removed| removed.is_some())
    }

    /// Deletes a key, and returns a clone of its value.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// assert_eq!((map.load_and_delete(&1), map.load_and_delete(&1)), (Some("one"), None));
    /// ```
    pub fn load_and_delete<Q>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
        V: Clone,
    {
        self.remove(key, |_| true, |removed| removed.cloned())
    }

    /// Deletes a key, and returns whether it had a value.
    ///
    /// ```
    /// let map = selvedge::map::Map::new();
    /// map.store(1, "one");
    /// assert!(map.delete(&1) && !map.delete(&1));
    /// ```
    pub fn delete<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        self.remove(key, |_| true, |removed| removed.is_some())
    }

    /// Puts an entry, if `when` holds for the value that its key has.
    fn put<R>(
        &self,
        key: K,
        value: V,
        when: impl Fn(Option<&V>) -> bool,
        result: impl FnOnce(Outcome<'_, K, V>) -> R,
    ) -> R {
        let _entry = enter();
        let hash = self.hash(&key);
        let mut new = Some(TrackedBox::new(Entry::new(hash, key, value)));
        let mut rest = AfterUnpinning::nothing(self);
        let pin = self.garbage.pin();
        let is_it = |other: &K, new: Option<&Entry<K, V>>| new.is_some_and(|new| new.key == *other);
        let decide = |before: Option<&V>| if when(before) { Verdict::Put } else { Verdict::Keep };
        let result = result(self.change(&pin, &mut rest, hash, is_it, &mut new, decide));
        drop(pin);
        // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
        // (rust#47949).
        drop((rest, new));
        result
    }

    /// Deletes a key, if `when` holds for its value.
    fn remove<Q, R>(&self, key: &Q, when: impl Fn(&V) -> bool, result: impl FnOnce(Option<&V>) -> R) -> R
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let _entry = enter();
        let hash = self.hash(key);
        let mut rest = AfterUnpinning::nothing(self);
        let pin = self.garbage.pin();
        let is_it = |other: &K, _: Option<&Entry<K, V>>| other.borrow() == key;
        let decide =
            |before: Option<&V>| if before.is_some_and(&when) { Verdict::Remove } else { Verdict::Keep };
        let outcome = self.change(&pin, &mut rest, hash, is_it, &mut None, decide);
        let removed = outcome.before.filter(|_| matches!(outcome.change, Change::Removed));
        let result = result(removed.map(|entry| &entry.value));
        drop(pin);
        // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
        // (rust#47949).
        drop(rest);
        result
    }

    /// Changes the slot of a key as `decide` says. `new` is the entry to put, and stays `Some` if it is not put.
    fn change<'a>(
        &'a self,
        pin: &'a Pin<'_>,
        rest: &mut AfterUnpinning<'_, K, V, S>,
        hash: u64,
        is_it: impl Fn(&K, Option<&Entry<K, V>>) -> bool,
        new: &mut Option<TrackedBox<Entry<K, V>>>,
        decide: impl Fn(Option<&V>) -> Verdict,
    ) -> Outcome<'a, K, V> {
        loop {
            let table = self.table(pin);
            // SAFETY: this thread pinned before it loaded the table.
            let place = table.map(|table| unsafe { table.place(hash, |other| is_it(other, new.as_deref())) });
            let (slot, from, before) = match place {
                Some(Place::Here(slot, word, entry)) => (Some(slot), word, Some(entry)),
                Some(Place::Nowhere(slot)) => (Some(slot), Word::EMPTY, None),
                Some(Place::Full) | None => (None, Word::EMPTY, None),
                Some(Place::Frozen) => {
                    // The thread that replaces the table holds the lock until the new table is in place.
                    drop(self.replacing.lock());
                    continue;
                }
            };
            let to = match (decide(before.map(|entry| &entry.value)), before) {
                (Verdict::Keep, _) | (Verdict::Remove, None) => return Outcome::unchanged(before),
                (Verdict::Remove, Some(_)) => Word::TOMBSTONE,
                (Verdict::Put, _) if slot.is_none() => {
                    self.grow(table.map_or(null(), core::ptr::from_ref));
                    continue;
                }
                (Verdict::Put, _) => Word::of(new.take().expect("an operation that puts has an entry")),
            };
            if !slot.is_some_and(|slot| slot.replace(from, to)) {
                // SAFETY: the entry did not get into a slot, so no other thread has seen it; `Word::of` gave it up,
                // once.
                *new = to.entry().map(|entry| unsafe { TrackedBox::from_raw(entry) });
                continue;
            }
            let full = table.filter(|table| before.is_none() && table.count_filled_slot());
            (rest.unlinked, rest.full) = (from, full.map_or(null(), core::ptr::from_ref));
            // SAFETY: this thread pinned before it put the entry, so S1 holds even if another thread has deleted it
            // since.
            let put = to.entry().map(|entry| unsafe { &*entry });
            return Outcome { before, change: put.map_or(Change::Removed, Change::Put) };
        }
    }
}

impl<'a, K, V> Outcome<'a, K, V> {
    fn unchanged(before: Option<&'a Entry<K, V>>) -> Self {
        Outcome { before, change: Change::Nothing }
    }
}

/// Mixes a hash, so that each of its bits affects the upper bits, which name the key's home, and the lowest, which are
/// in its slot: a user's hasher may return an integer key as it is. The result is the product with an odd number,
/// folded.
fn spread(hash: u64) -> u64 {
    /// 2⁶⁴ over the golden ratio: multiples of it lie evenly (Knuth, 6.4).
    const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
    let product = u128::from(hash) * u128::from(MULTIPLIER);
    (product >> 64) as u64 ^ product as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::hash::{BuildHasherDefault, Hasher};

    /// Returns an integer key as its hash.
    #[derive(Default)]
    struct Identity(u64);

    impl Hasher for Identity {
        fn finish(&self) -> u64 {
            self.0
        }

        fn write(&mut self, _: &[u8]) {
            unreachable!("keys are integers");
        }

        fn write_u64(&mut self, number: u64) {
            self.0 = number;
        }
    }

    #[test]
    fn keys_lie_near_their_homes_though_their_hashes_are_alike_in_most_bits() {
        for key in [|n| n, |n| n << 3, |n| n << 20, |n| n << 44, |n| u64::MAX - n, |n| n * 1_000_003] {
            let map = Map::<u64, (), BuildHasherDefault<Identity>>::with_hasher(BuildHasherDefault::new());
            (0..20_000).for_each(|n| map.store(key(n), ()));
            let pin = map.garbage.pin();
            let table = map.table(&pin).expect("it has entries");
            // At least a third of the homes are used. Keys that lie evenly, or at random, are a few slots from their
            // homes; if some bits did not affect the home, there would be thousands.
            let longest = table.longest_path();
            assert!(longest < 64, "{longest} slots from its home for {:x}, {:x}, …", key(1), key(2));
        }
    }
}
