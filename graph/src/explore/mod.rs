//! The exploration: TruSt (Kokologiannakis, Marmanis, Gladstein, Vafeiadis, *Truly Stateless, Optimal
//! Dynamic Partial Order Reduction*, POPL 2022).
//!
//! An exploration is a stack of levels. A level is a graph with the alternatives that are still to be tried
//! on it: at a length of the graph, an event to add there. A backward revisit makes a new level, whose graph
//! is the part of the old graph that the revisit keeps. The exploration keeps no set of graphs that it has seen:
//! the condition under which a revisit is made (`revisit`) lets the exploration reach every consistent graph in
//! exactly one way.

pub(crate) mod fair;
pub(crate) mod loop_cut;
pub(crate) mod options;
mod revisit;
pub(crate) mod split;
pub(crate) mod steps;
pub(crate) mod switches;
mod symmetry;
mod time;
pub(crate) mod twin;

use self::loop_cut::LoopCut;
use self::switches::Yields;
use crate::Model;
use crate::consistency::{self, Scratch};
use crate::event::{Event, EventId, NONE, Site, ThreadId};
use crate::graph::{Graph, Thread};
use crate::replay::Guide;
use crate::run::Run;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something left to explore.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Item {
    pub(crate) what: What,
    /// The estimated share of the whole exploration.
    pub(crate) weight: f64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum What {
    /// The beginning.
    Start,
    /// When the graph is `length` long, add `event`; a write at `position`. `read` is the read that was made
    /// to read it, if any.
    Add { length: u32, event: Event, position: u32, read: EventId },
    /// Run a graph whose last event is a write that `read` was made to read, with the write at one of these places.
    Revisit { graph: Box<Graph>, read: EventId, places: Vec<u32> },
}

/// A graph, and what is left to try on it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Level {
    pub(crate) graph: Box<Graph>,
    pub(crate) items: Vec<Item>,
}

/// What an exploration has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statistics {
    /// Complete executions.
    pub executions: u64,
    /// Executions in which a thread waits for something that another branch brings, or an assumption failed.
    pub blocked: u64,
    /// Events of the complete executions together.
    pub events: u64,
    /// The share of the whole that has been explored, as far as can be told: from 0 to 1.
    pub progress: f64,
}

impl Statistics {
    /// Adds what another part of the exploration has done.
    pub fn add(&mut self, other: &Statistics) {
        self.executions += other.executions;
        self.blocked += other.blocked;
        self.events += other.events;
        self.progress += other.progress;
    }
}

/// How the next branch is found.
#[derive(Debug)]
pub(crate) enum Mode {
    /// All branches, one after another.
    Explore,
    /// One branch at random in each place, with the product of the numbers of ways: Knuth's estimate of the size of a
    /// tree.
    Sample { random: fastrand::Rng, size: f64 },
    /// The ways that a token names.
    Guided(Guide),
}

/// What is no more needed, to be used again.
#[derive(Debug, Default)]
pub(crate) struct Spare {
    #[allow(clippy::vec_box, reason = "a graph moves from level to level, and a spare one among them")]
    graphs: Vec<Box<Graph>>,
    items: Vec<Vec<Item>>,
    /// The numbers that events have in the part of a graph.
    map: Vec<EventId>,
}

impl Spare {
    /// Returns a graph to be overwritten.
    fn graph(&mut self, model: Model) -> Box<Graph> {
        self.graphs.pop().unwrap_or_else(|| Box::new(Graph::empty(model)))
    }
}

