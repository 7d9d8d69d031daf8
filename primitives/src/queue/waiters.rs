//! The queue in which threads sleep: first come, first served, cancellable.
//!
//! Two counters on the [endless array](super): `entered` hands out places to threads that are about to wait, `woken`
//! to wakers. A waker takes a place only if a waiter has entered it, so it wakes the thread that has waited longest, or
//! finds that no thread waits; it never leaves a permit for a later waiter.
//!
//! ```text
//!  waiter  Empty → Waiting      it waits here                  Waiting, Empty → Cancelled  it gives up
//!  waker   Waiting → Woken      wakes it                       Empty → Woken   the waiter is on its way
//!          (or → Handed, with which the waker gives something away)
//!          Cancelled            the next place, then (nor is there one, if all of its segment's were given up)
//! ```
//!
//! So a wait ends once, by one compare-exchange, whether a waker ends it or the waiter gives up.
//!
//! A thread that waits for a condition enters, and then looks at the condition once more; a thread that changes the
//! condition does so, and then wakes. Both with SeqCst, so that one of them sees the other.
//!
//! This is CQS (Koval, Khalanskiy, Alistarh, PLDI 2023) without permits that are left for later waiters: a lock that
//! lets others barge in keeps its state in its own word, and has no use for permits; and without them a cancelled
//! wait needs no repair.

use super::wait_cell::{WaitCell, WaitPhase};
use super::{EndlessArray, Party, Place};
use crate::rt::bubble::Owner;
use crate::rt::park::Parker;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use crate::rt::task::Why;
use crate::rt::twin::is_twin;
use crate::rt::until::{Nudge, Stop, Until};
use std::time::Instant;

/// The parties of a cell.
const WAITER: Party = Party::First;
const WAKER: Party = Party::Second;

/// Cells in a segment, as a power of two.
const SHIFT: u32 = 3;

/// How a waker ended a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// The waiter is to look again.
    Woken,
    /// What the waiter waited for has been left to it.
    Handed,
}

impl Wake {
    const fn phase(self) -> WaitPhase {
        match self {
            Wake::Woken => WaitPhase::Woken,
            Wake::Handed => WaitPhase::Handed,
        }
    }
}

/// The queue of threads that sleep.
pub struct Waiters {
    array: EndlessArray<WaitCell>,
    entered: AtomicU64,
    woken: AtomicU64,
}

/// A place in the queue, to be waited in, or cancelled.
#[must_use = "a waker of the next place counts on a waiter in it"]
pub struct Ticket<'a> {
    waiters: &'a Waiters,
    number: u64,
}

impl Default for Waiters {
    fn default() -> Self {
        Waiters::with_segments(SHIFT)
    }
}

impl Waiters {
    /// Returns a queue with two to the power `shift` cells in a segment, so that small models come to a segment's end.
    pub fn with_segments(shift: u32) -> Waiters {
        Waiters { array: EndlessArray::new(shift, 0), entered: AtomicU64::new(0), woken: AtomicU64::new(0) }
    }

