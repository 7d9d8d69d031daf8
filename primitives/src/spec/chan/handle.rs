//! A channel's operations as steps.

use super::apart::Sides;
use super::channel::{Ended, Received, Waiter};
use super::handles::Handles;
use super::held::Held;
use super::late::{Came, Manner};
use super::world::{Key, Turn, World};
use crate::rt::spec::{
    Disabled, Native, StepId, Store, Tally, Token, has_come, is_specifying, note_begun, with_value,
};
use crate::spec::pass_until;
#[cfg(feature = "async")]
use core::task::Waker;
use std::time::Instant;

/// A channel as specified. A copy is the same channel.
pub(crate) struct Chan<T>(Native<Inner<T>>);

/// What the handles of a specified channel share beside the state.
pub(crate) struct Inner<T> {
    pub(crate) sides: Sides,
    pub(super) capacity: Option<usize>,
    pub(crate) values: Store<T>,
    #[cfg(feature = "async")]
    pub(crate) wakers: Store<Waker>,
    /// The senders and the receivers.
    pub(super) handles: [Handles; 2],
    /// How many handles of a channel whose sides are apart were dropped.
    pub(super) dropped: Tally,
    /// What cases of selects and futures hold.
    pub(crate) held: Store<Held>,
}

impl<T> Clone for Chan<T> {
    fn clone(&self) -> Self {
        Chan(self.0.clone())
    }
}

impl<T> Chan<T> {
    /// Returns a channel that is never specified.
    #[inline(always)]
    pub(crate) const fn real() -> Chan<T> {
        Chan(Native::none())
    }

    /// Returns a channel that holds so many values; `None`: any number.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn new(capacity: Option<usize>) -> Chan<T> {
        if !is_specifying() {
            return Chan::real();
        }
        // Not in the closure: reports name a channel after the line that makes it.
        let sides = Sides::new();
        Chan(Native::new(|| Inner {
            sides,
            capacity,
            values: Store::new(),
            #[cfg(feature = "async")]
            wakers: Store::new(),
            handles: [Handles::new("senders"), Handles::new("receivers")],
            dropped: Tally::new(),
            held: Store::new(),
        }))
    }

    /// Returns what the channel's operations act on, if they are to be steps.
    #[inline(always)]
    pub(crate) fn specified(&self) -> Option<&Inner<T>> {
        self.0.get()
    }

    /// Returns whether the channel was made as specified, though the execution that has made it may be over.
    #[inline(always)]
    pub(crate) fn is_made_as_specified(&self) -> bool {
        self.0.exists()
    }
}

/// Why an operation came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failed {
    /// It would have to wait, or time was up.
    NotNow,
    Closed,
}

impl<T> Inner<T> {
    /// Returns what tells the channel from others.
    pub(crate) fn key(&self) -> Key {
        self.sides.whole.key()
    }

    /// Begins an operation on the channel in a step.
    pub(crate) fn touch(&self, turn: &mut Turn, key: Key) {
        turn.channel(key, self.capacity);
    }

    /// Makes a step on the channel as a whole. `act` returns `None` where the step is disabled. The wakers that are due are
    /// returned too.
    #[track_caller]
    pub(crate) fn step_and_wake<R>(
        &self,
        operation: &'static str,
        act: impl Fn(&mut Turn, Key) -> Option<R>,
    ) -> (R, Vec<Token>) {
        self.step_until_and_wake(operation, None, |turn, key, _| act(turn, key))
    }

    /// Makes a step on the channel as a whole, until a deadline: `act` also gets whether that has come.
    #[track_caller]
    fn step_until_and_wake<R>(
        &self,
        operation: &'static str,
        until: Option<Instant>,
        act: impl Fn(&mut Turn, Key, bool) -> Option<R>,
    ) -> (R, Vec<Token>) {
        self.sides.need_together();
        let key = self.key();
        let (result, wakes) = self.sides.whole.step_at(operation, |world, me, now| {
            let mut turn = Turn::new(world, me);
            self.touch(&mut turn, key);
            let is_due = until.is_some_and(|deadline| has_come(deadline, now));
            let result = act(&mut turn, key, is_due).ok_or(Disabled { until })?;
            Ok(turn.done(result))
        });
        (result, wakes.into_iter().map(|(_, waker)| waker).collect())
    }

