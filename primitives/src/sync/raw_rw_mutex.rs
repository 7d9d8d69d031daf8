//! The lock behind [`RwMutex`](super::RwMutex): one [word](State), and a queue each for the readers and the writers
//! that sleep.
//!
//! A writer that waits sets `WRITERS_WAIT`, and readers that arrive later wait too. A writer that leaves counts the
//! sleeping readers one after another while its flag is still set, and hands each the lock; then it clears the flag.
//! So all readers that waited get in before the next writer. The last reader that leaves hands the lock to a waiting
//! writer. A writer that leaves with no reader to let in wakes the next writer, which competes like a newcomer.
//!
//! - **I1 (exclusion).** `WRITER` is set by one CAS, either from a free state (`try_write`, `hand_to_writer_if_free`)
//!   or from one in which the upgradable reader is the only reader (`try_upgrade_now`). A reader is counted by a CAS
//!   from a state without `WRITER` (`try_read`), or by the writer itself, when it no longer touches the data
//!   (`release_write`, `downgrade`). So while a writer touches the data no other thread has the lock.
//! - **I2 (order).** A thread that has the lock gives it up by a Release read-modify-write of the state, or hands it
//!   over through a cell of a queue, which is a Release too. A thread takes the lock by an Acquire CAS, or accepts it
//!   from its cell. All writes to the state are read-modify-writes, so each continues the release sequences of those
//!   before it, and an Acquire of the state synchronizes with every earlier Release of it.
//! - **I3 (no lost wake-up).** A thread that is about to sleep enters its queue, and then sets its flag by a Release
//!   CAS from a state that blocks it. It sets the flag also where it is set already: the thread that set it may have
//!   given up, and its Release does not publish this thread's ticket. A thread that reads the flag by an Acquire of the
//!   state therefore finds the sleeper in the queue (I2).

mod api;
mod state;
mod upgrade;
mod write;

use crate::queue::{LazyBox, LazyWaiters, Waiters, Wake};
use crate::race_probe::RaceProbe;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use crate::rt::task::Why;
use crate::rt::time::now;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;
use state::{Flag, State};
use upgrade::Upgrades;

const NOBODY_READS: &str = "unlock of a RawRwMutex that nobody reads";
const NOBODY_WRITES: &str = "unlock of a RawRwMutex that nobody writes";

/// How a thread that was about to sleep fared.
enum Sleep {
    Ended(Wake),
    /// The wait lasted as long as it may.
    GaveUp,
    /// The lock no longer blocked the thread.
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
/// // SAFETY: this thread locked it twice above, and owns both shares.
/// unsafe { (lock.unlock_shared(), lock.unlock_shared()) };
/// assert!(lock.try_lock_exclusive());
/// ```
pub struct RawRwMutex {
    state: AtomicUsize,
    readers: LazyWaiters,
    writers: LazyWaiters,
    /// For the reader that may become a writer.
    upgrades: LazyBox<Upgrades>,
    /// Read by readers and written by writers when they take the lock and when they leave.
    held: RaceProbe,
    spec: spec::RwMutex,
}

impl RawRwMutex {
    constructor! {
        /// Creates an unlocked lock.
        ///
        /// ```
        /// use lock_api::RawRwLock as _;
        /// assert!(selvedge::sync::RawRwMutex::new().try_lock_exclusive());
        /// ```
        pub fn new() -> RawRwMutex {
            RawRwMutex {
                state: AtomicUsize::new(State::FREE.0),
                readers: LazyWaiters::new(),
                writers: LazyWaiters::new(),
                upgrades: LazyBox::new(),
                held: RaceProbe::new(),
                spec: spec::RwMutex::new(),
            }
        }
    }

    /// Creates an unlocked lock for a static.
    ///
    /// ```
    /// use lock_api::RawRwLock as _;
    /// use selvedge::sync::RawRwMutex;
    /// static LOCK: RawRwMutex = RawRwMutex::const_new();
    /// assert!(LOCK.try_lock_exclusive());
    /// ```
    pub const fn const_new() -> RawRwMutex {
        RawRwMutex {
            state: AtomicUsize::const_new(State::FREE.0),
            readers: LazyWaiters::const_new(),
            writers: LazyWaiters::const_new(),
            upgrades: LazyBox::const_new(),
            held: RaceProbe::const_new(),
            spec: spec::RwMutex::const_new(),
        }
    }

    /// Returns the lock as specified, and notes that the current thread wants it, if the execution uses that form.
    #[inline(always)]
    fn specified_and_wanted(&self) -> Option<&spec::RwMutex> {
        let specified = self.spec.is_specified();
        if specified {
            locks::wanted(self, "RwMutex");
        }
        specified.then_some(&self.spec)
    }

    /// Notes whether the specified lock has been taken.
    #[track_caller]
    fn note_result(&self, taken: bool) -> bool {
        match taken {
            true => locks::taken(self, "RwMutex"),
            false => locks::given_up(),
        }
        taken
    }

    /// Returns whether a writer has the lock, and how many readers have it: a hint, stale when this returns.
    fn holders(&self) -> (bool, usize) {
        if self.spec.is_specified() {
            return self.spec.holders();
        }
        let state = State(self.state.load(Relaxed)); // Relaxed: a snapshot.
        (state.has(Flag::WRITER), state.readers())
    }

