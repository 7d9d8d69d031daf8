//! Sending without waiting, at the cost of the oldest value.
//!
//! A forced send takes a ticket as any other. Without a place in the buffer it leaves its value in its cell all the
//! same, *beyond* the end: `Empty → Full`. (So does the value of a select whose cell was broken.) Then each forced
//! send, with a place or without, looks whether a forced value is beyond the end. If so, the send takes a receiver's
//! ticket, and by that the oldest value out, once: this makes the buffer one place longer, as every receive does. Of
//! several forced sends at the same time one may make the place for another's value; each of them takes one value out
//! unless it finds, after its own has come, that none is beyond the end. So none is when all have ended, but for those
//! behind senders that wait: these keep their turn and get the places first.

use crate::chan::algorithm::cell::{Phase, Place, RECEIVER, SENDER, leave_by};
use crate::chan::algorithm::chan::{Blocking, Capacity, Chan};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::recv::Accepted;
use crate::chan::algorithm::send::{NotSent, Offered};
use crate::chan::algorithm::undelivered::Delivery;
use crate::rt::hint;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};

impl<T> Chan<T> {
    /// Sends a value at once, and takes the oldest one out if there is no room; or gives the value back if the channel
    /// is closed.
    pub(in crate::chan) fn force_send(&self, value: T) -> Result<Option<T>, T> {
        if let Some(spec) = self.spec.specified() {
            return self.force_send_specified(spec, value);
        }
        let Capacity::Bounded(capacity) = self.capacity() else {
            return match self.send(value, Blocking::Never) {
                Ok(()) => Ok(None),
                Err((value, NotSent::Closed)) => Err(value),
                Err((value, NotSent::NoRoom)) => Ok(Some(value)),
            };
        };
        match self.push(value) {
            Ok(beyond) => {
                if let Some(ticket) = beyond {
                    // SeqCst: comes before the look at the end in `oldest_place`. Not model-checked: no model relies on
                    // it within the audit's bounds.
                    self.forced.fetch_max(ticket + 1, SeqCst); // site: note-forced
                }
                Ok(self.take_oldest(capacity as u64))
            }
            Err(value) => deferred::settle_with(Err(value)),
        }
    }

    /// Sends a value at once, beyond the end of the buffer if need be: then this returns its ticket.
    pub(in crate::chan) fn push(&self, mut value: T) -> Result<Option<u64>, T> {
        loop {
            let Ok((ticket, place)) = self.send_place(Blocking::FOREVER) else { return Err(value) };
            // SAFETY: S2: this send has the ticket, and the slot is empty.
            unsafe { place.cell().put(value) };
            let mut state = place.cell().load();
            loop {
                match self.offer(place, state, ticket, None, Delivery::First) {
                    Offered::Sent => return Ok(None),
                    Offered::Poisoned => break,
                    Offered::MustWait(found) => {
                        let full = found.with_phase(Phase::Full).with_left(SENDER);
                        // Release: publishes the value to the receiver whose `load` reads Full. SeqCst: C3.
                        // Not model-checked: no model relies on it within the audit's bounds.
                        match leave_by(place, found, full, SeqCst) {
                            Ok(()) => {
                                self.observers.notify();
                                return Ok(Some(ticket));
                            }
                            Err(found) => state = found,
                        }
                    }
                }
            }
            value = self.take_back(place, ticket);
            hint::retry();
        }
    }

    /// Takes the oldest value out if a forced one is beyond the end of the buffer.
    #[cold]
    fn take_oldest(&self, capacity: u64) -> Option<T> {
        while let Some((ticket, place)) = self.oldest_place(capacity) {
            if self.accept_at_once(place, ticket) {
                let value = self.collect(place, place.cell().load());
                return Some(self.received_by(ticket, value));
            }
            hint::retry();
            // The wakers are called once the oldest value is out: a panic must not leave the forced one beyond the end.
        }
        deferred::settle_with(None)
    }

    /// Accepts what is in a cell before that of a value that was sent; returns whether it is a value. If not, we have
    /// left.
    pub(in crate::chan) fn accept_at_once(&self, place: Place<'_, T>, ticket: u64) -> bool {
        let mut state = place.cell().load();
        loop {
            match self.accept(place, state, ticket, None, Blocking::FOREVER) {
                Accepted::Value => return true,
                Accepted::Poisoned => return false,
                // The value is still to come, and goes into another cell.
                Accepted::Late(_) => match self.poison_sender(place) {
                    Ok(()) => return false,
                    Err(found) => state = found,
                },
                Accepted::Closed | Accepted::MustWait(_) => {
                    unreachable!("a ticket before that of a value that was sent belongs to a sender")
                }
            }
        }
    }

    /// Takes a ticket to receive with if a forced value is beyond the end of the buffer, and finds its cell.
    fn oldest_place(&self, capacity: u64) -> Option<(u64, Place<'_, T>)> {
        loop {
            let received = self.received();
            let end = self.buffer_end().max(received + capacity);
            // SeqCst: read after the end. A forced send that moved the end for the value of another one had noted its
            // own before, so of the two one finds that a value is beyond. Not model-checked: no model relies on it
            // within the audit's bounds.
            if self.forced.load(SeqCst) <= end {
                return None;
            }
            // SeqCst: C1. Relaxed: a failed CAS means that another receive has begun. Not model-checked: C1.
            // site: take-oldest
            if self.receivers.received.compare_exchange(received, received + 1, SeqCst, Relaxed).is_err() {
                continue;
            }
            // SAFETY: S1: the compare-exchange of `received` gave the ticket to this thread alone, which has not left
            // its cell.
            match unsafe { self.array.locate(RECEIVER, received) } {
                Ok(place) => return Some((received, place)),
                Err(next) => self.skip_missing(received, next),
            }
        }
    }
}
