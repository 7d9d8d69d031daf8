//! A select: it arrives in all its channels in one step, and completes by one.
//!
//! A biased select looks at one case after the other before it arrives: a later one may happen though an earlier one has
//! become ready since the look at that. Each look but the last, which is the arrival, is a step.
//!
//! A select that arrives lets one of its cases happen, if any can. Else it takes a place in the queue of each of its
//! channels, or, if it may not wait, leaves no trace. The operation that meets it in one of the queues takes it out of
//! all the others in the same step and notes what has happened. A select that has a deadline, or a timer among its cases,
//! completes with what has been noted, or times out: it leaves the queues, and takes the timer's instant if that is due
//! first. The clock is that of the select's thread, and time may pass while it waits: so it may time out at any moment.
//!
//! Three things of the real form are not specified. An operation that has begun and has not come to its place can make
//! `ready` say that a channel is ready; here a channel is ready if the operation would not wait. In the real form a select
//! that sends to and receives from the same channel without a buffer only observes the channel for its send, and an
//! operation that does not wait never meets it; here, as in Go, it does. In the real form a value that a selected operation
//! holds keeps a closed channel from being over; here only the value that is given back does.

use super::alarm::{Alarm, AlarmHandle};
use super::channel::{Ended, Ending, Waiter};
use super::late::{Came, Manner};
use super::world::{Key, Turn};
use crate::rt::spec::{Disabled, StepId, has_come};
use crate::rt::twin::is_twin;
use std::time::Instant;

/// A channel, as a step names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) key: Key,
    pub(crate) capacity: Option<usize>,
}

/// A case of a select, as specified.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Case {
    /// A send whose value comes once the case has been chosen.
    Late(Place),
    Receive(Place),
    /// A receive of a timer's instant.
    Alarm(AlarmHandle),
    /// Nothing ever comes.
    Never,
}

/// What has happened to a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// Its operation has ended.
    Ended(Ended),
    /// The instant was received that is so many nanoseconds after the timer's base.
    Instant(u64),
}

/// The case that has happened, and what has happened to it.
pub(crate) type Chosen = (usize, Event);

/// What a select that arrives comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Arrived {
    Chosen(Chosen),
    /// No case could happen.
    Blocked,
    /// It waits, by this name.
    Waits(StepId),
}

/// A select, as each of its steps knows it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Select<'a> {
    pub(crate) cases: &'a [Case],
    /// The case that happens if several can, and this is one of them; else the next one.
    pub(crate) preferred: usize,
    /// Whether the exploration has a way in which each case is preferred, and counts each execution once.
    pub(crate) in_ways: bool,
    /// The clock of the select's thread.
    pub(crate) now: Instant,
}

