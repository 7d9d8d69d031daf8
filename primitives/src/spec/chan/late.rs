//! Late sends: the sends of selects, whose values come once they have been chosen.
//!
//! A late send that is chosen keeps what it was chosen for until its value comes: a receiver that waits, which no other send
//! meets then, or a place in the buffer, which counts as taken. A receive that comes to the place of a late send waits there
//! for the value; on a channel without a buffer, a receive that meets a late send in the queue lets the select have chosen it,
//! and waits likewise. Such receivers are *bound*, also those that must not wait: they wait until the value has come, or will
//! not come, beyond their deadlines. A task is never bound: it is kept, and may give up.
//!
//! A receive of the thread that is to bring the value is not bound. If it does not wait for ever, it fails at that place; else it
//! takes the place from the late send. So does a forced send.
//!
//! If the receiver or the place is gone when the value comes, the value is sent then, beyond the capacity if need be. If the
//! late send does not happen, the receiver that was kept for it begins anew.

use super::channel::{Ended, Item, Kept, Offer, Waiter};
use super::world::{Key, Turn};
use crate::rt::spec::{StepId, Token};
use crate::rt::twin::is_twin;

/// What a receive does where it finds no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It fails.
    Tries,
    /// It waits in the queue, for a while.
    MayTimeOut,
    /// It waits in the queue.
    Waits,
}

/// What a receive comes to when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    Ended(Ended),
    /// It waits in the queue.
    Waits,
    /// It has left no trace.
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
            let binds = !receiver.borrows && !gives_up;
            if binds {
                self.bind_select(key, receiver);
            }
            self.known(key).keep(me, receiver, binds);
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

    /// A receive comes to the place of the late send that this select has chosen, and has taken it out of the buffer. Returns
    /// what becomes of the receive, unless it goes on.
    pub(super) fn come_to_promise(
        &mut self,
        key: Key,
        by: StepId,
        receiver: Waiter,
        manner: Manner,
    ) -> Option<Came> {
        let goes_on = is_twin(); // site: passes-late-send
        let is_own = by.thread == self.me.thread && !receiver.borrows;
        if is_own && manner != Manner::Waits {
            self.known(key).buffer.push_front(Kept::Promise(by));
            return Some(Came::Failed);
        }
        if is_own || goes_on {
            self.fill_buffer(key);
            return None;
        }
        self.known(key).keep_in_place(by, receiver);
        self.fill_buffer(key);
        Some(Came::Waits)
    }

    /// Takes the first place of the buffer from late sends of the thread that makes the step, which comes to wait to receive.
    pub(super) fn pass_own_late_sends(&mut self, key: Key) {
        let me = self.me.thread;
        while let Some(Kept::Promise(by)) = self.known(key).buffer.front()
            && by.thread == me
        {
            self.known(key).buffer.pop_front();
            self.fill_buffer(key);
        }
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
        let is_its = |kept: &&mut Kept| matches!(kept, Kept::Promise(by) if *by == select);
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
        channel.buffer.retain(|kept| !matches!(kept, Kept::Promise(by) if *by == select));
        let receiver = channel.let_go(select);
        self.end_wait(key, receiver, Ended::Broken, Vec::new());
        self.fill_buffer(key);
        self.disconnect_receivers(key, me);
    }
}
