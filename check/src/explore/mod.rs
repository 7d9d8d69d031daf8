//! Running one model under one engine.
//!
//! Every exploration has an OS thread of its own, which reports back over a channel: so runs can be
//! nested and concurrent, and a failed one can stop where it is, with nothing unwound.

#[cfg(feature = "loom")]
mod loom;
mod native;
#[cfg(feature = "rc11")]
pub(crate) mod rc11;
mod shrink;
#[cfg(feature = "shuttle")]
pub(crate) mod shuttle;

use crate::replay::{self, Token};
use crate::{Counterexample, Engine, Report, Strategy, Verdict};
use selvedge::rt::seam::{Counters, Failure, FailureKind, Mutation, StaticKey, capture_panics};
use std::any::Any;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A model's body.
pub(crate) type Model = Arc<dyn Fn() + Send + Sync>;

/// What to do with a model under one engine.
#[derive(Clone)]
#[cfg_attr(
    not(all(feature = "loom", feature = "rc11", feature = "shuttle")),
    allow(dead_code, reason = "each engine reads its part of the plan")
)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) engine: Engine,
    pub(crate) rc11: Rc11,
    pub(crate) preemptions: Option<usize>,
    pub(crate) iterations: u64,
    pub(crate) seed: u64,
    pub(crate) time_limit: Option<Duration>,
    pub(crate) max_executions: Option<u64>,
    pub(crate) max_operations: u64,
    pub(crate) hang_limit: Duration,
    pub(crate) mutations: Vec<Mutation>,
    pub(crate) replay: Option<Token>,
    /// Whether to look for a failure that takes fewer context switches.
    pub(crate) shrink: bool,
    /// Threads that stop under shuttle.
    #[cfg(feature = "shuttle")]
    pub(crate) freeze: Option<shuttle::freeze::Freeze>,
    pub(crate) counters: Arc<Counters>,
    /// Whether the limit on time has ended the run.
    pub(crate) out_of_time: Arc<AtomicBool>,
}

/// What only rc11 looks at.
#[derive(Clone, Debug)]
#[cfg_attr(not(feature = "rc11"), allow(dead_code, reason = "rc11 reads it"))]
pub(crate) struct Rc11 {
    pub(crate) jobs: usize,
    pub(crate) races: bool,
    pub(crate) spurious_failures: bool,
    pub(crate) discrete_time: bool,
    pub(crate) events: Option<u32>,
    /// How many rounds of a loop are explored.
    pub(crate) rounds: u32,
    /// Which of how many, from 1.
    pub(crate) shard: Option<(usize, usize)>,
    pub(crate) checkpoint: Option<PathBuf>,
    pub(crate) checkpoint_every: Duration,
    pub(crate) explored: Arc<Mutex<Explored>>,
}

/// What rc11 has explored.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Explored {
    pub(crate) executions: u64,
    pub(crate) blocked: u64,
    pub(crate) events: u64,
}

impl Default for Rc11 {
    fn default() -> Rc11 {
        Rc11 {
            jobs: 1,
            races: true,
            spurious_failures: true,
            discrete_time: false,
            events: None,
            rounds: 32,
            shard: None,
            checkpoint: None,
            checkpoint_every: Duration::from_secs(30),
            explored: Arc::default(),
        }
    }
}

#[cfg(feature = "rc11")]
impl Rc11 {
    /// Keeps what has been explored for the report.
    fn tally(&self, statistics: &selvedge_graph::Statistics) {
        let selvedge_graph::Statistics { executions, blocked, events, .. } = *statistics;
        *self.explored.lock().unwrap_or_else(PoisonError::into_inner) =
            Explored { executions, blocked, events };
    }
}

/// What an exploration's thread reports.
#[cfg_attr(
    not(all(feature = "loom", feature = "rc11", feature = "shuttle")),
    allow(dead_code, reason = "each engine reports its part of the events")
)]
enum Event {
    /// It ended; `cut` names the bound that ended it, if one did.
    Done { cut: Option<String> },
    /// An execution failed, and this token replays it.
    Failed(Box<Failure>, Option<Token>),
    /// Statics were met that must be made before the body.
    Restart(Vec<StaticKey>),
    /// The engine itself panicked.
    Crashed(String),
}

/// The engine that a token belongs to.
pub(crate) fn of_token(token: &Token) -> Engine {
    match token {
        Token::Loom { .. } => Engine::Loom,
        Token::Rc11(_) => Engine::Rc11,
        Token::Shuttle(_) => Engine::Shuttle(Strategy::DepthFirst),
    }
}

