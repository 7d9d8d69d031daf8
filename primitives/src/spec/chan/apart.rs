//! Channels whose sides are *apart*: no operation looks at both, so sends have no order with receives.
//!
//! The k-th receive gets the k-th value, whatever the order of the sides is, as long as each send and each receive waits
//! until it ends. So a side is a list of its arrivals, and an operation ends as soon as the other side's list is long
//! enough, which stays so: it is an observation, which has no place in the order of the other side. A pipeline has one
//! execution by this. Each handle has its drop by itself, and a side is gone when all of its handles are dropped, which a
//! waiting operation of the other side observes one by one. So the drops have no order either.
//!
//! An operation that may fail, time out, choose or look is different: it finds what both sides have come to at one moment.
//! The first one that a program comes to on a channel puts the channel's sides *together*
//! ([`Common::need_together`](crate::rt::spec::Common::need_together)), and the exploration begins anew: from then on the
//! channel is one state, with one order. So do, when they are made, two steps of which one decides what the other finds,
//! and neither is known to the other's thread: a send and the drops that leave no receiver (A1); a close and a send that
//! waits for its place (A2). And so does the last drop of a receiver that leaves values with destructors (A3).

use super::channel::Ended;
use super::lane::Lane;
use super::world::{Key, World};
use crate::rt::spec::{Common, Done, Listed, StepId, Token, note_begun};
use crate::rt::twin::is_twin;

/// The parts of a channel whose sides may be apart.
pub(crate) struct Sides {
    /// The sends, and the channel as a whole.
    pub(crate) whole: Common<World>,
    receives: Common<World>,
    /// For each handle of the senders, and of the receivers, its drop.
    handles: [Listed<Common<World>>; 2],
}

/// The senders, among the handles.
const SENDERS: usize = 0;
/// The receivers, among the handles.
const RECEIVERS: usize = 1;

fn arrive(world: &World, key: Key, me: StepId, token: Option<Token>) -> Done<World, usize> {
    let lane = world.lane(key);
    Done { state: world.with_lane(key, lane.arrive(me, token)), result: lane.len(), after: Vec::new() }
}

/// What a close has come to.
struct Close {
    was_open: bool,
    /// How many sends there were before it.
    sends: usize,
}

fn close(world: &World, key: Key, me: StepId) -> Done<World, Close> {
    let lane = world.lane(key);
    let result = Close { was_open: lane.closed.is_none(), sends: lane.len() };
    match lane.closed {
        Some(before) => Done { state: world.clone(), result, after: vec![before] },
        None => {
            let lane = Lane { closed: Some(me), ..lane.clone() };
            Done { state: world.with_lane(key, lane), result, after: Vec::new() }
        }
    }
}

impl Sides {
    #[track_caller]
    pub(crate) fn new() -> Sides {
        let whole = Common::new("chan");
        let receives = Common::part("receives", &whole);
        let handles = [Listed::new(), Listed::new()];
        handles[SENDERS].add(Common::part("sender", &whole));
        handles[RECEIVERS].add(Common::part("receiver", &whole));
        Sides { whole, receives, handles }
    }

    /// Returns whether the sides are apart.
    pub(crate) fn are_apart(&self) -> bool {
        !Common::are_together(&[&self.whole, &self.receives])
    }

    /// Puts the sides together.
    pub(crate) fn need_together(&self) {
        Common::need_together(&[&self.whole, &self.receives]);
    }

    /// Returns whether a clone of a handle is a step, since the program counts handles.
    pub(crate) fn are_counted(&self) -> bool {
        Common::are_together(&[&self.whole, &self.handles[SENDERS].all()[0]])
    }

    /// Puts everything together, and lets clones of handles be steps.
    pub(crate) fn need_counts(&self) {
        Common::need_together(&[&self.whole, &self.receives, &self.handles[SENDERS].all()[0]]);
    }

