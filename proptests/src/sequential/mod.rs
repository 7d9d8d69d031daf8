//! Sequences of operations on one thread.
//!
//! A [`Step`] is carried out by a [`Reference`] and by a [`Subject`], a real channel; their answers,
//! what they say about their state, and the number of values alive must agree after each. The
//! reference decides whether a step can be taken at all: one that would block for ever, or whose side
//! has no handle any more, is left out.

mod payload;
mod reference;
mod step;
mod subject;

pub use payload::{Chan, Counted, Large, Payload, Zero, alive};
pub use reference::Reference;
pub use step::{Action, Side, Step, steps};
pub use subject::Subject;

/// What a handle says about its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// The number of buffered values.
    pub len: usize,
    /// Whether a receive would have to wait.
    pub is_empty: bool,
    /// Whether a send would have to wait.
    pub is_full: bool,
    /// The most values that the buffer holds.
    pub capacity: Option<usize>,
    /// Whether it is closed.
    pub is_closed: bool,
}
