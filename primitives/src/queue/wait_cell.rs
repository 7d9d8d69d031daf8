//! A cell in which a thread sleeps; see [`Waiters`](super::Waiters) for who moves it from where to where.

use super::{ArrayCell, State};
use crate::rt::cell::UnsafeCell;
use crate::rt::park::Unparker;
use crate::rt::spin_wait;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{self, Acquire, Relaxed};
use std::time::Instant;

pub(super) const EMPTY: u8 = 0;
pub(super) const WAITING: u8 = 1;
pub(super) const WOKEN: u8 = 2;
pub(super) const HANDED: u8 = 3;
pub(super) const CANCELLED: u8 = 4;

pub(super) struct WaitCell(AtomicU8);

impl Default for WaitCell {
    fn default() -> Self {
        WaitCell(AtomicU8::new(State::new(EMPTY).bits()))
    }
}

impl ArrayCell for WaitCell {
    type Aside = Sleeper;

    fn state(&self) -> &AtomicU8 {
        &self.0
    }

    unsafe fn renew(&self, aside: &Sleeper) {
        // SAFETY: the caller has the cell alone.
        unsafe { self.0.unsync_store(State::new(EMPTY).bits()) };
        // SAFETY: and so its slot.
        drop(unsafe { aside.set(None) });
    }
}

/// Who waits in a cell: written before the phase says so, taken by whoever ends the wait.
#[derive(Default)]
pub(super) struct Sleeper(UnsafeCell<Option<Unparker>>);

// SAFETY: the phases say whose it is.
unsafe impl Send for Sleeper {}
// SAFETY: as above.
unsafe impl Sync for Sleeper {}

impl Sleeper {
    /// # Safety
    /// The slot is the caller's: nobody has been told of a waiter yet, or the caller ended its wait.
    pub(super) unsafe fn set(&self, unparker: Option<Unparker>) -> Option<Unparker> {
        self.0.with_mut(|slot| {
            // SAFETY: the caller's promise.
            core::mem::replace(unsafe { &mut *slot }, unparker)
        })
    }
}

impl WaitCell {
    /// Moves the cell from one phase to another, whatever its other bits; `false` if it is in a third. Who relies on
    /// what that one promises reads it by `phase`.
    #[track_caller]
    pub(super) fn advance(&self, from: u8, to: u8, order: Ordering) -> bool {
        let mut state = State::from_bits(self.0.load(Relaxed));
        while state.phase() == from {
            match self.0.compare_exchange(state.bits(), state.with_phase(to).bits(), order, Relaxed) {
                Ok(_) => return true,
                Err(found) => state = State::from_bits(found),
            }
        }
        false
    }

    pub(super) fn phase(&self) -> u8 {
        // Acquire: what the waker did before happens before; or the waiter is here.
        State::from_bits(self.0.load(Acquire)).phase()
    }

    /// Looks for a moment whether somebody ends the wait, before the thread is parked. A deadline that has
    /// passed is not worth it.
    pub(super) fn changes_soon(&self, deadline: Option<Instant>) -> bool {
        spin_wait::before_park(deadline, || self.phase() != WAITING)
    }
}
