//! The lock behind [`Mutex`](super::Mutex).
//!
//! A thread that finds the lock taken spins for a moment, sets `CONTENDED`, enters the queue and sleeps. An unlock
//! subtracts `LOCKED`. If it finds `CONTENDED`, it then clears that flag and wakes the thread that has slept longest, which
//! competes with newcomers. A thread that has lost for longer than [`PATIENCE`] sets `STARVING`: then no thread takes the
//! lock, and the unlocking thread sets `LOCKED` again and hands the lock to the first sleeper.
//!
//! - **I1 (exclusion).** The lock is taken by one CAS from a state without `LOCKED` and `STARVING` to one with `LOCKED`, or by
//!   a hand-over: the owner ends the wait of one sleeper with [`Wake::Handed`] and leaves `LOCKED` set. Only the owner
//!   subtracts `LOCKED`. If the owner finds `STARVING` then, it still owns the lock: `STARVING` is set only in a state that is
//!   taken, and cleared only by the owner. So at any moment at most one thread owns the lock.
//! - **I2 (no lost wake-up).** A thread that is about to sleep enters the queue and then reads the state; `unlock_slow`
//!   writes the state and then reads the queue. All four accesses are SeqCst, so either the thread sees the lock
//!   released or the flag cleared, and does not sleep, or the unlocking thread finds a sleeper in the queue. The thread that
//!   is woken sets `CONTENDED` again, since others may still sleep. The fast path of an unlock needs no part in this: it ends
//!   there only if `CONTENDED` is not set.

use crate::queue::{LazyWaiters, Wake};
use crate::race_probe::RaceProbe;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::AtomicUsize;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::task::Why;
use crate::rt::time::now;
use crate::rt::until::Until;
use crate::spec;
use core::fmt;
use std::time::{Duration, Instant};

/// A set of flags, the word of a [`RawMutex`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct State(usize);

impl State {
    /// No flag: the lock is free, and no thread sleeps.
    const FREE: State = State(0);
    /// A thread owns the lock, and does not release it now.
    const LOCKED: State = State(1);
    /// A thread may sleep, so an unlock wakes one.
    const CONTENDED: State = State(2);
    /// A sleeper has lost for longer than [`PATIENCE`], so the owner hands the lock over.
    const STARVING: State = State(4);

    const fn has(self, flags: State) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns whether a thread owns the lock (I1).
    const fn is_taken(self) -> bool {
        self.0 & (State::LOCKED.0 | State::STARVING.0) != 0
    }

    const fn with(self, flags: State) -> State {
        State(self.0 | flags.0)
    }
}

/// For how long a waiter loses to newcomers before it asks for the lock to be handed over.
const PATIENCE: Duration = Duration::from_millis(1);

const NOT_LOCKED: &str = "unlock of a RawMutex that is not locked";

/// To whom an unlock gives the lock.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unlock {
    /// To the first thread that takes it, unless a sleeper starves.
    Barging,
    /// To the thread that has slept longest.
    Fair,
}

/// The lock itself, for use through [`lock_api`] with data of your own; [`Mutex`](super::Mutex) is the usual way.
///
/// Two words, and a queue that is allocated when a thread first sleeps.
///
/// ```
/// use lock_api::RawMutex as _;
/// use selvedge::sync::RawMutex;
/// let lock = RawMutex::new();
/// lock.lock();
/// assert!(!lock.try_lock());
/// // SAFETY: this thread locked it above, and owns it.
/// unsafe { lock.unlock() };
/// assert!(!lock.is_locked());
/// ```
pub struct RawMutex {
    state: AtomicUsize,
    queue: LazyWaiters,
    /// Written when the lock is taken and when it is released.
    held: RaceProbe,
    spec: spec::Mutex,
}

impl RawMutex {
    constructor! {
        /// Creates an unlocked lock.
        ///
        /// ```
        /// use lock_api::RawMutex as _;
        /// assert!(selvedge::sync::RawMutex::new().try_lock());
        /// ```
        pub fn new() -> RawMutex {
            RawMutex {
                state: AtomicUsize::new(State::FREE.0),
                queue: LazyWaiters::new(),
                held: RaceProbe::new(),
                spec: spec::Mutex::new("mutex"),
            }
        }
    }

