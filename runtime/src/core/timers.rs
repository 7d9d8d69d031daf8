//! Timed waits and timers: the heap of a P's deadlines with the list of its timers, and the sleep of the M that waits for the
//! earliest. What T1 says of deadlines holds for timers: they share the lock and the earliest time.
//!
//! One of the Ms that sleep is the *poller*, which sleeps until the earliest deadline of all.
//!
//! T1. No deadline is lost. An M that adds a deadline publishes the earliest one of its heap, passes a SeqCst fence, and
//! looks how long the poller sleeps ([`PollerSleep::too_long`]). The poller announces its sleep, passes a SeqCst fence, and
//! looks at the earliest deadline of every heap ([`PollerSleep::begin`]). One of the fences comes first: either the poller
//! sees the deadline, or the M sees the sleep, and wakes the poller to look again. If no M is the poller, then one that is
//! awake becomes it before all sleep.
//!
//! A wait that ends before its deadline leaves its entry behind, which is *stale*: its timer finds the wait over. The heap
//! is cleaned whenever it has doubled.

use super::chain::Task;
use super::list_lock::ListLock;
use core::cmp::Reverse;
use core::fmt;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64, fence};
use selvedge::rt::timer::{Armed, Timer};
use std::collections::BinaryHeap;

/// A point in time, in nanoseconds since a moment that the machine chooses, and greater than 0.
pub type When = u64;

/// A deadline that never comes.
pub const NEVER: When = When::MAX;

/// No M sleeps in the poller.
const AWAKE: When = 0;

/// The deadline of a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// When the wait times out.
    pub when: When,
    /// The task that waits.
    pub task: Task,
    /// The number of its wait.
    pub wait: u64,
}

/// The deadlines of the tasks that parked on a P, and the timers that were made there.
pub struct Timers {
    heap: ListLock<Heap>,
    /// A time before which no deadline is, or [`NEVER`] if there is none; written under the lock.
    earliest: AtomicU64,
}

struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    /// The number of entries at which the heap is cleaned next.
    limit: usize,
    armed: Armed,
}

/// The fewest entries for which the heap is cleaned.
const WORTH_CLEANING: usize = 64;

/// Which M is the poller, and how long it sleeps.
pub struct PollerSleep {
    until: AtomicU64,
    /// One more than the number of the M, or [`NOBODY`].
    poller: AtomicU32,
}

const NOBODY: u32 = 0;

impl Timers {
    /// Returns a heap without deadlines.
    pub fn new() -> Timers {
        let heap = Heap { entries: BinaryHeap::new(), limit: WORTH_CLEANING, armed: Armed::new() };
        Timers { heap: ListLock::new(heap), earliest: AtomicU64::new(NEVER) }
    }

    /// Adds a deadline. The caller asks [`PollerSleep::too_long`] next. If the heap has doubled, keeps only entries that are
    /// `live`.
    pub fn add(&self, entry: Entry, live: impl Fn(&Entry) -> bool) {
        let mut heap = self.heap.lock();
        if heap.entries.len() >= heap.limit {
            heap.entries.retain(|entry| live(&entry.0));
            heap.limit = WORTH_CLEANING.max(2 * heap.entries.len());
        }
        heap.entries.push(Reverse(entry));
        self.publish(&heap);
    }

    /// Publishes the earliest deadline. A timer that was set to a later time counts with its earlier one, at which an M looks for it in
    /// vain, once.
    fn publish(&self, heap: &Heap) {
        let earliest = heap.entries.peek().map_or(NEVER, |entry| entry.0.when).min(heap.armed.lower_bound());
        // Relaxed: the fences of T1 order the store and the poller's load; a thread that takes deadlines has the lock.
        self.earliest.store(earliest, Relaxed); // site: publish-earliest
    }

    /// Takes a deadline that is due at `now`, the earliest first.
    pub fn take_due(&self, now: When) -> Option<Entry> {
        if self.earliest() > now {
            return None;
        }
        let mut heap = self.heap.lock();
        let due = heap.entries.peek().is_some_and(|entry| entry.0.when <= now);
        let taken = if due { heap.entries.pop() } else { None };
        self.publish(&heap);
        taken.map(|entry| entry.0)
    }

    /// Arms a timer for a time, or not at all ([`NEVER`]); returns whether it was armed. If it is armed now, the caller asks
    /// [`PollerSleep::too_long`] next.
    pub fn set(&self, timer: &Arc<Timer>, when: When) -> bool {
        let mut heap = self.heap.lock();
        let was_armed = heap.armed.set(timer, when);
        self.publish(&heap);
        was_armed
    }

