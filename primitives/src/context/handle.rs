//! What cancels a context: [`Cancel`] and [`CancelCause`].

use super::cancel::{Ended, cancel};
use super::error::{AnyError, Cause, Error};
use super::node::Node;
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use core::fmt;
use core::mem::ManuallyDrop;

/// Cancels a context, by hand or when its last clone is dropped.
///
/// So a handle that a function keeps is Go's `defer cancel()`: whichever way the function is left, no context is left behind.
/// Whatever threads did before they dropped their clones happens before the cancellation by the last one.
///
/// ```
/// use selvedge::context::{Error, background, with_cancel};
/// let (context, cancel) = with_cancel(&background());
/// let theirs = cancel.clone();
/// drop(cancel);
/// assert_eq!(context.err(), None, "there is another handle");
/// theirs.cancel();
/// theirs.cancel(); // does nothing
/// assert_eq!(context.err(), Some(Error::Canceled));
/// ```
#[must_use = "the context is cancelled when the last handle is dropped; bind it to a name other than `_`"]
#[doc(alias("CancelFunc", "CancellationToken", "DropGuard"))]
pub struct Cancel(Handle);

/// Cancels a context and says why, by hand; or without a cause, when its last clone is dropped.
///
/// ```
/// use selvedge::context::{Error, background, with_cancel_cause};
/// let (context, cancel) = with_cancel_cause(&background());
/// cancel.cancel("the client has gone");
/// cancel.cancel("no client"); // does nothing
/// assert_eq!(context.err(), Some(Error::Canceled));
/// assert_eq!(context.cause().expect("it is cancelled").to_string(), "the client has gone");
/// ```
#[must_use = "the context is cancelled when the last handle is dropped; bind it to a name other than `_`"]
#[doc(alias = "CancelCauseFunc")]
pub struct CancelCause(Handle);

/// A share in what can cancel a node.
struct Handle(Arc<Node>);

impl Handle {
    fn cancel(&self, cause: Option<Cause>) {
        if self.0.awaits_cancellation() {
            return;
        }
        // A deadline that has passed came first.
        let time = Node::observe(&self.0);
        cancel(&self.0, Ended { error: Error::Canceled, cause }, time);
    }

    /// Leaves the context to the contexts above and to its deadline.
    fn detach(self) {
        self.0.detach();
        let this = ManuallyDrop::new(self);
        // SAFETY: the handle is not dropped, so the pointer is moved out once.
        drop(unsafe { core::ptr::read(&raw const this.0) });
    }
}

impl Clone for Handle {
    fn clone(&self) -> Handle {
        // Relaxed: this handle keeps the count above zero, and a thread that gets the new one gets it through some other
        // synchronization.
        self.0.handles.fetch_add(1, Relaxed);
        Handle(Arc::clone(&self.0))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Acquire: synchronizes with the Release of the other drops: what the threads did that dropped the other handles happens
        // before the cancellation (mutant). The only handle there is cannot be cloned meanwhile, so its count need not be changed.
        // AcqRel: publishes what this thread did to the last handle, and is itself that one's Acquire.
        // site: see-only-handle
        if self.0.handles.load(Acquire) == 1
            // site: drop-handle
            || self.0.handles.fetch_sub(1, AcqRel) == 1
        {
            self.cancel(None);
        }
    }
}

impl Cancel {
    pub(super) fn new(node: Arc<Node>) -> Cancel {
        Cancel(Handle(node))
    }

    /// Cancels the context and all contexts below it, unless it is done, and returns when they are.
    ///
    /// Wakers of tasks that wait for them are called here, at the end.
    ///
    /// ```
    /// use selvedge::context::{background, with_cancel};
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.cancel();
    /// assert!(context.done().recv().is_err(), "the channel is closed");
    /// ```
    #[track_caller]
    pub fn cancel(&self) {
        let _entry = enter();
        self.0.cancel(None);
    }

    /// Lets the context be cancelled only by those above it and by its deadline; and by other clones of this handle, when
    /// they are told to.
    ///
    /// The context is freed when nobody uses it. While it has closures of [`after_func`](super::after_func), it stays until it
    /// is done or they are stopped, if there is a context above that could cancel it.
    ///
    /// ```
    /// use selvedge::context::{background, with_cancel};
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.detach();
    /// assert_eq!(context.err(), None);
    /// ```
    pub fn detach(self) {
        self.0.detach();
    }
}

impl CancelCause {
    pub(super) fn new(node: Arc<Node>) -> CancelCause {
        CancelCause(Handle(node))
    }

    /// Cancels the context and all contexts below it for this cause, unless it is done, and returns when they are.
    ///
    /// Wakers of tasks that wait for them are called here, at the end; a cause that came too late is dropped then.
    ///
    /// ```
    /// use selvedge::context::{background, with_cancel_cause};
    /// let (context, cancel) = with_cancel_cause(&background());
    /// cancel.cancel(std::io::Error::other("the disk is full"));
    /// let cause = context.cause().expect("it is cancelled");
    /// assert!(cause.downcast_ref::<std::io::Error>().is_some());
    /// ```
    #[track_caller]
    pub fn cancel(&self, cause: impl Into<AnyError>) {
        let _entry = enter();
        self.0.cancel(Some(Cause::new(cause)));
    }

    /// Lets the context be cancelled only by those above it and by its deadline, as [`Cancel::detach`] does.
    ///
    /// ```
    /// use selvedge::context::{background, with_cancel_cause};
    /// let (context, cancel) = with_cancel_cause(&background());
    /// cancel.detach();
    /// assert_eq!(context.err(), None);
    /// ```
    pub fn detach(self) {
        self.0.detach();
    }
}

impl Clone for Cancel {
    /// Returns another handle; the context is cancelled when the last one is dropped.
    fn clone(&self) -> Cancel {
        Cancel(self.0.clone())
    }
}

impl Clone for CancelCause {
    /// Returns another handle; the context is cancelled when the last one is dropped.
    fn clone(&self) -> CancelCause {
        CancelCause(self.0.clone())
    }
}

impl fmt::Debug for Cancel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Cancel { .. }")
    }
}

impl fmt::Debug for CancelCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("CancelCause { .. }")
    }
}

// A cancellation settles its own state before it calls anything that may panic.
impl core::panic::UnwindSafe for Cancel {}
impl core::panic::RefUnwindSafe for Cancel {}
impl core::panic::UnwindSafe for CancelCause {}
impl core::panic::RefUnwindSafe for CancelCause {}