    /// Waits for something stable in the state.
    #[track_caller]
    pub(crate) fn observe<R>(
        &self,
        operation: &'static str,
        sees: impl Fn(&World) -> Option<(R, Vec<StepId>)>,
    ) -> R {
        self.sides.whole.observe(operation, sees)
    }

    /// Waits until the operation that arrived by this step has ended; `None`: time was up, and it is withdrawn.
    #[track_caller]
    fn wait(
        &self,
        operation: [&'static str; 2],
        arrival: StepId,
        deadline: Option<Instant>,
    ) -> Option<Ended> {
        note_begun();
        let Some(deadline) = deadline else {
            let key = self.key();
            return Some(self.observe(operation[0], |world| {
                let ending = world.ending(key, arrival)?;
                Some((ending.ended.clone(), ending.after.clone()))
            }));
        };
        let (ended, _) = self.step_until_and_wake(operation[1], Some(deadline), |turn, key, is_due| {
            let ended = turn.complete(key, arrival);
            if ended.is_none() {
                if turn.known(key).is_bound(arrival) || !is_due {
                    return None;
                }
                turn.withdraw(key, arrival);
            }
            Some(ended)
        });
        if ended.is_none() {
            pass_until(deadline);
        }
        ended
    }
}

/// An operation of a thread that arrives by this step.
fn waiter(turn: &Turn) -> Waiter {
    Waiter { arrival: turn.me, case: None, bell: None, borrows: false }
}

impl<T> Inner<T> {
    fn sent(&self, value: Token, ended: Option<Ended>) -> Result<(), (T, Failed)> {
        match ended {
            Some(Ended::Sent) => Ok(()),
            Some(Ended::Closed) => Err((self.values.take(value), Failed::Closed)),
            None => Err((self.values.take(value), Failed::NotNow)),
            Some(Ended::Received(_) | Ended::Broken) => unreachable!("a send receives nothing"),
        }
    }

    fn received(ended: Option<Ended>) -> Result<Received, Failed> {
        match ended {
            Some(Ended::Received(received)) => Ok(received),
            Some(Ended::Closed) => Err(Failed::Closed),
            None => Err(Failed::NotNow),
            Some(Ended::Sent | Ended::Broken) => unreachable!("a receive sends nothing, and begins anew"),
        }
    }

    /// Sends a value if that need not wait. The wakers that are due are returned too.
    #[track_caller]
    pub(crate) fn try_send(&self, value: T) -> (Result<(), (T, Failed)>, Vec<Token>) {
        let operation = with_value("try to send", &value);
        let value = self.values.put(value);
        let (ended, wakes) = self.step_and_wake(operation, |turn, key| Some(turn.try_send(key, value)));
        (self.sent(value, ended), wakes)
    }

    /// Sends a value, and waits until the deadline at most.
    #[track_caller]
    pub(crate) fn send(&self, value: T, deadline: Option<Instant>) -> (Result<(), (T, Failed)>, Vec<Token>) {
        let operation = with_value("send", &value);
        let value = self.values.put(value);
        if deadline.is_none() && self.sides.are_apart() {
            let ended = self.sides.send(operation, value, self.capacity);
            return (self.sent(value, Some(ended)), Vec::new());
        }
        let ((ended, arrival), wakes) = self.step_and_wake(operation, |turn, key| {
            let ended = turn.try_send(key, value);
            if ended.is_none() {
                turn.wait_to_send(key, value, waiter(turn));
            }
            Some((ended, turn.me))
        });
        let ended = ended.or_else(|| self.wait([operation, "send or time out"], arrival, deadline));
        (self.sent(value, ended), wakes)
    }

