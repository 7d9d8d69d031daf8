//! How long a wait may last: until an instant, and until something stops it, such as a context.

use super::park::Unparker;
use std::time::Instant;

/// What stops waits.
pub trait Stop {
    /// Keeps `nudge` and gives it once the waits are stopped, unless [`unwatch`](Self::unwatch) takes it back; returns its
    /// place. `None`: they have been stopped already.
    fn watch(&self, nudge: Nudge) -> Option<usize>;

    /// Returns whether nobody outside the bubble of the caller, which is in one, stops the waits.
    fn is_inside(&self) -> bool {
        false
    }

    /// Takes a nudge back; returns whether it had not been given. If it had, then that is over when this returns.
    fn unwatch(&self, place: usize) -> bool;
}

/// What ends a wait that is stopped.
pub enum Nudge {
    /// The thread sleeps.
    Unpark(Unparker),
    /// The wait is one as specified, and this lets it end.
    Step(Box<dyn FnOnce() + Send>),
}

/// How long a wait may last.
#[derive(Clone, Copy, Default)]
pub struct Until<'a> {
    /// Until this instant.
    pub deadline: Option<Instant>,
    /// Until this stops it.
    pub stop: Option<&'a dyn Stop>,
}

impl From<Option<Instant>> for Until<'_> {
    fn from(deadline: Option<Instant>) -> Self {
        Until { deadline, stop: None }
    }
}
