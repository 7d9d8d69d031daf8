//! Values that came to a receive that nobody waits for any more: a future that was dropped, a selected operation
//! that was not completed. They go to the next receiver, before all others.
//!
//! A value is *lent* as long as it has been received and may still come back: from the moment at which it is handed to
//! a future that waits, or held by a selected operation, until somebody has taken it for good. A closed channel with a
//! value on loan does not count as empty yet, and receivers wait there.
//!
//! **U1, a value that comes back, and a receiver.** A thread that returns a value counts it here and then looks for
//! receivers that wait; a receiver that is about to wait says so and then reads the count. All four are SeqCst, so one
//! of the two sees the other.
//!
//! **U2, limbo.** A thread counts itself as a walker before it reads the list, and a node leaves the list before the
//! walkers are read; all four are SeqCst. So the thread that frees a node has seen every walker that could have found
//! it. What a walker has done with a node happens before the node is freed: the walker ends its walk by a decrement of
//! `walkers`, and the thread that frees the node has read a count that this decrement or a later read-modify-write left.
//!
//! *Not model-checked* one by one: no model fails within the audit's bounds when one of these accesses alone is
//! weakened.

use crate::chan::algorithm::deferred;
use crate::queue::push;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
use core::mem::ManuallyDrop;
use core::ptr::null_mut;

/// How often a value has been handed to a receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum Delivery {
    First,
    /// It has come back from one.
    Again,
}

/// One that has come, in a [`Census`]; the count of those that are here is in the bits below.
const COME: u64 = 1 << 32;

/// How many values are here, and how many have come so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::chan) struct Census(u64);

impl Census {
    pub(in crate::chan) fn bits(self) -> u64 {
        self.0
    }

    pub(in crate::chan) fn here(self) -> usize {
        (self.0 % COME) as usize
    }
}

/// Such values, with the tickets of their receives, in a list. A value counts as returned once the census counts it,
/// after it is in the list. A receiver first takes one off the census, and then looks for a value whose node's `taken`
/// it sets: the list has at least as many as were counted and not yet found, so it finds one, and the others are there
/// for all meanwhile.
///
/// SeqCst on both sides: a thread that returns a value puts it here and then looks for receivers that wait; a receiver
/// that is about to wait says so and then looks here: one of them sees the other.
///
/// Nodes leave the list at its front, and then wait in *limbo* until a thread takes the whole limbo and then reads that
/// no thread walks: a thread that walks since has not found them in the list.
pub(in crate::chan) struct Undelivered<T> {
    census: AtomicU64,
    first: AtomicPtr<Node<T>>,
    walkers: AtomicUsize,
    limbo: AtomicPtr<Node<T>>,
}

struct Node<T> {
    value: UnsafeCell<ManuallyDrop<T>>,
    ticket: u64,
    taken: AtomicBool,
    /// Does not change once the node is in the list.
    next: *mut Node<T>,
    limbo_next: AtomicPtr<Node<T>>,
}

// SAFETY: a value belongs to the thread that sets its node's `taken`; values move from thread to thread.
unsafe impl<T: Send> Send for Undelivered<T> {}
// SAFETY: no two threads share a value, since one of them sets `taken`.
unsafe impl<T: Send> Sync for Undelivered<T> {}

/// A thread that walks along the list.
struct Walk<'a, T>(&'a Undelivered<T>);

impl<T> Undelivered<T> {
    pub(in crate::chan) fn new() -> Undelivered<T> {
        Undelivered {
            census: AtomicU64::new(0),
            first: AtomicPtr::new(null_mut()),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(null_mut()),
        }
    }

    #[inline]
    pub(in crate::chan) fn census(&self) -> Census {
        Census(self.census.load(SeqCst))
    }

    pub(in crate::chan) fn is_empty(&self) -> bool {
        self.census().here() == 0
    }

    /// Whether a value has come since, or is here.
    pub(in crate::chan) fn has_news(&self, since: Census) -> bool {
        let now = self.census();
        now.here() != 0 || now.0 / COME != since.0 / COME
    }

    pub(in crate::chan) fn put(&self, value: T, ticket: u64) {
        let node = TrackedBox::into_raw(TrackedBox::new(Node {
            value: UnsafeCell::new(ManuallyDrop::new(value)),
            ticket,
            taken: AtomicBool::new(false),
            next: null_mut(),
            limbo_next: AtomicPtr::new(null_mut()),
        }));
        // SeqCst: a walk that begins after the census counts the node finds it. Release, by that: the node is made. Not
        // model-checked: U2.
        push(&self.first, node, SeqCst, |next| {
            // SAFETY: this thread has made the node, and it is in no list yet.
            unsafe { (*node).next = next };
        });
        // SeqCst: the value is in the list before it is counted, and counted before receivers that wait are looked for.
        self.census.fetch_add(COME + 1, SeqCst); // site: give-value-back
    }

