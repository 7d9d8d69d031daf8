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

use crate::cache_padded::CachePadded;
use crate::first_panic::FirstPanic;
use crate::queue::{LazyBox, push};
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::shard;
use crate::rt::spec::HandleNumber;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};
use crate::rt::thread;
use crate::spec;
use core::fmt;
use core::ptr::null_mut;

/// The garbage of one structure. A word or two until it is first used; then a cache line or more for each processor.
///
/// The [module](self) tells how a domain works.
pub struct Domain<G> {
    state: LazyBox<State<G>>,
    /// A thread collects each time it has retired this many objects.
    collect_every: usize,
    spec: spec::Garbage<G>,
}

/// Lets a reader follow pointers until it is dropped; made by [`Domain::pin`].
#[must_use = "objects that a reader finds may be dropped when its pin is"]
pub struct Pin<'a> {
    counter: &'a PinCounter,
    owner: Owner,
    /// 1 if the domain keeps its garbage, so that there is nothing to announce.
    is_needless: HandleNumber,
}

/// The number of the shard whose own thread has pinned, or [`NONE`](Self::NONE) if it was another thread.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Owner(usize);

impl Owner {
    const NONE: Owner = Owner(usize::MAX);
}

/// Counts the readers of a shard, of one kind, in the sum of two words.
#[derive(Default)]
struct PinCounter {
    /// Written by the shard's own thread alone.
    owned: AtomicUsize,
    /// Written by all other threads.
    others: AtomicUsize,
}

/// What the pins of domains refer to that keep their garbage.
static NO_READERS: PinCounter =
    PinCounter { owned: AtomicUsize::const_new(0), others: AtomicUsize::const_new(0) };

struct State<G> {
    /// A number whose lowest bit names the counters that readers use now.
    epoch: AtomicUsize,
    /// Whether a thread collects.
    collecting: AtomicBool,
    /// The collector's (S1).
    limbo: UnsafeCell<Limbo<G>>,
    shards: Box<[CachePadded<Shard<G>>]>,
    /// [`Runner`]s of threads without a shard of their own.
    runners: [AtomicU64; 8],
}

/// A thread that runs destructors, and whether it is to collect again when they have returned.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Runner(u64);

impl Runner {
    /// No thread runs destructors.
    const NONE: Runner = Runner(0);
    /// The shard's own thread.
    const OWNER: Runner = Runner(2);
    /// The bit that asks for another collection.
    const DUE: u64 = 1;

    /// Returns the mark of a thread without a shard of its own.
    const fn of_thread(number: u64) -> Runner {
        Runner((number + 1) << 1)
    }

    const fn asked_again(self) -> Runner {
        Runner(self.0 | Runner::DUE)
    }

    const fn is_asked_again(self) -> bool {
        self.0 & Runner::DUE != 0
    }

    /// Returns the thread's mark alone.
    const fn thread(self) -> Runner {
        Runner(self.0 & !Runner::DUE)
    }
}

/// Marks the calling thread as one that runs destructors, until it is dropped.
///
/// Every access to a slot is Relaxed and publishes nothing: a thread acts on a mark only if it is its own, and every
/// other mark tells it only that the slot is taken.
struct Running<'a> {
    slot: &'a AtomicU64,
    thread: Runner,
}

impl Running<'_> {
    /// Returns whether a destructor has asked for a collection since the last call.
    fn take_request(&self) -> bool {
        let asked = Runner(self.slot.load(Relaxed)).is_asked_again(); // Relaxed: this thread has written the mark.
        self.slot.store(self.thread.0, Relaxed); // Relaxed: only this thread acts on the mark.
        asked
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.slot.store(Runner::NONE.0, Relaxed); // Relaxed: a free slot publishes nothing.
    }
}

/// How far a collection goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// One round, and others if destructors ask for them.
    Due,
    /// Until a round finds nothing to drop.
    Exhaustive,
}

struct Shard<G> {
    /// The readers, by the lowest bit of the epoch that they read.
    pins: [PinCounter; 2],
    /// The garbage that was retired since the last collection.
    fresh: AtomicPtr<Node<G>>,
    /// How many objects were ever retired.
    retired: AtomicUsize,
    /// The [`Runner`] of the shard's own thread.
    runner: AtomicU64,
}

impl<G> Default for Shard<G> {
    fn default() -> Self {
        Shard {
            pins: Default::default(),
            fresh: AtomicPtr::new(null_mut()),
            retired: AtomicUsize::new(0),
            runner: AtomicU64::new(Runner::NONE.0),
        }
    }
}

