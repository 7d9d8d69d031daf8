//! One machine at work.

use super::super::explored::{replay_diverged, replay_passed};
use super::super::isolated::Reporter;
use super::super::{End, Found, Model, Plan};
use super::adapter::GraphBackend;
use super::pool::{Pool, Standing};
use super::{Report, numbers};
use crate::replay::Token;
use selvedge::rt::seam::{FailureKind, Options, Outcome, Record, Session};
use selvedge_graph::{End as RunEnd, Machine, Statistics};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What a worker is to do.
pub(super) enum Task {
    /// Work on parts of the pool until there are none.
    Share(Arc<Pool>),
    /// Work until there are so many parts, and put them into the pool.
    Split(Arc<Pool>, usize),
    /// Run one execution, and record its steps.
    Replay(selvedge_graph::Token),
    /// Descend at random, until so many descents have begun.
    Descend(Arc<Pool>, u64),
}

/// How a worker left the pool.
#[derive(PartialEq)]
enum Ended {
    /// Nothing is left to do.
    Done,
    /// Its OS thread is of no more use.
    Unwinding,
}

struct Worker<'a> {
    plan: &'a Plan,
    model: &'a Model,
    machine: Rc<Machine>,
    session: &'static Session,
    /// What has been added to the plan's counters.
    counted: Statistics,
}

/// The body of a worker's OS thread. It does not return from an execution that fails.
pub(super) fn work(plan: &Plan, model: &Model, task: Task, reporter: &Reporter<Report>) {
    let machine = Rc::new(super::machine(plan, &task));
    if let Task::Share(pool) | Task::Split(pool, _) | Task::Descend(pool, _) = &task {
        pool.known.teach(&machine);
    }
    let alone = plan.graph.jobs == 1 || !matches!(task, Task::Share(_));
    let session = install(plan, &task, &machine, alone, reporter.clone());
    let mut worker = Worker { plan, model, machine, session, counted: Statistics::default() };
    let ended = match &task {
        Task::Share(pool) => Some(worker.share(pool)),
        Task::Descend(pool, descents) => Some(worker.descend(pool, *descents)),
        _ => None,
    };
    if ended == Some(Ended::Unwinding) {
        // This OS thread counts a panic for ever; another one goes on.
        worker.machine.retire();
        if let Err(why) = super::launch(plan, model, task, reporter.clone()) {
            reporter.crashed(why);
        }
        return;
    }
    let report = match task {
        Task::Share(_) | Task::Descend(..) => Report::Done,
        Task::Split(pool, parts) => {
            worker.split(&pool, parts);
            Report::Done
        }
        Task::Replay(_) => {
            worker.run();
            let diverged = worker.machine.went_astray();
            Report::Ended(End::Passed(vec![if diverged { replay_diverged() } else { replay_passed() }]))
        }
    };
    // The session is kept for ever, and the machine with it.
    worker.machine.retire();
    worker.session.retire();
    reporter.report(report);
}

fn install(
    plan: &Plan,
    task: &Task,
    machine: &Rc<Machine>,
    alone: bool,
    reporter: Reporter<Report>,
) -> &'static Session {
    let for_outcome = Rc::clone(machine);
    let engine = GraphBackend::new(Rc::clone(machine), alone);
    let numbers = engine.numbers();
    Session::install(
        Box::new(engine),
        Options {
            max_operations: plan.max_operations,
            record: match task {
                Task::Replay(_) => Record::Execution(1),
                _ => Record::Nothing,
            },
            edits: plan.edits.clone(),
            mutations: plan.mutations.clone(),
            specified: plan.specified(),
            statics: Vec::new(),
            chooser: Box::new(|_| unreachable!("the machine branches over choices itself")),
            on_outcome: Box::new(move |ended| {
                if let Outcome::Failed(failure) = ended {
                    let graph = for_outcome.execution(&failure.message);
                    let graph = numbers::as_reported(graph, &numbers.borrow(), &failure);
                    let token = Token::Graph(for_outcome.token().to_string());
                    let found = Found {
                        graph: Some(Box::new(graph)),
                        interleaved: for_outcome.interleaved_token(),
                        ..Found::new(*failure, Some(token))
                    };
                    reporter.report(Report::Ended(End::Failed(Box::new(found))));
                }
            }),
            counters: Arc::clone(&plan.counters),
        },
    )
}

