//! The channel itself: its counters, and how tickets are given back and skipped.
//!
//! **C1, the two counters.** `sent` and `received` are read and written with SeqCst. Each side writes its own counter
//! and then reads the other's; with anything weaker both could miss each other, and a receiver could wait for a sender
//! that had begun before, or a closed channel be taken for open. *Not model-checked* one by one: an operation that
//! misses the other side when one of these accesses alone is weakened still meets it in the cell, whose exchanges are
//! read-modify-writes. Only where a side looks no more, as in `close` and in a sender that waits, do the models show
//! that SeqCst is needed. The others keep it as parts of the one argument; on x86-64 they cost nothing, being loads or
//! read-modify-writes.
//!
//! **C2, the end of the buffer.** A sender that is about to wait counts itself in `behind`, writes to its cell and then
//! reads the end; a receiver moves the end and then reads the count and the cell. All four are SeqCst, so one of the
//! two sees the other. A sender that gives up writes to its cell and then reads the end in the same way.
//!
//! **C3, observers.** An operation changes the channel, in a counter or a cell, and then looks whether the list of
//! observers is empty; an observer joins the list and then looks at the channel (`Observers`). All four are SeqCst, so
//! one of the two sees the other.

use crate::cache_padded::CachePadded;
use crate::chan::algorithm::cell::Cell;
use crate::chan::algorithm::undelivered::Undelivered;
use crate::chan::select::observers::Observers;
use crate::queue::EndlessArray;
#[cfg(feature = "async")]
use crate::queue::LazyBox;
use crate::rt::bubble::Owner;
use crate::rt::spec::unseen;
use crate::rt::sync::atomic::Ordering::{Relaxed, SeqCst};
use crate::rt::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use crate::spec;
use std::time::Instant;

/// How long an operation may wait.
#[derive(Clone, Copy)]
pub(in crate::chan) enum Blocking {
    /// Not at all.
    Never,
    /// Until then; `None`: for ever.
    Until(Option<Instant>),
}

impl Blocking {
    /// For ever.
    pub(in crate::chan) const FOREVER: Blocking = Blocking::Until(None);

    pub(in crate::chan) fn is_never(self) -> bool {
        matches!(self, Blocking::Never)
    }
}

/// The counter of sends: the next ticket, and whether the channel is closed (bit 0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) struct Sent(u64);

impl Sent {
    pub(in crate::chan) const CLOSED: u64 = 1;

    pub(in crate::chan) const fn from_bits(bits: u64) -> Sent {
        Sent(bits)
    }

    pub(in crate::chan) const fn bits(self) -> u64 {
        self.0
    }

    /// Returns the counter after one send more has begun. A closed channel stays closed.
    pub(in crate::chan) const fn next(self) -> Sent {
        Sent(self.0 + Sent::open(1).0)
    }

    pub(in crate::chan) const fn ticket(self) -> u64 {
        self.0 >> 1
    }

    pub(in crate::chan) const fn is_closed(self) -> bool {
        self.0 & Sent::CLOSED != 0
    }

    pub(in crate::chan) const fn open(ticket: u64) -> Sent {
        Sent(ticket << 1)
    }
}

/// Why a ticket was not given out.
pub(in crate::chan) enum NoTicket {
    /// The operation would have to wait.
    WouldBlock,
    /// A send would have to wait unless a send in flight before it aborts. To find out which, it must enqueue in a cell
    /// of its own.
    Undetermined,
    /// The channel is closed, and for a receive empty too.
    Closed,
}

/// The room for values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::chan) enum Capacity {
    /// None: sends and receives meet.
    Rendezvous,
    /// So many, at least one.
    Bounded(usize),
    /// Any number.
    Unbounded,
}

impl Capacity {
    pub(in crate::chan) fn limit(self) -> Option<usize> {
        match self {
            Capacity::Rendezvous => Some(0),
            Capacity::Bounded(capacity) => Some(capacity),
            Capacity::Unbounded => None,
        }
    }
}

/// What senders write for each value.
pub(in crate::chan) struct Senders {
    /// Sends begun, and the closed bit: a [`Sent`].
    pub(in crate::chan) sent: AtomicU64,
    /// A value that the end of the buffer once had, so that senders need not look at the receivers' line for
    /// each value.
    pub(in crate::chan) known_end: AtomicU64,
}

/// What receivers write for each value.
pub(in crate::chan) struct Receivers {
    /// Receives begun.
    pub(in crate::chan) received: AtomicU64,
    /// The end of the buffer: in cells before it a sender need not wait.
    buffer_end: AtomicU64,
    /// A value that the ticket in `sent` once had, so that receivers need not look at the senders' line for each value.
    pub(in crate::chan) known_sent: AtomicU64,
    /// Whether the channel may be closed, so that receivers need not look at the senders' line for each value.
    pub(in crate::chan) closing: AtomicBool,
}