    /// Receives a value if that need not wait.
    #[track_caller]
    pub(crate) fn try_recv(&self) -> (Result<Received, Failed>, Vec<Token>) {
        self.receive(["try to receive", "receive"], Manner::Tries, None)
    }

    /// Receives in this manner, and waits until the deadline at most.
    #[track_caller]
    fn receive(
        &self,
        [begin, operation]: [&'static str; 2],
        manner: Manner,
        deadline: Option<Instant>,
    ) -> (Result<Received, Failed>, Vec<Token>) {
        let mut wakes = Vec::new();
        loop {
            let ((came, arrival), woken) = self
                .step_and_wake(begin, |turn, key| Some((turn.receive(key, waiter(turn), manner), turn.me)));
            wakes.extend(woken);
            let ended = match came {
                Came::Waits => self.wait([operation, "receive or time out"], arrival, deadline),
                came => {
                    let ended = came.ended();
                    deadline.filter(|_| ended.is_none()).into_iter().for_each(pass_until);
                    ended
                }
            };
            if ended != Some(Ended::Broken) {
                return (Self::received(ended), wakes);
            }
        }
    }

    /// Receives a value, and waits until the deadline at most.
    #[track_caller]
    pub(crate) fn recv(&self, deadline: Option<Instant>) -> (Result<Received, Failed>, Vec<Token>) {
        if deadline.is_none() && self.sides.are_apart() {
            return (Self::received(Some(self.sides.recv())), Vec::new());
        }
        let manner = if deadline.is_none() { Manner::Waits } else { Manner::MayTimeOut };
        self.receive(["receive"; 2], manner, deadline)
    }

    /// Sends a value at once; returns the value that went for it, or the value itself if the channel is closed.
    #[track_caller]
    pub(crate) fn force_send(&self, value: T) -> (Result<Option<T>, T>, Vec<Token>) {
        let operation = with_value("force-send", &value);
        let value = self.values.put(value);
        let (forced, wakes) = self.step_and_wake(operation, |turn, key| Some(turn.force_send(key, value)));
        let forced = match forced {
            Ok(oldest) => Ok(oldest.map(|oldest| self.values.take(oldest))),
            Err(_closed) => Err(self.values.take(value)),
        };
        (forced, wakes)
    }

    /// Closes the channel; returns whether it was open.
    #[track_caller]
    pub(crate) fn close(&self) -> (bool, Vec<Token>) {
        if self.sides.are_apart() {
            return (self.sides.close(self.capacity), Vec::new());
        }
        self.step_and_wake("close", |turn, key| Some(turn.close(key)))
    }

    /// Closes the channel; returns whether it was open, and the values that were in it.
    #[track_caller]
    pub(crate) fn discard(&self) -> ((bool, Vec<T>), Vec<Token>) {
        let ((closed, values), wakes) =
            self.step_and_wake("discard", |turn, key| Some((turn.close(key), turn.discard(key))));
        ((closed, values.into_iter().map(|value| self.values.take(value)).collect()), wakes)
    }

    #[track_caller]
    fn look<R>(&self, operation: &'static str, look: impl Fn(&super::Channel) -> R) -> R {
        self.step_and_wake(operation, |turn, key| Some(look(turn.channel(key, self.capacity)))).0
    }

    #[track_caller]
    pub(crate) fn len(&self) -> usize {
        self.look("look at the length", super::Channel::len)
    }

    /// Returns how many values are in the channel or wait to be sent.
    #[track_caller]
    pub(crate) fn under_way(&self) -> usize {
        self.look("look at the length", super::Channel::under_way)
    }

    #[track_caller]
    pub(crate) fn is_closed(&self) -> bool {
        self.look("look whether it is closed", |channel| channel.closed.is_some())
    }
}
