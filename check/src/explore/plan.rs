//! What to do with a model under one engine.

#[cfg(feature = "shuttle")]
use super::shuttle::freeze::Freeze;
use crate::replay::Token;
use crate::{Engine, Primitives};
use selvedge::rt::seam::{Counters, Edits, Mutation};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What to do with a model under one engine.
#[derive(Clone)]
#[cfg_attr(
    not(all(feature = "loom", feature = "graph", feature = "shuttle")),
    allow(dead_code, reason = "each engine reads its part of the plan")
)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    pub(crate) graph: GraphSettings,
    pub(crate) preemptions: Option<usize>,
    /// Whether the user has set the bound on preemptions, and to a number.
    pub(crate) is_bounded_by_user: bool,
    pub(crate) iterations: u64,
    pub(crate) seed: u64,
    pub(crate) primitives: Primitives,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) max_executions: Option<u64>,
    pub(crate) max_operations: u64,
    /// Whether a model may pass in which the engine saw no operation.
    pub(crate) allows_no_operations: bool,
    pub(crate) hang_limit: Duration,
    pub(crate) edits: Edits,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) replay: Option<Token>,
    /// The seed in the token to replay.
    pub(crate) replayed_seed: Option<u64>,
    /// Whether to look for a failure that takes fewer context switches.
    pub(crate) shrink: bool,
    /// Whether phases that find failures in large searches come before the rest of the search of everything.
    pub(crate) find_first: bool,
    /// Threads that stop under shuttle.
    #[cfg(feature = "shuttle")]
    pub(crate) freeze: Option<Freeze>,
    /// Updated while the exploration goes on, for progress.
    pub(crate) counters: Arc<Counters>,
}

impl Plan {
    /// Returns whether primitives stand as specified.
    pub(super) fn specified(&self) -> bool {
        self.primitives != Primitives::Real && self.has_two_forms()
    }

    /// Returns whether the form of the primitives matters.
    pub(super) fn has_two_forms(&self) -> bool {
        self.engine != Engine::Native
    }

    /// Returns the plan for what is run again to be shown, which does not count.
    #[cfg(any(feature = "graph", feature = "shuttle"))]
    pub(super) fn uncounted(&self) -> Plan {
        Plan { counters: Arc::default(), ..self.clone() }
    }
}

/// What only the graph engine looks at.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "graph"), allow(dead_code, reason = "the graph engine reads it"))]
pub(crate) struct GraphSettings {
    #[cfg(feature = "graph")]
    pub(crate) model: crate::MemoryModel,
    pub(crate) jobs: usize,
    pub(crate) races: bool,
    pub(crate) spurious_failures: bool,
    pub(crate) discrete_time: bool,
    pub(crate) events: Option<u32>,
    /// How many rounds of a loop are explored.
    pub(crate) rounds: u32,
    /// How often the operations of a thread may begin anew.
    pub(crate) retries: Option<u32>,
    /// Whether only fair schedules are explored.
    pub(crate) fair_schedules: bool,
    /// Which of how many, from 1.
    pub(crate) shard: Option<(usize, usize)>,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_every: Duration,
    /// What to do at a deadlock, instead of reporting it.
    pub(crate) at_deadlock: Option<AtDeadlock>,
}

/// What to do at the end of an execution whose threads wait for each other.
#[derive(Clone)]
#[cfg_attr(not(feature = "graph"), allow(dead_code, reason = "the graph engine reads it"))]
pub(crate) struct AtDeadlock(pub(crate) Arc<dyn Fn() + Send + Sync + UnwindSafe + RefUnwindSafe>);

impl fmt::Debug for AtDeadlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtDeadlock")
    }
}

impl Default for GraphSettings {
    fn default() -> GraphSettings {
        GraphSettings {
            #[cfg(feature = "graph")]
            model: crate::MemoryModel::default(),
            jobs: 1,
            races: true,
            spurious_failures: true,
            discrete_time: false,
            events: None,
            rounds: 32,
            retries: None,
            fair_schedules: false,
            shard: None,
            checkpoint: None,
            checkpoint_every: Duration::from_secs(30),
            at_deadlock: None,
        }
    }
}
