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
//! | [`after_func`] | runs a closure at an instant |
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
//!   they are threads, with a timeout or without, selects or tasks; nobody overtakes a waiter. A thread has blocked
//!   once it has taken its place in that order. Before it does so, a thread that finds a buffer of 8 places or more
//!   full, or it or an unbounded channel empty, and nobody waiting there, gives the processor away up to three times;
//!   that takes a few microseconds, as long as no other thread wants the processor, and another thread may come first
//!   meanwhile. A future has blocked when its poll returns `Pending`; a select once it waits in all its channels, and
//!   it keeps its places there until one of its cases happens or its time is up. Until then two selects that go through
//!   their cases at the same time may break each other's cells, and go on with new ones. So does a select that waits if
//!   it both sends to and receives from one rendezvous channel, and this comes to be ready; if one of its timers is set
//!   anew; or if a send that another select chose to meet it does not happen. A select picks any of its ready cases with
//!   the same probability.
//! - *Values of selects.* A select chooses a send before the value is there: then `select!` evaluates the value, and the
//!   user of a [`Select`] brings it. From the choice on the send has its place, or its receiver. The place counts as
//!   taken, so the buffer never holds more values than its capacity; and a receiver that comes to it waits for the value,
//!   beyond its deadline too, also one that must not wait: the two have met. The receiver goes on without the value only
//!   if the send does not happen: the value panics or leaves the `select!`, or the operation is dropped. A task waits for
//!   the value as for any other, and may give up.
//! - *Values of selects that use their own channel.* The thread that is to bring a value cannot wait for it. A receive of
//!   that thread which must not wait, or waits until a deadline, finds the channel empty from that place on. A receive
//!   without a deadline, and a select that comes to wait, goes on without the value, and so breaks up the place. A forced
//!   send does so too if the place is the oldest. Then the value, and one whose receiver is gone, a future that was
//!   dropped, is sent when it comes, without waiting: these may be beyond the capacity until they are received. (So may
//!   one value be if that thread tries to receive its own value while other threads send.)
//! - *Blocking.* Lock-free: no operation waits for another thread's unfinished step. A thread stopped anywhere takes
//!   with it no more than the value or the place that its ticket names. Two exceptions: a receiver, `try_recv` too,
//!   waits for the value of a select that has chosen to send to it, which is user code; and a select that waits for a
//!   timer gives way to another select that has the timer's instant in its hands, until that one has taken it or put
//!   it back. An operation that has to wait looks for 50 µs at most, as long as no other thread wants the processor,
//!   and then sleeps.
//! - *Close.* [`close`](Sender::close), by hand or by dropping the last handle of a side, is one moment for all: values
//!   in the buffer are still received, then receives fail; sends fail from then on and give the value back. Senders
//!   that wait are told one after the other: a receive that began before the close may still take the value of one of
//!   them when another has its value back already.
//! - *Timeouts and dropped futures.* A value is received or comes back, never both, never neither. What came for a
//!   future, or for an operation of [`Select`], that is dropped goes to the first receiver that waits, else to the next
//!   one, before what was sent later; until then it counts in the channel's length, beyond its capacity if need be. As
//!   long as a value is in the hands of such a future or operation, a closed channel is not taken for empty: `try_recv`
//!   says `Empty`, and `recv` waits until the value has come back or has been collected. So a forgotten one keeps
//!   receivers waiting after the close.
//! - *User code* (wakers, destructors of values) is called once the operation has settled everything else, and may use
//!   the channel. If it panics, the other wakers are woken and the other values dropped all the same; then the first
//!   panic comes out of the operation. Then a value that was to be sent has been sent, or is dropped; one that was to
//!   be received goes to the next receiver, which may be the same future when it is polled again. A thread that is
//!   panicking already goes on without the panic.
//! - *Linearizable*, closing and failing `try_` operations included: the channel is full or empty when they say so. A
//!   select takes its default, and [`Select::try_ready`] fails, only if at one moment none of the channels was ready.
//!   A select has sent when it chooses the send, if its value comes then: until that is known the place counts as taken.
//!   One exception: while another select has the instant of a timer in its hands, a receive and a select find no
//!   instant there, and `try_ready` and `len` find it due, though that select may still put it back.
//! - *Memory.* Nothing is allocated for a message on a channel that goes on at its pace, and nothing for a select of up to
//!   16 cases that waits (a [`Select`] that is used again), but for the first one of its thread, for those of goroutines and
//!   in bubbles, and for those that both send to and receive from one rendezvous channel; an unbounded channel follows the
//!   number of its values up and down; waiters that give up leave nothing. (Senders to a full buffer that do so
//!   between one that came earlier and one that came later, which both still wait, keep a cell each as long as the
//!   earlier one waits: the end of the buffer, which must pass each of them, stands at that one.) An operation that
//!   stands still, as a stopped thread or a future that nobody polls, keeps the segment of its cell.
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
//! # The files
//!
//! | | |
//! | --- | --- |
//! | `handle` | what a user holds: `sender`, `receiver`, `channel` (both), `weak`; `counted` keeps the channel alive, `make` makes it, `query` tells of it, `iter` iterates |
//! | `algorithm` | `chan` (counters), `cell` (one cell: phases, value, waiters), `send`, `recv`, `late` (the values of selects), `cancel`, `close`, `expand` (the end of the buffer), `look` (before an operation takes its ticket) |
//! | | `try_send` and `settled`: whether a buffer is really full; `force_send`: a send at the cost of the oldest value; `undelivered` and `redeliver`: values that came back; `snapshot`: length and readiness; `deferred`: user code |
//! | `select` | `run` waits for one of several `case`s (`case_send`, `case_recv`) by one `state`; `macros` is `select!`, `mod` is [`Select`], `ready` waits without doing; `observers` are told of changes |
//! | `future` | futures, streams and sinks; `closed` waits for the close; `poll` is `send` and `recv` with a waker in place of a thread, `stage` how far they have come |
//! | `timer` | timers and tickers; `alarm` is the instant that their receivers share |
//! | `error` | what can go wrong |
//!
//! Files import each other in one direction: `algorithm` knows of `select` only its `state` and its `observers`; the
//! handles are cases of a select; `Select`, `macros`, `future` and `timer` take handles.
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
//! A thread that would have to wait, and finds no other that waits, looks a few times whether it still would, before it
//! takes its ticket (`look`). A thread that waits looks for a while before it falls asleep, which is a bit of the
//! cell's state: only then is there anybody to wake.
//!
//! ```text
//!  sender    Empty → Full                     the cell is in the buffer
//!            Empty → SenderWaits              it is not: the sender waits here
//!            ReceiverWaits → Delivered        the value goes to the receiver that waits
//!            ReceiverWaits → Promised         a select chooses to send: its value is still to come
//!            ReceiverSelects → Promised       the same, and the receiving select is decided by that
//!            Promised → Delivered             the value has come
//!            Promised → Poisoned              it will not come
//!            Empty → SenderSelects            the same for a place in the buffer (with a bit that says so), or a select
//!                                             begins to wait
//!            SenderSelects → Full             the value of a select that was chosen has come
//!            SenderSelects → PassedOver       it will not come
//!            ReceiverLeaving → PassedOver     another receiver may come with the ticket, or nobody
//!            Empty → Full                     it is not, and the send is forced: the oldest value goes; or the value
//!                                             is a select's, whose cell was broken meanwhile
//!            Empty → SenderGone               the cell of a send before it, whose place it takes
//!            SenderWaits → SenderLeaving      it gives up: its ticket goes back if it was the last,
//!            SenderLeaving → SenderGone       else the cell is no place any more
//!            ReceiverWaits → Poisoned         the sender was leaving when the receiver came: nothing will come here
//!  receiver  Full                             takes the value
//!            SenderWaits → Delivered          takes the value, and wakes the sender
//!            SenderSelects → Promised         decides the select, or finds it decided, and waits for the value
//!            SenderSelects → ReceiverWaits    the same for a task, which may leave before the value comes
//!            SenderSelects → Poisoned         the value is to come from this very thread, or the send is forced
//!            Empty → Poisoned                 the sender has its ticket and has not been here: both go
//!                                             for new tickets, neither waits for the other
//!            Empty → ReceiverWaits            no sender has this ticket: the receiver waits here
//!            ReceiverWaits → ReceiverLeaving  it gives up: its ticket goes back if it was the last
//!            ReceiverLeaving → ReceiverWaits  the next one with the ticket, for which the end has moved by now
//!            ReceiverLeaving → ReceiverGone   its ticket was not the last
//!  expander  SenderWaits → Full               wakes the sender
//!            SenderGone → PassedOver          no place; it expands by one more
//!  closer    SenderWaits → Rejected           ReceiverWaits, Empty → Closed, from `sent` on
//! ```
//!
//! The thread that makes the compare-exchange out of a waiting phase has ended the wait: that thread hands the value
//! over, or the value stays with its owner. So a wait ends once, and giving up is one compare-exchange too. A select
//! waits in `SenderSelects` and `ReceiverSelects`; there the select's state is committed (the module `select`). The
//! exception is `Promised`: that wait is ended by the sender alone. A promise binds threads and selects from the moment
//! at which the sending select chooses them, or at which they come to its place.
//!
//! # Which thread may touch what
//! The `SAFETY` comments cite these by number, with the fact that makes them apply.
//!
//! **S1, a cell is alive** for the holder of its ticket, until the holder leaves the cell (`EndlessArray::leave`, or a
//! compare-exchange that sets the bit `left`), and for a thread that has pinned the array, until the pin ends (the module
//! `queue`). A ticket has one holder at a time: the thread whose read-modify-write took it from the counter, until it leaves
//! the cell or gives the ticket back.
//!
//! **S2, the value** in a cell is the sender's, from the ticket on, until the compare-exchange that makes the cell `Full` or
//! `Delivered`. From then on it is the receiver's. A sender whose value has not been handed over in this way takes it
//! back before it leaves, so the slot is empty for the next holder of the ticket.
//!
//! **S3, the end of a wait.** `SenderWaits`, `ReceiverWaits` and `Promised` are each left by one compare-exchange for each
//! wait, and the thread that makes it has ended the wait. If the state that it replaces says *asleep*, the waiter slot
//! of the party that waited is that thread's from then on. If not, the slot stays the waiting party's. (In `Promised`
//! the slot of a select is only read.)
//!
//! **S4, a waiter slot** is otherwise its party's own: until the cell says that the party is asleep, or that a select waits.
//! Only the party itself makes the cell say so, after it has filled the slot.
//!
//! **S5, the slot of a select** is read by other threads, after they have set the bit *seen*. A seen slot is not written to before the
//! cell is used again. So a select that leaves takes its slot back only if the cell is not seen, by the
//! compare-exchange that leaves the phase, and the ticket goes back only then. (While a plain receive waits, *seen*
//! says instead that a task waits, which may give the value back.)
//!
//! # One blocking send, step by step
//! A send to a bounded channel whose buffer is full, and the receive that makes room for it:
//!
//! 1. `Sender::send` (`handle::sender`) reaches the channel through its share (`handle::counted`) and calls
//!    `Chan::send`. All that follows is in `algorithm::send`, but for the cell's own operations.
//! 2. `look_to_send` (`algorithm::look`) finds the buffer full, and gives the processor away a few times, unless
//!    another sender waits. Then `send_place` takes a ticket (`send_ticket`: one compare-exchange of `sent`) and finds
//!    its cell (`EndlessArray::locate`); the send puts its value into the cell (`Cell::put`).
//! 3. `has_place` says that the end of the buffer has not come to the cell. Had it come, the send would be done by one
//!    compare-exchange, `Empty → Full`: that is the fast path.
//! 4. `settle_send` calls `offer`, which looks whether a receiver is in the cell: one that waits would get the value
//!    (`hand_over`). Here there is none, and there is no place: the send must wait.
//! 5. `wait_to_send` calls `begin_to_send`: it counts the cell as one that waits for the end of the buffer, moves it
//!    `Empty → SenderWaits`, and looks once more at the closed bit and at the end. The thread then looks at the cell
//!    for a while (`Cell::changes_soon`), puts its `Unparker` into the cell's waiter slot, says that it is asleep, and
//!    parks (`cell::sleep`).
//! 6. A receive (`algorithm::recv`) takes the first value of the buffer and calls `expand` (`algorithm::expand`): the
//!    end of the buffer moves to the cell, `let_in` moves it `SenderWaits → Full`, takes the waiter out and wakes it.
//! 7. `sending_ended` reads `Full`, and the sender leaves the cell (`EndlessArray::leave`); its value stays for the
//!    receive with the same ticket. Had the deadline come first, `give_up_sending` would have moved the cell to
//!    `SenderLeaving`, and `end_send` given the ticket back (`return_send` in `algorithm::cancel`).
//!
//! # Places and linearization points
//! **I1, places.** Of the cells from `received` to the end of the buffer, `capacity` many can hold a value. Each receive
//! moves the end by one cell. A cell that is no place moves it by one more: when the first of its receiver and the end
//! passes the cell; or, where the end stands at the cell, as soon as its sender has given up.
//!
//! | operation | linearization point |
//! | --- | --- |
//! | a send or a receive that need not wait | its ticket |
//! | a send or a receive that waits | the compare-exchange that ends its wait |
//! | a `try_recv` that fails | its last read of a counter; or, if its sender is under way, the moment from which it found no value in the cells of all later tickets |
//! | a `try_send` that fails | its last read of `received`: from then on there are as many values as the buffer holds, in cells whose sends can no longer fail |
//! | close | setting the bit in `sent` |
//!
//! The channel remembers up to which cell sends can no longer fail, so each cell is looked at once (the module
//! `settled`). While a send is under way among them, or one that a select chose and that will bring its value, a look
//! at a buffer that seems to be full goes through the whole of it.
//!
//! A `try_send` that finds a send under way in the buffer, which may still fail, cannot say Full, and must not wait. It
//! takes a ticket then, waits in its cell as a send with a timeout of nothing would, and takes such places for itself:
//! only of sends whose values are not in their cells yet, so that two never do so to each other.

