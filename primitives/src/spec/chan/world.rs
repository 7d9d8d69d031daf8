//! All channels of an execution, and a step on some of them.

use super::alarm::{Alarm, AlarmHandle};
use super::channel::{Bell, Channel, Ended, Ending, Item, Kept, Offer, Received, Side, Waiter};
use super::lane::Lane;
use super::late::{Came, Manner};
use crate::rt::spec::{Done, StepId, Token};
use crate::rt::twin::is_twin;
use crate::spec::sorted::Sorted;
use std::rc::Rc;

/// What tells a channel from others.
pub(crate) type Key = u32;

/// The state of all channels. Copies share what has not changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct World {
    channels: Sorted<Key, Rc<Channel>>,
    /// Sides of channels that are apart.
    lanes: Sorted<Key, Rc<Lane>>,
    /// The selects that wait, or have waited, by their arrivals.
    selects: Sorted<StepId, Rc<Select>>,
    /// The alarms of timers that are not as they were made.
    alarms: Sorted<Key, Alarm>,
}

/// A select that has begun to wait.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Select {
    /// The channels in which it waits.
    pub(crate) places: Vec<Key>,
    /// Whether it waits for the value of a late send, and does not give up.
    is_bound: bool,
    /// The case that has happened.
    pub(crate) chosen: Option<(usize, Ending)>,
}

impl World {
    /// Returns a channel, unless no step has touched it.
    pub(crate) fn channel(&self, key: Key) -> Option<&Channel> {
        self.channels.get(&key).map(|channel| &**channel)
    }

    /// Returns a side of a channel that is apart.
    pub(super) fn lane(&self, key: Key) -> &Lane {
        static NEW: Lane = Lane::NEW;
        self.lanes.get(&key).map_or(&NEW, |lane| &**lane)
    }

    /// Returns the world with a side changed.
    pub(super) fn with_lane(&self, key: Key, lane: Lane) -> World {
        let mut world = self.clone();
        world.lanes.insert(key, Rc::new(lane));
        world
    }

    /// Returns what a wait has come to. It is the same in all later states, unless a step takes it out.
    pub(crate) fn ending(&self, key: Key, arrival: StepId) -> Option<&Ending> {
        self.channel(key)?.ended.get(&arrival)
    }

    /// Returns the case of a select that has happened.
    pub(crate) fn chosen(&self, select: StepId) -> Option<&(usize, Ending)> {
        self.selects.get(&select)?.chosen.as_ref()
    }

    /// Returns whether a select waits for the value of a late send, and does not give up.
    pub(crate) fn is_bound(&self, select: StepId) -> bool {
        self.selects.get(&select).is_some_and(|select| select.is_bound)
    }

    /// Returns the state of an alarm.
    pub(super) fn alarm(&self, handle: &AlarmHandle) -> Alarm {
        self.alarms.get(&handle.key).copied().unwrap_or(handle.first)
    }
}

/// A step on channels: the state that it is about to leave, and what it has come to so far. What a function of it does not
/// return is a part of the [`Done`] that [`done`](Self::done) makes.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    world: World,
    /// The step.
    pub(crate) me: StepId,
    /// The earlier steps that happen before this one.
    pub(crate) after: Vec<StepId>,
    /// The wakers to wake after the step, each with its channel.
    pub(crate) wakes: Vec<(Key, Token)>,
}

impl Turn {
    /// Begins a step on a state.
    pub(crate) fn new(world: &World, me: StepId) -> Turn {
        Turn { world: world.clone(), me, after: Vec::new(), wakes: Vec::new() }
    }

    /// Ends the step.
    pub(crate) fn done<R>(self, result: R) -> Done<World, (R, Vec<(Key, Token)>)> {
        Done { state: self.world, result: (result, self.wakes), after: self.after }
    }

    /// Returns the state so far.
    pub(crate) fn world(&self) -> &World {
        &self.world
    }

    /// Returns a channel, which is new if no step has touched it.
    pub(crate) fn channel(&mut self, key: Key, capacity: Option<usize>) -> &mut Channel {
        let channels = &mut self.world.channels;
        Rc::make_mut(channels.or_insert_with(key, || Rc::new(Channel::new(capacity))))
    }

    /// Sets the state of an alarm.
    pub(super) fn set_alarm(&mut self, handle: &AlarmHandle, alarm: Alarm) {
        self.world.alarms.insert(handle.key, alarm);
    }