impl Select<'_> {
    /// Returns the numbers of the cases, in the order in which they are tried.
    fn order(&self) -> impl Iterator<Item = usize> {
        let preferred = if is_twin() { 0 } else { self.preferred }; // site: first-case-only
        let cases = self.cases.len();
        (0..cases).map(move |offset| (preferred + offset) % cases)
    }

    fn touch(&self, turn: &mut Turn) {
        for case in self.cases {
            if let Some(place) = case.place() {
                turn.channel(place.key, place.capacity);
            }
        }
    }

    /// Lets a case happen, if that need not wait. A receive of the select may come to wait for the value of a late send,
    /// and for nothing else.
    fn attempt(&self, turn: &mut Turn, case: usize) -> Option<Arrived> {
        let event = match self.cases[case] {
            Case::Late(place) => turn.try_send_late(place.key).map(Event::Ended)?,
            Case::Receive(place) => {
                let receiver = Waiter { arrival: turn.me, case: Some(case), bell: None, borrows: false };
                match turn.receive(place.key, receiver, Manner::Tries) {
                    Came::Ended(ended) => Event::Ended(ended),
                    Came::Failed => return None,
                    Came::Waits => {
                        turn.select_bound(place.key);
                        return Some(Arrived::Waits(turn.me));
                    }
                }
            }
            Case::Alarm(alarm) => turn.take_instant(&alarm, self.now).map(Event::Instant)?,
            Case::Never => return None,
        };
        Some(Arrived::Chosen((case, event)))
    }

    /// Lets the first case happen that can. Else the select waits, if it may. `None`: another way of the exploration has
    /// this, in which the case that happens is preferred, or the first one if none happens.
    pub(crate) fn arrive(&self, turn: &mut Turn, may_wait: bool) -> Option<Arrived> {
        self.touch(turn);
        let me = turn.me;
        let ready = self.find(turn, self.now, |channel| channel.is_found_by(me));
        let is_here = !self.in_ways || ready.unwrap_or(self.first()) == self.preferred;
        is_here.then(|| self.arrive_here(turn, may_wait))
    }

    /// Lets one case happen, if it can; else the look leaves no trace.
    pub(crate) fn look(&self, turn: &mut Turn, case: usize) -> Arrived {
        self.touch(turn);
        let passes = is_twin(); // site: passes-what-can-happen
        let arrived = if passes { None } else { self.attempt(turn, case) };
        arrived.unwrap_or(Arrived::Blocked)
    }

    /// Lets a case happen before an earlier one that can happen by now, and could not when the select looked at it. `None`:
    /// this is no such moment.
    pub(crate) fn look_late(&self, turn: &mut Turn, case: usize, is_last: bool) -> Option<Arrived> {
        self.touch(turn);
        let can_happen = |turn: &Turn, case| {
            let me = turn.me;
            self.is_found(turn, case, self.now, |channel| channel.is_found_by(me))
        };
        if !can_happen(turn, case) {
            return (!is_last).then_some(Arrived::Blocked);
        }
        let overtakes = (0..case).any(|earlier| can_happen(turn, earlier)) && !is_twin(); // site: never-overtakes
        overtakes.then(|| self.attempt(turn, case))?
    }

    /// Returns whether a case would happen.
    pub(crate) fn is_ready(&self, turn: &mut Turn, case: usize) -> bool {
        self.touch(turn);
        let passes = is_twin(); // site: passes-what-is-ready
        !passes && self.is_found(turn, case, self.now, super::Channel::is_ready)
    }

    /// Returns the select as its last look has it, which comes before the others: if one of them can happen by now, and
    /// the last one cannot, then the look at that might as well have come later.
    pub(crate) fn last_look(self) -> Self {
        let last = self.cases.iter().rposition(|case| !matches!(case, Case::Never));
        let sees_all = is_twin(); // site: last-look-sees-all
        Select { preferred: last.filter(|_| !sees_all).unwrap_or(0), ..self }
    }

    /// Returns the first case that can happen at all.
    fn first(&self) -> usize {
        self.cases.iter().position(|case| !matches!(case, Case::Never)).unwrap_or(0)
    }

    fn arrive_here(&self, turn: &mut Turn, may_wait: bool) -> Arrived {
        if let Some(arrived) = self.order().find_map(|case| self.attempt(turn, case)) {
            return arrived;
        }
        if !may_wait {
            return Arrived::Blocked;
        }
        let mut places = Vec::new();
        for (number, case) in self.cases.iter().enumerate() {
            let waiter = Waiter { arrival: turn.me, case: Some(number), bell: None, borrows: false };
            match *case {
                Case::Late(place) => turn.wait_to_send_late(place.key, waiter),
                Case::Receive(place) => {
                    turn.pass_own_late_sends(place.key);
                    turn.known(place.key).receivers.push_back(waiter);
                }
                Case::Alarm(_) | Case::Never => (),
            }
            places.extend(case.place().map(|place| place.key));
        }
        let keeps_last = is_twin(); // site: loser-keeps-its-place
        places.truncate(places.len() - usize::from(keeps_last && !places.is_empty()));
        turn.select(places);
        Arrived::Waits(turn.me)
    }

    /// Completes a select that waits with the case that has happened, or times out: then it takes the instant of a timer,
    /// if that is due first, and says at which moment. The step is made `now`, if time is discrete.
    pub(crate) fn complete_or_time_out(
        &self,
        turn: &mut Turn,
        arrival: StepId,
        deadline: Option<Instant>,
        now: Option<Instant>,
    ) -> Result<(Option<Chosen>, Instant), Disabled> {
        self.touch(turn);
        if let Some((case, Ending { ended, after })) = turn.world().chosen(arrival).cloned() {
            turn.after.extend(after);
            return Ok((Some((case, Event::Ended(ended))), now.unwrap_or(self.now)));
        }
        if turn.world().is_bound(arrival) {
            return Err(Disabled { until: None });
        }
        let moment = self.end(turn, deadline, now)?;
        let taken = self.order().find_map(|case| match &self.cases[case] {
            Case::Alarm(alarm) => Some((case, Event::Instant(turn.take_instant(alarm, moment)?))),
            _ => None,
        });
        turn.withdraw_select(arrival);
        Ok((taken, moment))
    }

    /// Returns the moment at which the select times out, unless it waits on: it has a deadline or a timer that is set.
    fn end(&self, turn: &Turn, deadline: Option<Instant>, now: Option<Instant>) -> Result<Instant, Disabled> {
        let alarms = self.cases.iter().filter_map(|case| match case {
            Case::Alarm(alarm) => alarm.due(turn.world().alarm(alarm)),
            _ => None,
        });
        let until = alarms.chain(deadline).min();
        let end = until.filter(|until| has_come(*until, now)).ok_or(Disabled { until })?;
        Ok(end.max(now.unwrap_or(self.now)))
    }

    /// Returns the first case that would happen, or none when time is up, and the moment at which this is. The step is made
    /// `now`, if time is discrete.
    pub(crate) fn ready_or_time_out(
        &self,
        turn: &mut Turn,
        deadline: Option<Instant>,
        now: Option<Instant>,
    ) -> Result<(Option<usize>, Instant), Disabled> {
        self.touch(turn);
        let here = now.unwrap_or(self.now);
        if let Some(ready) = self.find(turn, here, super::Channel::is_ready) {
            return Ok((Some(ready), here));
        }
        let moment = self.end(turn, deadline, now)?;
        Ok((self.find(turn, moment, super::Channel::is_ready), moment))
    }

    /// Returns the first case that would happen at this moment, if a receive finds something where `is_found` says so.
    fn find(&self, turn: &Turn, now: Instant, is_found: impl Fn(&super::Channel) -> bool) -> Option<usize> {
        self.order().find(|case| self.is_found(turn, *case, now, &is_found))
    }

    fn is_found(
        &self,
        turn: &Turn,
        case: usize,
        now: Instant,
        is_found: impl Fn(&super::Channel) -> bool,
    ) -> bool {
        let channel = |place: &Place| turn.world().channel(place.key);
        match &self.cases[case] {
            Case::Late(place) => {
                channel(place).is_some_and(|channel| channel.takes_value() || channel.closed.is_some())
            }
            Case::Receive(place) => channel(place).is_some_and(is_found),
            Case::Alarm(alarm) => alarm.due(turn.world().alarm(alarm)).is_some_and(|due| due <= now),
            Case::Never => false,
        }
    }
}

