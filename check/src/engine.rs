//! The engines a model can run under.

use core::fmt;
use core::str::FromStr;

/// What decides the interleavings of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Engine {
    /// Real threads, many times over.
    Native,
    /// loom: C11 orderings, a search up to bounds.
    Loom,
    /// Our own: every execution that the memory model allows, each once.
    Graph,
    /// shuttle: sequentially consistent, with a strategy to pick schedules.
    Shuttle(Strategy),
}

/// How shuttle picks schedules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// Our own depth-first search of all schedules, choices as branches, up to bounds.
    DepthFirst,
    /// At random at each step.
    Random,
    /// Probabilistic concurrency testing: random priorities with a few changes.
    Pct,
    /// Uniform random walk.
    Urw,
}

impl Engine {
    /// The former name of [`Engine::Graph`].
    #[allow(non_upper_case_globals, reason = "it stands where the variant stood")]
    pub const Rc11: Engine = Engine::Graph;

    const ALL: [Engine; 7] = [
        Engine::Native,
        Engine::Graph,
        Engine::Loom,
        Engine::Shuttle(Strategy::DepthFirst),
        Engine::Shuttle(Strategy::Random),
        Engine::Shuttle(Strategy::Pct),
        Engine::Shuttle(Strategy::Urw),
    ];

    /// Returns every engine, compiled in or not.
    pub fn all() -> &'static [Engine] {
        &Engine::ALL
    }

    /// Returns the engines that a check uses by default: native, the graph engine, loom, and shuttle depth-first, as
    /// far as they are compiled in.
    pub fn available() -> Vec<Engine> {
        let standard = [Engine::Native, Engine::Graph, Engine::Loom, Engine::Shuttle(Strategy::DepthFirst)];
        standard.into_iter().filter(|engine| engine.is_available()).collect()
    }

    /// Returns whether the engine is compiled in.
    pub fn is_available(self) -> bool {
        match self {
            Engine::Native => true,
            Engine::Loom => cfg!(feature = "loom"),
            Engine::Graph => cfg!(feature = "graph"),
            Engine::Shuttle(_) => cfg!(feature = "shuttle"),
        }
    }

    /// Returns whether the engine can find a missing Acquire or Release.
    pub fn sees_orderings(self) -> bool {
        matches!(self, Engine::Loom | Engine::Graph)
    }

    /// Returns whether the engine models SeqCst accesses precisely, so that it can find one that is too weak.
    pub fn judges_seq_cst(self) -> bool {
        matches!(self, Engine::Graph)
    }

    /// Returns whether the engine reports data races on cells.
    pub fn sees_races(self) -> bool {
        matches!(self, Engine::Loom | Engine::Graph)
    }

    /// Returns whether the engine reports leaks, double frees and uses after free.
    pub fn sees_allocations(self) -> bool {
        !matches!(self, Engine::Native)
    }

    /// Returns the default bound on preemptions. Where interleavings are explored, two preemptions show most faults,
    /// and without a bound few models come to an end.
    pub(crate) fn own_preemption_bound(self) -> Option<usize> {
        match self {
            Engine::Loom | Engine::Shuttle(_) => Some(2),
            Engine::Native | Engine::Graph => None,
        }
    }

    /// Returns the name that reports and `SELVEDGE_ENGINES` use.
    pub fn name(self) -> &'static str {
        match self {
            Engine::Native => "native",
            Engine::Loom => "loom",
            Engine::Graph => "graph",
            Engine::Shuttle(Strategy::DepthFirst) => "shuttle",
            Engine::Shuttle(Strategy::Random) => "shuttle-random",
            Engine::Shuttle(Strategy::Pct) => "shuttle-pct",
            Engine::Shuttle(Strategy::Urw) => "shuttle-urw",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Engine {
    type Err = String;

    fn from_str(name: &str) -> Result<Engine, String> {
        if name == "rc11" {
            return Ok(Engine::Graph);
        }
        let found = Engine::ALL.into_iter().find(|engine| engine.name() == name);
        found.ok_or_else(|| {
            let names: Vec<_> = Engine::ALL.iter().map(|engine| engine.name()).collect();
            format!("unknown engine `{name}`; use one of: {}", names.join(", "))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_to_its_engine() {
        for engine in Engine::all() {
            assert_eq!(engine.name().parse(), Ok(*engine));
        }
        assert_eq!("rc11".parse(), Ok(Engine::Graph), "the engine's former name");
    }

    #[test]
    fn a_wrong_name_lists_the_good_ones() {
        let error = "lom".parse::<Engine>().expect_err("there is no such engine");
        assert!(error.contains("`lom`") && error.contains("shuttle-pct"), "{error}");
    }
}