    /// Creates an unlocked lock for a static, and otherwise as [`new`](Self::new) does.
    pub const fn const_new() -> RawMutex {
        RawMutex {
            state: AtomicUsize::const_new(State::FREE.0),
            queue: LazyWaiters::const_new(),
            held: RaceProbe::const_new(),
            spec: spec::Mutex::const_new("mutex"),
        }
    }

    /// Returns whether a thread sleeps or is about to; for models.
    #[doc(hidden)]
    pub fn has_sleepers(&self) -> bool {
        self.queue.get().is_some_and(|queue| !queue.is_empty())
    }

    #[inline]
    fn note_taken(&self) {
        self.held.write();
        locks::taken(self, "Mutex");
    }

    /// Notes whether the specified lock has been taken.
    #[track_caller]
    fn note_result(&self, taken: bool) -> bool {
        match taken {
            true => locks::taken(self, "Mutex"),
            false => locks::given_up(),
        }
        taken
    }

    #[inline]
    fn try_take(&self) -> bool {
        let (free, locked) = (State::FREE.0, State::LOCKED.0);
        // Acquire: pairs with the Release in `release`, so the last owner's accesses happen before this owner's. With Relaxed the two race (mutant at `lock`).
        let taken = self.state.compare_exchange(free, locked, Acquire, Relaxed).is_ok(); // site: lock
        if taken {
            self.note_taken();
        }
        taken
    }

    /// Locks, or returns `false` when the wait may last no longer.
    #[inline]
    pub(crate) fn lock_within(&self, until: Until<'_>) -> bool {
        if self.spec.is_specified() {
            locks::wanted(self, "Mutex");
            return self.note_result(self.spec.lock_within(until));
        }
        self.try_take() || self.lock_slow(until)
    }

    #[cold]
    fn lock_slow(&self, until: Until<'_>) -> bool {
        // What to set beside `LOCKED`. A thread that was woken cannot tell whether others still sleep.
        let mut others = State::FREE;
        let mut asleep_since = None;
        // Whether this thread has stood in the queue and left it without the lock.
        let mut has_lost = false;
        let backoff = Backoff::new();
        loop {
            let state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
            if !state.is_taken() {
                let locked = state.with(State::LOCKED).with(others);
                // Acquire: pairs with the Release in `release`, as the CAS in `try_take` does.
                if self.state.compare_exchange(state.0, locked.0, Acquire, Relaxed).is_ok() {
                    self.note_taken();
                    return true;
                }
                continue;
            }
            // A deadline that has passed leaves no time to spin.
            let hurries = until.deadline.is_some_and(|deadline| deadline <= now());
            if state == State::LOCKED && !backoff.is_completed() && !hurries {
                backoff.snooze();
                continue;
            }
            let since = *asleep_since.get_or_insert_with(now);
            let starves = has_lost && now().saturating_duration_since(since) > PATIENCE;
            let wanted = if starves { State::STARVING } else { State::FREE };
            let marked = state.with(State::CONTENDED).with(wanted);
            // Relaxed: the flags publish nothing; the SeqCst load below decides whether to sleep. If this CAS changes
            // nothing, no unlock hands the lock over (mutant at `mark-starving`).
            // site: mark-starving
            if marked != state && self.state.compare_exchange(state.0, marked.0, Relaxed, Relaxed).is_err() {
                continue;
            }
            locks::wanted(self, "Mutex");
            let ticket = self.queue.make().enter();
            // SeqCst: I2, with `unlock_slow`. With Acquire both could miss each other, and this thread sleeps for ever.
            let state = State(self.state.load(SeqCst));
            let still = state.is_taken() && state.has(State::CONTENDED);
            match if still { ticket.wait_for(Why::Lock, until) } else { ticket.cancel() } {
                Some(Wake::Handed) => {
                    self.accept(since);
                    return true;
                }
                Some(Wake::Woken) => others = State::CONTENDED,
                None if still => {
                    locks::given_up();
                    return false;
                }
                None => (),
            }
            has_lost = true;
        }
    }

    /// Takes over the lock that its last owner handed to this thread.
    fn accept(&self, since: Instant) {
        self.note_taken();
        let patient = now().saturating_duration_since(since) <= PATIENCE;
        if patient || self.queue.get().is_none_or(|queue| queue.is_empty()) {
            // Relaxed: the flag chooses how the next unlock goes, and publishes nothing.
            self.state.fetch_and(!State::STARVING.0, Relaxed);
        }
    }