impl Case {
    /// Returns the channel of the case.
    fn place(&self) -> Option<Place> {
        match self {
            Case::Late(place) | Case::Receive(place) => Some(*place),
            Case::Alarm(_) | Case::Never => None,
        }
    }
}

impl Turn {
    /// Takes the instant of an alarm that is due at this moment.
    pub(crate) fn take_instant(&mut self, handle: &AlarmHandle, now: Instant) -> Option<u64> {
        let (alarm, due) = handle.take(self.world().alarm(handle), now)?;
        self.set_alarm(handle, alarm);
        Some(due)
    }

    /// Returns whether an alarm is due at this moment.
    pub(crate) fn is_due(&self, handle: &AlarmHandle, now: Instant) -> bool {
        handle.due(self.world().alarm(handle)).is_some_and(|due| due <= now)
    }

    /// Sets an alarm.
    pub(crate) fn set<R>(&mut self, handle: &AlarmHandle, set: impl Fn(Alarm) -> (Alarm, R)) -> R {
        let (alarm, result) = set(self.world().alarm(handle));
        self.set_alarm(handle, alarm);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::super::channel::Item;
    use super::super::world::World;
    use super::*;
    use crate::rt::spec::Token;
    use crate::spec::testing::step_of;
    use std::time::Duration;

    const VALUE: Token = Token { thread: 0, number: 0 };

    /// Returns a step of a thread of its own.
    fn step(thread: u32) -> StepId {
        step_of(thread, 1)
    }

    fn place(key: Key, capacity: usize) -> Place {
        Place { key, capacity: Some(capacity) }
    }

    fn select(cases: &[Case], preferred: usize) -> Select<'_> {
        Select { cases, preferred, in_ways: false, now: crate::rt::time::now() }
    }

    /// A receive or a send that arrives by this step.
    fn waiter(turn: &Turn) -> Waiter {
        Waiter { arrival: turn.me, case: None, bell: None, borrows: false }
    }

    /// Makes a step on a state, and returns what the step has come to, with the state after it.
    fn turn<R>(world: &World, index: u32, act: impl FnOnce(&mut Turn) -> R) -> (R, World, Vec<StepId>) {
        let mut turn = Turn::new(world, step(index));
        let result = act(&mut turn);
        let done = turn.done(());
        (result, done.state, done.after)
    }

    fn received(event: &Event) -> Option<Item> {
        match event {
            Event::Ended(Ended::Received(received)) => Some(received.item),
            _ => None,
        }
    }

