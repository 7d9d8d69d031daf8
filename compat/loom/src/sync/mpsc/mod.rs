//! A channel with many senders and one receiver.
//!
//! The algorithm is Vyukov's queue, on atomics that the engine sees. The channel is a list of nodes. The receiver has the
//! first node, whose message it has taken already. A send swaps its node into `tail`, which is the place of the message
//! among all, and then links the node behind the one that was there. A receive waits for the link of its node.
//!
//! So the engine explores the orders of sends, which programs can tell apart, and nothing else: a link has one writer, and
//! one value that ends the wait for it. The end of each sender is a flag of its own, which the receiver looks at only where
//! no message comes.
//!
//! N1. A node belongs to its sender until the swap, and then to the receiver, but for the link: the thread whose swap found
//! the node writes the link once, and does not touch the node afterwards. The receiver frees a node after it has read the
//! link.
//!
//! N2. Messages are moved between threads of one model, which are coroutines of one thread of the operating system. So a
//! message is never sent to another thread of the system, also where its type is not `Send`.

#![allow(
    clippy::disallowed_types,
    clippy::arc_with_non_send_sync,
    reason = "the number of handles is nothing that a model is about"
)]

mod ends;

use core::cell::Cell;
use core::fmt;
use core::ptr;
use core::time::Duration;
use ends::End;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicPtr};
use selvedge::rt::{assume, execution, wait_until};
use std::sync::Arc;
pub use std::sync::mpsc::{RecvError, RecvTimeoutError, SendError, TryRecvError};

struct Node<T> {
    /// The next node, or null.
    next: AtomicPtr<Node<T>>,
    /// The message, until the receiver has taken it.
    message: Option<T>,
}

impl<T> Node<T> {
    #[track_caller]
    fn new(message: Option<T>) -> *mut Node<T> {
        Box::into_raw(Box::new(Node { next: AtomicPtr::new(ptr::null_mut()), message }))
    }
}

/// What both sides share.
struct Shared<T> {
    /// The last node.
    tail: AtomicPtr<Node<T>>,
    /// Whether the receiver has gone.
    deserted: AtomicBool,
    /// The receiver's node. It is changed by the receiver, and after that by the end of the execution, which come one after
    /// the other.
    head: Cell<*mut Node<T>>,
}

impl<T> Shared<T> {
    /// Takes the next message, if `next`, the link of the receiver's node, is not null.
    ///
    /// # Safety
    /// The caller is the receiver, or what the receiver has left the nodes to, and has read `next` with Acquire.
    unsafe fn take(&self, next: *mut Node<T>) -> Option<T> {
        if next.is_null() {
            return None;
        }
        let former = self.head.replace(next);
        // SAFETY: N1: the link of this node has been read, so no thread touches the node any more, and it was made by a box.
        drop(unsafe { Box::from_raw(former) });
        // SAFETY: N1: the sender has given up the node by the link, which was read with Acquire, so the node is the receiver's.
        unsafe { (*next).message.take() }
    }

    /// Reads the link of the receiver's node.
    ///
    /// # Safety
    /// The caller is the receiver, or what the receiver has left the nodes to.
    #[track_caller]
    unsafe fn next(&self) -> *mut Node<T> {
        // SAFETY: N1: the receiver's node lives until the receiver frees it.
        // Acquire: synchronizes with the Release store in `send`: what the sender did, the message among it, happens before
        // what the receiver does. With Relaxed they would race.
        unsafe { &(*self.head.get()).next }.load(Acquire)
    }

    /// Drops the messages whose links are there.
    ///
    /// # Safety
    /// As of [`next`](Self::next).
    #[track_caller]
    unsafe fn drain(&self) {
        // SAFETY: by this function's contract, which is that of `next`, the calling thread alone takes nodes; `next` reads with
        // Acquire, so the node that it returns is made.
        while let Some(message) = unsafe { self.take(self.next()) } {
            drop(message);
        }
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        // Messages are dropped before, by the receiver or at the end of the execution. The engine is asked for nothing here,
        // since the order in which threads drop their handles is none that it knows. After a failure nodes may be lost.
        // SAFETY: both sides have gone, so no thread has this node, and it was made by a box.
        let last = unsafe { Box::from_raw(self.head.get()) };
        core::mem::forget(last.message);
    }
}

/// Returns the two sides of a channel whose sends never block.
///
/// ```
/// # use selvedge_loom as loom;
/// use loom::sync::mpsc::channel;
///
/// loom::model(|| {
///     let (sender, receiver) = channel();
///     loom::thread::spawn(move || sender.send(5).unwrap());
///     assert_eq!(receiver.recv(), Ok(5));
///     assert!(receiver.recv().is_err());
/// });
/// ```
#[track_caller]
pub fn channel<T>() -> (Sender<T>, Receiver<T>) {
    let first = Node::new(None);
    #[allow(
        clippy::disallowed_types,
        clippy::arc_with_non_send_sync,
        reason = "it is shared in a model only (N2)"
    )]
    let shared = Arc::new(Shared {
        tail: AtomicPtr::new(first),
        deserted: AtomicBool::new(false),
        head: Cell::new(first),
    });
    let end = End::new();
    (Sender { shared: Arc::clone(&shared), end: Arc::clone(&end) }, Receiver { shared, first: end })
}

/// The side that sends. Each clone is one more sender.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
    end: Arc<End>,
}

// SAFETY: N2: a message leaves its thread of the system by no handle; the rest of a handle is atomics.
unsafe impl<T: Send> Send for Sender<T> {}
// SAFETY: N2: a message leaves its thread of the system by no handle, and a shared sender only sends, which any number of threads may do at a time.
unsafe impl<T: Send> Sync for Sender<T> {}

