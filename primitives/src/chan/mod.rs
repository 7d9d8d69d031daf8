//! Channels: first in first out for values and for waiters, lock-free, with crossbeam-channel's API.
//!
//! ```
//! use selvedge::chan::{bounded, select, unbounded};
//! use selvedge::rt::thread;
//!
//! let (numbers, from) = bounded(1);
//! let (quit, stopped) = unbounded::<()>();
//! thread::spawn(move || {
//!     (0..3).for_each(|n| numbers.send(n).unwrap());
//!     quit.send(()).unwrap();
//! });
//! let mut sum = 0;
//! loop {
//!     select! {
//!         recv(from) -> number => match number {
//!             Ok(number) => sum += number,
//!             Err(_) => break, // closed and empty
//!         },
//!         recv(stopped) -> _ => {
//!             sum += from.iter().sum::<i32>();
//!             break;
//!         }
//!     }
//! }
//! assert_eq!(sum, 3);
//! ```
//!
//! | | |
//! | --- | --- |
//! | [`bounded`]`(n)` | holds up to n values |
//! | [`bounded`]`(0)` | holds none: a send returns once a receiver has come for its value (*rendezvous*) |
//! | [`unbounded`] | holds any number |
//! | [`never()`] | nothing ever comes: Go's nil channel |
//! | [`after`], [`at`], [`tick`], [`Timer`], [`Ticker`] | instants, by the clock; no thread stands behind them |
//! | [`select!`], [`select_biased!`], [`Select`] | one of several operations |
//! | [`Channel`] | both sides in one handle, as in Go |
//! | [`WeakSender`], [`WeakReceiver`] | handles that do not keep the channel open |
//! | `recv_async`, `send_async`, `closed`, `into_stream`, `into_sink` | with the feature `async` |
//!
//! # Guarantees
//! - *Ordering.* Values are received in the order in which they were sent. A send happens before its receive
//!   completes; the k-th receive happens before the (k+C)-th send on capacity C completes; closing happens before a
//!   receive that returns because of it (Go's memory model).
//! - *Fairness.* Blocked receivers are served in the order in which they blocked, blocked senders likewise, whether
//!   they are threads, with a timeout or without, selects or tasks; nobody overtakes a waiter. A future has blocked when
//!   its poll returns `Pending`; a select once it waits in all its channels, and it keeps its places there until one of
//!   its cases happens or its time is up. Until then two selects that go through their cases at the same time may break
//!   each other's cells, and go on with new ones. So does a select that waits if it both sends to and receives from one
//!   rendezvous channel, and this comes to be ready; if one of its timers is set anew; or if an operation that [`Select`]
//!   chose to meet it is dropped. A send that [`Select`] chose begins when its value comes,
//!   and does not wait then: on capacity 0 too its value may be left for the next receiver. A select picks any of its ready
//!   cases with the same probability.
//! - *Blocking.* Lock-free: no operation waits for another thread's unfinished step. A thread stopped anywhere takes
//!   with it no more than the value or the place that its ticket names. One exception: a select that waits for a timer
//!   gives way to another select that has the timer's instant in its hands, until that one has taken it or put it back.
//!   An operation that has to wait looks for 50 µs at most, as long as nobody else wants the processor, and then sleeps.
//! - *Close.* [`close`](Sender::close), by hand or by dropping the last handle of a side, is one moment for all:
//!   values in the buffer are still received, then receives fail; sends fail from then on and give the value back.
//!   Senders that wait are told one after the other: a receive that began before the close may still take the value of one
//!   of them when another has its value back already.
//! - *Timeouts and dropped futures.* A value is received or comes back, never both, never neither. What came for a
//!   future, or for an operation of [`Select`], that is dropped goes to the first receiver that waits, else to the next one,
//!   before what was sent later; until then it counts in the channel's length, beyond its capacity if need be. As long as a
//!   value is in the hands of such a future or operation, a closed channel is not taken for empty: `try_recv` says
//!   `Empty`, and `recv` waits until the value has come back or has been collected. So a forgotten one keeps receivers
//!   waiting after the close.
//! - *User code* (wakers, destructors of values) is called once the operation has settled everything else, and may use
//!   the channel. If it panics, the other wakers are woken and the other values dropped all the same; then the first
//!   panic comes out of the operation. Then a value that was to be sent has been sent, or is dropped; one that was to be
//!   received goes to the next receiver, which may be the same future when it is polled again. A thread that is
//!   panicking already goes on without the panic.
//! - *Linearizable*, closing and failing `try_` operations included: the channel is full or empty when they say so.
//!   A select takes its default, and [`Select::try_ready`] fails, only if at one moment none of the channels was ready. One
//!   exception: while another select has the instant of a timer in its hands, a receive and a select find no instant
//!   there, and `try_ready` and `len` find it due, though that select may still put it back.
//! - *Memory.* Nothing is allocated for a message on a channel that goes on at its pace; an unbounded channel follows
//!   the number of its values up and down; waiters that give up leave nothing. (Senders to a full buffer that do so
//!   between one that came earlier and one that came later, which both still wait, keep a cell each as long as the earlier
//!   one waits: the end of the buffer, which must pass each of them, stands at that one.) An operation that stands still,
//!   as a stopped thread or a future that nobody polls, keeps the segment of its cell.
//!
//! # Beside others
//!
//! | | selvedge | crossbeam-channel | flume | kanal | std | Go |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | rendezvous, bounded, unbounded | yes | yes | yes | yes | yes | no unbounded |
//! | several receivers | yes | yes | yes | yes | no | yes |
//! | waits without a lock | yes | no | no | no | no | no |
//! | `close` by hand | yes | no | no | yes | no | yes |
//! | a macro or statement to select sends and receives | yes | yes | no | no | no | yes |
//! | timers | yes | without stopping them | no | no | no | yes |
//! | async from the same handle | yes | no | yes | yes | no | |
//!
//! # The algorithm
//! That of Kotlin's channels (Koval, Alistarh, Elizarov: *Fast and Scalable Channels in Kotlin
//! Coroutines*, PPoPP 2023), without the two places where it waits for another's step.
//!
//! Two counters, `sent` and `received`, hand out tickets to the cells of an endless array (the module `queue`). The
//! send with ticket t and the receive with ticket t meet in cell t. Cells before `buffer_end` are the buffer, where a
//! sender leaves its value and goes; every receive that begins makes it one cell longer (*expands* it), so that
//! there is room for one more value, and lets the sender go that waits there. A sender need not wait for that:
//! `received + capacity` is a place too.
//!
//! A thread that waits looks for a while before it falls asleep, which is a bit of the cell's state: only then is there
//! anybody to wake.
//!
//! ```text
//!  sender    Empty → Full                     the cell is in the buffer
//!            Empty → SenderWaits              it is not: it waits here
//!            ReceiverWaits → Handed           the value goes to the receiver that waits
//!            ReceiverLeaving → PassedOver     another receiver may come with the ticket, or nobody
//!            Empty → Full                     it is not, and the send is forced: the oldest value goes
//!            Empty → SenderGone               the cell of a send before it, whose place it takes
//!            SenderWaits → SenderLeaving      it gives up: its ticket goes back if it was the last,
//!            SenderLeaving → SenderGone       else the cell is no place any more
//!            ReceiverWaits → Broken           it was leaving when the receiver came: nothing will come here
//!  receiver  Full: takes the value            SenderWaits → Taken: takes it, and wakes the sender
//!            Empty → Broken                   the sender has its ticket and has not been here: both go
//!                                             for new tickets, nobody waits for anybody
//!            Empty → ReceiverWaits            no sender has this ticket: it waits here
//!            ReceiverWaits → ReceiverLeaving  it gives up: its ticket goes back if it was the last
//!            ReceiverLeaving → ReceiverWaits  the next one with the ticket, for which the end has moved by now
//!            ReceiverLeaving → ReceiverGone   its ticket was not the last
//!  expander  SenderWaits → Full               wakes the sender
//!            SenderGone → PassedOver          no place; it expands by one more
//!  closer    SenderWaits → Refused            ReceiverWaits, Empty → Closed, from `sent` on
//! ```
//!
//! Whoever makes the compare-exchange out of a waiting phase has ended the wait: a value is handed over
//! by it, or stays with its owner. So a wait ends once, and giving up is one compare-exchange too. A select waits in
//! `SenderSelects` and `ReceiverSelects`; there it is its claim that is decided (see the module `select`).
//! Value and waiter slots belong to whoever the phase says, from the exchange on.
//!
//! Invariants: of the cells from `received` to the end of the buffer, `capacity` many can hold a value: each receive
//! moves the end by one, and a cell that is no place moves it by one more, when the first of its receiver and the end
//! passes it; or, where the end stands at it, as soon as its sender has given up.
//!
//! Linearization points: a send that need not wait, its ticket; one that waits, the exchange that ends its wait; a
//! receive likewise; a failing `try_recv`, its last read of a counter, or, if its sender is under way, the moment from which
//! it found no value in the cells of all later tickets; a failing `try_send`, its last read of
//! `received`, from where on there are as many values as the buffer holds, in cells whose sends can no longer fail;
//! close, setting the bit in `sent`. Up to where cells are settled in this way the channel remembers, so that each is
//! looked at once (see the module `settled`). While a send is under way among them, or a [`SelectedOperation`] that will
//! bring its value, a look at a buffer that seems to be full goes through the whole of it.
//!
//! A `try_send` that finds a send under way in the buffer, which may still fail, cannot say Full, and must not wait. It
//! takes a ticket then, waits in its cell as a send with a timeout of nothing would, and takes such places for itself:
//! only of sends whose values are not in their cells yet, so that two never do so to each other.

