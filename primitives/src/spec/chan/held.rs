//! What a case of a select holds, or a future: operations that do not end in the call that began them.

use super::channel::Received;
use super::handle::Inner;
use super::select::Place;
use super::world::World;
use crate::rt::spec::{Common, StepId, Token, note_received, with_value};

/// What a case or a future holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// A value that it has received.
    Received(Received),
    /// A place in the queue of the senders.
    #[cfg(feature = "async")]
    Offer(Offered),
}

/// What the future of a send holds that waits.
#[cfg(feature = "async")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) arrival: StepId,
    pub(crate) value: Token,
    /// What reports call the polls: with the value, which a receiver may have taken since.
    pub(crate) operation: &'static str,
}

impl<T> Inner<T> {
    /// Returns the state that the channel has in common with others, with its sides together.
    pub(crate) fn common(&self) -> &Common<World> {
        self.sides.need_together();
        &self.sides.whole
    }

    /// Returns the channel as steps name it.
    pub(crate) fn place(&self) -> Place {
        Place { key: self.key(), capacity: self.capacity }
    }

    /// Takes the value that was received.
    pub(crate) fn value(&self, received: Received) -> T {
        let value = self.values.take(received.item.value);
        note_received(&value);
        value
    }

    /// Gives a value back that was received: to the next receiver. The wakers that are due are returned.
    #[track_caller]
    pub(crate) fn give_back(&self, received: Received) -> Vec<Token> {
        let give_back = |turn: &mut super::Turn, key| {
            turn.lend(key);
            turn.give_back(key, received);
            Some(())
        };
        self.step_and_wake("give back", give_back).1
    }

    /// Brings the value of the late send that a select has chosen; returns it if the channel is closed.
    #[track_caller]
    pub(crate) fn finish_late(&self, select: StepId, value: T) -> (Result<(), T>, Vec<Token>) {
        let operation = with_value("send", &value);
        let token = self.values.put(value);
        let finish = |turn: &mut super::Turn, key| Some(turn.finish_late(key, select, token));
        let (sent, wakes) = self.step_and_wake(operation, finish);
        (if sent { Ok(()) } else { Err(self.values.take(token)) }, wakes)
    }

    /// Gives up the late send that a select has chosen.
    #[track_caller]
    pub(crate) fn cancel_late(&self, select: StepId) -> Vec<Token> {
        let cancel = |turn: &mut super::Turn, key| {
            turn.cancel_late(key, select);
            Some(())
        };
        self.step_and_wake("give up sending", cancel).1
    }
}
