//! Values that came to a receive that nobody waits for any more: a future that was dropped, a selected operation
//! that was not completed. They go to the next receiver, before all others.

use super::core::{Chan, Patience};
use super::deferred;
use super::select::handle::{Hold, Slot};
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::ptr::{null_mut, with_exposed_provenance_mut};

/// Such values, with the tickets of their receives. Seldom more than none.
///
/// SeqCst on both sides: whoever returns a value puts it here and then looks for receivers that wait; who is about
/// to wait says so and then looks here: one of them sees the other.
pub(super) struct Returned<T>(AtomicPtr<Node<T>>);

struct Node<T> {
    value: T,
    ticket: u64,
    next: *mut Node<T>,
}

// SAFETY: a node belongs to whoever takes the list; values move from thread to thread.
unsafe impl<T: Send> Send for Returned<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Returned<T> {}

impl<T> Returned<T> {
    pub(super) fn new() -> Returned<T> {
        Returned(AtomicPtr::new(null_mut()))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.0.load(SeqCst).is_null()
    }

    fn put(&self, node: *mut Node<T>) {
        let mut first = self.0.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: the node is ours until it is in the list.
            unsafe { (*node).next = first };
            // SeqCst: see above. Release, by that: the node is made for whoever takes the list.
            // site: give-value-back
            match self.0.compare_exchange(first, node, SeqCst, Relaxed) {
                Ok(_) => return,
                Err(other) => first = other,
            }
        }
    }

    /// Takes the one that was received first.
    fn take(&self) -> *mut Node<T> {
        // SeqCst, Acquire by that: the nodes are made. Audit: that nobody misses the other is up to `put` and
        // `is_empty`.
        let mut at = self.0.swap(null_mut(), SeqCst);
        let mut oldest = at;
        while !at.is_null() {
            let node = at;
            // SAFETY: nodes in the list come from `put`, and whoever takes the list owns them.
            let (next, is_older) = unsafe { ((*node).next, (*node).ticket < (*oldest).ticket) };
            at = next;
            if node != oldest {
                self.put(if is_older { core::mem::replace(&mut oldest, node) } else { node });
            }
        }
        oldest
    }
}

impl<T> Node<T> {
    /// # Safety
    /// The node came from the list, or is new, and nobody else has it.
    unsafe fn into_value(node: *mut Node<T>) -> T {
        // SAFETY: the caller's promise.
        TrackedBox::into_inner(unsafe { TrackedBox::from_raw(node) }).value
    }
}

impl<T> Drop for Returned<T> {
    fn drop(&mut self) {
        loop {
            let node = self.take();
            if node.is_null() {
                return;
            }
            // SAFETY: it came from the list.
            let value = unsafe { Node::into_value(node) };
            deferred::protect(|| drop(value));
        }
    }
}

impl<T> Chan<T> {
    /// Takes a value that came back.
    #[cold]
    pub(super) fn take_returned(&self) -> Option<T> {
        let node = self.returned.take();
        // SAFETY: it came from the list.
        (!node.is_null()).then(|| unsafe { Node::into_value(node) })
    }

    /// The same for a case of a select, which does not know the type of the value.
    #[cold]
    pub(super) fn hold_returned(&self, slot: &mut Slot) -> bool {
        let node = self.returned.take();
        if !node.is_null() {
            slot.set(node.expose_provenance() as u64, Hold::Returned);
        }
        !node.is_null()
    }

    /// The value that the case holds.
    pub(super) fn held_returned(&self, slot: &Slot) -> T {
        debug_assert!(slot.hold == Hold::Returned, "the case holds a value that came back");
        // SAFETY: the case has the node from the list, and gives it up.
        unsafe { Node::into_value(with_exposed_provenance_mut(slot.ticket as usize)) }
    }

    /// Gives a value back that the receive with this ticket got, for the next receiver.
    #[cold]
    pub(super) fn give_back(&self, value: T, ticket: u64) {
        let node = Node { value, ticket, next: null_mut() };
        self.returned.put(TrackedBox::into_raw(TrackedBox::new(node)));
        // A receiver that waits gets it, as if it were sent now.
        while self.sent().ticket() < self.received() {
            if self.sent().is_closed() {
                break;
            }
            let node = self.returned.take();
            if node.is_null() {
                return;
            }
            // SAFETY: it came from the list.
            let Node { value, ticket, .. } = TrackedBox::into_inner(unsafe { TrackedBox::from_raw(node) });
            let Err((value, _)) = self.send(value, Patience::None) else { return };
            let node = Node { value, ticket, next: null_mut() };
            self.returned.put(TrackedBox::into_raw(TrackedBox::new(node)));
        }
        self.watchers.notify();
    }
}
