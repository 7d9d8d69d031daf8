//! Receives, sends and waits for the close of tasks, as specified.
//!
//! A poll is one step. A task that waits has its place in a queue, with its waker, which another poll replaces. The slot
//! names what the future holds: its arrival, and the value of a send.
//!
//! In the real form a poll may find a buffer full by a send that is under way, whose value is not there for an attempt to
//! receive. Here a send that has a place has its value there.

use crate::chan::algorithm::chan::Chan;
use crate::chan::algorithm::{deferred, specified};
use crate::chan::error::{RecvError, SendError};
use crate::chan::future::stage::Sending;
use crate::chan::select::case::{Hold, Slot};
use crate::rt::spec::{StepId, Token, with_value};
use crate::rt::twin::is_twin;
use crate::spec::chan::{Bell, Ended, Held, Inner, Key, Manner, Offered, Turn, Waiter};
use core::mem;
use core::task::Poll::{Pending, Ready};
use core::task::{Poll, Waker};

/// What a poll has come to.
struct Polled {
    /// What the operation has ended with.
    ended: Option<Ended>,
    /// The waker that is not needed any more: that of the last poll, or of this one.
    spare: Option<Token>,
    /// The step by which the operation arrived.
    arrival: StepId,
}

/// Polls an operation that waits since `arrival`, or has not arrived.
fn poll(
    turn: &mut Turn,
    key: Key,
    (arrival, waker): (Option<StepId>, Token),
    begin: impl Fn(&mut Turn, Waiter) -> Option<Ended>,
) -> Polled {
    let me = turn.me;
    let ended = arrival.and_then(|arrival| turn.complete(key, arrival));
    let begins_anew = ended == Some(Ended::Broken);
    let Some(arrival) = arrival.filter(|_| !begins_anew) else {
        let waiter =
            Waiter { arrival: me, case: None, bell: Some(Bell { waker, brought: me }), borrows: true };
        let ended = begin(turn, waiter);
        let spare = ended.is_some().then_some(waker);
        return Polled { ended, spare, arrival: me };
    };
    if let Some(Ended::Received(_)) = ended {
        turn.end_loan(key);
    }
    let spare = if ended.is_some() { Some(waker) } else { turn.change_waker(key, arrival, waker) };
    Polled { ended, spare, arrival }
}

/// Makes a step with a waker of the task, in which the task may come to wait.
fn step_with_waker<T>(
    chan: &Inner<T>,
    operation: &'static str,
    waker: &Waker,
    act: impl Fn(&mut Turn, Key, Token) -> Polled,
) -> (Option<Ended>, StepId) {
    let waker = chan.wakers.put(deferred::in_between(|| waker.clone()));
    let (polled, wakes) = chan.step_and_wake(operation, |turn, key| Some(act(turn, key, waker)));
    let Polled { ended, spare, arrival } = polled;
    spare.into_iter().for_each(|spare| deferred::discard(chan.wakers.take(spare)));
    specified::wake(chan, wakes);
    (ended, arrival)
}

/// Receives.
impl<T> Chan<T> {
    pub(super) fn poll_recv_specified(
        &self,
        chan: &Inner<T>,
        slot: &mut Slot,
        waker: &Waker,
    ) -> Poll<Result<T, RecvError>> {
        let waits = (slot.hold == Hold::Waiting).then(|| slot.held_step());
        let (ended, arrival) = step_with_waker(chan, "poll a receive", waker, |turn, key, waker| {
            poll(turn, key, (waits, waker), |turn, waiter| turn.receive(key, waiter, Manner::Waits).ended())
        });
        slot.hold = Hold::Nothing;
        let received = match ended {
            Some(Ended::Received(received)) => Ok(received),
            Some(_closed) => Err(RecvError),
            None => {
                slot.hold_step(arrival, Hold::Waiting);
                deferred::settle();
                return Pending;
            }
        };
        Ready(self.received_by_specified(chan, received))
    }

    #[cold]
    pub(super) fn cancel_recv_specified(&self, chan: &Inner<T>, slot: &mut Slot) {
        if mem::replace(&mut slot.hold, Hold::Nothing) != Hold::Waiting {
            return;
        }
        let _held = deferred::hold();
        let arrival = slot.held_step();
        let (spare, wakes) = chan.step_and_wake("give up receiving", |turn, key| {
            Some(match turn.complete(key, arrival) {
                Some(Ended::Received(received)) => {
                    let is_lost = is_twin(); // site: dropped-future-takes-its-value
                    if !is_lost {
                        turn.give_back(key, received);
                    }
                    None
                }
                Some(_) => None,
                None if is_twin() => None, // site: dropped-future-keeps-its-place
                None => turn.withdraw(key, arrival),
            })
        });
        spare.into_iter().for_each(|spare| deferred::discard(chan.wakers.take(spare)));
        specified::wake(chan, wakes);
    }
}

