//! When may memory be freed that other threads may still be reading? Reclamation for lock-free structures.
//!
//! A reader [pins](Domain::pin) the domain for as long as it follows shared pointers. Who has unlinked something, so
//! that no new reader can find it, [retires](Domain::retire) it; it is dropped when every reader that was pinned
//! then has gone. Nobody waits for anybody: a thread that is stopped while pinned delays what is dropped, and nothing
//! else. Each structure has a domain of its own, so its garbage goes with it, and a model starts afresh.
//!
//! # How
//! A pin counts itself in one of two counters of its lane (threads are spread over lanes, a cache line each), the
//! one that the epoch names. Who collects takes all that was retired, and then looks at the counters that the epoch
//! does not name. If all are zero, it turns the epoch: readers use those from now on, and the others drain. Garbage
//! that has seen both kinds at zero is dropped: whoever could have found it was counted in one of them. It is the
//! scheme of Linux's sleepable RCU (McKenney, 2006), with collectors that give up instead of waiting.
//!
//! A counter is the sum of two words: one that only the lane's own thread writes, so that it needs no
//! read-modify-write, and one for all others: threads without a lane to themselves, and those that drop a pin that was
//! sent to them. Who collects reads the latter first: then all that may be missing or too much in between makes the
//! sum larger, never smaller, and zero means that whoever was counted before has gone.
//!
//! # What a user promises
//! - Pointers are unlinked before what they point to is retired.
//! - Pinned readers load pointers with SeqCst. A pin is counted with SeqCst too, and a collector has a SeqCst fence
//!   between taking the garbage and looking at the counters: so it sees the pin of whoever loaded a pointer
//!   before it was unlinked.
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
//!     // SAFETY: the pointer was loaded while pinned, so what it points to is not dropped before the pin.
//!     assert_eq!(unsafe { *shared.load(SeqCst) }, 1);
//! }
//! let old = shared.swap(TrackedBox::into_raw(TrackedBox::new(2)), AcqRel);
//! // SAFETY: it was unlinked, and is retired once.
//! domain.retire(unsafe { TrackedBox::from_raw(old) });
//! # // SAFETY: nobody else is left.
//! # drop(unsafe { TrackedBox::from_raw(shared.into_inner()) });
//! ```

use crate::first_panic::FirstPanic;
use crate::queue::LazyBox;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};
use crate::rt::thread;
use core::fmt;
use core::ptr::null_mut;
use crossbeam_utils::CachePadded;

/// The garbage of one structure. One word until it is first used; then a cache line for each processor.
///
/// See the [module](self).
pub struct Domain<G>(LazyBox<State<G>>, usize);

/// A reader that may follow pointers. See [`Domain::pin`].
#[must_use = "what a reader finds may be dropped when this is"]
pub struct Pin<'a> {
    pins: &'a Pins,
    /// Whose the lane is, if it was the lane's own thread that pinned.
    owner: usize,
}

/// The readers of a lane, of one kind; see the [module](self).
#[derive(Default)]
struct Pins {
    owned: AtomicUsize,
    others: AtomicUsize,
}

struct State<G> {
    /// The lowest bit names the counters that readers use now.
    epoch: AtomicUsize,
    collecting: AtomicBool,
    /// Whoever is collecting has it.
    waiting: UnsafeCell<Waiting<G>>,
    lanes: Box<[CachePadded<Lane<G>>]>,
    /// Threads without a lane of their own that run destructors: the number of each, from 1, above the bit [`AGAIN`].
    runners: [AtomicU64; 8],
}

/// The lane's own thread runs destructors.
const OWNER: u64 = 2;
/// A thread has been asked to collect while it ran destructors, and will when they have returned.
const AGAIN: u64 = 1;

/// A thread that runs destructors.
struct Running<'a> {
    slot: &'a AtomicU64,
    me: u64,
}

impl Running<'_> {
    /// Whether a destructor has asked for a collection since the last time.
    fn is_due_again(&self) -> bool {
        let due = self.slot.load(Relaxed) & AGAIN != 0;
        self.slot.store(self.me, Relaxed);
        due
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.slot.store(0, Relaxed);
    }
}