/// How far the cells of a buffer are settled: the module `settled` says what that means.
pub(in crate::chan) struct Settled {
    /// The first cell that is not known to be settled.
    pub(in crate::chan) end: AtomicU64,
    /// Cells from `received` on that the end of the buffer has passed over.
    pub(in crate::chan) no_places: AtomicUsize,
}

impl Settled {
    pub(in crate::chan) fn new() -> Settled {
        Settled { end: AtomicU64::new(0), no_places: AtomicUsize::new(0) }
    }
}

pub(in crate::chan) struct Chan<T> {
    pub(in crate::chan) senders: CachePadded<Senders>,
    pub(in crate::chan) receivers: CachePadded<Receivers>,
    /// Cells that wait for the end of the buffer to reach them: in which a sender waits, or gave up and the end
    /// has not passed over. Zero means that receivers need not look.
    behind: AtomicUsize,
    /// Cells between `received` and `sent` whose sender gave up.
    pub(in crate::chan) gone_senders: AtomicUsize,
    pub(in crate::chan) settled: Settled,
    pub(in crate::chan) observers: Observers,
    pub(in crate::chan) undelivered: Undelivered<T>,
    /// Tickets that were given back, or nearly.
    recalls: AtomicU64,
    /// Values that were received and may come back, or have; see [`Undelivered`].
    pub(in crate::chan) loans: AtomicUsize,
    /// The ticket after the last one of a value that was forced into the channel beyond the end of the buffer.
    pub(in crate::chan) forced: AtomicU64,
    /// Where tasks wait for the close.
    #[cfg(feature = "async")]
    pub(in crate::chan) farewell: LazyBox<Chan<()>>,
    pub(in crate::chan) array: EndlessArray<Cell<T>>,
    capacity: Capacity,
    /// The bubble in which the channel was made.
    owner: Owner,
    /// The channel's specified form, which a checker takes instead.
    pub(in crate::chan) spec: spec::chan::Chan<T>,
}

impl<T> Chan<T> {
    /// Returns a channel of a user, which a checker may take as specified.
    #[track_caller]
    pub(in crate::chan) fn specified(capacity: Capacity, shift: u32) -> Chan<T> {
        let spec = spec::chan::Chan::new(capacity.limit());
        if spec.is_made_as_specified() {
            #[cfg_attr(not(feature = "async"), allow(unused_mut, reason = "only tasks wait for the close"))]
            let mut chan = unseen(|| Chan { spec, ..Chan::with_array(capacity, EndlessArray::unused()) });
            #[cfg(feature = "async")]
            {
                let farewell = core::mem::replace(&mut chan.farewell, LazyBox::new());
                unseen(|| drop(farewell));
            }
            return chan;
        }
        Chan { spec, ..Chan::new(capacity, shift) }
    }

    /// Returns a channel that always has its real form.
    pub(in crate::chan) fn new(capacity: Capacity, shift: u32) -> Chan<T> {
        Chan::with_array(capacity, EndlessArray::new(shift, capacity.limit().unwrap_or(0)))
    }

    fn with_array(capacity: Capacity, array: EndlessArray<Cell<T>>) -> Chan<T> {
        let end = capacity.limit().unwrap_or(0) as u64;
        Chan {
            senders: CachePadded::new(Senders { sent: AtomicU64::new(0), known_end: AtomicU64::new(end) }),
            receivers: CachePadded::new(Receivers {
                received: AtomicU64::new(0),
                buffer_end: AtomicU64::new(end),
                known_sent: AtomicU64::new(0),
                closing: AtomicBool::new(false),
            }),
            behind: AtomicUsize::new(0),
            gone_senders: AtomicUsize::new(0),
            settled: Settled::new(),
            observers: Observers::new(),
            undelivered: Undelivered::new(),
            recalls: AtomicU64::new(0),
            loans: AtomicUsize::new(0),
            forced: AtomicU64::new(0),
            #[cfg(feature = "async")]
            farewell: LazyBox::new(),
            array,
            capacity,
            owner: Owner::here(),
            spec: spec::chan::Chan::real(),
        }
    }

    #[inline]
    pub(in crate::chan) fn capacity(&self) -> Capacity {
        self.capacity
    }

    /// Returns the bubble in which the channel was made.
    #[inline]
    pub(in crate::chan) fn owner(&self) -> Owner {
        self.owner
    }

    /// What tells this channel from others, if it has no buffer.
    pub(in crate::chan) fn rendezvous(&self) -> Option<usize> {
        (self.capacity == Capacity::Rendezvous).then(|| core::ptr::from_ref(self).addr())
    }

    /// Whether receives move the end of a buffer.
    #[inline]
    pub(in crate::chan) fn expands(&self) -> bool {
        matches!(self.capacity, Capacity::Bounded(_))
    }

    /// Returns the counter of sends. SeqCst: C1.
    #[inline]
    pub(in crate::chan) fn sent(&self) -> Sent {
        Sent(self.senders.sent.load(SeqCst))
    }

