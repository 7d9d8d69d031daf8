//! Running one model under one engine.
//!
//! A [`Plan`] goes down to the engine's driver, which explores on OS threads of its own ([`isolated`]) and returns an
//! [`Explored`]. [`verdict`] says what may be concluded from that.

mod both;
mod explored;
#[cfg(feature = "graph")]
mod graph;
mod isolated;
mod limits;
#[cfg(feature = "loom")]
mod loom;
mod native;
mod phase;
mod plan;
mod shrink;
#[cfg(feature = "shuttle")]
pub(crate) mod shuttle;
mod verdict;

use self::explored::{Counts, Cut, End, Explored, Found, Meter};
use self::limits::Limits;
use self::phase::Past;
pub use self::phase::Phase;
pub(crate) use self::plan::{AtDeadlock, GraphSettings, Plan};
use crate::replay::Token;
use crate::{Engine, Primitives, Report, Strategy};
use selvedge::rt::seam::capture_panics;
use std::sync::Arc;
use std::time::Instant;

/// A model's body.
pub(crate) type Model = Arc<dyn Fn() + Send + Sync>;

/// Returns the engine that a token belongs to.
pub(crate) fn of_token(token: &Token) -> Engine {
    match token {
        Token::Loom { .. } => Engine::Loom,
        Token::Graph(_) => Engine::Graph,
        Token::Shuttle(_) => Engine::Shuttle(Strategy::DepthFirst),
    }
}

/// Runs a model under the plan's engine.
pub(crate) fn run(plan: Plan, model: Model) -> Report {
    match plan.primitives {
        Primitives::Both => both::run(&plan, &model),
        Primitives::Specified | Primitives::Real => run_in_one_form(plan, model),
    }
}

fn run_in_one_form(plan: Plan, model: Model) -> Report {
    capture_panics(warm_up);
    let started = Instant::now();
    let mut explored = explore(&plan, &model);
    if let End::Failed(found) = explored.end {
        explored.end = End::Failed(match plan.shrink && plan.replay.is_none() && found.is_of_the_model() {
            true => shrink::fewest_preemptions(&plan, &model, found),
            false => found,
        });
    }
    let (counts, coverage) = (explored.counts, explored.coverage);
    let judged = verdict::judge(&plan, explored);
    let coverage = coverage.filter(|_| judged.verdict.passed());
    Report {
        engine: plan.engine,
        verdict: judged.verdict,
        executions: counts.executions,
        operations: counts.operations,
        elapsed: started.elapsed(),
        mutated: counts.mutated,
        blocked: counts.blocked,
        events: counts.events,
        primitives: if counts.specified > 0 { Primitives::Specified } else { Primitives::Real },
        other_form: None,
        up_to_symmetry: counts.up_to_symmetry,
        coverage,
        remark: judged.remark,
        out_of_time: judged.out_of_time,
    }
}

/// Lets the plan's engine explore a model.
fn explore(plan: &Plan, model: &Model) -> Explored {
    let meter = Meter::start(plan);
    match plan.engine {
        Engine::Native => meter.explored(native::run(plan, model)),
        #[cfg(feature = "graph")]
        Engine::Graph => graph::run(plan, model, &meter),
        #[cfg(feature = "loom")]
        Engine::Loom => meter.explored(loom::run(plan, model)),
        #[cfg(feature = "shuttle")]
        Engine::Shuttle(strategy) => shuttle::run(plan, strategy, model, &meter),
        #[cfg(not(all(feature = "loom", feature = "shuttle", feature = "graph")))]
        other => unreachable!("{other} is not compiled in, which `Checker::run` has looked at"),
    }
}

/// Returns Knuth's estimate of how many executions a model has under the graph engine.
#[cfg(feature = "graph")]
pub(crate) fn estimate(plan: &Plan, model: Model, samples: u32) -> Result<f64, String> {
    use crate::Verdict;
    capture_panics(warm_up);
    graph::estimate(plan, &model, samples).map_err(|end| {
        match verdict::judge(plan, Meter::start(plan).explored(end)).verdict {
            Verdict::Failed(counterexample) => counterexample.to_string(),
            Verdict::Refused { why } => why,
            other => other.label().to_string(),
        }
    })
}

/// Lets the engines install their panic hooks, which `capture_panics` then replaces.
fn warm_up() {
    #[cfg(feature = "loom")]
    loom::warm_up();
    #[cfg(feature = "shuttle")]
    shuttle::warm_up();
}
