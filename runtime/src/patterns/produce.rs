//! Producers and consumers on one channel, which closes when the last producer has ended.

use super::fault::Fault;
use core::fmt;
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Context, RecvCtxError};
use selvedge::rt::twin::is_twin;
use selvedge::sync::ErrGroup;

/// What a producer sends by.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::patterns::{Outlet, produce_and_consume};
///
/// let produce = |out: &Outlet<u32>| (1..).try_for_each(|n| out.send(n).map_err(|_| "the consumer has had enough"));
/// let consume = |n| if n < 5 { Ok(()) } else { Err("five") };
/// assert!(produce_and_consume(&background(), 0, [produce], [consume]).is_err());
/// ```
pub struct Outlet<T> {
    tx: Sender<T>,
    context: Context,
}

impl<T> Outlet<T> {
    /// Sends a value to a consumer, waiting for room if there is none.
    ///
    /// # Errors
    /// If no consumer is left, or the context is done: the value comes back. A producer should end then.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::{Outlet, produce_and_consume};
    /// let nobody: [fn(u32) -> Result<(), ()>; 0] = [];
    /// let produce = |out: &Outlet<u32>| out.send(1).map_err(|value| assert_eq!(value, 1)).or(Ok(()));
    /// assert!(produce_and_consume(&background(), 0, [produce], nobody).is_ok());
    /// ```
    pub fn send(&self, value: T) -> Result<(), T> {
        self.tx.send_ctx(&self.context, value).map_err(|error| error.into_inner())
    }

    /// Returns the context, which is done when a producer or consumer has failed or panicked, or when the caller's
    /// is.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge_go::patterns::{Outlet, produce_and_consume};
    /// let nobody: [fn(u32) -> Result<(), ()>; 0] = [];
    /// let produce = |out: &Outlet<u32>| if out.context().err().is_none() { Ok(()) } else { Err(()) };
    /// assert!(produce_and_consume(&background(), 0, [produce], nobody).is_ok());
    /// ```
    pub fn context(&self) -> &Context {
        &self.context
    }
}

impl<T> fmt::Debug for Outlet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outlet").field("tx", &self.tx).finish_non_exhaustive()
    }
}

/// Runs producers and consumers of values, and returns when all have ended.
///
/// Each value goes to one consumer. The values of one producer are received in the order sent; `capacity` values may
/// wait. When the producers have ended, the consumers take what is left, and end.
///
/// The first error or panic makes the context of all done, which is below `context`. Producers find their next send
/// failing, consumers end, and values that wait are dropped. If all consumers have ended, so do sends fail.
///
/// # Errors
/// The first error of a closure; or why the context was done, if it was before the last consumer ended, unless a closure has
/// failed first.
///
/// # Panics
/// If a closure does, with the first panic; or if the operating system cannot make a thread.
///
/// ```
/// use selvedge::context::background;
/// use selvedge::rt::sync::Arc;
/// use selvedge::rt::sync::atomic::{AtomicU32, Ordering::Relaxed};
/// use selvedge_go::patterns::{Outlet, produce_and_consume};
///
/// let sum = Arc::new(AtomicU32::new(0));
/// let produce = |from: u32| move |out: &Outlet<u32>| (from..from + 5).try_for_each(|n| out.send(n)).map_err(|_| "cut short");
/// let consume = |sum: Arc<AtomicU32>| move |n| { sum.fetch_add(n, Relaxed); Ok(()) };
/// let consumers = [consume(Arc::clone(&sum)), consume(Arc::clone(&sum))];
/// selvedge_go::run(move || produce_and_consume(&background(), 64, [1, 6].map(produce), consumers)).unwrap();
/// assert_eq!(sum.load(Relaxed), 55);
/// ```
pub fn produce_and_consume<T, E, P, C>(
    context: &Context,
    capacity: usize,
    producers: impl IntoIterator<Item = P>,
    consumers: impl IntoIterator<Item = C>,
) -> Result<(), Fault<E>>
where
    T: Send + 'static,
    E: Send + 'static,
    P: FnOnce(&Outlet<T>) -> Result<(), E> + Send + 'static,
    C: FnMut(T) -> Result<(), E> + Send + 'static,
{
    // Before the first one starts: the iterators are the caller's code and may panic.
    let (producers, consumers): (Vec<P>, Vec<C>) =
        (producers.into_iter().collect(), consumers.into_iter().collect());
    let (group, context) = ErrGroup::with_context(context);
    let (tx, rx) = bounded(capacity);
    for consumer in consumers {
        let (context, rx) = (context.clone(), rx.clone());
        group.go(move |_stop| consume(&context, &rx, consumer));
    }
    // Before the first send: without a consumer all of them fail.
    drop(rx);
    for producer in producers {
        let outlet = Outlet { tx: tx.clone(), context: context.clone() };
        group.go(move |_stop| producer(&outlet).map_err(Fault::Failed));
    }
    // Only the producers keep the channel open, and only the consumers keep it from being given up.
    let keeps = is_twin(); // site: leave-channel
    let kept = keeps.then(|| tx.clone());
    drop(tx);
    let ended = group.wait();
    drop(kept);
    ended
}

/// Calls `f` with each value until the producers have ended.
fn consume<T, E>(
    context: &Context,
    rx: &Receiver<T>,
    mut f: impl FnMut(T) -> Result<(), E>,
) -> Result<(), Fault<E>> {
    loop {
        match rx.recv_ctx(context) {
            Ok(value) => {
                let tells = !is_twin(); // site: tell-error
                f(value).or_else(|error| if tells { Err(Fault::Failed(error)) } else { Ok(()) })?;
            }
            // A producer may have ended because the context was done, and said nothing of it.
            Err(RecvCtxError::Closed) => return context.err().map_or(Ok(()), |why| Err(Fault::Done(why))),
            Err(RecvCtxError::Done(why)) => return Err(Fault::Done(why)),
        }
    }
}
