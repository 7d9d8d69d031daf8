//! The phases of a depth-first search, which finds first and then exhausts: schedules at random have turns before the
//! rest of it, each longer than the one before.

use super::super::{Limits, Past, Phase, Plan};
use super::schedule::Sampled;
use crate::Strategy;
use std::collections::VecDeque;

/// How many schedules are searched before each turn at random, and how many of each kind are drawn in it.
const TURNS: [(u64, u64); 4] = [(256, 24), (1_024, 80), (4_096, 320), (16_384, 1_280)];

/// The part of the time limit that a phase has at most.
const TIME: u32 = 20;

/// A phase.
struct Turn {
    /// `None`: the search.
    strategy: Option<Strategy>,
    schedules: u64,
    seed: u64,
}

/// The phases that come before the rest of the search.
pub(super) struct Turns {
    /// The current phase and those after it; none: the rest of the search.
    ahead: VecDeque<Turn>,
    limits: Limits,
    /// When the current phase ends, and how many executions came before it.
    until: Limits,
    before: u64,
    /// Schedules that were drawn so far, of each strategy.
    drawn: Vec<(Strategy, u64)>,
    seed: u64,
    finds: bool,
}

/// What decides from now on.
pub(super) enum Decides {
    Search,
    Sampled(Sampled),
}

impl Turns {
    /// Returns the phases of a plan: none, if it does not find first, or if there is no search.
    pub(super) fn new(plan: &Plan, limits: &Limits, searches: bool) -> Turns {
        // Schedules that are drawn would not freeze threads at every moment, and shuttle's variable would seed them.
        let finds = searches
            && plan.find_first
            && plan.freeze.is_none()
            && std::env::var_os("SHUTTLE_RANDOM_SEED").is_none();
        // A random walk uses a bound on preemptions up at its first steps.
        let random = (!plan.is_bounded_by_user).then_some(Strategy::Random);
        let strategies: Vec<Strategy> = [Strategy::Pct].into_iter().chain(random).collect();
        let mut ahead = VecDeque::new();
        for (number, (searched, drawn)) in TURNS.iter().enumerate().filter(|_| finds) {
            let seed = plan.seed.wrapping_add(number as u64);
            ahead.push_back(Turn { strategy: None, schedules: *searched, seed });
            let draws = |strategy| Turn { strategy: Some(strategy), schedules: *drawn, seed };
            ahead.extend(strategies.iter().copied().map(draws));
        }
        let until = limits.of_phase(0, TURNS[0].0, TIME);
        let drawn = strategies.into_iter().map(|strategy| (strategy, 0)).collect();
        Turns { ahead, limits: limits.clone(), until, before: 0, drawn, seed: plan.seed, finds }
    }

    /// Goes on to the phase that the next execution belongs to, after `done` ones; returns what decides from then on if
    /// that changes.
    pub(super) fn advance(&mut self, plan: &Plan, done: u64) -> Option<Decides> {
        self.until.reached(done)?;
        let over = self.ahead.pop_front()?;
        if let Some(drawn) = self.drawn.iter_mut().find(|(strategy, _)| Some(*strategy) == over.strategy) {
            drawn.1 += done - self.before;
        }
        self.before = done;
        let Some(turn) = self.ahead.front() else { return Some(Decides::Search) };
        self.until = self.limits.of_phase(done, turn.schedules, TIME);
        Some(match turn.strategy {
            None => Decides::Search,
            Some(strategy) => {
                Decides::Sampled(Sampled::of(strategy, turn.seed, turn.schedules).bounded(plan))
            }
        })
    }

    /// Returns the phase of execution number `done`, if the search has several.
    pub(super) fn phase(&self, done: u64) -> Option<Phase> {
        self.finds.then(|| match self.ahead.front() {
            Some(Turn { strategy: Some(strategy), seed, .. }) => {
                Phase::Schedules { strategy: *strategy, schedule: done - self.before, seed: *seed }
            }
            _ => Phase::Everything,
        })
    }

    /// Returns what the phases beside the search have done, after `done` executions.
    pub(super) fn past(&self, done: u64) -> Vec<Past> {
        let current = self.ahead.front().and_then(|turn| turn.strategy);
        let past = self.drawn.iter().map(|(strategy, drawn)| {
            let now = if current == Some(*strategy) { done - self.before } else { 0 };
            Past::Schedules { strategy: *strategy, schedules: drawn + now, seed: self.seed }
        });
        past.filter(|past| !matches!(past, Past::Schedules { schedules: 0, .. })).collect()
    }
}
