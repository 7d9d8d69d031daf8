//! Waiting for one of several operations: `select!`, `select_biased!` and [`Select`].
//!
//! A select first tries its cases in a random order. If none can happen at once, it takes a ticket in every channel and
//! waits in all the cells at once, with one [wait](state::SelectWait) for them all. A thread that meets it
//! in a cell and could complete that case makes the compare-exchange of the select state's word from `Waiting` to
//! `Chosen(case)`: only one can. The select leaves its other cells as a timed-out operation does.
//!
//! The value of a send comes once its case is chosen. Until then the send is *promised* (or *late*): it has its place,
//! and a thread or a select that has met it waits in the cell, in `Promised`, for the value or for the word that it
//! will not come.
//!
//! While a select goes through its cases (`Registering`) no other thread can commit it, or it might get two values. A
//! thread that meets it then *poisons* it: the select state goes from `Registering` to `Over`, the thread poisons the
//! cell, and both go for new tickets, the select with another wait. The select begins to wait by the exchange of
//! `Registering` for `Waiting`, so a select that waits has not been poisoned, and from then on nobody poisons a cell of
//! it: it keeps its places until its select state is decided. Once it has begun to wait it looks at its cells: a close
//! or the end of a buffer may have come to them while it was registering. A timer's instant is taken on trial before
//! the select is committed for it, so that a select whose timer somebody else receives waits on as it did.
//!
//! A select that both sends to and receives from one rendezvous channel only observes the channel for its sends, since
//! it must not meet itself. If the channel comes to be ready, such a select starts over.

pub(super) mod case;
mod case_recv;
mod case_send;
mod case_specified;
mod error;
mod macros;
pub(super) mod observers;
pub(super) mod order;
mod own_receives;
mod ready;
pub(super) mod run;
pub(super) mod specified;
pub(super) mod state;

use crate::chan::algorithm::chan::Blocking;
use crate::chan::algorithm::deferred;
use crate::chan::error::{RecvError, SendError};
use crate::chan::handle::receiver::Receiver;
use crate::chan::handle::sender::Sender;
use crate::rt::entry::enter;
use crate::rt::time::now;
use case::{Handle, Hold, Slot};
use core::fmt;
use core::marker::PhantomData;
pub use error::{ReadyTimeoutError, SelectTimeoutError, TryReadyError, TrySelectError};
use order::Order;
use run::{Case, run};
use std::time::{Duration, Instant};

#[doc(hidden)]
pub use macros::{Cases, Chosen, handle_of};

/// A select whose operations are added one by one, at run time.
///
/// Names and meaning follow crossbeam-channel. Each operation has an index, in the order in which they are added.
/// [`select`](Self::select) waits for one and says which; it must be completed with the channel with which it was
/// added, by the same handle or by a clone of it. For a send the value comes only then: until then its place in the
/// buffer is taken, and a receiver that comes there or has met the send waits for the value. Completing a send does not
/// block. If its receiver is gone by then, a future that was dropped, or its place was broken up (by a forced send, or
/// by a receive of the thread that has the operation), the value goes into the channel all the same, beyond the
/// capacity if need be.
///
/// ```
/// use selvedge::chan::{Select, unbounded};
/// let (tx, rx) = unbounded();
/// let (_idle, other) = unbounded::<i32>();
/// tx.send(5).unwrap();
///
/// let mut select = Select::new();
/// let first = select.recv(&rx);
/// let second = select.recv(&other);
/// let operation = select.select();
/// match operation.index() {
///     index if index == first => assert_eq!(operation.recv(&rx), Ok(5)),
///     index if index == second => unreachable!("nobody sends there"),
///     _ => unreachable!("there are two operations"),
/// }
/// ```
pub struct Select<'a> {
    /// The operations that have not been removed, with their indices.
    cases: Vec<(usize, &'a dyn Handle)>,
    /// The cases of the last run. Their memory is used again, so that a run allocates nothing.
    running: Vec<Case<'a>>,
    next: usize,
    order: Order,
}

// SAFETY: another thread that runs the select moves values between cells of their own channel, and hands them to
// nobody: taking one out needs a receiver, and if `T` is not `Send` that thread has none. It drops none either: the
// receivers that the select borrows keep their channels from being discarded.
unsafe impl Send for Select<'_> {}
// SAFETY: a shared select can only be cloned and printed; a clone may be sent, as argued for `Send`.
unsafe impl Sync for Select<'_> {}

impl Default for Select<'_> {
    fn default() -> Self {
        Select::new()
    }
}