struct Lane<G> {
    /// Readers, by the epoch that they saw.
    pins: [Pins; 2],
    /// What was retired since the last collection.
    fresh: AtomicPtr<Node<G>>,
    /// How much was ever retired: a collection is due now and then.
    retired: AtomicUsize,
    /// Whether the lane's own thread runs destructors: 0, or [`OWNER`], with [`AGAIN`] or without.
    runner: AtomicU64,
}

impl<G> Default for Lane<G> {
    fn default() -> Self {
        Lane {
            pins: Default::default(),
            fresh: AtomicPtr::new(null_mut()),
            retired: AtomicUsize::new(0),
            runner: AtomicU64::new(0),
        }
    }
}

struct Waiting<G> {
    /// Readers of both kinds may see it.
    none: List<G>,
    /// Only readers of the kind that the epoch does not name may see it.
    one: List<G>,
}

struct Node<G> {
    next: UnsafeCell<*mut Node<G>>,
    _garbage: G,
}

/// Garbage that the list owns.
struct List<G>(*mut Node<G>);

// SAFETY: garbage is moved to whoever collects, and shared by nobody.
unsafe impl<G: Send> Send for Domain<G> {}
// SAFETY: as above.
unsafe impl<G: Send> Sync for Domain<G> {}

impl<G> List<G> {
    const EMPTY: List<G> = List(null_mut());

    fn take_all(&mut self) -> List<G> {
        core::mem::replace(self, List::EMPTY)
    }

    /// Moves all of another list to the front of this one.
    fn prepend(&mut self, other: List<G>) {
        let mut last = other.0;
        if last.is_null() {
            return;
        }
        // SAFETY: the lists own their nodes.
        unsafe {
            loop {
                match (*last).next.with(|next| *next) {
                    next if next.is_null() => break,
                    next => last = next,
                }
            }
            (*last).next.with_mut(|next| *next = self.0);
        }
        self.0 = core::mem::ManuallyDrop::new(other).0;
    }
}

impl<G> Iterator for List<G> {
    type Item = TrackedBox<Node<G>>;

    fn next(&mut self) -> Option<TrackedBox<Node<G>>> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the list owns its nodes, and gives this one away.
        let node = unsafe { TrackedBox::from_raw(self.0) };
        // SAFETY: the list owned the node, so nobody else writes to it.
        self.0 = node.next.with(|next| unsafe { *next });
        Some(node)
    }
}

impl<G> Drop for List<G> {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_null() {
            return;
        }
        let mut panics = FirstPanic::none();
        panics.drop_each(self);
        panics.resume();
    }
}

impl<G> Default for State<G> {
    fn default() -> Self {
        State {
            epoch: AtomicUsize::new(0),
            collecting: AtomicBool::new(false),
            waiting: UnsafeCell::new(Waiting { none: List::EMPTY, one: List::EMPTY }),
            lanes: (0..shard::count()).map(|_| CachePadded::default()).collect(),
            runners: Default::default(),
        }
    }
}

impl<G> State<G> {
    /// Drops what no reader can see any more, in a loop, not a recursion: while destructors run, which may retire more, the
    /// thread only notes that a collection is due again. If it is to be `all`, what they retire is dropped too, due or not.
    fn collect(&self, lane: usize, all: bool) {
        let Some(running) = self.begin(lane) else { return };
        let mut panics = FirstPanic::none();
        loop {
            let free = self.take_free();
            let more = all && !free.0.is_null();
            panics.drop_each(free);
            if !running.is_due_again() && !more {
                break;
            }
        }
        drop(running);
        panics.resume();
    }

