//! Writers, and the threads that they let in when they leave.

use super::{Flag, NOBODY_WRITES, RawRwMutex, Sleep, State, spins};
use crate::queue::Wake;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::rt::until::Until;

impl RawRwMutex {
    fn wake_writer(&self) {
        if !self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Woken)) {
            // All writers that waited have given up, and readers may sleep behind them.
            self.wake_readers();
        }
    }

    /// Wakes all readers that sleep; each tries again.
    pub(super) fn wake_readers(&self) {
        // Acquire: I3; pairs with the Release CAS in `sleep`, so `wake_all` finds the readers that set the flag.
        if State(self.state.fetch_and(!Flag::READERS_WAIT.bit(), Acquire)).has(Flag::READERS_WAIT)
            && let Some(readers) = self.readers.get()
        {
            readers.wake_all();
        }
    }

    /// Takes the lock as a writer, unless a writer must wait, and sets `also` in the same step.
    #[inline]
    pub(super) fn try_write(&self, also: Option<Flag>) -> bool {
        let mut state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
        while state.is_free() {
            let locked = state.with(Flag::WRITER);
            let locked = also.map_or(locked, |flag| locked.with(flag));
            // Acquire: I2; pairs with the Release in `release_read`, `release_write` and `let_in`, so the accesses of
            // earlier owners happen before this writer's. With Relaxed they race (mutant at `lock-exclusive`).
            // site: lock-exclusive
            match self.state.compare_exchange(state.0, locked.0, Acquire, Relaxed) {
                Ok(_) => {
                    self.note_write();
                    return true;
                }
                Err(found) => state = State(found),
            }
        }
        false
    }

    #[inline]
    pub(super) fn write_within(&self, until: Until<'_>) -> bool {
        self.try_write(None) || self.write_slow(until)
    }

    #[cold]
    fn write_slow(&self, until: Until<'_>) -> bool {
        // A writer that was woken cannot tell whether others still sleep, and sets their flag again.
        let mut others = None;
        let backoff = Backoff::new();
        loop {
            if self.try_write(others) {
                return true;
            }
            if spins(&backoff, until) {
                continue;
            }
            match self.sleep(self.writers.make(), Flag::WRITERS_WAIT, State::blocks_writers, until) {
                Sleep::Ended(Wake::Handed) => {
                    self.note_write();
                    return true;
                }
                Sleep::Ended(Wake::Woken) => others = Some(Flag::WRITERS_WAIT),
                Sleep::GaveUp => {
                    self.give_up_writing();
                    return false;
                }
                Sleep::NotNeeded => (),
            }
        }
    }

    /// Clears the flag that this writer set, and wakes the readers that sleep behind it. Other writers that sleep are
    /// woken, and set the flag again.
    #[cold]
    fn give_up_writing(&self) {
        // Acquire: I3; pairs with the Release CAS in `sleep`, so `wake_all` finds every writer whose flag this clears. With
        // Relaxed it may miss one, which then sleeps though nobody has its flag (mutant at `give-up-writing`). If this clears
        // nothing, readers wait for a writer that has gone (another mutant there).
        self.state.fetch_and(!Flag::WRITERS_WAIT.bit(), Acquire); // site: give-up-writing
        if let Some(writers) = self.writers.get() {
            writers.wake_all();
        }
        self.wake_readers();
    }

    #[inline]
    pub(super) fn release_write(&self) {
        self.held.write();
        locks::freed(self);
        let (locked, free) = (State::FREE.with(Flag::WRITER).0, State::FREE.0);
        // Release: I2; publishes this writer's accesses to the next owner, whose Acquire CAS is in `try_read` or
        // `try_write`. With Relaxed they race (mutant at `unlock-exclusive`).
        // site: unlock-exclusive
        if self.state.compare_exchange(locked, free, Release, Relaxed).is_err() {
            self.let_in();
        }
    }

    /// Hands the lock to the readers that sleep, clears `WRITER`, and wakes the next waiter. The calling writer no
    /// longer touches the data; if it stays as a reader, it has counted itself.
    #[cold]
    pub(super) fn let_in(&self) {
        // Relaxed: a reader whose flag this load misses is woken below, after the CAS.
        let state = State(self.state.load(Relaxed));
        assert!(state.has(Flag::WRITER), "{NOBODY_WRITES}");
        if state.has(Flag::READERS_WAIT) {
            self.hand_to_readers();
        }
        let mut state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
        loop {
            // The readers that were let in may have left already; then this thread wakes the next writer.
            let mut to = state.without(Flag::WRITER).without(Flag::READERS_WAIT);
            if to.readers() == 0 {
                to = to.without(Flag::WRITERS_WAIT);
            }
            // Acquire: I3, so this thread finds the sleepers whose flags it clears. Release: I2; publishes this
            // writer's accesses to the next owner.
            match self.state.compare_exchange(state.0, to.0, AcqRel, Relaxed) {
                Err(found) => state = State(found),
                Ok(_) => return self.wake_after_write(state, to),
            }
        }
    }

    /// Counts the readers that sleep now, one by one, and hands each the lock.
    fn hand_to_readers(&self) {
        let Some(waiting) = self.readers.get() else { return };
        // Readers that enter later are not among them, so the loop ends.
        let end = waiting.entered();
        loop {
            // Relaxed, here and below: a reader that is let in synchronizes with this writer through its cell, and no
            // other thread acts on the count while `WRITER` is set.
            self.state.fetch_add(State::READER, Relaxed);
            if !waiting.wake_one_of(end, Wake::Handed) {
                self.state.fetch_sub(State::READER, Relaxed);
                return;
            }
        }
    }

    /// Wakes the threads that the change of the state from `before` to `after` leaves without a waker.
    fn wake_after_write(&self, before: State, after: State) {
        // Readers that have entered the queue since `hand_to_readers` looked try again.
        if before.has(Flag::READERS_WAIT)
            && let Some(readers) = self.readers.get()
        {
            readers.wake_all();
        }
        // The upgradable reader may sleep because of `WRITER`, or of a reader that `hand_to_readers` counted in vain.
        if after.has(Flag::UPGRADE_WAITS) && after.readers() == 1 {
            self.wake_upgrade();
        }
        if before.has(Flag::WRITERS_WAIT) && !after.has(Flag::WRITERS_WAIT) {
            self.wake_writer();
        }
    }
}
