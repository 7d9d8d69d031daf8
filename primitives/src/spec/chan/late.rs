//! Late sends: the sends of selects, whose values come once they have been chosen.
//!
//! A late send that is chosen keeps what it was chosen for: a receiver that waits, which no other send meets then, or a place
//! in the buffer. Some receivers are *bound*: they wait until the value has come, or will not come, beyond their deadlines.
//! - Without a buffer the two have met: a receiver that waits is bound by the choice, and a receive that meets a late send in
//!   the queue lets the select have chosen it and is bound, also one that must not wait.
//! - With a buffer a receive that may wait is bound if it comes to the place of a select that has waited for that place. All
//!   others take the place from the late send and go on to the values behind it.
//! - A task is never bound: it is kept, and may give up.
//!
//! A send that finds the buffer full, and does not wait or gives up, takes the places of the late sends that did not wait for
//! them: so a buffer that is said to be full has values, or those of selects that have waited.
//!
//! If the receiver or the place is gone when the value comes, the value is sent then, beyond the capacity if need be. If the
//! late send does not happen, the receiver that was kept for it begins anew.

use super::channel::{Ended, Item, Kept, Offer, Promise, Waiter};
use super::world::{Key, Turn};
use crate::rt::spec::{StepId, Token};
use crate::rt::twin::is_twin;

/// What a receive does where it finds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It fails.
    Tries,
    /// It fails, as a case of a select that does not wait.
    TriesCase,
    /// It fails, unless it comes to the place of a select that has waited.
    MayWait,
    /// It waits in the queue.
    Waits,
}

/// What a receive comes to when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Ended(Ended),
    /// It waits in the queue.
    Waits,
    /// It has left no trace but that it may have taken places from late sends.
    Failed,
}

impl Came {
    /// Returns what the receive has ended with.
    pub(crate) fn ended(self) -> Option<Ended> {
        match self {
            Came::Ended(ended) => Some(ended),
            Came::Waits | Came::Failed => None,
        }
    }
}

impl Turn {
    /// Chooses a late send, unless that must wait, `None`.
    pub(super) fn try_send_late(&mut self, key: Key) -> Option<Ended> {
        if let Some(close) = self.known(key).closed {
            self.after.push(close);
            return Some(Ended::Closed);
        }
        let me = self.me;
        if let Some(receiver) = self.meet_receiver(key) {
            let gives_up = is_twin(); // site: met-receiver-gives-up
            let binds = self.known(key).capacity == Some(0) && !receiver.borrows && !gives_up;
            if binds {
                self.bind_select(key, receiver);
            }
            self.known(key).keep(me, receiver, binds);
            return Some(Ended::Sent);
        }
        self.take_place(key).then(|| {
            self.known(key).buffer.push_back(Kept::Promise(Promise { by: me, is_awaited: false }));
            Ended::Sent
        })
    }

    /// Takes the places of late sends that did not wait for them, if a send that does not wait finds no other place.
    pub(super) fn take_places_of_late(&mut self, key: Key) {
        let channel = self.known(key);
        if channel.closed.is_none() && !channel.takes_value() {
            channel.buffer.retain(|kept| !kept.can_lose_its_place());
            self.fill_buffer(key);
        }
    }

    /// Does the same for a send that waits, if the operation with this arrival is one, and gives up unless it has a place now.
    pub(super) fn take_places_for(&mut self, key: Key, arrival: StepId) {
        let mut senders = self.known(key).offers.iter().filter_map(|offer| offer.waiter);
        if senders.any(|sender| sender.arrival == arrival) {
            self.take_places_of_late(key);
        }
    }

    /// Waits with a late send in the channel's queue.
    pub(super) fn wait_to_send_late(&mut self, key: Key, waiter: Waiter) {
        self.known(key).offers.push_back(Offer { item: None, waiter: Some(waiter) });
    }

    /// A receive comes to the place of a late send. Returns what becomes of the receive, unless it goes on.
    pub(super) fn come_to_promise(
        &mut self,
        key: Key,
        promise: Promise,
        receiver: Waiter,
        manner: Manner,
    ) -> Option<Came> {
        let may_wait = matches!(manner, Manner::MayWait | Manner::Waits);
        let is_open = self.known(key).closed.is_none();
        let awaits = promise.is_awaited && may_wait && is_open;
        if awaits {
            self.known(key).keep_in_place(promise.by, receiver);
        }
        self.fill_buffer(key);
        if awaits {
            return Some(Came::Waits);
        }
        let fails = manner == Manner::Tries && !promise.is_awaited && is_open;
        (fails && !self.known(key).has_value()).then_some(Came::Failed)
    }

    /// A receive meets a late send in the queue, and lets the select have chosen it.
    pub(super) fn meet_late(&mut self, key: Key, sender: Waiter, receiver: Waiter) {
        let me = self.me;
        self.end_wait(key, Some(sender), Ended::Sent, vec![me]);
        self.known(key).keep_in_place(sender.arrival, receiver);
    }

    /// Brings the value of the late send that a select has chosen; returns `false` if the channel is closed.
    pub(crate) fn finish_late(&mut self, key: Key, select: StepId, value: Token) -> bool {
        let item = Item { value, sent: self.me };
        let channel = self.known(key);
        let is_its = |kept: &&mut Kept| matches!(kept, Kept::Promise(promise) if promise.by == select);
        if let Some(place) = channel.buffer.iter_mut().find(is_its) {
            *place = Kept::Value(item);
            return true;
        }
        if let Some((receiver, received)) = channel.receive_kept(select, item) {
            self.hand_over(key, receiver, received);
            return true;
        }
        if let Some(close) = channel.closed {
            self.after.push(close);
            return false;
        }
        if !self.put(key, item) {
            self.known(key).offers.push_back(Offer { item: Some(item), waiter: None });
        }
        true
    }

    /// Gives up the late send that a select has chosen.
    pub(crate) fn cancel_late(&mut self, key: Key, select: StepId) {
        let me = self.me;
        let channel = self.known(key);
        channel.buffer.retain(|kept| !matches!(kept, Kept::Promise(promise) if promise.by == select));
        let receiver = channel.let_go(select);
        self.end_wait(key, receiver, Ended::Broken, Vec::new());
        self.fill_buffer(key);
        self.disconnect_receivers(key, me);
    }
}
