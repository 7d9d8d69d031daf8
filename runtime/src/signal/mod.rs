//! Signals of the operating system, as values of channels; Go's package `os/signal`.
//!
//! ```
//! use selvedge::chan::bounded;
//! use selvedge_go::signal::{Signal, notify, stop};
//!
//! let (tx, rx) = bounded(1);
//! notify(&tx, [Signal::SIGUSR1])?;
//! # unsafe extern "C" { safe fn raise(signal: i32) -> i32; }
//! # raise(Signal::SIGUSR1.number());
//! // … another process, or the terminal, sends the signal.
//! assert_eq!(rx.recv(), Ok(Signal::SIGUSR1));
//! stop(&tx);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! | Go | here |
//! | --- | --- |
//! | `signal.Notify(c, os.Interrupt)` | [`notify(&tx, [Signal::SIGINT])`](notify) |
//! | `signal.Notify(c)`: all signals | `notify(&tx, Signal::all())` |
//! | `signal.Stop(c)` | [`stop(&tx)`](stop) |
//! | `signal.Ignore(…)`, `Reset(…)`, `Ignored(s)` | [`ignore`], [`reset`], [`ignored`] |
//! | `signal.NotifyContext(ctx, os.Interrupt)` | [`notify_context`] |
//!
//! # Guarantees
//! - *Nobody is blocked.* A signal is sent by `try_send`: a channel that is full, or has no buffer and no receiver that
//!   waits, loses it. A capacity of 1 is enough for one kind of signal.
//! - *Each channel has its own copy*, also of a signal that others are registered for. The kernel makes one of several
//!   signals of a kind that are pending at the same time.
//! - *Nothing is lost between.* When [`stop`], [`ignore`] or [`reset`] returns, each signal that came before has been sent to the
//!   channels that were registered, and each one that comes later does what it does then. None is sent to a channel that was
//!   stopped.
//! - *Order.* What a thread did before it raised a signal for itself happens before the receipt.
//! - *A registration keeps the channel*, which is not closed while it is registered. It ends with the next signal after the last
//!   receiver is gone; if no other channel takes that signal, it does what it did before.
//! - *Deadlocks.* While a channel is registered, [`run`](crate::run) does not report that all goroutines are asleep.
//!
//! All this works on plain threads and on goroutines. One thread of the process sends, and the calls here send what came
//! before; a panic of a task's waker comes out of the call, and does not end the thread.
//!
//! # Limits
//! - While a signal is caught or ignored here, a handler that another library has set before is not called. It is set again afterwards.
//! - A child of `fork` that runs on without `exec` has no thread that sends: until it registers a channel itself, signals do what they
//!   did before the parent caught them. What its parent has registered does not count there.
//! - Inside a model of a checker no signal comes: [`notify`] registers nothing there.
//! - There are no signals on Windows, and no such module.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "no checker runs it: signals come from outside any model"
)]

mod context;
mod disposition;
mod expects;
mod number;
mod registry;

pub use context::{Received, StopNotify, notify_context};
pub use number::{Signal, Uncatchable};

use number::Set;
use selvedge::chan::Sender;
use selvedge::rt::task::is_in_a_run;
use std::io;

/// Sends these signals to the channel from now on, instead of what they do otherwise; Go's `signal.Notify`.
///
/// A channel that is registered already is registered for these signals too. A signal that was [ignored](ignore) is so no
/// longer.
///
/// # Errors
/// If the operating system has no thread or descriptors for the one thread that sends.
///
/// # Panics
/// If signals that came before are sent here, and the waker of a task panics that waits for one.
///
/// ```
/// use selvedge::chan::bounded;
/// use selvedge_go::signal::{Signal, notify, stop};
/// let (tx, _rx) = bounded(1);
/// notify(&tx, [Signal::SIGHUP])?;
/// notify(&tx, [Signal::SIGTERM])?;
/// stop(&tx);
/// # Ok::<(), std::io::Error>(())
/// ```
pub fn notify(sender: &Sender<Signal>, signals: impl IntoIterator<Item = Signal>) -> io::Result<()> {
    let signals = Set::of(signals);
    if signals.is_empty() || is_in_a_run() { Ok(()) } else { registry::add(sender, signals) }
}

/// Sends no more signals to the channel; Go's `signal.Stop`. Signals that no other channel is registered for do again what
/// they did before. A channel that is not registered is left alone.
///
/// When this returns, the signals that came before are in the channel, if there was room, and no other will be.
///
/// # Panics
/// As [`notify`] does.
///
/// ```
/// let (tx, _rx) = selvedge::chan::bounded(1);
/// selvedge_go::signal::stop(&tx);
/// ```
pub fn stop(sender: &Sender<Signal>) {
    if !is_in_a_run() {
        registry::remove(sender);
    }
}

/// Lets these signals do nothing; Go's `signal.Ignore`. No channel gets them any more. A program that this one starts ignores
/// them too.
///
/// ```
/// use selvedge_go::signal::{Signal, ignore, ignored, reset};
/// ignore([Signal::SIGUSR2]);
/// assert!(ignored(Signal::SIGUSR2));
/// reset([Signal::SIGUSR2]);
/// assert!(!ignored(Signal::SIGUSR2));
/// ```
pub fn ignore(signals: impl IntoIterator<Item = Signal>) {
    if !is_in_a_run() {
        registry::take_away(Set::of(signals), disposition::ignore);
    }
}

/// Lets these signals do again what they did before this module was used; Go's `signal.Reset`. No channel gets them any more.
///
/// ```
/// use selvedge_go::signal::{Signal, reset};
/// reset(Signal::all());
/// ```
pub fn reset(signals: impl IntoIterator<Item = Signal>) {
    if !is_in_a_run() {
        registry::take_away(Set::of(signals), disposition::restore);
    }
}

/// Returns whether the signal does nothing: by [`ignore`], or because the program was started so; Go's `signal.Ignored`.
///
/// ```
/// use selvedge_go::signal::{Signal, ignored};
/// assert!(ignored(Signal::SIGPIPE), "Rust's std ignores it");
/// ```
pub fn ignored(signal: Signal) -> bool {
    disposition::is_ignored(signal)
}