/// Runs a model under the plan's engine.
pub(crate) fn run(plan: Plan, model: Model) -> Report {
    capture_panics(warm_up);
    let started = Instant::now();
    let before = Tally::of(&plan.counters);
    let mut verdict = dispatch(&plan, &model);
    if let Verdict::Failed(found) = verdict {
        let mut found = match plan.shrink && plan.replay.is_none() {
            true => shrink::fewest_preemptions(&plan, &model, found),
            false => found,
        };
        found.token = replay::tagged(&found.token, &plan.name);
        verdict = Verdict::Failed(found);
    }
    let mut done = Tally::of(&plan.counters).since(&before);
    let explored = *plan.rc11.explored.lock().unwrap_or_else(PoisonError::into_inner);
    if plan.engine == Engine::Rc11 && verdict.passed() && plan.replay.is_none() {
        done.executions = explored.executions;
    }
    if verdict.passed() && done.operations == 0 {
        verdict = Verdict::Refused {
            why: "the engine saw no operation: the model uses std's types instead of selvedge::rt's, or two \
                  copies of selvedge are linked"
                .to_string(),
        };
    }
    // Relaxed: the exploration has reported.
    let out_of_time = verdict.passed() && plan.out_of_time.load(Relaxed);
    let (mut verdict, remark) = remarked(verdict, remark(&plan, &done));
    if let Verdict::Searched { bounds, .. } = &verdict
        && done.executions == 0
        && plan.replay.is_none()
        && plan.rc11.shard.is_none()
    {
        let why = format!(
            "no execution came to its end ({bounds}), so nothing was checked: allow more, or make the model smaller"
        );
        verdict = Verdict::Refused { why };
    }
    match &mut verdict {
        Verdict::Searched { executions, .. } => *executions = done.executions,
        Verdict::Sampled { schedules, .. } => *schedules = done.executions,
        Verdict::Stressed { runs } => *runs = done.executions,
        _ => (),
    }
    Report {
        engine: plan.engine,
        verdict,
        executions: done.executions,
        operations: done.operations,
        elapsed: started.elapsed(),
        mutated: done.mutated,
        blocked: explored.blocked,
        events: explored.events,
        remark,
        out_of_time,
    }
}

/// The verdict with a remark, which is no part of one that has nowhere to put it.
fn remarked(verdict: Verdict, remark: Option<String>) -> (Verdict, Option<String>) {
    match (verdict, remark) {
        (Verdict::Exhaustive, Some(bounds)) => (Verdict::Searched { executions: 0, bounds }, None),
        (Verdict::Searched { executions, bounds }, Some(remark)) => {
            (Verdict::Searched { executions, bounds: format!("{bounds}; {remark}") }, None)
        }
        (sampled @ Verdict::Sampled { .. }, remark) => (sampled, remark),
        (other, _) => (other, None),
    }
}

/// What the number of threads and executions tells of an exploration that has passed.
fn remark(plan: &Plan, done: &Tally) -> Option<String> {
    // Relaxed: a statistic.
    let threads = plan.counters.threads.load(Relaxed);
    if threads < 2 || plan.replay.is_some() || plan.engine == Engine::Native {
        return None;
    }
    if done.met == 0 {
        return Some(format!(
            "{threads} threads, and the engine saw no conflict between them: they share nothing (but owners of an Arc), or \
             what they share is std's and not selvedge::rt's"
        ));
    }
    // Relaxed: the exploration has reported.
    let cut = plan.out_of_time.load(Relaxed) || plan.max_executions == Some(1);
    (plan.engine == Engine::Loom && done.executions == 1 && !cut)
        .then(|| format!("only one execution for {threads} threads that conflict: loom missed the others"))
}

/// Lets the plan's engine run.
fn dispatch(plan: &Plan, model: &Model) -> Verdict {
    match plan.engine {
        Engine::Native => native::run(plan, model),
        #[cfg(feature = "rc11")]
        Engine::Rc11 => rc11::run(plan, model),
        #[cfg(feature = "loom")]
        Engine::Loom => loom::run(plan, model),
        #[cfg(feature = "shuttle")]
        Engine::Shuttle(strategy) => shuttle::run(plan, strategy, model),
        #[cfg(not(all(feature = "loom", feature = "shuttle", feature = "rc11")))]
        other => unreachable!("{other} is not compiled in, which `Checker::run` has looked at"),
    }
}

/// Knuth's estimate of how many executions a model has under rc11.
#[cfg(feature = "rc11")]
pub(crate) fn estimate(plan: &Plan, model: Model, samples: u32) -> Result<f64, String> {
    capture_panics(warm_up);
    rc11::estimate(plan, &model, samples)
}

/// What the counters say at one moment.
struct Tally {
    executions: u64,
    operations: u64,
    mutated: u64,
    met: u64,
}