    /// Takes the one that was received first, with the ticket of its receive.
    pub(in crate::chan) fn take(&self) -> Option<(T, u64)> {
        let mut census = self.census();
        loop {
            if census.here() == 0 {
                return None;
            }
            // SeqCst: a receiver says that it waits and then reads the census. A failed CAS means that a value has come
            // or was taken. Not model-checked: U1.
            match self.census.compare_exchange(census.0, census.0 - 1, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(found) => census = Census(found),
            }
        }
        // SeqCst: comes before the reads of the list. Not model-checked: U2.
        self.walkers.fetch_add(1, SeqCst);
        let walk = Walk(self);
        loop {
            // A round that finds none, or loses one, has met others that found theirs.
            if let Some(taken) = walk.take_oldest() {
                return Some(taken);
            }
        }
    }

    /// Takes the limbo, and frees its nodes if nobody walks.
    fn collect(&self) {
        // SeqCst, twice: the limbo is taken before the walkers are read. Not model-checked: U2.
        let mut at = self.limbo.swap(null_mut(), SeqCst);
        // Not model-checked: U2.
        let quiet = self.walkers.load(SeqCst) == 0;
        while !at.is_null() {
            // SAFETY: the swap took the whole limbo, so this thread alone has its nodes. Relaxed: the swap has acquired
            // them.
            let next = unsafe { &*at }.limbo_next.load(Relaxed);
            if quiet {
                // SAFETY: the node is in no list, and no thread walks that could have found it there (U2).
                drop(unsafe { TrackedBox::from_raw(at) });
            } else {
                self.put_in_limbo(at);
            }
            at = next;
        }
    }

    /// Puts a node in limbo that its caller has taken out of the list, or of the limbo.
    fn put_in_limbo(&self, node: *mut Node<T>) {
        // Release: publishes the link to the thread that takes the limbo, in `collect`. Not model-checked: U2.
        push(&self.limbo, node, Release, |next| {
            // SAFETY: the caller unlinked the node, or took it from limbo, so no other thread frees it before it is in
            // limbo. Relaxed: the push publishes the link.
            unsafe { &*node }.limbo_next.store(next, Relaxed);
        });
    }
}

impl<T> Walk<'_, T> {
    fn first(&self) -> *mut Node<T> {
        // SeqCst: after the walk has begun. Acquire, by that: the nodes are made. Not model-checked: U2.
        self.0.first.load(SeqCst)
    }

    fn take_oldest(&self) -> Option<(T, u64)> {
        let mut oldest: Option<&Node<T>> = None;
        let mut at = self.first();
        // SAFETY: nodes in the list are not freed as long as this thread walks.
        while let Some(node) = unsafe { at.as_ref() } {
            // Relaxed: the exchange decides.
            if !node.taken.load(Relaxed) && oldest.is_none_or(|oldest| node.ticket <= oldest.ticket) {
                oldest = Some(node);
            }
            at = node.next;
        }
        let oldest = oldest?;
        // Release: publishes this thread's reads of the node to the Acquire in `drop_taken`. Not model-checked: U2.
        // site: take-undelivered
        oldest.taken.compare_exchange(false, true, Release, Relaxed).ok()?;
        // SAFETY: we have set `taken`, once.
        let value = oldest.value.with_mut(|value| unsafe { ManuallyDrop::take(&mut *value) });
        let ticket = oldest.ticket;
        self.drop_taken();
        Some((value, ticket))
    }

    /// Takes nodes out at the front whose values are taken.
    fn drop_taken(&self) {
        let mut at = self.first();
        // SAFETY: nodes in the list are not freed as long as this thread walks. Acquire: pairs with the Release in
        // `take_oldest`; the thread that took the value walks until it is done with the node.
        // Not model-checked: U2.
        while let Some(node) = unsafe { at.as_ref() }.filter(|node| node.taken.load(Acquire)) {
            // SeqCst: the node leaves the list before the walkers are read in `collect`. Not model-checked: U2.
            match self.0.first.compare_exchange(at, node.next, SeqCst, SeqCst) {
                Ok(_) => {
                    self.0.put_in_limbo(at);
                    at = node.next;
                }
                Err(found) => at = found,
            }
        }
    }
}

impl<T> Drop for Walk<'_, T> {
    fn drop(&mut self) {
        // SeqCst: the decrement comes before this thread's look at the limbo. Release, by that: publishes the walk to the
        // load of `walkers` in `collect`. Not model-checked: U2.
        if self.0.walkers.fetch_sub(1, SeqCst) == 1 && !self.0.limbo.load(SeqCst).is_null() {
            self.0.collect();
        }
    }
}

impl<T> Drop for Undelivered<T> {
    fn drop(&mut self) {
        while let Some((value, _)) = self.take() {
            deferred::protect(|| drop(value));
        }
        self.collect();
    }
}
