//! Reclamation for lock-free structures: drops memory when no other thread may still read it.
//!
//! A reader [pins](Domain::pin) the domain for as long as it follows shared pointers. A thread that has unlinked an
//! object, so that no later reader can find it, [retires](Domain::retire) it. The domain drops the object when every
//! reader that was pinned then has gone. No thread waits for another: a thread that is stopped while it is pinned
//! delays drops, and nothing else. Each structure has a domain of its own, so its garbage is dropped with it, and a
//! model starts afresh.
//!
//! # How
//! Threads are spread over shards, a cache line or more each. A shard has two counters of readers. A pin counts itself
//! in the counter that the lowest bit of the *epoch* names. A thread that collects takes all garbage that was retired,
//! and then reads the counters that the epoch does not name. If all of them are zero, the collector advances the epoch:
//! readers that pin from then on use those counters, and the others drain. Garbage is dropped when it has seen both
//! kinds of counters at zero. This is the scheme of Linux's sleepable RCU (McKenney, 2006), with collectors that give
//! up instead of waiting.
//!
//! A counter is the sum of two words. `owned` is written only by the shard's own thread, which needs no
//! read-modify-write for it. `others` is written by all other threads: by those that have no shard to themselves, and
//! by those that drop a pin that was sent to them.
//!
//! - **I1 (a pin is seen, or the pointer is not).** A reader pins by a SeqCst write and then loads the pointer with
//!   SeqCst. The thread that retires garbage has unlinked it before; a collector takes the garbage by an Acquire swap,
//!   which the unlinking happens before, and then has a SeqCst fence before it reads the counters. If the collector's
//!   read misses the pin, the fence precedes the pin in the order of SeqCst operations, and so the reader's load, which
//!   then cannot read a pointer from before the unlinking. So a reader whose pin is missed finds none of the garbage
//!   that was taken.
//! - **I2 (zero means gone).** A collector reads `others` before `owned`. A pin that ends on another thread counts up
//!   in one word and down in `others`; a collector that reads the end from `others`, by an Acquire, also reads the
//!   beginning. So the sum of what it reads is never less than the number of pins whose beginning, but not whose end,
//!   it has read. If the sum is zero, all pins that it has seen begin have ended.
//! - **I3 (order).** A pin ends by a Release write, and a collector reads the counters with Acquire. So whatever a
//!   reader did while it was pinned happens before the garbage is dropped.
//! - **S1 (limbo).** The thread that has changed `collecting` from `false` to `true` has `limbo` alone, until it stores
//!   `false` again.
//! - **S2 (lists).** A list owns its nodes, and no other list has them. A node that is not in a list yet belongs to the
//!   thread that made it.
//!
//! # What a user promises
//! - An object is unlinked before it is retired.
//! - Pinned readers load pointers with SeqCst (I1).
//!
//! ```
//! use selvedge::reclaim::Domain;
//! use selvedge::rt::alloc::TrackedBox;
//! use selvedge::rt::sync::atomic::{AtomicPtr, Ordering::{AcqRel, SeqCst}};
//!
//! let domain = Domain::new();
//! let shared = AtomicPtr::new(TrackedBox::into_raw(TrackedBox::new(1)));
//! {
//!     let _pin = domain.pin();
//!     // SAFETY: the pointer was loaded while `_pin` existed, so its object is not dropped before `_pin`.
//!     assert_eq!(unsafe { *shared.load(SeqCst) }, 1);
//! }
//! let old = shared.swap(TrackedBox::into_raw(TrackedBox::new(2)), AcqRel);
//! // SAFETY: the swap has unlinked the object, so this thread owns it, and retires it once.
//! domain.retire(unsafe { TrackedBox::from_raw(old) });
//! # // SAFETY: no other thread has the pointer.
//! # drop(unsafe { TrackedBox::from_raw(shared.into_inner()) });
//! ```

mod collect;
mod list;
mod pin;
mod runner;

use crate::queue::LazyBox;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::Relaxed;
use crate::spec;
use collect::{Extent, State};
use core::fmt;
use pin::Owner;

pub use pin::Pin;

/// The garbage of one structure. A word or two until it is first used; then a cache line or more for each processor.
///
/// The [module](self) tells how a domain works.
pub struct Domain<G> {
    state: LazyBox<State<G>>,
    /// A thread collects each time it has retired this many objects.
    collect_every: usize,
    spec: spec::Garbage<G>,
}

// SAFETY: a domain owns its garbage, and is sent with it.
unsafe impl<G: Send> Send for Domain<G> {}
// SAFETY: S1, S2: garbage moves from the thread that retires it to the one that collects (`G: Send`), and no two
// threads share it.
unsafe impl<G: Send> Sync for Domain<G> {}

