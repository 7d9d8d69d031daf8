//! The tasks of a program: futures, streams and sinks, with the handles that they borrow.

use super::step::Kind;
use crate::rim::user::{Value, Woken};
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use futures::{Sink, Stream};
use selvedge::chan::{
    ClosedFuture, Receiver, RecvFuture, RecvStream, SendError, SendFuture, SendSink, Sender,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A handle that is counted as long as it lives.
#[derive(Debug)]
pub(super) struct Held<H> {
    /// The handle.
    pub(super) handle: H,
    count: Arc<AtomicUsize>,
}

impl<H> Held<H> {
    /// Counts a handle.
    pub(super) fn new(handle: H, count: &Arc<AtomicUsize>) -> Held<H> {
        count.fetch_add(1, Relaxed);
        Held { handle, count: Arc::clone(count) }
    }
}

impl<H: Clone> Clone for Held<H> {
    fn clone(&self) -> Held<H> {
        Held::new(self.handle.clone(), &self.count)
    }
}

impl<H> Drop for Held<H> {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Relaxed);
    }
}

/// A sender of a program.
pub(super) type Tx = Held<Sender<Value>>;
/// A receiver of a program.
pub(super) type Rx = Held<Receiver<Value>>;

#[derive(Debug)]
enum Work {
    Recv(RecvFuture<'static, Value>, #[expect(dead_code, reason = "it counts")] Option<Held<()>>),
    Send(SendFuture<'static, Value>, #[expect(dead_code, reason = "it counts")] Option<Held<()>>),
    Closed(ClosedFuture<'static, Value>),
    Stream(RecvStream<Value>, Held<()>),
    Sink(SendSink<Value>, Held<()>),
}

/// What a poll came to.
#[derive(Debug)]
pub(super) enum Polled {
    /// Not ready.
    Pending,
    /// A value has come, or the channel is closed and empty.
    Received(Option<Value>),
    /// A value has been sent, or comes back; a sink may have held none.
    Sent(Result<(), Value>),
    /// The channel is closed.
    Ended,
}

/// A task; its fields are dropped in their order.
#[derive(Debug)]
pub(super) struct Task {
    work: Option<Box<Work>>,
    _borrowed: Option<Arc<dyn core::fmt::Debug>>,
    /// What it is.
    pub(super) kind: Kind,
    /// What it sends.
    pub(super) value: Option<u32>,
    /// Whether it has been ready: then a future may panic when it is polled.
    pub(super) finished: bool,
    /// Its last waker's books, and how often it had been woken when it was polled last.
    pub(super) woken: Option<(Arc<Woken>, usize)>,
}

impl Task {
    fn new(kind: Kind, work: Work, borrowed: Option<Arc<dyn core::fmt::Debug>>, value: Option<u32>) -> Task {
        let work = Some(Box::new(work));
        Task { work, _borrowed: borrowed, kind, value, finished: false, woken: None }
    }

    /// Makes a task of `recv_async`, `into_recv_async`, or `stream`.
    pub(super) fn receiving(kind: Kind, rx: &Arc<Rx>) -> Task {
        let own = Held::new((), &rx.count);
        if kind == Kind::Stream {
            return Task::new(kind, Work::Stream(rx.handle.stream(), own), None, None);
        }
        if kind == Kind::OwnRecv {
            let future = rx.handle.clone().into_recv_async();
            return Task::new(kind, Work::Recv(future, Some(own)), None, None);
        }
        drop(own);
        // SAFETY: the task keeps the handle as long as the future, which is dropped before it or forgotten.
        let handle: &'static Receiver<Value> = unsafe { &*core::ptr::from_ref(&rx.handle) };
        Task::new(kind, Work::Recv(handle.recv_async(), None), Some(Arc::clone(rx) as _), None)
    }

    /// Makes a task of `sink`.
    pub(super) fn sink(tx: &Arc<Tx>) -> Task {
        Task::new(Kind::Sink, Work::Sink(tx.handle.sink(), Held::new((), &tx.count)), None, None)
    }

    /// Makes a task of `closed`.
    pub(super) fn closed(tx: &Arc<Tx>) -> Task {
        // SAFETY: the task keeps the handle as long as the future, which is dropped before it or forgotten.
        let handle: &'static Sender<Value> = unsafe { &*core::ptr::from_ref(&tx.handle) };
        Task::new(Kind::Closed, Work::Closed(handle.closed()), Some(Arc::clone(tx) as _), None)
    }

    /// Makes a clone of a stream or a sink.
    pub(super) fn twin(&self) -> Option<Task> {
        let work = match &**self.work.as_ref().expect("a task that lives has work") {
            Work::Stream(stream, own) => Work::Stream(stream.clone(), own.clone()),
            Work::Sink(sink, own) => Work::Sink(sink.clone(), own.clone()),
            _ => return None,
        };
        Some(Task { finished: self.finished, ..Task::new(self.kind, work, None, None) })
    }

    /// Makes a task of `send_async` or `into_send_async`.
    pub(super) fn sending(kind: Kind, tx: &Arc<Tx>, value: Value) -> Task {
        let id = value.id();
        if kind == Kind::OwnSend {
            let own = Held::new((), &tx.count);
            let future = tx.handle.clone().into_send_async(value);
            return Task::new(kind, Work::Send(future, Some(own)), None, Some(id));
        }
        // SAFETY: the task keeps the handle as long as the future, which is dropped before it or forgotten.
        let handle: &'static Sender<Value> = unsafe { &*core::ptr::from_ref(&tx.handle) };
        Task::new(kind, Work::Send(handle.send_async(value), None), Some(Arc::clone(tx) as _), Some(id))
    }

    /// Returns whether the task sends.
    pub(super) fn sends(&self) -> bool {
        self.kind.sends()
    }

    /// Polls the task.
    pub(super) fn poll(&mut self, waker: &Waker) -> Polled {
        let mut context = Context::from_waker(waker);
        let sent = |result: Poll<Result<(), SendError<Value>>>| match result {
            Poll::Pending => Polled::Pending,
            Poll::Ready(result) => Polled::Sent(result.map_err(SendError::into_inner)),
        };
        match &mut **self.work.as_mut().expect("a task that lives has work") {
            Work::Closed(future) => match Pin::new(future).poll(&mut context) {
                Poll::Pending => Polled::Pending,
                Poll::Ready(()) => Polled::Ended,
            },
            Work::Recv(future, _) => match Pin::new(future).poll(&mut context) {
                Poll::Pending => Polled::Pending,
                Poll::Ready(result) => Polled::Received(result.ok()),
            },
            Work::Stream(stream, _) => match Pin::new(stream).poll_next(&mut context) {
                Poll::Pending => Polled::Pending,
                Poll::Ready(value) => Polled::Received(value),
            },
            Work::Send(future, _) => sent(Pin::new(future).poll(&mut context)),
            Work::Sink(sink, _) if self.value.is_some() => sent(Pin::new(sink).poll_flush(&mut context)),
            Work::Sink(sink, _) => sent(Pin::new(sink).poll_ready(&mut context)),
        }
    }

    /// Gives a value to a sink.
    pub(super) fn feed(&mut self, value: Value) -> Result<(), Value> {
        match &mut **self.work.as_mut().expect("a task that lives has work") {
            Work::Sink(sink, _) => Pin::new(sink).start_send(value).map_err(SendError::into_inner),
            _ => unreachable!("only sinks are fed"),
        }
    }

    /// Forgets the task, with what it owns.
    pub(super) fn forget(mut self) {
        std::mem::forget(self.work.take());
    }
}
