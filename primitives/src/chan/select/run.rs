//! The select itself, step by step.
//!
//! 1. `run_held` tries the cases (`Handle::attempt`), a few times over. If one happens, that is all.
//! 2. `wait` takes the thread's select state (`OwnWait::begin`), which is `Registering`. `register` takes a ticket in every
//!    channel, and puts the select into the ticket's cell (`Handle::register`).
//! 3. `until_ended` commits `Registering → Waiting`, looks at every cell once more (`Handle::look`), and parks.
//! 4. A thread that meets the select in a cell (`meet` in `algorithm::cell`) commits `Waiting → Chosen(case)`, and wakes it.
//! 5. `Waiting::wait` leaves the cells of all other cases (`Handle::withdraw`), and `complete` finishes the one that was
//!    chosen (`Handle::chosen`).

use super::case::{Handle, Hold, Look, Progress, Round, Slot, Stamp};
use super::order::{FEW, Order, Sequence};
use super::own_receives::OwnReceives;
use super::specified;
use crate::chan::algorithm::chan::Blocking;
use crate::chan::algorithm::deferred::{self, Mark};
use crate::chan::select::state::{Cause, OwnWait, SelectWait, Stage};
use crate::rt::bubble::Owner;
use crate::rt::hint;
use crate::rt::spin_wait::{self, Patience};
use crate::rt::thread::yield_now;
use crate::rt::time::now;
use std::time::Instant;

/// A case of a select.
pub(in crate::chan) struct Case<'a> {
    pub(in crate::chan) handle: &'a dyn Handle,
    pub(in crate::chan) slot: Slot,
}