impl Worker<'_> {
    /// One execution. Returns whether the exploration goes on: it has to begin anew if the execution has touched things
    /// together that are in no common group.
    fn run_in(&self, pool: &Pool) -> bool {
        self.run();
        let regrouped = self.machine.regrouped();
        if let Some(groups) = &regrouped {
            pool.known.regroup(groups);
            pool.stop();
        }
        regrouped.is_none()
    }

    /// One execution.
    fn run(&self) {
        let (session, model) = (self.session, Arc::clone(self.model));
        let end = self.machine.run(Box::new(move || session.execute(&*model)));
        match end {
            RunEnd::Complete => (),
            // SAFETY: the machine has given up the run's threads, and never resumes or unwinds them.
            RunEnd::Blocked => unsafe { session.abandon_execution() },
            RunEnd::Deadlock if self.plan.graph.at_deadlock.is_some() => {
                self.plan.graph.at_deadlock.iter().for_each(|act| (act.0)());
                // SAFETY: the machine has given up the run's threads, and never resumes or unwinds them.
                unsafe { session.abandon_execution() };
            }
            // The session knows which thread waits for what.
            RunEnd::Deadlock => session.check_stuck(),
            RunEnd::Livelock(site) => session.fail(
                FailureKind::Livelock,
                format!(
                    "a thread goes round at {}:{} for ever: nothing that it reads can change any more",
                    site.file(),
                    site.line()
                ),
                vec![site],
            ),
            RunEnd::Overflow(size) => session.overflowed(size),
            RunEnd::Failed(why) => session.fail(FailureKind::Refused, why, Vec::new()),
        }
    }

    fn share(&mut self, pool: &Pool) -> Ended {
        let mut runs = 0_u64;
        let save = |standing: Standing<'_>| super::save(self.plan, pool, &standing);
        while let Some(part) = pool.take(&save) {
            self.machine.take(part);
            while self.machine.advance() {
                if pool.is_stopped() {
                    return Ended::Done;
                }
                if let Some(why) = pool.limit() {
                    let mut parts = self.machine.give_all();
                    parts.push(self.machine.give_current());
                    pool.leave(parts, Some(why));
                    break;
                }
                if !self.run_in(pool) {
                    return Ended::Done;
                }
                runs += 1;
                if std::thread::panicking() {
                    // A thread of the execution was given up while it unwound.
                    pool.hand_in(self.machine.give_all());
                    self.hand_in(pool);
                    return Ended::Unwinding;
                }
                if pool.is_hungry()
                    && let Some(part) = self.machine.give()
                {
                    pool.put(part);
                }
                if runs.is_multiple_of(64) {
                    self.count(pool);
                    if pool.is_pausing() {
                        let parts = self.machine.give_all();
                        self.hand_in(pool);
                        pool.hand_in(parts);
                        break;
                    }
                }
            }
        }
        self.hand_in(pool);
        Ended::Done
    }

    /// Adds what has been done to the pool's books.
    fn hand_in(&mut self, pool: &Pool) {
        self.count(pool);
        pool.add(&self.machine.take_statistics());
        self.counted = Statistics::default();
        self.note_bounds(pool);
        pool.known.learn(&self.machine);
    }

    fn split(&mut self, pool: &Pool, parts: usize) {
        if let Some(part) = pool.take_first() {
            self.machine.take(part);
        }
        while self.machine.advance() {
            if !self.run_in(pool) {
                return;
            }
            if self.machine.pending() >= parts || std::thread::panicking() {
                break;
            }
        }
        pool.add(&self.machine.statistics());
        self.note_bounds(pool);
        pool.known.learn(&self.machine);
        pool.leave(self.machine.give_all(), None);
    }

    fn note_bounds(&self, pool: &Pool) {
        if self.machine.bound_cut() {
            let preemptions = self.plan.preemptions.map(|bound| format!("at most {bound} preemptions"));
            let events = self.plan.graph.events.map(|bound| format!("at most {bound} events"));
            let bounds: Vec<String> = preemptions.into_iter().chain(events).collect();
            pool.cut(bounds.join(", "));
        }
        if self.machine.retries_cut() {
            let bound = self.plan.graph.retries.unwrap_or_default();
            let retries = if bound == 1 { "retry" } else { "retries" };
            pool.cut(format!("at most {bound} {retries} of a thread"));
        }
        if self.machine.fairness_cut() {
            pool.cut("fair schedules".to_string());
        }
        self.machine.loops_cut().into_iter().for_each(|cut| pool.cut(cut));
    }

    fn descend(&self, pool: &Pool, descents: u64) -> Ended {
        // Relaxed: a statistic.
        let operations = || self.plan.counters.operations.load(Relaxed);
        'descents: while pool.descents() < descents && pool.has_time_for_a_descent(operations()) {
            let number = pool.begin_descent();
            self.machine.begin_descent(self.plan.seed, number);
            loop {
                if pool.limit().is_some() {
                    break 'descents;
                }
                let before = self.machine.statistics().executions;
                if !self.run_in(pool) {
                    break 'descents;
                }
                if std::thread::panicking() {
                    // A thread of the execution was given up while it unwound, so this descent ends here.
                    pool.known.learn(&self.machine);
                    return Ended::Unwinding;
                }
                if self.machine.statistics().executions > before {
                    pool.add_size(self.machine.sampled_size());
                    break;
                }
                if !self.machine.advance() {
                    break;
                }
            }
        }
        pool.known.learn(&self.machine);
        Ended::Done
    }

    /// Adds what has been done since the last time to the plan's counters.
    fn count(&mut self, pool: &Pool) {
        if !pool.is_of_everything {
            return;
        }
        let now = self.machine.statistics();
        let counters = &self.plan.counters;
        // Relaxed: statistics.
        counters.complete.fetch_add(now.executions - self.counted.executions, Relaxed);
        let explored = ((now.progress - self.counted.progress) * 1e9) as u64;
        counters.explored.fetch_add(explored, Relaxed);
        self.counted = now;
    }
}
