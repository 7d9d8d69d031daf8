//! Readers that may become writers: one at a time, beside the others.
//!
//! They take turns by a mutex, and each is a reader like any other until it asks for more. Then it waits until the
//! other readers have left: `UPGRADE_WAITS` keeps new ones out, and the last that leaves wakes it. As a writer it
//! does not need the mutex any more.

use super::{READER, RawRwMutex, Sleep, UPGRADE_WAITS, WRITER, readers};
use crate::queue::Waiters;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::rt::time::now;
use crate::sync::RawMutex;
use lock_api::{RawMutex as _, RawMutexTimed as _};
use std::time::Instant;

#[derive(Default)]
pub(super) struct Upgrades {
    /// Whose turn it is.
    turn: RawMutex,
    /// Where it waits for the other readers.
    waits: Waiters,
}

/// Whether the upgradable reader must wait: for other readers, or for the writer that let it in and is not gone yet.
const fn blocks_upgrade(state: usize) -> bool {
    state & WRITER != 0 || readers(state) > 1
}

impl RawRwMutex {
    pub(super) fn try_upgradable(&self) -> bool {
        let turn = &self.upgrades.make().turn;
        if !turn.try_lock() {
            return false;
        }
        let reads = self.try_read();
        if !reads {
            // SAFETY: we have it.
            unsafe { turn.unlock() };
        }
        reads
    }

    pub(super) fn upgradable_until(&self, deadline: Option<Instant>) -> bool {
        let turn = &self.upgrades.make().turn;
        match deadline {
            None => turn.lock(),
            Some(deadline) if !turn.try_lock_until(deadline) => return false,
            Some(_) => (),
        }
        let reads = self.read_until(deadline);
        if !reads {
            // SAFETY: we have it.
            unsafe { turn.unlock() };
        }
        reads
    }

    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn end_upgradable(&self) {
        self.end_read();
        // SAFETY: the caller's promise.
        unsafe { self.upgrades.make().turn.unlock() };
    }

    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn try_upgrade_now(&self) -> bool {
        self.held.with(|_| ());
        let mut state = self.state.load(Relaxed); // Relaxed: the exchange decides.
        while !blocks_upgrade(state) {
            let writer = (state - READER) & !UPGRADE_WAITS | WRITER;
            // Acquire: pairs with the Release of the readers that left: what they read was before.
            // site: upgrade
            match self.state.compare_exchange(state, writer, Acquire, Relaxed) {
                Ok(_) => {
                    self.held.with_mut(|_| ());
                    // SAFETY: the caller's promise.
                    unsafe { self.upgrades.make().turn.unlock() };
                    return true;
                }
                Err(found) => state = found,
            }
        }
        false
    }

    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn upgrade_until(&self, deadline: Option<Instant>) -> bool {
        let backoff = Backoff::new();
        loop {
            // SAFETY: the caller's promise.
            if unsafe { self.try_upgrade_now() } {
                return true;
            }
            if !backoff.is_completed() && deadline.is_none_or(|deadline| deadline > now()) {
                backoff.snooze();
                continue;
            }
            let waits = &self.upgrades.make().waits;
            if let Sleep::TimedOut = self.sleep(waits, UPGRADE_WAITS, blocks_upgrade, deadline) {
                // Relaxed: it says only that readers need not wait for us.
                self.state.fetch_and(!UPGRADE_WAITS, Relaxed);
                self.wake_readers();
                return false;
            }
        }
    }

    /// The other readers have left.
    pub(super) fn wake_upgrade(&self) {
        // Acquire: we find whoever waits.
        if self.state.load(Acquire) & UPGRADE_WAITS != 0
            && let Some(upgrades) = self.upgrades.get()
        {
            upgrades.waits.wake_one(crate::queue::Wake::Woken);
        }
    }
}
