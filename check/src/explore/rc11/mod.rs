//! rc11: machines on OS threads of their own, which share the work.

mod adapter;
mod checkpoint;
mod numbers;
mod pool;
mod worker;

use super::{Event, Model, Plan, judge, with_replay};
use crate::Verdict;
use crate::replay::Token;
use pool::{Pool, Standing};
use selvedge_graph::{Machine, Options, Part, Statics};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use worker::Task;

/// A failed execution, handed over from the worker that met it.
type Failed = Arc<Mutex<Option<Shown>>>;

/// How a failed execution can be shown.
struct Shown {
    graph: selvedge_graph::report::Execution,
    /// It as an interleaving.
    interleaved: Option<selvedge_graph::Token>,
}

fn options(plan: &Plan) -> Options {
    Options {
        races: plan.rc11.races,
        spurious_failures: plan.rc11.spurious_failures,
        discrete_time: plan.rc11.discrete_time,
        max_preemptions: plan.preemptions.map(|bound| u32::try_from(bound).unwrap_or(u32::MAX)),
        max_events: plan.rc11.events,
        rounds: plan.rc11.rounds,
    }
}

pub(super) fn run(plan: &Plan, model: &Model) -> Verdict {
    let failed = Failed::default();
    let mut verdict = match &plan.replay {
        Some(Token::Rc11(token)) => match token.parse() {
            Ok(token) => match replay(plan, model, token, &failed) {
                Event::Failed(failure, token) => judge(*failure, token, None),
                other => nothing_found(other),
            },
            Err(error) => Verdict::Refused { why: format!("the token is damaged: {error}") },
        },
        _ => explore(plan, model, &failed),
    };
    if let Verdict::Failed(counterexample) = &mut verdict {
        let shown = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        counterexample.graph = shown.map(|shown| Box::new(shown.graph));
    }
    verdict
}

fn explore(plan: &Plan, model: &Model, failed: &Failed) -> Verdict {
    let pool = match start(plan, model, failed) {
        Ok(pool) => Arc::new(pool),
        Err(Event::Failed(failure, Some(Token::Rc11(token)))) => {
            return shown(plan, model, *failure, token, failed);
        }
        Err(other) => return nothing_found(other),
    };
    let (tx, rx) = mpsc::channel();
    for _ in 0..plan.rc11.jobs {
        let task = Task::Share(Arc::clone(&pool));
        if let Err(event) = launch(plan, model, task, failed, tx.clone()) {
            pool.stop();
            return nothing_found(event);
        }
    }
    // Each job reports once. Failed ones keep their end of the channel for ever.
    let mut working = plan.rc11.jobs;
    while working > 0 {
        match super::receive(plan, &rx) {
            Event::Done { .. } => working -= 1,
            Event::Failed(failure, Some(Token::Rc11(token))) => {
                pool.stop();
                return shown(plan, model, *failure, token, failed);
            }
            other => {
                pool.stop();
                return nothing_found(other);
            }
        }
    }
    finish(plan, &pool)
}

