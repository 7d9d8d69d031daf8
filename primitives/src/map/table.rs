//! The table of a [`Map`](super::Map): slots in which each key has one place.
//!
//! A slot changes from empty to an entry, and from an entry to another entry of its key or to a tombstone, and never
//! becomes empty again. A lookup walks from the key's home to the first empty slot. A new key is put into the first
//! empty slot of that path, so two threads that put one key meet there. A key that was deleted and is stored again gets
//! a slot further on. Paths do not wrap around: there are slots beyond the last home.
//!
//! A frozen slot never changes again: its table is being replaced.
//!
//! The numbers S1 and S2 are those of the parent module.

use crate::cache_padded::CachePadded;
use crate::race_probe::RaceProbe;
use crate::rt::alloc::{TrackedBox, tracked};
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::hint::select_unpredictable;
use core::ptr::null_mut;

/// A key and its value, which never change. The alignment leaves the lowest bits of the address to a [`Word`].
#[repr(align(8))]
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: V,
    /// Written when the entry is made, and read with the entry.
    made: RaceProbe,
}

impl<K, V> Entry<K, V> {
    pub(super) fn new(hash: u64, key: K, value: V) -> Self {
        let entry = Entry { hash, key, value, made: RaceProbe::new() };
        entry.made.write();
        entry
    }
}

/// The content of a slot: an entry's address, bits of its hash, and whether the slot is frozen.
///
/// An address on a 64-bit system mostly leaves its upper 16 bits free. A word fills them with bits of the entry's hash, the
/// *tag*, so that a walk seldom reads an entry of another key, which is a cache miss. The word of an entry whose address
/// needs these bits, as most do on a 32-bit system, has no tag.
pub(super) struct Word<K, V>(*mut Entry<K, V>);

impl<K, V> Clone for Word<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Word<K, V> {}

/// The slot never changes again.
const FROZEN: usize = 1;
/// With no address: the slot had an entry, which was deleted.
const TOMBSTONE: usize = 2;
/// The word has no tag, but the whole address.
const UNTAGGED: usize = 4;
/// The bits that the alignment of an entry leaves free.
const FLAGS: usize = FROZEN | TOMBSTONE | UNTAGGED;
/// The lowest bit of a tag.
const TAG_SHIFT: u32 = usize::BITS - 16;
/// The address in a word with a tag.
const ADDRESS: usize = (1 << TAG_SHIFT) - 1 - FLAGS;

impl<K, V> Word<K, V> {
    pub(super) const EMPTY: Word<K, V> = Word(null_mut());
    pub(super) const TOMBSTONE: Word<K, V> = Word(core::ptr::without_provenance_mut(TOMBSTONE));

    pub(super) fn of(entry: TrackedBox<Entry<K, V>>) -> Word<K, V> {
        let hash = entry.hash;
        Word::with_tag(TrackedBox::into_raw(entry), hash)
    }

    fn with_tag(entry: *mut Entry<K, V>, hash: u64) -> Word<K, V> {
        let bits = if entry.addr() >> TAG_SHIFT == 0 { tag(hash) } else { UNTAGGED };
        Word(entry.map_addr(|address| address | bits))
    }

    pub(super) fn is_frozen(self) -> bool {
        self.0.addr() & FROZEN != 0
    }

    fn is_empty(self) -> bool {
        self.0.addr() & !FROZEN == 0
    }

    /// Returns the entry, to be read.
    ///
    /// # Safety
    /// The entry, if there is one, is not dropped as long as the caller uses the reference.
    unsafe fn read<'a>(self) -> Option<&'a Entry<K, V>> {
        // SAFETY: the caller keeps the entry from being dropped, and a shared entry never changes.
        let entry = unsafe { &*self.entry()? };
        entry.made.read();
        Some(entry)
    }

    /// Returns the entry, if it has this hash and its key satisfies `is_it`.
    ///
    /// # Safety
    /// The entry, if there is one, is not dropped as long as the caller uses the reference.
    unsafe fn read_if<'a>(self, hash: u64, is_it: impl Fn(&K) -> bool) -> Option<&'a Entry<K, V>> {
        if !self.may_have(hash) {
            return None;
        }
        // SAFETY: the caller keeps the entry from being dropped.
        let entry = unsafe { self.read() };
        entry.filter(|entry| entry.hash == hash && is_it(&entry.key))
    }