impl<G> Domain<G> {
    constructor! {
        /// Creates a domain without readers and garbage.
        ///
        /// ```
        /// let domain = selvedge::reclaim::Domain::<Box<i32>>::new();
        /// drop(domain.pin());
        /// ```
        pub fn new() -> Domain<G> {
            Domain { state: LazyBox::new(), collect_every: 1, spec: spec::Garbage::real() }
        }
    }

    constructor! {
        /// Creates the domain of a structure whose garbage has no destructor that a program could see: under a checker it may
        /// be kept to the end.
        pub(crate) fn of_plain_garbage() -> Domain<G> {
            Domain { state: LazyBox::new(), collect_every: 1, spec: spec::Garbage::new() }
        }
    }

    /// Creates a domain for a static.
    ///
    /// ```
    /// static GARBAGE: selvedge::reclaim::Domain<Box<i32>> = selvedge::reclaim::Domain::const_new();
    /// GARBAGE.retire(Box::new(1));
    /// ```
    pub const fn const_new() -> Domain<G> {
        Domain { state: LazyBox::const_new(), collect_every: 1, spec: spec::Garbage::real() }
    }

    /// Makes a thread collect only each time it has retired `count` objects: for objects that are retired often and
    /// need not be dropped soon. (Under an engine a thread collects every time.)
    ///
    /// ```
    /// use selvedge::reclaim::Domain;
    /// static GARBAGE: Domain<Box<i32>> = Domain::const_new().collecting_every(64);
    /// GARBAGE.retire(Box::new(1));
    /// ```
    ///
    /// # Panics
    /// If `count` is zero.
    #[track_caller]
    pub const fn collecting_every(mut self, count: usize) -> Domain<G> {
        assert!(count > 0, "a collection is due after at least one object");
        self.collect_every = count;
        self
    }

    /// Announces a reader: an object that it finds from now on is not dropped before the returned pin is.
    ///
    /// A pin costs two stores to a cache line that is mostly this thread's own, one of them SeqCst; for threads beyond
    /// the number of processors, two read-modify-writes. Pins may be nested.
    ///
    /// ```
    /// let domain = selvedge::reclaim::Domain::<i32>::new();
    /// let (_one, _two) = (domain.pin(), domain.pin());
    /// ```
    pub fn pin(&self) -> Pin<'_> {
        if self.spec.is_kept() {
            return Pin::needless();
        }
        let state = self.state.make();
        let number = shard::of_thread();
        // Relaxed: a reader may use either kind of counters.
        let kind = state.epoch.load(Relaxed) & 1;
        match state.shards.get(number) {
            Some(own) => own.pins[kind].pin(Owner(number)),
            None => state.shard(number).pins[kind].pin(Owner::NONE),
        }
    }

    /// Drops an object when no reader can see it any more.
    ///
    /// The caller has unlinked the object: readers that pin from now on do not find it. If no thread is pinned and no
    /// other thread collects, the object is dropped in this call; in a destructor that the domain runs, as soon as that
    /// has returned. If destructors panic, each runs, and the first panic is resumed.
    ///
    /// ```
    /// use std::rc::Rc;
    /// let (domain, value) = (selvedge::reclaim::Domain::new(), Rc::new(1));
    /// let pin = domain.pin();
    /// domain.retire(Rc::clone(&value));
    /// assert_eq!(Rc::strong_count(&value), 2);
    /// drop(pin);
    /// domain.collect();
    /// assert_eq!(Rc::strong_count(&value), 1);
    /// ```
    #[doc(alias("defer_destroy", "defer"))]
    pub fn retire(&self, garbage: G) {
        let Err(garbage) = self.spec.keep(garbage) else { return };
        let state = self.state.make();
        let number = shard::of_thread();
        let shard = state.shard(number);
        shard.push(garbage);
        // Relaxed: a statistic, which publishes nothing.
        if shard.retired.fetch_add(1, Relaxed).is_multiple_of(shard::interval(self.collect_every)) {
            state.collect(number, Extent::Due);
        }
    }

    /// Drops the garbage that no reader can see any more, and what its destructors retire, unless another thread
    /// collects.
    ///
    /// In a destructor that the domain runs `collect` returns at once, and the garbage is dropped when that destructor
    /// has returned.
    ///
    /// ```
    /// selvedge::reclaim::Domain::<i32>::new().collect();
    /// ```
    pub fn collect(&self) {
        if self.spec.is_kept() {
            return;
        }
        if let Some(state) = self.state.get() {
            state.collect(shard::of_thread(), Extent::Exhaustive);
        }
    }

    /// Returns whether garbage is kept to the domain's end.
    #[inline(always)]
    pub(crate) fn keeps_garbage(&self) -> bool {
        self.spec.is_kept()
    }

    /// Takes the real form from now on, since the program can see when this garbage is dropped.
    pub(crate) fn look(&self) {
        self.spec.look();
    }
}

impl<G> Default for Domain<G> {
    fn default() -> Self {
        Domain::new()
    }
}

impl<G> fmt::Debug for Domain<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Domain").finish_non_exhaustive()
    }
}
