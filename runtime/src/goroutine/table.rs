//! The table of goroutines. A slot is used for one goroutine after the other and never freed, so that a stale number of a
//! goroutine, or of a wait, does no harm.
//!
//! S1. The parts of a slot in [`Own`] belong to one thread at a time: to the thread that makes the goroutine, until it has
//! put the goroutine into a queue; then to the thread that takes it out and runs it; and after a wait, to the thread that
//! made it runnable and to the thread that runs it then. While the word of a parked goroutine says that it is scanned, they
//! belong to the thread that scans. The queues, and the word of the goroutine (`core::ready`), order
//! these threads.

use super::local::Locals;
use crate::core::chain::Links;
use crate::machine::{Command, Instance, M, Suspend};
use crate::stack::Stack;
use core::cell::UnsafeCell;
use core::panic::Location;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicPtr, AtomicU8, AtomicU64 as CoreU64};
use corosensei::{Coroutine, Yielder};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64};
use selvedge::rt::task::Why;
use std::sync::{Arc, Mutex, PoisonError};

/// Slots of a chunk of the table.
const CHUNK: usize = 1024;
/// The most chunks.
const CHUNKS: usize = 4096;

/// What a goroutine is for the scheduler.
pub(crate) struct Slot {
    /// The wait and its fate.
    pub(crate) word: AtomicU64,
    /// The next one of a chain.
    link: AtomicU32,
    /// Why the goroutine waits; 0: it does not.
    why: AtomicU8,
    /// A number that no other goroutine has.
    id: CoreU64,
    /// Where the goroutine was started.
    site: AtomicPtr<Location<'static>>,
    /// The instance to which the goroutine belongs; null: the slot is free.
    instance: AtomicPtr<Instance>,
    own: UnsafeCell<Own>,
}

/// What one thread at a time has (S1).
pub(crate) struct Own {
    pub(crate) coroutine: Option<Coroutine<Command, Suspend, (), Stack>>,
    /// How the goroutine suspends itself; null before it has begun.
    pub(crate) yielder: *const Yielder<Command, Suspend>,
    /// The thread to which the goroutine belongs since it has begun.
    pub(crate) home: Option<Arc<M>>,
    /// Its thread-locals; `None`: it has none, as most.
    pub(crate) locals: Option<Box<Locals>>,
    /// Whether the goroutine has called `goexit`.
    pub(crate) exits: bool,
    /// How often the goroutine has locked its thread.
    pub(crate) locks: u32,
    /// Whether the goroutine goes on on its thread only, once it has begun.
    pub(crate) is_bound: bool,
    /// Whether the goroutine says, when it suspends itself, where its stack ends.
    pub(crate) is_scanned: bool,
    /// The lowest address of the suspended goroutine's stack that its frames refer to, if it says so.
    pub(crate) low: usize,
}

impl Own {
    /// Whether the goroutine, which has begun, goes on on its thread only.
    pub(crate) fn stays(&self) -> bool {
        self.is_bound || self.locks > 0
    }

    /// Returns the addresses of the suspended goroutine's stack, from the lowest in use to where the yielder is, at the base.
    pub(crate) fn stack(&self) -> core::ops::Range<usize> {
        self.low..self.yielder.addr()
    }
}

// SAFETY: `own` goes from thread to thread by S1; everything else is atomic. A closure that has not begun is `Send` or has a
// home. What a goroutine that has begun has stays on one thread, but for `home`, which is `Send`; or it was made in a mode whose
// `unsafe` constructor says what the goroutine may keep (`settings::Migration`).
unsafe impl Sync for Slot {}

impl Slot {
    fn new() -> Slot {
        Slot {
            word: AtomicU64::const_new(0),
            link: AtomicU32::const_new(0),
            why: AtomicU8::new(0),
            id: CoreU64::new(0),
            site: AtomicPtr::new(null_mut()),
            instance: AtomicPtr::new(null_mut()),
            own: UnsafeCell::new(Own {
                coroutine: None,
                yielder: core::ptr::null(),
                home: None,
                locals: None,
                exits: false,
                locks: 0,
                is_bound: true,
                is_scanned: false,
                low: 0,
            }),
        }
    }

    /// Returns whether the running goroutine has begun no other wait since this one.
    pub(crate) fn is_in_wait(&self, wait: u64) -> bool {
        crate::core::ready::is_in_wait(&self.word, wait)
    }

    /// Returns the parts that one thread has.
    pub(crate) fn own(&self) -> *mut Own {
        self.own.get()
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.load(Relaxed) // Relaxed: the number of a goroutine that the caller knows.
    }