    /// Returns the entry's address, if there is an entry.
    pub(super) fn entry(self) -> Option<*mut Entry<K, V>> {
        let part = if self.is_untagged() { !FLAGS } else { ADDRESS };
        let entry = self.0.map_addr(|address| address & part);
        (!entry.is_null()).then_some(entry)
    }

    fn is_untagged(self) -> bool {
        self.0.addr() & UNTAGGED != 0
    }

    /// Returns whether an entry here may have this hash, as far as its tag tells. (An empty slot and a tombstone have the
    /// tag of some hashes, but no entry.)
    fn may_have(self, hash: u64) -> bool {
        (self.0.addr() ^ tag(hash)) >> TAG_SHIFT == 0 || self.is_untagged()
    }
}

/// Walks along the words of a path to the entry of a key, or to the first empty slot.
///
/// # Safety
/// The entries in the words are not dropped as long as the caller uses the reference.
unsafe fn first_of<'a, K, V>(
    path: impl Iterator<Item = Word<K, V>>,
    hash: u64,
    is_it: impl Fn(&K) -> bool,
) -> Option<&'a Entry<K, V>> {
    for word in path {
        if word.is_empty() {
            return None;
        }
        // SAFETY: the caller keeps the entry from being dropped.
        let found = unsafe { word.read_if(hash, &is_it) };
        if found.is_some() {
            return found;
        }
    }
    None
}

/// Returns the lowest bits of a hash, where a [`Word`] has them.
fn tag(hash: u64) -> usize {
    (hash as usize) << TAG_SHIFT
}

pub(super) struct Slot<K, V>(AtomicPtr<Entry<K, V>>);

impl<K, V> Slot<K, V> {
    pub(super) fn get(&self) -> Word<K, V> {
        // SeqCst: S1; after the pin, so that a collection that misses the pin has unlinked the old entry before this
        // load. With
        // Acquire the entry could be dropped while this thread reads it (mutant at `load-slot`). The Acquire in it
        // pairs with the Release in `replace`, so the entry's initialization, or whatever preceded a deletion, happens
        // before the caller goes on.
        Word(self.0.load(SeqCst)) // site: load-slot
    }

    /// Changes the slot from `from` to `to`, and returns whether it still was `from`.
    pub(super) fn replace(&self, from: Word<K, V>, to: Word<K, V>) -> bool {
        // Release: publishes the entry, or whatever this thread did before a deletion, to the threads whose SeqCst load
        // in `get`, or Acquire CAS in `freeze`, reads this word. With Relaxed they race (mutant at `change-slot`).
        self.0.compare_exchange(from.0, to.0, Release, Relaxed).is_ok() // site: change-slot
    }

    /// Freezes the slot, and returns its word.
    fn freeze(&self) -> Word<K, V> {
        let mut found = self.0.load(Relaxed); // Relaxed: the CAS below decides.
        loop {
            let frozen = found.map_addr(|address| address | FROZEN);
            // Acquire: pairs with the Release in `replace`, so the entry's initialization, and whatever preceded a
            // deletion, happens before the new table is published by `Map::replace`. With Relaxed a lookup in the new
            // table races with the thread that stored or deleted the entry (mutant at `freeze-slot`).
            // site: freeze-slot
            match self.0.compare_exchange(found, frozen, Acquire, Relaxed) {
                Ok(_) => return Word(found),
                Err(now) => found = now,
            }
        }
    }
}

pub(super) struct Table<K, V> {
    slots: TrackedBox<[Slot<K, V>]>,
    /// How many homes there are, as a power of two.
    bits: u32,
    /// How many slots are not empty, counted in shards.
    used: TrackedBox<[CachePadded<AtomicUsize>]>,
}

/// Where a key is, or would be put.
pub(super) enum Place<'a, K, V> {
    Here(&'a Slot<K, V>, Word<K, V>, &'a Entry<K, V>),
    /// The key is not in the table, and this is the empty slot for it.
    Nowhere(&'a Slot<K, V>),
    /// The key is not in the table, and there is no empty slot for it.
    Full,
    /// The table is being replaced.
    Frozen,
}

