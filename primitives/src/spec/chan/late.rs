//! Late sends: the sends of a [`Select`](crate::chan::Select), whose values come once they have been chosen.
//!
//! A late send that is chosen keeps the place that it was chosen for: a receiver that waits, which no other send meets then,
//! or a place in the buffer. It does not keep others waiting: a receive goes on from that place to the values behind it, and
//! the receiver may time out. If the receiver or the place is gone when the value comes, the value goes to the next receiver,
//! before all others. A receive that meets a late send in the queue of a channel lets the select have chosen it, and waits
//! for a value like any other receive.

use super::channel::{Ended, Item, Kept, Offer, Received, Waiter};
use super::world::{Key, Turn};
use crate::rt::spec::{StepId, Token};

impl Turn {
    /// Chooses a late send, unless that must wait, `None`.
    pub(super) fn try_send_late(&mut self, key: Key) -> Option<Ended> {
        if let Some(close) = self.known(key).closed {
            self.after.push(close);
            return Some(Ended::Closed);
        }
        let me = self.me;
        if let Some(receiver) = self.meet_receiver(key) {
            self.known(key).promise(me, receiver);
            return Some(Ended::Sent);
        }
        self.take_place(key).then(|| {
            self.known(key).buffer.push_back(Kept::Promise(me));
            Ended::Sent
        })
    }

    /// Waits with a late send in the channel's queue.
    pub(super) fn wait_to_send_late(&mut self, key: Key, waiter: Waiter) {
        self.known(key).offers.push_back(Offer { item: None, waiter: Some(waiter) });
    }

    /// Takes the places that late sends have in the buffer from them, and returns whether there were any.
    pub(super) fn pass_promises(&mut self, key: Key) -> bool {
        let before = self.known(key).buffer.len();
        self.known(key).buffer.retain(|kept| matches!(kept, Kept::Value(_)));
        let passed = self.known(key).buffer.len() < before;
        if passed {
            self.fill_buffer(key);
        }
        passed
    }

    /// Brings the value of the late send that a select has chosen; returns `false` if the channel is closed.
    pub(crate) fn finish_late(&mut self, key: Key, select: StepId, value: Token) -> bool {
        let item = Item { value, sent: self.me };
        let channel = self.known(key);
        if let Some(place) = channel.buffer.iter_mut().find(|kept| **kept == Kept::Promise(select)) {
            *place = Kept::Value(item);
            return true;
        }
        if let Some(receiver) = channel.take_promised(select) {
            let received = channel.receive(item, receiver.arrival);
            self.hand_over(key, receiver, received);
            return true;
        }
        if let Some(close) = channel.closed {
            self.after.push(close);
            return false;
        }
        // No receive has made a place for the value.
        let received = Received { item, number: channel.count_receive() };
        self.lend(key);
        self.give_back(key, received);
        true
    }

    /// Gives up the late send that a select has chosen. A receiver that was kept for it waits like one that has just come.
    pub(crate) fn cancel_late(&mut self, key: Key, select: StepId) {
        let me = self.me;
        let channel = self.known(key);
        channel.buffer.retain(|kept| *kept != Kept::Promise(select));
        let receiver = channel.take_promised(select);
        channel.receivers.extend(receiver);
        self.fill_buffer(key);
        self.disconnect_receivers(key, me);
    }
}
