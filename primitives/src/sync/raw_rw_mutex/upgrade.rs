//! The reader that may become a writer: one at a time, beside the other readers.
//!
//! Such readers take turns by a mutex. The one that has its turn is a reader like any other until it asks to write.
//! Then it waits until the other readers have left: `UPGRADE_WAITS` keeps new ones out, and the last that leaves wakes
//! it. As a writer it does not need the mutex any more.
//!
//! - **S2.** The upgradable reader owns [`Upgrades::turn`]: it locked the mutex before it was counted as a reader, and
//!   no other function unlocks it. So the upgradable reader may unlock the mutex, once, when it leaves or becomes a
//!   writer.

use super::{Flag, RawRwMutex, Sleep, State, spins};
use crate::queue::{Waiters, Wake};
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed};
use crate::sync::RawMutex;
use lock_api::{RawMutex as _, RawMutexTimed as _};
use std::time::Instant;

#[derive(Default)]
pub(super) struct Upgrades {
    /// Locked by the upgradable reader.
    turn: RawMutex,
    /// Where the upgradable reader waits for the other readers.
    waits: Waiters,
}

impl RawRwMutex {
    pub(super) fn try_upgradable(&self) -> bool {
        let turn = &self.upgrades.make().turn;
        turn.try_lock() && self.keeps_turn_if(self.try_read())
    }

    pub(super) fn upgradable_until(&self, deadline: Option<Instant>) -> bool {
        let turn = &self.upgrades.make().turn;
        match deadline {
            None => turn.lock(),
            Some(deadline) if !turn.try_lock_until(deadline) => return false,
            Some(_) => (),
        }
        self.keeps_turn_if(self.read_within(deadline.into()))
    }

    /// Returns `reads`, and unlocks `Upgrades::turn` if that is `false`. The calling thread has just locked it.
    fn keeps_turn_if(&self, reads: bool) -> bool {
        if !reads {
            // SAFETY: this thread has just locked the mutex, and has not become the upgradable reader (S2).
            unsafe { self.upgrades.make().turn.unlock() };
        }
        reads
    }

    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn release_upgradable(&self) {
        self.release_read();
        // SAFETY: S2: the caller is the upgradable reader, so this thread owns the mutex.
        unsafe { self.upgrades.make().turn.unlock() };
    }

    /// Makes the upgradable reader the writer, unless it must wait.
    ///
    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn try_upgrade_now(&self) -> bool {
        self.held.read();
        let mut state = State(self.state.load(Relaxed)); // Relaxed: the CAS below decides.
        while !state.blocks_upgrade() {
            let writer = state.without_reader().without(Flag::UPGRADE_WAITS).with(Flag::WRITER);
            // Acquire: I2; pairs with the Release in `release_read`, so the other readers' reads happen before this
            // thread's writes. With Relaxed they race (mutant at `upgrade`).
            // site: upgrade
            match self.state.compare_exchange(state.0, writer.0, Acquire, Relaxed) {
                Ok(_) => {
                    self.held.write();
                    // SAFETY: S2: the caller is the upgradable reader, so this thread owns the mutex.
                    unsafe { self.upgrades.make().turn.unlock() };
                    return true;
                }
                Err(found) => state = State(found),
            }
        }
        false
    }

    /// # Safety
    /// The caller is the upgradable reader.
    pub(super) unsafe fn upgrade_until(&self, deadline: Option<Instant>) -> bool {
        let backoff = Backoff::new();
        loop {
            // SAFETY: the caller is the upgradable reader, and stays it until this call returns `true`.
            if unsafe { self.try_upgrade_now() } {
                return true;
            }
            if spins(&backoff, deadline.into()) {
                continue;
            }
            let waits = &self.upgrades.make().waits;
            if let Sleep::GaveUp =
                self.sleep(waits, Flag::UPGRADE_WAITS, State::blocks_upgrade, deadline.into())
            {
                // Relaxed: only the upgradable reader sets or clears the flag, and clearing it publishes nothing;
                // `wake_readers` synchronizes with the readers that it kept out.
                self.state.fetch_and(!Flag::UPGRADE_WAITS.bit(), Relaxed);
                self.wake_readers();
                return false;
            }
        }
    }

    /// Wakes the upgradable reader, if it sleeps; called when the other readers have left.
    pub(super) fn wake_upgrade(&self) {
        // Acquire: I3; pairs with the Release CAS in `sleep`, so `wake_one` finds the reader that set the flag.
        if State(self.state.load(Acquire)).has(Flag::UPGRADE_WAITS)
            && let Some(upgrades) = self.upgrades.get()
        {
            upgrades.waits.wake_one(Wake::Woken);
        }
    }
}