impl<'a> Case<'a> {
    pub(in crate::chan) fn new(handle: &'a dyn Handle) -> Case<'a> {
        Case { handle, slot: Slot::EMPTY }
    }

    fn attempt(&mut self, mark: Mark) -> Progress {
        self.handle.attempt(&mut self.slot, mark)
    }

    /// Waits in a cell; or observes the channel, in which `own` receives of the same select wait: they must not
    /// meet it, and cells are for two.
    fn register(&mut self, select: &SelectWait, number: usize, own: u64) -> Progress {
        if own == 0 {
            return self.handle.register(&mut self.slot, select, number);
        }
        self.slot.set(own, Hold::Observing);
        Progress::NotYet
    }

    fn look(&mut self, select: &SelectWait, round: Round) -> Look {
        if self.slot.hold != Hold::Observing {
            return self.handle.look(&mut self.slot, round);
        }
        // The thread that woke this select took it off the list.
        if let Some(observers) = self.handle.observers() {
            observers.add(select);
        }
        if self.handle.is_ready(self.slot.ticket) { Look::Over } else { Look::Waits }
    }

    fn withdraw(&mut self, select: &SelectWait) {
        match self.slot.hold {
            Hold::Observing => {
                if let Some(observers) = self.handle.observers() {
                    observers.remove(select);
                }
                self.slot.hold = Hold::Nothing;
            }
            _ => self.handle.withdraw(&mut self.slot),
        }
    }
}

/// Does one of the operations: the case that has happened, or `None` if none could in time. If a waker panics that it
/// calls, what has been received goes to the next receiver.
pub(in crate::chan) fn run(cases: &mut [Case<'_>], order: Order, blocking: Blocking) -> Option<usize> {
    let (held, mark) = deferred::hold_marked();
    let specified = specified::run(cases, order, blocking);
    let chosen = specified.unwrap_or_else(|| run_held(cases, order, blocking, mark));
    if let Err(_held) = held.release()
        && deferred::call()
        && let Some(chosen) = chosen
    {
        let Case { handle, slot, .. } = &mut cases[chosen];
        handle.withdraw(slot);
    }
    chosen
}

fn run_held(cases: &mut [Case<'_>], order: Order, blocking: Blocking, mark: Mark) -> Option<usize> {
    let mut order = order.of(cases.len());
    let mut patience = Patience::new();
    let mut looks = None;
    loop {
        if let Some(ready) = order.find(|case| cases[case].attempt(mark) == Progress::Happened) {
            return Some(ready);
        }
        let deadline = match blocking {
            Blocking::Until(deadline) => deadline,
            // To know, such a case must wait in a cell.
            Blocking::Never if cases.iter().any(|case| case.slot.hold == Hold::Unsettled) => Some(now()),
            // That none is ready is said of one moment: before and after they were tried all channels look the same.
            Blocking::Never if cases.len() < 2 => return None,
            Blocking::Never if looks.get_or_insert_with(|| Looks::new(cases.len())).are_the_same(cases) => {
                return None;
            }
            Blocking::Never => continue,
        };
        // To wait in all cells and leave them again costs more than a moment; but so does it to try many cases again.
        if cases.len() <= FEW && patience.lasts() && deadline.is_none_or(|deadline| deadline > now()) {
            continue;
        }
        match wait(cases, &mut order, deadline) {
            Verdict::Happened(case) => return Some(case),
            Verdict::TimedOut => return None,
            Verdict::StartOver => hint::retry(),
        }
    }
}

/// What the channels of a select looked like when its cases were tried in vain.
struct Looks {
    /// Those of up to so many cases, for which nothing is allocated.
    few: [Stamp; FEW],
    /// Those of all the cases, if there are more.
    many: Vec<Stamp>,
    is_first: bool,
}

impl Looks {
    fn new(cases: usize) -> Looks {
        let many = if cases > FEW { vec![[0; 7]; cases] } else { Vec::new() };
        Looks { few: [[0; 7]; FEW], many, is_first: true }
    }

    /// Looks at all channels; returns whether they look as they did before.
    fn are_the_same(&mut self, cases: &[Case<'_>]) -> bool {
        let before = if self.many.is_empty() { &mut self.few[..] } else { &mut self.many };
        let mut same = !core::mem::replace(&mut self.is_first, false);
        for (before, case) in before.iter_mut().zip(cases) {
            let now = case.handle.stamp();
            same &= core::mem::replace(before, now) == now;
        }
        same
    }
}

/// Waits in the cells of all cases. By itself, so that a select with a case that is ready does without what this needs.
#[cold]
#[inline(never)]
fn wait(cases: &mut [Case<'_>], order: &mut Sequence, deadline: Option<Instant>) -> Verdict {
    owners(cases).for_each(|owner| owner.check("a channel or a timer"));
    let own = OwnWait::begin(|| Owner::of_all(owners(cases)));
    Waiting { cases, order, own, deadline }.wait()
}

/// Returns to which bubbles the cases belong.
fn owners<'a>(cases: &'a [Case<'_>]) -> impl Iterator<Item = Owner> + use<'a> {
    cases.iter().filter_map(|case| case.handle.owner())
}

/// A select that waits.
struct Waiting<'a, 'c> {
    cases: &'a mut [Case<'c>],
    order: &'a mut Sequence,
    own: OwnWait,
    deadline: Option<Instant>,
}

/// What waiting has come to.
enum Verdict {
    /// This case has happened.
    Happened(usize),
    /// No case happened in time.
    TimedOut,
    /// The select tries its cases again.
    StartOver,
}

/// Why a select does not wait any longer.
enum Ended {
    /// This case has happened, and its slot says so; or it waits for a value that another select was chosen to send.
    Happened(usize),
    /// The select state says what it has come to.
    Decided(Stage),
    /// Time is up.
    Timeout,
}

impl Waiting<'_, '_> {
    /// Waits, and leaves the cells of all cases but one that has happened.
    fn wait(mut self) -> Verdict {
        let ended = self.until_ended();
        let chosen = match ended {
            Ended::Happened(case) => Some((case, Cause::Operation)),
            Ended::Decided(stage) => stage.case(),
            Ended::Timeout => None,
        };
        for (number, case) in self.cases.iter_mut().enumerate() {
            if chosen.is_none_or(|(chosen, _)| number != chosen) {
                case.withdraw(self.own.wait());
            }
        }
        match (ended, chosen) {
            (Ended::Timeout, _) => Verdict::TimedOut,
            (_, None) => Verdict::StartOver,
            (_, Some((case, cause))) => self.complete(case, cause),
        }
    }

    /// Completes the case that was chosen, after the others have left their cells.
    fn complete(&mut self, case: usize, cause: Cause) -> Verdict {
        // In any other hold the slot says already what has happened.
        if self.cases[case].slot.hold == Hold::Waiting {
            self.until_promise_ends(case);
            let Case { handle, slot, .. } = &mut self.cases[case];
            if handle.chosen(slot, cause) == Progress::NotYet {
                return Verdict::StartOver;
            }
        }
        Verdict::Happened(case)
    }

    /// Waits until the value has come, or will not come, that another select was chosen to send to this case.
    fn until_promise_ends(&self, case: usize) {
        let Case { handle, slot, .. } = &self.cases[case];
        let has_ended = || !handle.is_promised(slot);
        if has_ended() {
            return;
        }
        // A panic comes out of the select once the value is here.
        deferred::call();
        if !spin_wait::before_park(None, has_ended) {
            while !has_ended() {
                // site: await-promised
                if !self.own.parker().park_deadline(None) {
                    // User code that was called just now has waited on this goroutine: no wake-up comes any more.
                    yield_now();
                }
            }
        }
    }

    /// Registers all cases, and waits until the select is committed. From the moment at which the select state says
    /// that the select waits, it keeps its places in all cells until then.
    fn until_ended(&mut self) -> Ended {
        if let Some(case) = self.register() {
            return Ended::Happened(case);
        }
        // SeqCst in `commit`: comes before the look at the cells. Not model-checked: the CAS is a read-modify-write.
        if let Err(poisoned) = self.own.wait().commit(Stage::REGISTERING, Stage::WAITING) {
            return Ended::Decided(poisoned);
        }
        let mut round = Round::First;
        loop {
            if let Some(ended) = self.look(round) {
                return ended;
            }
            round = Round::Later;
            if deferred::call() {
                return match self.commit(Stage::OVER) {
                    Stage::OVER => Ended::Timeout,
                    decided => Ended::Decided(decided),
                };
            }
            if self.own.parker().is_overtaken() {
                // User code that was called just now has waited on this goroutine: the select waits anew.
                return Ended::Decided(self.commit(Stage::OVER));
            }
            let deadline = self.first_deadline();
            let is_over = || self.own.wait().stage() != Stage::WAITING;
            let soon = spin_wait::before_park(deadline, || is_over() || self.own.parker().is_woken());
            let woken = (soon && is_over()) || self.own.parker().park_deadline(deadline);
            let stage = self.own.wait().stage();
            if stage != Stage::WAITING {
                return Ended::Decided(stage);
            }
            if !woken && let Some(ended) = self.time_is_up() {
                return ended;
            }
        }
    }

    /// Registers the cases: one that can happen now does.
    fn register(&mut self) -> Option<usize> {
        let Waiting { cases, order, own, .. } = self;
        let select = own.wait();
        let own_receives = OwnReceives::of(cases.iter().map(|case| case.handle));
        order.find(|number| {
            let own = own_receives.meeting(cases[number].handle);
            cases[number].register(select, number, own) == Progress::Happened
        })
    }

    fn first_deadline(&self) -> Option<Instant> {
        let timers = self.cases.iter().filter_map(|case| case.handle.deadline());
        timers.chain(self.deadline).min()
    }

    /// Looks at the cases again: a thread that changed a channel while the select was registering has not woken it.
    fn look(&mut self, round: Round) -> Option<Ended> {
        for (number, case) in self.cases.iter_mut().enumerate() {
            let to = match case.look(self.own.wait(), round) {
                Look::Waits => continue,
                Look::Over => Stage::OVER,
                Look::Ready => Stage::chosen(number, Cause::Operation),
                Look::Closed => Stage::chosen(number, Cause::Close),
            };
            return Some(Ended::Decided(self.commit(to)));
        }
        None
    }

    /// Commits the select state, unless another thread has; returns its stage.
    fn commit(&self, to: Stage) -> Stage {
        // SeqCst in `commit`. Not model-checked: here it is the select's own decision, and what others have done the
        // cell tells too.
        // site: stop-waiting
        self.own.wait().commit(Stage::WAITING, to).map_or_else(|decided| decided, |()| to)
    }

    /// Settles operations in flight that could make a case look blocked; returns whether a case may be able to happen
    /// now.
    fn settle_in_flight(&mut self) -> bool {
        let mut waiting = self.cases.iter().filter(|case| case.slot.hold == Hold::Waiting);
        waiting.any(|case| case.handle.settle_in_flight(&case.slot) == Look::Ready)
    }

    fn time_is_up(&mut self) -> Option<Ended> {
        for at in 0..self.cases.len() {
            let number = self.order.at(at);
            let Some(instant) = self.cases[number].handle.reserve() else { continue };
            let chosen = Stage::chosen(number, Cause::Operation);
            let Case { handle, slot, .. } = &mut self.cases[number];
            // Not model-checked: the select decides for itself here, and its cells tell what others have done.
            match self.own.wait().commit(Stage::WAITING, chosen) {
                // Else the timer was set anew at this very moment, and the select starts over.
                Ok(()) if handle.confirm(slot, instant) == Progress::Happened => {
                    return Some(Ended::Happened(number));
                }
                Ok(()) => {
                    return Some(Ended::Decided(Stage::OVER));
                }
                Err(decided) => {
                    handle.put_back(instant);
                    return Some(Ended::Decided(decided));
                }
            }
        }
        // A timer that was not the first to be received from, or was set anew, may be due later.
        if self.deadline.is_none_or(|deadline| deadline > now()) || self.settle_in_flight() {
            return None;
        }
        match self.commit(Stage::OVER) {
            Stage::OVER => Some(Ended::Timeout),
            decided => Some(Ended::Decided(decided)),
        }
    }
}
