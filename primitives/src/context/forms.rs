//! Operations of channels that end when a context is done.

use super::{AnyError, Context, Error, with_cancel, with_cancel_cause};
use crate::chan::{Receiver, Sender};
use crate::rt::entry::enter;
use crate::rt::twin::is_twin;
use crate::select;
use crate::sync::{ErrGroup, Tell};
use core::fmt;
use std::error::Error as StdError;

/// Why a send under a context failed. The value comes back.
///
/// ```
/// use selvedge::chan::bounded;
/// use selvedge::context::{Error, SendCtxError, background, with_cancel};
/// let (tx, _rx) = bounded(0);
/// let (context, cancel) = with_cancel(&background());
/// cancel.cancel();
/// assert_eq!(tx.send_ctx(&context, 'a'), Err(SendCtxError::Done('a', Error::Canceled)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendCtxError<T> {
    /// The channel is closed.
    Closed(T),
    /// The context is done, for this reason.
    Done(T, Error),
}

/// Why a receive under a context failed.
///
/// ```
/// use selvedge::chan::bounded;
/// use selvedge::context::{RecvCtxError, background};
/// let (tx, rx) = bounded::<i32>(0);
/// drop(tx);
/// assert_eq!(rx.recv_ctx(&background()), Err(RecvCtxError::Closed));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecvCtxError {
    /// The channel is empty and closed.
    Closed,
    /// The context is done, for this reason.
    Done(Error),
}

impl<T> SendCtxError<T> {
    /// Returns the value that was not sent.
    ///
    /// ```
    /// use selvedge::context::{Error, SendCtxError};
    /// assert_eq!(SendCtxError::Done(5, Error::Canceled).into_inner(), 5);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendCtxError::Closed(value) | SendCtxError::Done(value, _) => value,
        }
    }
}

impl<T> fmt::Debug for SendCtxError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendCtxError::Closed(_) => f.pad("Closed(..)"),
            SendCtxError::Done(_, error) => write!(f, "Done(.., {error:?})"),
        }
    }
}

impl<T> fmt::Display for SendCtxError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SendCtxError::Closed(_) => f.pad("sending on a closed channel"),
            SendCtxError::Done(_, error) => write!(f, "nothing was sent: {error}"),
        }
    }
}

impl<T> StdError for SendCtxError<T> {}

impl fmt::Display for RecvCtxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecvCtxError::Closed => f.pad("receiving on an empty and closed channel"),
            RecvCtxError::Done(error) => write!(f, "nothing was received: {error}"),
        }
    }
}

impl StdError for RecvCtxError {}

impl Context {
    /// Returns why the context is done, whose channel is closed.
    pub(super) fn reason(&self) -> Error {
        // A custom context may close its channel a moment before it says why.
        self.err().unwrap_or(Error::Canceled)
    }
}

impl<T> Sender<T> {
    /// Sends a value, blocking while the channel is full, until the context is done at most.
    ///
    /// A context that is done already lets nothing be sent. If the context comes to be done while a receiver takes the value, one of the two
    /// happens: the value is sent, or it comes back.
    ///
    /// # Errors
    /// If the context is done, or the channel is closed; the value comes back.
    ///
    /// ```
    /// use selvedge::chan::bounded;
    /// use selvedge::context::{Error, SendCtxError, background, with_timeout};
    /// use std::time::Duration;
    /// let (tx, _rx) = bounded(1);
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// assert_eq!(tx.send_ctx(&context, 1), Ok(()));
    /// let error = SendCtxError::Done(2, Error::DeadlineExceeded);
    /// assert_eq!(tx.send_ctx(&context, 2), Err(error), "it is full");
    /// ```
    #[track_caller]
    pub fn send_ctx(&self, context: &Context, value: T) -> Result<(), SendCtxError<T>> {
        let _entry = enter();
        self.send_under(context, value)
    }

    fn send_under(&self, context: &Context, value: T) -> Result<(), SendCtxError<T>> {
        // A context that is done already comes first. Of what comes at once from here on, either may happen.
        let looks = !is_twin(); // site: look-before-send
        if let Some(error) = context.err().filter(|_| looks) {
            return Err(SendCtxError::Done(value, error));
        }
        select! {
            recv(context.done()) -> _ => {
                let keeps = is_twin(); // site: give-back
                if keeps { Ok(()) } else { Err(SendCtxError::Done(value, context.reason())) }
            }
            send(self, value) -> sent => sent.map_err(|error| SendCtxError::Closed(error.0)),
        }
    }
}

