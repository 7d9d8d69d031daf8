//! A cell in which a thread sleeps; [`Waiters`](super::Waiters) says which step moves it from which phase to which.

use super::{ArrayCell, CellPhase, State};
use crate::rt::cell::UnsafeCell;
use crate::rt::park::Unparker;
use crate::rt::spin_wait;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{self, Acquire, Relaxed};
use std::time::Instant;

/// Where a wait is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum WaitPhase {
    /// Nobody has been here.
    Empty,
    /// The waiter sleeps here.
    Waiting,
    /// A waker has been here: the waiter is to look again.
    Woken,
    /// A waker has been here, and has left to the waiter what it waited for.
    Handed,
    /// The waiter gave up.
    Cancelled,
}

impl CellPhase for WaitPhase {
    const FRESH: WaitPhase = WaitPhase::Empty;

    #[inline]
    fn number(self) -> u8 {
        self as u8
    }

    #[inline]
    fn from_number(number: u8) -> WaitPhase {
        use WaitPhase::{Cancelled, Empty, Handed, Waiting, Woken};
        [Empty, Waiting, Woken, Handed, Cancelled][usize::from(number)]
    }
}

pub(super) struct WaitCell(AtomicU8);

impl Default for WaitCell {
    fn default() -> Self {
        WaitCell(AtomicU8::new(State::new(WaitPhase::FRESH).bits()))
    }
}

impl ArrayCell for WaitCell {
    type Aside = Sleeper;
    type Phase = WaitPhase;

    fn state(&self) -> &AtomicU8 {
        &self.0
    }

    unsafe fn renew(&self, aside: Option<&Sleeper>) {
        // SAFETY: `Segment::renew`, the only caller, has the segment alone, and so the cell, which both parties have
        // left.
        unsafe { self.0.unsync_store(State::new(WaitPhase::FRESH).bits()) };
        if let Some(sleeper) = aside {
            // SAFETY: the slot belongs to the cell, which `Segment::renew`, the only caller, has alone.
            drop(unsafe { sleeper.set(None) });
        }
    }
}

/// The slot for the thread that waits in a cell: written before the phase says so, taken by the thread that ends the
/// wait.
#[derive(Default)]
pub(super) struct Sleeper(UnsafeCell<Option<Unparker>>);

// SAFETY: the cell's phase says which one thread owns the slot.
unsafe impl Send for Sleeper {}
// SAFETY: the cell's phase says which one thread owns the slot, so no two use it at the same time.
unsafe impl Sync for Sleeper {}

impl Sleeper {
    /// # Safety
    /// The slot is the caller's: the phase is not `Waiting` yet, or the caller moved the cell out of `Waiting`.
    pub(super) unsafe fn set(&self, unparker: Option<Unparker>) -> Option<Unparker> {
        self.0.with_mut(|slot| {
            // SAFETY: the slot is the caller's alone, by this function's contract.
            core::mem::replace(unsafe { &mut *slot }, unparker)
        })
    }
}

impl WaitCell {
    /// Moves the cell from one phase to another, whatever its other bits; `false` if it is in a third. A caller that
    /// relies on what the third phase promises reads it by [`phase`](Self::phase).
    #[track_caller]
    pub(super) fn advance(&self, from: WaitPhase, to: WaitPhase, order: Ordering) -> bool {
        // Relaxed: the compare-exchange decides.
        let mut state = State::from_bits(self.0.load(Relaxed));
        while state.phase() == from {
            match self.0.compare_exchange(state.bits(), state.with_phase(to).bits(), order, Relaxed) {
                Ok(_) => return true,
                Err(found) => state = State::from_bits(found),
            }
        }
        false
    }

    pub(super) fn phase(&self) -> WaitPhase {
        // Acquire: pairs with the Release in `Waiters::wake` (what the waker did happens before the wait ends) and with
        // the Release in `Ticket::wait` (the waiter is in its slot).
        State::<WaitPhase>::from_bits(self.0.load(Acquire)).phase()
    }

    /// Looks for a moment whether somebody ends the wait, before the thread is parked. A deadline that has
    /// passed is not worth it.
    pub(super) fn changes_soon(&self, deadline: Option<Instant>) -> bool {
        spin_wait::before_park(deadline, || self.phase() != WaitPhase::Waiting)
    }
}