/// The exploration's state between and during runs.
#[derive(Debug)]
pub(crate) struct Exploration {
    pub(crate) graph: Box<Graph>,
    pub(crate) items: Vec<Item>,
    /// The levels below the current one.
    pub(crate) below: Vec<Level>,
    pub(crate) spare: Spare,
    /// The share of the current branch.
    pub(crate) weight: f64,
    pub(crate) mode: Mode,
    pub(crate) statistics: Statistics,
    pub(crate) scratch: Scratch,
    /// The most preemptions that an execution may take, and whether that bound has cut anything.
    pub(crate) bound: Option<u32>,
    pub(crate) bound_cut: bool,
    /// Whether executions are bounded to fair schedules, and whether that bound has cut anything.
    pub(crate) fair: bool,
    pub(crate) fair_cut: bool,
    /// Whether the bound on retries has cut anything.
    pub(crate) retries_cut: bool,
    /// Loops that were cut, and why.
    pub(crate) loops_cut: BTreeSet<(LoopCut, Site)>,
    /// The rounds that have been rehearsed.
    pub(crate) rehearsed: BTreeSet<(ThreadId, Site)>,
    /// The lines whose loops keep count where no snapshot sees it.
    pub(crate) suspects: BTreeSet<Site>,
    /// The branch is to be run again.
    pub(crate) again: bool,
    /// Whether the read added last had one way only.
    pub(crate) had_one_way: bool,
    /// A sample has picked another branch than the one taken in place.
    pub(crate) jump: bool,
}

impl Exploration {
    pub(crate) fn new(mode: Mode, model: Model) -> Exploration {
        Exploration {
            graph: Box::new(Graph::new(model)),
            items: Vec::new(),
            below: Vec::new(),
            spare: Spare::default(),
            weight: 1.0,
            mode,
            statistics: Statistics::default(),
            scratch: Scratch::default(),
            bound: None,
            bound_cut: false,
            fair: false,
            fair_cut: false,
            retries_cut: false,
            loops_cut: BTreeSet::new(),
            rehearsed: BTreeSet::new(),
            suspects: BTreeSet::new(),
            again: false,
            had_one_way: false,
            jump: false,
        }
    }

    /// Goes to the next branch; `false` if there is none.
    pub(crate) fn advance(&mut self) -> bool {
        if core::mem::take(&mut self.again) {
            return true;
        }
        loop {
            let Some(item) = self.items.pop() else {
                let Some(level) = self.below.pop() else { return false };
                self.spare.graphs.push(core::mem::replace(&mut self.graph, level.graph));
                self.spare.items.push(core::mem::replace(&mut self.items, level.items));
                continue;
            };
            self.weight = item.weight;
            let consistent = match item.what {
                What::Start => return true,
                What::Add { length, event, position, read } => {
                    self.redo(length, event, position) && self.is_still_consistent(read)
                }
                What::Revisit { graph, read, places } => self.enter(graph, read, places),
            };
            if consistent && self.check_preemptions(false) {
                return true;
            }
            self.statistics.progress += self.weight;
        }
    }

    /// Returns whether the graph, which is that of a whole execution or grows to one, keeps to the bound on preemptions; notes
    /// that the bound has cut something if not.
    pub(crate) fn check_preemptions(&mut self, is_whole: bool) -> bool {
        self.keeps_bound(switches::are_within, is_whole)
    }

    /// Returns whether the graph may grow to one that keeps to the bound on preemptions.
    pub(crate) fn may_keep_bound(&mut self) -> bool {
        self.keeps_bound(switches::may_be_within, false)
    }

    fn keeps_bound(&mut self, are_within: fn(&Graph, u32, Yields) -> bool, is_whole: bool) -> bool {
        let Some(bound) = self.bound else { return true };
        let has_yields = self.graph.threads.iter().any(|thread| !thread.yields.is_empty());
        let yields = match (self.fair && has_yields, is_whole) {
            (false, _) => Yields::MayPass,
            (true, true) => Yields::Switch,
            (true, false) => Yields::SwitchOrGrow,
        };
        let within = are_within(&self.graph, bound, yields);
        self.bound_cut |= !within;
        within
    }

    fn redo(&mut self, length: u32, event: Event, position: u32) -> bool {
        self.graph.cut(length);
        if self.fair {
            self.graph.threads.iter_mut().for_each(Thread::forget_last_yields);
        }
        let id = self.graph.add(event);
        if position != 0 {
            self.graph.place(id, position);
        }
        self.is_consistent(id)
    }

