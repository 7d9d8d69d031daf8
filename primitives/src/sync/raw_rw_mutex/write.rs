//! Writers, and whom they let in.

use super::{
    READER, READERS_WAIT, RawRwMutex, Sleep, UPGRADE_WAITS, WRITER, WRITERS_WAIT, blocks_writers, is_free,
    readers,
};
use crate::queue::Wake;
use crate::rt::hint::Backoff;
use crate::rt::locks;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use crate::rt::time::now;
use std::time::Instant;

impl RawRwMutex {
    fn wake_writer(&self) {
        if !self.writers.get().is_some_and(|writers| writers.wake_one(Wake::Woken)) {
            // Those that waited have given up, and readers may sleep because of them.
            self.wake_readers();
        }
    }

    /// Wakes all readers that sleep; they look again.
    pub(super) fn wake_readers(&self) {
        // Acquire: we find whoever waits.
        if self.state.fetch_and(!READERS_WAIT, Acquire) & READERS_WAIT != 0
            && let Some(readers) = self.readers.get()
        {
            readers.wake_all();
        }
    }

    #[inline]
    pub(super) fn try_write(&self, others: usize) -> bool {
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        while is_free(state) {
            // Acquire: pairs with the Release of those before us: what they did happens before.
            // site: lock-exclusive
            match self.state.compare_exchange(state, state | WRITER | others, Acquire, Relaxed) {
                Ok(_) => {
                    self.took_write();
                    return true;
                }
                Err(found) => state = found,
            }
        }
        false
    }

    #[inline]
    pub(super) fn write_until(&self, deadline: Option<Instant>) -> bool {
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
            match self.sleep(self.writers.make(), WRITERS_WAIT, blocks_writers, deadline) {
                Sleep::Ended(Wake::Handed) => {
                    self.took_write();
                    return true;
                }
                Sleep::Ended(Wake::Woken) => others = WRITERS_WAIT,
                Sleep::TimedOut => {
                    self.give_up_writing();
                    return false;
                }
                Sleep::NotNeeded => (),
            }
        }
    }

    /// Readers may sleep because of us. Whoever else wanted to write looks again.
    #[cold]
    fn give_up_writing(&self) {
        // Acquire: we find whoever waits. Audit: it takes a third writer that comes between, more than the models have.
        self.state.fetch_and(!WRITERS_WAIT, Acquire);
        if let Some(writers) = self.writers.get() {
            writers.wake_all();
        }
        self.wake_readers();
    }

    #[inline]
    pub(super) fn end_write(&self) {
        self.held.with_mut(|_| ());
        locks::freed(self);
        // Release: what we wrote happens before the next one who takes it.
        // site: unlock-exclusive
        if self.state.compare_exchange(WRITER, 0, Release, Relaxed).is_err() {
            self.open();
        }
    }

    /// A writer that has counted itself as a reader, if it is to be one, lets in the readers that wait, and goes.
    #[cold]
    pub(super) fn open(&self) {
        // Relaxed: what is missed here is seen below.
        let state = self.state.load(Relaxed);
        assert!(state & WRITER != 0, "unlock of a RawRwMutex that nobody writes");
        let waiting = (state & READERS_WAIT != 0).then(|| self.readers.get()).flatten();
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
            // Acquire: we find whoever waits. Release: what we wrote happens before the next one who takes it.
            match self.state.compare_exchange(state, to, AcqRel, Relaxed) {
                Err(found) => state = found,
                Ok(_) => {
                    // Who has entered since then looks again.
                    if state & READERS_WAIT != 0
                        && let Some(readers) = self.readers.get()
                    {
                        readers.wake_all();
                    }
                    // It may have met a reader that we had counted and that was none.
                    if to & UPGRADE_WAITS != 0 && readers(to) == 1 {
                        self.wake_upgrade();
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
