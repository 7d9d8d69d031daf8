//! A context that can be cancelled: its state, and the channel that is closed when it is done.

use super::cancel::{self, Ended};
use super::error::{Cause, Error};
use super::family::{Call, Kin, Kindred, NOWHERE, Rest};
use super::later;
use crate::chan::{Lapse, Receiver, Sender, bounded, deferred};
use crate::rt::alloc::TrackedBox;
use crate::rt::bubble::Owner;
use crate::rt::spec::Flag;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::sync::atomic::{AtomicPtr, AtomicU8, AtomicUsize};
use crate::rt::time::now;
use crate::rt::timer::Timer;
use crate::rt::twin::is_twin;
use crate::rt::until::Nudge;
use crate::sync::Mutex;
use core::ptr::{NonNull, null_mut};
use std::time::Instant;

/// The context is not done.
const LIVE: u8 = 0;
/// It is done, for this reason; its channel may still be open.
const CANCELED: u8 = 1;
const EXCEEDED: u8 = 2;
/// It is done, and its channel is closed.
const SETTLED: u8 = 4;
/// So are all those below.
const OVER: u8 = 8;

/// Returns the state of a context that is done for this reason.
const fn state_of(error: Error) -> u8 {
    match error {
        Error::Canceled => CANCELED,
        Error::DeadlineExceeded => EXCEEDED,
    }
}

/// Returns the reason, if it is the state of a context that is done.
const fn error_of(state: u8) -> Option<Error> {
    match state & !(SETTLED | OVER) {
        LIVE => None,
        CANCELED => Some(Error::Canceled),
        _ => Some(Error::DeadlineExceeded),
    }
}

/// A context that can be cancelled.
pub(super) struct Node {
    state: AtomicU8,
    /// What the lock protects; a canceller keeps it locked until all those below are cancelled.
    pub(super) family: Mutex<Family>,
    /// The channel that is closed when the context is done, once somebody has asked for it; written under the lock.
    signal: AtomicPtr<Signal>,
    is_signal_made: Flag,
    /// The handles that can cancel it: the last one does when it is dropped.
    pub(super) handles: AtomicUsize,
    /// The context above; `None`: none that is cancelled through its [`Kindred`].
    parent: Option<Arc<Node>>,
    /// Its place there; written and read under the parent's lock.
    place: AtomicUsize,
    /// The bubble in which the context was made.
    pub(super) owner: Owner,
    pub(super) times: Times,
}

/// When a context is done by the clock.
#[derive(Clone, Default)]
pub(super) struct Times {
    /// The deadline to tell: the earliest of its own and those above.
    pub(super) deadline: Option<Instant>,
    /// The earliest of its own deadline and those that the contexts above watch. A thread that sees that it has passed cancels.
    pub(super) lapse: Option<Instant>,
    /// Whether the lapse is of its own.
    pub(super) is_own: bool,
    /// The cause that its own deadline gives.
    pub(super) cause: Option<Cause>,
}

/// What a context's lock protects.
pub(super) struct Family {
    kindred: Kindred,
    cause: Option<Cause>,
    /// Lets go of a custom context above.
    pub(super) release: Option<Call>,
    /// Keeps the context while closures wait for it that it owns.
    pub(super) pin: Option<Arc<Node>>,
    /// Whether the context above does not keep this one.
    is_detached: bool,
    /// What cancels the context at its deadline, though nobody looks at the clock.
    pub(super) timer: Option<Arc<Timer>>,
}

impl Family {
    /// Returns whether the family holds on to nothing.
    pub(super) fn is_free(&self) -> bool {
        self.release.is_none() && self.pin.is_none() && self.timer.is_none()
    }

    /// Returns what keeps the context for its closures, if it has none any more.
    fn unpin(&mut self) -> Option<Arc<Node>> {
        if self.kindred.has_calls() { None } else { self.pin.take() }
    }
}

/// The channel that is closed when a context is done.
struct Signal {
    sender: Sender<()>,
    receiver: Receiver<()>,
}

impl Node {
    /// Makes a context below `parent`, which is done already if that one is. `begun`: a time that has come, if the caller knows
    /// one.
    pub(super) fn below(parent: Option<Arc<Node>>, times: Times, begun: Option<Instant>) -> Arc<Node> {
        let node = Arc::new(Node {
            state: AtomicU8::new(LIVE),
            family: Mutex::new(Family {
                kindred: Kindred::new(),
                cause: None,
                release: None,
                pin: None,
                is_detached: false,
                timer: None,
            }),
            signal: AtomicPtr::new(null_mut()),
            is_signal_made: Flag::new(),
            handles: AtomicUsize::new(1),
            parent,
            place: AtomicUsize::new(NOWHERE),
            owner: Owner::here(),
            times,
        });
        if let Some(parent) = &node.parent {
            Node::observe(parent);
            if let Err(ended) = parent.adopt(&node) {
                node.end_new(&ended);
            }
        }
        if node.times.lapse.is_some_and(|lapse| begun.is_none_or(|begun| lapse <= begun)) {
            Node::observe(&node);
        }
        node
    }

