//! Values that came to a receive that nobody waits for any more: a future that was dropped, a selected operation
//! that was not completed. They go to the next receiver, before all others.
//!
//! A value is *lent* as long as it has been received and may still come back: from the moment at which it is handed to a
//! future that waits, or held by a selected operation, until somebody has taken it for good. A closed channel with a value
//! on loan does not count as empty yet, and receivers wait there.

use super::core::{Chan, Sent};
use super::deferred;
use super::select::handle::{Hold, Slot};
use super::send::Offered;
use crate::queue::State;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};
use core::mem::ManuallyDrop;
use core::ptr::{null_mut, with_exposed_provenance_mut};

/// One that has come, in a [`Census`]; the count of those that are here is in the bits below.
const COME: u64 = 1 << 32;

/// How many values are here, and how many have come so far.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Census(u64);

impl Census {
    pub(super) fn bits(self) -> u64 {
        self.0
    }

    pub(super) fn here(self) -> usize {
        (self.0 % COME) as usize
    }
}

/// Such values, with the tickets of their receives, in a list. A value counts as returned once the census counts it, after it
/// is in the list. A receiver first takes one off the census, and then looks for a value whose node's `taken` it sets: the
/// list has at least as many as were counted and not yet found, so it finds one, and the others are there for all meanwhile.
///
/// SeqCst on both sides: whoever returns a value puts it here and then looks for receivers that wait; who is about
/// to wait says so and then looks here: one of them sees the other.
///
/// Nodes leave the list at its front, and then wait in *limbo* until a thread takes the whole limbo and then reads that
/// nobody walks: whoever walks since has not found them in the list.
pub(super) struct Returned<T> {
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

// SAFETY: a value belongs to whoever sets its node's `taken`; values move from thread to thread.
unsafe impl<T: Send> Send for Returned<T> {}
// SAFETY: no two threads share a value, since one of them sets `taken`.
unsafe impl<T: Send> Sync for Returned<T> {}

/// A thread that walks along the list.
struct Walk<'a, T>(&'a Returned<T>);

impl<T> Returned<T> {
    pub(super) fn new() -> Returned<T> {
        Returned {
            census: AtomicU64::new(0),
            first: AtomicPtr::new(null_mut()),
            walkers: AtomicUsize::new(0),
            limbo: AtomicPtr::new(null_mut()),
        }
    }

    #[inline]
    pub(super) fn census(&self) -> Census {
        Census(self.census.load(SeqCst))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.census().here() == 0
    }

    /// Whether a value has come since, or is here.
    pub(super) fn has_news(&self, since: Census) -> bool {
        let now = self.census();
        now.here() != 0 || now.0 / COME != since.0 / COME
    }

    fn put(&self, value: T, ticket: u64) {
        let node = TrackedBox::into_raw(TrackedBox::new(Node {
            value: UnsafeCell::new(ManuallyDrop::new(value)),
            ticket,
            taken: AtomicBool::new(false),
            next: null_mut(),
            limbo_next: AtomicPtr::new(null_mut()),
        }));
        let mut first = self.first.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: the node is ours until it is in the list.
            unsafe { (*node).next = first };
            // SeqCst: a walk that begins after the census counts the node finds it. Release, by that: the node is made.
            match self.first.compare_exchange(first, node, SeqCst, Relaxed) {
                Ok(_) => break,
                Err(other) => first = other,
            }
        }
        // SeqCst: see `Returned`.
        self.census.fetch_add(COME + 1, SeqCst); // site: give-value-back
    }

    /// Takes the one that was received first, with the ticket of its receive.
    fn take(&self) -> Option<(T, u64)> {
        let mut census = self.census();
        loop {
            if census.here() == 0 {
                return None;
            }
            // SeqCst: see `Returned`. A failed exchange means that a value has come or was taken.
            match self.census.compare_exchange(census.0, census.0 - 1, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(found) => census = Census(found),
            }
        }
        self.walkers.fetch_add(1, SeqCst); // SeqCst: comes before the reads of the list.
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
        // SeqCst, twice: the limbo is taken before the walkers are read.
        let mut at = self.limbo.swap(null_mut(), SeqCst);
        let quiet = self.walkers.load(SeqCst) == 0;
        while !at.is_null() {
            // SAFETY: whoever takes the limbo owns its nodes. Relaxed: the swap has acquired them.
            let next = unsafe { &*at }.limbo_next.load(Relaxed);
            if quiet {
                // SAFETY: the node is in no list, and nobody walks who could have found it there.
                drop(unsafe { TrackedBox::from_raw(at) });
            } else {
                self.bury(at);
            }
            at = next;
        }
    }

    /// Puts a node in limbo that its caller has taken out of the list, or of the limbo.
    fn bury(&self, node: *mut Node<T>) {
        let mut top = self.limbo.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: nobody frees the node before it is in limbo. Relaxed: the exchange publishes it.
            unsafe { &*node }.limbo_next.store(top, Relaxed);
            // Release: publishes the link to whoever takes the limbo.
            match self.limbo.compare_exchange(top, node, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => top = other,
            }
        }
    }
}

impl<T> Walk<'_, T> {
    fn first(&self) -> *mut Node<T> {
        self.0.first.load(SeqCst) // SeqCst: after the walk has begun. Acquire, by that: the nodes are made.
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
        // Release: we may still read the node, which whoever drops it from the list acquires.
        // site: take-returned
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
        while let Some(node) = unsafe { at.as_ref() }.filter(|node| node.taken.load(Acquire)) {
            // SeqCst: see `Returned` on limbo.
            match self.0.first.compare_exchange(at, node.next, SeqCst, SeqCst) {
                Ok(_) => {
                    self.0.bury(at);
                    at = node.next;
                }
                Err(found) => at = found,
            }
        }
    }
}

