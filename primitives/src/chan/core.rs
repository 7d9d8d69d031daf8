//! The channel itself: counters, tickets, places and length.

use super::cell::{Cell, RECEIVER, SENDER};
use super::full::Room;
use super::returned::Returned;
use super::settled::Settled;
use super::watch::Watchers;
#[cfg(feature = "async")]
use crate::queue::LazyBox;
use crate::queue::{EndlessArray, Place};
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use crossbeam_utils::CachePadded;
use std::time::Instant;

/// How long an operation may wait.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    /// Not at all.
    None,
    /// Until then; `None`: for ever.
    Until(Option<Instant>),
}

impl Patience {
    pub(super) fn is_none(self) -> bool {
        matches!(self, Patience::None)
    }
}

/// The counter of sends: the next ticket, and whether the channel is closed (bit 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sent(u64);

impl Sent {
    pub(super) const CLOSED: u64 = 1;

    pub(super) const fn from_bits(bits: u64) -> Sent {
        Sent(bits)
    }

    pub(super) const fn bits(self) -> u64 {
        self.0
    }

    pub(super) const fn ticket(self) -> u64 {
        self.0 >> 1
    }

    pub(super) const fn is_closed(self) -> bool {
        self.0 & Sent::CLOSED != 0
    }

    const fn open(ticket: u64) -> Sent {
        Sent(ticket << 1)
    }
}

/// Why a ticket was not given out.
pub(super) enum NoTicket {
    /// The operation would have to wait; or a send would if those before it did not fail, and to know whether they
    /// do it must wait in a cell of its own.
    WouldWait { for_sure: bool },
    /// The channel is closed, and for a receive empty too.
    Closed,
}

/// The room for values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Capacity {
    /// None: sends and receives meet.
    Rendezvous,
    /// So many, at least one.
    Bounded(usize),
    /// Any number.
    Unbounded,
}

impl Capacity {
    pub(super) fn limit(self) -> Option<usize> {
        match self {
            Capacity::Rendezvous => Some(0),
            Capacity::Bounded(capacity) => Some(capacity),
            Capacity::Unbounded => None,
        }
    }
}

/// What senders write for each value.
pub(super) struct Senders {
    /// Sends begun, and the closed bit: a [`Sent`].
    sent: AtomicU64,
    /// A value that the end of the buffer once had, so that senders need not look at the receivers' line for
    /// each value.
    known_end: AtomicU64,
}

/// What receivers write for each value.
pub(super) struct Receivers {
    /// Receives begun.
    pub(super) received: AtomicU64,
    /// The end of the buffer: in cells before it a sender need not wait.
    buffer_end: AtomicU64,
    /// Whether the channel may be closed, so that receivers need not look at the senders' line for each value.
    closing: AtomicBool,
}

pub(super) struct Chan<T> {
    pub(super) senders: CachePadded<Senders>,
    pub(super) receivers: CachePadded<Receivers>,
    /// Cells that wait for the end of the buffer to reach them: in which a sender waits, or gave up and the end
    /// has not passed over. Zero means that receivers need not look.
    behind: AtomicUsize,
    /// Cells between `received` and `sent` whose sender gave up.
    pub(super) gone_senders: AtomicUsize,
    pub(super) settled: Settled,
    pub(super) watchers: Watchers,
    pub(super) returned: Returned<T>,
    /// Tickets that were given back, or nearly.
    recalls: AtomicU64,
    /// Values that were received and may come back, or have; see [`Returned`].
    pub(super) loans: AtomicUsize,
    /// The ticket after the last one of a value that was forced into the channel beyond the end of the buffer.
    pub(super) forced: AtomicU64,
    /// Where tasks wait for the close.
    #[cfg(feature = "async")]
    pub(super) farewell: LazyBox<Chan<()>>,
    pub(super) array: EndlessArray<Cell<T>>,
    capacity: Capacity,
}