    /// Takes out a timer that is due at `now`, the earliest first. The caller starts its closure.
    #[must_use = "the closure does not run"]
    pub fn take_due_timer(&self, now: When) -> Option<Arc<Timer>> {
        if self.earliest() > now {
            return None;
        }
        let mut heap = self.heap.lock();
        let timer = heap.armed.take_due(now);
        self.publish(&heap);
        timer
    }

    /// Takes all timers out, which the caller drops.
    #[must_use = "closures are dropped with the timers"]
    pub fn take_timers(&self) -> impl Iterator<Item = Arc<Timer>> + use<> {
        let mut heap = self.heap.lock();
        let all = heap.armed.take_all();
        self.publish(&heap);
        all
    }

    /// Returns the earliest deadline, or [`NEVER`]. It may be stale, and no deadline is earlier.
    pub fn earliest(&self) -> When {
        self.earliest.load(Relaxed) // Relaxed: the poller has passed the fence of T1 before.
    }

    /// Returns whether there is a timer, or a deadline that is `live`, under the lock: if not, then what a thread did before it took the
    /// last one happens before the return. The entries that are not live are thrown out, from the earliest on.
    pub fn is_waited_for(&self, live: impl Fn(&Entry) -> bool) -> bool {
        let mut heap = self.heap.lock();
        while heap.entries.peek().is_some_and(|entry| !live(&entry.0)) {
            heap.entries.pop();
        }
        self.publish(&heap);
        !heap.entries.is_empty() || !heap.armed.is_empty()
    }
}

impl PollerSleep {
    /// Returns the state while no M is the poller.
    pub fn new() -> PollerSleep {
        PollerSleep { until: AtomicU64::new(AWAKE), poller: AtomicU32::new(NOBODY) }
    }

    /// Makes the M `number`, which is about to sleep, the poller, and returns until when it sleeps at most: the earliest of
    /// the deadlines of `procs`. `None`: another M is the poller.
    pub fn begin<'a>(&self, number: u32, procs: impl IntoIterator<Item = &'a Timers>) -> Option<When> {
        // Acquire: synchronizes with the Release store in `end`, so that the stores of `until` below come after the last
        // poller's. Relaxed on failure: another M is the poller.
        self.poller.compare_exchange(NOBODY, number + 1, Acquire, Relaxed).ok()?; // site: become-poller
        // Relaxed: the fence orders the store, and that of the number, before the look.
        self.until.store(NEVER, Relaxed); // site: announce-sleep
        // SeqCst: the sleep is announced before, and the deadlines are read after (T1); pairs with the fence in
        // `too_long`.
        fence(SeqCst); // site: fence-before-sleep
        let earliest = procs.into_iter().map(Timers::earliest).min().unwrap_or(NEVER);
        // Relaxed: an M that reads the first store wakes the poller in vain at worst.
        self.until.store(earliest, Relaxed);
        Some(earliest)
    }

    /// Ends the sleep, for the poller.
    pub fn end(&self) {
        self.until.store(AWAKE, Relaxed); // Relaxed: a sleep that has ended is broken in vain at worst.
        // Release: publishes the store of `until` to the Acquire CAS of the next poller.
        self.poller.store(NOBODY, Release); // site: leave-poller
    }

    /// Returns the number of the poller, if it sleeps beyond a deadline that was just added: then the caller wakes it.
    #[must_use = "the deadline passes unseen"]
    pub fn too_long(&self, when: When) -> Option<u32> {
        // SeqCst: the deadline was published before, and the sleep is looked at after (T1); pairs with the fence in `begin`.
        fence(SeqCst); // site: fence-after-deadline
        // Relaxed: if the fence in `begin` came first, both loads see what the poller has stored before it.
        if self.until.load(Relaxed) <= when {
            return None;
        }
        self.poller.load(Relaxed).checked_sub(1) // Relaxed: as `until`.
    }
}

impl Default for Timers {
    fn default() -> Timers {
        Timers::new()
    }
}

impl Default for PollerSleep {
    fn default() -> PollerSleep {
        PollerSleep::new()
    }
}

impl fmt::Debug for Timers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timers").field("earliest", &self.earliest()).finish_non_exhaustive()
    }
}

impl fmt::Debug for PollerSleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollerSleep").field("until", &self.until.load(Relaxed)).finish()
    }
}