    /// Ends a new context, on which nothing depends, since the one above is done: whatever its own deadline.
    pub(super) fn end_new(&self, ended: &Ended) {
        let mut held = None;
        let _none = self.end(&mut self.family.lock(), ended, &mut held);
    }

    fn adopt(&self, child: &Arc<Node>) -> Result<(), Ended> {
        let mut family = self.family.lock();
        let ended = self.ended(&family).filter(|_| !is_twin()); // site: look-before-adopting
        if let Some(ended) = ended {
            return Err(ended);
        }
        let place = family.kindred.add(Kin::Child(Arc::clone(child)));
        // Relaxed: written and read under this node's lock.
        child.place.store(place, Relaxed);
        Ok(())
    }

    /// Leaves the context above, which need not cancel this one any more.
    pub(super) fn leave(&self) {
        let Some(parent) = &self.parent else { return };
        let mut family = parent.family.lock();
        // Relaxed: written and read under the parent's lock.
        let left = family.kindred.remove(self.place.load(Relaxed));
        drop(family);
        drop(left);
    }

    /// Leaves it to the users of the context to keep it, and not to the one above.
    pub(super) fn detach(&self) {
        let Some(parent) = &self.parent else { return };
        let mut own = self.family.lock();
        own.is_detached = true;
        let pin = own.unpin();
        drop(own);
        drop(pin);
        let mut family = parent.family.lock();
        // Relaxed: written and read under the parent's lock.
        let kept = family.kindred.detach(self.place.load(Relaxed));
        drop(family);
        drop(kept);
    }

    /// Lets `call` run once the context is done; returns its place. Or gives it back, if the context is done.
    pub(super) fn call_when_done(this: &Arc<Node>, call: Call) -> Result<usize, Call> {
        let mut family = this.family.lock();
        // site: look-before-calling
        if !this.is_live() && !is_twin() {
            return Err(call);
        }
        // A context with none above it and without handles is never cancelled, so its closures need not keep it.
        if this.parent.is_some() && family.pin.is_none() {
            family.pin = Some(Arc::clone(this));
        }
        Ok(family.kindred.add(Kin::Call(call)))
    }

    /// Keeps what ends the wait of a thread until the context is done; `None`: it is done.
    pub(super) fn watch(&self, nudge: Nudge) -> Option<usize> {
        let mut family = self.family.lock();
        self.is_live().then(|| family.kindred.add(Kin::Nudge(nudge)))
    }

    /// Takes a call back, unless the context is done.
    pub(super) fn take_back(&self, place: usize) -> Option<Kin> {
        let mut family = self.family.lock();
        let call = family.kindred.remove(place);
        let pin = if family.is_detached { family.unpin() } else { None };
        drop(family);
        drop(pin);
        call
    }

    /// Returns whether the context is not done yet. The caller has the lock.
    pub(super) fn is_live(&self) -> bool {
        // Relaxed: written under the lock.
        self.state.load(Relaxed) == LIVE
    }

    /// Waits until the cancellation of a context is through that is done, or about to be; returns `false` if it is neither.
    pub(super) fn awaits_cancellation(&self) -> bool {
        // Acquire: synchronizes with the Release in `settle` or `set_over`, so that the ends of all those below happen before the
        // caller goes on: with Relaxed it could still find one live (mutant). A caller that misses the end finds it under the lock.
        let state = self.state.load(Acquire); // site: read-over
        if state & OVER == 0 && state != LIVE {
            // The canceller has the lock until all those below are done.
            drop(self.family.lock());
        }
        state != LIVE
    }

    /// Notes that all those below are done. The caller has had the lock since the context ended.
    pub(super) fn set_over(&self) {
        // Relaxed: written under the lock.
        let state = self.state.load(Relaxed);
        // Release: publishes the ends of those below to the Acquire load in `awaits_cancellation` (mutant).
        self.state.store(state | OVER, Release); // site: set-over
    }

    /// Returns how many depend on the context.
    pub(super) fn kindred(&self) -> usize {
        self.family.lock().kindred.len()
    }