    /// Returns a channel that a step has touched.
    pub(super) fn known(&mut self, key: Key) -> &mut Channel {
        let channel = self.world.channels.get_mut(&key);
        Rc::make_mut(channel.expect("each operation begins with `channel`"))
    }
}

/// Sends, receives, closes. The channel must have been touched by [`channel`](Turn::channel).
impl Turn {
    /// Sends, unless that must wait, `None`.
    pub(crate) fn try_send(&mut self, key: Key, value: Token) -> Option<Ended> {
        let item = Item { value, sent: self.me };
        let channel = self.known(key);
        if let Some(close) = channel.closed {
            self.after.push(close);
            return Some(Ended::Closed);
        }
        self.put(key, item).then_some(Ended::Sent)
    }

    /// Gives a value to a receiver that waits, or a place in the buffer; returns whether there is one or the other.
    pub(super) fn put(&mut self, key: Key, item: Item) -> bool {
        if self.meet_receiver(key).is_some() {
            self.deliver(key, item);
            return true;
        }
        let has_place = self.take_place(key);
        if has_place {
            self.known(key).buffer.push_back(Kept::Value(item));
        }
        has_place
    }

    /// Returns the receiver that a send meets now; what happens before that send completes, does so before this step.
    pub(super) fn meet_receiver(&mut self, key: Key) -> Option<Waiter> {
        let channel = self.known(key);
        let receiver = channel.receivers[channel.next_receiver()?];
        let place = channel.take_place();
        let is_rendezvous = channel.capacity == Some(0);
        self.after.extend(if is_rendezvous { Some(receiver.arrival) } else { place });
        Some(receiver)
    }

    /// Takes a place of the buffer for a send, if there is one.
    pub(super) fn take_place(&mut self, key: Key) -> bool {
        let channel = self.known(key);
        let has_room = channel.has_room();
        let place = if has_room { channel.take_place() } else { None };
        self.after.extend(place);
        has_room
    }

    /// Waits to send, in the channel's queue. Of a select each case does so in the same step.
    pub(crate) fn wait_to_send(&mut self, key: Key, value: Token, waiter: Waiter) {
        let item = Item { value, sent: self.me };
        self.known(key).offers.push_back(Offer { item: Some(item), waiter: Some(waiter) });
    }

    /// Receives. Of a select that waits each case takes its place in the same step.
    pub(crate) fn receive(&mut self, key: Key, receiver: Waiter, manner: Manner) -> Came {
        let me = self.me;
        let channel = self.known(key);
        if let Some(again) = channel.returned.pop_front() {
            self.after.push(again.item.sent);
            return Came::Ended(Ended::Received(again));
        }
        loop {
            let buffer = &mut self.known(key).buffer;
            let first = if is_twin() { buffer.pop_back() } else { buffer.pop_front() }; // site: last-in-first-out
            match first {
                Some(Kept::Value(item)) => {
                    let received = self.known(key).receive(item, me);
                    self.after.extend((!is_twin()).then_some(item.sent)); // site: no-edge-from-buffer
                    let later = self.known(key).buffer.iter().filter_map(Kept::sent);
                    let later: Vec<StepId> = later.filter(|_| is_twin()).collect(); // site: too-much-order
                    self.after.extend(later);
                    self.fill_buffer(key);
                    return Came::Ended(Ended::Received(received));
                }
                Some(Kept::Promise(by)) => {
                    if let Some(came) = self.come_to_promise(key, by, receiver, manner) {
                        return came;
                    }
                }
                None => break,
            }
        }
        match self.known(key).offers.pop_front() {
            Some(Offer { item: Some(item), waiter }) => {
                self.end_wait(key, waiter, Ended::Sent, vec![me]);
                self.after.push(item.sent);
                Came::Ended(Ended::Received(self.known(key).receive(item, me)))
            }
            Some(Offer { waiter, .. }) => {
                self.meet_late(key, waiter.expect("a late send has a select that waits"), receiver);
                Came::Waits
            }
            None => self.find_nothing(key, receiver, manner),
        }
    }

    /// A receive finds no value, and no sender that waits.
    fn find_nothing(&mut self, key: Key, receiver: Waiter, manner: Manner) -> Came {
        let channel = self.known(key);
        if let Some(close) = channel.closed.filter(|_| channel.is_over()) {
            self.after.push(close);
            return Came::Ended(Ended::Closed);
        }
        if manner == Manner::Tries {
            return Came::Failed;
        }
        channel.receivers.push_back(receiver);
        Came::Waits
    }