mod alarm;
mod both;
mod cell;
mod claim;
mod close;
#[cfg(feature = "async")]
mod closed;
mod core;
mod deferred;
mod error;
mod expand;
mod force;
mod full;
#[cfg(feature = "async")]
mod future;
mod iter;
mod length;
#[cfg(feature = "async")]
mod poll;
mod receiver;
mod recv;
mod returned;
mod select;
mod send;
mod sender;
mod settled;
mod shared;
mod timer;
mod watch;
mod weak;
mod withdraw;

pub use both::Channel;
#[cfg(feature = "async")]
pub use closed::ClosedFuture;
pub use error::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
#[cfg(feature = "async")]
pub use future::{RecvFuture, RecvStream, SendFuture, SendSink};
pub use iter::{Drain, IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use select::{
    ReadyTimeoutError, Select, SelectTimeoutError, SelectedOperation, TryReadyError, TrySelectError,
};
pub use sender::Sender;
pub use timer::{PeriodError, Ticker, Timer, after, at, never, tick};
pub use weak::{WeakReceiver, WeakSender};

#[doc(inline)]
pub use crate::{select, select_biased};

#[doc(hidden)]
pub mod __select {
    //! What the macros expand to.
    pub use super::select::{Cases, Completes, Sending};
}

use self::core::Capacity;

/// Cells in a segment, as a power of two.
const SEGMENT_SHIFT: u32 = 5;
/// The same where segments come and go with the values.
const UNBOUNDED_SHIFT: u32 = 6;

/// A channel that holds up to `capacity` values; with 0, sends and receives meet (*rendezvous*).
///
/// ```
/// use selvedge::chan::bounded;
/// let (tx, rx) = bounded(1);
/// assert_eq!(tx.try_send('a'), Ok(()));
/// assert!(tx.try_send('b').unwrap_err().is_full());
/// assert_eq!(rx.recv(), Ok('a'));
/// ```
pub fn bounded<T>(capacity: usize) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, SEGMENT_SHIFT)
}