    /// Takes the next place.
    pub fn enter(&self) -> Ticket<'_> {
        // SeqCst: a waiter enters and then looks at its condition.
        Ticket { waiters: self, number: self.entered.fetch_add(1, SeqCst) }
    }

    /// Returns whether no thread waits, at some moment.
    pub fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        self.woken.load(Relaxed) >= self.entered.load(Relaxed)
    }

    /// Returns how many places have been entered so far.
    pub fn entered(&self) -> u64 {
        // SeqCst: a waker changes the condition and then reads how many have entered; a waiter does it in the other
        // order, so one of them sees the other.
        self.entered.load(SeqCst)
    }

    /// Wakes the thread that has waited longest; `false` if no thread waits.
    pub fn wake_one(&self, wake: Wake) -> bool {
        self.wake_one_of(u64::MAX, wake)
    }

    /// Wakes the thread that has waited longest, if its place is one of the first `limit`; `false` if no such thread
    /// waits.
    pub fn wake_one_of(&self, limit: u64, wake: Wake) -> bool {
        let mut number = self.woken.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            if number >= self.entered().min(limit) {
                return false;
            }
            // Relaxed: the CAS only decides which waker has the place; what the waker did goes through the cell. A CAS
            // on a number that is behind fails.
            match self.woken.compare_exchange(number, number + 1, Relaxed, Relaxed) {
                Ok(_) => match self.wake(number, wake) {
                    Ok(true) => return true,
                    Ok(false) => number += 1,
                    Err(next) => {
                        // Relaxed: the CAS only decides which waker goes on where. If it fails, others skip the cells
                        // that were given up.
                        number = match self.woken.compare_exchange(number + 1, next, Relaxed, Relaxed) {
                            Ok(_) => next,
                            Err(found) => found,
                        }
                    }
                },
                Err(found) => number = found,
            }
        }
    }

    /// Wakes all threads that wait now.
    pub fn wake_all(&self) {
        let end = self.entered();
        // Relaxed: the maximum only decides which waker has the places; what the waker did goes through the cells.
        let mut number = self.woken.fetch_max(end, Relaxed);
        while number < end {
            number = self.wake(number, Wake::Woken).map_or_else(|next| next, |_| number + 1);
        }
    }

    /// Ends the wait in a cell that is the caller's to wake; `false` if it was given up. Or the next number that has a
    /// cell, if all up to it were given up.
    fn wake(&self, number: u64, wake: Wake) -> Result<bool, u64> {
        // SAFETY: the caller's CAS of `woken` gave it the number alone, and it leaves the cell below, where it uses the
        // place for the last time.
        let place = unsafe { self.array.locate(WAKER, number)? };
        let ended = loop {
            let from = place.cell().phase();
            if !matches!(from, WaitPhase::Empty | WaitPhase::Waiting) {
                break None;
            }
            // Release: pairs with the Acquire in `WaitCell::phase`, read by `end`: what the waker did before happens
            // before the waiter goes on.
            // site: end-wait
            if place.cell().advance(from, wake.phase(), Release) {
                break Some(from);
            }
        };
        let slept = ended == Some(WaitPhase::Waiting);
        // SAFETY: this thread moved the cell out of `Waiting`, so the slot is its own. (A waiter that was still on its
        // way keeps the slot.)
        let sleeper = if slept { unsafe { place.aside().set(None) } } else { None };
        self.array.leave(place, WAKER);
        if let Some(sleeper) = sleeper {
            sleeper.unpark(); // site: wake-waiter
        }
        Ok(ended.is_some())
    }

    /// Takes, after a wait was given up, the places of wakers that would only find such cells, so that their memory is
    /// given back although no waker comes.
    fn skip_cancelled(&self) {
        let mut walk = None;
        loop {
            let number = self.woken.load(Relaxed); // Relaxed: the exchange decides.
            // Relaxed: the caller sees its own entry; entries that it does not see are left to the next thread that gives
            // up or wakes.
            if number >= self.entered.load(Relaxed) {
                return;
            }
            let walk = walk.get_or_insert_with(|| self.array.walk(WAKER));
            match walk.find(number) {
                Ok(place) if place.cell().phase() != WaitPhase::Cancelled => return,
                // Relaxed: the CAS only decides which thread has the place; a cell that was given up publishes nothing.
                Ok(place) => {
                    if self.woken.compare_exchange(number, number + 1, Relaxed, Relaxed).is_ok() {
                        walk.move_cursor();
                        self.array.leave(place, WAKER);
                    }
                }
                // Relaxed: the CAS only decides which thread has the places. It fails if the cell was not given up, but
                // done with long ago.
                Err(next) => _ = self.woken.compare_exchange(number, next, Relaxed, Relaxed),
            }
        }
    }
}