    fn ended(&self, family: &Family) -> Option<Ended> {
        // Relaxed: written under the lock that the caller has.
        let error = error_of(self.state.load(Relaxed))?;
        Some(Ended { error, cause: family.cause.clone() })
    }

    /// Returns why the context is done, if it is. A deadline that has passed takes effect first.
    #[inline]
    pub(super) fn error(this: &Arc<Node>) -> Option<Error> {
        // Acquire: synchronizes with the Release in `settle`, so that what the canceller did before happens before the
        // caller goes on.
        let state = this.state.load(Acquire); // site: read-state
        if state == LIVE && this.times.lapse.is_none() {
            return None;
        }
        Node::error_beside(this, state)
    }

    #[cold]
    fn error_beside(this: &Arc<Node>, mut state: u8) -> Option<Error> {
        if state == LIVE {
            Node::observe(this);
            // Acquire: synchronizes with the Release in `settle`. Not model-checked: in no model a deadline passes while
            // another thread ends the context.
            state = this.state.load(Acquire);
        }
        // site: await-close
        if matches!(state, CANCELED | EXCEEDED) && !is_twin() {
            // The canceller closes the channel under the lock.
            drop(this.family.lock());
        }
        error_of(state)
    }

    /// Returns what made the context done, if it is. A deadline that has passed takes effect first.
    pub(super) fn cause(this: &Arc<Node>) -> Option<Cause> {
        let error = Node::error(this)?;
        let cause = this.family.lock().cause.clone();
        Some(cause.unwrap_or(Cause::from(error)))
    }

    /// Returns when the clock will make the context done, if nobody does before.
    pub(super) fn next_lapse(&self) -> Option<Instant> {
        let lapse = self.times.lapse?;
        // Relaxed: a hint. A caller that misses the end looks again at the instant.
        (self.state.load(Relaxed) == LIVE).then_some(lapse)
    }

    /// Lets a deadline take effect that has passed, and returns the time if there is one that could.
    pub(super) fn observe(this: &Arc<Node>) -> Option<Instant> {
        let lapse = this.next_lapse()?;
        let time = now();
        // site: observe-lapse
        if lapse > time || is_twin() {
            return Some(time);
        }
        let mut owner = this;
        // site: find-owner
        while let (false, Some(parent)) = (owner.times.is_own || is_twin(), &owner.parent) {
            owner = parent;
        }
        let cause = owner.times.cause.clone();
        cancel::cancel(owner, Ended { error: Error::DeadlineExceeded, cause }, Some(time));
        Some(time)
    }

    /// Returns how a context ends that is to be cancelled now, for the reason `ended`: its own deadline may have passed
    /// before.
    pub(super) fn ending(&self, ended: Ended, now: impl FnOnce() -> Instant) -> Ended {
        let has_passed = self.times.is_own && self.times.lapse.is_some_and(|lapse| lapse <= now());
        // site: prefer-deadline
        if has_passed && !is_twin() {
            return Ended { error: Error::DeadlineExceeded, cause: self.times.cause.clone() };
        }
        ended
    }

    /// Ends the context, of which the caller has the lock, and returns those that depend on it; `None`: it has ended
    /// before. If tasks may wait for it, their wakers are held back by `held`, until the caller drops that without a lock.
    pub(super) fn end(
        &self,
        family: &mut Family,
        ended: &Ended,
        held: &mut Option<deferred::Held>,
    ) -> Option<Rest> {
        // Relaxed: written under the lock.
        // site: look-before-ending
        if self.state.load(Relaxed) != LIVE && !is_twin() {
            return None;
        }
        family.cause.clone_from(&ended.cause);
        let rest = family.kindred.take();
        let early = is_twin(); // site: over-early
        let settled = if rest.is_empty() || early { SETTLED | OVER } else { SETTLED };
        // Relaxed: the signal is written under the lock.
        match self.signal(Relaxed) {
            None => self.settle(ended.error, settled),
            Some(signal) => {
                held.get_or_insert_with(deferred::hold);
                // Relaxed: before the channel is closed, so that a thread that finds it closed, which the close happens
                // before, finds the reason. A thread that reads the state without that takes the lock, and knows then that
                // the channel is closed.
                self.state.store(state_of(ended.error), Relaxed); // site: set-reason
                let closes = !is_twin(); // site: close-signal
                if closes {
                    let _first = signal.sender.close();
                }
                self.settle(ended.error, settled);
            }
        }
        Some(rest)
    }