/// [`bounded`] with two to the power `shift` cells in a segment, so that small models and tests
/// cross from one segment to the next.
#[doc(hidden)]
pub fn bounded_with_segments<T>(capacity: usize, shift: u32) -> (Sender<T>, Receiver<T>) {
    // Tickets and capacity are added: so many values fit in no memory.
    let capacity = capacity.min(isize::MAX as usize);
    let capacity = if capacity == 0 { Capacity::Rendezvous } else { Capacity::Bounded(capacity) };
    with_segments(capacity, shift)
}

/// A channel that holds any number of values: a send never waits.
///
/// Memory follows the number of values in it up and down.
///
/// ```
/// use selvedge::chan::unbounded;
/// let (tx, rx) = unbounded();
/// (0..1000).for_each(|n| tx.send(n).unwrap());
/// drop(tx);
/// assert_eq!(rx.iter().sum::<i32>(), 499_500);
/// ```
pub fn unbounded<T>() -> (Sender<T>, Receiver<T>) {
    with_segments(Capacity::Unbounded, UNBOUNDED_SHIFT)
}

/// [`unbounded`] with two to the power `shift` cells in a segment.
#[doc(hidden)]
pub fn unbounded_with_segments<T>(shift: u32) -> (Sender<T>, Receiver<T>) {
    with_segments(Capacity::Unbounded, shift)
}

fn with_segments<T>(capacity: Capacity, shift: u32) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = shared::pair(core::Chan::new(capacity, shift));
    (Sender(sender), Receiver::channel(receiver))
}