impl<T> Drop for Walk<'_, T> {
    fn drop(&mut self) {
        // SeqCst: whoever leaves last looks at the limbo after that.
        if self.0.walkers.fetch_sub(1, SeqCst) == 1 && !self.0.limbo.load(SeqCst).is_null() {
            self.0.collect();
        }
    }
}

impl<T> Drop for Returned<T> {
    fn drop(&mut self) {
        while let Some((value, _)) = self.take() {
            deferred::protect(|| drop(value));
        }
        self.collect();
    }
}

/// A value that a case of a select holds, which does not know its type.
struct Held<T> {
    value: T,
    ticket: u64,
}

impl<T> Chan<T> {
    /// Takes a value that came back, with the ticket of the receive that had it.
    #[cold]
    pub(super) fn take_returned(&self) -> Option<(T, u64)> {
        let taken = self.returned.take()?;
        self.end_loan();
        Some(taken)
    }

    /// The same for a case of a select, which does not know the type of the value; it stays on loan.
    #[cold]
    pub(super) fn hold_returned(&self, slot: &mut Slot) -> bool {
        let Some((value, ticket)) = self.returned.take() else { return false };
        let held = TrackedBox::into_raw(TrackedBox::new(Held { value, ticket }));
        slot.set(held.expose_provenance() as u64, Hold::Returned);
        true
    }

    /// The value that the case holds, with the ticket of the receive that had it; it is still on loan.
    pub(super) fn held_returned(&self, slot: &Slot) -> (T, u64) {
        debug_assert!(slot.hold == Hold::Returned, "the case holds a value that came back");
        let held: *mut Held<T> = with_exposed_provenance_mut(slot.ticket as usize);
        // SAFETY: the pointer is from `hold_returned`, and the case gives it up.
        let Held { value, ticket } = TrackedBox::into_inner(unsafe { TrackedBox::from_raw(held) });
        (value, ticket)
    }

    /// Gives a value back that is on loan, and that the receive with this ticket got: for the next receiver.
    #[cold]
    pub(super) fn give_back(&self, value: T, ticket: u64) {
        // A receiver that waits gets it, as if it were sent now; one that comes later does not see it before.
        let Err(value) = self.resend(value) else { return self.end_loan() };
        self.returned.put(value, ticket);
        // A receiver that has begun to wait meanwhile may have looked before the value was there.
        while self.sent().ticket() < self.received() {
            let Some((value, ticket)) = self.returned.take() else { return };
            match self.resend(value) {
                Ok(()) => self.end_loan(),
                Err(value) => self.returned.put(value, ticket),
            }
        }
        self.watchers.notify();
    }

    /// Sends a value that came back to a receiver that waits, also in a closed channel.
    fn resend(&self, mut value: T) -> Result<(), T> {
        loop {
            let Some(ticket) = self.resend_ticket() else { return Err(value) };
            // SAFETY: the ticket is ours alone.
            let Ok(place) = (unsafe { self.array.locate(super::cell::SENDER, ticket) }) else { continue };
            // SAFETY: the slot belongs to the ticket's sender until it hands the value over.
            unsafe { place.cell().put(value) };
            let mut state = place.cell().load();
            loop {
                match self.offer(place, state, ticket, None, true) {
                    Offered::Sent => return Ok(()),
                    Offered::Broken => break,
                    // Relaxed: nothing is handed over.
                    // site: break-cell-to-resend
                    Offered::MustWait(found) => match place.cell().exchange(
                        found,
                        found.with_phase(super::cell::Phase::Broken as u8),
                        Relaxed,
                    ) {
                        Ok(()) => break,
                        Err(found) => state = found,
                    },
                }
            }
            // SAFETY: the value was not handed over, so the slot is ours, and full.
            value = unsafe { place.cell().take() };
            self.withdraw_send(place, ticket);
        }
    }

    /// Whether nothing will come any more on a channel whose counter of sends was this: it is closed, and nothing that
    /// was sent may still come back. Whoever lends a value counts the loan and then looks whether the channel is closed.
    #[inline]
    pub(super) fn is_over(&self, sent: Sent) -> bool {
        sent.is_closed() && !self.has_loans()
    }

    pub(super) fn has_loans(&self) -> bool {
        self.loans.load(SeqCst) != 0
    }

    /// Lends a value to a receive that may give it back, unless the channel is closed; a value that is `again` handed over
    /// is on loan already, so that nobody has taken the channel for empty.
    #[cold]
    pub(super) fn lend(&self, again: bool) -> bool {
        self.loans.fetch_add(1, SeqCst); // SeqCst: see `is_over`.
        let lent = again || !self.sent().is_closed();
        if !lent {
            self.end_loan();
        }
        lent
    }

    /// A value will not come back any more, or is lent by one loan more.
    #[cold]
    pub(super) fn end_loan(&self) {
        // SeqCst: `close` sets the closed bit and then reads this: one of the two sends the receivers home. Release, by
        // that: what was done with the value happens before a receive that fails because of it.
        // site: end-loan
        if self.loans.fetch_sub(1, SeqCst) == 1 && self.sent().is_closed() {
            self.dismiss_all();
        }
    }
}

/// Whether the receiver that waits in this state may give back what it gets.
pub(super) fn borrows(waits: State) -> bool {
    waits.is_seen()
}
