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
mod close;
mod core;
mod error;
mod iter;
mod receiver;
mod recv;
mod send;
mod sender;
mod shared;

pub use error::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
pub use iter::{IntoIter, Iter, TryIter};
pub use receiver::Receiver;
pub use sender::Sender;

/// What both sides can be asked.
macro_rules! shared_methods {
    ($side:ident) => {
        impl<T> $side<T> {
            /// The number of values in the buffer, at some moment; 0 on capacity 0.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether the buffer is empty, at some moment; always on capacity 0.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// Whether the buffer is full, at some moment; always on capacity 0.
            pub fn is_full(&self) -> bool {
                self.len() == self.0.capacity()
            }

            /// The number of values that the buffer holds; `None` would be: any number.
            pub fn capacity(&self) -> Option<usize> {
                Some(self.0.capacity())
            }

            /// Whether the channel is closed; values may still be in its buffer.
            pub fn is_closed(&self) -> bool {
                self.0.sent().is_closed()
            }
        }

        impl<T> Clone for $side<T> {
            fn clone(&self) -> Self {
                $side(self.0.clone())
            }
        }

        impl<T> fmt::Debug for $side<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(concat!(stringify!($side), " { .. }"))
            }
        }

        impl<T> ::core::panic::UnwindSafe for $side<T> {}
        impl<T> ::core::panic::RefUnwindSafe for $side<T> {}
    };
}
use shared_methods;

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
    let (sender, receiver) = shared::pair(core::Chan::new(capacity, shift));
    (Sender(sender), Receiver(receiver))
}
