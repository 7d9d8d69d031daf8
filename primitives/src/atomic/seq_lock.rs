//! A sequence lock.
//!
//! A writer makes the sequence odd, writes the words, and makes the sequence even again, two higher. A reader reads the
//! sequence, copies the words, and reads the sequence again: if both readings are equal and even, the copy is the data
//! of one moment.
//!
//! - **I1 (one writer).** Only a CAS from even to odd (`begin_write`) lets a thread write, and only that thread makes
//!   the sequence even again (`Writing`).
//! - **I2 (no torn copy).** A reader that reads the even sequence of a write by an Acquire load copies words of that
//!   write or of later ones, since the store that ends a write is a Release. If a word is of a later write, the second
//!   reading gives that write's odd sequence or a higher one: the writer's Release fence stands between the odd
//!   sequence and its words, and the reader's Acquire fence between the words and the second reading.

use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicU64, fence};
use bytemuck::{AnyBitPattern, NoUninit};
use core::fmt;
use core::marker::PhantomData;

/// Holds plain data that readers copy without writing to memory, and copy again if a writer has changed it meanwhile:
/// for data that is small, read very often and changed seldom.
///
/// A write happens before the reads that see it. Readers never delay a writer, and writers exclude each other by
/// spinning. A writer that is stopped in the middle stops all other threads, so the lock is not lock-free;
/// [`ArcCell`](super::ArcCell) is.
///
/// The data is copied word by word, each word an atomic, while a writer may be changing it (Boehm, MSPC 2012). So it
/// must be plain: every byte of it is initialised ([`NoUninit`]), and any bytes are a value ([`AnyBitPattern`]).
///
/// ```
/// use selvedge::atomic::SeqLock;
/// let position = SeqLock::new([1_u32, 2, 3]);
/// position.update(|position| position[0] += 1);
/// assert_eq!(position.read(), [2, 2, 3]);
/// ```
pub struct SeqLock<T> {
    /// Odd while a thread writes.
    sequence: AtomicU64,
    words: Box<[AtomicU64]>,
    _value: PhantomData<T>,
}

impl<T: NoUninit + AnyBitPattern> SeqLock<T> {
    /// Creates a lock with this data.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::SeqLock::new(1_u8).read(), 1);
    /// ```
    pub fn new(value: T) -> SeqLock<T> {
        let words = bytemuck::bytes_of(&value).chunks(8).map(word_of);
        SeqLock {
            sequence: AtomicU64::new(0),
            words: words.map(AtomicU64::new).collect(),
            _value: PhantomData,
        }
    }

    /// Returns a copy of the data of one moment, and spins while a thread writes.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::SeqLock::new([1_u64; 3]).read(), [1; 3]);
    /// ```
    pub fn read(&self) -> T {
        let _entry = enter();
        let backoff = Backoff::new();
        loop {
            if let Some(value) = self.try_read() {
                return value;
            }
            backoff.wait();
        }
    }

    /// Returns a copy of the data, unless a thread writes meanwhile.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::SeqLock::new(1_u64).try_read(), Some(1));
    /// ```
    pub fn try_read(&self) -> Option<T> {
        // Acquire: pairs with the Release store in `Writing::drop`, so the copy has the words of the write that left
        // this sequence, or later ones (I2). With a Relaxed store an older word could be in the copy (mutant at
        // `end-write`).
        let before = self.sequence.load(Acquire);
        if before & 1 != 0 {
            return None;
        }
        let value = self.copy();
        // Acquire: I2; pairs with the Release fence in `begin_write`: if the copy has a word of a later write, the load
        // below reads that write's odd sequence, or a later one. Without the fence a torn copy is returned (mutant at
        // `fence-after-reading`).
        fence(Acquire); // site: fence-after-reading
        // Relaxed: the Acquire fence above orders this load after the copy.
        (self.sequence.load(Relaxed) == before).then_some(value)
    }

    /// Replaces the data.
    ///
    /// ```
    /// let lock = selvedge::atomic::SeqLock::new(1_u64);
    /// lock.write(2);
    /// assert_eq!(lock.read(), 2);
    /// ```
    pub fn write(&self, value: T) {
        self.update(|data| *data = value);
    }

    /// Changes the data in one step, while no other thread writes, and returns the result of `f`.
    ///
    /// If `f` panics, the data stays as it was. `f` must not use the lock: the thread would wait for itself.
    ///
    /// ```
    /// let lock = selvedge::atomic::SeqLock::new(1_u64);
    /// lock.update(|n| *n += 1);
    /// assert_eq!(lock.read(), 2);
    /// ```
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _entry = enter();
        let writing = Writing { sequence: &self.sequence, next: self.begin_write() };
        let mut value = self.copy();
        let result = f(&mut value);
        for (word, chunk) in self.words.iter().zip(bytemuck::bytes_of(&value).chunks(8)) {
            word.store(word_of(chunk), Relaxed); // Relaxed: the fence in `begin_write` and the store in `Writing` order it.
        }
        drop(writing);
        result
    }

    /// Copies the words; they are of one moment if no thread has written meanwhile.
    fn copy(&self) -> T {
        let mut value = T::zeroed();
        for (chunk, word) in bytemuck::bytes_of_mut(&mut value).chunks_mut(8).zip(&self.words) {
            // Relaxed: a reader's Acquire fence follows; a writer has synchronized with earlier writers in
            // `begin_write`.
            chunk.copy_from_slice(&word.load(Relaxed).to_ne_bytes()[..chunk.len()]);
        }
        value
    }

    /// Makes the sequence odd, and returns the sequence for the end of the write.
    fn begin_write(&self) -> u64 {
        let backoff = Backoff::new();
        loop {
            let sequence = self.sequence.load(Relaxed); // Relaxed: the CAS below decides.
            // Acquire: pairs with the Release store in `Writing::drop`, so this writer copies the last writer's words.
            // With
            // Relaxed an update could be lost (mutant at `begin-write`).
            if sequence & 1 == 0
                // site: begin-write
                && self.sequence.compare_exchange(sequence, sequence + 1, Acquire, Relaxed).is_ok()
            {
                // Release: I2; a reader whose copy has a word of this write reads this odd sequence after its Acquire
                // fence in `try_read`. Without the fence a torn copy is returned (mutant at `fence-before-writing`).
                fence(Release); // site: fence-before-writing
                return sequence + 2;
            }
            backoff.wait();
        }
    }
}

/// Ends a write when dropped, also while the thread unwinds from a closure that has changed nothing.
struct Writing<'a> {
    sequence: &'a AtomicU64,
    next: u64,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // Release: publishes the words to the thread whose Acquire in `try_read` or `begin_write` reads this sequence.
        // With
        // Relaxed it could copy older words (mutant at `end-write`).
        self.sequence.store(self.next, Release); // site: end-write
    }
}

fn word_of(chunk: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..chunk.len()].copy_from_slice(chunk);
    u64::from_ne_bytes(bytes)
}

impl<T: NoUninit + AnyBitPattern + fmt::Debug> fmt::Debug for SeqLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SeqLock").field(&self.try_read()).finish()
    }
}
