//! The lock behind [`RwMutex`](super::RwMutex): one word, and a queue each for the readers and the writers
//! that sleep.
//!
//! A writer that waits sets `WRITERS_WAIT`, and readers that come later wait too. A writer that leaves counts
//! the readers that sleep, one after another, while it still has the lock, and hands it to them; then it
//! opens the lock. So all readers that waited get in before the next writer. The last reader that leaves
//! hands the lock to a writer that waits; a writer that leaves, with no readers to let in, wakes the next
//! one, which takes the lock like a newcomer.
//!
//! Who is about to sleep enters its queue, and then says so by a bit, in one step with finding the lock taken;
//! whoever finds the bit finds it in the queue. All writes to the state are read-modify-writes, so an Acquire
//! of the state sees everybody whose bit came before. The bit is written even where it is set already: the one
//! who set it may be gone, and its word is not ours.

mod api;
mod upgrade;
mod write;

use crate::queue::{LazyBox, LazyWaiters, Waiters, Wake};
use crate::rt::cell::UnsafeCell;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::time::now;
use core::fmt;
use std::time::Instant;
use upgrade::Upgrades;

/// A writer has the lock.
const WRITER: usize = 1;
/// A writer may sleep: readers that come wait behind it.
const WRITERS_WAIT: usize = 2;
/// A reader may sleep.
const READERS_WAIT: usize = 4;
/// A reader that is to become a writer may sleep until the others have left: readers that come wait behind it.
const UPGRADE_WAITS: usize = 8;
/// One reader that has the lock; the bits from here on count them.
const READER: usize = 16;

const fn readers(state: usize) -> usize {
    state / READER
}

/// Whether nobody has the lock.
const fn is_free(state: usize) -> bool {
    state & WRITER == 0 && readers(state) == 0
}

/// Whether a reader that comes must wait.
const fn blocks_readers(state: usize) -> bool {
    state & (WRITER | WRITERS_WAIT | UPGRADE_WAITS) != 0
}

/// Whether a writer that comes must wait.
const fn blocks_writers(state: usize) -> bool {
    !is_free(state)
}

/// How a thread that was about to sleep fared.
enum Sleep {
    Ended(Wake),
    TimedOut,
    /// The lock was no longer taken.
    NotNeeded,
}

/// The lock itself, for use through [`lock_api`] with data of your own; [`RwMutex`](super::RwMutex) is the
/// usual way.
///
/// ```
/// use lock_api::RawRwLock as _;
/// use selvedge::sync::RawRwMutex;
/// let lock = RawRwMutex::new();
/// lock.lock_shared();
/// assert!(lock.try_lock_shared() && !lock.try_lock_exclusive());
/// // SAFETY: both are ours.
/// unsafe { (lock.unlock_shared(), lock.unlock_shared()) };
/// assert!(lock.try_lock_exclusive());
/// ```
pub struct RawRwMutex {
    state: AtomicUsize,
    readers: LazyWaiters,
    writers: LazyWaiters,
    /// For those who read, and may want to write.
    upgrades: LazyBox<Upgrades>,
    /// Touched by whoever has the lock, so that a checker sees whether it orders what it should. Nothing natively.
    held: UnsafeCell<()>,
}

// SAFETY: the cell is written to only by a writer that has the lock.
unsafe impl Sync for RawRwMutex {}

impl RawRwMutex {
    constructor! {
        /// An open lock that belongs to the running engine. For an example see the type.
        pub fn new() -> RawRwMutex {
            RawRwMutex {
                state: AtomicUsize::new(0),
                readers: LazyWaiters::new(),
                writers: LazyWaiters::new(),
                upgrades: LazyBox::new(),
                held: UnsafeCell::new(()),
            }
        }
    }

    /// An open lock for a static.
    ///
    /// ```
    /// use lock_api::RawRwLock as _;
    /// use selvedge::sync::RawRwMutex;
    /// static LOCK: RawRwMutex = RawRwMutex::const_new();
    /// assert!(LOCK.try_lock_exclusive());
    /// ```
    pub const fn const_new() -> RawRwMutex {
        RawRwMutex {
            state: AtomicUsize::const_new(0),
            readers: LazyWaiters::const_new(),
            writers: LazyWaiters::const_new(),
            upgrades: LazyBox::const_new(),
            held: UnsafeCell::const_new(()),
        }
    }

    #[inline]
    fn took_read(&self) {
        self.held.with(|_| ());
        locks::taken(self, "RwMutex");
    }

    #[inline]
    fn took_write(&self) {
        self.held.with_mut(|_| ());
        locks::taken(self, "RwMutex");
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
                    self.took_read();
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
            match self.sleep(self.readers.make(), READERS_WAIT, blocks_readers, deadline) {
                Sleep::Ended(Wake::Handed) => {
                    self.took_read();
                    return true;
                }
                Sleep::TimedOut => return false,
                Sleep::Ended(Wake::Woken) | Sleep::NotNeeded => (),
            }
        }
    }

    /// Sleeps in a queue while the lock is `blocked` to those in it, having said so by a bit.
    fn sleep(
        &self,
        queue: &Waiters,
        bit: usize,
        blocked: fn(usize) -> bool,
        deadline: Option<Instant>,
    ) -> Sleep {
        locks::wanted(self, "RwMutex");
        let ticket = queue.enter();
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        while blocked(state) {
            // Release: whoever finds the bit finds us in the queue.
            match self.state.compare_exchange(state, state | bit, Release, Relaxed) {
                Ok(_) => {
                    let ended = ticket.wait(deadline).map(Sleep::Ended);
                    return ended.unwrap_or_else(|| {
                        locks::given_up();
                        Sleep::TimedOut
                    });
                }
                Err(found) => state = found,
            }
        }
        ticket.cancel().map_or(Sleep::NotNeeded, Sleep::Ended)
    }

    #[inline]
    fn end_read(&self) {
        self.held.with(|_| ());
        locks::freed(self);
        // Release: what we read was before the next writer. A writer that marks the state after this sees it.
        let before = self.state.fetch_sub(READER, Release); // site: unlock-shared
        assert!(before >= READER, "unlock of a RawRwMutex that nobody reads");
        let state = before - READER;
        if state & (WRITERS_WAIT | UPGRADE_WAITS) != 0 {
            self.leave_to_others(state);
        }
    }

    #[cold]
    fn leave_to_others(&self, state: usize) {
        if state & UPGRADE_WAITS != 0 && readers(state) == 1 {
            self.wake_upgrade();
        }
        self.hand_to_writer_if_free(state);
    }

    /// Hands the lock to a writer, if nobody has it and one may sleep: no reader that comes now gets in before it.
    #[cold]
    fn hand_to_writer_if_free(&self, mut state: usize) {
        while is_free(state) && state & WRITERS_WAIT != 0 {
            // Acquire: we find whoever waits; and what all readers read was before, and goes on through the cell.
            match self.state.compare_exchange(state, state | WRITER, Acquire, Relaxed) {
                Ok(_) if self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Handed)) => return,
                // Those that waited have given up.
                Ok(_) => return self.open(),
                Err(found) => state = found,
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