    fn enter(&mut self, graph: Box<Graph>, read: EventId, mut places: Vec<u32>) -> bool {
        let below = core::mem::replace(&mut self.graph, graph);
        let items = core::mem::replace(&mut self.items, self.spare.items.pop().unwrap_or_default());
        self.below.push(Level { graph: below, items });
        let write = self.graph.len() - 1;
        let Some(first) = places.pop() else { return false };
        let event = *self.graph.event(write);
        for position in places {
            self.later(What::Add { length: write, event, position, read });
        }
        self.share_weight(0);
        self.graph.place(write, first);
        self.is_consistent(write) && self.is_still_consistent(read)
    }

    /// Returns whether the graph is consistent with a read that has been made to read another write; `NONE` is no read.
    fn is_still_consistent(&mut self, read: EventId) -> bool {
        read == NONE || self.is_consistent(read)
    }

    /// Returns whether the graph with the new event `id` is sequentially consistent where it must be.
    pub(crate) fn is_consistent(&mut self, id: EventId) -> bool {
        consistency::holds_after(&self.graph, id, &mut self.scratch)
    }

    /// Leaves `item` for later.
    pub(crate) fn later(&mut self, what: What) {
        self.items.push(Item { what, weight: 0.0 });
    }

    /// Shares the weight of the current branch among it and the items from `first` on; a sample picks one of
    /// them.
    pub(crate) fn share_weight(&mut self, first: usize) {
        let ways = self.items.len() - first + 1;
        if ways == 1 {
            return;
        }
        self.weight /= ways as f64;
        for item in &mut self.items[first..] {
            item.weight = self.weight;
        }
        if let Mode::Sample { random, size } = &mut self.mode {
            *size *= ways as f64;
            let picked = random.usize(..ways);
            self.jump = picked > 0;
            if self.jump {
                self.items.swap(0, first + picked - 1);
            }
            self.items.truncate(usize::from(self.jump));
        }
    }
}

impl Exploration {
    /// Forgets all branches, as if nothing had been explored.
    pub(crate) fn restart(&mut self) {
        *self.graph = Graph::new(self.graph.model);
        self.items.clear();
        self.below.clear();
        self.weight = 1.0;
        self.jump = false;
    }

    /// Gives all memory back, after which nothing is explored.
    pub(crate) fn forget(&mut self) {
        *self.graph = Graph::empty(self.graph.model);
        self.items = Vec::new();
        self.below = Vec::new();
        self.spare = Spare::default();
        self.scratch = Scratch::default();
    }

    /// Returns the thread to go on next.
    pub(crate) fn scheduled(&self, run: &Run) -> Option<ThreadId> {
        match &self.mode {
            Mode::Guided(guide) => guide.next(&self.graph, run),
            _ => run.next(&self.graph),
        }
    }

    /// Returns whether the exploration follows a token that does not fit.
    pub(crate) fn is_lost(&self) -> bool {
        matches!(&self.mode, Mode::Guided(guide) if guide.is_lost())
    }

    /// Returns whether the schedule lets this thread add an event now.
    pub(crate) fn may_add(&self, thread: ThreadId) -> bool {
        match &self.mode {
            Mode::Guided(guide) => guide.is_turn_of(thread),
            _ => true,
        }
    }

    /// Returns whether the exploration follows a token.
    pub(crate) fn is_guided(&self) -> bool {
        matches!(self.mode, Mode::Guided(_))
    }

    /// Returns whether a token has more events of this thread.
    pub(crate) fn has_more_of(&self, thread: ThreadId) -> bool {
        match &self.mode {
            Mode::Guided(guide) => guide.has_more_of(thread),
            _ => false,
        }
    }

    /// Notes that a thread has added an event.
    pub(crate) fn note_event(&mut self, thread: ThreadId) {
        if let Mode::Guided(guide) = &mut self.mode {
            guide.happened(thread);
        }
    }
}
