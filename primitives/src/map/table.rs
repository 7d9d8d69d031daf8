//! The table of a [`Map`](super::Map): slots in which each key has one place.
//!
//! A slot goes from empty to an entry, from an entry to another of the same key, or to a tombstone, and never back to
//! empty. A key is looked for from its home onwards, until an empty slot; it is put into the first empty slot, so two
//! that put the same key meet there. A key that was deleted and comes again comes further on; the places after the
//! last home make up for what would wrap round.
//!
//! A frozen slot is not changed any more: its table is being replaced.

use crate::rt::alloc::{TrackedBox, tracked};
use crate::rt::cell::UnsafeCell;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::ptr::null_mut;
use crossbeam_utils::CachePadded;

/// A key and its value; never changed. The alignment leaves room for what a [`Word`] says beside the address.
#[repr(align(16))]
pub(super) struct Entry<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) value: V,
    /// Touched by whoever writes or reads an entry, so that a checker sees whether that is ordered. Nothing natively.
    made: UnsafeCell<()>,
}

impl<K, V> Entry<K, V> {
    pub(super) fn new(hash: u64, key: K, value: V) -> Self {
        let entry = Entry { hash, key, value, made: UnsafeCell::new(()) };
        entry.made.with_mut(|_| ());
        entry
    }
}

/// What is in a slot: an entry's address, a few bits of its hash, and whether it is frozen.
pub(super) struct Word<K, V>(*mut Entry<K, V>);

impl<K, V> Clone for Word<K, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<K, V> Copy for Word<K, V> {}

/// The bits that an address leaves free.
const FREE: usize = 15;
const FROZEN: usize = 1;
/// Of no entry, but of a key that was here.
const TOMBSTONE: usize = 2;

impl<K, V> Word<K, V> {
    pub(super) const EMPTY: Word<K, V> = Word(null_mut());
    pub(super) const TOMBSTONE: Word<K, V> = Word(core::ptr::without_provenance_mut(TOMBSTONE));

    pub(super) fn of(entry: TrackedBox<Entry<K, V>>) -> Word<K, V> {
        let tag = tag(entry.hash);
        Word(TrackedBox::into_raw(entry).map_addr(|address| address | tag))
    }

    pub(super) fn is_frozen(self) -> bool {
        self.0.addr() & FROZEN != 0
    }

    fn is_empty(self) -> bool {
        self.0.addr() & !FROZEN == 0
    }

    /// The entry, to be read.
    ///
    /// # Safety
    /// Whoever may give it back waits for the caller.
    unsafe fn read<'a>(self) -> Option<&'a Entry<K, V>> {
        // SAFETY: the caller's promise.
        let entry = unsafe { &*self.entry()? };
        entry.made.with(|_| ());
        Some(entry)
    }

    /// The entry, if it is that of a key.
    ///
    /// # Safety
    /// As for `read`.
    unsafe fn read_if<'a>(self, hash: u64, is_it: impl Fn(&K) -> bool) -> Option<&'a Entry<K, V>> {
        if !self.may_be(hash) {
            return None;
        }
        // SAFETY: the caller's promise.
        let entry = unsafe { self.read() };
        entry.filter(|entry| entry.hash == hash && is_it(&entry.key))
    }

    /// The entry, if there is one.
    pub(super) fn entry(self) -> Option<*mut Entry<K, V>> {
        let entry = self.0.map_addr(|address| address & !FREE);
        (!entry.is_null()).then_some(entry)
    }

    fn may_be(self, hash: u64) -> bool {
        self.0.addr() & (FREE & !FROZEN) == tag(hash)
    }
}

/// Three bits, where a frozen word has them too. (That of a tombstone is an entry's as well; it has no address.)
fn tag(hash: u64) -> usize {
    (hash as usize & 7) << 1
}

pub(super) struct Slot<K, V>(AtomicPtr<Entry<K, V>>);

impl<K, V> Slot<K, V> {
    pub(super) fn get(&self) -> Word<K, V> {
        // SeqCst: for the pin of whoever reads the entry. Acquire, by that: the entry is written.
        Word(self.0.load(SeqCst)) // site: load-slot
    }

    /// Replaces what is here, if it is still `from`.
    pub(super) fn replace(&self, from: Word<K, V>, to: Word<K, V>) -> bool {
        // Release: the entry is written for whoever finds it; or what was done before a deletion happens before
        // who finds nothing.
        self.0.compare_exchange(from.0, to.0, Release, Relaxed).is_ok() // site: change-slot
    }

    /// Lets nobody change it any more.
    fn freeze(&self) -> Word<K, V> {
        let mut found = self.0.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            let frozen = found.map_addr(|address| address | FROZEN);
            // Acquire: the entry is written, and whatever happened before a deletion is passed on with the new table.
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
    /// The homes are a power of two.
    bits: u32,
    /// Slots that are not empty, counted by lanes.
    used: TrackedBox<[CachePadded<AtomicUsize>]>,
}

/// Where a key is, or would be.
pub(super) enum Place<'a, K, V> {
    Here(&'a Slot<K, V>, Word<K, V>, &'a Entry<K, V>),
    Nowhere(&'a Slot<K, V>),
    /// Nowhere, and no slot for it either.
    Full,
    /// The table is being replaced.
    Frozen,
}

/// How many slots a lane fills between two looks at all lanes, if there is more than one.
const SELDOM: usize = 64;

/// How many lanes a table counts its slots in: so few that what they do not know of each other is little.
fn lanes(homes: usize) -> usize {
    let few = (homes / (8 * SELDOM)).max(1);
    shard::count().min(1 << few.ilog2())
}

impl<K, V> Table<K, V> {
    /// With so many homes, a power of two, and at least so many slots after the last one's.
    fn new(homes: usize, beyond: usize) -> Table<K, V> {
        let bits = homes.trailing_zeros();
        let beyond = beyond.max(if homes < 16 { homes / 2 } else { 4 * bits as usize });
        Table {
            slots: tracked((0..homes + beyond).map(|_| Slot(AtomicPtr::new(null_mut())))),
            bits,
            used: tracked((0..lanes(homes)).map(|_| CachePadded::new(AtomicUsize::new(0)))),
        }
    }