    /// The number of receives begun.
    #[inline]
    pub(in crate::chan) fn received(&self) -> u64 {
        self.receivers.received.load(SeqCst) // SeqCst. Not model-checked: C1.
    }

    /// The end of the buffer.
    pub(in crate::chan) fn buffer_end(&self) -> u64 {
        // SeqCst: C2. Not model-checked: `received + capacity` gives the same bound unless cells were passed over.
        self.receivers.buffer_end.load(SeqCst)
    }

    /// How many tickets were given back.
    pub(in crate::chan) fn recalls(&self) -> u64 {
        // SeqCst: a part of `stamp`. Not model-checked: no model relies on it within the audit's bounds.
        self.recalls.load(SeqCst)
    }

    /// Gives the last ticket of all sends back, if it is that and the channel is open.
    pub(in crate::chan) fn return_send_ticket(&self, ticket: u64) -> bool {
        let (from, to) = (Sent::open(ticket + 1), Sent::open(ticket));
        // SeqCst: comes before the ticket is back (`stamp`). Not model-checked: no model relies on it within the
        // audit's bounds.
        self.recalls.fetch_add(1, SeqCst);
        // SeqCst. Not model-checked: C1. Release, by that: this thread's accesses to the cell happen before those of
        // the next holder of the ticket, which reads the counter in `send_ticket`. Relaxed: if it fails nothing is
        // read.
        self.senders.sent.compare_exchange(from.0, to.0, SeqCst, Relaxed).is_ok()
    }

    /// Gives the last ticket of all receives back, if it is that.
    pub(in crate::chan) fn return_receive_ticket(&self, ticket: u64) -> bool {
        // SeqCst: comes before the ticket is back (`stamp`). Not model-checked: no model relies on it within the
        // audit's bounds.
        self.recalls.fetch_add(1, SeqCst);
        self.untake_receive_ticket(ticket)
    }

    /// Gives a ticket back by which no operation was ready, if it is the last of all receives. It does not count as a
    /// recall, so a select that finds nothing else ready sees no change.
    pub(in crate::chan) fn untake_receive_ticket(&self, ticket: u64) -> bool {
        // SeqCst. Not model-checked: C1. Release, by that: this thread's accesses to the cell happen before those of
        // the next holder of the ticket, which reads the counter in `receive_ticket`. Relaxed: if it fails nothing is
        // read.
        self.receivers.received.compare_exchange(ticket + 1, ticket, SeqCst, Relaxed).is_ok()
    }

    /// Advances `sent` past abandoned cells, unless it has changed or the channel was closed.
    pub(in crate::chan) fn skip_sends(&self, sent: Sent, to: u64) -> bool {
        // SeqCst. Not model-checked: C1. If it fails, another operation has taken the ticket. Relaxed: then nothing is
        // read.
        self.senders.sent.compare_exchange(sent.0, Sent::open(to).0, SeqCst, Relaxed).is_ok()
    }

    /// Advances `received` past abandoned cells, unless it has changed.
    pub(in crate::chan) fn skip_receives(&self, received: u64, to: u64) -> bool {
        // SeqCst. Not model-checked: C1. If it fails, another operation has taken the ticket. Relaxed: then nothing is
        // read.
        self.receivers.received.compare_exchange(received, to, SeqCst, Relaxed).is_ok()
    }

    /// Sets the closed bit; the counter before.
    pub(in crate::chan) fn set_closed(&self) -> Sent {
        // SeqCst: C1; of several closers one sees the bit unset.
        let before = Sent::from_bits(self.senders.sent.fetch_or(Sent::CLOSED, SeqCst)); // site: set-closed
        self.receivers.closing.store(true, Relaxed); // Relaxed: a hint, which `receive_ticket` reads.
        before
    }

    /// Moves the end of the buffer by one; the cell that is in it now.
    pub(in crate::chan) fn move_buffer_end(&self) -> u64 {
        // SeqCst: C2. Release, by that: the receive so far happens before the send that finds its place here, by the
        // load in `has_new_place`. Acquire: so do earlier receives. Not model-checked: C2.
        self.receivers.buffer_end.fetch_add(1, SeqCst) // site: grow-buffer
    }

    /// Returns whether there may be cells that wait for the end of the buffer. SeqCst: C2.
    #[inline]
    pub(in crate::chan) fn somebody_is_behind(&self) -> bool {
        self.behind.load(SeqCst) != 0
    }

    /// Counts a cell that waits for the end of the buffer. SeqCst: C2.
    pub(in crate::chan) fn add_behind(&self) {
        if self.expands() {
            self.behind.fetch_add(1, SeqCst);
        }
    }

    /// Uncounts a cell that waited for the end of the buffer. Relaxed: at worst receivers look in vain.
    pub(in crate::chan) fn remove_behind(&self) {
        if self.expands() {
            self.behind.fetch_sub(1, Relaxed);
        }
    }
}
