//! The lock behind [`RwMutex`](super::RwMutex): one word, and a queue each for the readers and the writers
//! that sleep.
//!
//! A writer that waits sets `WRITERS_WAIT`, and readers that come later wait too. A writer that leaves counts
//! the readers that sleep, one after another, while it still has the lock, and hands it to them; then it
//! opens the lock. So all readers that waited get in before the next writer. The last reader that leaves
//! hands the lock to a writer that waits; a writer that leaves, with no readers to let in, wakes the next
//! one, which takes the lock like a newcomer.
//!
//! Bits that say that somebody waits are set by who is about to sleep, who looks at them once more when it
//! has entered the queue; who clears them looks into the queue after that. SeqCst, so that one of them sees
//! the other.

use crate::queue::{LazyWaiters, Wake};
use crate::rt::cell::UnsafeCell;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// A writer has the lock.
const WRITER: usize = 1;
/// A writer may sleep: readers that come wait behind it.
const WRITERS_WAIT: usize = 2;
/// A reader may sleep.
const READERS_WAIT: usize = 4;
/// One reader that has the lock; the bits from here on count them.
const READER: usize = 8;

const fn readers(state: usize) -> usize {
    state / READER
}

/// Whether nobody has the lock.
const fn is_free(state: usize) -> bool {
    state & WRITER == 0 && readers(state) == 0
}

/// Whether a reader that comes must wait.
const fn blocks_readers(state: usize) -> bool {
    state & (WRITER | WRITERS_WAIT) != 0
}

/// The lock itself, for use through [`lock_api`] with data of your own; [`RwMutex`](super::RwMutex) is the
/// usual way.
pub struct RawRwMutex {
    state: AtomicUsize,
    readers: LazyWaiters,
    writers: LazyWaiters,
    /// Touched by whoever has the lock, so that a checker sees whether it orders what it should. Nothing natively.
    held: UnsafeCell<()>,
}

// SAFETY: the cell is written to only by a writer that has the lock.
unsafe impl Sync for RawRwMutex {}

impl RawRwMutex {
    /// An open lock that belongs to the running engine.
    pub fn new() -> RawRwMutex {
        RawRwMutex {
            state: AtomicUsize::new(0),
            readers: LazyWaiters::new(),
            writers: LazyWaiters::new(),
            held: UnsafeCell::new(()),
        }
    }

    /// An open lock for a static.
    pub const fn const_new() -> RawRwMutex {
        RawRwMutex {
            state: AtomicUsize::const_new(0),
            readers: LazyWaiters::const_new(),
            writers: LazyWaiters::const_new(),
            held: UnsafeCell::const_new(()),
        }
    }

    /// Takes it as a reader, unless that would wait.
    #[inline]
    fn try_read(&self) -> bool {
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        while !blocks_readers(state) {
            assert!(state <= isize::MAX as usize, "more readers than a lock can count");
            // Acquire: pairs with the Release of the writer before us: what it did happens before.
            match self.state.compare_exchange(state, state + READER, Acquire, Relaxed) {
                Ok(_) => {
                    self.held.with(|_| ());
                    return true;
                }
                Err(found) => state = found,
            }
        }
        false
    }

    #[inline]
    fn read_until(&self, deadline: Option<Instant>) -> bool {
        self.try_read() || self.read_slow(deadline)
    }

    #[cold]
    fn read_slow(&self, deadline: Option<Instant>) -> bool {
        let backoff = Backoff::new();
        loop {
            if self.try_read() {
                return true;
            }
            if !backoff.is_completed() && deadline.is_none_or(|deadline| deadline > now()) {
                backoff.snooze();
                continue;
            }
            let state = self.state.load(Relaxed); // Relaxed: the exchange decides.
            if !blocks_readers(state) || !self.marks(state, READERS_WAIT) {
                continue;
            }
            let ticket = self.readers.make().enter();
            let state = self.state.load(SeqCst); // SeqCst: see the module.
            let still = blocks_readers(state) && state & READERS_WAIT != 0;
            match if still { ticket.wait(deadline) } else { ticket.cancel() } {
                Some(Wake::Handed) => {
                    self.held.with(|_| ());
                    return true;
                }
                None if still => return false,
                Some(Wake::Woken) | None => (),
            }
        }
    }