    /// Notes a new handle of a side, and returns its number.
    pub(crate) fn clone_handle(&self, side: usize) -> usize {
        let kind = if side == SENDERS { "sender" } else { "receiver" };
        self.handles[side].add(Common::part(kind, &self.whole))
    }
}

/// Sends, receives, closes.
impl Sides {
    /// Sends, which reports call `operation`, and waits for a place on a channel of this capacity.
    #[track_caller]
    pub(crate) fn send(&self, operation: &'static str, value: Token, capacity: Option<usize>) -> Ended {
        if self.knows_dropped(RECEIVERS) {
            self.observe_drops(operation, RECEIVERS);
            return Ended::Closed;
        }
        let key = self.whole.key();
        let number = self.whole.step(operation, |world, me| {
            Some(match world.lane(key).closed {
                Some(close) => Done { state: world.clone(), result: None, after: vec![close] },
                None => {
                    let Done { state, result, after } = arrive(world, key, me, Some(value));
                    Done { state, result: Some(result), after }
                }
            })
        });
        let Some(number) = number else { return Ended::Closed };
        self.check_drops_of_receivers();
        let Some(capacity) = capacity.filter(|capacity| number >= *capacity) else { return Ended::Sent };
        note_begun();
        let receives = self.receives.key();
        let has_place = |receives: &Lane| receives.place(number, capacity).is_some();
        if self.wait(operation, &self.receives, &has_place, RECEIVERS) {
            return Ended::Closed;
        }
        self.receives.observe(operation, |world| world.lane(receives).place(number, capacity));
        Ended::Sent
    }

    /// Receives, and waits for a value or the close.
    #[track_caller]
    pub(crate) fn recv(&self) -> Ended {
        let (sends, receives) = (self.whole.key(), self.receives.key());
        let number = self.receives.step("receive", |world, me| Some(arrive(world, receives, me, None)));
        note_begun();
        let has_ended = |sends: &Lane| sends.value(number).is_some();
        if self.wait("receive", &self.whole, &has_ended, SENDERS) {
            return Ended::Closed;
        }
        self.whole.observe("receive", |world| world.lane(sends).value(number))
    }

    /// Closes a channel of this capacity, and returns whether it was open.
    #[track_caller]
    pub(crate) fn close(&self, capacity: Option<usize>) -> bool {
        let (key, receives) = (self.whole.key(), self.receives.key());
        let received = self.receives.known(|world| world.lane(receives).len());
        let Close { was_open, sends } = self.whole.step("close", |world, me| Some(close(world, key, me)));
        // A2: a send of those before the close may wait, unless this thread knows of the receive that makes its place.
        if was_open && capacity.is_some_and(|capacity| sends > received + capacity) {
            self.need_together();
        }
        was_open
    }

    /// Waits until `has_ended` holds of a lane, or each handle of a side is dropped, which is observed then. Returns whether
    /// the handles are: in this case the lane is as long as it ever will be.
    #[track_caller]
    fn wait(
        &self,
        operation: &'static str,
        lane: &Common<World>,
        has_ended: &dyn Fn(&Lane) -> bool,
        side: usize,
    ) -> bool {
        let key = lane.key();
        let mut dropped = Vec::new();
        loop {
            let things = || core::iter::once(key).chain(self.left(side, &dropped)).collect();
            let next = self.whole.await_one_of(operation, &things, &|state| {
                if has_ended(state(key).lane(key)) {
                    return Some(key);
                }
                let left = self.left(side, &dropped);
                let are_dropped = left.iter().all(|handle| state(*handle).lane(*handle).dropped().is_some());
                left.into_iter().next().filter(|_| are_dropped)
            });
            if next == key {
                return false;
            }
            self.observe_drop(operation, side, next);
            dropped.push(next);
            if self.left(side, &dropped).is_empty() {
                return true;
            }
        }
    }
}

