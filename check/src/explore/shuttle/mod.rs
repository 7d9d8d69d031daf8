//! shuttle: its runner, with our scheduler.

mod adapter;
mod depth_first;
pub(crate) mod freeze;
mod loose;
mod schedule;
mod turns;

use self::adapter::ShuttleBackend;
use self::depth_first::DepthFirst;
use self::loose::{Loose, switches};
use self::schedule::{Done, Driver, Handle, Sampled, Source};
use super::explored::{replay_diverged, replay_passed};
use super::isolated::{Reporter, isolated};
use super::{Counts, Cut, End, Explored, Found, Limits, Meter, Model, Past, Phase, Plan};
use crate::Strategy;
use crate::replay::{Decision, Token};
use selvedge::rt::seam::{Failure, Options, Outcome, Record, STACK_SIZE, Session};
use shuttle::scheduler::RandomScheduler;
use shuttle::{Config, FailurePersistence, MaxSteps, Runner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

/// Priority changes in a PCT schedule.
const PCT_DEPTH: usize = 3;

/// What the exploration's thread is to do.
enum Task {
    Explore(Strategy),
    Replay(Vec<Decision>),
    Loose(Loose),
}

pub(super) fn warm_up() {
    let _ = std::thread::spawn(|| {
        catch_unwind(AssertUnwindSafe(|| {
            Runner::new(RandomScheduler::new_from_seed(0, 1), config()).run(|| ())
        }))
    })
    .join();
}

/// What an exploration comes to; of a depth-first search that did not fail also what it has done.
type Reported = (End, Option<Done>);

pub(super) fn run(plan: &Plan, strategy: Strategy, model: &Model, meter: &Meter) -> Explored {
    let (end, done) = explore(plan, strategy, model);
    let mut explored = meter.explored(end);
    if let Some(Done { executions, progress, past }) = done {
        explored.counts = Counts { executions, ..explored.counts };
        explored.coverage = explored.coverage_of(Some(progress));
        explored.past = past;
    }
    explored
}

fn explore(plan: &Plan, strategy: Strategy, model: &Model) -> Reported {
    if std::env::var_os("SHUTTLE_RANDOM_SEED").is_some() && strategy != Strategy::DepthFirst {
        let why = "SHUTTLE_RANDOM_SEED is set and would override the seed; unset it and use SELVEDGE_SEED";
        return (End::Refused(why.to_string()), None);
    }
    if let Some(Token::Shuttle(decisions)) = &plan.replay {
        let end = match start(plan, Task::Replay(decisions.clone()), model).0 {
            End::Passed(cuts) if cuts.is_empty() => End::Passed(vec![replay_passed()]),
            other => other,
        };
        return (end, None);
    }
    match start(plan, Task::Explore(strategy), model) {
        (End::Failed(found), done) => (End::Failed(Box::new(shown(plan, model, *found))), done),
        passed => passed,
    }
}

/// A failure, with the interleaving that a replay shows.
fn shown(plan: &Plan, model: &Model, found: Found) -> Found {
    let Some(Token::Shuttle(decisions)) = &found.token else { return found };
    let decisions = match plan.shrink {
        true => shortened(plan, model, &found.failure, decisions.clone()),
        false => decisions.clone(),
    };
    let (again, _) = start(&plan.uncounted(), Task::Replay(decisions.clone()), model);
    found.replayed(Token::Shuttle(decisions), again)
}

/// A schedule that fails in the same way with as few context switches as can be found by taking out one run
/// after the other.
fn shortened(plan: &Plan, model: &Model, failure: &Failure, decisions: Vec<Decision>) -> Vec<Decision> {
    const TRIES: usize = 500;
    // More would keep the reader waiting.
    let limit = Limits::new(Some(Duration::from_secs(2)), None);
    let mut best = decisions;
    let mut tries = 0;
    'shorter: loop {
        for loose in Loose::shorter(&best) {
            tries += 1;
            if tries > TRIES || limit.reached(1).is_some() {
                return best;
            }
            if let (End::Failed(found), _) = start(&plan.uncounted(), Task::Loose(loose), model)
                && found.failure.kind == failure.kind
                && let Some(Token::Shuttle(decisions)) = found.token
                && switches(&decisions) < switches(&best)
            {
                best = decisions;
                continue 'shorter;
            }
        }
        return best;
    }
}

