//! The graph engine: machines on OS threads of their own, which share the work.

mod adapter;
mod checkpoint;
mod numbers;
mod phases;
mod pool;
mod worker;

use super::isolated::{self, Reporter, reports, text_of};
use super::{Counts, Cut, End, Explored, Found, Limits, Meter, Model, Plan};
use crate::replay::Token;
use phases::Search;
use pool::{Known, Left, Pool, Standing};
use selvedge_graph::{Machine, Options, Statistics};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use worker::Task;

/// What a worker reports.
enum Report {
    /// It has done its part of the work.
    Done,
    /// The exploration has ended.
    Ended(End),
}

/// What the machines have done, if the exploration came to its end.
type Done = Option<Statistics>;

fn options(plan: &Plan) -> Options {
    Options {
        model: plan.graph.model,
        races: plan.graph.races,
        spurious_failures: plan.graph.spurious_failures,
        discrete_time: plan.graph.discrete_time,
        max_preemptions: plan.preemptions.map(|bound| u32::try_from(bound).unwrap_or(u32::MAX)),
        max_events: plan.graph.events,
        rounds: plan.graph.rounds,
        max_retries: plan.graph.retries,
        fair_schedules: plan.graph.fair_schedules,
    }
}

pub(super) fn run(plan: &Plan, model: &Model, meter: &Meter) -> Explored {
    match &plan.replay {
        Some(Token::Graph(token)) => meter.explored(match token.parse() {
            Ok(token) => replay(plan, model, token),
            Err(error) => End::Refused(format!("the token is damaged: {error}")),
        }),
        _ => explore(plan, model, meter),
    }
}

/// Explores in phases, and says what came of it.
fn explore(plan: &Plan, model: &Model, meter: &Meter) -> Explored {
    let mut search = Search::new(plan, model);
    let (end, statistics) = match search.run() {
        Ok(pool) => finish(plan, &pool),
        Err(End::Failed(found)) => (End::Failed(Box::new(shown(plan, model, *found))), None),
        Err(end) => (end, None),
    };
    let mut explored = meter.explored(end);
    explored.past = search.past();
    if let Some(statistics) = statistics {
        let Statistics { executions, blocked, events, .. } = statistics;
        explored.counts = Counts { executions, blocked, events, ..explored.counts };
        explored.coverage = explored.coverage_of(search.share(&statistics));
    }
    explored
}

/// Writes the checkpoint while the exploration goes on. If it cannot be written, the end will say so.
fn save(plan: &Plan, pool: &Pool, standing: &Standing<'_>) {
    if let Some(path) = &plan.graph.checkpoint {
        let _ = checkpoint::write(path, plan, &pool.known, standing);
    }
}

fn finish(plan: &Plan, pool: &Pool) -> (End, Done) {
    let Left { parts, statistics, cuts } = pool.take_all();
    if let Some(path) = &plan.graph.checkpoint {
        let outcome = if parts.is_empty() {
            checkpoint::remove(path)
        } else {
            let standing = Standing { parts: &parts, statistics, cuts: &cuts };
            checkpoint::write(path, plan, &pool.known, &standing)
        };
        if let Err(why) = outcome {
            return (End::Refused(why), None);
        }
    }
    let shard = plan.graph.shard.map(|(shard, shards)| format!("shard {shard} of {shards}"));
    let bounds = cuts.into_iter().map(Cut::Bound);
    let cuts = bounds.chain(pool.reached()).chain(shard.map(Cut::Bound)).collect();
    (End::Passed(cuts), Some(statistics))
}

/// A failure, with the interleaving that a replay shows.
fn shown(plan: &Plan, model: &Model, mut found: Found) -> Found {
    let plan = &plan.uncounted();
    if let Some(interleaved) = found.interleaved.take() {
        let token = Token::Graph(interleaved.to_string());
        let again = replay(plan, model, interleaved);
        if matches!(&again, End::Failed(again) if again.failure.kind == found.failure.kind) {
            return found.replayed(token, again);
        }
    }
    let Some(Token::Graph(token)) = found.token.take() else { return found };
    match token.parse() {
        Ok(parsed) => found.replayed(Token::Graph(token), replay(plan, model, parsed)),
        Err(_) => Found { token: Some(Token::Graph(token)), ..found },
    }
}

fn replay(plan: &Plan, model: &Model, token: selvedge_graph::Token) -> End {
    match report_of(plan, model, Task::Replay(token)) {
        Report::Ended(end) => end,
        Report::Done => unreachable!("a replay reports how it ended"),
    }
}

/// The first report of one worker.
fn report_of(plan: &Plan, model: &Model, task: Task) -> Report {
    let (reporter, reports) = reports();
    let launched = launch(plan, model, task, reporter);
    launched.and_then(|()| reports.next(plan)).unwrap_or_else(|why| Report::Ended(End::Refused(why)))
}

/// Starts a worker.
fn launch(plan: &Plan, model: &Model, task: Task, reporter: Reporter<Report>) -> Result<(), String> {
    let (plan, model) = (plan.clone(), Arc::clone(model));
    isolated::launch("selvedge-graph", reporter, move |reporter| {
        let work = AssertUnwindSafe(|| worker::work(&plan, &model, task, &reporter));
        if let Err(payload) = catch_unwind(work) {
            reporter.crashed(format!("internal error of the engine: {}", text_of(&*payload)));
        }
    })
}

/// Knuth's estimate of how many executions a model has, the mean of so many samples.
pub(super) fn estimate(plan: &Plan, model: &Model, samples: u32) -> Result<f64, End> {
    let known = Known::default();
    loop {
        let pool = Arc::new(Pool::new(plan, Left::default(), &known, Limits::new(None, None), 0));
        match report_of(plan, model, Task::Descend(Arc::clone(&pool), samples.into())) {
            Report::Done if known.is_regrouped() => known.begin_anew(),
            Report::Done => return Ok(pool.sizes() / f64::from(samples.max(1))),
            Report::Ended(end) => return Err(end),
        }
    }
}

/// A machine for a plan.
fn machine(plan: &Plan, task: &Task) -> Machine {
    let options = options(plan);
    match task {
        Task::Replay(token) => Machine::replaying(options, token),
        Task::Descend(pool, _) => pool.known.share_with(Machine::sampling(options)),
        Task::Share(pool) | Task::Split(pool, _) => pool.known.share_with(Machine::new(options)),
    }
}