    #[test]
    fn a_select_that_is_met_in_one_channel_leaves_the_other() {
        let (one, two) = (place(0, 0), place(1, 0));
        let cases = [Case::Receive(one), Case::Receive(two)];
        let (arrived, world, _) =
            turn(&World::default(), 1, |turn| select(&cases, 0).arrive(turn, true).expect("it is no way"));
        assert_eq!(arrived, Arrived::Waits(step(1)));
        let (sent, world, after) = turn(&world, 2, |turn| turn.try_send(two.key, VALUE));
        assert_eq!((sent, after), (Some(Ended::Sent), vec![step(1)]));
        let (case, ending) = world.chosen(step(1)).expect("it was met");
        assert_eq!((*case, &ending.after), (1, &vec![step(2)]));
        let (sent, ..) = turn(&world, 3, |turn| turn.try_send(one.key, VALUE));
        assert_eq!(sent, None, "the select does not wait there any more");
    }

    #[test]
    fn of_cases_that_can_happen_the_preferred_one_does() {
        let (one, two) = (place(0, 1), place(1, 1));
        let ((), world, _) = turn(&World::default(), 1, |turn| {
            for (place, number) in [(one, 1), (two, 2)] {
                turn.channel(place.key, place.capacity);
                turn.try_send(place.key, Token { number, ..VALUE });
            }
        });
        let cases = [Case::Never, Case::Receive(one), Case::Receive(two)];
        for (preferred, value) in [(0, 1), (1, 1), (2, 2)] {
            let (arrived, ..) = turn(&world, 2, |turn| select(&cases, preferred).arrive(turn, false));
            let Some(Arrived::Chosen((_, event))) = arrived else { panic!("a value is there") };
            assert_eq!(received(&event).map(|item| item.value.number), Some(value));
        }
        let in_ways = Select { in_ways: true, ..select(&cases, 0) };
        assert_eq!(turn(&world, 2, |turn| in_ways.arrive(turn, false)).0, None, "another way has this");
    }

    #[test]
    fn a_select_that_times_out_leaves_no_trace_and_takes_the_instant_that_is_due() {
        let (one, base) = (place(0, 0), crate::rt::time::now());
        let alarm = AlarmHandle { key: 9, first: Alarm::once(Some(5)), base };
        let cases = [Case::Receive(one), Case::Alarm(alarm)];
        let select = Select { now: base, ..select(&cases, 0) };
        let (_, world, _) = turn(&World::default(), 1, |turn| select.arrive(turn, true));
        let later = base + Duration::from_nanos(7);
        let end = |turn: &mut Turn| select.complete_or_time_out(turn, step(1), Some(later), None);
        let (ended, world, _) = turn(&world, 2, end);
        let due = base + Duration::from_nanos(5);
        assert_eq!(ended, Ok((Some((1, Event::Instant(5))), due)));
        let (sent, ..) = turn(&world, 3, |turn| turn.try_send(one.key, VALUE));
        assert_eq!(sent, None, "nobody waits");
        let (_, world, _) = turn(&world, 4, |turn| select.arrive(turn, true));
        let again = |turn: &mut Turn| select.complete_or_time_out(turn, step(4), None, None);
        let waits = Err(Disabled { until: None });
        assert_eq!(turn(&world, 5, again).0, waits, "the instant is gone, so the select waits");
        let early = |turn: &mut Turn| select.complete_or_time_out(turn, step(4), Some(later), Some(base));
        let waits = Err(Disabled { until: Some(later) });
        assert_eq!(turn(&world, 5, early).0, waits, "where time is discrete, it waits until then");
    }

    #[test]
    fn a_late_send_keeps_its_receiver_and_its_place() {
        for capacity in [0, 1] {
            let one = place(0, capacity);
            let cases = [Case::Late(one)];
            let ((), waits, _) = turn(&World::default(), 1, |turn| {
                turn.channel(one.key, one.capacity);
                turn.receive(one.key, waiter(turn), Manner::Waits);
            });
            let (arrived, world, _) = turn(&waits, 2, |turn| select(&cases, 0).arrive(turn, true));
            assert_eq!(arrived, Some(Arrived::Chosen((0, Event::Ended(Ended::Sent)))));
            assert!(world.channel(one.key).expect("known").is_bound(step(1)));
            let (other, ..) = turn(&world, 3, |turn| turn.try_send(one.key, VALUE));
            assert_eq!(other.is_some(), capacity > 0, "the receiver is kept for the late value");
            let (sent, world, _) = turn(&world, 4, |turn| turn.finish_late(one.key, step(2), VALUE));
            assert!(sent);
            assert_eq!(world.ending(one.key, step(1)).map(|ending| &ending.after), Some(&vec![step(4)]));
        }
    }

