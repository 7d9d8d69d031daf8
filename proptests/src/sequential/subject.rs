//! A real channel that takes the steps of a sequence.

use super::{Action, Payload, Side, State, Step};
use crate::call::{Answer, receive, send};
use selvedge::chan::{Receiver, Sender, bounded_with_segments};

/// A channel and its handles.
#[derive(Debug)]
pub struct Subject<T> {
    senders: Vec<Sender<T>>,
    receivers: Vec<Receiver<T>>,
}

impl<T: Payload> Subject<T> {
    /// Makes a channel with one handle on each side, and segments of two to the power `shift` cells.
    pub fn new(capacity: usize, shift: u32) -> Subject<T> {
        let (tx, rx) = bounded_with_segments(capacity, shift);
        Subject { senders: vec![tx], receivers: vec![rx] }
    }

    /// Takes a step that the reference took.
    ///
    /// # Panics
    /// If the step's side has no handle.
    pub fn apply(&mut self, step: Step, value: u32) -> Answer {
        match step.action {
            Action::Send(wait) => send(self.sender(step), T::make(value), wait).map(T::show),
            Action::Recv(wait) => receive(self.receiver(step), wait).map(T::show),
            Action::TryIter => Answer::Values(self.receiver(step).try_iter().map(T::show).collect()),
            Action::Iter => Answer::Values(self.receiver(step).iter().map(T::show).collect()),
            Action::For => {
                let mut values = Vec::new();
                for value in self.receiver(step) {
                    values.push(value.show());
                }
                Answer::Values(values)
            }
            Action::ForOwned => {
                let rx = self.receivers.remove(step.handle % self.receivers.len());
                Answer::Values(rx.into_iter().map(T::show).collect())
            }
            Action::Clone(Side::Sender) => {
                let clone = self.sender(step).clone();
                self.senders.push(clone);
                Answer::Done
            }
            Action::Clone(Side::Receiver) => {
                let clone = self.receiver(step).clone();
                self.receivers.push(clone);
                Answer::Done
            }
            Action::Drop(Side::Sender) => {
                self.senders.remove(step.handle % self.senders.len());
                Answer::Done
            }
            Action::Drop(Side::Receiver) => {
                self.receivers.remove(step.handle % self.receivers.len());
                Answer::Done
            }
            Action::Close(Side::Sender) => Answer::Closed(self.sender(step).close().is_ok()),
            Action::Close(Side::Receiver) => Answer::Closed(self.receiver(step).close().is_ok()),
        }
    }

    /// Returns what each handle says about the channel.
    pub fn states(&self) -> Vec<State> {
        let senders = self.senders.iter().map(|tx| State {
            len: tx.len(),
            is_empty: tx.is_empty(),
            is_full: tx.is_full(),
            capacity: tx.capacity(),
            is_closed: tx.is_closed(),
        });
        let receivers = self.receivers.iter().map(|rx| State {
            len: rx.len(),
            is_empty: rx.is_empty(),
            is_full: rx.is_full(),
            capacity: rx.capacity(),
            is_closed: rx.is_closed(),
        });
        senders.chain(receivers).collect()
    }

    /// Checks whether the handles of each side know that they belong together.
    pub fn is_one_channel(&self) -> bool {
        self.senders.windows(2).all(|pair| pair[0].same_channel(&pair[1]))
            && self.receivers.windows(2).all(|pair| pair[0].same_channel(&pair[1]))
    }

    fn sender(&self, step: Step) -> &Sender<T> {
        &self.senders[step.handle % self.senders.len()]
    }

    fn receiver(&self, step: Step) -> &Receiver<T> {
        &self.receivers[step.handle % self.receivers.len()]
    }
}