    /// Returns where the goroutine was started.
    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        // SAFETY: the pointer is null or was made of a `&'static Location`.
        unsafe { self.site.load(Acquire).as_ref() }
    }

    pub(crate) fn why(&self) -> Option<Why> {
        // Relaxed: a report reads it, which nothing else depends on.
        let why = self.why.load(Relaxed);
        REASONS.get(usize::from(why).wrapping_sub(1)).copied()
    }

    pub(crate) fn set_why(&self, why: Option<Why>) {
        let number = why.and_then(|why| REASONS.iter().position(|reason| *reason == why));
        // Relaxed: a report reads it, which nothing else depends on.
        self.why.store(number.map_or(0, |number| number as u8 + 1), Relaxed);
    }

    /// Returns whether the slot is a goroutine of this instance.
    pub(crate) fn is_of(&self, instance: &Instance) -> bool {
        // Relaxed: the pointer is compared only.
        core::ptr::eq(self.instance.load(Relaxed), instance)
    }

    /// Returns whether the slot is a goroutine's.
    pub(crate) fn is_used(&self) -> bool {
        !self.instance.load(Relaxed).is_null() // Relaxed: compared only.
    }

    /// Returns the number of the wait in which the goroutine is parked, as far as another thread can tell.
    pub(crate) fn parked_in(&self) -> Option<u64> {
        crate::core::ready::parked_in(&self.word)
    }

    /// Returns whether the goroutine is parked, as far as another thread can tell.
    pub(crate) fn is_parked(&self) -> bool {
        crate::core::ready::is_parked(&self.word)
    }

    /// Begins the slot's use for a goroutine.
    pub(crate) fn begin(&self, instance: &Instance, site: &'static Location<'static>) {
        static LAST: CoreU64 = CoreU64::new(0);
        // Relaxed: a read-modify-write gives each number once, and publishes nothing.
        self.id.store(LAST.fetch_add(1, Relaxed) + 1, Relaxed);
        // Relaxed, Release: published with the goroutine by its queue, and to reports by `instance`.
        self.site.store(core::ptr::from_ref(site).cast_mut(), Release);
        self.instance.store(core::ptr::from_ref(instance).cast_mut(), Release);
    }

    /// Ends the slot's use.
    pub(crate) fn end(&self) {
        self.instance.store(null_mut(), Release);
    }
}

/// The reasons by their numbers.
const REASONS: [Why; 13] = [
    Why::Receive,
    Why::Send,
    Why::Select,
    Why::Lock,
    Why::RwLock,
    Why::Condition,
    Why::Permits,
    Why::Group,
    Why::Once,
    Why::Barrier,
    Why::Join,
    Why::Permit,
    Why::Sleep,
];

pub(crate) struct Table {
    chunks: [AtomicPtr<Slot>; CHUNKS],
    free: Mutex<Free>,
}

struct Free {
    slots: Vec<u32>,
    /// The first number that has never been used.
    fresh: u32,
}

pub(crate) static TABLE: Table = Table {
    chunks: [const { AtomicPtr::new(null_mut()) }; CHUNKS],
    // 0 is no goroutine.
    free: Mutex::new(Free { slots: Vec::new(), fresh: 1 }),
};

impl Table {
    /// Returns numbers of free slots: at most `most`, and at least one.
    ///
    /// # Panics
    /// If there are more than four million goroutines.
    pub(crate) fn take(&self, most: usize) -> Vec<u32> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        let from = free.slots.len().saturating_sub(most);
        let used = free.slots.split_off(from);
        if !used.is_empty() {
            return used;
        }
        let number = free.fresh;
        let chunk = number as usize / CHUNK;
        assert!(chunk < CHUNKS, "there are more than {} goroutines", CHUNK * CHUNKS - 1);
        // Relaxed: only a thread with the lock stores it.
        if self.chunks[chunk].load(Relaxed).is_null() {
            let slots: Box<[Slot]> = (0..CHUNK).map(|_| Slot::new()).collect();
            // Release: publishes the slots to the Acquire load in `slot`.
            self.chunks[chunk].store(Box::leak(slots).as_mut_ptr(), Release);
        }
        free.fresh += 1;
        vec![number]
    }

    /// Takes numbers back.
    pub(crate) fn put(&self, slots: impl Iterator<Item = u32>) {
        self.free.lock().unwrap_or_else(PoisonError::into_inner).slots.extend(slots);
    }

    /// Returns every slot that was ever used, with its number.
    pub(crate) fn all(&self) -> impl Iterator<Item = (u32, &'static Slot)> {
        let end = self.free.lock().unwrap_or_else(PoisonError::into_inner).fresh;
        (1..end).map(|task| (task, slot(task)))
    }
}

/// Returns the slot of a goroutine.
pub(crate) fn slot(task: u32) -> &'static Slot {
    let (chunk, at) = (task as usize / CHUNK, task as usize % CHUNK);
    // Acquire: synchronizes with the Release store in `take`.
    let slots = TABLE.chunks[chunk].load(Acquire);
    assert!(!slots.is_null(), "the slot of a goroutine exists");
    // SAFETY: the pointer is to `CHUNK` slots that are never freed.
    unsafe { &*slots.add(at) }
}

impl Links for Table {
    fn link(&self, task: u32) -> &AtomicU32 {
        &slot(task).link
    }
}

#[cfg(test)]
mod tests {
    use super::Slot;
    use selvedge::rt::sync::atomic::AtomicU32;

    /// A goroutine that waits is to cost little more than a page of stack (a million: 4.5 GB).
    #[test]
    fn a_slot_is_small() {
        // Where a harness can run the primitives, their atomics are larger, and so is a slot.
        let is_as_it_ships = size_of::<AtomicU32>() == size_of::<u32>();
        let most = if is_as_it_ships { 112 } else { 160 };
        assert!(size_of::<Slot>() <= most, "a slot has {} bytes", size_of::<Slot>());
    }
}
