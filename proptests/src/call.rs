//! One operation on a channel, and what it answers, in a form that can be compared and printed.

use core::fmt;
use core::time::Duration;
use selvedge::chan::{
    Receiver, RecvTimeoutError, SendError, SendTimeoutError, Sender, TryRecvError, TrySendError,
};
use selvedge::rt::time::now;

/// How long an operation is ready to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// As long as it takes: `send`, `recv`.
    Forever,
    /// Not at all: `try_send`, `try_recv`.
    Never,
    /// For a time: `send_timeout`, `recv_timeout`.
    Timeout(Duration),
    /// Until an instant that far ahead: `send_deadline`, `recv_deadline`.
    Deadline(Duration),
}

impl Wait {
    /// Returns what the names of the methods end in.
    pub fn suffix(self) -> &'static str {
        match self {
            Wait::Forever | Wait::Never => "",
            Wait::Timeout(_) => "_timeout",
            Wait::Deadline(_) => "_deadline",
        }
    }
}

/// What an operation answered. A send that fails gives back its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<V = u32> {
    /// The value is in the channel or with its receiver.
    Sent,
    /// A value came.
    Received(V),
    /// There was no room, and the send does not wait.
    Full(V),
    /// There was no value, and the receive does not wait.
    Empty,
    /// There was no room until the time was up.
    SendTimedOut(V),
    /// There was no value until the time was up.
    RecvTimedOut,
    /// The channel does not take values any more.
    NotSent(V),
    /// The channel is closed and empty.
    NothingLeft,
    /// The channel was closed by this call, or (`false`) was closed already.
    Closed(bool),
    /// The values of an iterator.
    Values(Vec<V>),
    /// The operation is done, and says no more.
    Done,
}

impl<V> Answer<V> {
    /// Returns the answer with its values changed.
    pub fn map<W>(self, mut change: impl FnMut(V) -> W) -> Answer<W> {
        match self {
            Answer::Sent => Answer::Sent,
            Answer::Received(value) => Answer::Received(change(value)),
            Answer::Full(value) => Answer::Full(change(value)),
            Answer::Empty => Answer::Empty,
            Answer::SendTimedOut(value) => Answer::SendTimedOut(change(value)),
            Answer::RecvTimedOut => Answer::RecvTimedOut,
            Answer::NotSent(value) => Answer::NotSent(change(value)),
            Answer::NothingLeft => Answer::NothingLeft,
            Answer::Closed(first) => Answer::Closed(first),
            Answer::Values(values) => Answer::Values(values.into_iter().map(change).collect()),
            Answer::Done => Answer::Done,
        }
    }

    /// Returns the kind of answer, in a word or two.
    pub fn kind(&self) -> &'static str {
        match self {
            Answer::Sent => "sent",
            Answer::Received(_) => "received",
            Answer::Full(_) => "full",
            Answer::Empty => "empty",
            Answer::SendTimedOut(_) => "send timed out",
            Answer::RecvTimedOut => "recv timed out",
            Answer::NotSent(_) => "not sent",
            Answer::NothingLeft => "nothing left",
            Answer::Closed(true) => "closed",
            Answer::Closed(false) => "already closed",
            Answer::Values(_) => "values",
            Answer::Done => "done",
        }
    }
}

impl<V: fmt::Display> fmt::Display for Answer<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Answer::Received(value)
            | Answer::Full(value)
            | Answer::SendTimedOut(value)
            | Answer::NotSent(value) => write!(f, " {value}"),
            _ => Ok(()),
        }
    }
}

/// Sends `value`, waiting as `wait` says.
pub fn send<V>(tx: &Sender<V>, value: V, wait: Wait) -> Answer<V> {
    let timed = |result| match result {
        Ok(()) => Answer::Sent,
        Err(SendTimeoutError::Timeout(value)) => Answer::SendTimedOut(value),
        Err(SendTimeoutError::Disconnected(value)) => Answer::NotSent(value),
    };
    match wait {
        Wait::Forever => match tx.send(value) {
            Ok(()) => Answer::Sent,
            Err(SendError(value)) => Answer::NotSent(value),
        },
        Wait::Never => match tx.try_send(value) {
            Ok(()) => Answer::Sent,
            Err(TrySendError::Full(value)) => Answer::Full(value),
            Err(TrySendError::Disconnected(value)) => Answer::NotSent(value),
        },
        Wait::Timeout(time) => timed(tx.send_timeout(value, time)),
        Wait::Deadline(time) => timed(tx.send_deadline(value, now() + time)),
    }
}

/// Receives, waiting as `wait` says.
pub fn receive<V>(rx: &Receiver<V>, wait: Wait) -> Answer<V> {
    let timed = |result| match result {
        Ok(value) => Answer::Received(value),
        Err(RecvTimeoutError::Timeout) => Answer::RecvTimedOut,
        Err(RecvTimeoutError::Disconnected) => Answer::NothingLeft,
    };
    match wait {
        Wait::Forever => rx.recv().map_or(Answer::NothingLeft, Answer::Received),
        Wait::Never => match rx.try_recv() {
            Ok(value) => Answer::Received(value),
            Err(TryRecvError::Empty) => Answer::Empty,
            Err(TryRecvError::Disconnected) => Answer::NothingLeft,
        },
        Wait::Timeout(time) => timed(rx.recv_timeout(time)),
        Wait::Deadline(time) => timed(rx.recv_deadline(now() + time)),
    }
}
