//! Who wants to be told when something changes in a channel, without taking part in it.

use super::claim::Claim;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::ptr::{dangling_mut, null_mut};

/// A list of selects that wait for a channel to become ready: whoever changes something takes the whole list and
/// wakes all of them. They look again, and come back if they have to.
///
/// SeqCst on both sides: a watcher joins the list and then looks at the channel; who changes the channel does
/// so and then looks at the list: one of them sees the other.
///
/// A watcher that leaves takes the list too, drops its own node, and puts the others' back, without waking them: nothing
/// has happened. Meanwhile the list ends in a [mark](mark) that says so. A thread that changes something and finds the mark
/// counts a notice as missed, and takes the list once more. The watcher that leaves looks at that count at last: either it
/// sees the notice, and wakes the others itself, or the thread finds them in the list.
pub struct Watchers {
    first: AtomicPtr<Node>,
    /// Notices that came while a watcher that leaves had the list.
    missed: AtomicUsize,
}

struct Node {
    claim: Arc<Claim>,
    next: *mut Node,
}

// SAFETY: a node belongs to whoever takes the list.
unsafe impl Send for Watchers {}
// SAFETY: as above.
unsafe impl Sync for Watchers {}

impl Watchers {
    pub(super) fn new() -> Watchers {
        Watchers { first: AtomicPtr::new(null_mut()), missed: AtomicUsize::new(0) }
    }

    /// Wakes whoever watches.
    #[inline]
    pub(super) fn notify(&self) {
        if !self.first.load(SeqCst).is_null() {
            self.tell();
        }
    }

    #[cold]
    #[track_caller]
    fn tell(&self) {
        // Audit: as in `add`. A further round means that another watcher leaves.
        // site: wake-watchers
        while self.take(null_mut(), |node| node.claim.wake()) {
            self.missed.fetch_add(1, SeqCst); // SeqCst: see `Watchers`.
        }
    }

    /// Adds a select.
    pub(super) fn add(&self, claim: &Arc<Claim>) {
        self.put(TrackedBox::new(Node { claim: Arc::clone(claim), next: null_mut() }));
    }

    fn put(&self, node: TrackedBox<Node>) {
        let node = TrackedBox::into_raw(node);
        let mut first = self.first.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: the node is ours until it is in the list.
            unsafe { (*node).next = first };
            // SeqCst: see above. Release, by that: the node is made for whoever takes the list. Audit: the
            // models watch a rendezvous only, whose tickets order it too.
            match self.first.compare_exchange(first, node, SeqCst, Relaxed) {
                Ok(_) => return,
                Err(other) => first = other,
            }
        }
    }

    /// Takes a select out, which is over by that. (Its node may be in the hands of another that leaves: then it is dropped
    /// with the next one.)
    pub(super) fn remove(&self, claim: &Claim) {
        claim.spoil();
        let missed = self.missed.load(SeqCst); // SeqCst: see `Watchers`.
        self.take(mark(), |node| {
            if !node.claim.is_over() {
                self.put(node);
            }
        });
        // SeqCst: see `Watchers`.
        if self.missed.load(SeqCst) != missed {
            self.tell();
        }
    }

    /// Takes the list, and leaves `instead`. Whether the list was marked.
    #[track_caller]
    fn take(&self, instead: *mut Node, mut each: impl FnMut(TrackedBox<Node>)) -> bool {
        // SeqCst, Acquire by that: the nodes are made. Audit: as in `add`.
        let mut at = self.first.swap(instead, SeqCst);
        while !at.is_null() && at != mark() {
            // SAFETY: nodes in the list come from `add`; whoever takes the list owns them.
            let node = unsafe { TrackedBox::from_raw(at) };
            at = node.next;
            each(node);
        }
        !at.is_null()
    }
}

/// Ends a list that a watcher has in its hands.
fn mark() -> *mut Node {
    dangling_mut()
}

impl Drop for Watchers {
    fn drop(&mut self) {
        // Audit: nobody else is left.
        self.take(null_mut(), drop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::park::Parker;

    #[test]
    fn a_watcher_that_comes_and_goes_wakes_nobody() {
        let watchers = Watchers::new();
        let parkers: Vec<Parker> = (0..3).map(|_| Parker::new()).collect();
        let claims: Vec<_> = parkers.iter().map(|parker| Arc::new(Claim::new(parker.unparker()))).collect();
        claims.iter().for_each(|claim| watchers.add(claim));
        for _ in 0..2 {
            let visitor = Parker::new();
            let claim = Arc::new(Claim::new(visitor.unparker()));
            watchers.add(&claim);
            watchers.remove(&claim);
            assert!(!visitor.is_woken());
        }
        watchers.remove(&claims[0]);
        assert!(parkers.iter().all(|parker| !parker.is_woken()), "nothing has changed");
        watchers.notify();
        assert_eq!([0, 1, 2].map(|n| parkers[n].is_woken()), [false, true, true]);
        assert!(watchers.first.load(SeqCst).is_null() && Arc::strong_count(&claims[1]) == 1);
    }
}
