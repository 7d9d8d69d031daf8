//! What can go wrong. Names, methods and wording follow crossbeam-channel 0.5, plus [`CloseError`].

use core::fmt;
use std::error::Error;

/// [`Sender::send`](super::Sender::send) on a closed channel: here is the value back.
///
/// ```
/// use selvedge::chan::{SendError, bounded};
/// let (tx, rx) = bounded(1);
/// drop(rx);
/// assert_eq!(tx.send(1), Err(SendError(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SendError<T>(pub T);

/// [`Sender::try_send`](super::Sender::try_send) did not send; the value comes back.
///
/// ```
/// use selvedge::chan::{TrySendError, bounded};
/// let (tx, _rx) = bounded(0);
/// assert_eq!(tx.try_send(1), Err(TrySendError::Full(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TrySendError<T> {
    /// The channel is full; or, with capacity 0, no receiver waits.
    Full(T),
    /// The channel is closed.
    Disconnected(T),
}

/// [`Sender::send_timeout`](super::Sender::send_timeout) did not send; the value comes back.
///
/// ```
/// use selvedge::chan::{SendTimeoutError, bounded};
/// use std::time::Duration;
/// let (tx, _rx) = bounded(0);
/// assert_eq!(tx.send_timeout(1, Duration::ZERO), Err(SendTimeoutError::Timeout(1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SendTimeoutError<T> {
    /// Nobody made room in time.
    Timeout(T),
    /// The channel is closed.
    Disconnected(T),
}

/// [`Receiver::recv`](super::Receiver::recv) on a channel that is empty and closed.
///
/// ```
/// use selvedge::chan::{RecvError, bounded};
/// let (tx, rx) = bounded::<i32>(1);
/// drop(tx);
/// assert_eq!(rx.recv(), Err(RecvError));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RecvError;

/// [`Receiver::try_recv`](super::Receiver::try_recv) found nothing.
///
/// ```
/// use selvedge::chan::{TryRecvError, bounded};
/// let (tx, rx) = bounded::<i32>(1);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
/// drop(tx);
/// assert_eq!(rx.try_recv(), Err(TryRecvError::Disconnected));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum TryRecvError {
    /// The channel is empty; or, with capacity 0, no sender waits.
    Empty,
    /// The channel is empty and closed.
    Disconnected,
}

/// [`Receiver::recv_timeout`](super::Receiver::recv_timeout) got nothing.
///
/// ```
/// use selvedge::chan::{RecvTimeoutError, never};
/// use std::time::Duration;
/// assert_eq!(never::<i32>().recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum RecvTimeoutError {
    /// Nothing came in time.
    Timeout,
    /// The channel is empty and closed.
    Disconnected,
}

/// The channel was closed already.
///
/// ```
/// use selvedge::chan::{CloseError, bounded};
/// let (tx, _rx) = bounded::<i32>(1);
/// assert_eq!((tx.close(), tx.close()), (Ok(()), Err(CloseError)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CloseError;

impl<T> SendError<T> {
    /// Returns the value that was not sent.
    ///
    /// ```
    /// assert_eq!(selvedge::chan::SendError(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> TrySendError<T> {
    /// Returns the value that was not sent.
    ///
    /// ```
    /// assert_eq!(selvedge::chan::TrySendError::Full(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            TrySendError::Full(value) | TrySendError::Disconnected(value) => value,
        }
    }

    /// Returns whether the channel was full.
    ///
    /// ```
    /// assert!(selvedge::chan::TrySendError::Full(1).is_full());
    /// ```
    pub fn is_full(&self) -> bool {
        matches!(self, TrySendError::Full(_))
    }

    /// Returns whether the channel was closed.
    ///
    /// ```
    /// assert!(selvedge::chan::TrySendError::Disconnected(1).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TrySendError::Disconnected(_))
    }
}

