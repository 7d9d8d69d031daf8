//! What comes back from an exploration: one value.

use super::{Past, Phase, Plan};
use crate::replay::Token;
use selvedge::rt::seam::{Counters, Failure, FailureKind};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What an exploration has come to.
pub(super) struct Explored {
    pub(super) end: End,
    pub(super) counts: Counts,
    /// The phases before the search of everything.
    pub(super) past: Vec<Past>,
    /// The estimated share of everything that has been explored, if the engine can tell.
    pub(super) coverage: Option<f64>,
}

#[cfg(any(feature = "graph", feature = "shuttle"))]
impl Explored {
    /// Returns what share has been explored, by this estimate: all, if nothing was left out; less, if a
    /// limit ended the exploration; and of what only bounds have cut nobody can tell.
    pub(super) fn coverage_of(&self, estimate: Option<f64>) -> Option<f64> {
        let End::Passed(cuts) = &self.end else { return None };
        if cuts.is_empty() {
            return Some(1.0);
        }
        let limited = cuts.iter().any(|cut| matches!(cut, Cut::Executions(_) | Cut::Time(_)));
        estimate.filter(|_| limited).map(|share| share.clamp(0.0, MOST))
    }
}

/// The largest share that a search claims which was not done.
#[cfg(any(feature = "graph", feature = "shuttle"))]
const MOST: f64 = 0.99;

/// How an exploration has ended.
pub(super) enum End {
    /// No execution failed, and this was left out: nothing, if all was explored.
    Passed(Vec<Cut>),
    /// An execution failed.
    Failed(Box<Found>),
    /// The exploration says nothing about the model, for this reason.
    Refused(String),
}

/// A failed execution.
pub(super) struct Found {
    pub(super) failure: Failure,
    /// The token that replays the execution, if the engine can.
    pub(super) token: Option<Token>,
    pub(super) note: Option<String>,
    /// The phase of the search that found it, if the search had several.
    pub(super) phase: Option<Phase>,
    /// The execution's graph.
    #[cfg(feature = "graph")]
    pub(super) graph: Option<Box<selvedge_graph::report::Execution>>,
    /// The token of the execution as an interleaving, if it has one.
    #[cfg(feature = "graph")]
    pub(super) interleaved: Option<selvedge_graph::Token>,
}

impl Found {
    pub(super) fn new(failure: Failure, token: Option<Token>) -> Found {
        Found {
            failure,
            token,
            note: None,
            phase: None,
            #[cfg(feature = "graph")]
            graph: None,
            #[cfg(feature = "graph")]
            interleaved: None,
        }
    }

    /// Returns whether the failure is one of the model, rather than a reason to refuse the run.
    pub(super) fn is_of_the_model(&self) -> bool {
        !matches!(self.failure.kind, FailureKind::Refused | FailureKind::BoundExceeded)
    }

    /// Returns this failure with the steps that a replay of `token` recorded, if the replay failed in the same way.
    #[cfg(any(feature = "graph", feature = "shuttle"))]
    pub(super) fn replayed(self, token: Token, again: End) -> Found {
        let token = Some(token);
        match again {
            End::Failed(again) if again.failure.kind == self.failure.kind => {
                let failure = Failure { execution: self.failure.execution, ..again.failure };
                Found { failure, token, phase: self.phase, ..*again }
            }
            _ => {
                let note = "the replay went another way, so there is no interleaving to show: the model depends on \
                            something outside it (time, addresses, random numbers, leftovers of earlier executions)";
                Found { token, note: Some(note.to_string()), ..self }
            }
        }
    }
}

/// What ended an exploration, or was left out of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cut {
    /// The limit on executions ended it.
    Executions(u64),
    /// The limit on time ended it.
    Time(Duration),
    /// A bound, in words.
    #[cfg_attr(
        not(any(feature = "loom", feature = "graph", feature = "shuttle")),
        allow(dead_code, reason = "native runs have no bounds but the two limits")
    )]
    Bound(String),
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cut::Executions(limit) => write!(f, "stopped after {limit} executions"),
            Cut::Time(limit) => write!(f, "stopped after {limit:?}"),
            Cut::Bound(bound) => f.write_str(bound),
        }
    }
}

/// What a replay that does not fail comes to.
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
pub(super) fn replay_passed() -> Cut {
    Cut::Bound("the replayed execution did not fail".to_string())
}

/// What a replay comes to that leaves the recorded execution.
#[cfg(any(feature = "graph", feature = "shuttle"))]
pub(super) fn replay_diverged() -> Cut {
    Cut::Bound("the token does not fit this model: it takes other steps".to_string())
}

/// What an exploration has done.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    /// Executions; of a search under the graph engine that passed, those that came to their end.
    pub(super) executions: u64,
    pub(super) operations: u64,
    /// Operations at the mutated site.
    pub(super) mutated: u64,
    /// Steps that operations of primitives as specified have made.
    pub(super) specified: u64,
    /// Whether threads were alike, and executions that differ only in which of them is which counted as one.
    pub(super) up_to_symmetry: bool,
    /// Whether two threads conflicted in an object.
    pub(super) met: bool,
    /// The most threads that an execution had.
    pub(super) threads: u64,
    /// Executions that another branch completed (graph engine).
    pub(super) blocked: u64,
    /// Events of all executions together (graph engine).
    pub(super) events: u64,
}

/// Counts what an exploration does from one moment on. Its counters may go on from earlier explorations, and may be
/// read meanwhile to show the progress.
pub(super) struct Meter {
    counters: Arc<Counters>,
    executions: u64,
    operations: u64,
    mutated: u64,
    specified: u64,
    symmetric: u64,
    met: u64,
}

impl Meter {
    pub(super) fn start(plan: &Plan) -> Meter {
        let counters = Arc::clone(&plan.counters);
        // Relaxed, here and in `explored`: no exploration that counts here runs now. Those before have reported over a
        // channel, which orders their counts before this.
        Meter {
            executions: counters.executions.load(Relaxed),
            operations: counters.operations.load(Relaxed),
            mutated: counters.mutated.load(Relaxed),
            specified: counters.specified.load(Relaxed),
            symmetric: counters.symmetric.load(Relaxed),
            met: counters.met.load(Relaxed),
            counters,
        }
    }

    /// Returns what an exploration has come to that began when the meter was started.
    pub(super) fn explored(&self, end: End) -> Explored {
        let counters = &self.counters;
        let counts = Counts {
            executions: counters.executions.load(Relaxed) - self.executions,
            operations: counters.operations.load(Relaxed) - self.operations,
            mutated: counters.mutated.load(Relaxed) - self.mutated,
            specified: counters.specified.load(Relaxed) - self.specified,
            up_to_symmetry: counters.symmetric.load(Relaxed) > self.symmetric,
            met: counters.met.load(Relaxed) > self.met,
            threads: counters.threads.load(Relaxed),
            blocked: 0,
            events: 0,
        };
        Explored { end, counts, past: Vec::new(), coverage: None }
    }
}
