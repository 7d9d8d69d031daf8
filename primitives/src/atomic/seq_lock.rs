//! A sequence lock.

use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicU64, fence};
use bytemuck::{AnyBitPattern, NoUninit};
use core::fmt;
use core::marker::PhantomData;

/// Plain data that readers copy without writing anything, and copy again if a writer came meanwhile: for what is
/// read very often, changed seldom, and small.
///
/// A write happens before the reads that see it. Readers never delay a writer, writers exclude each other by
/// spinning, and a writer that is stopped stops everybody else: it is no lock-free structure (see
/// [`ArcCell`](super::ArcCell)).
///
/// The data is copied word by word, each an atomic, while it may be changing (Boehm, MSPC 2012); so it has to be
/// plain: every byte of it is initialised ([`NoUninit`]), and any bytes are a value ([`AnyBitPattern`]).
///
/// ```
/// use selvedge::atomic::SeqLock;
/// let position = SeqLock::new([1_u32, 2, 3]);
/// position.update(|position| position[0] += 1);
/// assert_eq!(position.read(), [2, 2, 3]);
/// ```
pub struct SeqLock<T> {
    /// Odd while somebody writes.
    sequence: AtomicU64,
    words: Box<[AtomicU64]>,
    _value: PhantomData<T>,
}

impl<T: NoUninit + AnyBitPattern> SeqLock<T> {
    /// The data.
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

    /// A copy of the data at one moment.
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
            backoff.snooze();
        }
    }

    /// The same, unless somebody writes meanwhile.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::SeqLock::new(1_u64).try_read(), Some(1));
    /// ```
    pub fn try_read(&self) -> Option<T> {
        // Acquire: pairs with the Release of the writer before: we see its words, or later ones.
        let before = self.sequence.load(Acquire);
        if before & 1 != 0 {
            return None;
        }
        let value = self.copy();
        // Acquire: pairs with the Release fence of a writer that came meanwhile: if we have seen a word of its, we
        // see its odd sequence.
        fence(Acquire); // site: fence-after-reading
        // Relaxed: the fence orders it.
        (self.sequence.load(Relaxed) == before).then_some(value)
    }

    /// Other data.
    ///
    /// ```
    /// let lock = selvedge::atomic::SeqLock::new(1_u64);
    /// lock.write(2);
    /// assert_eq!(lock.read(), 2);
    /// ```
    pub fn write(&self, value: T) {
        self.update(|data| *data = value);
    }

    /// Changes the data in one step; nobody else writes meanwhile. If `f` panics, the data stays as it was. `f` must not
    /// use the lock: it would wait for itself.
    ///
    /// ```
    /// let lock = selvedge::atomic::SeqLock::new(1_u64);
    /// lock.update(|n| *n += 1);
    /// assert_eq!(lock.read(), 2);
    /// ```
    pub fn update<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        let _entry = enter();
        let writing = Writing { sequence: &self.sequence, next: self.begin() };
        let mut value = self.copy();
        let result = f(&mut value);
        for (word, chunk) in self.words.iter().zip(bytemuck::bytes_of(&value).chunks(8)) {
            word.store(word_of(chunk), Relaxed); // Relaxed: the fence orders it.
        }
        drop(writing);
        result
    }

    /// The words as they are: of one moment, if no writer came meanwhile.
    fn copy(&self) -> T {
        let mut value = T::zeroed();
        for (chunk, word) in bytemuck::bytes_of_mut(&mut value).chunks_mut(8).zip(&self.words) {
            // Relaxed: a reader has a fence after it; a writer is after those before it.
            chunk.copy_from_slice(&word.load(Relaxed).to_ne_bytes()[..chunk.len()]);
        }
        value
    }

    /// Makes the sequence odd; the one that comes when the write is over.
    fn begin(&self) -> u64 {
        let backoff = Backoff::new();
        loop {
            let sequence = self.sequence.load(Relaxed); // Relaxed: the exchange decides.
            // Acquire: pairs with the Release of the writer before.
            if sequence & 1 == 0
                // site: begin-write
                && self.sequence.compare_exchange(sequence, sequence + 1, Acquire, Relaxed).is_ok()
            {
                // Release: whoever sees a word that we write sees that we are writing.
                fence(Release); // site: fence-before-writing
                return sequence + 2;
            }
            backoff.snooze();
        }
    }
}

/// The end of a write, also if it panics, and then has changed nothing.
struct Writing<'a> {
    sequence: &'a AtomicU64,
    next: u64,
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        // Release: what was written is there for whoever sees this sequence.
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
