//! The signals of a routine.

use super::executor::{Executor, Outcome, Task};
use crate::signal::{self, Received, Signal};
use selvedge::chan::{Receiver, Sender, bounded, never, unbounded};
use selvedge::context::{AnyError, Context};
use std::io;

/// What is done with which signals.
#[derive(Default)]
pub(super) struct Traps {
    pub(super) stops: Vec<Signal>,
    pub(super) handlers: Vec<(Signal, Task)>,
}

/// Channels that are registered for signals.
pub(super) struct Trapped {
    stops: Registered,
    handled: Registered,
}

/// A channel that is registered until this is dropped.
struct Registered {
    sender: Option<Sender<Signal>>,
    receiver: Receiver<Signal>,
}

impl Registered {
    fn new(channel: (Sender<Signal>, Receiver<Signal>), signals: &[Signal]) -> io::Result<Registered> {
        if signals.is_empty() {
            return Ok(Registered { sender: None, receiver: never() });
        }
        let registered = Registered { sender: Some(channel.0.clone()), receiver: channel.1 };
        signal::notify(&channel.0, signals.iter().copied())?;
        Ok(registered)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        if let Some(sender) = &self.sender {
            signal::stop(sender);
        }
    }
}

impl Traps {
    pub(super) fn set(&self) -> io::Result<Trapped> {
        let handled: Vec<_> = self.handlers.iter().map(|(signal, _)| *signal).collect();
        let stops = Registered::new(bounded(1), &self.stops)?;
        // Signals of one kind must not be lost because of those of another.
        Ok(Trapped { stops, handled: Registered::new(unbounded(), &handled)? })
    }

    pub(super) fn handle(&self, signal: Signal, context: &Context) -> Outcome {
        let mut its = self.handlers.iter().filter(|(other, _)| *other == signal);
        its.try_for_each(|(_, handler)| handler.execute(context))
    }
}

impl Trapped {
    pub(super) fn stops(&self) -> &Receiver<Signal> {
        &self.stops.receiver
    }

    pub(super) fn handled(&self) -> &Receiver<Signal> {
        &self.handled.receiver
    }

    /// Lets the signals that stop the routine do what they do otherwise.
    pub(super) fn release_stops(&mut self) {
        self.stops = Registered { sender: None, receiver: never() };
    }
}

/// Returns the outcome that a signal makes.
pub(super) fn received(signal: Signal) -> AnyError {
    Received::new(signal).into()
}
