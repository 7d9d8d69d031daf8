//! Ownership of a channel by its handles: a count for each side, and one of those that keep the memory.
//!
//! A side is open as long as it has a handle. All handles of a side together keep the memory once, and each weak
//! handle keeps it once more.

use crate::chan::algorithm::cell::{RECEIVER, SENDER};
use crate::chan::algorithm::chan::Chan;
use crate::chan::algorithm::{deferred, specified};
use crate::queue::Party;
use crate::rt::alloc::TrackedBox;
use crate::rt::spec::{HandleNumber, unseen};
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{AcqRel, Relaxed};
use crate::spec::chan as spec;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
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
    const SPECIFIED: spec::Side;
    /// Does what is due when the side has lost its last handle.
    fn end<T>(chan: &Chan<T>);
}

/// The side of the senders.
pub(in crate::chan) enum Sends {}

/// The side of the receivers.
pub(in crate::chan) enum Receives {}

impl Side for Sends {
    const PARTY: Party = SENDER;
    const SPECIFIED: spec::Side = spec::Side::Senders;

    fn end<T>(chan: &Chan<T>) {
        let _closed_before = chan.close();
    }
}

impl Side for Receives {
    const PARTY: Party = RECEIVER;
    const SPECIFIED: spec::Side = spec::Side::Receivers;

    fn end<T>(chan: &Chan<T>) {
        let _closed_before = chan.discard();
    }
}

/// A share in the channel as one of the handles of a side.
pub(in crate::chan) struct Share<T, S: Side>(NonNull<Shared<T>>, HandleNumber, PhantomData<S>);

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
    let count = || [AtomicUsize::new(1), AtomicUsize::new(1), AtomicUsize::new(2)];
    let [senders, receivers, keepers] = if chan.spec.counts_handles() { unseen(count) } else { count() };
    let shared = TrackedBox::into_raw(TrackedBox::new(Shared { senders, receivers, keepers, chan }));
    // SAFETY: the pointer comes from a box, by `into_raw`, and a box's is never null.
    let shared = unsafe { NonNull::new_unchecked(shared) };
    let first = HandleNumber::default();
    (Share(shared, first, PhantomData), Share(shared, first, PhantomData))
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
        if let Some(spec) = self.spec.specified() {
            return spec.count(if party == SENDER { Sends::SPECIFIED } else { Receives::SPECIFIED });
        }
        self.shared().count(party).load(Relaxed) // Relaxed: a number that may have changed when it is looked at.
    }

    pub(in crate::chan) fn downgrade(&self) -> WeakShare<T, S> {
        WeakShare(Keeper::add(self.0, self.shared(), S::SPECIFIED), PhantomData)
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
        if self.spec.counts_handles() {
            return Share(self.0, self.spec.count_clone(S::SPECIFIED), PhantomData);
        }
        // Relaxed: this share keeps the count above zero, and a thread that gets the new share gets it through some
        // other synchronisation.
        add_to(self.count());
        Share(self.0, HandleNumber::default(), PhantomData)
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
    fn add(at: NonNull<Shared<T>>, shared: &Shared<T>, side: spec::Side) -> Keeper<T> {
        if shared.chan.spec.counts_handles() {
            shared.chan.spec.count_weak(side);
        } else {
            add_to(&shared.keepers);
        }
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
        let spec = &self.shared().chan.spec;
        if spec.counts_handles() {
            if spec.specified().is_some_and(|spec| spec.drop_weak()) {
                // SAFETY: the step of `drop_weak` says that no handle of either side, weak or not, is left.
                unsafe { free_specified(self.0) };
            }
            return;
        }
        // AcqRel: what every keeper did with the channel happens before the last one frees it.
        // site: drop-keeper
        if self.shared().keepers.fetch_sub(1, AcqRel) == 1 {
            // SAFETY: the count is zero: no side has a handle, no weak handle is left, and so nobody makes new ones.
            unsafe { free(self.0) };
        }
    }
}

/// Frees a channel.
///
/// # Safety
/// No handle of it is left, and this is called once.
unsafe fn free<T>(shared: NonNull<Shared<T>>) {
    // SAFETY: the memory comes from `pair`, and nobody uses it any more, by this function's contract.
    drop(unsafe { TrackedBox::from_raw(shared.as_ptr()) });
}

/// Frees a channel that was made as specified. Its real form owns nothing, and what the specified form has belongs to the
/// execution.
///
/// # Safety
/// No handle of it is left, and this is called once.
unsafe fn free_specified<T>(shared: NonNull<Shared<T>>) {
    #[cfg(feature = "async")]
    {
        // SAFETY: the channel is there, and no other thread uses it, by this function's contract.
        let chan = unsafe { &mut (*shared.as_ptr()).chan };
        let is_awaited = chan.spec.specified().is_some_and(|spec| !spec.sides.are_apart());
        if is_awaited {
            chan.farewell = crate::queue::LazyBox::new();
        }
    }
    // SAFETY: the memory comes from `pair`, and nobody uses it any more, by this function's contract. `ManuallyDrop` has
    // the layout of what it holds.
    drop(unsafe { TrackedBox::from_raw(shared.as_ptr().cast::<ManuallyDrop<Shared<T>>>()) });
}

impl<T, S: Side> WeakShare<T, S> {
    /// A handle of the side, if the side still has one.
    pub(in crate::chan) fn upgrade(&self) -> Option<Share<T, S>> {
        let shared = self.0.shared();
        if shared.chan.spec.counts_handles() {
            let upgraded = shared.chan.spec.specified().is_some_and(|spec| spec.upgrade(S::SPECIFIED));
            return upgraded.then(|| Share(self.0.0, HandleNumber::default(), PhantomData));
        }
        let count = shared.count(S::PARTY);
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
                    return Some(Share(self.0.0, HandleNumber::default(), PhantomData));
                }
                Err(found) => handles = found,
            }
        }
        None
    }
}

impl<T, S: Side> Clone for WeakShare<T, S> {
    fn clone(&self) -> Self {
        WeakShare(Keeper::add(self.0.0, self.0.shared(), S::SPECIFIED), PhantomData)
    }
}

impl<T, S: Side> Drop for Share<T, S> {
    fn drop(&mut self) {
        if self.spec.counts_handles() {
            return self.drop_specified();
        }
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

impl<T, S: Side> Share<T, S> {
    /// Drops the handle by a step, which knows whether it is the last one. A handle that is left when its execution is
    /// over leaves the channel there.
    #[cold]
    fn drop_specified(&mut self) {
        // The share in the specified form outlives the channel, which another handle may free after the step.
        let spec = self.spec.clone();
        let Some(spec) = spec.specified() else { return };
        let _held = deferred::hold();
        let dropped = spec.drop_handle(S::SPECIFIED, self.1);
        specified::wake(spec, dropped.wakes);
        if dropped.frees {
            // SAFETY: of the steps that dropped a handle of this channel, weak or not, this is the last, and one only
            // is. Each thread has used the channel for the last time before its step.
            unsafe { free_specified(self.0) };
        }
        dropped.values.into_iter().for_each(|value| deferred::protect(|| drop(value)));
    }
}
