//! The deadlines of goroutines that wait.

use super::M;
use crate::goroutine::slot;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Release};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// The deadline of a wait: when, the goroutine, and the number of its wait.
type Entry = (Instant, u32, u64);

/// From so many entries on, those whose waits are over are thrown out.
const WORTH_A_LOOK: usize = 64;

pub(crate) struct Timers {
    heap: Mutex<Heap>,
    /// The first deadline, in nanoseconds since [`BASE`]; `u64::MAX`: there is none.
    first: AtomicU64,
}

#[derive(Default)]
struct Heap {
    entries: BinaryHeap<Reverse<Entry>>,
    /// The size of the heap at which entries are thrown out next.
    limit: usize,
    /// The M that sleeps until the first deadline.
    keeper: Option<Arc<M>>,
}

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Default for Timers {
    fn default() -> Timers {
        LazyLock::force(&BASE);
        Timers { heap: Mutex::default(), first: AtomicU64::new(u64::MAX) }
    }
}

impl Timers {
    fn heap(&self) -> MutexGuard<'_, Heap> {
        self.heap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note_first(&self, heap: &Heap) {
        let first = heap.entries.peek().map_or(u64::MAX, |entry| {
            u64::try_from(entry.0.0.saturating_duration_since(*BASE).as_nanos()).unwrap_or(u64::MAX - 1)
        });
        // Release: an M that sees no deadline has seen what came before.
        self.first.store(first, Release);
    }

    /// Adds a deadline, and returns whether it is the first one now.
    pub(crate) fn add(&self, when: Instant, task: u32, wait: u64) -> bool {
        let mut heap = self.heap();
        if heap.entries.len() >= heap.limit.max(WORTH_A_LOOK) {
            heap.entries.retain(|Reverse((_, task, wait))| slot(*task).is_in_wait(*wait));
            heap.limit = 2 * heap.entries.len();
        }
        let is_first = heap.entries.peek().is_none_or(|first| when < first.0.0);
        heap.entries.push(Reverse((when, task, wait)));
        self.note_first(&heap);
        is_first
    }

    /// Returns the first deadline.
    pub(crate) fn first(&self) -> Option<Instant> {
        if self.first.load(Acquire) == u64::MAX {
            return None;
        }
        let mut heap = self.heap();
        // The deadline of a wait that is over wakes no goroutine.
        while let Some(Reverse((_, task, wait))) = heap.entries.peek()
            && !slot(*task).is_in_wait(*wait)
        {
            heap.entries.pop();
        }
        self.note_first(&heap);
        heap.entries.peek().map(|first| first.0.0)
    }

    /// Returns whether the first deadline has passed.
    pub(crate) fn are_due(&self) -> bool {
        let first = self.first.load(Acquire);
        first != u64::MAX && u128::from(first) <= BASE.elapsed().as_nanos()
    }

    /// Takes the deadlines that have passed.
    pub(crate) fn take_due(&self) -> Vec<(u32, u64)> {
        let now = Instant::now();
        let mut heap = self.heap();
        let mut due = Vec::new();
        while heap.entries.peek().is_some_and(|first| first.0.0 <= now) {
            due.extend(heap.entries.pop().map(|Reverse((_, task, wait))| (task, wait)));
        }
        self.note_first(&heap);
        due
    }

    /// Makes an M the one that sleeps until the first deadline, unless there is one.
    pub(crate) fn keep(&self, m: &Arc<M>) -> bool {
        let mut heap = self.heap();
        let is_free = heap.keeper.as_ref().is_none_or(|keeper| Arc::ptr_eq(keeper, m));
        if is_free {
            heap.keeper = Some(Arc::clone(m));
        }
        is_free
    }

    /// Ends what [`keep`](Self::keep) has begun.
    pub(crate) fn keep_no_more(&self, m: &Arc<M>) {
        let mut heap = self.heap();
        if heap.keeper.as_ref().is_some_and(|keeper| Arc::ptr_eq(keeper, m)) {
            heap.keeper = None;
        }
    }

    /// Returns the M that sleeps until the first deadline.
    pub(crate) fn keeper(&self) -> Option<Arc<M>> {
        self.heap().keeper.clone()
    }
}
