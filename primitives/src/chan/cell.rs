//! A cell of a channel: where the send and the receive with the same ticket meet.

use crate::queue::{ArrayCell, State};
use crate::rt::cell::UnsafeCell;
use crate::rt::hint::Backoff;
use crate::rt::park::Unparker;
use crate::rt::sync::atomic::AtomicU8;
use crate::rt::sync::atomic::Ordering::{self, Acquire, SeqCst};
use crate::rt::time::now;
use core::mem::MaybeUninit;
use std::time::Instant;

/// The parties of a cell.
pub(super) const SENDER: usize = 0;
pub(super) const RECEIVER: usize = 1;
pub(super) const EXPANDER: usize = 2;

/// Where a cell is in its life; see the [module](super) for who moves it from where to where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Phase {
    /// Nobody has been here, and the cell is not part of the buffer.
    Empty,
    /// Nobody has been here, and a sender may leave a value and go.
    InBuffer,
    /// A value is here for the receiver.
    Full,
    /// A sender waits with its value.
    SenderWaits,
    /// A receiver waits.
    ReceiverWaits,
    /// The waiting receiver was given the value that is here.
    Handed,
    /// The waiting sender's value was taken.
    Taken,
    /// The receiver came and saw that its sender was under way, but not here.
    Broken,
    /// The waiting sender gave up, with its value.
    SenderGone,
    /// The waiting receiver gave up.
    ReceiverGone,
    /// The channel was closed before a sender came: there will be no value.
    Closed,
    /// The channel was closed while the sender waited: it goes, with its value.
    Refused,
}

impl Phase {
    const ALL: [Phase; 12] = [
        Phase::Empty,
        Phase::InBuffer,
        Phase::Full,
        Phase::SenderWaits,
        Phase::ReceiverWaits,
        Phase::Handed,
        Phase::Taken,
        Phase::Broken,
        Phase::SenderGone,
        Phase::ReceiverGone,
        Phase::Closed,
        Phase::Refused,
    ];

    pub(super) fn of(state: State) -> Phase {
        Phase::ALL[state.phase() as usize]
    }
}

/// What a fresh cell depends on.
pub(super) struct Setup {
    /// Cells before this one are part of the buffer from the start.
    pub(super) initial_end: u64,
    /// Whether receivers move the end of the buffer; if not, cells have no expander.
    pub(super) expands: bool,
}

pub(super) struct Cell<T> {
    state: AtomicU8,
    /// The sender's from the start; the receiver's once the phase says that a value is here for it.
    value: UnsafeCell<MaybeUninit<T>>,
    /// Written by whoever is about to wait, before the phase says so; taken by whoever ends the wait.
    waiter: UnsafeCell<Option<Unparker>>,
}

// SAFETY: the phases hand value and waiter from one thread to another; no two threads share them.
unsafe impl<T: Send> Send for Cell<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Cell<T> {}

impl<T> ArrayCell for Cell<T> {
    type Setup = Setup;

    fn new(ticket: u64, setup: &Setup) -> Self {
        let phase = if ticket < setup.initial_end { Phase::InBuffer } else { Phase::Empty };
        let mut state = State::new(phase as u8);
        if !setup.expands || phase == Phase::InBuffer {
            state = state.with_left(EXPANDER);
        }
        Cell {
            state: AtomicU8::new(state.bits()),
            value: UnsafeCell::new(MaybeUninit::uninit()),
            waiter: UnsafeCell::new(None),
        }
    }

    fn state(&self) -> &AtomicU8 {
        &self.state
    }
}

impl<T> Cell<T> {
    /// The state now. Acquire: pairs with the Release of whoever moved the cell there, so the value
    /// and the waiter that the phase promises are here.
    #[track_caller]
    pub(super) fn load(&self) -> State {
        State::from_bits(self.state.load(Acquire))
    }

    /// The state now, in the one order of all SeqCst operations; what it reads, later reads know too.
    #[track_caller]
    pub(super) fn look(&self) {
        self.state.load(SeqCst);
    }

    /// Moves the cell from exactly `from` to `to`; or the state found instead, read with Acquire.
    #[track_caller]
    pub(super) fn exchange(&self, from: State, to: State, order: Ordering) -> Result<(), State> {
        match self.state.compare_exchange(from.bits(), to.bits(), order, Acquire) {
            Ok(_) => Ok(()),
            Err(found) => Err(State::from_bits(found)),
        }
    }

    /// Moves the cell from one phase to another, whatever its other bits; or the state found, once
    /// the phase is another. Others only set their bits meanwhile, a bounded number of times. Whoever
    /// moved the cell to `from` is synchronised with by the load, so `order` is Release or Relaxed.
    #[track_caller]
    pub(super) fn advance(&self, from: Phase, to: Phase, order: Ordering) -> Result<State, State> {
        let mut state = self.load();
        while Phase::of(state) == from {
            match self.exchange(state, state.with_phase(to as u8), order) {
                Ok(()) => return Ok(state.with_phase(to as u8)),
                Err(found) => state = found,
            }
        }
        Err(state)
    }

    /// Looks for a moment whether somebody ends the wait in this phase, before the thread is parked. A
    /// deadline that has passed is not worth it.
    pub(super) fn changes_soon(&self, phase: Phase, deadline: Option<Instant>) -> bool {
        let backoff = Backoff::new();
        if deadline.is_some_and(|deadline| deadline <= now()) {
            return false;
        }
        while !backoff.is_completed() {
            if Phase::of(self.load()) != phase {
                return true;
            }
            backoff.snooze();
        }
        false
    }

    /// # Safety
    /// The value slot is the caller's, and empty.
    pub(super) unsafe fn put(&self, value: T) {
        self.value.with_mut(|slot| {
            // SAFETY: the caller's promise.
            unsafe { (*slot).write(value) };
        });
    }

    /// # Safety
    /// The value slot is the caller's, and full; it is empty from now on.
    pub(super) unsafe fn take(&self) -> T {
        self.value.with_mut(|slot| {
            // SAFETY: the caller's promise.
            unsafe { (*slot).assume_init_read() }
        })
    }

    /// # Safety
    /// The waiter slot is the caller's: nobody has been announced as waiting here, or the caller
    /// ended the wait.
    pub(super) unsafe fn set_waiter(&self, waiter: Unparker) {
        self.waiter.with_mut(|slot| {
            // SAFETY: the caller's promise.
            unsafe { *slot = Some(waiter) };
        });
    }

    /// # Safety
    /// As for [`set_waiter`](Self::set_waiter).
    pub(super) unsafe fn take_waiter(&self) -> Option<Unparker> {
        self.waiter.with_mut(|slot| {
            // SAFETY: the caller's promise.
            unsafe { (*slot).take() }
        })
    }
}

impl<T> Drop for Cell<T> {
    fn drop(&mut self) {
        let state = State::from_bits(self.state.with_mut(|bits| *bits));
        if Phase::of(state) == Phase::Full && !state.has_left(RECEIVER) {
            // SAFETY: a value was left here and its receiver has not been here; nobody else is left.
            drop(unsafe { self.take() });
        }
    }
}