/// How many slots a shard counts between two sums over all shards, if there is more than one shard.
const SUM_EVERY: usize = 64;

/// Returns in how many shards a table counts its slots: few enough that what a sum may miss, [`SUM_EVERY`] for each
/// shard, is little beside the table's size.
fn shards(homes: usize) -> usize {
    let few = (homes / (8 * SUM_EVERY)).max(1);
    shard::count().min(1 << few.ilog2())
}

impl<K, V> Table<K, V> {
    /// Creates an empty table with `homes` homes, a power of two, and at least `beyond` slots after the last home.
    fn new(homes: usize, beyond: usize) -> Table<K, V> {
        let bits = homes.trailing_zeros();
        let beyond = beyond.max(if homes < 16 { homes / 2 } else { 4 * bits as usize });
        Table {
            slots: tracked((0..homes + beyond).map(|_| Slot(AtomicPtr::new(null_mut())))),
            bits,
            used: tracked((0..shards(homes)).map(|_| CachePadded::new(AtomicUsize::new(0)))),
        }
    }

    /// Returns the slots from a hash's home on.
    fn path(&self, hash: u64) -> &[Slot<K, V>] {
        // In two steps, since with one home the shift is by 64 bits, which `>>` does not allow.
        let home = hash >> 1 >> (63 - self.bits);
        &self.slots[home as usize..]
    }

    /// Finds the entry of a key, also in a frozen table: its entries are the map's until the new table is published.
    ///
    /// # Safety
    /// The caller was pinned before it found the table.
    pub(super) unsafe fn find(&self, hash: u64, is_it: impl Fn(&K) -> bool) -> Option<&Entry<K, V>> {
        let path = self.path(hash);
        let Some((near, far)) = path.split_first_chunk::<2>() else {
            // SAFETY: S1: the caller was pinned before it found the table, and the walk loads each word since.
            return unsafe { first_of(path.iter().map(Slot::get), hash, is_it) };
        };
        // Most keys are in one of the first two slots, and a processor that guesses in which one is often wrong. So both
        // are loaded, in the order of the path, and no branch chooses. An entry of the key is the key's when the slot is
        // loaded, whatever the slots before it are.
        let near = near.each_ref().map(Slot::get);
        let likely = select_unpredictable(near[0].may_have(hash), near[0], near[1]);
        // SAFETY: S1: the caller was pinned before it found the table, and the word was loaded since.
        let found = unsafe { likely.read_if(hash, &is_it) };
        if found.is_some() {
            return found;
        }
        // SAFETY: S1: the caller was pinned before it found the table, and each word is loaded since.
        unsafe { first_of(near.into_iter().chain(far.iter().map(Slot::get)), hash, is_it) }
    }