    /// Lets a select wait: to be called in the step that puts its cases into the queues of these channels.
    pub(crate) fn select(&mut self, places: Vec<Key>) {
        self.world.selects.insert(self.me, Rc::new(Select { places, is_bound: false, chosen: None }));
    }

    /// Lets a select wait in one channel only, for the value of a late send.
    pub(super) fn select_bound(&mut self, place: Key) {
        self.world
            .selects
            .insert(self.me, Rc::new(Select { places: vec![place], is_bound: true, chosen: None }));
    }

    /// Binds the select that waits as this receiver, if a select does: it leaves all other queues.
    pub(super) fn bind_select(&mut self, key: Key, receiver: Waiter) {
        if receiver.case.is_none() {
            return;
        }
        self.withdraw_select(receiver.arrival);
        self.known(key).receivers.push_back(receiver);
        let select = self.world.selects.get_mut(&receiver.arrival).expect("a select that waits is noted");
        let select = Rc::make_mut(select);
        (select.places, select.is_bound) = (vec![key], true);
    }

    /// Takes a select out of the queues of its channels.
    pub(crate) fn withdraw_select(&mut self, select: StepId) {
        let places = self.world.selects.get(&select).map(|select| select.places.clone());
        for key in places.into_iter().flatten() {
            self.withdraw(key, select);
        }
    }

    /// Takes an operation out of the queue in which it waits, and returns its waker.
    pub(crate) fn withdraw(&mut self, key: Key, arrival: StepId) -> Option<Token> {
        self.known(key).remove_waiters(arrival).pop()
    }

    /// Takes out what a wait has come to, if it has ended; the steps before its end happen before this one.
    pub(crate) fn complete(&mut self, key: Key, arrival: StepId) -> Option<Ended> {
        let Ending { ended, after } = self.known(key).ended.remove(&arrival)?;
        self.after.extend(after);
        Some(ended)
    }

    /// Sends at once, whether there is room or not; returns the value that goes for it, or `Err` if the channel is closed.
    pub(crate) fn force_send(&mut self, key: Key, value: Token) -> Result<Option<Token>, Ended> {
        match self.try_send(key, value) {
            Some(Ended::Closed) => return Err(Ended::Closed),
            Some(_) => return Ok(None),
            None if self.known(key).capacity == Some(0) => return Ok(Some(value)),
            None => (),
        }
        let (item, me) = (Item { value, sent: self.me }, self.me);
        let channel = self.known(key);
        channel.offers.push_back(Offer { item: Some(item), waiter: None });
        let oldest = loop {
            match channel.buffer.pop_front() {
                Some(Kept::Value(oldest)) => break Some(channel.receive(oldest, me).item),
                Some(Kept::Promise(_)) => (),
                None => break None,
            }
        };
        self.after.extend(oldest.map(|oldest| oldest.sent));
        self.fill_buffer(key);
        Ok(oldest.map(|oldest| oldest.value))
    }

    /// Closes, and returns whether the channel was open.
    pub(crate) fn close(&mut self, key: Key) -> bool {
        let me = self.me;
        let channel = self.known(key);
        if let Some(before) = channel.closed {
            self.after.push(before);
            return false;
        }
        channel.closed = Some(me);
        let watchers = core::mem::take(&mut channel.watchers);
        watchers.into_iter().for_each(|(_, bell)| self.ring(key, bell));
        while let Some(at) = self.known(key).offers.iter().position(|offer| offer.waiter.is_some()) {
            let rejected = self.known(key).offers.remove(at).and_then(|offer| offer.waiter);
            self.end_wait(key, rejected, Ended::Closed, vec![me]);
        }
        self.disconnect_receivers(key, me);
        true
    }

    /// Takes all values out of a closed channel, which the caller is to drop.
    pub(crate) fn discard(&mut self, key: Key) -> Vec<Token> {
        let channel = self.known(key);
        let returned: Vec<Item> = channel.returned.drain(..).map(|received| received.item).collect();
        let buffered = channel.buffer.drain(..).filter_map(|kept| match kept {
            Kept::Value(item) => Some(item),
            Kept::Promise(_) => None,
        });
        let offered = channel.offers.drain(..).filter_map(|offer| offer.item);
        let all: Vec<Item> = returned.into_iter().chain(buffered).chain(offered).collect();
        self.after.extend(all.iter().map(|item| item.sent));
        all.into_iter().map(|item| item.value).collect()
    }

