//! Contexts that signals make done: [`notify_context`].

use super::{Signal, notify, stop};
use core::fmt;
use selvedge::chan::{Receiver, Select, Sender, bounded};
use selvedge::context::{CancelCause, Context, Error, with_cancel_cause};
use selvedge::rt::sync::Arc;
use selvedge::rt::task::spawn;
use selvedge::sync::Mutex;
use std::io;

/// The cause of a context that a signal has made done. Its source is [`Error::Canceled`].
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::signal::{Received, Signal, notify_context};
/// let (context, _stop) = notify_context(&background(), [Signal::SIGUSR1])?;
/// # unsafe extern "C" { safe fn raise(signal: i32) -> i32; }
/// raise(Signal::SIGUSR1.number());
/// assert!(context.done().recv().is_err());
/// let cause = context.cause().expect("it is done");
/// assert_eq!(cause.to_string(), "user defined signal 1 signal received");
/// assert_eq!(cause.downcast_ref::<Received>().map(|received| received.signal()), Some(Signal::SIGUSR1));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received(Signal);

impl Received {
    pub(crate) fn new(signal: Signal) -> Received {
        Received(signal)
    }

    /// Returns the signal.
    pub fn signal(self) -> Signal {
        self.0
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signal received", self.0)
    }
}

impl std::error::Error for Received {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&Error::Canceled)
    }
}

/// Returns a context below `parent` that is done when one of the signals comes, and what stops that; Go's
/// `signal.NotifyContext`.
///
/// The context's [cause](Context::cause) then is [`Received`], which names the signal. Until the [`StopNotify`] is told to
/// stop or is dropped, further signals do nothing: a program that shuts down, and is to die of a second Ctrl-C, stops first.
///
/// A goroutine waits for the signal if the caller is one, and a thread otherwise.
///
/// # Errors
/// As [`notify`]'s.
///
/// # Panics
/// If the operating system cannot make a thread.
///
/// ```
/// use selvedge::context::background;
/// use selvedge_go::signal::{Signal, notify_context};
/// let (context, stop) = notify_context(&background(), [Signal::SIGINT, Signal::SIGTERM])?;
/// // … the program runs until `context` is done.
/// stop.stop();
/// assert!(context.err().is_some());
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn notify_context(
    parent: &Context,
    signals: impl IntoIterator<Item = Signal>,
) -> io::Result<(Context, StopNotify)> {
    let (context, cancel) = with_cancel_cause(parent);
    let (sender, receiver) = bounded(1);
    let stop = StopNotify(Arc::new(Watch { cancel, sender, receiver, came: Mutex::new(None) }));
    if context.err().is_none() {
        notify(&stop.0.sender, signals)?;
        let (own, watch) = (context.clone(), Arc::clone(&stop.0));
        drop(spawn(move || {
            let mut either = Select::new();
            let signal = either.recv(&watch.receiver);
            either.recv(own.done());
            if either.ready() == signal {
                watch.end();
            }
        }));
    }
    Ok((context, stop))
}

/// Lets signals do again what they did before [`notify_context`]; so does its drop.
pub struct StopNotify(Arc<Watch>);

/// What the handle shares with the goroutine that waits.
struct Watch {
    cancel: CancelCause,
    sender: Sender<Signal>,
    receiver: Receiver<Signal>,
    /// The signal that came first, once somebody has looked.
    came: Mutex<Option<Signal>>,
}

impl Watch {
    /// Cancels the context, for the signal if one has come. The handle and the goroutine may both do so at once: each of them
    /// knows of the signal then.
    fn end(&self) {
        let mut came = self.came.lock();
        let signal = came.or_else(|| self.receiver.try_recv().ok());
        *came = signal;
        drop(came);
        match signal {
            Some(signal) => self.cancel.cancel(Received(signal)),
            None => self.cancel.cancel(Error::Canceled),
        }
    }
}

impl StopNotify {
    /// Lets the signals do again what they did before, as [`stop`] does, and cancels the context. If a signal came before, the
    /// context's cause says so.
    pub fn stop(&self) {
        stop(&self.0.sender);
        self.0.end();
    }
}

impl Drop for StopNotify {
    fn drop(&mut self) {
        self.stop();
    }
}

impl fmt::Debug for StopNotify {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad("StopNotify { .. }")
    }
}
