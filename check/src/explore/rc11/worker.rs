//! One machine at work.

use super::super::{Event, Model, Plan};
use super::adapter::Rc11Backend;
use super::pool::{Pool, Standing};
use super::{Failed, Shown, numbers};
use crate::replay::Token;
use selvedge::rt::seam::{FailureKind, Options, Outcome, Record, Session};
use selvedge_graph::{End, Machine, Statistics};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

/// What a worker is to do.
pub(super) enum Task {
    /// Work on parts of the pool until there are none.
    Share(Arc<Pool>),
    /// Work until there are so many parts, and put them into the pool.
    Split(Arc<Pool>, usize),
    /// Run one execution, and record its steps.
    Replay(selvedge_graph::Token),
    /// Estimate the number of executions.
    Sample { samples: u32, result: Arc<Mutex<f64>> },
}

/// How a worker left the pool.
#[derive(PartialEq)]
enum Left {
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
pub(super) fn work(plan: &Plan, model: &Model, task: Task, failed: &Failed, report: &Sender<Event>) {
    let machine = Rc::new(super::machine(plan, &task));
    let alone = plan.rc11.jobs == 1 || !matches!(task, Task::Share(_));
    let session = install(plan, &task, &machine, alone, failed, report);
    let mut worker = Worker { plan, model, machine, session, counted: Statistics::default() };
    let cut = match task {
        Task::Share(pool) => {
            if worker.share(&pool) == Left::Unwinding {
                // This OS thread counts a panic for ever; another one goes on.
                worker.machine.retire();
                if let Err(event) = super::launch(plan, model, Task::Share(pool), failed, report.clone()) {
                    let _ = report.send(event);
                }
                return;
            }
            None
        }
        Task::Split(pool, parts) => {
            worker.split(&pool, parts);
            None
        }
        Task::Replay(_) => {
            worker.run();
            let astray = worker.machine.went_astray();
            astray.then(|| "the token does not fit this model: it takes other steps".to_string())
        }
        Task::Sample { samples, result } => {
            *result.lock().unwrap_or_else(PoisonError::into_inner) = worker.sample(samples);
            None
        }
    };
    // The session is kept for ever, and the machine with it.
    worker.machine.retire();
    let _ = report.send(Event::Done { cut });
}

fn install(
    plan: &Plan,
    task: &Task,
    machine: &Rc<Machine>,
    alone: bool,
    failed: &Failed,
    report: &Sender<Event>,
) -> &'static Session {
    let (for_outcome, failed, report) = (Rc::clone(machine), Arc::clone(failed), report.clone());
    let engine = Rc11Backend::new(Rc::clone(machine), alone);
    let numbers = engine.numbers();
    Session::install(
        Box::new(engine),
        Options {
            max_operations: plan.max_operations,
            record: match task {
                Task::Replay(_) => Record::Execution(1),
                _ => Record::Nothing,
            },
            mutations: plan.mutations.clone(),
            statics: Vec::new(),
            chooser: Box::new(|_| unreachable!("the machine branches over choices itself")),
            on_outcome: Box::new(move |ended| {
                if let Outcome::Failed(failure) = ended {
                    let graph = for_outcome.execution(&failure.message);
                    let graph = numbers::as_reported(graph, &numbers.borrow(), &failure);
                    let shown = Shown { graph, interleaved: for_outcome.interleaved_token() };
                    *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
                    let token = Token::Rc11(for_outcome.token().to_string());
                    let _ = report.send(Event::Failed(failure, Some(token)));
                }
            }),
            counters: Arc::clone(&plan.counters),
        },
    )
}

impl Worker<'_> {
    /// One execution.
    fn run(&self) {
        let (session, model) = (self.session, Arc::clone(self.model));
        let end = self.machine.run(Box::new(move || session.execute(&*model)));
        match end {
            End::Complete => (),
            End::Blocked => session.abandon_execution(),
            // The session knows who waits for what.
            End::Deadlock => session.check_stuck(),
            End::Livelock(site) => session.fail(
                FailureKind::Livelock,
                format!(
                    "a thread goes round at {}:{} for ever: nothing that it reads can change any more",
                    site.file(),
                    site.line()
                ),
                vec![site],
            ),
            End::Failed(why) => session.fail(FailureKind::Refused, why, Vec::new()),
        }
    }

    fn share(&mut self, pool: &Pool) -> Left {
        let mut runs = 0_u64;
        let save = |standing: Standing<'_>| super::save(self.plan, pool, &standing);
        while let Some(part) = pool.take(&save) {
            self.machine.take(part);
            while self.machine.advance() {
                if pool.is_stopped() {
                    return Left::Done;
                }
                if let Some(why) = pool.limit() {
                    let mut parts = self.machine.give_all();
                    parts.push(self.machine.give_current());
                    pool.leave(parts, Some(why));
                    break;
                }
                self.run();
                runs += 1;
                if std::thread::panicking() {
                    // A thread of the execution was given up while it unwound.
                    pool.hand_in(self.machine.give_all());
                    self.hand_in(pool);
                    return Left::Unwinding;
                }
                if pool.is_hungry()
                    && let Some(part) = self.machine.give()
                {
                    pool.put(part);
                }
                if runs.is_multiple_of(64) {
                    self.count();
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
        Left::Done
    }

    /// Adds what has been done to the pool's books.
    fn hand_in(&mut self, pool: &Pool) {
        self.count();
        pool.add(&self.machine.take_statistics());
        self.counted = Statistics::default();
        self.note_bounds(pool);
    }

    fn split(&mut self, pool: &Pool, parts: usize) {
        if let Some(part) = pool.take_first() {
            self.machine.take(part);
        }
        while self.machine.advance() {
            self.run();
            if self.machine.pending() >= parts || std::thread::panicking() {
                break;
            }
        }
        pool.add(&self.machine.statistics());
        self.note_bounds(pool);
        pool.leave(self.machine.give_all(), None);
    }

    fn note_bounds(&self, pool: &Pool) {
        if self.machine.bound_cut() {
            let preemptions = self.plan.preemptions.map(|bound| format!("at most {bound} preemptions"));
            let events = self.plan.rc11.events.map(|bound| format!("at most {bound} events"));
            let bounds: Vec<String> = preemptions.into_iter().chain(events).collect();
            pool.cut(bounds.join(", "));
        }
        self.machine.loops_cut().into_iter().for_each(|cut| pool.cut(cut));
    }

    fn sample(&self, samples: u32) -> f64 {
        let mut sum = 0.0;
        for _ in 0..samples {
            self.machine.restart_sample();
            loop {
                let before = self.machine.statistics().executions;
                self.run();
                if self.machine.statistics().executions > before {
                    sum += self.machine.sampled_size();
                    break;
                }
                if std::thread::panicking() || !self.machine.advance() {
                    break;
                }
            }
        }
        sum / f64::from(samples.max(1))
    }

    /// Adds what has been done since the last time to the plan's counters.
    fn count(&mut self) {
        let now = self.machine.statistics();
        let counters = &self.plan.counters;
        // Relaxed: statistics.
        counters.complete.fetch_add(now.executions - self.counted.executions, Relaxed);
        let explored = ((now.progress - self.counted.progress) * 1e9) as u64;
        counters.explored.fetch_add(explored, Relaxed);
        self.counted = now;
    }
}