    /// Says that this thread, which has this number of a lane, runs destructors. `None` if it does already, and has been told
    /// to go on; or if there is no slot for it, since too many threads without a lane do: then what it would collect waits for
    /// the next collection.
    fn begin(&self, lane: usize) -> Option<Running<'_>> {
        // Relaxed, here and in `Running`: nothing is published; a slot that is read was written by this thread, or tells only
        // that it is another's.
        if let Some(Lane { runner, .. }) = self.lanes.get(lane).map(|lane| &**lane) {
            if runner.load(Relaxed) != 0 {
                runner.store(OWNER | AGAIN, Relaxed);
                return None;
            }
            runner.store(OWNER, Relaxed);
            return Some(Running { slot: runner, me: OWNER });
        }
        let me = (thread::number() + 1) << 1;
        if let Some(mine) = self.runners.iter().find(|slot| slot.load(Relaxed) & !AGAIN == me) {
            mine.store(me | AGAIN, Relaxed);
            return None;
        }
        let free = self.runners.iter().find(|slot| slot.compare_exchange(0, me, Relaxed, Relaxed).is_ok());
        free.map(|slot| Running { slot, me })
    }

    /// What no reader can see any more; nothing, if another thread is about it.
    fn take_free(&self) -> List<G> {
        // Acquire: pairs with the store below: what the last one who collected has left is ours.
        // site: begin-collecting
        if self.collecting.swap(true, Acquire) {
            return List::EMPTY;
        }
        let mut free = List::EMPTY;
        // SAFETY: we are the one who collects.
        self.waiting.with_mut(|waiting| unsafe { while self.turn(&mut *waiting, &mut free) {} });
        self.collecting.store(false, Release);
        free
    }

    /// Turns the epoch, if readers allow it; whether another turn may free more.
    fn turn(&self, waiting: &mut Waiting<G>, free: &mut List<G>) -> bool {
        // Acquire: pairs with the Release of `push`: what was unlinked is so for the fence.
        for lane in &self.lanes {
            waiting.none.prepend(List(lane.fresh.swap(null_mut(), Acquire)));
        }
        let epoch = self.epoch.load(Relaxed); // Relaxed: only who collects changes it.
        // See the module: whoever is not counted below finds nothing of what we have.
        fence(SeqCst); // site: fence-before-counting-pins
        if !self.lanes.iter().all(|lane| lane.pins[(epoch + 1) & 1].are_none()) {
            return false;
        }
        free.prepend(waiting.one.take_all());
        waiting.one = waiting.none.take_all();
        // Relaxed: any epoch does for a reader; this one lets the others drain.
        self.epoch.store(epoch.wrapping_add(1), Relaxed);
        !waiting.one.0.is_null()
    }

    /// The one of a thread that has this number of a lane, its own or not.
    fn lane(&self, lane: usize) -> &Lane<G> {
        &self.lanes[lane & (self.lanes.len() - 1)]
    }
}

impl<G> Lane<G> {
    fn push(&self, garbage: G) {
        let node = TrackedBox::into_raw(TrackedBox::new(Node {
            next: UnsafeCell::new(null_mut()),
            _garbage: garbage,
        }));
        let mut first = self.fresh.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: nobody else has the node yet.
            unsafe { (*node).next.with_mut(|next| *next = first) };
            // Release: the node is written, and its garbage unlinked, for whoever collects.
            // site: push-garbage
            match self.fresh.compare_exchange(first, node, Release, Relaxed) {
                Ok(_) => return,
                Err(found) => first = found,
            }
        }
    }
}

impl<G> Drop for Lane<G> {
    fn drop(&mut self) {
        drop(List(self.fresh.with_mut(|first| *first)));
    }
}

impl<G> Drop for State<G> {
    fn drop(&mut self) {
        self.waiting.with_mut(|waiting| {
            // SAFETY: nobody else is left.
            unsafe { drop(((*waiting).none.take_all(), (*waiting).one.take_all())) }
        });
    }
}