mod algorithm;
mod error;
#[cfg(feature = "async")]
mod future;
mod handle;
mod select;
mod timer;

pub(crate) use algorithm::deferred;
pub use error::{
    CloseError, RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
#[cfg(feature = "async")]
pub use future::closed::ClosedFuture;
#[cfg(feature = "async")]
pub use future::{RecvFuture, RecvStream, SendFuture, SendSink};
pub use handle::channel::Channel;
pub use handle::iter::{Drain, IntoIter, Iter, TryIter};
pub(crate) use handle::lapsing::Lapse;
pub use handle::make::{bounded, bounded_with_segments, unbounded, unbounded_with_segments};
pub use handle::receiver::Receiver;
pub use handle::sender::Sender;
pub use handle::weak::{WeakReceiver, WeakSender};
pub use select::{
    ReadyTimeoutError, Select, SelectTimeoutError, SelectedOperation, TryReadyError, TrySelectError,
};
pub use timer::{FuncTimer, PeriodError, Ticker, Timer, after, after_func, at, never, tick};

#[doc(inline)]
pub use crate::{select, select_biased};
#[doc(hidden)]
pub use algorithm::undelivered::Undelivered;

#[doc(hidden)]
pub mod __select {
    //! What the macros expand to.
    pub use super::select::order::Order;
    pub use super::select::{Cases, Chosen, handle_of};
}
