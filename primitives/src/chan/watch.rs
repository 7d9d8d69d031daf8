//! Who wants to be told when something changes in a channel, without taking part in it.

use super::claim::Claim;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::ptr::null_mut;

/// A list of selects that wait for a channel to become ready: whoever changes something takes the whole list and
/// wakes all of them. They look again, and come back if they have to.
///
/// SeqCst on both sides: a watcher joins the list and then looks at the channel; who changes the channel does
/// so and then looks at the list: one of them sees the other.
pub struct Watchers(AtomicPtr<Node>);

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
        Watchers(AtomicPtr::new(null_mut()))
    }

    /// Wakes whoever watches.
    #[inline]
    pub(super) fn notify(&self) {
        if !self.0.load(SeqCst).is_null() {
            // Audit: as in `add`.
            self.take(|claim| claim.wake()); // site: wake-watchers
        }
    }

    /// Adds a select.
    pub(super) fn add(&self, claim: &Arc<Claim>) {
        let node = TrackedBox::into_raw(TrackedBox::new(Node { claim: Arc::clone(claim), next: null_mut() }));
        let mut first = self.0.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: the node is ours until it is in the list.
            unsafe { (*node).next = first };
            // SeqCst: see above. Release, by that: the node is made for whoever takes the list. Audit: the
            // models watch a rendezvous only, whose tickets order it too.
            match self.0.compare_exchange(first, node, SeqCst, Relaxed) {
                Ok(_) => return,
                Err(other) => first = other,
            }
        }
    }

    /// Takes a select out. Others that were in the list are woken: they look again, and come back.
    pub(super) fn remove(&self, claim: &Arc<Claim>) {
        // Audit: as in `add`.
        self.take(|other| {
            if !Arc::ptr_eq(other, claim) {
                other.wake();
            }
        });
    }

    #[cold]
    #[track_caller]
    fn take(&self, mut each: impl FnMut(&Arc<Claim>)) {
        // SeqCst, Acquire by that: the nodes are made. Audit: as in `add`.
        let mut at = self.0.swap(null_mut(), SeqCst);
        while !at.is_null() {
            // SAFETY: nodes in the list come from `add`; whoever takes the list owns them.
            let node = unsafe { TrackedBox::from_raw(at) };
            at = node.next;
            each(&node.claim);
        }
    }
}

impl Drop for Watchers {
    fn drop(&mut self) {
        // Audit: nobody else is left.
        self.take(|_| ());
    }
}
