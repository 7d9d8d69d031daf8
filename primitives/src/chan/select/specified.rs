//! A select as specified: one step in which it arrives in all its channels, and one in which it completes. A biased one
//! looks at its cases before, each in a step of its own.

use super::case::{Handle, Slot};
use super::order::Order;
use super::run::Case;
use crate::chan::algorithm::chan::Blocking;
use crate::chan::algorithm::deferred;
use crate::rt::choose;
use crate::rt::spec::{Common, StepId, Token, explores_ways, is_specifying};
use crate::rt::time::now;
use crate::spec::chan::{self as spec, Arrived, Chosen, Ended, Event, Key, Turn, World};
use crate::spec::pass_until;
use std::time::Instant;

/// In which form a side of a channel takes part in a select.
pub(in crate::chan) enum Form<'a> {
    Real,
    /// Nothing ever comes, in both forms.
    Never,
    /// As specified, in this common state.
    Specified(&'a Common<World>),
}

/// A case that has happened, as a side of a channel is told of it.
pub(in crate::chan) struct Happened {
    pub(in crate::chan) event: Event,
    /// The arrival of the select.
    pub(in crate::chan) select: StepId,
}

/// A side of a channel as a select in its specified form uses it.
pub(in crate::chan) trait Steps {
    /// Returns in which form the side takes part in a select.
    fn form(&self) -> Form<'_>;
    /// Returns the case of a select as specified. The value of a send is on its way from now on.
    fn case(&self) -> spec::Case;
    /// Learns what has become of the case; `None`: it has not happened.
    fn learn(&self, slot: &mut Slot, case: &spec::Case, happened: Option<Happened>);
    /// Wakes the tasks of this channel that a step has to wake, and takes them out of the list.
    fn wake(&self, _wakes: &mut Vec<(Key, Token)>) {}
    /// Lets what the clock has brought take effect on the channel, and returns when it brings more.
    fn lapse(&self) -> Option<Instant> {
        None
    }
}

/// Lets what the clock has brought take effect on all the channels, and returns when it brings more to one of them.
fn lapse(sides: &[&dyn Steps]) -> Option<Instant> {
    sides.iter().filter_map(|side| side.lapse()).min()
}

/// Returns for how long to wait where the clock brings something by itself at `lapse`.
fn until(blocking: Blocking, lapse: Option<Instant>) -> Blocking {
    match blocking {
        Blocking::Never => Blocking::Never,
        Blocking::Until(deadline) => Blocking::Until(deadline.into_iter().chain(lapse).min()),
    }
}

/// Returns whether a wait that began so has timed out only because the clock has brought something.
fn has_lapsed(blocking: Blocking, lapse: Option<Instant>) -> bool {
    match (blocking, lapse) {
        (Blocking::Until(deadline), Some(lapse)) => deadline.is_none_or(|deadline| lapse <= deadline),
        _ => false,
    }
}

/// A handle as its steps, for [`Handle::steps`].
pub struct AsSteps<'a>(pub(in crate::chan) &'a dyn Steps);

const TWO_FORMS: &str = "a select in a bubble has channels or timers that were made in it, and others that were made outside and that \
    the checker takes as specified: check the model with `Checker::primitives(Primitives::Real)`";

/// Returns the common state of the handles, if they are all to be used as specified.
fn common<'a>(sides: &[&'a dyn Steps]) -> Option<&'a Common<World>> {
    let (mut commons, mut is_real) = (Vec::new(), false);
    for side in sides {
        match side.form() {
            Form::Real => is_real = true,
            Form::Never => (),
            Form::Specified(common) => commons.push(common),
        }
    }
    if is_real {
        assert!(commons.is_empty(), "{TWO_FORMS}");
        return None;
    }
    Common::need_together(&commons);
    commons.first().copied()
}

/// Returns the part of the common state that a side has, or all of it for a side at which nothing ever comes.
fn common_of<'a>(side: &'a dyn Steps, common: &'a Common<World>) -> &'a Common<World> {
    if let Form::Specified(own) = side.form() { own } else { common }
}

/// Returns the handles as their steps, and their common state, if they are all to be used as specified.
fn specified<'a>(
    handles: impl Iterator<Item = &'a dyn Handle>,
) -> Option<(Vec<&'a dyn Steps>, &'a Common<World>)> {
    if !is_specifying() {
        return None;
    }
    let sides: Vec<&dyn Steps> = handles.map(|handle| Some(handle.steps()?.0)).collect::<Option<_>>()?;
    let common = common(&sides)?;
    Some((sides, common))
}