/// Drops of handles.
impl Sides {
    /// Returns the handles of a side other than these, in an order that each run of an execution has.
    ///
    /// A handle is listed before the one is dropped from which it was cloned, in each run. So handles that are all known
    /// to be dropped are all handles of the side.
    fn left(&self, side: usize, dropped: &[Key]) -> Vec<Key> {
        let mut handles: Vec<(u32, Key)> =
            self.handles[side].all().iter().map(|handle| (handle.order(), handle.key())).collect();
        handles.sort_unstable();
        handles.into_iter().map(|(_, key)| key).filter(|key| !dropped.contains(key)).collect()
    }

    /// Observes that a handle was dropped.
    #[track_caller]
    fn observe_drop(&self, operation: &'static str, side: usize, handle: Key) {
        let handles = self.handles[side].all();
        let object = handles.iter().find(|other| other.key() == handle).expect("the handle is listed");
        object.observe(operation, |world| {
            let drop = world.lane(handle).dropped()?;
            let after = if is_twin() { Vec::new() } else { vec![drop] }; // site: apart-no-edge-to-close
            Some(((), after))
        });
    }

    /// Observes that each handle of a side was dropped, which the thread knows.
    #[track_caller]
    fn observe_drops(&self, operation: &'static str, side: usize) {
        self.left(side, &[]).into_iter().for_each(|handle| self.observe_drop(operation, side, handle));
    }

    /// Returns whether the thread knows that each handle of a side was dropped.
    fn knows_dropped(&self, side: usize) -> bool {
        self.handles[side].all().iter().all(|handle| {
            let key = handle.key();
            handle.known(|world| world.lane(key).dropped().is_some())
        })
    }

    /// Drops a handle of the senders.
    #[track_caller]
    pub(crate) fn drop_sender(&self, number: usize) {
        let handle = &self.handles[SENDERS].all()[number];
        let key = handle.key();
        handle.step("drop a sender", |world, me| Some(arrive(world, key, me, None)));
    }

    /// Drops a handle of the receivers of a channel of this capacity; `has_destructors`: of its values.
    #[track_caller]
    pub(crate) fn drop_receiver(&self, number: usize, capacity: Option<usize>, has_destructors: bool) {
        let (sends, receives) = (self.whole.key(), self.receives.key());
        let knew = self.whole.known(|world| world.lane(sends).len());
        let handle = &self.handles[RECEIVERS].all()[number];
        let key = handle.key();
        handle.step("drop a receiver", |world, me| {
            let lane = Lane { knew, ..world.lane(key).arrive(me, None) };
            Some(Done { state: world.with_lane(key, lane), result: (), after: Vec::new() })
        });
        if !self.check_drops_of_receivers() || !has_destructors {
            return;
        }
        let sent = self.whole.newest(|world| world.lane(sends).len());
        let received = self.receives.newest(|world| world.lane(receives).len());
        if let (Some(sent), Some(received)) = (sent, received) {
            let kept = capacity.map_or(sent, |capacity| sent.min(received + capacity));
            // A3: the values have destructors, which a thread has to run that each run of the execution agrees on.
            if kept > received {
                self.need_together();
            }
        }
    }

    /// Puts the sides together if a send has no order with the drops that leave no receiver (A1): if no drop of a receiver
    /// knows of the send, and the send does not know of each drop, when it would not have been made. Returns whether there
    /// is no receiver; `false` in a replay, since steps have been checked when they were made first.
    fn check_drops_of_receivers(&self) -> bool {
        let sends = self.whole.key();
        let mut known = 0;
        for handle in self.handles[RECEIVERS].all() {
            let key = handle.key();
            let drop = handle.newest(|world| {
                let lane = world.lane(key);
                lane.dropped().map(|_| lane.knew)
            });
            match drop.flatten() {
                Some(knew) => known = known.max(knew),
                None => return false,
            }
        }
        if self.whole.newest(|world| world.lane(sends).len()).is_some_and(|sent| sent > known) {
            self.need_together();
        }
        true
    }
}