    fn settle(&self, error: Error, settled: u8) {
        // Release: publishes the close, and what the canceller did before, to the Acquire load in `error`.
        self.state.store(state_of(error) | settled, Release); // site: settle
    }

    fn signal(&self, order: crate::rt::sync::atomic::Ordering) -> Option<&Signal> {
        // Not model-checked: engines do not watch the fields of a signal, which Acquire makes visible.
        let signal = self.signal.load(order);
        // SAFETY: a signal that was put here stays until the node is dropped. It was put here by `make_signal`: the caller
        // has the lock, under which that is done, or has passed Acquire.
        unsafe { signal.as_ref() }
    }

    /// Returns the channel that is closed when the context is done.
    #[inline]
    pub(super) fn done(this: &Arc<Node>) -> &Receiver<()> {
        // Acquire: pairs with the Release in `make_signal`: the channel is made. Not model-checked: the engines do not see
        // what is read through the reference.
        match this.signal(Acquire) {
            Some(signal) => &signal.receiver,
            None => Node::make_signal(this),
        }
    }

    #[cold]
    fn make_signal(this: &Arc<Node>) -> &Receiver<()> {
        let family = this.family.lock();
        // Relaxed: the signal is written under the lock. Not model-checked: in no model two threads make it at once.
        if let Some(signal) = this.signal(Relaxed) {
            return &signal.receiver;
        }
        let (sender, receiver) = this.owner.lets_make(|| bounded(0));
        // SAFETY: the address of an `Arc`'s value is not null.
        let inside = unsafe { NonNull::new_unchecked(Arc::as_ptr(this).cast_mut()) };
        let receiver = receiver.that_lapses(Box::new(Inside(inside)));
        if this.ended(&family).is_some() {
            let _first = sender.close();
        }
        this.is_signal_made.raise();
        let signal = TrackedBox::into_raw(TrackedBox::new(Signal { sender, receiver }));
        // Release: publishes the channel to the Acquire load in `done`. Not model-checked: the engines do not see what is
        // read through the reference.
        this.signal.store(signal, Release); // site: publish-signal
        drop(family);
        // SAFETY: a signal that was put here stays until the node is dropped.
        unsafe { &(*signal).receiver }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.family.get_mut().is_detached {
            self.leave();
        }
        // The contexts above are not dropped one inside the other: their chain may be long.
        if let Some(parent) = self.parent.take() {
            later::drop(later::Item::Node(parent));
        }
        if self.is_signal_made.is_needless() {
            return;
        }
        let signal = self.signal.with_mut(|signal| *signal);
        if !signal.is_null() {
            // SAFETY: no other thread uses what is being dropped, and the pointer came from `into_raw` in `make_signal`.
            drop(unsafe { TrackedBox::from_raw(signal) });
        }
    }
}

/// The node that a receiver is inside of.
struct Inside(NonNull<Node>);

// SAFETY: the pointer is used as the shared reference to a node that it was made of, and `Node` is `Sync` and `Send`.
unsafe impl Send for Inside {}
// SAFETY: a shared pointer gives shared references to the node, and `Node` is `Sync`.
unsafe impl Sync for Inside {}

impl Inside {
    fn node(&self) -> Arc<Node> {
        let pointer = self.0.as_ptr().cast_const();
        // SAFETY: the receiver with this is a part of the node, and is borrowed, so an owner of the node lives. The pointer
        // came from `Arc::as_ptr`.
        unsafe { Arc::increment_strong_count(pointer) };
        // SAFETY: the owner was added just now, and is taken back once.
        unsafe { Arc::from_raw(pointer) }
    }
}

impl Lapse for Inside {
    fn deadline(&self) -> Option<Instant> {
        // SAFETY: the receiver with this is a part of the node, and is borrowed, so the node lives.
        unsafe { self.0.as_ref() }.next_lapse()
    }

    fn lapse(&self) {
        Node::observe(&self.node());
    }

    #[cfg(feature = "async")]
    fn push(&self) {
        cancel::push(&self.node());
    }

    fn share(&self) -> Box<dyn Lapse> {
        Box::new(Outside(self.node()))
    }
}

/// The node that a receiver by itself keeps.
struct Outside(Arc<Node>);

impl Lapse for Outside {
    fn deadline(&self) -> Option<Instant> {
        self.0.next_lapse()
    }

    fn lapse(&self) {
        Node::observe(&self.0);
    }

    #[cfg(feature = "async")]
    fn push(&self) {
        cancel::push(&self.0);
    }

    fn share(&self) -> Box<dyn Lapse> {
        Box::new(Outside(Arc::clone(&self.0)))
    }
}