fn start(plan: &Plan, task: Task, model: &Model) -> Reported {
    let (theirs, model) = (plan.clone(), Arc::clone(model));
    let end = isolated(plan, "selvedge-shuttle", move |reporter| exploration(&theirs, task, model, reporter));
    end.unwrap_or_else(|why| (End::Refused(format!("shuttle gave up: {why}")), None))
}

/// The body of an exploration's OS thread.
fn exploration(plan: &Plan, task: Task, model: Model, reporter: Reporter<Reported>) {
    let replaying = matches!(task, Task::Replay(_));
    let engine = ShuttleBackend::default();
    let driver = Driver::new(source(plan, task), plan, &engine);
    let (for_choices, for_outcome, outcome) = (driver.clone(), driver.clone(), reporter.clone());
    let session = Session::install(
        Box::new(engine),
        Options {
            max_operations: plan.max_operations,
            record: if replaying { Record::Execution(1) } else { Record::Nothing },
            edits: plan.edits.clone(),
            mutations: plan.mutations.clone(),
            specified: plan.specified(),
            statics: Vec::new(),
            chooser: Box::new(move |n| for_choices.borrow_mut().choose(n)),
            on_outcome: Box::new(move |ended| {
                if let Outcome::Failed(failure) = ended {
                    let driver = for_outcome.borrow();
                    let token = Token::Shuttle(driver.decisions.clone());
                    let found = Found { phase: driver.phase(), ..Found::new(*failure, Some(token)) };
                    outcome.report((End::Failed(Box::new(found)), None));
                }
            }),
            counters: Arc::clone(&plan.counters),
        },
    );
    let session = OnThisThread(session);
    Runner::new(Handle(driver.clone()), config()).run(move || session.execute(&model));
    let driver = driver.borrow();
    if let Some((decision, sites)) = driver.astray() {
        let [now, before] = sites.map(|site| {
            site.map_or("the start".to_string(), |site| format!("{}:{}", site.file(), site.line()))
        });
        return reporter.crashed(format!(
            "the model is not deterministic: decision {decision}, at {now}, is not the one that an earlier execution \
             came to, at {before}, though it had gone the same way; a model must not depend on time, addresses, \
             random numbers, the order of a HashMap, or what earlier executions left behind"
        ));
    }
    let cuts = match (&driver.cut, &driver.source) {
        (Some(cut), _) => vec![cut.clone()],
        (None, Source::DepthFirst(search)) => cut_by(search, plan),
        (None, Source::Replay { decisions, position, astray }) if *astray || *position < decisions.len() => {
            vec![replay_diverged()]
        }
        _ => Vec::new(),
    };
    reporter.report((End::Passed(cuts), driver.done()));
}

/// What has cut a search that came to its end.
fn cut_by(search: &DepthFirst, plan: &Plan) -> Vec<Cut> {
    let preemptions = plan.preemptions.filter(|_| search.bound_cut);
    let preemptions = preemptions.map(|bound| format!("at most {bound} preemptions"));
    let yields = search.yield_cut.then(|| "a thread that yields or spins lets others go first".to_string());
    preemptions.into_iter().chain(yields).map(Cut::Bound).collect()
}

/// shuttle requires a `Send + Sync` closure, and runs it on the calling thread.
struct OnThisThread(&'static Session);

// SAFETY: `Runner::run` runs the model as coroutines of the OS thread that calls `run`. That is the session's own thread,
// so the reference never leaves it.
unsafe impl Send for OnThisThread {}
// SAFETY: all coroutines that use the reference run on the session's own thread.
unsafe impl Sync for OnThisThread {}

impl OnThisThread {
    fn execute(&self, model: &Model) {
        self.0.execute(&**model);
    }
}

fn source(plan: &Plan, task: Task) -> Source {
    match task {
        Task::Replay(decisions) => Source::Replay { decisions, position: 0, astray: false },
        Task::Loose(loose) => Source::Loose(loose),
        Task::Explore(Strategy::DepthFirst) => Source::DepthFirst(DepthFirst::new(plan.preemptions)),
        Task::Explore(strategy) => Source::Sampled(Sampled::of(strategy, plan.seed, plan.iterations)),
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config.stack_size = STACK_SIZE;
    config.failure_persistence = FailurePersistence::None;
    // The session's own bound on operations says what happened; shuttle's only panics.
    config.max_steps = MaxSteps::None;
    config.silence_warnings = true;
    config
}