    /// Sets a bit that says that somebody waits, if nothing has changed.
    fn marks(&self, state: usize, bit: usize) -> bool {
        // Relaxed: it says only that somebody may sleep, and is looked at again.
        state & bit != 0 || self.state.compare_exchange(state, state | bit, Relaxed, Relaxed).is_ok()
    }

    #[inline]
    fn end_read(&self) {
        self.held.with(|_| ());
        // Release: what we read was before the next writer. A writer that marks the state after this sees it.
        let state = self.state.fetch_sub(READER, Release) - READER;
        if is_free(state) && state & WRITERS_WAIT != 0 {
            self.hand_to_writer_if_free(state);
        }
    }

    /// Hands the lock to a writer, if nobody has it and one may sleep: no reader that comes now gets in before it.
    #[cold]
    fn hand_to_writer_if_free(&self, mut state: usize) {
        while is_free(state) && state & WRITERS_WAIT != 0 {
            // SeqCst: see the module. Acquire, by that: what all readers read was before; it goes on through
            // the cell. Audit: in models of this size the writer is in the queue by then, or not near it.
            match self.state.compare_exchange(state, state | WRITER, SeqCst, Relaxed) {
                Ok(_) if self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Handed)) => return,
                // Those that waited have given up.
                Ok(_) => return self.open(),
                Err(found) => state = found,
            }
        }
    }

    fn wake_writer(&self) {
        if !self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Woken)) {
            // Those that waited have given up, and readers may sleep because of them.
            self.wake_readers();
        }
    }

    /// Wakes all readers that sleep; they look again.
    fn wake_readers(&self) {
        // SeqCst: see the module. Audit: in models of this size a reader is in the queue by then, or not near it.
        if self.state.fetch_and(!READERS_WAIT, SeqCst) & READERS_WAIT != 0
            && let Some(readers) = self.readers.get()
        {
            readers.wake_all();
        }
    }

    #[inline]
    fn try_write(&self, others: usize) -> bool {
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        while is_free(state) {
            // Acquire: pairs with the Release of those before us: what they did happens before.
            match self.state.compare_exchange(state, state | WRITER | others, Acquire, Relaxed) {
                Ok(_) => {
                    self.held.with_mut(|_| ());
                    return true;
                }
                Err(found) => state = found,
            }
        }
        false
    }

    #[inline]
    fn write_until(&self, deadline: Option<Instant>) -> bool {
        self.try_write(0) || self.write_slow(deadline)
    }

    #[cold]
    fn write_slow(&self, deadline: Option<Instant>) -> bool {
        // Whoever was woken does not know whether others sleep.
        let mut others = 0;
        let backoff = Backoff::new();
        loop {
            if self.try_write(others) {
                return true;
            }
            if !backoff.is_completed() && deadline.is_none_or(|deadline| deadline > now()) {
                backoff.snooze();
                continue;
            }
            let state = self.state.load(Relaxed); // Relaxed: the exchange decides.
            if is_free(state) || !self.marks(state, WRITERS_WAIT) {
                continue;
            }
            let ticket = self.writers.make().enter();
            let state = self.state.load(SeqCst); // SeqCst: see the module.
            let still = !is_free(state) && state & WRITERS_WAIT != 0;
            match if still { ticket.wait(deadline) } else { ticket.cancel() } {
                Some(Wake::Handed) => {
                    self.held.with_mut(|_| ());
                    return true;
                }
                Some(Wake::Woken) => others = WRITERS_WAIT,
                None if still => {
                    self.give_up_writing();
                    return false;
                }
                None => (),
            }
        }
    }

    /// Readers may sleep because of us. Whoever else wanted to write looks again.
    #[cold]
    fn give_up_writing(&self) {
        // SeqCst: see the module. Audit: as in `wake_readers`.
        self.state.fetch_and(!WRITERS_WAIT, SeqCst);
        if let Some(writers) = self.writers.get() {
            writers.wake_all();
        }
        self.wake_readers();
    }

    #[inline]
    fn end_write(&self) {
        self.held.with_mut(|_| ());
        // Release: what we wrote happens before the next one who takes it.
        if self.state.compare_exchange(WRITER, 0, Release, Relaxed).is_err() {
            self.open();
        }
    }

    /// A writer that has counted itself as a reader, if it is to be one, lets in the readers that wait, and goes.
    #[cold]
    fn open(&self) {
        // Relaxed: what is missed here is seen below.
        let waiting = (self.state.load(Relaxed) & READERS_WAIT != 0).then(|| self.readers.get()).flatten();
        if let Some(waiting) = waiting {
            // Who comes from now on is not one of them, so this ends.
            let end = waiting.entered();
            loop {
                // Relaxed, twice: the one who is let in has everything by its cell, and others do not look while a
                // writer is here.
                self.state.fetch_add(READER, Relaxed);
                if !waiting.wake_one_of(end, Wake::Handed) {
                    self.state.fetch_sub(READER, Relaxed);
                    break;
                }
            }
        }
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // Those we let in may have gone already: then the next writer is ours to wake.
            let mut to = state & !(WRITER | READERS_WAIT);
            if readers(to) == 0 {
                to &= !WRITERS_WAIT;
            }
            // SeqCst: see the module. Release, by that: what we wrote happens before the next one who takes it.
            match self.state.compare_exchange(state, to, SeqCst, Relaxed) {
                Err(found) => state = found,
                Ok(_) => {
                    // Who has entered since then looks again.
                    if state & READERS_WAIT != 0
                        && let Some(readers) = self.readers.get()
                    {
                        readers.wake_all();
                    }
                    if (state & !to) & WRITERS_WAIT != 0 {
                        self.wake_writer();
                    }
                    return;
                }
            }
        }
    }
}