impl<'a> Ticket<'a> {
    fn place(&self) -> Place<'a, WaitCell> {
        // SAFETY: `enter` gave the number to this ticket alone, and the cell is left only by `give_up` and `end`, which
        // take the ticket.
        let place = unsafe { self.waiters.array.locate(WAITER, self.number) };
        place.unwrap_or_else(|_| unreachable!("a waker abandons no cell"))
    }

    /// Waits until a waker ends the wait, or until `deadline`: then `None`.
    pub fn wait(self, deadline: Option<Instant>) -> Option<Wake> {
        self.wait_for(Why::Permit, deadline.into())
    }

    /// Waits as [`wait`](Self::wait) does, and lets reports of goroutines name the reason.
    pub fn wait_for(self, why: Why, until: Until<'_>) -> Option<Wake> {
        self.wait_for_of(why, None, until)
    }

    /// Waits as [`wait_for`](Self::wait_for) does, for what belongs to this bubble.
    pub(crate) fn wait_for_of(self, why: Why, owner: Option<Owner>, until: Until<'_>) -> Option<Wake> {
        match until {
            Until { deadline, stop: None } => {
                self.wait_at(Parker::for_wait_of(why, || owner), deadline, false)
            }
            Until { deadline, stop: Some(stop) } => {
                let parker = Parker::for_stopped_wait(why, owner, stop);
                self.wait_unless_stopped(parker, deadline, stop)
            }
        }
    }

    /// Waits until a waker ends the wait; `None`: the deadline has passed, or the wait was stopped before. The parker is
    /// beside the waits of a goroutine, which may have to wait for a lock of what stops it.
    fn wait_unless_stopped(self, parker: Parker, deadline: Option<Instant>, stop: &dyn Stop) -> Option<Wake> {
        let Some(watched) = stop.watch(Nudge::Unpark(parker.unparker())) else { return self.cancel() };
        let woken = self.wait_at(parker, deadline, true);
        stop.unwatch(watched);
        woken
    }

    /// Waits in the cell. `is_shared`: the parker's permit may also come from what stops the wait.
    fn wait_at(self, parker: Parker, deadline: Option<Instant>, is_shared: bool) -> Option<Wake> {
        let place = self.place();
        // SAFETY: the phase is `Empty`, in which only the waiter uses the slot.
        unsafe { place.aside().set(Some(parker.unparker())) };
        // Release: publishes the unparker in the slot to the waker, whose Acquire is in `WaitCell::phase`.
        if !place.cell().advance(WaitPhase::Empty, WaitPhase::Waiting, Release) {
            // SAFETY: the CAS failed, so no waker has seen `Waiting`, and the slot is the waiter's.
            drop(unsafe { place.aside().set(None) });
            return Some(self.end(place));
        }
        if place.cell().changes_soon(deadline) || parker.park_deadline(deadline) {
            let trusts = !is_shared || is_twin(); // site: trust-permit
            // If the wait was stopped, the cell is still `Waiting`: the place is given up, unless a waker is faster.
            if trusts || place.cell().phase() != WaitPhase::Waiting {
                return Some(self.end(place));
            }
        }
        self.give_up(place, WaitPhase::Waiting)
    }

    /// Gives the place up without waiting; returns how it was woken, if a waker came first.
    pub fn cancel(self) -> Option<Wake> {
        let place = self.place();
        self.give_up(place, WaitPhase::Empty)
    }

    fn give_up(self, place: Place<'a, WaitCell>, from: WaitPhase) -> Option<Wake> {
        // Relaxed: nothing is handed over.
        // site: cancel-wait
        if !place.cell().advance(from, WaitPhase::Cancelled, Relaxed) {
            return Some(self.end(place));
        }
        // SAFETY: the CAS above moved the cell to `Cancelled`, in which no waker uses the slot.
        drop(unsafe { place.aside().set(None) });
        self.waiters.array.abandon(place, WAITER);
        self.waiters.skip_cancelled();
        None
    }

    /// Leaves the cell of a wait that a waker has ended.
    fn end(self, place: Place<'a, WaitCell>) -> Wake {
        let wake = if place.cell().phase() == WaitPhase::Handed { Wake::Handed } else { Wake::Woken };
        self.waiters.array.leave(place, WAITER);
        wake
    }
}