impl<'a> Select<'a> {
    /// Returns a select without operations, which picks at random among those that are ready.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Ok(1));
    /// ```
    pub fn new() -> Select<'a> {
        Select { cases: Vec::with_capacity(4), running: Vec::new(), next: 0, order: Order::Random }
    }

    /// Returns a select that picks the first of those that are ready, looking at one after the other: one that becomes
    /// ready after the look at it may be passed over.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new_biased();
    /// let (first, _second) = (select.recv(&rx), select.send(&tx));
    /// assert_eq!(select.ready(), first, "both are");
    /// ```
    pub fn new_biased() -> Select<'a> {
        Select { order: Order::Given, ..Select::new() }
    }

    fn add(&mut self, handle: &'a dyn Handle) -> usize {
        self.cases.push((self.next, handle));
        self.next += 1;
        self.next - 1
    }

    /// Adds a send; its index.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// let mut select = Select::new();
    /// select.send(&tx);
    /// select.select().send(&tx, 1).unwrap();
    /// assert_eq!(rx.recv(), Ok(1));
    /// ```
    pub fn send<T>(&mut self, sender: &'a Sender<T>) -> usize {
        self.add(sender)
    }

    /// Adds a receive; its index.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// let operation = select.select();
    /// assert_eq!((operation.index(), operation.recv(&rx)), (index, Ok(1)));
    /// ```
    pub fn recv<T>(&mut self, receiver: &'a Receiver<T>) -> usize {
        self.add(receiver)
    }

    /// Takes an operation out. The others keep their indices.
    ///
    /// # Panics
    /// If there is no operation with this index.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// let (first, second) = (select.recv(&rx), select.recv(&rx));
    /// select.remove(first);
    /// assert_eq!(select.ready(), second);
    /// ```
    #[track_caller]
    pub fn remove(&mut self, index: usize) {
        let Some(at) = self.cases.iter().position(|(number, _)| *number == index) else {
            panic!(
                "there is no operation with index {index} in this select: it was never added, or is removed"
            )
        };
        self.cases.remove(at);
    }

    fn run(&mut self, blocking: Blocking) -> Option<SelectedOperation<'a>> {
        self.running.clear();
        self.running.extend(self.cases.iter().map(|(_, handle)| Case::new(*handle)));
        let chosen = run(&mut self.running, self.order, blocking)?;
        let Case { handle, mut slot } = self.running.swap_remove(chosen);
        handle.lend(&mut slot);
        Some(SelectedOperation { index: self.cases[chosen].0, handle, slot, not_send: PhantomData })
    }

    /// Does one of the operations, if one can happen at once.
    ///
    /// # Errors
    /// If none can.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.try_select().unwrap().recv(&rx), Ok(1));
    /// assert!(select.try_select().is_err());
    /// ```
    #[track_caller]
    pub fn try_select(&mut self) -> Result<SelectedOperation<'a>, TrySelectError> {
        let _entry = enter();
        self.run(Blocking::Never).ok_or(TrySelectError)
    }

    /// Waits until one of the operations can happen, and does it.
    ///
    /// # Panics
    /// If there are no operations: it would wait for ever.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// let operation = select.select();
    /// assert_eq!(operation.recv(&rx), Ok(1));
    /// ```
    #[track_caller]
    pub fn select(&mut self) -> SelectedOperation<'a> {
        let _entry = enter();
        assert!(
            !self.cases.is_empty(),
            "no operations have been added to this select: it would wait for ever"
        );
        self.run(Blocking::FOREVER).expect("a select without a deadline does not time out")
    }

    /// Waits for at most `timeout`.
    ///
    /// # Errors
    /// If no operation happened in time; then none has.
    ///
    /// ```
    /// use selvedge::chan::{Select, never};
    /// use std::time::Duration;
    /// let idle = never::<i32>();
    /// let mut select = Select::new();
    /// select.recv(&idle);
    /// assert!(select.select_timeout(Duration::from_millis(1)).is_err());
    /// ```
    #[track_caller]
    pub fn select_timeout(&mut self, timeout: Duration) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        let _entry = enter();
        // A time too far away to be named is no limit.
        self.run(Blocking::Until(now().checked_add(timeout))).ok_or(SelectTimeoutError)
    }

    /// Waits until `deadline` at most.
    ///
    /// # Errors
    /// If no operation happened in time; then none has.
    ///
    /// ```
    /// use selvedge::chan::{Select, never};
    /// use std::time::Instant;
    /// let idle = never::<i32>();
    /// let mut select = Select::new();
    /// select.recv(&idle);
    /// assert!(select.select_deadline(Instant::now()).is_err());
    /// ```
    #[track_caller]
    pub fn select_deadline(
        &mut self,
        deadline: Instant,
    ) -> Result<SelectedOperation<'a>, SelectTimeoutError> {
        let _entry = enter();
        self.run(Blocking::Until(Some(deadline))).ok_or(SelectTimeoutError)
    }
}

