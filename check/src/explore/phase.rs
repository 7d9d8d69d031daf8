//! The phases of a search that finds first and then exhausts.

use crate::{Engine, Strategy};
use core::fmt;

/// A phase of a search: what explores, in which order.
///
/// A search of [`Checker::find_first`](crate::Checker::find_first) begins with everything, so that a small model is
/// done at once; if it is not, phases that find failures deep in a large search come before the rest of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Descents at random through the tree of executions (graph engine).
    Descents {
        /// Which descent, from 1.
        descent: u64,
        /// The seed from which the descents are drawn.
        seed: u64,
    },
    /// Schedules at random (shuttle).
    Schedules {
        /// How they are drawn.
        strategy: Strategy,
        /// Which schedule, from 1.
        schedule: u64,
        /// The seed from which the schedules are drawn.
        seed: u64,
    },
    /// The search within a bound on preemptions.
    Preemptions(usize),
    /// The search of everything, its beginning included.
    Everything,
}

impl Phase {
    /// Returns the seed of a phase that draws at random.
    pub fn seed(&self) -> Option<u64> {
        match self {
            Phase::Descents { seed, .. } | Phase::Schedules { seed, .. } => Some(*seed),
            Phase::Preemptions(_) | Phase::Everything => None,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Phase::Descents { descent, seed } => {
                write!(f, "by random descents, descent {descent} of seed {seed}")
            }
            Phase::Schedules { strategy, schedule, seed } => {
                write!(f, "by {}, schedule {schedule} of seed {seed}", Engine::Shuttle(*strategy))
            }
            Phase::Preemptions(1) => f.write_str("with at most 1 preemption"),
            Phase::Preemptions(bound) => write!(f, "with at most {bound} preemptions"),
            Phase::Everything => f.write_str("in the search of everything"),
        }
    }
}

/// A phase that came to its end without a failure.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(all(feature = "graph", feature = "shuttle")),
    allow(dead_code, reason = "the graph engine and shuttle search in phases of their own")
)]
pub(super) enum Past {
    /// So many descents.
    Descents { descents: u64, seed: u64 },
    /// So many schedules.
    Schedules { strategy: Strategy, schedules: u64, seed: u64 },
    /// So many executions within a bound on preemptions, and whether they were all that the bound allows.
    Preemptions { bound: usize, executions: u64, all: bool },
}

impl fmt::Display for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Past::Descents { descents, seed } => write!(f, "{descents} random descents of seed {seed}"),
            Past::Schedules { strategy, schedules, seed } => {
                write!(f, "{schedules} schedules of {} from seed {seed} on", Engine::Shuttle(*strategy))
            }
            Past::Preemptions { bound, executions, all } => {
                let s = if *bound == 1 { "" } else { "s" };
                write!(f, "at most {bound} preemption{s} ")?;
                match all {
                    true => f.write_str("to the end"),
                    false => write!(f, "for {executions} executions"),
                }
            }
        }
    }
}
