//! What drives shuttle: a scheduler of our own, which records, replays, and keeps the limits.

use super::depth_first::DepthFirst;
use super::freeze::{Freeze, Stage};
use super::loose::Loose;
use super::{Cut, Limits, Plan, ShuttleBackend};
use crate::replay::Decision;
use selvedge::rt::seam::Site;
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How the next decision is found.
pub(super) enum Source {
    /// All of them, one after another.
    DepthFirst(DepthFirst),
    /// As recorded.
    Replay { decisions: Vec<Decision>, position: usize, astray: bool },
    /// Nearly as recorded.
    Loose(Loose),
    /// As one of shuttle's own schedulers draws them.
    Sampled(Sampled),
}

/// Makes a scheduler for a seed and so many schedules.
type Make = fn(u64, usize) -> Box<dyn Scheduler>;

/// One of shuttle's own schedulers, and what draws the model's choices.
pub(super) struct Sampled {
    scheduler: Box<dyn Scheduler>,
    random: fastrand::Rng,
    /// Makes the scheduler anew for another so many schedules. PCT learns the length of an execution from its
    /// first one, and gives up if nothing was concurrent in it; `None`: it has met one in which something was.
    anew: Option<Make>,
    seed: u64,
    times: u64,
}

impl Sampled {
    /// The schedules of `scheduler`.
    pub(super) fn new(scheduler: Box<dyn Scheduler>, plan: &Plan) -> Sampled {
        let (seed, times) = (plan.seed, plan.iterations);
        Sampled { scheduler, random: fastrand::Rng::with_seed(seed), anew: None, seed, times }
    }

    /// As [`new`](Self::new), of a scheduler that has to meet something concurrent in its first execution.
    pub(super) fn restarting(make: Make, plan: &Plan) -> Sampled {
        let first = make(plan.seed, plan.iterations as usize);
        Sampled { anew: Some(make), ..Sampled::new(first, plan) }
    }

    fn begin(&mut self, done: u64) -> Option<Schedule> {
        if let Some(make) = self.anew {
            self.scheduler = make(self.seed, self.times.saturating_sub(done) as usize);
        }
        self.scheduler.new_execution()
    }

    fn next(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        self.anew = self.anew.filter(|_| runnable.len() < 2);
        self.scheduler.next_task(runnable, current, yielding)
    }
}

/// The scheduler's state, shared with the session's chooser: choices are decisions too.
pub(super) struct Driver {
    pub(super) source: Source,
    limits: Limits,
    done: u64,
    /// The decisions of this execution so far.
    pub(super) decisions: Vec<Decision>,
    /// The limit that ended the exploration.
    pub(super) cut: Option<Cut>,
    /// The operation that asks for a decision.
    site: Rc<Cell<Option<Site>>>,
    /// It has promised that it would only wait again.
    promised: Rc<Cell<bool>>,
    freeze: Option<Freeze>,
    stage: Stage,
    complaint: Rc<RefCell<Option<String>>>,
}

impl Driver {
    pub(super) fn new(source: Source, plan: &Plan, engine: &ShuttleBackend) -> Rc<RefCell<Driver>> {
        Rc::new(RefCell::new(Driver {
            source,
            limits: Limits::of(plan),
            done: 0,
            decisions: Vec::new(),
            cut: None,
            site: engine.site(),
            promised: engine.promised(),
            freeze: plan.freeze.clone(),
            stage: Stage::default(),
            complaint: engine.complaints(),
        }))
    }