impl Tally {
    fn of(counters: &Counters) -> Tally {
        // Relaxed: statistics; the exploration's thread has reported, or its numbers may be a little old.
        Tally {
            executions: counters.executions.load(Relaxed),
            operations: counters.operations.load(Relaxed),
            mutated: counters.mutated.load(Relaxed),
            met: counters.met.load(Relaxed),
        }
    }

    fn since(&self, before: &Tally) -> Tally {
        Tally {
            executions: self.executions - before.executions,
            operations: self.operations - before.operations,
            mutated: self.mutated - before.mutated,
            met: self.met - before.met,
        }
    }
}

/// Lets the engines install their panic hooks, which `capture_panics` then replaces.
fn warm_up() {
    #[cfg(feature = "loom")]
    loom::warm_up();
    #[cfg(feature = "shuttle")]
    shuttle::warm_up();
}

/// Runs `explore` on an OS thread of its own and waits for what it reports.
fn isolated(plan: &Plan, name: &str, explore: impl FnOnce(Sender<Event>) + Send + 'static) -> Event {
    let (tx, rx): (Sender<Event>, Receiver<Event>) = mpsc::channel();
    let report = tx.clone();
    let body = move || {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| explore(tx)));
        if let Err(payload) = result {
            let _ = report.send(Event::Crashed(text_of(&*payload)));
        }
    };
    // Engines unwind on this stack, and formatting a report wants some too.
    let spawned = std::thread::Builder::new().name(name.to_string()).stack_size(1 << 20).spawn(body);
    match spawned {
        Err(error) => Event::Crashed(format!("no thread to explore on: {error}")),
        Ok(_) => receive(plan, &rx),
    }
}

/// Waits for what an exploration reports, as long as it gets on.
fn receive(plan: &Plan, reports: &Receiver<Event>) -> Event {
    let counters = &plan.counters;
    // Relaxed: statistics.
    let progress = || (counters.executions.load(Relaxed), counters.operations.load(Relaxed));
    let mut last = progress();
    loop {
        match reports.recv_timeout(plan.hang_limit) {
            Ok(event) => return event,
            Err(RecvTimeoutError::Disconnected) => {
                return Event::Crashed("the exploration ended without a word".to_string());
            }
            Err(RecvTimeoutError::Timeout) if progress() == last => {
                return Event::Crashed(format!(
                    "for {:?} the model has done nothing that the engine sees: it loops, or waits by std's means (a \
                     Mutex, a channel, a join) for a thread that cannot run meanwhile; use selvedge::rt's",
                    plan.hang_limit
                ));
            }
            Err(RecvTimeoutError::Timeout) => last = progress(),
        }
    }
}

fn text_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message").to_string()
}

/// Which limit on a whole exploration has been reached, if any.
#[derive(Clone)]
struct Limits {
    started: Instant,
    time: Option<Duration>,
    executions: Option<u64>,
    /// The plan's.
    out_of_time: Arc<AtomicBool>,
}

impl Limits {
    fn of(plan: &Plan) -> Limits {
        Limits {
            started: Instant::now(),
            time: plan.time_limit,
            executions: plan.max_executions,
            out_of_time: Arc::clone(&plan.out_of_time),
        }
    }

    /// To be asked before execution number `done + 1`. The first one may begin at any time.
    fn reached(&self, done: u64) -> Option<String> {
        if let Some(limit) = self.executions.filter(|limit| done >= *limit) {
            return Some(format!("stopped after {limit} executions"));
        }
        let limit = self.time.filter(|limit| done > 0 && self.started.elapsed() >= *limit)?;
        // Relaxed: read once the exploration has reported.
        self.out_of_time.store(true, Relaxed);
        Some(format!("stopped after {limit:?}"))
    }
}

/// The verdict on a failed execution: some kinds are neither pass nor failure.
fn judge(failure: Failure, token: Option<Token>, note: Option<String>) -> Verdict {
    match failure.kind {
        FailureKind::Refused | FailureKind::BoundExceeded => Verdict::Refused { why: failure.message },
        _ => {
            let token = token.map(|token| token.to_string()).unwrap_or_default();
            Verdict::Failed(Box::new(Counterexample::new(failure, token, note)))
        }
    }
}

/// A failure as the exploration saw it, with the steps that a replay recorded.
#[cfg(any(feature = "rc11", feature = "shuttle"))]
fn with_replay(failure: Failure, token: Token, replayed: Event) -> Verdict {
    match replayed {
        Event::Failed(again, _) if again.kind == failure.kind => {
            let execution = failure.execution;
            judge(Failure { execution, ..*again }, Some(token), None)
        }
        _ => judge(
            failure,
            Some(token),
            Some(
                "the replay went another way, so there is no interleaving to show: the model depends on something \
                 outside it (time, addresses, random numbers, leftovers of earlier executions)"
                    .to_string(),
            ),
        ),
    }
}