impl<T> Chan<T> {
    pub(super) fn new(capacity: Capacity, shift: u32) -> Chan<T> {
        let in_use = capacity.limit().unwrap_or(0);
        let end = in_use as u64;
        Chan {
            senders: CachePadded::new(Senders { sent: AtomicU64::new(0), known_end: AtomicU64::new(end) }),
            receivers: CachePadded::new(Receivers {
                received: AtomicU64::new(0),
                buffer_end: AtomicU64::new(end),
                closing: AtomicBool::new(false),
            }),
            behind: AtomicUsize::new(0),
            gone_senders: AtomicUsize::new(0),
            settled: Settled::new(),
            watchers: Watchers::new(),
            returned: Returned::new(),
            recalls: AtomicU64::new(0),
            loans: AtomicUsize::new(0),
            forced: AtomicU64::new(0),
            #[cfg(feature = "async")]
            farewell: LazyBox::new(),
            array: EndlessArray::new(shift, in_use),
            capacity,
        }
    }

    #[inline]
    pub(super) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// What tells this channel from others, if it has no buffer.
    pub(super) fn rendezvous(&self) -> Option<usize> {
        (self.capacity == Capacity::Rendezvous).then(|| core::ptr::from_ref(self).addr())
    }

    /// Whether receives move the end of a buffer.
    #[inline]
    pub(super) fn expands(&self) -> bool {
        matches!(self.capacity, Capacity::Bounded(_))
    }

    /// The counter of sends now. SeqCst: it is compared with `received`, which the other side reads
    /// and writes in the opposite order; with anything weaker both could miss each other, and a
    /// receiver could wait for a sender that had begun before, or a closed channel be taken for open.
    ///
    /// No model objects when one of these accesses alone is weakened: whoever misses the other side still
    /// meets it in the cell, whose exchanges are read-modify-writes. Only where a side looks no more, as
    /// in `close` and in a sender that waits, is SeqCst shown to be needed. The others keep it as parts of
    /// the one argument; on x86-64 they cost nothing, being loads or read-modify-writes.
    #[inline]
    pub(super) fn sent(&self) -> Sent {
        Sent(self.senders.sent.load(SeqCst))
    }

    /// The number of receives begun.
    #[inline]
    pub(super) fn received(&self) -> u64 {
        self.receivers.received.load(SeqCst) // SeqCst: see `sent`.
    }

    /// The end of the buffer.
    pub(super) fn buffer_end(&self) -> u64 {
        // SeqCst: see `behind`. Audit: `received` tells as much, but where cells were passed over.
        self.receivers.buffer_end.load(SeqCst)
    }

    /// Whether a sender with this ticket need not wait: it has its place in the buffer.
    #[inline]
    pub(super) fn has_place(&self, ticket: u64) -> bool {
        match self.capacity {
            // A receiver may give its ticket back before it has come to the cell.
            Capacity::Rendezvous => false,
            Capacity::Unbounded => true,
            // Acquire: pairs with the Release below: the receives that made this place happen before the send
            // that uses it completes.
            Capacity::Bounded(capacity) => {
                ticket < self.senders.known_end.load(Acquire) || self.has_new_place(ticket, capacity as u64)
            }
        }
    }

    fn has_new_place(&self, ticket: u64, capacity: u64) -> bool {
        // SeqCst: as in `sent` and `behind`; `received` pairs with the increments in `receive_ticket` and
        // `buffer_end` with those in `expand`: the receives that made this place happen before the send that
        // uses it completes.
        // Every receive that has begun moves the end, if it has not yet; so it is at least so far.
        let end = self.buffer_end().max(self.received() + capacity);
        // A place that may be there only because of a receive after the close comes too late for a send.
        if self.sent().is_closed() {
            return false;
        }
        if ticket + 1 < end {
            // Release: passes on what the loads above have acquired. Not worth it for this place alone.
            self.senders.known_end.fetch_max(end, Release); // site: raise-known-end
        }
        ticket < end
    }

    /// Remembers that a send with this ticket has its place, also after a close. Release: as in `has_new_place`.
    #[inline]
    pub(super) fn knows_place(&self, ticket: u64) {
        // Relaxed: to see that it is remembered already.
        if self.senders.known_end.load(Relaxed) <= ticket {
            // Audit: it is for the senders before us as far as they count on it.
            self.senders.known_end.fetch_max(ticket + 1, Release);
        }
    }