impl Clone for Select<'_> {
    fn clone(&self) -> Self {
        Select { cases: self.cases.clone(), running: Vec::new(), next: self.next, order: self.order }
    }
}

impl fmt::Debug for Select<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select").field("operations", &self.cases.len()).finish_non_exhaustive()
    }
}

/// An operation that a [`Select`] has chosen, to be completed.
///
/// # Panics
/// If it is dropped without being completed, unless the thread is panicking already. A value that was received goes to
/// the next receiver; an instant of a timer counts as received. A forgotten operation takes with it the value that it
/// has received; a forgotten send keeps its place, and a receiver that comes there waits on, whether or not it has a
/// deadline.
///
/// ```
/// use selvedge::chan::{Select, unbounded};
/// let (tx, rx) = unbounded();
/// tx.send(1).unwrap();
/// let mut select = Select::new();
/// select.recv(&rx);
/// let operation = select.select();
/// assert_eq!(operation.recv(&rx), Ok(1), "it must be completed");
/// ```
#[must_use = "complete it with `send` or `recv`"]
pub struct SelectedOperation<'a> {
    index: usize,
    handle: &'a dyn Handle,
    slot: Slot,
    not_send: PhantomData<*const ()>,
}

impl SelectedOperation<'_> {
    /// Returns the index of the operation in its select.
    ///
    /// ```
    /// use selvedge::chan::{Select, unbounded};
    /// let (tx, rx) = unbounded();
    /// tx.send(1).unwrap();
    /// let mut select = Select::new();
    /// let index = select.recv(&rx);
    /// let operation = select.select();
    /// assert_eq!(operation.index(), index);
    /// operation.recv(&rx).unwrap();
    /// ```
    pub fn index(&self) -> usize {
        self.index
    }

    /// The channel's address tells its type of values, too: two channels that live have different ones.
    #[track_caller]
    fn must_be(&self, handle: &dyn Handle, what: &str) {
        let same = self.handle.identity() == handle.identity();
        assert!(
            same,
            "passed a {what} that is not the one with which this operation was added, nor a clone of it"
        );
    }

    /// Completes a send, without blocking.
    ///
    /// # Errors
    /// If the channel is closed; the value comes back.
    ///
    /// # Panics
    /// If the operation was not added with a sender of this channel.
    ///
    /// ```
    /// use selvedge::chan::{Select, SendError, bounded};
    /// let (tx, rx) = bounded(1);
    /// drop(rx);
    /// let mut select = Select::new();
    /// select.send(&tx);
    /// assert_eq!(select.select().send(&tx, 1), Err(SendError(1)));
    /// ```
    #[track_caller]
    pub fn send<T>(mut self, sender: &Sender<T>, value: T) -> Result<(), SendError<T>> {
        self.must_be(sender, "sender");
        sender.finish_late(&mut self.slot, value)
    }

    /// Completes a receive.
    ///
    /// # Errors
    /// If the channel is empty and closed.
    ///
    /// # Panics
    /// If the operation was not added with a receiver of this channel.
    ///
    /// ```
    /// use selvedge::chan::{RecvError, Select, bounded};
    /// let (tx, rx) = bounded::<i32>(1);
    /// drop(tx);
    /// let mut select = Select::new();
    /// select.recv(&rx);
    /// assert_eq!(select.select().recv(&rx), Err(RecvError));
    /// ```
    #[track_caller]
    pub fn recv<T>(mut self, receiver: &Receiver<T>) -> Result<T, RecvError> {
        self.must_be(receiver, "receiver");
        receiver.finish(&mut self.slot)
    }
}

impl Drop for SelectedOperation<'_> {
    fn drop(&mut self) {
        let completed = matches!(self.slot.hold, Hold::Nothing);
        if !completed {
            let _held = deferred::hold();
            self.handle.withdraw(&mut self.slot);
        }
        assert!(
            completed || crate::rt::thread::panicking(),
            "a selected operation was dropped without being completed"
        );
    }
}

// Operations settle their channel's state before they call anything that may panic.
impl core::panic::UnwindSafe for SelectedOperation<'_> {}
impl core::panic::RefUnwindSafe for SelectedOperation<'_> {}
impl core::panic::UnwindSafe for Select<'_> {}
impl core::panic::RefUnwindSafe for Select<'_> {}

impl fmt::Debug for SelectedOperation<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectedOperation").field("index", &self.index).finish_non_exhaustive()
    }
}
