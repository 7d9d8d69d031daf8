//! Ownership of a channel by its handles: a count for each side, and one of those that keep the memory.
//!
//! A side is open as long as it has a handle. All handles of a side together keep the memory once, and each weak
//! handle keeps it once more.

use crate::chan::algorithm::cell::{RECEIVER, SENDER};
use crate::chan::algorithm::chan::Chan;
use crate::chan::algorithm::deferred;
use crate::queue::Party;
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

struct Shared<T> {
    senders: AtomicUsize,
    receivers: AtomicUsize,
    /// The sides that have handles, and the weak handles: the last of them frees the channel.
    keepers: AtomicUsize,
    chan: Chan<T>,
}

impl<T> Shared<T> {
    fn count(&self, party: Party) -> &AtomicUsize {
        match party {
            SENDER => &self.senders,
            RECEIVER => &self.receivers,
        }
    }
}

/// A side of a channel: [`Sends`] or [`Receives`].
pub(in crate::chan) trait Side {
    const PARTY: Party;
    /// Does what is due when the side has lost its last handle.
    fn end<T>(chan: &Chan<T>);
}

/// The side of the senders.
pub(in crate::chan) enum Sends {}

/// The side of the receivers.
pub(in crate::chan) enum Receives {}

impl Side for Sends {
    const PARTY: Party = SENDER;

    fn end<T>(chan: &Chan<T>) {
        let _closed_before = chan.close();
    }
}

impl Side for Receives {
    const PARTY: Party = RECEIVER;

    fn end<T>(chan: &Chan<T>) {
        let _closed_before = chan.discard();
    }
}

/// A share in the channel as one of the handles of a side.
pub(in crate::chan) struct Share<T, S: Side>(NonNull<Shared<T>>, PhantomData<S>);

/// What keeps the memory of a channel, and neither of its sides open.
pub(in crate::chan) struct WeakShare<T, S: Side>(Keeper<T>, PhantomData<S>);

// SAFETY: handles share the channel, which moves values from thread to thread.
unsafe impl<T: Send, S: Side> Send for Share<T, S> {}
// SAFETY: a shared handle lets other threads do what an own one does; the channel synchronises them.
unsafe impl<T: Send, S: Side> Sync for Share<T, S> {}
// SAFETY: a weak handle becomes a handle, which may be sent because `T` may.
unsafe impl<T: Send, S: Side> Send for WeakShare<T, S> {}
// SAFETY: a shared weak handle is cloned and upgraded, which are atomic operations on the counts.
unsafe impl<T: Send, S: Side> Sync for WeakShare<T, S> {}

pub(in crate::chan) fn pair<T>(chan: Chan<T>) -> (Share<T, Sends>, Share<T, Receives>) {
    let shared = TrackedBox::into_raw(TrackedBox::new(Shared {
        senders: AtomicUsize::new(1),
        receivers: AtomicUsize::new(1),
        keepers: AtomicUsize::new(2),
        chan,
    }));
    // SAFETY: `into_raw` never returns null.
    let shared = unsafe { NonNull::new_unchecked(shared) };
    (Share(shared, PhantomData), Share(shared, PhantomData))
}

impl<T, S: Side> Share<T, S> {
    fn shared(&self) -> &Shared<T> {
        // SAFETY: the channel lives as long as either count is not zero, and this share is counted.
        unsafe { self.0.as_ref() }
    }

    fn count(&self) -> &AtomicUsize {
        self.shared().count(S::PARTY)
    }

    /// The number of handles of a side, at some moment.
    pub(in crate::chan) fn handles(&self, party: Party) -> usize {
        self.shared().count(party).load(Relaxed) // Relaxed: a number that may have changed when it is looked at.
    }

    pub(in crate::chan) fn downgrade(&self) -> WeakShare<T, S> {
        WeakShare(Keeper::add(self.0, self.shared()), PhantomData)
    }

    pub(in crate::chan) fn address(&self) -> usize {
        self.0.addr().get()
    }

    pub(in crate::chan) fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T, S: Side> Deref for Share<T, S> {
    type Target = Chan<T>;

    fn deref(&self) -> &Chan<T> {
        &self.shared().chan
    }
}

impl<T, S: Side> Clone for Share<T, S> {
    fn clone(&self) -> Self {
        // Relaxed: this share keeps the count above zero, and whoever gets the new one gets it through
        // some other synchronisation.
        add_to(self.count());
        Share(self.0, PhantomData)
    }
}

fn add_to(count: &AtomicUsize) {
    // Relaxed: the caller is counted, so the count is above zero; the new handle reaches other threads by some other
    // synchronisation.
    let before = count.fetch_add(1, Relaxed);
    assert!(before <= isize::MAX as usize, "more handles of a channel than memory could hold");
}

/// Keeps the memory of a channel until it is dropped; a destructor, so that it goes also if that of a value panics.
struct Keeper<T>(NonNull<Shared<T>>);

impl<T> Keeper<T> {
    fn add(at: NonNull<Shared<T>>, shared: &Shared<T>) -> Keeper<T> {
        add_to(&shared.keepers);
        Keeper(at)
    }

    fn shared(&self) -> &Shared<T> {
        // SAFETY: this keeper is counted in `keepers`, so nobody has freed the channel.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for Keeper<T> {
    fn drop(&mut self) {
        // The wakers of futures that were forgotten go with the channel.
        let _held = deferred::hold();
        // AcqRel: what every keeper did with the channel happens before the last one frees it.
        // site: drop-keeper
        if self.shared().keepers.fetch_sub(1, AcqRel) == 1 {
            // SAFETY: the count is zero: no side has a handle, no weak handle is left, and so nobody makes new ones.
            drop(unsafe { TrackedBox::from_raw(self.0.as_ptr()) });
        }
    }
}

impl<T, S: Side> WeakShare<T, S> {
    /// A handle of the side, if the side still has one.
    pub(in crate::chan) fn upgrade(&self) -> Option<Share<T, S>> {
        let count = self.0.shared().count(S::PARTY);
        let mut handles = count.load(Relaxed); // Relaxed: the exchange decides.
        while handles != 0 {
            // Relaxed: the handle that is counted keeps the side open, and what its thread did is published by
            // whatever the caller and that thread share besides.
            // site: upgrade-handle
            match count.compare_exchange_weak(handles, handles + 1, Relaxed, Relaxed) {
                Ok(_) => {
                    assert!(
                        handles <= isize::MAX as usize,
                        "more handles of a channel than memory could hold"
                    );
                    return Some(Share(self.0.0, PhantomData));
                }
                Err(found) => handles = found,
            }
        }
        None
    }
}

impl<T, S: Side> Clone for WeakShare<T, S> {
    fn clone(&self) -> Self {
        WeakShare(Keeper::add(self.0.0, self.0.shared()), PhantomData)
    }
}

impl<T, S: Side> Drop for Share<T, S> {
    fn drop(&mut self) {
        // AcqRel: what the other handles of this side did happens before the last one closes.
        // site: drop-handle
        if self.count().fetch_sub(1, AcqRel) != 1 {
            return;
        }
        // Dropped last, when the channel may be gone: user code does not touch it any more.
        let _held = deferred::hold();
        // The side's own keeper: `pair` counted one for each side.
        let _leave = Keeper(self.0);
        S::end(&**self);
    }
}
