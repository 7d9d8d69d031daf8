//! The selects that are to be told when something changes in a channel, without taking part in it.

use crate::chan::select::state::SelectWait;
use crate::queue::push;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::Ordering::SeqCst;
use crate::rt::sync::atomic::{AtomicPtr, AtomicUsize};
use core::ptr::{dangling_mut, null_mut};

/// A list of selects that wait for a channel to become ready: a thread that changes something takes the whole list and
/// wakes all of them. They look again, and come back if they have to.
///
/// SeqCst on both sides: an observer joins the list and then looks at the channel; a thread that changes the
/// channel does so and then looks at the list: one of them sees the other.
///
/// An observer that leaves takes the list too, drops its own node, and puts the others' back, without waking them:
/// nothing has happened. Meanwhile the list ends in a [mark](mark()) that says so. A thread that changes something and
/// finds the mark counts a notice as missed, and takes the list once more. The observer that leaves looks at that count
/// at last: either it sees the notice, and wakes the others itself, or the thread finds them in the list.
pub struct Observers {
    first: AtomicPtr<Node>,
    /// Notices that came while an observer that leaves had the list.
    missed: AtomicUsize,
}

struct Node {
    select: SelectWait,
    next: *mut Node,
}

// SAFETY: a node belongs to the one thread that takes the list.
unsafe impl Send for Observers {}
// SAFETY: threads share the list's head only, which is atomic; nodes go from thread to thread.
unsafe impl Sync for Observers {}

impl Observers {
    pub(in crate::chan) fn new() -> Observers {
        Observers { first: AtomicPtr::new(null_mut()), missed: AtomicUsize::new(0) }
    }

    /// Wakes all observers.
    #[inline]
    pub(in crate::chan) fn notify(&self) {
        if !self.first.load(SeqCst).is_null() {
            // Not model-checked: the models observe a rendezvous only, whose tickets order it too.
            self.tell();
        }
    }

    #[cold]
    #[track_caller]
    fn tell(&self) {
        // Not model-checked: the models observe a rendezvous only, whose tickets order it too. A further round means
        // that another observer leaves.
        // site: wake-observers
        while self.take(null_mut(), |node| node.select.wake()) {
            self.missed.fetch_add(1, SeqCst); // SeqCst: the observer that leaves reads it after it has put the list back.
        }
    }

    /// Adds a select.
    pub(in crate::chan) fn add(&self, select: &SelectWait) {
        self.put(TrackedBox::new(Node { select: select.clone(), next: null_mut() }));
    }

    fn put(&self, node: TrackedBox<Node>) {
        let node = TrackedBox::into_raw(node);
        // SeqCst: the observer joins the list and then looks at the channel, as a thread that changes it does in the
        // opposite order. Release, by that: the node is made for the thread that takes the list. Not model-checked: the
        // models observe a rendezvous only, whose tickets order it too.
        push(&self.first, node, SeqCst, |next| {
            // SAFETY: this thread has made the node, or taken it from the list, and it is in no list now.
            unsafe { (*node).next = next };
        });
    }

    /// Takes a select out, which is over by that. (Its node may be in the hands of another that leaves: then it is
    /// dropped with the next one.)
    pub(in crate::chan) fn remove(&self, select: &SelectWait) {
        select.poison();
        // SeqCst: read before the list is taken. Not model-checked: the models observe a rendezvous only, whose tickets
        // order it too.
        let missed = self.missed.load(SeqCst);
        // Not model-checked: the models observe a rendezvous only, whose tickets order it too.
        self.take(mark(), |node| {
            if !node.select.is_over() {
                self.put(node);
            }
        });
        // SeqCst: read after the list is put back, so this thread or the one that tells sees the other. Not
        // model-checked: the models observe a rendezvous only, whose tickets order it too.
        if self.missed.load(SeqCst) != missed {
            // Not model-checked: the models observe a rendezvous only, whose tickets order it too.
            self.tell();
        }
    }

    /// Takes the list, and leaves `instead`. Whether the list was marked.
    #[track_caller]
    fn take(&self, instead: *mut Node, mut each: impl FnMut(TrackedBox<Node>)) -> bool {
        // SeqCst: a thread that changes the channel does so and then takes the list. Acquire, by that: the nodes are
        // made. Not model-checked: the models observe a rendezvous only, whose tickets order it too.
        let mut at = self.first.swap(instead, SeqCst);
        while !at.is_null() && at != mark() {
            // SAFETY: nodes in the list come from `add`, by `into_raw`, and the swap above took the list, so this thread
            // alone has them.
            let node = unsafe { TrackedBox::from_raw(at) };
            at = node.next;
            each(node);
        }
        !at.is_null()
    }
}

/// Ends a list that an observer has in its hands.
fn mark() -> *mut Node {
    dangling_mut()
}

impl Drop for Observers {
    fn drop(&mut self) {
        // Not model-checked: the channel is dropped, so no other thread has the list.
        self.take(null_mut(), drop);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chan::select::state::OwnWait;

    #[test]
    fn a_watcher_that_comes_and_goes_wakes_nobody() {
        let observers = Observers::new();
        let selects: Vec<OwnWait> = (0..3).map(|_| OwnWait::begin(|| None)).collect();
        let is_woken = |select: &OwnWait| select.parker().is_woken();
        selects.iter().for_each(|select| observers.add(select.wait()));
        for _ in 0..2 {
            let visitor = OwnWait::begin(|| None);
            observers.add(visitor.wait());
            observers.remove(visitor.wait());
            assert!(!is_woken(&visitor));
        }
        observers.remove(selects[0].wait());
        assert!(!selects.iter().any(is_woken), "nothing has changed");
        observers.notify();
        assert_eq!([0, 1, 2].map(|n| is_woken(&selects[n])), [false, true, true]);
        assert!(observers.first.load(SeqCst).is_null());
    }
}
