//! Channels: first in first out for values and for waiters, lock-free, with crossbeam-channel's API.
//!
//! ```
//! use selvedge::chan::bounded;
//! use selvedge::rt::thread;
//!
//! let (tx, rx) = bounded(1);
//! thread::spawn(move || {
//!     for n in 0..3 {
//!         tx.send(n).unwrap();
//!     }
//! });
//! assert_eq!(rx.iter().collect::<Vec<i32>>(), [0, 1, 2]);
//! ```
//!
//! # Guarantees
//! - Values are received in the order in which they were sent. Blocked receivers are served in the
//!   order in which they blocked, blocked senders likewise; nobody overtakes a waiter.
//! - With capacity 0 a send returns once its value is taken by a receiver that is there for it.
//! - A send happens before its receive completes; the k-th receive happens before the (k+C)-th send on
//!   capacity C completes; closing happens before a receive that returns because of it (Go's memory
//!   model).
//! - [`close`](Sender::close), by hand or by dropping the last handle of a side: values in the buffer
//!   are still received, then receives fail; sends fail at once and give the value back, also those
//!   that wait.
//! - Lock-free: no operation waits for another thread's unfinished step. A thread stopped anywhere takes
//!   with it no more than the value or the place that its ticket names.
//! - Nothing is allocated for a message on a channel that goes on at its pace.
//!
//! # The algorithm
//! That of Kotlin's channels (Koval, Alistarh, Elizarov: *Fast and Scalable Channels in Kotlin
//! Coroutines*, PPoPP 2023), without the two places where it waits for another's step.
//!
//! Three counters hand out tickets to the cells of an endless array (the module `queue`): `sent`, `received`,
//! and `buffer_end`. The send with ticket t and the receive with ticket t meet in cell t. Cells before
//! `buffer_end` are the buffer, where a sender leaves its value and goes; every receive that begins makes
//! it one cell longer (*expands* it), so that there is room for one more value. On capacity 0 there is no
//! buffer and no expanding.
//!
//! ```text
//!  sender    Empty, InBuffer → Full           its receiver has come, or the cell is in the buffer
//!            Empty → SenderWaits              neither: it waits here
//!            ReceiverWaits → Handed           the value goes to the receiver that waits
//!            SenderWaits → SenderGone         it gives up
//!  receiver  Full: takes the value            SenderWaits → Taken: takes it, and wakes the sender
//!            Empty, InBuffer → Broken         the sender has its ticket and has not been here: both go
//!                                             for new tickets, nobody waits for anybody
//!            Empty, InBuffer → ReceiverWaits  no sender has this ticket: it waits here
//!            ReceiverWaits → ReceiverGone     it gives up
//!  expander  Empty → InBuffer                 SenderWaits → Full: wakes the sender
//!            SenderGone, Refused: no place; it expands by one more
//!  closer    SenderWaits → Refused            ReceiverWaits, Empty, InBuffer → Closed, from `sent` on
//! ```
//!
//! Whoever makes the compare-exchange out of a waiting phase has ended the wait: a value is handed over
//! by it, or stays with its owner. So a wait ends once, and giving up is one compare-exchange too.
//! Value and waiter slots belong to whoever the phase says, from the exchange on.
//!
//! Invariants: cells from `received` to `buffer_end` that can still hold a value are `capacity` many,
//! but for receives that have begun and not yet expanded. A cell whose sender gave up is expanded over
//! once (one more cell) and received over once (no expanding), in either order.
//!
//! Linearization points: a send that need not wait, its exchange to Full or Handed; one that waits, the
//! exchange that ends its wait; a receive likewise; a failing `try_send` or `try_recv`, its last read of
//! a counter; close, setting the bit in `sent`.
//!
//! Limits: while another thread is in the middle of a receive (its ticket taken, its place not yet given
//! back), `try_send` may find the channel full by that one place; likewise while a send is under way
//! `try_recv` may find it empty by that one value. Cells of waiters that gave up are given back when the
//! counters have passed them: at once, unless a waiter that came earlier still waits in front of them.

mod cell;
mod claim;
mod close;
mod core;
mod error;
mod expand;
mod full;
#[cfg(feature = "async")]
mod future;
mod iter;
mod receiver;
mod recv;
mod returned;
mod select;
mod send;
mod sender;
mod shared;
#[cfg(feature = "async")]
mod task;
mod timer;
mod watch;
mod withdraw;

pub use error::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
#[cfg(feature = "async")]
pub use future::{RecvFuture, RecvStream, SendFuture, SendSink};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use select::{
    ReadyTimeoutError, Select, SelectTimeoutError, SelectedOperation, TryReadyError, TrySelectError,
};
pub use sender::Sender;
pub use timer::{PeriodError, Ticker, Timer, after, at, never, tick};

#[doc(inline)]
pub use crate::{__chan_select as select, __chan_select_biased as select_biased};

#[doc(hidden)]
pub mod __select {
    //! What the macros expand to.
    pub use super::select::{Cases, Completes, Sending};
}

use self::core::Capacity;

/// Cells in a segment, as a power of two.
const SEGMENT_SHIFT: u32 = 5;

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
    with_segments(Capacity::Unbounded, SEGMENT_SHIFT)
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
