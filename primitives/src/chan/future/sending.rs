//! A send with its value, for a task that waits or a sink.

use crate::chan::algorithm::chan::Chan;
use crate::chan::error::SendError;
use crate::chan::handle::sender::Sender;
use crate::chan::select::case::Slot;
use core::borrow::Borrow;
use core::cell::Cell as Stash;
use core::fmt;
use core::task::{Poll, Waker};

/// A send with its value, unless the value is in a cell or has been sent.
pub(super) struct Sending<S, T> {
    sender: S,
    value: Stash<Option<T>>,
}

impl<S: Borrow<Sender<T>>, T> Sending<S, T> {
    fn chan(&self) -> &Chan<T> {
        &self.sender.borrow().0
    }

    /// One without a value.
    pub(super) fn empty(sender: S) -> Self {
        Sending { sender, value: Stash::new(None) }
    }

    /// One with a value, by a sender whose `borrow` always gives the same one.
    pub(super) fn by(sender: S, value: T) -> Self {
        Sending { sender, value: Stash::new(Some(value)) }
    }

    pub(super) fn sender(&self) -> &Sender<T> {
        self.sender.borrow()
    }

    pub(super) fn fill(&self, value: T) {
        self.value.set(Some(value));
    }

    pub(super) fn poll(&self, slot: &mut Slot, waker: &Waker) -> Poll<Result<(), SendError<T>>> {
        self.chan().poll_send(slot, &self.value, waker)
    }

    /// The task does not wait any longer.
    pub(super) fn cancel(&self, slot: &mut Slot) {
        self.chan().cancel_send(slot, &self.value);
    }

    pub(super) fn is_empty(&self) -> bool {
        let value = self.value.take();
        let empty = value.is_none();
        self.value.set(value);
        empty
    }
}

impl<S, T> fmt::Debug for Sending<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("Sending { .. }")
    }
}