/// A select whose cases are all to be used as specified.
struct Specified<'c> {
    sides: Vec<&'c dyn Steps>,
    common: &'c Common<World>,
    specified: Vec<spec::Case>,
    preferred: usize,
    in_ways: bool,
    now: Instant,
}

/// What a step has come to, beside the wakers that it has handed on.
type Woken<R> = (R, Vec<(Key, Token)>);

/// Does one of the operations, as [`run`](super::run::run) does; `None`: they are not to be used as specified.
pub(super) fn run(cases: &mut [Case<'_>], order: Order, blocking: Blocking) -> Option<Option<usize>> {
    let (sides, common) = specified(cases.iter().map(|case| case.handle))?;
    let specified: Vec<spec::Case> = sides.iter().map(|side| side.case()).collect();
    let in_ways = order == Order::Random && may_be_in_ways(&specified);
    let mut select = Specified { sides, common, specified, preferred: 0, in_ways, now: now() };
    loop {
        select.preferred = preferred(order, &select.specified);
        let lapse = lapse(&select.sides);
        select.now = now();
        let (arrival, chosen) = select.run(order, until(blocking, lapse));
        if chosen.is_none() && has_lapsed(blocking, lapse) {
            continue;
        }
        // A late send that one of the cases waited for does not happen.
        if !matches!(chosen, Some((_, Event::Ended(Ended::Broken)))) {
            return Some(select.tell(cases, arrival, chosen));
        }
    }
}

/// Returns the cases that can happen at all.
fn possible(cases: &[spec::Case]) -> impl Iterator<Item = usize> {
    (0..cases.len()).filter(|case| !matches!(cases[*case], spec::Case::Never))
}

/// Returns the case that happens if it can, else the next one that can.
fn preferred(order: Order, cases: &[spec::Case]) -> usize {
    let first = order.first(possible(cases).count());
    possible(cases).nth(first).unwrap_or(0)
}

/// Returns whether the exploration can go a way for each case that is preferred. Of two timers that are due at the same
/// moment the preferred one goes off, also when the select has waited: so a select of several timers does not.
fn may_be_in_ways(cases: &[spec::Case]) -> bool {
    let alarms = cases.iter().filter(|case| matches!(case, spec::Case::Alarm(_))).count();
    alarms < 2 && explores_ways()
}

impl Specified<'_> {
    fn select(&self) -> spec::Select<'_> {
        let Specified { specified, preferred, in_ways, now, .. } = self;
        spec::Select { cases: specified, preferred: *preferred, in_ways: *in_ways, now: *now }
    }

    /// Returns the arrival of the select, and what it has come to.
    fn run(&self, order: Order, blocking: Blocking) -> (StepId, Option<Chosen>) {
        let (may_wait, deadline) = match blocking {
            Blocking::Never => (false, None),
            Blocking::Until(deadline) => (true, deadline),
        };
        let name = if may_wait { "select" } else { "try to select" };
        let has_looked = order == Order::Given && !explores_ways();
        let looked = if order == Order::Given { self.look_at_each() } else { None };
        let (arrived, select) = looked.unwrap_or_else(|| {
            self.arrive(self.common, name, self.in_ways, |select, turn| match has_looked {
                true => select.last_look().arrive(turn, may_wait),
                false => select.arrive(turn, may_wait),
            })
        });
        let chosen = match arrived {
            Arrived::Chosen(chosen) => Some(chosen),
            Arrived::Blocked => None,
            // A waker has panicked: the select gives up.
            Arrived::Waits(select) if deferred::call() => self.complete(select, Some(self.now)),
            Arrived::Waits(select) => self.wait(select, deadline),
        };
        (select, chosen)
    }

    /// Looks at one case after the other, as a biased select does. Returns what the first look came to that found
    /// something, with the arrival of the select; `None`: what is left to the select's next step.
    ///
    /// Where the exploration goes several ways, one of them has all that a select comes to that looks at all cases at one
    /// moment, and the other has what it comes to beside that. Else the next step is the look at the last case.
    fn look_at_each(&self) -> Option<(Arrived, StepId)> {
        let (in_ways, cases) = (explores_ways(), possible(&self.specified).count());
        if cases < 2 || (in_ways && choose(2) == 0) {
            return None;
        }
        let looks = if in_ways { cases } else { cases - 1 };
        let look = |(number, case)| {
            let side = common_of(self.sides[case], self.common);
            self.arrive(side, "look at a case", in_ways, |select, turn| match in_ways {
                true => select.look_late(turn, case, number + 1 == cases),
                false => Some(select.look(turn, case)),
            })
        };
        let mut looks = possible(&self.specified).enumerate().take(looks).map(look);
        looks.find(|(arrived, _)| *arrived != Arrived::Blocked)
    }

    /// Makes a step by which the select arrives, if it comes to anything; reports name this side of the common state.
    fn arrive(
        &self,
        common: &Common<World>,
        name: &'static str,
        in_ways: bool,
        step: impl Fn(&spec::Select<'_>, &mut Turn) -> Option<Arrived>,
    ) -> (Arrived, StepId) {
        let arrive = |world: &World, me| {
            let mut turn = Turn::new(world, me);
            let arrived = step(&self.select(), &mut turn)?;
            Some(turn.done((arrived, me)))
        };
        let (arrived, wakes): Woken<_> = match in_ways {
            true => common.step_assuming(name, arrive),
            false => common.step(name, arrive),
        };
        self.wake(wakes);
        arrived
    }

    fn wait(&self, select: StepId, deadline: Option<Instant>) -> Option<Chosen> {
        let has_alarm = self.specified.iter().any(|case| matches!(case, spec::Case::Alarm(_)));
        if deadline.is_some() || has_alarm {
            return self.complete(select, deadline);
        }
        Some(self.common.observe("select", |world| {
            let (case, ending) = world.chosen(select)?;
            Some(((*case, Event::Ended(ending.ended.clone())), ending.after.clone()))
        }))
    }

    /// Completes a select that waits, or times out.
    fn complete(&self, select: StepId, deadline: Option<Instant>) -> Option<Chosen> {
        let ((chosen, moment), wakes): Woken<_> =
            self.common.step_at("select or time out", |world, me, now| {
                let mut turn = Turn::new(world, me);
                let ended = self.select().complete_or_time_out(&mut turn, select, deadline, now)?;
                Ok(turn.done(ended))
            });
        self.wake(wakes);
        pass_until(moment);
        chosen
    }

    fn wake(&self, mut wakes: Vec<(Key, Token)>) {
        for side in &self.sides {
            side.wake(&mut wakes);
        }
    }

    /// Tells the cases what has become of them.
    fn tell(&self, cases: &mut [Case<'_>], select: StepId, chosen: Option<Chosen>) -> Option<usize> {
        let (happened, event) = chosen.unzip();
        let mut event = event;
        for (number, case) in cases.iter_mut().enumerate() {
            let event = if Some(number) == happened { event.take() } else { None };
            let happened = event.map(|event| Happened { event, select });
            if happened.is_some() {
                common_of(self.sides[number], self.common).note_chosen();
            }
            self.sides[number].learn(&mut case.slot, &self.specified[number], happened);
        }
        happened
    }
}

/// Returns which of the operations is ready, as specified; the outer `None`: they are not to be used as specified.
pub(super) fn until_ready(
    handles: &[&dyn Handle],
    order: Order,
    blocking: Blocking,
) -> Option<Option<usize>> {
    let (sides, common) = specified(handles.iter().copied())?;
    let cases: Vec<spec::Case> = sides.iter().map(|side| side.case()).collect();
    loop {
        let lapse = lapse(&sides);
        let preferred = preferred(order, &cases);
        let mut select = spec::Select { cases: &cases, preferred, in_ways: false, now: now() };
        if order == Order::Given {
            if let Some(ready) = first_ready(&sides, common, &select) {
                return Some(Some(ready));
            }
            select = select.last_look();
        }
        let (name, deadline) = match until(blocking, lapse) {
            Blocking::Never => ("look what is ready", Some(select.now)),
            Blocking::Until(None) => ("wait until one is ready", None),
            Blocking::Until(deadline) => ("wait until one is ready or time out", deadline),
        };
        let ((ready, moment), _): Woken<_> = common.step_at(name, |world, me, now| {
            let mut turn = Turn::new(world, me);
            let ready = select.ready_or_time_out(&mut turn, deadline, now)?;
            Ok(turn.done(ready))
        });
        pass_until(moment);
        if ready.is_some() || !has_lapsed(blocking, lapse) {
            return Some(ready);
        }
    }
}

/// Looks at one case after the other but for the last; returns the first that is ready.
fn first_ready(sides: &[&dyn Steps], common: &Common<World>, select: &spec::Select<'_>) -> Option<usize> {
    let cases = || possible(select.cases);
    let mut looks = cases().take(cases().count().saturating_sub(1));
    looks.find(|case| {
        let side = common_of(sides[*case], common);
        let (is_ready, _): Woken<_> = side.step("look whether a case is ready", |world, me| {
            let mut turn = Turn::new(world, me);
            let is_ready = select.is_ready(&mut turn, *case);
            Some(turn.done(is_ready))
        });
        is_ready
    })
}
