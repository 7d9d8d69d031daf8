//! Lists of garbage. The number S2 is that of the parent module.

use crate::first_panic::FirstPanic;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use core::ptr::null_mut;

pub(super) struct Node<G> {
    next: UnsafeCell<*mut Node<G>>,
    _garbage: G,
}

/// A list that owns its nodes (S2).
pub(super) struct List<G>(*mut Node<G>);

impl<G> Node<G> {
    /// Creates a node that is in no list, and that the caller owns (S2).
    pub(super) fn new(garbage: G) -> TrackedBox<Node<G>> {
        TrackedBox::new(Node { next: UnsafeCell::new(null_mut()), _garbage: garbage })
    }

    /// Lets `first` follow the node.
    ///
    /// # Safety
    /// The caller owns the node alone.
    pub(super) unsafe fn link(node: *mut Node<G>, first: *mut Node<G>) {
        // SAFETY: the caller owns the node, so no other thread has it.
        unsafe { (*node).next.with_mut(|next| *next = first) };
    }
}

impl<G> List<G> {
    /// Returns the list that begins with a node, or an empty list. The caller owned these nodes (S2), and gives them up.
    pub(super) const fn of(first: *mut Node<G>) -> List<G> {
        List(first)
    }

    pub(super) const EMPTY: List<G> = List(null_mut());

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    pub(super) fn take_all(&mut self) -> List<G> {
        core::mem::replace(self, List::EMPTY)
    }

    /// Moves all nodes of another list to the front of this one.
    pub(super) fn prepend(&mut self, other: List<G>) {
        let mut last = other.0;
        if last.is_null() {
            return;
        }
        // SAFETY: S2: the two lists own their nodes, and this thread has both lists alone.
        unsafe {
            loop {
                match (*last).next.with(|next| *next) {
                    next if next.is_null() => break,
                    next => last = next,
                }
            }
            (*last).next.with_mut(|next| *next = self.0);
        }
        self.0 = core::mem::ManuallyDrop::new(other).0;
    }
}

impl<G> Iterator for List<G> {
    type Item = TrackedBox<Node<G>>;

    fn next(&mut self) -> Option<TrackedBox<Node<G>>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: S2: the list owns its first node, from `into_raw`, and gives it up here, once.
        let node = unsafe { TrackedBox::from_raw(self.0) };
        // SAFETY: S2: the node was this list's, so no other thread has it.
        self.0 = node.next.with(|next| unsafe { *next });
        Some(node)
    }
}

impl<G> Drop for List<G> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_null() {
            return;
        }
        let mut panics = FirstPanic::none();
        panics.drop_each(self);
        panics.resume();
    }
}