    #[test]
    fn the_value_of_a_late_send_whose_receiver_is_gone_is_sent_when_it_comes() {
        for capacity in [0, 1] {
            let one = place(0, capacity);
            let cases = [Case::Late(one)];
            let ((), world, _) = turn(&World::default(), 1, |turn| {
                turn.channel(one.key, one.capacity);
                let task = Waiter { borrows: true, ..waiter(turn) };
                turn.receive(one.key, task, Manner::Waits);
            });
            let (_, world, _) = turn(&world, 2, |turn| select(&cases, 0).arrive(turn, true));
            let (_, world, _) = turn(&world, 3, |turn| turn.withdraw(one.key, step(1)));
            let (sent, world, _) = turn(&world, 4, |turn| turn.finish_late(one.key, step(2), VALUE));
            assert!(sent);
            let (next, _, after) = turn(&world, 5, |turn| turn.receive(one.key, waiter(turn), Manner::Tries));
            assert!(matches!(next, Came::Ended(Ended::Received(_))));
            assert_eq!(after, [step(4)]);
        }
    }

    #[test]
    fn a_receive_waits_for_the_value_of_a_select_that_has_waited() {
        let manners = [Manner::Tries, Manner::Waits];
        for (capacity, manner) in
            [0, 1].into_iter().flat_map(|capacity| manners.map(|manner| (capacity, manner)))
        {
            let one = place(0, capacity);
            let cases = [Case::Late(one)];
            let ((), full, _) = turn(&World::default(), 1, |turn| {
                turn.channel(one.key, one.capacity);
                (0..capacity).for_each(|_| assert_eq!(turn.try_send(one.key, VALUE), Some(Ended::Sent)));
            });
            let (arrived, world, _) = turn(&full, 2, |turn| select(&cases, 0).arrive(turn, true));
            assert_eq!(arrived, Some(Arrived::Waits(step(2))));
            let (_, world, _) = turn(&world, 3, |turn| {
                (0..capacity).for_each(|_| _ = turn.receive(one.key, waiter(turn), Manner::Tries));
            });
            let (came, world, _) = turn(&world, 4, |turn| turn.receive(one.key, waiter(turn), manner));
            assert_eq!((came, world.chosen(step(2)).is_some()), (Came::Waits, true));
            assert!(world.channel(one.key).expect("known").is_bound(step(4)));
            let (_, broken, _) = turn(&world, 5, |turn| turn.cancel_late(one.key, step(2)));
            assert_eq!(broken.ending(one.key, step(4)).map(|ending| &ending.ended), Some(&Ended::Broken));
            let (sent, world, _) = turn(&world, 5, |turn| turn.finish_late(one.key, step(2), VALUE));
            assert!(sent);
            assert_eq!(world.ending(one.key, step(4)).map(|ending| &ending.after), Some(&vec![step(5)]));
        }
    }

    #[test]
    fn a_late_send_that_was_chosen_at_once_has_its_place() {
        let one = place(0, 1);
        let (_, world, _) =
            turn(&World::default(), 1, |turn| select(&[Case::Late(one)], 0).arrive(turn, false));
        let (full, ..) = turn(&world, 2, |turn| turn.try_send(one.key, VALUE));
        assert_eq!(full, None);
        let (came, bound, _) = turn(&world, 2, |turn| turn.receive(one.key, waiter(turn), Manner::Tries));
        assert_eq!(came, Came::Waits);
        let (sent, ..) = turn(&bound, 3, |turn| turn.try_send(one.key, VALUE));
        assert_eq!(sent, Some(Ended::Sent), "the receive has made a place");
    }

    #[test]
    fn a_thread_does_not_wait_for_the_value_that_it_is_to_bring() {
        let one = place(0, 1);
        let (_, world, _) =
            turn(&World::default(), 1, |turn| select(&[Case::Late(one)], 0).arrive(turn, false));
        let (came, tried, _) = turn(&world, 1, |turn| turn.receive(one.key, waiter(turn), Manner::Tries));
        assert_eq!((came, &tried), (Came::Failed, &world), "the place stays");
        let (came, passed, _) = turn(&world, 1, |turn| turn.receive(one.key, waiter(turn), Manner::Waits));
        assert_eq!(came, Came::Waits);
        let (sent, passed, _) = turn(&passed, 2, |turn| turn.try_send(one.key, VALUE));
        assert_eq!(sent, Some(Ended::Sent), "it waits for other values");
        let (sent, passed, _) = turn(&passed, 1, |turn| turn.finish_late(one.key, step(1), VALUE));
        assert!(sent);
        assert_eq!(passed.channel(one.key).map(super::super::Channel::len), Some(1));
    }
}
