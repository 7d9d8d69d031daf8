//! A channel's operations in its specified form: steps, and after each the wakers that are due.

use crate::chan::algorithm::chan::{Blocking, Chan};
use crate::chan::algorithm::deferred;
use crate::chan::algorithm::recv::NotReceived;
use crate::chan::algorithm::send::NotSent;
use crate::chan::error::CloseError;
use crate::rt::spec::Token;
use crate::spec::chan::{Failed, Inner, Received};

/// Defers the wakers that a step of the channel has to wake.
pub(in crate::chan) fn wake<T>(chan: &Inner<T>, wakers: Vec<Token>) {
    #[cfg(feature = "async")]
    wakers.into_iter().for_each(|waker| deferred::wake(chan.wakers.take(waker)));
    #[cfg(not(feature = "async"))]
    let _no_tasks = (chan, wakers);
}

fn not_sent<T>((value, why): (T, Failed)) -> (T, NotSent) {
    match why {
        Failed::NotNow => (value, NotSent::NoRoom),
        Failed::Closed => (value, NotSent::Closed),
    }
}

impl<T> Chan<T> {
    #[cold]
    #[track_caller]
    pub(in crate::chan) fn send_specified(
        &self,
        chan: &Inner<T>,
        value: T,
        blocking: Blocking,
    ) -> Result<(), (T, NotSent)> {
        let (sent, wakers) = match blocking {
            Blocking::Never => chan.try_send(value),
            Blocking::Until(deadline) => chan.send(value, deadline),
        };
        wake(chan, wakers);
        deferred::settle_with(sent.map_err(not_sent))
    }

    #[cold]
    #[track_caller]
    pub(in crate::chan) fn recv_specified(
        &self,
        chan: &Inner<T>,
        blocking: Blocking,
    ) -> Result<T, NotReceived> {
        let (received, wakers) = match blocking {
            Blocking::Never => chan.try_recv(),
            Blocking::Until(deadline) => chan.recv(deadline),
        };
        wake(chan, wakers);
        self.received_by_specified(chan, received).map_err(|why| match (why, blocking) {
            (Failed::Closed, _) => NotReceived::Closed,
            (Failed::NotNow, Blocking::Never) => NotReceived::Empty,
            (Failed::NotNow, Blocking::Until(_)) => NotReceived::Timeout,
        })
    }

    /// Returns what a receive has come to, after its wakers were called. If one panics, the next receiver gets the value.
    pub(in crate::chan) fn received_by_specified<E>(
        &self,
        chan: &Inner<T>,
        received: Result<Received, E>,
    ) -> Result<T, E> {
        if !deferred::end() {
            return received.map(|received| chan.value(received));
        }
        let _held = deferred::hold();
        if let Ok(received) = received {
            wake(chan, chan.give_back(received));
        }
        deferred::resume()
    }

    #[cold]
    #[track_caller]
    pub(in crate::chan) fn force_send_specified(&self, chan: &Inner<T>, value: T) -> Result<Option<T>, T> {
        let (forced, wakers) = chan.force_send(value);
        wake(chan, wakers);
        deferred::settle_with(forced)
    }

    #[cold]
    #[track_caller]
    pub(in crate::chan) fn close_specified(&self, chan: &Inner<T>) -> Result<(), CloseError> {
        let (was_open, wakers) = chan.close();
        wake(chan, wakers);
        deferred::settle();
        if was_open { Ok(()) } else { Err(CloseError) }
    }

    #[cold]
    #[track_caller]
    pub(in crate::chan) fn discard_specified(&self, chan: &Inner<T>) -> Result<(), CloseError> {
        let _held = deferred::hold();
        let ((was_open, values), wakers) = chan.discard();
        wake(chan, wakers);
        values.into_iter().for_each(|value| deferred::protect(|| drop(value)));
        if was_open { Ok(()) } else { Err(CloseError) }
    }

    /// Returns whether the channel is closed.
    pub(in crate::chan) fn is_closed(&self) -> bool {
        match self.spec.specified() {
            Some(chan) => chan.is_closed(),
            None => self.sent().is_closed(),
        }
    }
}
