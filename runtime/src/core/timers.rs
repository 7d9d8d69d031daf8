//! Timed waits: the heap of a P's deadlines, and the sleep of the M that waits for the earliest.
//!
//! T1. No deadline is lost. A P that adds a deadline publishes its earliest one, passes a SeqCst fence, and looks how long
//! the poller sleeps ([`PollerSleep::is_too_long`]). The poller announces its sleep, passes a SeqCst fence, and looks at
//! the earliest deadline of every P ([`PollerSleep::begin`]). One of the fences comes first: either the poller sees the
//! deadline, or the P sees the sleep, and breaks it.
//!
//! A wait that ends before its deadline leaves its entry behind, which is *stale*: its timer finds the wait over. The heap
//! is cleaned when more than half of it may be stale.

use super::chain::Task;
use core::cmp::Reverse;
use core::fmt;
use selvedge::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64, fence};
use selvedge::sync::Mutex;
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

/// The deadlines of the tasks that parked on a P.
pub struct Timers {
    heap: Mutex<BinaryHeap<Reverse<Entry>>>,
    /// The earliest deadline, or [`NEVER`]; written under the lock.
    earliest: AtomicU64,
    /// How many entries may be stale.
    stale: AtomicU32,
}

/// How long the M in the poller sleeps.
pub struct PollerSleep {
    until: AtomicU64,
}

impl Timers {
    /// Returns a heap without deadlines.
    pub fn new() -> Timers {
        Timers {
            heap: Mutex::new(BinaryHeap::new()),
            earliest: AtomicU64::new(NEVER),
            stale: AtomicU32::new(0),
        }
    }

    /// Adds a deadline. The caller asks [`PollerSleep::is_too_long`] next. If more than half of the entries may be stale,
    /// keeps those that are `live`.
    pub fn add(&self, entry: Entry, live: impl Fn(&Entry) -> bool) {
        let mut heap = self.heap.lock();
        heap.push(Reverse(entry));
        // Relaxed: a count that leads to cleaning sooner or later.
        if self.stale.load(Relaxed) as usize > heap.len() / 2 {
            self.stale.store(0, Relaxed); // Relaxed: a wait that ends meanwhile may not be counted.
            heap.retain(|entry| live(&entry.0));
        }
        self.publish(&heap);
    }

    /// Publishes the earliest deadline.
    fn publish(&self, heap: &BinaryHeap<Reverse<Entry>>) {
        let earliest = heap.peek().map_or(NEVER, |entry| entry.0.when);
        // Relaxed: the fences of T1 order the store and the poller's load; a thread that takes deadlines has the lock.
        self.earliest.store(earliest, Relaxed); // site: publish-earliest
    }

    /// Counts a wait that ended before its deadline.
    pub fn wait_ended(&self) {
        self.stale.fetch_add(1, Relaxed); // Relaxed: a count that leads to cleaning sooner or later.
    }

    /// Takes a deadline that is due at `now`, the earliest first.
    pub fn take_due(&self, now: When) -> Option<Entry> {
        if self.earliest() > now {
            return None;
        }
        let mut heap = self.heap.lock();
        let due = heap.peek().is_some_and(|entry| entry.0.when <= now);
        let taken = if due { heap.pop() } else { None };
        self.publish(&heap);
        taken.map(|entry| entry.0)
    }

    /// Returns the earliest deadline, or [`NEVER`]. It may be stale.
    pub fn earliest(&self) -> When {
        self.earliest.load(Relaxed) // Relaxed: the poller has passed the fence of T1 before.
    }
}

impl PollerSleep {
    /// Returns the state while no M sleeps in the poller.
    pub fn new() -> PollerSleep {
        PollerSleep { until: AtomicU64::new(AWAKE) }
    }

    /// Begins to sleep, and returns until when, at most: the earliest of the deadlines of `procs`.
    pub fn begin<'a>(&self, procs: impl IntoIterator<Item = &'a Timers>) -> When {
        // Relaxed: the fence orders the store.
        self.until.store(NEVER, Relaxed); // site: announce-sleep
        // SeqCst: the sleep is announced before, and the deadlines are read after (T1); pairs with the fence in
        // `is_too_long`.
        fence(SeqCst); // site: fence-before-sleep
        let earliest = procs.into_iter().map(Timers::earliest).min().unwrap_or(NEVER);
        // Relaxed: a P that reads the first store breaks a sleep that need not be broken.
        self.until.store(earliest, Relaxed);
        earliest
    }

    /// Ends the sleep.
    pub fn end(&self) {
        self.until.store(AWAKE, Relaxed); // Relaxed: a sleep that has ended is broken in vain at worst.
    }

    /// Returns whether the M in the poller sleeps beyond a deadline that was just added: then the caller breaks its sleep.
    #[must_use = "the deadline passes unseen"]
    pub fn is_too_long(&self, when: When) -> bool {
        // SeqCst: the deadline was published before, and the sleep is looked at after (T1); pairs with the fence in `begin`.
        fence(SeqCst); // site: fence-after-deadline
        self.until.load(Relaxed) > when // Relaxed: T1 takes the fences.
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