impl<T> SendTimeoutError<T> {
    /// Returns the value that was not sent.
    ///
    /// ```
    /// assert_eq!(selvedge::chan::SendTimeoutError::Timeout(1).into_inner(), 1);
    /// ```
    pub fn into_inner(self) -> T {
        match self {
            SendTimeoutError::Timeout(value) | SendTimeoutError::Disconnected(value) => value,
        }
    }

    /// Returns whether time ran out.
    ///
    /// ```
    /// assert!(selvedge::chan::SendTimeoutError::Timeout(1).is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, SendTimeoutError::Timeout(_))
    }

    /// Returns whether the channel was closed.
    ///
    /// ```
    /// assert!(selvedge::chan::SendTimeoutError::Disconnected(1).is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, SendTimeoutError::Disconnected(_))
    }
}

impl TryRecvError {
    /// Returns whether the channel was empty.
    ///
    /// ```
    /// assert!(selvedge::chan::TryRecvError::Empty.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        matches!(self, TryRecvError::Empty)
    }

    /// Returns whether the channel was closed.
    ///
    /// ```
    /// assert!(selvedge::chan::TryRecvError::Disconnected.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, TryRecvError::Disconnected)
    }
}

impl RecvTimeoutError {
    /// Returns whether time ran out.
    ///
    /// ```
    /// assert!(selvedge::chan::RecvTimeoutError::Timeout.is_timeout());
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self, RecvTimeoutError::Timeout)
    }

    /// Returns whether the channel was closed.
    ///
    /// ```
    /// assert!(selvedge::chan::RecvTimeoutError::Disconnected.is_disconnected());
    /// ```
    pub fn is_disconnected(&self) -> bool {
        matches!(self, RecvTimeoutError::Disconnected)
    }
}

/// The texts, in one place. `Debug` asks for no `T: Debug`, and both honour width and alignment.
macro_rules! texts {
    ($($error:ty $(, $generic:ident)?: $self:ident => $debug:expr, $display:expr;)*) => {
        $(
            impl<$($generic)?> fmt::Display for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let $self = self;
                    f.pad($display)
                }
            }

            impl<$($generic)?> fmt::Debug for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    let $self = self;
                    f.pad($debug)
                }
            }

            impl<$($generic)?> Error for $error {}
        )*
    };
}

texts! {
    SendError<T>, T: _this => "SendError(..)", "sending on a disconnected channel";
    TrySendError<T>, T: this =>
        if this.is_full() { "Full(..)" } else { "Disconnected(..)" },
        if this.is_full() { "sending on a full channel" } else { "sending on a disconnected channel" };
    SendTimeoutError<T>, T: this =>
        if this.is_timeout() { "Timeout(..)" } else { "Disconnected(..)" },
        if this.is_timeout() { "timed out waiting on send operation" } else { "sending on a disconnected channel" };
    RecvError: _this => "RecvError", "receiving on an empty and disconnected channel";
    TryRecvError: this =>
        if this.is_empty() { "Empty" } else { "Disconnected" },
        if this.is_empty() { "receiving on an empty channel" } else { "receiving on an empty and disconnected channel" };
    RecvTimeoutError: this =>
        if this.is_timeout() { "Timeout" } else { "Disconnected" },
        if this.is_timeout() {
            "timed out waiting on receive operation"
        } else {
            "channel is empty and disconnected"
        };
    CloseError: _this => "CloseError", "closing a closed channel";
}

impl<T> From<SendError<T>> for TrySendError<T> {
    fn from(error: SendError<T>) -> Self {
        TrySendError::Disconnected(error.0)
    }
}

impl<T> From<SendError<T>> for SendTimeoutError<T> {
    fn from(error: SendError<T>) -> Self {
        SendTimeoutError::Disconnected(error.0)
    }
}

impl From<RecvError> for TryRecvError {
    fn from(_: RecvError) -> Self {
        TryRecvError::Disconnected
    }
}

impl From<RecvError> for RecvTimeoutError {
    fn from(_: RecvError) -> Self {
        RecvTimeoutError::Disconnected
    }
}
