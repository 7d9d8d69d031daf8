//! The graph engine: machines on OS threads of their own, which share the work.

mod adapter;
mod checkpoint;
mod numbers;
mod pool;
mod worker;

use super::isolated::{self, Reporter, reports, text_of};
use super::{Counts, Cut, End, Explored, Found, Meter, Model, Plan};
use crate::replay::Token;
use pool::{Pool, Standing};
use selvedge_graph::{Machine, Options, Part, Statics, Statistics};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use worker::Task;

/// What a worker reports.
enum Report {
    /// It has done its part of the work.
    Done,
    /// The exploration has ended.
    Ended(End),
    /// Knuth's estimate.
    Estimate(f64),
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
    }
}

pub(super) fn run(plan: &Plan, model: &Model, meter: &Meter) -> Explored {
    let (end, done) = match &plan.replay {
        Some(Token::Graph(token)) => match token.parse() {
            Ok(token) => (replay(plan, model, token), None),
            Err(error) => (End::Refused(format!("the token is damaged: {error}")), None),
        },
        _ => explore(plan, model),
    };
    let mut explored = meter.explored(end);
    if let Some(Statistics { executions, blocked, events, .. }) = done {
        explored.counts = Counts { executions, blocked, events, ..explored.counts };
    }
    explored
}

fn explore(plan: &Plan, model: &Model) -> (End, Done) {
    match search(plan, model) {
        Ok(pool) => finish(plan, &pool),
        Err(End::Failed(found)) => (End::Failed(Box::new(shown(plan, model, *found))), None),
        Err(end) => (end, None),
    }
}

/// Lets the jobs work until nothing is left to do, or a limit is reached.
fn search(plan: &Plan, model: &Model) -> Result<Arc<Pool>, End> {
    let pool = Arc::new(start(plan, model)?);
    let worked = work(plan, model, &pool);
    if worked.is_err() {
        pool.stop();
    }
    worked.map(|()| pool)
}

fn work(plan: &Plan, model: &Model, pool: &Arc<Pool>) -> Result<(), End> {
    let (reporter, reports) = reports();
    for _ in 0..plan.graph.jobs {
        launch(plan, model, Task::Share(Arc::clone(pool)), reporter.clone()).map_err(End::Refused)?;
    }
    // Each job reports once. Failed ones keep their end of the channel for ever.
    for _ in 0..plan.graph.jobs {
        if let Report::Ended(end) = reports.next(plan).map_err(End::Refused)? {
            return Err(end);
        }
    }
    Ok(())
}

/// The parts to begin with: everything, what a checkpoint left, or this shard's share.
fn start(plan: &Plan, model: &Model) -> Result<Pool, End> {
    if let Some(path) = plan.graph.checkpoint.as_ref().filter(|path| path.exists()) {
        let saved = checkpoint::read(path, plan).map_err(End::Refused)?;
        let pool = Pool::new(plan, saved.parts, Statics::from_distances(saved.statics), saved.statistics);
        saved.cuts.into_iter().for_each(|cut| pool.cut(cut));
        return Ok(pool);
    }
    let statics = Statics::default();
    let Some((shard, shards)) = plan.graph.shard else {
        return Ok(Pool::new(plan, vec![Part::whole(plan.graph.model)], statics, Default::default()));
    };
    // The same in every shard: explored until there is enough to share out.
    let pool = Arc::new(Pool::new(plan, vec![Part::whole(plan.graph.model)], statics, Default::default()));
    if let Report::Ended(end) = report_of(plan, model, Task::Split(Arc::clone(&pool), shards * 32)) {
        return Err(end);
    }
    let ((parts, statistics), cuts) = (pool.take_all(), pool.cuts());
    let mine = parts.into_iter().enumerate().filter(|(number, _)| number % shards == shard - 1);
    let parts = mine.map(|(_, part)| part).collect();
    let statistics = if shard == 1 { statistics } else { Default::default() };
    let mine = Pool::new(plan, parts, pool.statics.clone(), statistics);
    cuts.into_iter().for_each(|cut| mine.cut(cut));
    Ok(mine)
}

/// Writes the checkpoint while the exploration goes on. If it cannot be written, the end will say so.
fn save(plan: &Plan, pool: &Pool, standing: &Standing<'_>) {
    if let Some(path) = &plan.graph.checkpoint {
        let _ = checkpoint::write(path, plan, pool.statics.distances(), standing);
    }
}

fn finish(plan: &Plan, pool: &Pool) -> (End, Done) {
    let (left, statistics) = pool.take_all();
    if let Some(path) = &plan.graph.checkpoint {
        let outcome = if left.is_empty() {
            checkpoint::remove(path)
        } else {
            let standing = Standing { parts: &left, statistics, cuts: &pool.cuts() };
            checkpoint::write(path, plan, pool.statics.distances(), &standing)
        };
        if let Err(why) = outcome {
            return (End::Refused(why), None);
        }
    }
    let shard = plan.graph.shard.map(|(shard, shards)| format!("shard {shard} of {shards}"));
    let bounds = pool.cuts().into_iter().map(Cut::Bound);
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
        Report::Done | Report::Estimate(_) => unreachable!("a replay reports how it ended"),
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
    match report_of(plan, model, Task::Sample { samples }) {
        Report::Estimate(estimate) => Ok(estimate),
        Report::Ended(end) => Err(end),
        Report::Done => unreachable!("a sampling reports an estimate"),
    }
}

/// A machine for a plan.
fn machine(plan: &Plan, task: &Task) -> Machine {
    let options = options(plan);
    match task {
        Task::Replay(token) => Machine::replaying(options, token),
        Task::Sample { .. } => Machine::sampling(options, plan.seed),
        Task::Share(pool) | Task::Split(pool, _) => Machine::new(options).sharing(&pool.statics),
    }
}
