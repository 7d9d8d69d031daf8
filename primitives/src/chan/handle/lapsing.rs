//! A channel that is closed at an instant, by the thread that first looks at it from then on.
//!
//! No thread stands behind the instant: each operation of a [`Lapsing`] receiver looks at the clock first, and one that
//! waits has the instant for a deadline. An operation that finds that the instant has come calls [`Lapse::lapse`],
//! which closes the channel. The operation then finds the channel closed, in its own cell if it waits.

use crate::chan::handle::counted::{Receives, Share, WeakShare};
use crate::rt::time::now;
use std::time::Instant;

/// What closes a channel at an instant.
pub(crate) trait Lapse: Send + Sync {
    /// Returns the instant at which the channel is to be closed; `None`: it is closed already, or no instant is set.
    fn deadline(&self) -> Option<Instant>;
    /// Closes the channel, whose instant has come.
    fn lapse(&self);
    /// Sees to it that a thread calls `lapse` at the instant, though none waits in the channel.
    #[cfg(feature = "async")]
    fn push(&self);
    /// Returns another owner of what closes the channel, for a receiver by itself.
    fn share(&self) -> Box<dyn Lapse>;
}

/// A receiver's share in such a channel.
pub(in crate::chan) struct Lapsing<T> {
    channel: Share<T, Receives>,
    owner: Box<dyn Lapse>,
}

/// What keeps such a channel's memory, and the receiving side not open.
pub(in crate::chan) struct WeakLapsing<T> {
    channel: WeakShare<T, Receives>,
    owner: Box<dyn Lapse>,
}

impl<T> Lapsing<T> {
    pub(in crate::chan) fn new(channel: Share<T, Receives>, owner: Box<dyn Lapse>) -> Lapsing<T> {
        Lapsing { channel, owner }
    }

    /// Returns the channel, which has been closed if its instant has come.
    pub(in crate::chan) fn look(&self) -> &Share<T, Receives> {
        self.next();
        &self.channel
    }

    /// Returns the channel as it is.
    pub(in crate::chan) fn channel(&self) -> &Share<T, Receives> {
        &self.channel
    }

    /// Returns the instant that is still to come; one that has come takes effect first.
    pub(in crate::chan) fn next(&self) -> Option<Instant> {
        let deadline = self.owner.deadline()?;
        if deadline > now() {
            return Some(deadline);
        }
        self.owner.lapse();
        None
    }

    /// Returns the instant at which the channel is to be closed, if it is still open.
    pub(in crate::chan) fn deadline(&self) -> Option<Instant> {
        self.owner.deadline()
    }

    /// Returns the channel for an operation of which no thread waits for the instant.
    #[cfg(feature = "async")]
    pub(in crate::chan) fn look_and_push(&self) -> &Share<T, Receives> {
        if self.next().is_some() {
            self.owner.push();
        }
        &self.channel
    }

    pub(in crate::chan) fn downgrade(&self) -> WeakLapsing<T> {
        WeakLapsing { channel: self.channel.downgrade(), owner: self.owner.share() }
    }
}

impl<T> Clone for Lapsing<T> {
    fn clone(&self) -> Self {
        Lapsing { channel: self.channel.clone(), owner: self.owner.share() }
    }
}

impl<T> WeakLapsing<T> {
    pub(in crate::chan) fn upgrade(&self) -> Option<Lapsing<T>> {
        let channel = self.channel.upgrade()?;
        Some(Lapsing { channel, owner: self.owner.share() })
    }
}

impl<T> Clone for WeakLapsing<T> {
    fn clone(&self) -> Self {
        WeakLapsing { channel: self.channel.clone(), owner: self.owner.share() }
    }
}