    /// The last handle of a side goes, or a weak handle, of which so many were made; returns whether no handle is left.
    pub(crate) fn leave(&mut self, key: Key, side: Option<Side>, weak: usize) -> bool {
        let channel = self.known(key);
        match side {
            Some(side) => channel.ended_sides[side as usize] = true,
            None => channel.weak_dropped += 1,
        }
        channel.ended_sides == [true; 2] && channel.weak_dropped == weak
    }
}

/// Loans: values that were received and may come back.
impl Turn {
    /// A value that was received may come back.
    pub(crate) fn lend(&mut self, key: Key) {
        self.known(key).loans += 1;
    }

    /// A value that was on loan will not come back.
    #[cfg(feature = "async")]
    pub(crate) fn end_loan(&mut self, key: Key) {
        let me = self.me;
        let channel = self.known(key);
        channel.loans -= 1;
        self.disconnect_receivers(key, me);
    }

    /// Gives a value back that is on loan: to the first receiver that waits, else to the next one.
    pub(crate) fn give_back(&mut self, key: Key, value: Received) {
        let channel = self.known(key);
        channel.loans -= 1;
        match channel.next_receiver().and_then(|next| channel.receivers.remove(next)) {
            Some(receiver) => self.hand_over(key, receiver, value),
            None => channel.put_back(value),
        }
    }
}

/// The other side.
impl Turn {
    /// Gives a value to the first receiver that waits.
    fn deliver(&mut self, key: Key, item: Item) {
        let last = is_twin(); // site: wakes-the-last
        let channel = self.known(key);
        let next = if last { channel.receivers.len().checked_sub(1) } else { channel.next_receiver() };
        let receiver = next.and_then(|next| channel.receivers.remove(next));
        let receiver = receiver.expect("the caller has seen a receiver");
        let received = channel.receive(item, receiver.arrival);
        self.hand_over(key, receiver, received);
    }

    /// Gives a value to a receiver, which has left the queue.
    pub(super) fn hand_over(&mut self, key: Key, receiver: Waiter, value: Received) {
        self.known(key).loans += usize::from(receiver.borrows);
        let after = if is_twin() { Vec::new() } else { vec![value.item.sent] }; // site: no-edge-to-receiver
        self.end_wait(key, Some(receiver), Ended::Received(value), after);
    }

    /// Lets the sends that wait have the places of the buffer.
    pub(super) fn fill_buffer(&mut self, key: Key) {
        loop {
            let channel = self.known(key);
            if channel.capacity.is_some_and(|capacity| channel.buffer.len() >= capacity) {
                return;
            }
            let Some(offer) = channel.offers.pop_front() else { return };
            let place = channel.take_place().filter(|_| !is_twin()); // site: no-edge-to-sender
            let promise = offer.waiter.map(|waiter| Kept::Promise(waiter.arrival));
            channel.buffer.extend(offer.item.map(Kept::Value).or(promise));
            self.end_wait(key, offer.waiter, Ended::Sent, place.into_iter().collect());
        }
    }

    /// Tells the receivers that wait, if nothing will come.
    pub(super) fn disconnect_receivers(&mut self, key: Key, cause: StepId) {
        let forgets = is_twin(); // site: close-forgets-receivers
        if forgets || !self.known(key).is_over() {
            return;
        }
        let after = if is_twin() { Vec::new() } else { vec![cause] }; // site: no-edge-to-close
        while let Some(next) = self.known(key).next_receiver() {
            let receiver = self.known(key).receivers.remove(next);
            self.end_wait(key, receiver, Ended::Closed, after.clone());
        }
    }

    /// Wakes a task after the step.
    fn ring(&mut self, key: Key, bell: Bell) {
        self.after.push(bell.brought);
        self.wakes.push((key, bell.waker));
    }

    /// Notes what a wait has come to. A select's other cases leave their queues.
    pub(super) fn end_wait(&mut self, key: Key, waiter: Option<Waiter>, ended: Ended, after: Vec<StepId>) {
        let Some(waiter) = waiter else { return };
        let is_lost = is_twin(); // site: lost-wake-up
        if is_lost {
            return;
        }
        let ending = Ending { ended, after };
        waiter.bell.into_iter().for_each(|bell| self.ring(key, bell));
        let Some(case) = waiter.case else {
            self.known(key).ended.insert(waiter.arrival, ending);
            return;
        };
        self.withdraw_select(waiter.arrival);
        let select = self.world.selects.get_mut(&waiter.arrival).expect("a select that waits is noted");
        Rc::make_mut(select).chosen = Some((case, ending));
    }
}