impl<T> Receiver<T> {
    /// Receives a value, waiting as long as the channel is empty, until the context is done at most.
    ///
    /// A context that is done already lets nothing be received. If the context comes to be done while a value comes, one of the two
    /// happens: the value is received, or it stays for the next receiver.
    ///
    /// # Errors
    /// If the context is done, or the channel is empty and closed.
    ///
    /// ```
    /// use selvedge::chan::bounded;
    /// use selvedge::context::{Error, RecvCtxError, background, with_cancel};
    /// let (tx, rx) = bounded(1);
    /// let (context, cancel) = with_cancel(&background());
    /// tx.send(1).unwrap();
    /// assert_eq!(rx.recv_ctx(&context), Ok(1));
    /// cancel.cancel();
    /// tx.send(2).unwrap();
    /// assert_eq!(rx.recv_ctx(&context), Err(RecvCtxError::Done(Error::Canceled)));
    /// assert_eq!(rx.recv(), Ok(2), "it is still there");
    /// ```
    #[track_caller]
    pub fn recv_ctx(&self, context: &Context) -> Result<T, RecvCtxError> {
        let _entry = enter();
        self.receive_under(context)
    }

    fn receive_under(&self, context: &Context) -> Result<T, RecvCtxError> {
        // A context that is done already comes first. Of what comes at once from here on, either may happen.
        let looks = !is_twin(); // site: look-before-receive
        if let Some(error) = context.err().filter(|_| looks) {
            return Err(RecvCtxError::Done(error));
        }
        select! {
            recv(context.done()) -> _ => {
                let takes_one = is_twin(); // site: leave-value
                if takes_one {
                    drop(self.try_recv());
                }
                Err(RecvCtxError::Done(context.reason()))
            }
            recv(self) -> value => value.map_err(|_| RecvCtxError::Closed),
        }
    }
}

impl<E: Send + 'static> ErrGroup<E> {
    /// Creates a group with a context below `parent`, which is cancelled when the first closure fails or panics, and when
    /// [`wait`](ErrGroup::wait) returns or the group is dropped and its closures have ended; Go's `errgroup.WithContext`.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge::sync::ErrGroup;
    /// let (group, context) = ErrGroup::with_context(&background());
    /// let theirs = context.clone();
    /// group.go(move |_stop| {
    ///     let _closed = theirs.done().recv(); // until the other one fails
    ///     Ok(())
    /// });
    /// group.go(|_stop| Err("no luck"));
    /// assert_eq!(group.wait(), Err("no luck"));
    /// assert!(context.err().is_some());
    /// ```
    #[track_caller]
    pub fn with_context(parent: &Context) -> (ErrGroup<E>, Context) {
        let (context, cancel) = with_cancel(parent);
        let tell: Tell<E> = Box::new(move |_| {
            let cancel = cancel.clone();
            Box::new(move || cancel.cancel())
        });
        (ErrGroup::that_tells(tell), context)
    }

    /// Creates a group with a context as [`with_context`](ErrGroup::with_context) does. If a closure fails, then the cause of the
    /// context is what `cause` makes of the group's first error. `cause` is called with later errors, too, and what it makes of
    /// those is dropped.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge::sync::ErrGroup;
    /// let (group, context) = ErrGroup::with_context_cause(&background(), |text: &&str| text.to_string());
    /// group.go(|_stop| Err("no luck"));
    /// assert_eq!(group.wait(), Err("no luck"));
    /// assert_eq!(context.cause().expect("it is done").to_string(), "no luck");
    /// ```
    #[track_caller]
    pub fn with_context_cause<C: Into<AnyError> + 'static>(
        parent: &Context,
        cause: impl Fn(&E) -> C + Send + Sync + 'static,
    ) -> (ErrGroup<E>, Context) {
        let (context, cancel) = with_cancel_cause(parent);
        let tell: Tell<E> = Box::new(move |error| {
            let (cancel, cause) = (cancel.clone(), error.map(&cause));
            Box::new(move || match cause {
                Some(cause) => cancel.cancel(cause),
                None => cancel.cancel(Error::Canceled),
            })
        });
        (ErrGroup::that_tells(tell), context)
    }
}