impl<T> Sender<T> {
    /// Sends a message.
    ///
    /// # Errors
    /// The message, if the receiver has gone.
    #[track_caller]
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        // Acquire: synchronizes with the Release store in the receiver's `drop`, so that the sender knows what the receiver did
        // before it went.
        if self.shared.deserted.load(Acquire) {
            return Err(SendError(message));
        }
        let node = Node::new(Some(message));
        // AcqRel: publishes the node, whose link the next sender writes, to that sender's swap, and takes over the node that
        // the sender before has published. With Relaxed a link would race with the making of its node.
        let former = self.shared.tail.swap(node, AcqRel);
        // SAFETY: N1: this thread's swap found the node, so this thread writes its link, and the receiver frees the node only
        // after it has read the link.
        // Release: publishes the message to the Acquire load in `next`.
        unsafe { &(*former).next }.store(node, Release);
        Ok(())
    }
}

impl<T> Clone for Sender<T> {
    #[track_caller]
    fn clone(&self) -> Sender<T> {
        Sender { shared: Arc::clone(&self.shared), end: self.end.child() }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        self.end.note();
    }
}

/// The side that receives.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
    /// The end of the first sender, from which the ends of all others are known.
    first: Arc<End>,
}

// SAFETY: N2: a message leaves its thread of the system by no handle; one thread at a time has the receiver, which is not
// `Sync`.
unsafe impl<T: Send> Send for Receiver<T> {}

impl<T> Receiver<T> {
    /// Blocks until there is a message, and takes it.
    ///
    /// # Errors
    /// If all senders have gone, and all messages have been taken.
    #[track_caller]
    pub fn recv(&self) -> Result<T, RecvError> {
        let mut next = ptr::null_mut();
        wait_until(|| {
            next = self.next();
            !next.is_null() || self.first.is_final()
        });
        if next.is_null() {
            // Where there is a message all the same, the execution is another one's, in which the receiver found it at once.
            assume(self.next().is_null());
        }
        // SAFETY: this is the receiver, on one thread at a time, and has read the link with Acquire.
        unsafe { self.shared.take(next) }.ok_or(RecvError)
    }

    /// Takes a message, if there is one.
    ///
    /// # Errors
    /// If there is none; `Disconnected`, if there will be none.
    #[track_caller]
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        if self.next().is_null() {
            // Acquire: what was sent before is known to the receiver then, as if it had found a message.
            let is_empty = self.shared.tail.load(Acquire) == self.shared.head.get();
            if is_empty && !self.first.is_final() {
                return Err(TryRecvError::Empty);
            }
            if !is_empty {
                // The sender whose message is the next has its place, and is about to write the link.
                wait_until(|| !self.next().is_null());
            }
        }
        self.take().ok_or(TryRecvError::Disconnected)
    }

    /// Takes a message, or times out. Here the time is over at once, at any moment that the engine picks.
    ///
    /// # Errors
    /// If there is no message; `Disconnected`, if there will be none.
    #[track_caller]
    pub fn recv_timeout(&self, _timeout: Duration) -> Result<T, RecvTimeoutError> {
        self.try_recv().map_err(|error| match error {
            TryRecvError::Empty => RecvTimeoutError::Timeout,
            TryRecvError::Disconnected => RecvTimeoutError::Disconnected,
        })
    }

    #[track_caller]
    fn next(&self) -> *mut Node<T> {
        // SAFETY: this is the receiver, on one thread at a time.
        unsafe { self.shared.next() }
    }

    #[track_caller]
    fn take(&self) -> Option<T> {
        let next = self.next();
        // SAFETY: this is the receiver, on one thread at a time, and has read the link with Acquire.
        unsafe { self.shared.take(next) }
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        // Release: publishes what the receiver did to the Acquire load in `send`.
        self.shared.deserted.store(true, Release);
        // SAFETY: the receiver is being dropped, by the one thread that has it.
        unsafe { self.shared.drain() };
        leave(&self.shared);
    }
}

/// Leaves the messages of sends that the receiver's end has overtaken to the end of the execution.
#[track_caller]
fn leave<T>(shared: &Arc<Shared<T>>) {
    let left = Left { shared: Arc::into_raw(Arc::clone(shared)).cast(), drain: drain::<T> };
    // SAFETY: this is the drop of the receiver, after which no code is the receiver, and the closure runs once.
    execution::at_end(move || unsafe { left.drain() });
}

/// A channel whose receiver has gone, whatever its messages are.
///
/// A message that is still there was sent by a thread other than the receiver's, so it borrows from nothing that ends
/// before the execution.
struct Left {
    shared: *const (),
    drain: unsafe fn(*const ()),
}

// SAFETY: N2: the value stays on the model's thread of the operating system.
unsafe impl Send for Left {}

impl Left {
    /// Drops the messages.
    ///
    /// # Safety
    /// The caller takes the place of the receiver, once.
    unsafe fn drain(self) {
        // SAFETY: the pointer comes from `Arc::into_raw` of the type for which `drain` was made, and is used once.
        unsafe { (self.drain)(self.shared) }
    }
}

/// Drops the messages of a channel.
///
/// # Safety
/// The pointer comes from `Arc::into_raw` of a channel of this type, and is taken back once, by what takes the place of the
/// receiver.
unsafe fn drain<T>(shared: *const ()) {
    // SAFETY: the pointer comes from `Arc::into_raw` of this type, and is taken back once (promised by the caller).
    let shared = unsafe { Arc::from_raw(shared.cast::<Shared<T>>()) };
    // SAFETY: no receiver is left, by this function's contract, and this call takes its place.
    unsafe { shared.drain() };
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").finish_non_exhaustive()
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver").finish_non_exhaustive()
    }
}
