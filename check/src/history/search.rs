//! The decision: a search for an order of the operations that the specification allows.
//!
//! The search is depth-first over *configurations*: how many operations of each lane are done, and the object's state
//! (Wing and Gong, 1993). A configuration from which no order was found is not tried again (Lowe, 2017); the search
//! keeps 128 bits of its hash. An operation that only [observes](Spec::observes) may as well happen at once, so no
//! other move is tried then. The search keeps the state of every 64th step, and makes those between again on the way
//! back, so that a long queue with a long history fits into memory.

use super::Entry;
use super::order::{Criterion, Lanes};
use crate::Spec;
use crate::spec::{Guess, number_of};
use std::collections::HashSet;

/// The number of configurations after which the search is given up.
pub(super) const LIMIT: u64 = 2_000_000;

/// How hard to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// A short search, for a few operations.
    Short,
    /// Only the orders that the specification's guesses allow: the search may find an order, and proves nothing.
    Guided,
    /// All orders, up to [`LIMIT`] configurations.
    Full,
}

impl Effort {
    fn limit(self, operations: usize) -> u64 {
        match self {
            Effort::Short => 50_000,
            Effort::Guided => 10_000 + 20 * operations as u64,
            Effort::Full => LIMIT.max(20 * operations as u64),
        }
    }
}

/// The search keeps a state for every so many steps.
const STRIDE: usize = 64;

/// The result of a search.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// There is an order.
    Yes,
    /// There is no order: the operations that return before `culprit` have one, and with `culprit` they have none.
    No { culprit: usize },
    /// The search was given up; `culprit` is the operation with the latest return that it could not reach.
    Unknown { culprit: usize },
}

/// A move: the next operation of a lane, with one of its outcomes.
#[derive(Clone, Copy)]
struct Move {
    lane: u32,
    outcome: u32,
}

/// A configuration on the path to the current one: its moves, and which of them was taken.
struct Step {
    moves: Vec<Move>,
    taken: usize,
}

struct Search<'a, S: Spec> {
    spec: &'a S,
    entries: &'a [Entry<S::Operation, S::Answer>],
    lanes: Lanes,
    guesses: Option<Vec<Guess>>,
    limit: u64,
    /// The turn that is next; `None` if the search takes no turns.
    turn: Option<u32>,
    /// The number of operations done in each lane.
    next: Vec<u32>,
    path: Vec<Step>,
    kept: Vec<S::State>,
    failed: HashSet<(u64, u64)>,
    /// Whether operations that have not returned may happen; otherwise they must be blocked at the end.
    pending_may_happen: bool,
    /// The latest return that the search could not reach, and its operation.
    farthest: Option<(u64, usize)>,
}

pub(super) fn decide<S: Spec>(
    entries: &[Entry<S::Operation, S::Answer>],
    chosen: &[usize],
    criterion: Criterion,
    spec: &S,
    effort: Effort,
) -> Decision {
    Search::new(entries, Lanes::new(entries, chosen, criterion), spec, effort).run()
}

/// Returns whether some order of the operations that have returned leaves every other operation blocked.
pub(super) fn is_stuck<S: Spec>(
    entries: &[Entry<S::Operation, S::Answer>],
    chosen: &[usize],
    spec: &S,
) -> bool {
    let lanes = Lanes::new(entries, chosen, Criterion::Linearizable);
    Search { pending_may_happen: false, ..Search::new(entries, lanes, spec, Effort::Full) }.run()
        == Decision::Yes
}

