//! A heap whose nodes do not change once it is published: a change makes the nodes on its path anew, so that one
//! compare-exchange of the root makes the whole change, and a reader of an old root sees a whole old heap.
//!
//! It is a leftist heap (C. A. Crane, 1972): on the way to the right there are at most log2(n + 1) of n nodes, and a
//! change goes only there.
//!
//! **H1.** A reference to a node stands for the heap below it: as long as the reference lives, no node of that heap is freed.
//! [`heap`] leaves it to its caller; a node that a change makes is freed by [`Change::discard`] alone until it is
//! published.

use crate::race_probe::RaceProbe;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::AtomicPtr;
use core::ptr::{from_ref, null_mut};

/// A node, and a heap: itself and what is below it, with no smaller ticket.
pub(super) struct Node<I> {
    pub(super) ticket: u64,
    pub(super) item: *mut I,
    /// How many nodes there are on the way to the right, this one included. To the left there are no fewer.
    rank: u32,
    left: *mut Node<I>,
    right: *mut Node<I>,
    /// Stands for all of this but `limbo_next`: read wherever a thread follows a pointer to the node.
    fields: RaceProbe,
    pub(super) limbo_next: AtomicPtr<Node<I>>,
}

/// A heap, which may be empty.
pub(super) type Heap<'a, I> = Option<&'a Node<I>>;

/// Returns the heap below a root; null is the root of the empty one.
///
/// # Safety
/// No node of the heap is freed during the lifetime.
pub(super) unsafe fn heap<'a, I>(root: *mut Node<I>) -> Heap<'a, I> {
    // SAFETY: the root is of its heap, of which no node is freed during 'a by this function's contract.
    let root = unsafe { root.as_ref() };
    root.inspect(|node| node.fields.read())
}

fn pointer<I>(heap: Heap<'_, I>) -> *mut Node<I> {
    heap.map_or(null_mut(), |root| from_ref(root).cast_mut())
}

impl<I> Node<I> {
    fn left(&self) -> Heap<'_, I> {
        // SAFETY: H1: the left heap is below this node.
        unsafe { heap(self.left) }
    }

    fn right(&self) -> Heap<'_, I> {
        // SAFETY: H1: the right heap is below this node.
        unsafe { heap(self.right) }
    }
}

/// What turns one heap into another. Its nodes are its caller's until the caller publishes the new root.
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

    /// The change that adds an item.
    pub(super) fn adding(root: Heap<'_, I>, ticket: u64, item: *mut I) -> Change<I> {
        let mut change = Change::new();
        change.root = pointer(Some(change.add(root, ticket, item)));
        change
    }

    /// The change that takes the root, which has the smallest ticket, out of its heap.
    pub(super) fn removing(root: &Node<I>) -> Change<I> {
        let mut change = Change::new();
        change.replaced.push(pointer(Some(root)));
        change.root = pointer(change.merge(root.left(), root.right()));
        change
    }

    /// Frees what was made for a change that is not published.
    pub(super) fn discard(self) {
        for node in self.made {
            // SAFETY: `node` has made it, the change is not published, and building it, with its references, is over.
            drop(unsafe { TrackedBox::from_raw(node) });
        }
    }

    /// Makes a node over two heaps, the one with the higher rank to its left.
    fn node<'a>(
        &mut self,
        (ticket, item): (u64, *mut I),
        one: Heap<'a, I>,
        other: Heap<'a, I>,
    ) -> &'a Node<I> {
        let rank = |heap: Heap<'a, I>| heap.map_or(0, |root| root.rank);
        let (left, right) = if rank(one) >= rank(other) { (one, other) } else { (other, one) };
        let node = TrackedBox::into_raw(TrackedBox::new(Node {
            ticket,
            item,
            rank: rank(right) + 1,
            left: pointer(left),
            right: pointer(right),
            fields: RaceProbe::new(),
            limbo_next: AtomicPtr::new(null_mut()),
        }));
        self.made.push(node);
        // SAFETY: H1: the node was made in the line before, and what is below it lives during 'a.
        unsafe { &*node }
    }

    fn add<'a>(&mut self, at: Heap<'a, I>, ticket: u64, item: *mut I) -> &'a Node<I> {
        match at {
            // Of equal tickets the first one added comes first.
            Some(node) if node.ticket <= ticket => {
                self.replaced.push(pointer(at));
                let right = self.add(node.right(), ticket, item);
                self.node((node.ticket, node.item), node.left(), Some(right))
            }
            _ => self.node((ticket, item), at, None),
        }
    }

    fn merge<'a>(&mut self, one: Heap<'a, I>, other: Heap<'a, I>) -> Heap<'a, I> {
        let (Some(first), Some(second)) = (one, other) else { return one.or(other) };
        let (top, below) = if first.ticket <= second.ticket { (first, second) } else { (second, first) };
        self.replaced.push(pointer(Some(top)));
        let right = self.merge(top.right(), Some(below));
        Some(self.node((top.ticket, top.item), top.left(), right))
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
                // SAFETY: the node was made by a change, and the heap that is published now does not have it.
                drop(unsafe { TrackedBox::from_raw(node) });
            }
            change.made.len()
        }

        fn heap(&self) -> super::Heap<'_, u64> {
            // SAFETY: only `publish` frees nodes, and it borrows this value mutably.
            unsafe { heap(self.0) }
        }

        fn add(&mut self, ticket: u64) -> usize {
            self.publish(Change::adding(self.heap(), ticket, null_mut()))
        }

        fn remove(&mut self) -> Option<(u64, usize)> {
            let (ticket, change) = self.heap().map(|root| (root.ticket, Change::removing(root)))?;
            Some((ticket, self.publish(change)))
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
            Change::adding(heap.heap(), 0, null_mut()).discard();
            heap.add(ticket);
        }
        let left: Vec<u64> = core::iter::from_fn(|| heap.remove()).map(|(ticket, _)| ticket).collect();
        assert_eq!(left, [1, 2, 3]);
    }
}