    #[inline]
    fn note_read(&self) {
        self.held.read();
        locks::taken(self, "RwMutex");
    }

    #[inline]
    fn note_write(&self) {
        self.held.write();
        locks::taken(self, "RwMutex");
    }

    /// Takes the lock as a reader, unless a reader must wait.
    #[inline]
    fn try_read(&self) -> bool {
        let mut state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
        while !state.blocks_readers() {
            // Acquire: I2; pairs with the last writer's Release in `release_write` or `let_in`, so its writes happen
            // before this reader's reads.
            match self.state.compare_exchange(state.0, state.with_reader().0, Acquire, Relaxed) {
                Ok(_) => {
                    self.note_read();
                    return true;
                }
                Err(found) => state = State(found),
            }
        }
        false
    }

    #[inline]
    fn read_within(&self, until: Until<'_>) -> bool {
        self.try_read() || self.read_slow(until)
    }

    #[cold]
    fn read_slow(&self, until: Until<'_>) -> bool {
        let backoff = Backoff::new();
        loop {
            if self.try_read() {
                return true;
            }
            if spins(&backoff, until) {
                continue;
            }
            match self.sleep(self.readers.make(), Flag::READERS_WAIT, State::blocks_readers, until) {
                Sleep::Ended(Wake::Handed) => {
                    self.note_read();
                    return true;
                }
                Sleep::GaveUp => return false,
                Sleep::Ended(Wake::Woken) | Sleep::NotNeeded => (),
            }
        }
    }

    /// Sets `flag` and sleeps in `queue`, if the lock is `blocked` to the threads in it.
    fn sleep(&self, queue: &Waiters, flag: Flag, blocked: fn(State) -> bool, until: Until<'_>) -> Sleep {
        locks::wanted(self, "RwMutex");
        let ticket = queue.enter();
        let mut state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
        while blocked(state) {
            // Release: I3; publishes the ticket to the thread that reads the flag (`let_in`, `wake_readers`,
            // `hand_to_writer_if_free`, `give_up_writing`, `wake_upgrade`). With Relaxed that thread may find an empty
            // queue, and this one sleeps for ever.
            match self.state.compare_exchange(state.0, state.with(flag).0, Release, Relaxed) {
                Ok(_) => {
                    let ended = ticket.wait_for(Why::RwLock, until).map(Sleep::Ended);
                    return ended.unwrap_or_else(|| {
                        locks::given_up();
                        Sleep::GaveUp
                    });
                }
                Err(found) => state = State(found),
            }
        }
        ticket.cancel().map_or(Sleep::NotNeeded, Sleep::Ended)
    }

    #[inline]
    fn release_read(&self) {
        self.held.read();
        locks::freed(self);
        // Release: I2; this reader's reads happen before the next writer's writes, whose Acquire is in `try_write`,
        // `try_upgrade_now` or `hand_to_writer_if_free`. With Relaxed they race (mutant at `unlock-shared`). A writer
        // that sets its flag after this read-modify-write finds this reader gone in the state that its CAS replaces.
        let before = State(self.state.fetch_sub(State::READER, Release)); // site: unlock-shared
        assert!(before.readers() > 0, "{NOBODY_READS}");
        let state = before.without_reader();
        if state.has(Flag::WRITERS_WAIT) || state.has(Flag::UPGRADE_WAITS) {
            self.wake_after_read(state);
        }
    }

    #[cold]
    fn wake_after_read(&self, state: State) {
        if state.has(Flag::UPGRADE_WAITS) && state.readers() == 1 {
            self.wake_upgrade();
        }
        self.hand_to_writer_if_free(state);
    }

    /// Hands the lock to a waiting writer, if the lock is free. No reader that arrives meanwhile gets in before it.
    #[cold]
    fn hand_to_writer_if_free(&self, mut state: State) {
        while state.is_free() && state.has(Flag::WRITERS_WAIT) {
            // Acquire: I3, so `wake_one` finds the writer that set the flag; and I2, so all readers' reads happen
            // before the writer that accepts the lock through its cell.
            match self.state.compare_exchange(state.0, state.with(Flag::WRITER).0, Acquire, Relaxed) {
                Ok(_) if self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Handed)) => return,
                // All writers that waited have given up, so this thread has the lock and releases it.
                Ok(_) => return self.let_in(),
                Err(found) => state = State(found),
            }
        }
    }
}

/// Waits for a moment and returns `true`, unless the thread has spun for long enough or its deadline has passed.
fn spins(backoff: &Backoff, until: Until<'_>) -> bool {
    let goes_on = !backoff.is_completed() && until.deadline.is_none_or(|deadline| deadline > now());
    if goes_on {
        backoff.snooze();
    }
    goes_on
}

impl Default for RawRwMutex {
    fn default() -> Self {
        RawRwMutex::new()
    }
}

impl fmt::Debug for RawRwMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (writer, readers) = self.holders();
        f.debug_struct("RawRwMutex").field("writer", &writer).field("readers", &readers).finish()
    }
}
