//! What a bounded channel is on one thread: a queue, a flag, and two counts of handles.

use super::{Action, Side, State};
use crate::call::{Answer, Wait};
use std::collections::VecDeque;

/// The sequential specification of a bounded channel.
///
/// Without another thread to meet, a rendezvous channel (capacity 0) is always both empty and
/// full.
#[derive(Clone, Debug)]
pub struct Reference {
    capacity: usize,
    buffer: VecDeque<u32>,
    closed: bool,
    senders: usize,
    receivers: usize,
}

impl Reference {
    /// Makes an empty channel with one handle on each side.
    pub fn new(capacity: usize) -> Reference {
        Reference { capacity, buffer: VecDeque::new(), closed: false, senders: 1, receivers: 1 }
    }

    /// Returns how many values the channel holds.
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Returns whether the channel holds no value.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Returns what every handle has to say.
    pub fn state(&self) -> State {
        State {
            len: self.buffer.len(),
            is_empty: self.buffer.is_empty(),
            is_full: self.buffer.len() == self.capacity,
            capacity: Some(self.capacity),
            is_closed: self.closed,
        }
    }

    /// Takes a step; sends send `value`. `None`, and nothing changed, if the step would block for
    /// ever or has no handle to act through.
    pub fn apply(&mut self, action: Action, value: u32) -> Option<Answer> {
        if self.handles(side_of(action)) == 0 {
            return None;
        }
        Some(match action {
            Action::Send(wait) => self.send(value, wait)?,
            Action::Recv(wait) => self.receive(wait)?,
            Action::TryIter => Answer::Values(self.buffer.drain(..).collect()),
            Action::Iter | Action::For | Action::ForOwned if !self.closed => return None,
            Action::Iter | Action::For => Answer::Values(self.buffer.drain(..).collect()),
            Action::ForOwned => {
                self.receivers -= 1;
                Answer::Values(self.buffer.drain(..).collect())
            }
            Action::Clone(side) => {
                *self.handles_mut(side) += 1;
                Answer::Done
            }
            Action::Drop(side) => {
                *self.handles_mut(side) -= 1;
                if self.handles(side) == 0 {
                    self.closed = true;
                }
                if self.receivers == 0 {
                    self.buffer.clear(); // no receiver is left
                }
                Answer::Done
            }
            Action::Close(_) => Answer::Closed(!core::mem::replace(&mut self.closed, true)),
        })
    }

    fn send(&mut self, value: u32, wait: Wait) -> Option<Answer> {
        if self.closed {
            return Some(Answer::NotSent(value));
        }
        if self.buffer.len() < self.capacity {
            self.buffer.push_back(value);
            return Some(Answer::Sent);
        }
        match wait {
            Wait::Forever => None,
            Wait::Never => Some(Answer::Full(value)),
            Wait::Timeout(_) | Wait::Deadline(_) => Some(Answer::SendTimedOut(value)),
        }
    }

    fn receive(&mut self, wait: Wait) -> Option<Answer> {
        if let Some(value) = self.buffer.pop_front() {
            return Some(Answer::Received(value));
        }
        if self.closed {
            return Some(Answer::NothingLeft);
        }
        match wait {
            Wait::Forever => None,
            Wait::Never => Some(Answer::Empty),
            Wait::Timeout(_) | Wait::Deadline(_) => Some(Answer::RecvTimedOut),
        }
    }

    fn handles(&self, side: Side) -> usize {
        if side == Side::Sender { self.senders } else { self.receivers }
    }

    fn handles_mut(&mut self, side: Side) -> &mut usize {
        if side == Side::Sender { &mut self.senders } else { &mut self.receivers }
    }
}

fn side_of(action: Action) -> Side {
    match action {
        Action::Send(_) => Side::Sender,
        Action::Recv(_) | Action::TryIter | Action::Iter | Action::For | Action::ForOwned => Side::Receiver,
        Action::Clone(side) | Action::Drop(side) | Action::Close(side) => side,
    }
}
