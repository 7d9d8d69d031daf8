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
//! **U2, limbo.** A thread frees the nodes that it takes out of limbo if it then reads that nobody walks. Let `w` be the
//! write of `walkers` that it reads. The walk that has taken a node out of the heap began before the node came to limbo
//! (Release and Acquire), so its beginning is `w` or comes before it. All writes of `walkers` are read-modify-writes
//! that count, and `w` leaves zero, so every walk that began up to `w` has ended up to `w`. Any other walk is of one of
//! two kinds.
//! - It has ended up to `w`, by a Release. So whatever it did with a node happens before the node is freed.
//! - It begins after `w`, by an Acquire, and so after the end, by a Release, of the walk that took the node out. So it reads a
//!   root without the node, and the node does not come back.
//!
//! All writes of the root are read-modify-writes, too: a thread that reads the root synchronizes with all threads that
//! have published nodes below it.
//!
//! **U3, one root twice.** A root may be the root again, after a smaller ticket has come and gone. Nodes do not change, so
//! the heap below it is the same again, and a change that was made for it still holds. It is not another node at the same
//! address: by U2 nobody frees the node while a thread walks that has read it.

mod heap;

use self::heap::{Change, Node, heap};
use crate::chan::algorithm::deferred;
use crate::queue::push;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize};
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

/// Such values, with the tickets of their receives, in a heap: to put one there or take the first costs O(log n) for n
/// of them. A value counts as returned once the census counts it, after it is in the heap. A receiver first takes one
/// off the census, and then takes one out of the heap: the heap has at least as many as were counted and not yet taken
/// out, so it finds one, and the others are there for all meanwhile.
///
/// SeqCst on both sides: a thread that returns a value puts it here and then looks for receivers that wait; a receiver
/// that is about to wait says so and then looks here: one of them sees the other.
///
/// Nodes that have left the heap wait in *limbo* until a thread takes the whole limbo and then reads that no thread
/// walks: a thread that walks since has not found them in the heap.
pub struct Undelivered<T> {
    census: AtomicU64,
    root: AtomicPtr<Node<Item<T>>>,
    walkers: AtomicUsize,
    limbo: AtomicPtr<Node<Item<T>>>,
}

/// A value, behind its node and all that take the node's place.
type Item<T> = UnsafeCell<ManuallyDrop<T>>;

// SAFETY: a value belongs to the thread that takes its ticket out of the heap; values move from thread to thread.
unsafe impl<T: Send> Send for Undelivered<T> {}
// SAFETY: no two threads share a value, since one of them takes its ticket out.
unsafe impl<T: Send> Sync for Undelivered<T> {}

/// A thread that looks into the heap.
struct Walk<'a, T>(&'a Undelivered<T>);

impl<T> Undelivered<T> {
    /// Makes an empty heap.
    #[allow(clippy::new_without_default, reason = "channels and models make them, and no generic code")]
    pub fn new() -> Undelivered<T> {
        Undelivered {
            census: AtomicU64::new(0),
            root: AtomicPtr::new(null_mut()),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(null_mut()),
        }
    }

    #[inline]
    pub(in crate::chan) fn census(&self) -> Census {
        // SeqCst: U1. Acquire, by that: the values that it counts are in the heap.
        Census(self.census.load(SeqCst)) // site: read-census
    }

    /// Returns whether no value is here.
    pub fn is_empty(&self) -> bool {
        self.census().here() == 0
    }

    /// Whether a value has come since, or is here.
    pub(in crate::chan) fn has_news(&self, since: Census) -> bool {
        let now = self.census();
        now.here() != 0 || now.0 / COME != since.0 / COME
    }

    /// Puts a value here that has come back from the receive with this ticket.
    pub fn put(&self, value: T, ticket: u64) {
        let item = TrackedBox::into_raw(TrackedBox::new(UnsafeCell::new(ManuallyDrop::new(value))));
        let alone = Change::adding(None, ticket, item);
        // Release: publishes the node and the value to the walker that finds them, in `Walk::root` or by a CAS that
        // fails. Relaxed on failure: this thread looks again as a walker.
        // site: put-alone
        if self.root.compare_exchange(null_mut(), alone.root, Release, Relaxed).is_err() {
            alone.discard();
            self.walk().add(ticket, item);
        }
        // SeqCst: the value is in the heap before it is counted, and counted before receivers that wait are looked for.
        self.census.fetch_add(COME + 1, SeqCst); // site: give-value-back
    }

