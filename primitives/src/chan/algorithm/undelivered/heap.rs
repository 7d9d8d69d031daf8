//! A heap whose nodes do not change once it is published: a change makes the nodes on its path anew, so that one
//! compare-exchange of the root makes the whole change, and a reader of an old root sees a whole old heap.
//!
//! It is a leftist heap (C. A. Crane, 1972): on the way to the right there are at most log2(n + 1) of n nodes, and a change
//! goes only there.

use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::AtomicPtr;
use core::ptr::null_mut;

/// A node, and a heap: itself and what is below it, with no smaller ticket.
pub(super) struct Node<I> {
    pub(super) ticket: u64,
    pub(super) item: *mut I,
    /// How many nodes there are on the way to the right, this one included. To the left there are no fewer.
    rank: u32,
    left: *mut Node<I>,
    right: *mut Node<I>,
    pub(super) limbo_next: AtomicPtr<Node<I>>,
}

/// What turns one heap into another. Nobody else has its nodes until its caller publishes the new root.
pub(super) struct Change<I> {
    pub(super) root: *mut Node<I>,
    /// Those of the new heap that are not of the old one.
    made: Vec<*mut Node<I>>,
    /// Those of the old heap that are not of the new one.
    pub(super) replaced: Vec<*mut Node<I>>,
}

impl<I> Change<I> {
    fn new() -> Change<I> {
        Change { root: null_mut(), made: Vec::new(), replaced: Vec::new() }
    }

    /// The change that adds an item to the heap `root`; null is the empty one.
    ///
    /// # Safety
    /// No node of the heap is freed meanwhile.
    pub(super) unsafe fn adding(root: *mut Node<I>, ticket: u64, item: *mut I) -> Change<I> {
        let mut change = Change::new();
        // SAFETY: as the caller guarantees.
        change.root = unsafe { change.add(root, ticket, item) };
        change
    }

    /// The change that takes the root, which has the smallest ticket, out of its heap.
    ///
    /// # Safety
    /// No node of the heap is freed meanwhile.
    pub(super) unsafe fn removing(root: &Node<I>) -> Change<I> {
        let mut change = Change::new();
        change.replaced.push(core::ptr::from_ref(root).cast_mut());
        // SAFETY: as the caller guarantees.
        change.root = unsafe { change.merge(root.left, root.right) };
        change
    }

    /// Frees what was made for a change that is not published.
    pub(super) fn discard(self) {
        for node in self.made {
            // SAFETY: `node` has made it, and the caller has not published it.
            drop(unsafe { TrackedBox::from_raw(node) });
        }
    }

    /// Makes a node over two heaps, the better one to its left.
    ///
    /// # Safety
    /// The roots of the heaps are not freed meanwhile.
    unsafe fn node(
        &mut self,
        (ticket, item): (u64, *mut I),
        one: *mut Node<I>,
        other: *mut Node<I>,
    ) -> *mut Node<I> {
        // SAFETY: as the caller guarantees.
        let rank = |heap: *mut Node<I>| unsafe { heap.as_ref() }.map_or(0, |node| node.rank);
        let (left, right) = if rank(one) >= rank(other) { (one, other) } else { (other, one) };
        let rank = rank(right) + 1;
        let limbo_next = AtomicPtr::new(null_mut());
        let node =
            TrackedBox::into_raw(TrackedBox::new(Node { ticket, item, rank, left, right, limbo_next }));
        self.made.push(node);
        node
    }

    /// # Safety
    /// No node of the heap is freed meanwhile.
    unsafe fn add(&mut self, at: *mut Node<I>, ticket: u64, item: *mut I) -> *mut Node<I> {
        // SAFETY: as the caller guarantees, here and below.
        match unsafe { at.as_ref() } {
            // Of equal tickets the first one added comes first.
            Some(node) if node.ticket <= ticket => {
                self.replaced.push(at);
                // SAFETY: see above.
                let right = unsafe { self.add(node.right, ticket, item) };
                // SAFETY: see above; this call has made `right`.
                unsafe { self.node((node.ticket, node.item), node.left, right) }
            }
            // SAFETY: see above.
            _ => unsafe { self.node((ticket, item), at, null_mut()) },
        }
    }

    /// # Safety
    /// No node of the two heaps is freed meanwhile.
    unsafe fn merge(&mut self, one: *mut Node<I>, other: *mut Node<I>) -> *mut Node<I> {
        // SAFETY: as the caller guarantees, here and below.
        let (first, second) = match unsafe { (one.as_ref(), other.as_ref()) } {
            (None, _) => return other,
            (_, None) => return one,
            (Some(first), Some(second)) => (first, second),
        };
        let (top, top_at, below) =
            if first.ticket <= second.ticket { (first, one, other) } else { (second, other, one) };
        self.replaced.push(top_at);
        // SAFETY: see above.
        let right = unsafe { self.merge(top.right, below) };
        // SAFETY: see above; `right` is of the two heaps, or made by this call.
        unsafe { self.node((top.ticket, top.item), top.left, right) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A heap that one thread changes, and the number of its nodes.
    struct Heap(*mut Node<u64>, usize);

    impl Heap {
        /// Publishes a change; the old heap is gone. Returns how many nodes the change has made anew.
        fn publish(&mut self, change: Change<u64>) -> usize {
            self.1 = self.1 + change.made.len() - change.replaced.len();
            self.0 = change.root;
            for node in change.replaced {
                // SAFETY: no heap has the node any more.
                drop(unsafe { TrackedBox::from_raw(node) });
            }
            change.made.len()
        }

        fn add(&mut self, ticket: u64) -> usize {
            // SAFETY: nothing is freed meanwhile.
            self.publish(unsafe { Change::adding(self.0, ticket, null_mut()) })
        }

        fn remove(&mut self) -> Option<(u64, usize)> {
            // SAFETY: a heap's root lives; nothing is freed meanwhile.
            let (root, change) =
                unsafe { self.0.as_ref().map(|root| (root.ticket, Change::removing(root)))? };
            Some((root, self.publish(change)))
        }
    }

    fn logarithm(n: usize) -> usize {
        (usize::BITS - n.leading_zeros()) as usize
    }

    #[test]
    fn tickets_leave_in_order_and_changes_are_small() {
        const N: u64 = 5_000;
        let orders: [fn(u64) -> u64; 3] = [|n| n, |n| N - n, |n| n * 2_654_435_761 % 4_999];
        for order in orders {
            let mut heap = Heap(null_mut(), 0);
            let mut tickets: Vec<u64> = (0..N).map(order).collect();
            for ticket in &tickets {
                assert!(heap.add(*ticket) <= logarithm(heap.1) + 1);
            }
            assert_eq!(heap.1, tickets.len());
            tickets.sort_unstable();
            for ticket in tickets {
                let (removed, made) = heap.remove().expect("as many as were added");
                assert!(removed == ticket && made <= 2 * logarithm(heap.1 + 1));
            }
            assert!(heap.remove().is_none() && heap.1 == 0);
        }
    }

    #[test]
    fn a_change_that_is_not_published_leaves_the_heap_as_it_was() {
        let mut heap = Heap(null_mut(), 0);
        for ticket in [3, 1, 2] {
            // SAFETY: nothing is freed meanwhile.
            unsafe { Change::adding(heap.0, 0, null_mut()) }.discard();
            heap.add(ticket);
        }
        let left: Vec<u64> = core::iter::from_fn(|| heap.remove()).map(|(ticket, _)| ticket).collect();
        assert_eq!(left, [1, 2, 3]);
    }
}
