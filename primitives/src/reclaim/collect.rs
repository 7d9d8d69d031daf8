//! The collections of a domain. The numbers I1, S1 and S2 are those of the parent module.

use super::list::{List, Node};
use super::pin::PinCounter;
use super::runner::{Runner, Running};
use crate::cache_padded::CachePadded;
use crate::first_panic::FirstPanic;
use crate::queue::push;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::shard;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize, fence};
use crate::rt::thread;
use core::ptr::null_mut;

pub(super) struct State<G> {
    /// A number whose lowest bit names the counters that readers use now.
    pub(super) epoch: AtomicUsize,
    /// Whether a thread collects.
    collecting: AtomicBool,
    /// The collector's (S1).
    limbo: UnsafeCell<Limbo<G>>,
    pub(super) shards: Box<[CachePadded<Shard<G>>]>,
    /// [`Runner`]s of threads without a shard of their own.
    runners: [AtomicU64; 8],
}

/// How far a collection goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// One round, and others if destructors ask for them.
    Due,
    /// Until a round finds nothing to drop.
    Exhaustive,
}

pub(super) struct Shard<G> {
    /// The readers, by the lowest bit of the epoch that they read.
    pub(super) pins: [PinCounter; 2],
    /// The garbage that was retired since the last collection.
    fresh: AtomicPtr<Node<G>>,
    /// How many objects were ever retired.
    pub(super) retired: AtomicUsize,
    /// The [`Runner`] of the shard's own thread.
    runner: AtomicU64,
}

/// Garbage that readers may still see.
struct Limbo<G> {
    /// It has seen neither kind of counters at zero.
    seen_by_both: List<G>,
    /// It has seen the counters at zero that the epoch names now.
    seen_by_one: List<G>,
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
    pub(super) fn collect(&self, shard: usize, extent: Extent) {
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
            limbo.seen_by_both.prepend(List::of(shard.fresh.swap(null_mut(), Acquire)));
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
    pub(super) fn shard(&self, shard: usize) -> &Shard<G> {
        &self.shards[shard & (self.shards.len() - 1)]
    }
}

impl<G> Shard<G> {
    pub(super) fn push(&self, garbage: G) {
        let node = TrackedBox::into_raw(Node::new(garbage));
        // SAFETY: S2: the node is in no list yet, so it is this thread's.
        let link = |first| unsafe { Node::link(node, first) };
        // Release: I1; publishes the node, and the unlinking of its garbage, to the collector, whose Acquire swap in
        // `advance` takes it. With Relaxed the collector could read an uninitialized node (mutant at `push-garbage`).
        push(&self.fresh, node, Release, link); // site: push-garbage
    }
}

impl<G> Drop for Shard<G> {
    fn drop(&mut self) {
        drop(List::of(self.fresh.with_mut(|first| *first)));
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