impl<'a, S: Spec> Search<'a, S> {
    fn new(
        entries: &'a [Entry<S::Operation, S::Answer>],
        lanes: Lanes,
        spec: &'a S,
        effort: Effort,
    ) -> Search<'a, S> {
        let guesses = spec.guesses(entries);
        let guided = effort == Effort::Guided;
        let takes_turns = guided && guesses.iter().flatten().any(|guess| guess.turn.is_some());
        Search {
            spec,
            entries,
            next: vec![0; lanes.lanes.len()],
            guesses,
            limit: effort.limit(entries.len()),
            turn: takes_turns.then_some(0),
            lanes,
            path: Vec::new(),
            kept: Vec::new(),
            failed: HashSet::new(),
            pending_may_happen: true,
            farthest: None,
        }
    }

    fn run(mut self) -> Decision {
        let mut state = self.spec.initial();
        let mut configurations = 0;
        loop {
            configurations += 1;
            if self.is_done(&state) {
                return Decision::Yes;
            }
            if configurations > self.limit {
                return Decision::Unknown { culprit: self.culprit() };
            }
            self.note_farthest();
            if self.path.len().is_multiple_of(STRIDE) {
                self.kept.push(state.clone());
            }
            let moves = if self.has_failed(&state) { Vec::new() } else { self.moves(&state) };
            self.path.push(Step { moves, taken: 0 });
            // The search goes forward by the first move, or back to a configuration that has another one.
            state = match self.advance(state) {
                Some(state) => state,
                None if self.turn.is_some() => return Decision::Unknown { culprit: self.culprit() },
                None => return Decision::No { culprit: self.culprit() },
            };
        }
    }

    fn culprit(&self) -> usize {
        self.farthest.map_or(0, |(_, culprit)| culprit)
    }

    /// Returns the next operation of a lane.
    fn up(&self, lane: usize) -> Option<usize> {
        self.lanes.lanes[lane].get(self.next[lane] as usize).copied()
    }

    fn is_done(&self, state: &S::State) -> bool {
        let mut left = (0..self.next.len()).filter_map(|lane| self.up(lane));
        left.all(|at| {
            let entry = &self.entries[at];
            entry.returned.is_none()
                && (self.pending_may_happen || self.spec.outcomes(state, &entry.operation).is_empty())
        })
    }

    fn note_farthest(&mut self) {
        let left = (0..self.next.len()).filter_map(|lane| self.up(lane));
        let first = left.filter_map(|at| self.entries[at].returned.map(|time| (time, at))).min();
        self.farthest = self.farthest.max(first);
    }

    fn key(&self, state: &S::State) -> (u64, u64) {
        (number_of(&(0_u8, &self.next, state)), number_of(&(1_u8, &self.next, state)))
    }

    fn has_failed(&self, state: &S::State) -> bool {
        !self.failed.is_empty() && self.failed.contains(&self.key(state))
    }

    /// Returns the states to which the next operation of a lane may lead.
    fn results(&self, lane: usize, at: usize, state: &S::State) -> Vec<S::State> {
        let entry = &self.entries[at];
        let mut before = self.lanes.before[lane][self.next[lane] as usize].iter().zip(&self.next);
        let out_of_turn = self.turn.is_some_and(|turn| self.turn_of(at).is_some_and(|mine| mine != turn));
        if (entry.returned.is_none() && !self.pending_may_happen) || before.any(|(a, b)| a > b) || out_of_turn
        {
            return Vec::new();
        }
        let outcomes = self.spec.outcomes(state, &entry.operation);
        let fits = |answer: &S::Answer| entry.answer.as_ref().is_none_or(|seen| seen == answer);
        outcomes.into_iter().filter(|(answer, _)| fits(answer)).map(|(_, state)| state).collect()
    }

    /// Returns the moves, the most promising first.
    fn moves(&self, state: &S::State) -> Vec<Move> {
        let mut moves = Vec::new();
        for lane in 0..self.next.len() {
            let Some(at) = self.up(lane) else { continue };
            let results = self.results(lane, at, state);
            if results.len() == 1 && results[0] == *state && self.observes(at) {
                return vec![Move { lane: lane as u32, outcome: 0 }];
            }
            let rank = match (&self.guesses, self.entries[at].returned) {
                (Some(guesses), _) => guesses[at].rank,
                (None, returned) => returned.unwrap_or(u64::MAX),
            };
            let outcomes = (0..results.len() as u32).map(|outcome| Move { lane: lane as u32, outcome });
            moves.extend(outcomes.map(|way| (self.entries[at].returned.is_none(), rank, way)));
        }
        moves.sort_by_key(|(pending, rank, _)| (*pending, *rank));
        moves.into_iter().map(|(_, _, way)| way).collect()
    }

    fn observes(&self, at: usize) -> bool {
        let entry = &self.entries[at];
        let answer = entry.answer.as_ref().filter(|_| entry.returned.is_some());
        answer.is_some_and(|answer| self.spec.observes(&entry.operation, answer))
    }

    fn turn_of(&self, at: usize) -> Option<u32> {
        self.guesses.as_ref().and_then(|guesses| guesses[at].turn)
    }

    /// Counts an operation as done, or as not done if `forward` is `false`.
    fn step(&mut self, lane: usize, at: usize, forward: bool) {
        self.next[lane] = if forward { self.next[lane] + 1 } else { self.next[lane] - 1 };
        if self.turn_of(at).is_some() {
            self.turn = self.turn.map(|turn| if forward { turn + 1 } else { turn - 1 });
        }
    }

    /// Takes back the last operation of a lane.
    fn back(&mut self, lane: usize) {
        let at = self.lanes.lanes[lane][self.next[lane] as usize - 1];
        self.step(lane, at, false);
    }

    /// Makes a move, and returns the state after it.
    fn make(&mut self, way: Move, state: &S::State) -> Option<S::State> {
        let lane = way.lane as usize;
        let at = self.up(lane)?;
        let after = self.results(lane, at, state).into_iter().nth(way.outcome as usize)?;
        self.step(lane, at, true);
        Some(after)
    }

    /// Makes the next move of the last step, and goes back while a step has none. Returns the state, or `None` when
    /// all moves are tried.
    fn advance(&mut self, mut state: S::State) -> Option<S::State> {
        loop {
            let step = self.path.last()?;
            if let Some(way) = step.moves.get(step.taken).copied() {
                return self.make(way, &state);
            }
            let tried = step.moves.len() > 1;
            if tried {
                let key = self.key(&state);
                self.failed.insert(key);
            }
            self.path.pop();
            if self.path.len().is_multiple_of(STRIDE) {
                self.kept.pop();
            }
            let step = self.path.last_mut()?;
            let lane = step.moves[step.taken].lane as usize;
            step.taken += 1;
            self.back(lane);
            state = self.state_again()?;
        }
    }

    /// Returns the state of the last step, made again from the last state that was kept.
    fn state_again(&mut self) -> Option<S::State> {
        let from = self.kept.len() - 1;
        let mut state = self.kept[from].clone();
        let moves: Vec<Move> =
            self.path[from * STRIDE..self.path.len() - 1].iter().map(|step| step.moves[step.taken]).collect();
        moves.iter().rev().for_each(|way| self.back(way.lane as usize));
        for way in moves {
            state = self.make(way, &state)?;
        }
        Some(state)
    }
}