    /// Takes a ticket to send with, and finds its cell, which the caller leaves in the end; unless that would wait and
    /// the caller may not.
    #[inline]
    pub(super) fn send_place(&self, patience: Patience) -> Result<(u64, Place<'_, Cell<T>>), NoTicket> {
        loop {
            let ticket = self.send_ticket(patience)?;
            // SAFETY: the ticket is ours alone.
            match unsafe { self.array.locate(SENDER, ticket) } {
                Ok(place) => return Ok((ticket, place)),
                // It was that of a receiver that gave up, as are those up to the next.
                Err(next) => _ = self.skip_sends(Sent::open(ticket + 1), next),
            }
        }
    }

    /// Takes the ticket of a receiver that has begun, to send to it again, also in a closed channel.
    pub(super) fn resend_ticket(&self) -> Option<u64> {
        loop {
            let sent = self.sent();
            if sent.ticket() >= self.received() {
                return None;
            }
            // SeqCst: see `sent`. A failed exchange means that another send took the ticket or the channel was closed.
            if self.senders.sent.compare_exchange(sent.0, sent.0 + Sent::open(1).0, SeqCst, SeqCst).is_ok() {
                return Some(sent.ticket());
            }
        }
    }

    /// Takes a ticket to send with, unless that would wait and the caller may not.
    #[inline]
    fn send_ticket(&self, patience: Patience) -> Result<u64, NoTicket> {
        let backoff = Backoff::new();
        // Audit: see `sent`.
        let mut sent = self.sent();
        loop {
            if sent.is_closed() {
                return Err(NoTicket::Closed);
            }
            if patience.is_none() && !self.may_send(sent.ticket()) {
                let room = self.look_for_room(sent.ticket());
                sent = self.sent();
                match room {
                    _ if sent.is_closed() => continue,
                    Room::Some => continue,
                    Room::None | Room::Unsettled => {
                        return Err(NoTicket::WouldWait { for_sure: room == Room::None });
                    }
                }
            }
            let next = Sent::open(sent.ticket() + 1);
            // SeqCst: see `sent`. A lost exchange is another send's or a close's gain. Audit: see `sent`.
            match self.senders.sent.compare_exchange(sent.0, next.0, SeqCst, SeqCst) {
                Ok(_) => {
                    if patience.is_none() && self.expands() {
                        self.knows_place(sent.ticket());
                    }
                    return Ok(sent.ticket());
                }
                Err(found) => {
                    sent = Sent(found);
                    backoff.spin();
                }
            }
        }
    }

    /// Whether a send with this ticket has a chance not to wait.
    pub(super) fn may_send(&self, ticket: u64) -> bool {
        match self.capacity {
            Capacity::Rendezvous => ticket < self.received(),
            _ => self.has_place(ticket),
        }
    }

    /// The same to receive.
    #[inline]
    pub(super) fn receive_place(&self, patience: Patience) -> Result<(u64, Place<'_, Cell<T>>), NoTicket> {
        loop {
            let ticket = self.receive_ticket(patience)?;
            // SAFETY: the ticket is ours alone.
            match unsafe { self.array.locate(RECEIVER, ticket) } {
                Ok(place) => return Ok((ticket, place)),
                Err(next) => self.skip_missing(ticket, next),
            }
        }
    }

    /// Goes on from the ticket of a receive that was that of a sender that gave up, as are those up to the next.
    pub(super) fn skip_missing(&self, ticket: u64, next: u64) {
        let skipped = self.skip_receives(ticket + 1, next);
        self.forget_missing(if skipped { next - ticket } else { 1 });
    }

    /// Takes a ticket to receive with, unless that would wait and the caller may not.
    #[inline]
    fn receive_ticket(&self, patience: Patience) -> Result<u64, NoTicket> {
        let received = &self.receivers.received;
        // Relaxed: a hint. Who misses it learns in his cell that the channel is closed.
        if !patience.is_none() && !self.receivers.closing.load(Relaxed) {
            // SeqCst: see `sent`.
            return Ok(received.fetch_add(1, SeqCst)); // site: take-receive-ticket
        }
        // SeqCst, here and below: see `sent`. `received` is read first: if it has reached `sent`
        // then, the channel is empty when `sent` is read. Audit: see `sent`.
        let mut ticket = received.load(SeqCst);
        loop {
            // Audit: see `sent`.
            let sent = self.sent();
            if ticket >= sent.ticket() {
                if self.is_over(sent) {
                    return Err(NoTicket::Closed);
                }
                if patience.is_none() {
                    return Err(NoTicket::WouldWait { for_sure: true });
                }
            }
            if !patience.is_none() {
                return Ok(received.fetch_add(1, SeqCst));
            }
            // Audit: see `sent`.
            match received.compare_exchange(ticket, ticket + 1, SeqCst, SeqCst) {
                Ok(ticket) => return Ok(ticket),
                Err(found) => ticket = found,
            }
        }
    }