    /// Finds the slot of a key, for an operation that changes it.
    ///
    /// # Safety
    /// The caller was pinned before it found the table.
    pub(super) unsafe fn place(&self, hash: u64, is_it: impl Fn(&K) -> bool) -> Place<'_, K, V> {
        for slot in self.path(hash) {
            let word = slot.get();
            if word.is_frozen() {
                return Place::Frozen;
            }
            if word.is_empty() {
                return Place::Nowhere(slot);
            }
            // SAFETY: S1: the caller was pinned before it found the table, and the entry was loaded since.
            if let Some(entry) = unsafe { word.read_if(hash, &is_it) } {
                return Place::Here(slot, word, entry);
            }
        }
        Place::Full
    }

    /// Counts a slot that was empty, and returns whether the table is to be replaced by a larger one.
    pub(super) fn count_filled_slot(&self) -> bool {
        let shard = &self.used[shard::of_thread() & (self.used.len() - 1)];
        let used = shard.fetch_add(1, Relaxed) + 1; // Relaxed: a statistic, which publishes nothing.
        let limit = (1 << self.bits) / 2;
        if self.used.len() == 1 {
            return used > limit;
        }
        // Relaxed: an estimate will do.
        used.is_multiple_of(SUM_EVERY)
            && self.used.iter().map(|shard| shard.load(Relaxed)).sum::<usize>() > limit
    }

    /// Returns the entries from the last slot to the first. A key that is deleted and stored again gets a slot further
    /// on, which the walk has passed, so no key is met twice.
    ///
    /// # Safety
    /// The caller was pinned before it found the table.
    pub(super) unsafe fn entries(&self) -> impl Iterator<Item = &Entry<K, V>> {
        // SAFETY: S1: the caller was pinned before it found the table, and each entry is loaded since.
        self.slots.iter().rev().filter_map(|slot| unsafe { slot.get().read() })
    }

    /// Freezes all slots, and returns the words that have entries.
    pub(super) fn freeze(&self) -> Vec<Word<K, V>> {
        self.slots.iter().map(Slot::freeze).filter(|word| word.entry().is_some()).collect()
    }

    /// Creates a table with these entries and at least `homes` homes. The entries are those of a frozen table, which
    /// the caller owns (S2).
    pub(super) fn with(words: &[Word<K, V>], homes: usize) -> Table<K, V> {
        let homes = homes.max((words.len() * 3).next_power_of_two());
        // By chance many keys may have the last homes. If twice as many homes do not help, their hashes are equal; then
        // a table is made that has room for all keys after the last home, and for as many again.
        let tries = [(homes, 0), (homes * 2, 0), (homes, words.len() * 2)];
        let made = tries.into_iter().find_map(|(homes, beyond)| {
            let table = Table::new(homes, beyond);
            (words.iter().all(|word| table.adopt(*word)) && table.has_room()).then_some(table)
        });
        let table = made.expect("the slots after the last home have room for all keys");
        table.used[0].store(words.len(), Relaxed); // Relaxed: no other thread has the table yet.
        table
    }

    /// Returns the greatest distance of an entry from its home.
    #[cfg(test)]
    pub(super) fn longest_path(&self) -> usize {
        let entry = |word: &Word<K, V>| {
            // SAFETY: the test's thread has the map alone, and drops no entry meanwhile.
            unsafe { word.read() }
        };
        let used =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, entry(&slot.get())?.hash)));
        let path = |(at, hash)| at + self.path(hash).len() - self.slots.len();
        used.map(path).max().unwrap_or(0)
    }

    /// Returns whether any key that is not in the table would find an empty slot.
    fn has_room(&self) -> bool {
        // Relaxed: no other thread has the table yet.
        self.slots.last().is_some_and(|slot| slot.0.load(Relaxed).is_null())
    }

    /// Puts an entry into a table that no other thread has, and returns whether there was a slot.
    fn adopt(&self, word: Word<K, V>) -> bool {
        // SAFETY: S2: the entry is in a frozen table, and the calling thread, which replaces that table, owns it.
        let Some(Entry { hash, .. }) = (unsafe { word.read() }) else { return true };
        // Relaxed: no other thread has the table yet.
        let empty = self.path(*hash).iter().find(|slot| slot.0.load(Relaxed).is_null());
        if let Some(slot) = empty {
            slot.0.store(word.0, Relaxed); // Relaxed: `Map::replace` publishes the table.
        }
        empty.is_some()
    }

    /// Returns the words of a table that no other thread has.
    pub(super) fn words_mut(&mut self) -> impl Iterator<Item = Word<K, V>> {
        self.slots.iter_mut().map(|slot| Word(slot.0.with_mut(|word| *word)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::ptr::without_provenance_mut;

    #[test]
    fn a_word_gives_back_its_address_whatever_bits_the_address_has() {
        let hash = 0x1234_5678_9abc_def0;
        for address in [8, 0x7fff_ffff_fff8 & ADDRESS, (1 << TAG_SHIFT) | 8, usize::MAX & !FLAGS] {
            let word = Word::<(), ()>::with_tag(without_provenance_mut(address), hash);
            for word in [word, Word(word.0.map_addr(|word| word | FROZEN))] {
                assert_eq!(word.entry().map(|entry| entry.addr()), Some(address));
                assert!(word.may_have(hash) && !word.is_empty());
                assert_eq!(
                    word.may_have(hash ^ 1),
                    address > ADDRESS,
                    "{address:x} has a tag if it has room for one"
                );
            }
        }
    }

    #[test]
    fn a_slot_without_an_entry_gives_no_address() {
        for word in [Word::<(), ()>::EMPTY, Word::TOMBSTONE] {
            assert!(word.entry().is_none());
        }
    }
}