impl<G> Domain<G> {
    constructor! {
        /// A domain with no readers and no garbage.
        ///
        /// ```
        /// let domain = selvedge::reclaim::Domain::<Box<i32>>::new();
        /// drop(domain.pin());
        /// ```
        pub fn new() -> Domain<G> {
            Domain(LazyBox::new(), 1)
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// static GARBAGE: selvedge::reclaim::Domain<Box<i32>> = selvedge::reclaim::Domain::const_new();
    /// GARBAGE.retire(Box::new(1));
    /// ```
    pub const fn const_new() -> Domain<G> {
        Domain(LazyBox::const_new(), 1)
    }

    /// The same domain, but one that collects only after a thread has retired so many things: for what is retired
    /// often, and need not be dropped soon. (Under an engine every time.)
    ///
    /// ```
    /// use selvedge::reclaim::Domain;
    /// static GARBAGE: Domain<Box<i32>> = Domain::const_new().collecting_every(64);
    /// GARBAGE.retire(Box::new(1));
    /// ```
    ///
    /// # Panics
    /// If that is none.
    #[track_caller]
    pub const fn collecting_every(mut self, count: usize) -> Domain<G> {
        assert!(count > 0, "a collection is due after at least one thing");
        self.1 = count;
        self
    }

    /// Announces a reader: what is found from now on is not dropped before the pin is.
    ///
    /// Two stores to a cache line that is mostly this thread's own, one of them SeqCst; for threads beyond the number of
    /// processors, two read-modify-writes. Pins may be nested.
    ///
    /// ```
    /// let domain = selvedge::reclaim::Domain::<i32>::new();
    /// let (_one, _two) = (domain.pin(), domain.pin());
    /// ```
    pub fn pin(&self) -> Pin<'_> {
        let state = self.0.make();
        let (number, lanes) = (shard::of_thread(), state.lanes.len());
        let pins = &state.lanes[number & (lanes - 1)].pins;
        let pins = &pins[state.epoch.load(Relaxed) & 1]; // Relaxed: either does.
        pins.pin(if number < lanes { number } else { NOBODY })
    }

    /// Drops something when no reader can see it any more. It has been unlinked: readers that pin from now on do
    /// not find it. If nobody is pinned, and no other thread collects, that is now; in a destructor that the domain runs, as
    /// soon as that has returned. Each destructor runs, though one before it panics; the first panic comes out.
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
    pub fn retire(&self, garbage: G) {
        let state = self.0.make();
        let number = shard::of_thread();
        let lane = state.lane(number);
        lane.push(garbage);
        // Relaxed: it counts.
        if lane.retired.fetch_add(1, Relaxed).is_multiple_of(shard::interval(self.1)) {
            state.collect(number, false);
        }
    }

    /// Drops what no reader can see any more, and what the destructors retire, unless another thread is about it. In a
    /// destructor that the domain runs it returns at once, and what it would drop is dropped when that destructor has
    /// returned.
    ///
    /// ```
    /// selvedge::reclaim::Domain::<i32>::new().collect();
    /// ```
    pub fn collect(&self) {
        if let Some(state) = self.0.get() {
            state.collect(shard::of_thread(), true);
        }
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

/// Not the number of a thread with a lane.
const NOBODY: usize = usize::MAX;

impl Pins {
    #[inline]
    fn pin(&self, owner: usize) -> Pin<'_> {
        // SeqCst: see the module: who collects sees us, or we do not see what it takes.
        if owner == NOBODY {
            self.others.fetch_add(1, SeqCst); // site: pin-without-lane
        } else {
            // Relaxed: nobody else writes it.
            let owned = self.owned.load(Relaxed);
            self.owned.store(owned.wrapping_add(1), SeqCst); // site: pin
        }
        Pin { pins: self, owner }
    }

    /// Whether all readers that were counted before have gone.
    fn are_none(&self) -> bool {
        // Acquire, twice: pairs with the end of each pin: what it read was before.
        let others = self.others.load(Acquire);
        let owned = self.owned.load(Acquire);
        owned.wrapping_add(others) == 0
    }
}

impl Drop for Pin<'_> {
    #[inline]
    fn drop(&mut self) {
        // Release, here and below: what we read was before whoever sees us gone drops it.
        if self.owner == shard::of_thread() {
            // Relaxed: nobody else writes it.
            let owned = self.pins.owned.load(Relaxed);
            self.pins.owned.store(owned.wrapping_sub(1), Release); // site: unpin
        } else {
            self.pins.others.fetch_sub(1, Release); // site: unpin-without-lane
        }
    }
}

impl fmt::Debug for Pin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}