    /// Returns the runnable threads that are not suspended.
    fn moving<'t>(&mut self, runnable: &[&'t Task], current: Option<TaskId>) -> Vec<&'t Task> {
        let Some(freeze) = self.freeze.clone() else { return runnable.to_vec() };
        if self.stage == Stage::Before && freeze.may_begin(current.map(usize::from)) && self.choose(2) == 1 {
            self.stage = Stage::Frozen;
        }
        let ids: Vec<usize> = runnable.iter().map(|task| task.id().into()).collect();
        match freeze.allow(&ids, &mut self.stage) {
            Ok(allowed) => {
                runnable.iter().copied().filter(|task| allowed.contains(&task.id().into())).collect()
            }
            Err(why) => {
                self.stage = Stage::After;
                self.complaint.replace(Some(why));
                runnable.to_vec()
            }
        }
    }

    /// A choice of the model.
    pub(super) fn choose(&mut self, n: usize) -> usize {
        let choice = match &mut self.source {
            Source::DepthFirst(search) => {
                search.site = self.site.get();
                search.choose(n)
            }
            Source::Sampled(sampled) => sampled.random.usize(..n),
            Source::Loose(loose) => loose.choose(n),
            Source::Replay { decisions, position, astray } => {
                let recorded = decisions.get(*position);
                *position += 1;
                match recorded {
                    Some(Decision::Choice(choice)) if *choice < n => *choice,
                    _ => {
                        *astray = true;
                        0
                    }
                }
            }
        };
        self.decisions.push(Decision::Choice(choice));
        choice
    }

    /// At which decision the search found that the model is not deterministic, and between which operations.
    pub(super) fn astray(&self) -> Option<(usize, [Option<Site>; 2])> {
        match &self.source {
            Source::DepthFirst(search) => search.astray,
            Source::Replay { .. } | Source::Loose(_) | Source::Sampled(_) => None,
        }
    }

    fn begin(&mut self) -> Option<Schedule> {
        if self.astray().is_some() {
            return None;
        }
        let more = match &mut self.source {
            Source::DepthFirst(search) => self.done == 0 || search.advance(),
            Source::Replay { .. } | Source::Loose(_) => self.done == 0,
            Source::Sampled(_) => true,
        };
        if !more {
            return None;
        }
        self.cut = self.limits.reached(self.done);
        if self.cut.is_some() {
            return None;
        }
        let done = self.done;
        self.done += 1;
        self.decisions.clear();
        self.site.set(None);
        self.stage = Stage::default();
        match &mut self.source {
            Source::Sampled(sampled) => sampled.begin(done),
            _ => Some(Schedule::new(0)),
        }
    }

    fn next(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        let runnable = &self.moving(runnable, current)[..];
        let promised = self.promised.take();
        let next = match &mut self.source {
            Source::Sampled(sampled) => sampled.next(runnable, current, yielding)?,
            Source::DepthFirst(search) => {
                search.site = self.site.get();
                search.promised = promised;
                let ids: Vec<usize> = runnable.iter().map(|task| task.id().into()).collect();
                search.schedule(&ids, current.map(usize::from), yielding).into()
            }
            Source::Loose(loose) => {
                let ids: Vec<usize> = runnable.iter().map(|task| task.id().into()).collect();
                loose.schedule(&ids, current.map(usize::from), yielding).into()
            }
            Source::Replay { decisions, position, astray } => {
                let recorded = decisions.get(*position);
                *position += 1;
                let wanted = runnable.iter().map(|task| task.id()).find(
                    |id| matches!(recorded, Some(Decision::Thread(thread)) if *thread == usize::from(*id)),
                );
                *astray |= wanted.is_none();
                wanted.unwrap_or_else(|| runnable[0].id())
            }
        };
        self.decisions.push(Decision::Thread(next.into()));
        // What follows would be no execution of the search.
        self.astray().is_none().then_some(next)
    }
}

/// The driver as shuttle wants it.
pub(super) struct Handle(pub(super) Rc<RefCell<Driver>>);

impl Scheduler for Handle {
    fn new_execution(&mut self) -> Option<Schedule> {
        self.0.borrow_mut().begin()
    }

    fn next_task(
        &mut self,
        runnable: &[&Task],
        current: Option<TaskId>,
        is_yielding: bool,
    ) -> Option<TaskId> {
        self.0.borrow_mut().next(runnable, current, is_yielding)
    }

    fn next_u64(&mut self) -> u64 {
        unreachable!("choices go through the session's chooser, never through shuttle's random numbers")
    }
}