/// Garbage that readers may still see.
struct Limbo<G> {
    /// It has seen neither kind of counters at zero.
    seen_by_both: List<G>,
    /// It has seen the counters at zero that the epoch names now.
    seen_by_one: List<G>,
}

struct Node<G> {
    next: UnsafeCell<*mut Node<G>>,
    _garbage: G,
}

/// A list that owns its nodes (S2).
struct List<G>(*mut Node<G>);

// SAFETY: a domain owns its garbage, and is sent with it.
unsafe impl<G: Send> Send for Domain<G> {}
// SAFETY: S1, S2: garbage moves from the thread that retires it to the one that collects (`G: Send`), and no two
// threads share it.
unsafe impl<G: Send> Sync for Domain<G> {}

impl<G> List<G> {
    const EMPTY: List<G> = List(null_mut());

    const fn is_empty(&self) -> bool {
        self.0.is_null()
    }

    fn take_all(&mut self) -> List<G> {
        core::mem::replace(self, List::EMPTY)
    }

    /// Moves all nodes of another list to the front of this one.
    fn prepend(&mut self, other: List<G>) {
        let mut last = other.0;
        if last.is_null() {
            return;
        }
        // SAFETY: S2: the two lists own their nodes, and this thread has both lists alone.
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
        // SAFETY: S2: the list owns its first node, from `into_raw`, and gives it up here, once.
        let node = unsafe { TrackedBox::from_raw(self.0) };
        // SAFETY: S2: the node was this list's, so no other thread has it.
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
            limbo: UnsafeCell::new(Limbo { seen_by_both: List::EMPTY, seen_by_one: List::EMPTY }),
            shards: (0..shard::count()).map(|_| CachePadded::default()).collect(),
            runners: Default::default(),
        }
    }
}

impl<G> State<G> {
    /// Drops the garbage that no reader can see any more.
    ///
    /// Destructors may retire more and ask for a collection. That only marks the thread, and this loop goes on, so
    /// collections do not nest.
    fn collect(&self, shard: usize, extent: Extent) {
        let Some(running) = self.begin_running(shard) else { return };
        let mut panics = FirstPanic::none();
        loop {
            let free = self.take_free();
            let more = extent == Extent::Exhaustive && !free.is_empty();
            panics.drop_each(free);
            if !running.take_request() && !more {
                break;
            }
        }
        drop(running);
        panics.resume();
    }

    /// Marks the calling thread, whose shard has the number `shard`, as one that runs destructors. Returns `None` if
    /// the thread runs some already, and asks it to collect again; or if too many threads without a shard run
    /// destructors, and the garbage waits for the next collection.
    fn begin_running(&self, shard: usize) -> Option<Running<'_>> {
        // Relaxed, throughout: [`Running`] says why no mark publishes anything.
        if let Some(Shard { runner, .. }) = self.shards.get(shard).map(|shard| &**shard) {
            if runner.load(Relaxed) != Runner::NONE.0 {
                runner.store(Runner::OWNER.asked_again().0, Relaxed);
                return None;
            }
            runner.store(Runner::OWNER.0, Relaxed);
            return Some(Running { slot: runner, thread: Runner::OWNER });
        }
        let thread = Runner::of_thread(thread::number());
        if let Some(own) = self.runners.iter().find(|slot| Runner(slot.load(Relaxed)).thread() == thread) {
            own.store(thread.asked_again().0, Relaxed);
            return None;
        }
        let is_taken =
            |slot: &&AtomicU64| slot.compare_exchange(Runner::NONE.0, thread.0, Relaxed, Relaxed).is_ok();
        self.runners.iter().find(is_taken).map(|slot| Running { slot, thread })
    }

    /// Returns the garbage that no reader can see any more, or an empty list if another thread collects.
    fn take_free(&self) -> List<G> {
        // Acquire: S1; pairs with the Release store below, so the last collector's accesses to `limbo` happen before
        // this one's. If the swap changes nothing, two threads collect at once (mutant at `begin-collecting`).
        // site: begin-collecting
        if self.collecting.swap(true, Acquire) {
            return List::EMPTY;
        }
        let mut free = List::EMPTY;
        // SAFETY: S1: this thread has changed `collecting` to `true`, so it has `limbo` alone.
        self.limbo.with_mut(|limbo| unsafe { while self.advance(&mut *limbo, &mut free) {} });
        // Release: S1; publishes this collector's accesses to `limbo` to the next one, whose Acquire is the swap above.
        self.collecting.store(false, Release);
        free
    }

    /// Takes the garbage that was retired, and advances the epoch if no reader of the kind that the epoch does not name
    /// is left. Moves garbage that has then seen both kinds at zero to `free`, and returns whether another call may
    /// free more.
    fn advance(&self, limbo: &mut Limbo<G>, free: &mut List<G>) -> bool {
        for shard in &self.shards {
            // Acquire: I1; pairs with the Release CAS in `push`, so the unlinking of the garbage happens before the
            // fence.
            limbo.seen_by_both.prepend(List(shard.fresh.swap(null_mut(), Acquire)));
        }
        let epoch = self.epoch.load(Relaxed); // Relaxed: only a collector changes it, and S1 orders collectors.
        // SeqCst: I1, with the reader's pin and load. Without the fence a reader's pin could be missed, and an object
        // that it has found be dropped (mutant at `fence-before-counting-pins`).
        fence(SeqCst); // site: fence-before-counting-pins
        if !self.shards.iter().all(|shard| shard.pins[(epoch + 1) & 1].is_zero()) {
            return false;
        }
        free.prepend(limbo.seen_by_one.take_all());
        limbo.seen_by_one = limbo.seen_by_both.take_all();
        // Relaxed: a reader may use either kind of counters; the new epoch only lets those of the old one drain.
        self.epoch.store(epoch.wrapping_add(1), Relaxed);
        !limbo.seen_by_one.is_empty()
    }

    /// Returns the shard that a thread with this number uses, whether it is the thread's own or not.
    fn shard(&self, shard: usize) -> &Shard<G> {
        &self.shards[shard & (self.shards.len() - 1)]
    }
}