    #[inline]
    fn release(&self, how: Unlock) {
        if self.spec.is_specified() {
            locks::freed(self);
            return assert!(self.spec.unlock(), "{NOT_LOCKED}");
        }
        self.held.write();
        locks::freed(self);
        if how == Unlock::Fair && self.hands_over() {
            return;
        }
        // Release: publishes this owner's accesses to the next owner, whose Acquire CAS in `try_take` or `lock_slow`
        // reads this write or a read-modify-write after it. With Relaxed the two race (mutant at `unlock`).
        let before = State(self.state.fetch_sub(State::LOCKED.0, Release)); // site: unlock
        if before != State::LOCKED {
            self.unlock_slow(before);
        }
    }

    /// Hands the lock, which this thread owns, to the thread that has slept longest, if one sleeps.
    #[cold]
    fn hands_over(&self) -> bool {
        // This publishes the owner's accesses through the sleeper's cell: `wake_one` is a Release there.
        self.queue.get().is_some_and(|queue| queue.wake_one(Wake::Handed))
    }

    /// Goes on with an unlock that has subtracted `LOCKED` from the state `before`.
    #[cold]
    fn unlock_slow(&self, before: State) {
        if !before.has(State::LOCKED) {
            self.state.fetch_add(State::LOCKED.0, Relaxed); // Relaxed: undoes the caller's mistake, and publishes nothing.
            panic!("{NOT_LOCKED}");
        }
        let mut cleared = State::CONTENDED;
        if before.has(State::STARVING) {
            // Relaxed: this thread still owns the lock (I1), so there is nothing to acquire or to publish.
            self.state.fetch_add(State::LOCKED.0, Relaxed);
            if self.hands_over() {
                return;
            }
            // All sleepers have given up.
            cleared = cleared.with(State::LOCKED).with(State::STARVING);
        }
        // SeqCst: I2, with `lock_slow`, which enters the queue and then reads the state. With AcqRel both could miss each
        // other, and that thread sleeps for ever. If this clears nothing, a lock whose starving sleeper has given up stays
        // locked (mutant at `clear-flags`).
        self.state.fetch_and(!cleared.0, SeqCst); // site: clear-flags
        if let Some(queue) = self.queue.get() {
            queue.wake_one(Wake::Woken);
        }
    }
}

impl Default for RawMutex {
    fn default() -> Self {
        RawMutex::new()
    }
}

impl fmt::Debug for RawMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawMutex").field("locked", &lock_api::RawMutex::is_locked(self)).finish()
    }
}

// SAFETY: I1: while one thread owns the lock, no other call of `lock` or `try_lock` takes it.
unsafe impl lock_api::RawMutex for RawMutex {
    #[allow(clippy::declare_interior_mutable_const, reason = "lock_api wants it")]
    const INIT: RawMutex = RawMutex::const_new();
    type GuardMarker = lock_api::GuardSend;

    #[inline]
    #[track_caller]
    fn lock(&self) {
        self.lock_within(Until::default());
    }

    #[inline]
    #[track_caller]
    fn try_lock(&self) -> bool {
        if self.spec.is_specified() {
            return self.note_result(self.spec.try_lock());
        }
        self.try_take()
    }

    #[inline]
    #[track_caller]
    unsafe fn unlock(&self) {
        self.release(Unlock::Barging);
    }

    fn is_locked(&self) -> bool {
        if self.spec.is_specified() {
            return self.spec.is_locked();
        }
        State(self.state.load(Relaxed)).is_taken() // Relaxed: a hint, stale when it returns.
    }
}

// SAFETY: I1 covers the hand-over: the sleeper becomes the owner in the moment in which the caller stops being it.
unsafe impl lock_api::RawMutexFair for RawMutex {
    #[track_caller]
    unsafe fn unlock_fair(&self) {
        self.release(Unlock::Fair);
    }
}

// SAFETY: I1: both functions return `true` only if this thread took the lock by a CAS or was handed it.
unsafe impl lock_api::RawMutexTimed for RawMutex {
    type Duration = Duration;
    type Instant = Instant;

    #[track_caller]
    fn try_lock_for(&self, timeout: Duration) -> bool {
        self.lock_within(now().checked_add(timeout).into())
    }

    #[track_caller]
    fn try_lock_until(&self, deadline: Instant) -> bool {
        self.lock_within(Some(deadline).into())
    }
}
