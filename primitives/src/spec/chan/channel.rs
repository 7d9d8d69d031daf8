//! The state of one channel.

use crate::rt::spec::{StepId, Token};
use crate::rt::twin::is_twin;
use crate::spec::sorted::Sorted;
use std::collections::VecDeque;

/// A value that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) value: Token,
    /// The arrival of its send.
    pub(crate) sent: StepId,
}

/// How to wake a task that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bell {
    pub(crate) waker: Token,
    /// The poll that has brought the waker, which happens before the waker is used.
    pub(crate) brought: StepId,
}

/// An operation that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiter {
    /// Its arrival, which names it. Of a select: the step by which the select arrived.
    pub(crate) arrival: StepId,
    /// The case of the select that waits, if a select does.
    pub(crate) case: Option<usize>,
    /// How to wake the task that waits, if a task does.
    pub(crate) bell: Option<Bell>,
    /// Whether a value that it gets may come back: it is on loan until [`Turn::end_loan`](super::world::Turn::end_loan).
    pub(crate) borrows: bool,
}

/// What has a place in the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    Value(Item),
    /// Nothing yet: the select with this arrival has chosen a late send, and brings its value here.
    Promise(StepId),
}

impl Kept {
    /// Returns the send of a value.
    pub(super) fn sent(&self) -> Option<StepId> {
        match self {
            Kept::Value(item) => Some(item.sent),
            Kept::Promise(_) => None,
        }
    }
}

/// A receiver that waits, and is kept for the value of a late send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promised {
    /// The arrival of the select that sends.
    pub(super) by: StepId,
    /// The arrival of the receive, and its case if it is a select's.
    to: (StepId, Option<usize>),
    /// Whether the receiver is bound: it does not give up before the value has come, or will not come.
    binds: bool,
    /// Whether the receive has made its place in the buffer already.
    has_place: bool,
}

/// A send that waits for its place, or a forced one that has not got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    /// The value; `None`: the send is *late*, its value comes once its select has chosen it.
    pub(crate) item: Option<Item>,
    /// The sender. A forced value has none: its send has ended.
    pub(crate) waiter: Option<Waiter>,
}

/// What an operation has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Sent,
    Received(Received),
    Closed,
    /// Nothing: the late send that the receiver was kept for does not happen. The receive begins anew.
    Broken,
}

/// A value that was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Received {
    pub(crate) item: Item,
    /// The number of the receive: values that come back are received again in this order.
    pub(crate) number: u64,
}

/// What a wait has come to, and the steps that happen before its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    pub(crate) ended: Ended,
    pub(crate) after: Vec<StepId>,
}

/// A side of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Senders,
    Receivers,
}

/// A channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Channel {
    /// How many values the buffer holds; `None`: any number.
    pub(crate) capacity: Option<usize>,
    pub(crate) buffer: VecDeque<Kept>,
    /// The values that came back, first received first.
    pub(crate) returned: VecDeque<Received>,
    pub(crate) offers: VecDeque<Offer>,
    /// The receives that wait.
    pub(crate) receivers: VecDeque<Waiter>,
    /// Those of them that wait for the values of late sends: no other send meets them.
    pub(crate) promised: Vec<Promised>,
    /// The arrivals of the receives whose places in the buffer no send has taken yet.
    places: VecDeque<StepId>,
    /// How many receives there were.
    received: u64,
    /// The step that closed the channel.
    pub(crate) closed: Option<StepId>,
    /// The tasks that wait for the close, each with its arrival.
    pub(super) watchers: Vec<(StepId, Bell)>,
    /// How many values may come back.
    pub(crate) loans: usize,
    /// Whether the last sender, and the last receiver, was dropped.
    pub(super) ended_sides: [bool; 2],
    pub(super) weak_dropped: usize,
    /// What waits have come to, by their arrivals; those of selects are with the selects.
    pub(crate) ended: Sorted<StepId, Ending>,
}

impl Channel {
    pub(crate) fn new(capacity: Option<usize>) -> Channel {
        Channel {
            capacity,
            buffer: VecDeque::new(),
            returned: VecDeque::new(),
            offers: VecDeque::new(),
            receivers: VecDeque::new(),
            promised: Vec::new(),
            places: VecDeque::new(),
            received: 0,
            closed: None,
            watchers: Vec::new(),
            loans: 0,
            ended_sides: [false; 2],
            weak_dropped: 0,
            ended: Sorted::default(),
        }
    }

    /// Returns whether the buffer has a place that no send waits for.
    pub(super) fn has_room(&self) -> bool {
        let more = usize::from(is_twin()); // site: buffer-too-big
        let late = self.buffer.iter().filter(|kept| matches!(kept, Kept::Promise(_))).count();
        let more = if is_twin() { late } else { more }; // site: late-send-has-no-place
        self.offers.is_empty() && self.capacity.is_none_or(|capacity| self.buffer.len() < capacity + more)
    }

    /// Returns whether the channel is closed and no value is left, and none comes back.
    pub(crate) fn is_over(&self) -> bool {
        self.closed.is_some() && !self.has_value() && self.loans == 0
    }

    /// Returns whether a receive by this step comes to an end, or to a late send of another thread, whose value it waits for.
    pub(super) fn is_found_by(&self, me: StepId) -> bool {
        let found = match self.buffer.front() {
            Some(Kept::Value(_)) => true,
            Some(Kept::Promise(by)) => by.thread != me.thread,
            None => !self.offers.is_empty() || self.is_over(),
        };
        found || !self.returned.is_empty()
    }