    fn path(&self, hash: u64) -> &[Slot<K, V>] {
        // A shift by 64 is one too many.
        let home = hash.checked_shr(64 - self.bits).unwrap_or(0);
        &self.slots[home as usize..]
    }

    /// The entry of a key. Frozen or not: what is in a frozen table is what the map has, until it is replaced.
    ///
    /// # Safety
    /// The caller was pinned before it found the table.
    pub(super) unsafe fn find(&self, hash: u64, is_it: impl Fn(&K) -> bool) -> Option<&Entry<K, V>> {
        for slot in self.path(hash) {
            let word = slot.get();
            if word.is_empty() {
                return None;
            }
            // SAFETY: the caller is pinned.
            let found = unsafe { word.read_if(hash, &is_it) };
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// Where a key is, for who wants to change that.
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
            // SAFETY: the caller is pinned.
            if let Some(entry) = unsafe { word.read_if(hash, &is_it) } {
                return Place::Here(slot, word, entry);
            }
        }
        Place::Full
    }

    /// Counts a slot that was empty; whether it is time for another table.
    pub(super) fn fills_up(&self) -> bool {
        let lane = &self.used[shard::of_thread() & (self.used.len() - 1)];
        let used = lane.fetch_add(1, Relaxed) + 1; // Relaxed: it counts.
        let limit = (1 << self.bits) / 2;
        if self.used.len() == 1 {
            return used > limit;
        }
        // Relaxed: about how many is enough.
        used.is_multiple_of(SELDOM) && self.used.iter().map(|lane| lane.load(Relaxed)).sum::<usize>() > limit
    }

    /// From the last to the first: a key that is deleted and comes again comes further on, and so is met once.
    ///
    /// # Safety
    /// The caller was pinned before it found the table.
    pub(super) unsafe fn entries(&self) -> impl Iterator<Item = &Entry<K, V>> {
        // SAFETY: the caller is pinned.
        self.slots.iter().rev().filter_map(|slot| unsafe { slot.get().read() })
    }

    /// Freezes all slots, and returns the entries.
    pub(super) fn freeze(&self) -> Vec<Word<K, V>> {
        self.slots.iter().map(Slot::freeze).filter(|word| word.entry().is_some()).collect()
    }

    /// A table with these entries, and at least so many homes. They are not in two tables that change.
    pub(super) fn with(words: &[Word<K, V>], homes: usize) -> Table<K, V> {
        let homes = homes.max((words.len() * 3).next_power_of_two());
        // Chance may crowd the last homes. If more of them do not help, hashes are alike: then there is room for all
        // keys after the last home, and as many again.
        let tries = [(homes, 0), (homes * 2, 0), (homes, words.len() * 2)];
        let made = tries.into_iter().find_map(|(homes, beyond)| {
            let table = Table::new(homes, beyond);
            (words.iter().all(|word| table.adopt(*word)) && table.has_room()).then_some(table)
        });
        let table = made.expect("what fits after the last home fits");
        table.used[0].store(words.len(), Relaxed); // Relaxed: nobody else has the table.
        table
    }

    /// How far the entry is from its home that is the furthest, with the entries in between.
    #[cfg(test)]
    pub(super) fn longest_path(&self) -> usize {
        let entry = |word: &Word<K, V>| {
            // SAFETY: nobody changes the map of a test.
            unsafe { word.read() }
        };
        let used =
            self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, entry(&slot.get())?.hash)));
        let path = |(at, hash)| at + self.path(hash).len() - self.slots.len();
        used.map(path).max().unwrap_or(0)
    }

    /// Whether one more key has a slot, whichever it is.
    fn has_room(&self) -> bool {
        // Relaxed: nobody else has the table.
        self.slots.last().is_some_and(|slot| slot.0.load(Relaxed).is_null())
    }

    /// Puts an entry into a table that nobody else has; `false` if it is full.
    fn adopt(&self, word: Word<K, V>) -> bool {
        // SAFETY: the entry is in a frozen table, which only its replacer, who is here, gives back.
        let Some(Entry { hash, .. }) = (unsafe { word.read() }) else { return true };
        // Relaxed: nobody else has the table.
        let empty = self.path(*hash).iter().find(|slot| slot.0.load(Relaxed).is_null());
        if let Some(slot) = empty {
            slot.0.store(word.0, Relaxed); // Relaxed: it is shared with the whole table.
        }
        empty.is_some()
    }

    /// The entries of a table that nobody else has.
    pub(super) fn words_mut(&mut self) -> impl Iterator<Item = Word<K, V>> {
        self.slots.iter_mut().map(|slot| Word(slot.0.with_mut(|word| *word)))
    }
}
