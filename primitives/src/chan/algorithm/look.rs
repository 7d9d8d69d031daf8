//! Looking whether an operation would have to wait, before it takes its ticket.
//!
//! A ticket is a place in the order of the waiters, and a waiter is served as soon as it can be: once a side of a full or
//! empty buffer waits, the two sides meet at each value, and each value moves the cache lines of both. So a thread that
//! finds the buffer full, or empty, first gives the processor away a few times ([`spin_wait::before_ticket`]). It does so
//! only as long as nobody waits there: a thread that finds a waiter takes its place behind that one at once.
//!
//! The looks change nothing, and the operation takes its ticket whatever they find.
//!
//! A future takes its ticket at its first poll. It could give the processor away only by a `Pending` before it has a
//! place: the order of first polls would then be no order of waiters any more. With tasks on two workers of an executor
//! that gained a twentieth of the time at four on each side, and nothing at one on each side; to spin in the poll instead
//! made them slower, since it keeps the two sides together.

use crate::chan::algorithm::chan::{Blocking, Capacity, Chan, Sent};
use crate::rt::spin_wait;
use crate::rt::sync::atomic::Ordering::Relaxed;

/// The smallest buffer for which a thread looks. In a smaller one fewer values collect than come one by one meanwhile.
const WORTH_A_LOOK: usize = 8;

impl<T> Chan<T> {
    /// Looks whether a send would have to wait, and gives receivers the processor then.
    #[inline]
    pub(in crate::chan) fn look_to_send(&self, blocking: Blocking) {
        let (Capacity::Bounded(capacity), Blocking::Until(deadline)) = (self.capacity(), blocking) else {
            return;
        };
        if capacity >= WORTH_A_LOOK {
            spin_wait::before_ticket(deadline, || {
                // Relaxed, twice: hints. What they let through the ticket's own cell decides.
                let sent = Sent::from_bits(self.senders.sent.load(Relaxed));
                sent.ticket() >= self.senders.known_end.load(Relaxed) && self.is_just_full(capacity as u64)
            });
        }
    }

    /// Returns whether the buffer is full, and no sender waits.
    #[cold]
    fn is_just_full(&self, capacity: u64) -> bool {
        let sent = self.sent();
        !sent.is_closed() && sent.ticket() == self.newest_end(capacity)
    }

    /// Looks whether a receive would have to wait, and gives senders the processor then.
    #[inline]
    pub(in crate::chan) fn look_to_receive(&self, blocking: Blocking) {
        let Blocking::Until(deadline) = blocking else { return };
        if self.capacity().limit().is_none_or(|capacity| capacity >= WORTH_A_LOOK) {
            spin_wait::before_ticket(deadline, || {
                // Relaxed, twice: hints. What they let through the ticket's own cell decides.
                let received = self.receivers.received.load(Relaxed);
                received >= self.receivers.known_sent.load(Relaxed) && self.is_just_empty()
            });
        }
    }

    /// Returns whether the channel is empty, no value has come back, and no receiver waits.
    #[cold]
    fn is_just_empty(&self) -> bool {
        let received = self.received();
        let sent = self.sent();
        // Relaxed: a hint. A receiver that reads an older value looks at the senders' line once more.
        self.receivers.known_sent.store(sent.ticket(), Relaxed);
        !sent.is_closed() && sent.ticket() == received && self.undelivered.is_empty()
    }
}