impl Default for RawRwMutex {
    fn default() -> Self {
        RawRwMutex::new()
    }
}

impl fmt::Debug for RawRwMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state.load(Relaxed); // Relaxed: a snapshot.
        f.debug_struct("RawRwMutex")
            .field("writer", &(state & WRITER != 0))
            .field("readers", &readers(state))
            .finish()
    }
}

// SAFETY: `WRITER` is set by one exchange of a state without it and without readers, and readers are counted
// only in one without it, or by the writer who lets them in.
unsafe impl lock_api::RawRwLock for RawRwMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawRwMutex = RawRwMutex::const_new();
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    fn lock_shared(&self) {
        self.read_until(None);
    }

    #[inline]
    fn try_lock_shared(&self) -> bool {
        self.try_read()
    }

    #[inline]
    unsafe fn unlock_shared(&self) {
        self.end_read();
    }

    #[inline]
    fn lock_exclusive(&self) {
        self.write_until(None);
    }

    #[inline]
    fn try_lock_exclusive(&self) -> bool {
        self.try_write(0)
    }

    #[inline]
    unsafe fn unlock_exclusive(&self) {
        self.end_write();
    }

    fn is_locked(&self) -> bool {
        !is_free(self.state.load(Relaxed)) // Relaxed: a hint.
    }
}

// SAFETY: as above.
unsafe impl lock_api::RawRwLockTimed for RawRwMutex {
    type Duration = Duration;
    type Instant = Instant;

    fn try_lock_shared_for(&self, timeout: Duration) -> bool {
        self.read_until(now().checked_add(timeout))
    }

    fn try_lock_shared_until(&self, deadline: Instant) -> bool {
        self.read_until(Some(deadline))
    }

    fn try_lock_exclusive_for(&self, timeout: Duration) -> bool {
        self.write_until(now().checked_add(timeout))
    }

    fn try_lock_exclusive_until(&self, deadline: Instant) -> bool {
        self.write_until(Some(deadline))
    }
}

// SAFETY: as above; the writer counts itself before it goes.
unsafe impl lock_api::RawRwLockDowngrade for RawRwMutex {
    unsafe fn downgrade(&self) {
        self.held.with_mut(|_| ());
        // Relaxed: as for the readers that are let in.
        self.state.fetch_add(READER, Relaxed);
        self.open();
        self.held.with(|_| ());
    }
}