/// Sends.
impl<T> Chan<T> {
    /// Sends, or waits. If a waker panics meanwhile, `sending` says what has happened.
    pub(super) fn send_or_wait_specified(
        &self,
        chan: &Inner<T>,
        sending: &mut Sending<T>,
        waker: &Waker,
    ) -> Poll<Result<(), SendError<T>>> {
        let (operation, arrived, value) = match mem::replace(sending, Sending::Ended) {
            Sending::Waits(slot) => {
                let Offered { arrival, value, operation } = Self::offer_of(chan, &slot);
                (operation, Some(arrival), value)
            }
            Sending::Holds(value) => (with_value("poll a send", &value), None, chan.values.put(value)),
            Sending::Sent | Sending::Ended => unreachable!("a send that has not ended has its value"),
        };
        let (ended, arrival) = step_with_waker(chan, operation, waker, |turn, key, waker| {
            poll(turn, key, (arrived, waker), |turn, waiter| {
                let ended = turn.try_send(key, value);
                if ended.is_none() {
                    turn.wait_to_send(key, value, waiter);
                }
                ended
            })
        });
        match ended {
            Some(Ended::Sent) => Ready(Ok(())),
            Some(_closed) => Ready(Err(SendError(chan.values.take(value)))),
            None => {
                let mut slot = Slot::EMPTY;
                let offered = Offered { arrival, value, operation };
                slot.hold_at(chan.held.put(Held::Offer(offered)), Hold::Waiting);
                *sending = Sending::Waits(slot);
                Pending
            }
        }
    }

    /// Returns what the future of a send holds that waits.
    fn offer_of(chan: &Inner<T>, slot: &Slot) -> Offered {
        match chan.held.take(slot.held_at()) {
            Held::Offer(offered) => offered,
            _ => unreachable!("a send that waits holds its offer"),
        }
    }

    /// Gives up a send that waits; returns its value, unless it has been sent.
    #[cold]
    pub(super) fn cancel_send_specified(&self, chan: &Inner<T>, slot: &Slot) -> Option<T> {
        let Offered { arrival, value, .. } = Self::offer_of(chan, slot);
        let ((is_sent, spare), wakes) = chan.step_and_wake("give up sending", |turn, key| {
            let ended = turn.complete(key, arrival);
            let spare = if ended.is_none() { turn.withdraw(key, arrival) } else { None };
            Some((ended == Some(Ended::Sent), spare))
        });
        spare.into_iter().for_each(|spare| deferred::discard(chan.wakers.take(spare)));
        specified::wake(chan, wakes);
        (!is_sent).then(|| chan.values.take(value))
    }
}

/// Waits for the close.
impl<T> Chan<T> {
    /// Waits for the close of the channel; returns whether it is closed.
    pub(super) fn poll_closed_specified(&self, chan: &Inner<T>, slot: &mut Slot, waker: &Waker) -> bool {
        let waits = (slot.hold == Hold::Waiting).then(|| slot.held_step());
        let waker = chan.wakers.put(deferred::in_between(|| waker.clone()));
        let ((is_closed, spare, arrival), _) = chan.step_and_wake("wait for the close", |turn, key| {
            let arrival = waits.unwrap_or(turn.me);
            let is_closed = turn.sees_close(key);
            let spare = if is_closed { Some(waker) } else { turn.watch(key, arrival, waker) };
            Some((is_closed, spare, arrival))
        });
        spare.into_iter().for_each(|spare| deferred::discard(chan.wakers.take(spare)));
        if is_closed {
            slot.hold = Hold::Nothing
        } else {
            slot.hold_step(arrival, Hold::Waiting)
        };
        deferred::settle();
        is_closed
    }

    #[cold]
    pub(super) fn cancel_closed_specified(&self, chan: &Inner<T>, slot: &mut Slot) {
        if mem::replace(&mut slot.hold, Hold::Nothing) != Hold::Waiting {
            return;
        }
        let _held = deferred::hold();
        let arrival = slot.held_step();
        let (spare, _) = chan.step_and_wake("do not wait for the close any more", |turn, key| {
            Some(turn.stop_watching(key, arrival))
        });
        spare.into_iter().for_each(|spare| deferred::discard(chan.wakers.take(spare)));
    }
}