impl<G> Shard<G> {
    fn push(&self, garbage: G) {
        let node = TrackedBox::into_raw(TrackedBox::new(Node {
            next: UnsafeCell::new(null_mut()),
            _garbage: garbage,
        }));
        let link = |first| {
            // SAFETY: S2: the node is in no list yet, so it is this thread's.
            unsafe { (*node).next.with_mut(|next| *next = first) };
        };
        // Release: I1; publishes the node, and the unlinking of its garbage, to the collector, whose Acquire swap in
        // `advance` takes it. With Relaxed the collector could read an uninitialized node (mutant at `push-garbage`).
        push(&self.fresh, node, Release, link); // site: push-garbage
    }
}

impl<G> Drop for Shard<G> {
    fn drop(&mut self) {
        drop(List(self.fresh.with_mut(|first| *first)));
    }
}

impl<G> Drop for State<G> {
    fn drop(&mut self) {
        self.limbo.with_mut(|limbo| {
            // SAFETY: the domain is being dropped, so no other thread has it, and none collects.
            unsafe { drop(((*limbo).seen_by_both.take_all(), (*limbo).seen_by_one.take_all())) }
        });
    }
}

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
            return Pin { counter: &NO_READERS, owner: Owner::NONE, is_needless: HandleNumber::new(1) };
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

impl PinCounter {
    #[inline]
    fn pin(&self, owner: Owner) -> Pin<'_> {
        // SeqCst, in both branches: I1, with the collector's fence in `advance`. With Release an object that this
        // reader finds could be dropped (mutants at `pin` and `pin-without-shard`).
        if owner == Owner::NONE {
            self.others.fetch_add(1, SeqCst); // site: pin-without-shard
        } else {
            let owned = self.owned.load(Relaxed); // Relaxed: only the shard's own thread, which is this one, writes it.
            self.owned.store(owned.wrapping_add(1), SeqCst); // site: pin
        }
        Pin { counter: self, owner, is_needless: HandleNumber::default() }
    }

    /// Returns whether all readers that the calling collector has seen begin have ended (I2).
    fn is_zero(&self) -> bool {
        // Acquire, twice: I2 and I3; pairs with the Release in `Pin::drop`. `others` is read before `owned` (I2).
        let others = self.others.load(Acquire);
        let owned = self.owned.load(Acquire);
        owned.wrapping_add(others) == 0
    }
}

impl Drop for Pin<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.is_needless.get() == 1 {
            return;
        }
        // Release, in both branches: I3, with the collector's Acquire in `is_zero`. With Relaxed the drop of an object
        // races with this reader's accesses (mutants at `unpin` and `unpin-without-shard`).
        if self.owner == Owner(shard::of_thread()) {
            // Relaxed: only the shard's own thread, which is this one, writes it.
            let owned = self.counter.owned.load(Relaxed);
            self.counter.owned.store(owned.wrapping_sub(1), Release); // site: unpin
        } else {
            self.counter.others.fetch_sub(1, Release); // site: unpin-without-shard
        }
    }
}

impl fmt::Debug for Pin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pin").finish_non_exhaustive()
    }
}