    /// How many tickets were given back.
    pub(super) fn recalls(&self) -> u64 {
        self.recalls.load(SeqCst) // SeqCst: see `stamp`.
    }

    /// Gives the last ticket of all sends back, if it is that and the channel is open.
    pub(super) fn return_send_ticket(&self, ticket: u64) -> bool {
        let (from, to) = (Sent::open(ticket + 1), Sent::open(ticket));
        self.recalls.fetch_add(1, SeqCst); // SeqCst: comes before the ticket is back; see `stamp`.
        // SeqCst: see `sent`. Release, by that: our accesses to the cell happen before those of the next one
        // who gets the ticket. Relaxed: if it fails nothing is read. Audit: see `sent`.
        self.senders.sent.compare_exchange(from.0, to.0, SeqCst, Relaxed).is_ok()
    }

    /// Gives the last ticket of all receives back, if it is that.
    pub(super) fn return_receive_ticket(&self, ticket: u64) -> bool {
        self.recalls.fetch_add(1, SeqCst); // SeqCst: as in `return_send_ticket`.
        // SeqCst, Relaxed: as in `return_send_ticket`. Audit: see `sent`.
        self.receivers.received.compare_exchange(ticket + 1, ticket, SeqCst, Relaxed).is_ok()
    }

    /// Takes sends' tickets in the name of nobody, if they are the next; a close in between prevents it.
    pub(super) fn skip_sends(&self, sent: Sent, to: u64) -> bool {
        // SeqCst: see `sent`. If it is lost, others move on. Audit: see `sent`.
        self.senders.sent.compare_exchange(sent.0, Sent::open(to).0, SeqCst, Relaxed).is_ok()
    }

    /// The same for receives' tickets.
    pub(super) fn skip_receives(&self, received: u64, to: u64) -> bool {
        // SeqCst, Relaxed: as in `skip_sends`. Audit: see `sent`.
        self.receivers.received.compare_exchange(received, to, SeqCst, Relaxed).is_ok()
    }

    /// Sets the closed bit; the counter before.
    pub(super) fn set_closed(&self) -> Sent {
        // SeqCst: see `sent`; of several closers one sees the bit unset.
        let before = Sent::from_bits(self.senders.sent.fetch_or(Sent::CLOSED, SeqCst)); // site: set-closed
        self.receivers.closing.store(true, Relaxed); // Relaxed: a hint, see `receive_ticket`.
        before
    }

    /// Moves the end of the buffer by one; the cell that is in it now.
    pub(super) fn move_buffer_end(&self) -> u64 {
        // SeqCst: see `behind`. Release, by that: the receive so far happens before the send that finds its
        // place here (see `has_place`). Acquire: so do earlier receives. Audit: see `buffer_end`.
        self.receivers.buffer_end.fetch_add(1, SeqCst) // site: grow-buffer
    }

    /// Whether there may be cells that wait for the end of the buffer. SeqCst: a sender that is about to wait
    /// counts itself and then reads the end; a receiver moves the end and then reads the count: one of them
    /// sees the other.
    #[inline]
    pub(super) fn somebody_is_behind(&self) -> bool {
        self.behind.load(SeqCst) != 0
    }

    /// Counts a cell that waits for the end of the buffer. SeqCst: as above.
    pub(super) fn add_behind(&self) {
        if self.expands() {
            self.behind.fetch_add(1, SeqCst);
        }
    }

    /// Such a cell waits no more. Relaxed: at worst receivers look in vain.
    pub(super) fn remove_behind(&self) {
        if self.expands() {
            self.behind.fetch_sub(1, Relaxed);
        }
    }
}
