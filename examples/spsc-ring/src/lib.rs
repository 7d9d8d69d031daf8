//! A ring for one producer and one consumer.
//!
//! `tail` counts values written and `head` values read, both without end; a value with number n
//! stands in slot n modulo the capacity. The producer alone moves `tail`, the consumer alone `head`,
//! so each side reads its own counter for itself and the other's to learn how far it may go:
//! slots from `head` to `tail` belong to the consumer, the others to the producer.

use core::mem::MaybeUninit;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};

struct Ring<T> {
    slots: Box<[UnsafeCell<MaybeUninit<T>>]>,
    head: AtomicUsize,
    tail: AtomicUsize,
}

// SAFETY: a slot is touched by the side it belongs to, and handed over by a Release store that the
// other side reads with Acquire; so values only move from one thread to another.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: the two ends share a slot only through the hand-over by Release and Acquire, and values move between threads.
unsafe impl<T: Send> Send for Ring<T> {}

/// The writing end.
pub struct Producer<T>(Arc<Ring<T>>);

/// The reading end.
pub struct Consumer<T>(Arc<Ring<T>>);

/// Makes a ring for `capacity` values, and returns its two ends.
///
/// # Panics
/// If `capacity` is 0.
///
/// ```
/// let (mut producer, mut consumer) = spsc_ring::ring(1);
/// assert_eq!(producer.push(1), Ok(()));
/// assert_eq!(producer.push(2), Err(2));
/// assert_eq!(consumer.pop(), Some(1));
/// ```
pub fn ring<T>(capacity: usize) -> (Producer<T>, Consumer<T>) {
    assert!(capacity > 0, "a ring needs room for one value");
    let slots = (0..capacity).map(|_| UnsafeCell::new(MaybeUninit::uninit())).collect();
    let ring = Arc::new(Ring { slots, head: AtomicUsize::new(0), tail: AtomicUsize::new(0) });
    (Producer(Arc::clone(&ring)), Consumer(ring))
}

impl<T> Ring<T> {
    fn slot(&self, number: usize) -> &UnsafeCell<MaybeUninit<T>> {
        &self.slots[number % self.slots.len()]
    }
}

impl<T> Producer<T> {
    /// Appends a value.
    ///
    /// # Errors
    /// The value, if the ring is full.
    pub fn push(&mut self, value: T) -> Result<(), T> {
        let ring = &*self.0;
        // Relaxed: only this side writes `tail`.
        let tail = ring.tail.load(Relaxed);
        // Acquire: pairs with the Release in `pop`: the consumer is done with the slots before `head`.
        let head = ring.head.load(Acquire); // site: read-head
        if tail - head == ring.slots.len() {
            return Err(value);
        }
        // SAFETY: the slot is not between `head` and `tail`, so it is the producer's.
        ring.slot(tail).with_mut(|slot| unsafe { (*slot).write(value) });
        // Release: the value is in its slot for the consumer that reads this with Acquire.
        ring.tail.store(tail + 1, Release); // site: write-tail
        Ok(())
    }
}

impl<T> Consumer<T> {
    /// Takes the oldest value, if there is one.
    pub fn pop(&mut self) -> Option<T> {
        let ring = &*self.0;
        // Relaxed: only this side writes `head`.
        let head = ring.head.load(Relaxed);
        // Acquire: pairs with the Release in `push`: the values before `tail` are in their slots.
        // site: read-tail
        if ring.tail.load(Acquire) == head {
            return None;
        }
        // SAFETY: the slot is between `head` and `tail`: it holds a value, and is the consumer's.
        let value = ring.slot(head).with(|slot| unsafe { (*slot).assume_init_read() });
        // Release: publishes to `push`, whose Acquire load reads this, that the consumer is done with the slot.
        ring.head.store(head + 1, Release); // site: write-head
        Some(value)
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        let (head, tail) = (self.head.with_mut(|head| *head), self.tail.with_mut(|tail| *tail));
        for number in head..tail {
            // SAFETY: `&mut self`: both ends are gone, and the slots between `head` and `tail` hold values.
            self.slot(number).with_mut(|slot| unsafe { (*slot).assume_init_drop() });
        }
    }
}
