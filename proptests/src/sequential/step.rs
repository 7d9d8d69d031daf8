//! One step of a sequence, and how to draw sequences.

use crate::call::Wait;
use core::fmt;
use core::time::Duration;
use proptest::collection::vec;
use proptest::sample::select;
use proptest::strategy::{Just, Strategy, Union};

/// A side of the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The senders.
    Sender,
    /// The receivers.
    Receiver,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send the next value.
    Send(Wait),
    /// Receive.
    Recv(Wait),
    /// Take what is there, with `try_iter`.
    TryIter,
    /// Range over a closed channel, with `iter`.
    Iter,
    /// Range over a closed channel, with `for` over a reference.
    For,
    /// Range over a closed channel, with `for` over the handle, which is gone then.
    ForOwned,
    /// Clone a handle.
    Clone(Side),
    /// Drop a handle.
    Drop(Side),
    /// Close through a handle.
    Close(Side),
}

/// An action through one of the handles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// What to do.
    pub action: Action,
    /// Through which handle, modulo how many there are.
    pub handle: usize,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let handle = self.handle;
        let (tx, rx) = (format!("tx[{handle}]"), format!("rx[{handle}]"));
        let of = |side| if side == Side::Sender { &tx } else { &rx };
        match self.action {
            Action::Send(Wait::Never) => write!(f, "{tx}.try_send(value)"),
            Action::Send(wait) => write!(f, "{tx}.send{}(value)", wait.suffix()),
            Action::Recv(Wait::Never) => write!(f, "{rx}.try_recv()"),
            Action::Recv(wait) => write!(f, "{rx}.recv{}()", wait.suffix()),
            Action::TryIter => write!(f, "{rx}.try_iter()"),
            Action::Iter => write!(f, "{rx}.iter()"),
            Action::For => write!(f, "for value in &{rx}"),
            Action::ForOwned => write!(f, "for value in {rx}"),
            Action::Clone(side) => write!(f, "{}.clone()", of(side)),
            Action::Drop(side) => write!(f, "drop({})", of(side)),
            Action::Close(side) => write!(f, "{}.close()", of(side)),
        }
    }
}

/// Sequences of up to `length` steps.
///
/// Sends outnumber receives, so that buffers fill; closing and dropping are rare, so that most
/// sequences get far before the channel is closed.
pub fn steps(length: usize) -> impl Strategy<Value = Vec<Step>> {
    let action = Union::new_weighted(vec![
        (24, wait().prop_map(Action::Send).boxed()),
        (18, wait().prop_map(Action::Recv).boxed()),
        (1, Just(Action::TryIter).boxed()),
        (2, select(vec![Action::Iter, Action::For]).boxed()),
        (1, Just(Action::ForOwned).boxed()),
        (3, side().prop_map(Action::Clone).boxed()),
        (2, side().prop_map(Action::Drop).boxed()),
        (1, side().prop_map(Action::Close).boxed()),
    ]);
    let step = (action, 0..3_usize).prop_map(|(action, handle)| Step { action, handle });
    vec(step, 0..=length)
}

fn wait() -> impl Strategy<Value = Wait> {
    let timed = [Wait::Timeout(Duration::ZERO), Wait::Deadline(Duration::ZERO)];
    select([[Wait::Never, Wait::Forever], [Wait::Never, Wait::Forever], timed].concat())
}

fn side() -> impl Strategy<Value = Side> {
    select(vec![Side::Sender, Side::Receiver])
}