/// The parts to begin with: everything, what a checkpoint left, or this shard's share.
fn start(plan: &Plan, model: &Model, failed: &Failed) -> Result<Pool, Event> {
    let refused = Event::Crashed;
    if let Some(path) = plan.rc11.checkpoint.as_ref().filter(|path| path.exists()) {
        let saved = checkpoint::read(path, plan).map_err(refused)?;
        let pool = Pool::new(plan, saved.parts, Statics::from_distances(saved.statics), saved.statistics);
        saved.cuts.into_iter().for_each(|cut| pool.cut(cut));
        return Ok(pool);
    }
    let statics = Statics::default();
    let Some((shard, shards)) = plan.rc11.shard else {
        return Ok(Pool::new(plan, vec![Part::whole()], statics, Default::default()));
    };
    // The same in every shard: explored until there is enough to share out.
    let pool = Arc::new(Pool::new(plan, vec![Part::whole()], statics, Default::default()));
    let (tx, rx) = mpsc::channel();
    launch(plan, model, Task::Split(Arc::clone(&pool), shards * 32), failed, tx)?;
    match super::receive(plan, &rx) {
        Event::Done { .. } => (),
        other => return Err(other),
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
    if let Some(path) = &plan.rc11.checkpoint {
        let _ = checkpoint::write(path, plan, pool.statics.distances(), standing);
    }
}

fn finish(plan: &Plan, pool: &Pool) -> Verdict {
    let (left, statistics) = pool.take_all();
    plan.rc11.tally(&statistics);
    if let Some(path) = &plan.rc11.checkpoint {
        let outcome = if left.is_empty() {
            checkpoint::remove(path)
        } else {
            let standing = Standing { parts: &left, statistics, cuts: &pool.cuts() };
            checkpoint::write(path, plan, pool.statics.distances(), &standing)
        };
        if let Err(why) = outcome {
            return Verdict::Refused { why };
        }
    }
    let shard = plan.rc11.shard.map(|(shard, shards)| format!("shard {shard} of {shards}"));
    let bounds: Vec<String> = pool.cuts().into_iter().chain(pool.reached()).chain(shard).collect();
    if bounds.is_empty() {
        return Verdict::Exhaustive;
    }
    Verdict::Searched { executions: statistics.executions, bounds: bounds.join("; ") }
}

/// A failure, with the interleaving that a replay shows.
fn shown(
    plan: &Plan,
    model: &Model,
    failure: selvedge::rt::seam::Failure,
    token: String,
    failed: &Failed,
) -> Verdict {
    // What is run again to be shown does not count.
    let plan = &Plan { counters: Arc::default(), ..plan.clone() };
    let interleaved = {
        let mut failed = failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_mut().and_then(|shown| shown.interleaved.take())
    };
    if let Some(interleaved) = interleaved {
        let text = interleaved.to_string();
        if let again @ Event::Failed(..) = replay(plan, model, interleaved, failed)
            && matches!(&again, Event::Failed(found, _) if found.kind == failure.kind)
        {
            return with_replay(failure, Token::Rc11(text), again);
        }
    }
    let Ok(parsed) = token.parse() else {
        return judge(failure, Some(Token::Rc11(token)), None);
    };
    let again = replay(plan, model, parsed, failed);
    with_replay(failure, Token::Rc11(token), again)
}

fn replay(plan: &Plan, model: &Model, token: selvedge_graph::Token, failed: &Failed) -> Event {
    let (tx, rx) = mpsc::channel();
    if let Err(event) = launch(plan, model, Task::Replay(token), failed, tx) {
        return event;
    }
    super::receive(plan, &rx)
}

fn launch(
    plan: &Plan,
    model: &Model,
    task: Task,
    failed: &Failed,
    report: Sender<Event>,
) -> Result<(), Event> {
    let (plan, model, failed) = (plan.clone(), Arc::clone(model), Arc::clone(failed));
    let crashed = report.clone();
    let body = move || {
        let work = std::panic::AssertUnwindSafe(|| worker::work(&plan, &model, task, &failed, &report));
        if let Err(payload) = std::panic::catch_unwind(work) {
            let why = format!("internal error of the engine: {}", super::text_of(&*payload));
            let _ = crashed.send(Event::Crashed(why));
        }
    };
    let spawned =
        std::thread::Builder::new().name("selvedge-rc11".to_string()).stack_size(1 << 20).spawn(body);
    spawned.map(|_| ()).map_err(|error| Event::Crashed(format!("no thread to explore on: {error}")))
}

fn nothing_found(event: Event) -> Verdict {
    match event {
        Event::Done { cut } => Verdict::Searched {
            executions: 1,
            bounds: cut.unwrap_or_else(|| "the replayed execution did not fail".to_string()),
        },
        Event::Failed(failure, token) => judge(*failure, token, None),
        Event::Crashed(why) => Verdict::Refused { why },
        Event::Restart(_) => unreachable!("rc11 makes statics when they are met"),
    }
}

/// Knuth's estimate of how many executions a model has, the mean of so many samples.
pub(super) fn estimate(plan: &Plan, model: &Model, samples: u32) -> Result<f64, String> {
    let (tx, rx) = mpsc::channel();
    let result = Arc::new(Mutex::new(0.0));
    let task = Task::Sample { samples, result: Arc::clone(&result) };
    let describe = |event| match nothing_found(event) {
        Verdict::Failed(counterexample) => counterexample.to_string(),
        Verdict::Refused { why } => why,
        other => other.label().to_string(),
    };
    launch(plan, model, task, &Failed::default(), tx).map_err(describe)?;
    match rx.recv() {
        Ok(Event::Done { .. }) => Ok(*result.lock().unwrap_or_else(PoisonError::into_inner)),
        Ok(other) => Err(describe(other)),
        Err(_) => Err("the sampling ended without a word".to_string()),
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