    /// Returns whether a receive would not wait.
    pub(super) fn is_ready(&self) -> bool {
        let first = self.buffer.front().map(|first| matches!(first, Kept::Value(_)));
        let found = first.unwrap_or(!self.offers.is_empty());
        found || !self.returned.is_empty() || (self.closed.is_some() && self.loans == 0)
    }

    /// Returns whether a receive would find a value.
    pub(crate) fn has_value(&self) -> bool {
        let is_buffered = self.buffer.iter().any(|kept| matches!(kept, Kept::Value(_)));
        is_buffered || !self.returned.is_empty() || self.offers.iter().any(|offer| offer.item.is_some())
    }

    /// Returns where in the queue the first receiver waits that a send meets.
    pub(super) fn next_receiver(&self) -> Option<usize> {
        let is_free = |waiter: &Waiter| {
            let to = (waiter.arrival, waiter.case);
            !self.promised.iter().any(|promised| promised.to == to)
        };
        self.receivers.iter().position(is_free)
    }

    /// Keeps a receiver that waits for the value of a late send, by the select with this arrival.
    pub(super) fn keep(&mut self, by: StepId, receiver: Waiter, binds: bool) {
        let to = (receiver.arrival, receiver.case);
        self.promised.push(Promised { by, to, binds, has_place: false });
    }

    /// Lets a receiver wait in the place of a late send, by the select with this arrival, for its value.
    pub(super) fn keep_in_place(&mut self, by: StepId, receiver: Waiter) {
        self.make_place(receiver.arrival);
        self.receivers.push_back(receiver);
        let to = (receiver.arrival, receiver.case);
        self.promised.push(Promised { by, to, binds: !receiver.borrows, has_place: true });
    }

    /// Returns whether the receive with this arrival is bound to a late send.
    pub(super) fn is_bound(&self, receiver: StepId) -> bool {
        self.promised.iter().any(|promised| promised.to.0 == receiver && promised.binds)
    }

    /// Takes out the receiver that was kept for a select, if it waits still.
    fn take_kept(&mut self, by: StepId) -> Option<(Promised, Waiter)> {
        let at = self.promised.iter().position(|promised| promised.by == by)?;
        let promised = self.promised.remove(at);
        let at = self.receivers.iter().position(|waiter| (waiter.arrival, waiter.case) == promised.to)?;
        Some((promised, self.receivers.remove(at)?))
    }

    /// Gives the value of a late send to the receiver that was kept for it, which leaves the queue.
    pub(super) fn receive_kept(&mut self, by: StepId, item: Item) -> Option<(Waiter, Received)> {
        let (promised, receiver) = self.take_kept(by)?;
        if !promised.has_place {
            self.make_place(receiver.arrival);
        }
        Some((receiver, Received { item, number: self.count_receive() }))
    }

    /// Takes out the receiver that was kept for a late send that does not happen.
    pub(super) fn let_go(&mut self, by: StepId) -> Option<Waiter> {
        self.take_kept(by).map(|(_, receiver)| receiver)
    }

    /// Returns whether a send would find a receiver or a place.
    pub(crate) fn takes_value(&self) -> bool {
        self.next_receiver().is_some() || self.has_room()
    }

    /// Returns the number of values in the buffer, and of those that came back.
    pub(crate) fn len(&self) -> usize {
        self.buffer.len() + self.returned.len()
    }

    /// Returns [`len`](Self::len), with the values whose senders wait.
    pub(crate) fn under_way(&self) -> usize {
        self.len() + self.offers.len()
    }

    /// Gives a send the next place in the buffer: the receive that has made it happens before the send completes.
    pub(super) fn take_place(&mut self) -> Option<StepId> {
        let fresh = self.capacity? > self.places.len() + self.buffer.len();
        if fresh { None } else { self.places.pop_front() }
    }

    /// Makes a place in the buffer.
    fn make_place(&mut self, arrival: StepId) {
        if self.capacity.is_some_and(|capacity| capacity > 0) {
            self.places.push_back(arrival);
        }
    }

    /// Gives a value to a receive with this arrival.
    pub(super) fn receive(&mut self, item: Item, arrival: StepId) -> Received {
        self.make_place(arrival);
        Received { item, number: self.count_receive() }
    }

    /// Counts one receive more, and returns its number.
    pub(super) fn count_receive(&mut self) -> u64 {
        self.received += 1;
        self.received
    }

    /// Puts a value back, in the order of its first receive.
    pub(super) fn put_back(&mut self, value: Received) {
        let at = self.returned.iter().position(|other| other.number > value.number);
        self.returned.insert(at.unwrap_or(self.returned.len()), value);
    }

    /// Returns the waiter of that arrival, to change its bell.
    #[cfg(feature = "async")]
    pub(crate) fn waiter_mut(&mut self, arrival: StepId) -> Option<&mut Waiter> {
        let senders = self.offers.iter_mut().filter_map(|offer| offer.waiter.as_mut());
        senders.chain(&mut self.receivers).find(|waiter| waiter.arrival == arrival)
    }

    /// Takes all waiters of an arrival out of the queues, and returns the tokens of their wakers.
    pub(crate) fn remove_waiters(&mut self, arrival: StepId) -> Vec<Token> {
        let is_it = |waiter: &Waiter| waiter.arrival == arrival;
        let senders = self.offers.iter().filter_map(|offer| offer.waiter.as_ref());
        let wakers = senders
            .chain(&self.receivers)
            .filter(|w| is_it(w))
            .filter_map(|w| w.bell)
            .map(|bell| bell.waker)
            .collect();
        self.offers.retain(|offer| !offer.waiter.as_ref().is_some_and(is_it));
        self.receivers.retain(|waiter| !is_it(waiter));
        wakers
    }
}
