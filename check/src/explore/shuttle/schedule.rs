//! What drives shuttle: a scheduler of our own, which records, replays, and keeps the limits.

use super::depth_first::DepthFirst;
use super::freeze::{Freeze, Stage};
use super::loose::Loose;
use super::turns::{Decides, Turns};
use super::{Cut, Limits, PCT_DEPTH, Past, Phase, Plan, ShuttleBackend};
use crate::Strategy;
use crate::replay::Decision;
use selvedge::rt::seam::Site;
use shuttle::scheduler::{PctScheduler, RandomScheduler, UrwRandomScheduler};
use shuttle::scheduler::{Schedule, Scheduler, Task, TaskId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::Ordering::Relaxed;

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
    strategy: Strategy,
    random: fastrand::Rng,
    /// Makes the scheduler anew for another so many schedules. PCT learns the length of an execution from its
    /// first one, and gives up if nothing was concurrent in it; `None`: it has met one in which something was.
    anew: Option<Make>,
    seed: u64,
    times: u64,
    begun: u64,
    /// The most preemptions in a schedule, if the user has bounded them, and how many there were in this one.
    bound: Option<usize>,
    preemptions: usize,
}

impl Sampled {
    /// Returns so many schedules that a strategy draws from a seed.
    pub(super) fn of(strategy: Strategy, seed: u64, times: u64) -> Sampled {
        let make: Make = match strategy {
            Strategy::Urw => |seed, times| Box::new(UrwRandomScheduler::new_from_seed(seed, times)),
            Strategy::Pct => |seed, times| Box::new(PctScheduler::new_from_seed(seed, PCT_DEPTH, times)),
            Strategy::Random | Strategy::DepthFirst => {
                |seed, times| Box::new(RandomScheduler::new_from_seed(seed, times))
            }
        };
        Sampled {
            scheduler: make(seed, times as usize),
            strategy,
            random: fastrand::Rng::with_seed(seed),
            anew: Some(make).filter(|_| strategy == Strategy::Pct),
            seed,
            times,
            begun: 0,
            bound: None,
            preemptions: 0,
        }
    }

    /// Keeps to the bound on preemptions that the user has set, if there is one.
    pub(super) fn bounded(mut self, plan: &Plan) -> Sampled {
        self.bound = plan.preemptions.filter(|_| plan.is_bounded_by_user);
        self
    }

    fn begin(&mut self) -> Option<Schedule> {
        if let Some(make) = self.anew {
            self.scheduler = make(self.seed, self.times.saturating_sub(self.begun) as usize);
        }
        self.begun += 1;
        self.preemptions = 0;
        self.scheduler.new_execution()
    }

    fn next(&mut self, runnable: &[&Task], current: Option<TaskId>, yielding: bool) -> Option<TaskId> {
        self.anew = self.anew.filter(|_| runnable.len() < 2);
        let goes_on = runnable.iter().position(|task| Some(task.id()) == current && !yielding);
        let spent = self.bound.is_some_and(|bound| self.preemptions >= bound);
        let allowed = match goes_on {
            Some(at) if spent => &runnable[at..=at],
            _ => runnable,
        };
        let next = self.scheduler.next_task(allowed, current, yielding);
        self.preemptions += usize::from(goes_on.is_some() && next != current);
        next
    }
}

impl Drop for Sampled {
    fn drop(&mut self) {
        // shuttle's random scheduler prints the seed of a schedule as that of a failure, if it is dropped before it has
        // said that there are no more.
        while self.strategy == Strategy::Random && self.scheduler.new_execution().is_some() {}
    }
}

/// The scheduler's state, shared with the session's chooser: choices are decisions too.
pub(super) struct Driver {
    pub(super) source: Source,
    /// The search, while another phase draws schedules.
    waiting: Option<Source>,
    turns: Turns,
    plan: Plan,
    limits: Limits,
    done: u64,
    /// How many of the executions were the search's, and what share of it they are.
    searched: u64,
    progress: f64,
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
        let limits = Limits::of(plan);
        Rc::new(RefCell::new(Driver {
            turns: Turns::new(plan, &limits, matches!(source, Source::DepthFirst(_))),
            source,
            waiting: None,
            plan: plan.clone(),
            limits,
            done: 0,
            searched: 0,
            progress: 0.0,
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
        self.take_turns();
        let more = match &mut self.source {
            Source::DepthFirst(search) => self.searched == 0 || search.advance(),
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
        self.done += 1;
        if let Source::DepthFirst(search) = &self.source {
            self.searched += 1;
            let progress = search.progress();
            // Relaxed: statistics.
            self.plan.counters.complete.fetch_add(1, Relaxed);
            self.plan.counters.explored.fetch_add(((progress - self.progress) * 1e9) as u64, Relaxed);
            self.progress = progress;
        }
        self.decisions.clear();
        self.site.set(None);
        self.stage = Stage::default();
        match &mut self.source {
            Source::Sampled(sampled) => sampled.begin(),
            _ => Some(Schedule::new(0)),
        }
    }

    /// Lets the phase come up that the next execution belongs to.
    fn take_turns(&mut self) {
        let next = match self.turns.advance(&self.plan, self.done) {
            None => return,
            Some(Decides::Search) => self.waiting.take(),
            Some(Decides::Sampled(sampled)) => Some(Source::Sampled(sampled)),
        };
        let Some(next) = next else { return };
        let before = core::mem::replace(&mut self.source, next);
        if matches!(before, Source::DepthFirst(_)) {
            self.waiting = Some(before);
        }
    }

    /// Returns the phase of the current execution, if the search has several.
    pub(super) fn phase(&self) -> Option<Phase> {
        self.turns.phase(self.done)
    }

    /// Returns what a depth-first search has done, its other phases included.
    pub(super) fn done(&self) -> Option<Done> {
        let searches = matches!(self.waiting.as_ref().unwrap_or(&self.source), Source::DepthFirst(_));
        let past = self.turns.past(self.done);
        searches.then_some(Done { executions: self.searched, progress: self.progress, past })
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

/// What a depth-first search has done.
pub(super) struct Done {
    pub(super) executions: u64,
    /// The estimated share of everything.
    pub(super) progress: f64,
    pub(super) past: Vec<Past>,
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
