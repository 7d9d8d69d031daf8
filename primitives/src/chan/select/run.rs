//! The select itself: tries its cases, waits in all their cells, and leaves those that lost.

use super::handle::{Handle, Hold, Look, Slot, Stamp};
use super::order::{FEW, Order};
use super::own_receives::OwnReceives;
use crate::chan::claim::{Claim, Outcome};
use crate::chan::core::Patience;
use crate::chan::deferred;
use crate::rt::hint::Backoff;
use crate::rt::park::Parker;
use crate::rt::spin_wait;
use crate::rt::sync::Arc;
use crate::rt::time::now;
use std::time::Instant;

/// A case of a select.
pub(in crate::chan) struct Case<'a> {
    pub(in crate::chan) handle: &'a dyn Handle,
    pub(in crate::chan) slot: Slot,
    /// What its channel looked like when this was tried in vain.
    stamp: Stamp,
}

impl<'a> Case<'a> {
    pub(in crate::chan) fn new(handle: &'a dyn Handle) -> Case<'a> {
        Case { handle, slot: Slot::EMPTY, stamp: [0; 7] }
    }

    /// Whether its channel looks as it did before.
    fn looks_the_same(&mut self) -> bool {
        let before = ::core::mem::replace(&mut self.stamp, self.handle.stamp());
        before == self.stamp
    }

    fn attempt(&mut self) -> bool {
        self.handle.attempt(&mut self.slot)
    }

    /// Waits in a cell; or watches the channel, in which `own` receives of the same select wait: they must not
    /// meet it, and cells are for two.
    fn register(&mut self, claim: &Arc<Claim>, number: usize, own: u64) -> bool {
        if own == 0 {
            return self.handle.register(&mut self.slot, claim, number);
        }
        self.slot.hold = Hold::Watching(own);
        false
    }

    fn look(&mut self, claim: &Arc<Claim>, first: bool) -> Look {
        let Hold::Watching(own) = self.slot.hold else { return self.handle.look(&mut self.slot, first) };
        // Whoever has woken us has taken us off the list.
        if let Some(watchers) = self.handle.watchers() {
            watchers.add(claim);
        }
        if self.handle.is_ready(own) { Look::Over } else { Look::Waits }
    }

    fn withdraw(&mut self, claim: &Arc<Claim>) {
        match self.slot.hold {
            Hold::Watching(_) => {
                if let Some(watchers) = self.handle.watchers() {
                    watchers.remove(claim);
                }
                self.slot.hold = Hold::Nothing;
            }
            _ => self.handle.withdraw(&mut self.slot),
        }
    }
}

/// Does one of the operations: the case that has happened, or `None` if none could in time. If a waker panics that it
/// calls, what has been received goes to the next receiver.
pub(in crate::chan) fn run(cases: &mut [Case<'_>], order: Order, patience: Patience) -> Option<usize> {
    let _held = deferred::hold();
    let chosen = run_held(cases, order, patience);
    if deferred::call()
        && let Some(chosen) = chosen
    {
        let Case { handle, slot, .. } = &mut cases[chosen];
        handle.withdraw(slot);
    }
    chosen
}

fn run_held(cases: &mut [Case<'_>], order: Order, patience: Patience) -> Option<usize> {
    let order = order.of(cases.len());
    let backoff = Backoff::new();
    let mut tried = false;
    loop {
        if let Some(&ready) = order.iter().find(|&&case| cases[case].attempt()) {
            return Some(ready);
        }
        let deadline = match patience {
            Patience::Until(deadline) => deadline,
            // To know, such a case must wait in a cell.
            Patience::None if cases.iter().any(|case| case.slot.hold == Hold::Unsettled) => Some(now()),
            // That none is ready is said of one moment: before and after they were tried all channels look the same.
            Patience::None => {
                // Each case is looked at, for the next round.
                let changed =
                    cases.iter_mut().filter_map(|case| (!case.looks_the_same()).then_some(())).count();
                if cases.len() < 2 || (tried && changed == 0) {
                    return None;
                }
                tried = true;
                continue;
            }
        };
        // To wait in all cells and leave them again costs more than a moment; but so does it to try many cases again.
        let is_soon = !backoff.is_completed() && cases.len() <= FEW;
        if is_soon && deadline.is_none_or(|deadline| deadline > now()) {
            backoff.snooze();
            continue;
        }
        if let Ok(happened) = Waiting::new(cases, &order, deadline).wait() {
            return happened;
        }
    }
}

/// A select that waits.
struct Waiting<'a, 'c> {
    cases: &'a mut [Case<'c>],
    order: &'a [usize],
    parker: Parker,
    claim: Arc<Claim>,
    deadline: Option<Instant>,
}

/// Why a select does not wait any longer.
enum Ended {
    /// This case has happened, and its slot says so.
    Happened(usize),
    /// The claim says what it has come to.
    Decided(Outcome),
    /// Time is up.
    Timeout,
}

impl<'a, 'c> Waiting<'a, 'c> {
    fn new(cases: &'a mut [Case<'c>], order: &'a [usize], deadline: Option<Instant>) -> Self {
        let parker = Parker::new();
        let claim = Arc::new(Claim::new(parker.unparker()));
        Waiting { cases, order, parker, claim, deadline }
    }

    fn wait(mut self) -> Result<Option<usize>, Again> {
        let (chosen, happened) = match self.until_ended() {
            Ended::Happened(case) => (Some(case), true),
            Ended::Timeout => (None, true),
            Ended::Decided(outcome) => match outcome.case() {
                None => (None, false),
                Some((case, closed)) => {
                    let Case { handle, slot, .. } = &mut self.cases[case];
                    (Some(case), handle.chosen(slot, closed))
                }
            },
        };
        for (number, case) in self.cases.iter_mut().enumerate() {
            if Some(number) != chosen {
                case.withdraw(&self.claim);
            }
        }
        if happened { Ok(chosen) } else { Err(Again) }
    }

    /// Registers all cases, and waits until the claim is decided. From the moment at which the claim says that the select
    /// waits, it keeps its places in all cells until then.
    fn until_ended(&mut self) -> Ended {
        if let Some(case) = self.register() {
            return Ended::Happened(case);
        }
        // Audit: `decide` is SeqCst for what follows, the look at the cells.
        if let Err(spoiled) = self.claim.decide(Outcome::TRYING, Outcome::WAITING) {
            return Ended::Decided(spoiled);
        }
        let mut first = true;
        loop {
            if let Some(ended) = self.look(first) {
                return ended;
            }
            first = false;
            if deferred::call() {
                return match self.decide(Outcome::OVER) {
                    Outcome::OVER => Ended::Timeout,
                    decided => Ended::Decided(decided),
                };
            }
            let deadline = self.first_deadline();
            let is_over = || self.claim.outcome() != Outcome::WAITING;
            let soon = spin_wait::before_park(deadline, || is_over() || self.parker.is_woken());
            let woken = (soon && is_over()) || self.parker.park_deadline(deadline);
            let outcome = self.claim.outcome();
            if outcome != Outcome::WAITING {
                return Ended::Decided(outcome);
            }
            if !woken && let Some(ended) = self.time_is_up() {
                return ended;
            }
        }
    }

    /// Registers the cases: one that can happen now does.
    fn register(&mut self) -> Option<usize> {
        let Waiting { cases, order, claim, .. } = self;
        let own_receives = OwnReceives::of(cases);
        order.iter().copied().find(|&number| {
            let own = own_receives.meeting(cases[number].handle);
            cases[number].register(claim, number, own)
        })
    }

    fn first_deadline(&self) -> Option<Instant> {
        let timers = self.cases.iter().filter_map(|case| case.handle.deadline());
        timers.chain(self.deadline).min()
    }

    /// Looks at the cases again: what happened while the select was trying, nobody tells it.
    fn look(&mut self, first: bool) -> Option<Ended> {
        for (number, case) in self.cases.iter_mut().enumerate() {
            let to = match case.look(&self.claim, first) {
                Look::Waits => continue,
                Look::Over => Outcome::OVER,
                Look::Ready => Outcome::chosen(number, false),
                Look::Closed => Outcome::chosen(number, true),
            };
            return Some(Ended::Decided(self.decide(to)));
        }
        None
    }

    /// Decides the claim, if nobody else has; what it has come to.
    fn decide(&self, to: Outcome) -> Outcome {
        // Audit: `decide` is one for all. Here it is our own decision, and what others have done we learn from the cell
        // too.
        // site: stop-waiting
        self.claim.decide(Outcome::WAITING, to).map_or_else(|decided| decided, |()| to)
    }

    fn hurry(&mut self) -> bool {
        let mut waiting = self.cases.iter().filter(|case| case.slot.hold == Hold::Waiting);
        waiting.any(|case| case.handle.hurry(&case.slot))
    }

    fn time_is_up(&mut self) -> Option<Ended> {
        for &number in self.order {
            let Some(instant) = self.cases[number].handle.reserve() else { continue };
            let chosen = Outcome::chosen(number, false);
            let Case { handle, slot, .. } = &mut self.cases[number];
            match self.claim.decide(Outcome::WAITING, chosen) {
                // Else the timer was set anew at this very moment, and the select starts over.
                Ok(()) if handle.confirm(slot, instant) => return Some(Ended::Happened(number)),
                Ok(()) => {
                    return Some(Ended::Decided(Outcome::OVER));
                }
                Err(decided) => {
                    handle.put_back(instant);
                    return Some(Ended::Decided(decided));
                }
            }
        }
        // A timer that was not the first to be received from, or was set anew, may be due later.
        if self.deadline.is_none_or(|deadline| deadline > now()) || self.hurry() {
            return None;
        }
        match self.decide(Outcome::OVER) {
            Outcome::OVER => Some(Ended::Timeout),
            decided => Some(Ended::Decided(decided)),
        }
    }
}

/// The select tries its cases again.
struct Again;