    /// Begins to look into the heap.
    fn walk(&self) -> Walk<'_, T> {
        // Acquire: U2: pairs with the Release of the walks that have ended, so this one does not find the nodes that
        // they have taken out and that may be freed (mutant at this site).
        self.walkers.fetch_add(1, Acquire); // site: begin-walk
        Walk(self)
    }

    /// Takes the one that was received first, with the ticket of its receive.
    pub fn take(&self) -> Option<(T, u64)> {
        let mut census = self.census();
        loop {
            if census.here() == 0 {
                return None;
            }
            // Relaxed: publishes nothing; a thread that concludes from an empty census that nothing will come reads the
            // loans as well. Acquire on failure: the values that are counted now are in the heap. Not SeqCst for U1: a
            // receiver reads the census once more before it waits.
            match self.census.compare_exchange(census.0, census.0 - 1, Relaxed, Acquire) {
                Ok(_) => break,
                Err(found) => census = Census(found),
            }
        }
        Some(self.walk().take())
    }

    /// Takes the limbo, and frees its nodes if nobody walks.
    fn collect(&self) {
        // Acquire: pairs with the Release in `put_in_limbo`: the walks that took the nodes out have been counted (U2).
        let mut at = self.limbo.swap(null_mut(), Acquire); // site: take-limbo
        // Acquire: pairs with the Release at the end of each walk, whose reads of the nodes are over (U2).
        let quiet = self.walkers.load(Acquire) == 0; // site: count-walkers
        while !at.is_null() {
            // SAFETY: the swap took the whole limbo, so this thread alone has its nodes. Relaxed: the swap has acquired
            // them.
            let next = unsafe { &*at }.limbo_next.load(Relaxed);
            if quiet {
                // SAFETY: the node is in no heap, and no thread walks that could have found it there (U2).
                drop(unsafe { TrackedBox::from_raw(at) });
            } else {
                self.put_in_limbo(at);
            }
            at = next;
        }
    }

    /// Puts a node in limbo that its caller has taken out of the heap, or of the limbo.
    fn put_in_limbo(&self, node: *mut Node<Item<T>>) {
        // Release: publishes the link, and the beginning of the walk that took the node out, to `collect` (U2).
        // site: put-in-limbo
        push(&self.limbo, node, Release, |next| {
            // SAFETY: one CAS has taken the node out of the heap, or one swap out of limbo, and only the thread that
            // made it has the node here. So no other thread frees the node before it is in limbo. Relaxed: the push
            // publishes the link.
            unsafe { &*node }.limbo_next.store(next, Relaxed);
        });
    }
}

impl<T> Walk<'_, T> {
    fn root(&self) -> *mut Node<Item<T>> {
        // Acquire: pairs with the Release CAS of each thread that has published nodes below the root.
        self.0.root.load(Acquire) // site: read-root
    }

    fn add(&self, ticket: u64, item: *mut Item<T>) {
        let mut root = self.root();
        loop {
            // SAFETY: nodes that this thread can find are not freed as long as it walks (U2).
            let change = Change::adding(unsafe { heap(root) }, ticket, item);
            // Release: publishes the new nodes and the value. Acquire on failure: pairs with the CAS that published the
            // root found.
            // site: add-undelivered
            match self.0.root.compare_exchange(root, change.root, Release, Acquire) {
                Ok(_) => return self.put_all_in_limbo(change),
                Err(found) => root = found,
            }
            change.discard();
        }
    }

    /// Takes the first one out, which is there: its caller has taken one off the census.
    fn take(&self) -> (T, u64) {
        let mut root = self.root();
        loop {
            // SAFETY: nodes that this thread can find are not freed as long as it walks (U2).
            let first = unsafe { heap(root) }.expect("a value that was counted is here");
            let (item, ticket) = (first.item, first.ticket);
            let change = Change::removing(first);
            // Release: publishes the new nodes. No Acquire on success: the value was made before the root that this
            // thread has read. Acquire on failure: pairs with the CAS that published the root found.
            // site: take-undelivered
            match self.0.root.compare_exchange(root, change.root, Release, Acquire) {
                Ok(_) => {
                    self.put_all_in_limbo(change);
                    // SAFETY: this thread has taken the ticket out, so no other reads or frees the item.
                    let item = unsafe { TrackedBox::from_raw(item) };
                    // SAFETY: the item was this thread's alone, and is not used again, so the value is taken once.
                    return (item.with_mut(|value| unsafe { ManuallyDrop::take(&mut *value) }), ticket);
                }
                Err(found) => root = found,
            }
            change.discard();
        }
    }

    fn put_all_in_limbo(&self, change: Change<Item<T>>) {
        change.replaced.into_iter().for_each(|node| self.0.put_in_limbo(node));
    }
}

impl<T> Drop for Walk<'_, T> {
    fn drop(&mut self) {
        // Release: publishes the walk to `collect`, and the roots that it has made to the walks that begin later (U2).
        // Relaxed: a hint; a node that it misses waits for the end of the next walk, or of the channel.
        // site: end-walk
        if self.0.walkers.fetch_sub(1, Release) == 1 && !self.0.limbo.load(Relaxed).is_null() {
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
