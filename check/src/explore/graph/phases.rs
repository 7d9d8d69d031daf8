//! The phases of an exploration, which finds first and then exhausts.
//!
//! The search of everything begins, and is done if the model is small. If it is not, it waits while random descents look
//! everywhere in the tree of executions, and bounded searches look at the executions with few preemptions. Then the
//! search of everything goes on where it waited, so its counts are the same with and without the other phases. They have
//! a few turns, each longer than the one before, and go on where they were as well. All phases share the limits of the
//! whole, the numbers of statics, and what is known of loops.

use super::super::{Limits, Model, Past, Phase, Plan};
use super::isolated::reports;
use super::pool::{Known, Left, Pool};
use super::worker::Task;
use super::{End, Report, checkpoint, launch, report_of};
use selvedge_graph::Statistics;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// What the phases do in one turn.
struct Turn {
    /// Executions of the search of everything, which come first.
    executions: u64,
    /// Executions of random descents: a descent runs the program once for each branch that it turns into.
    descents: u64,
    /// Executions of the search within each bound on preemptions.
    bounded: u64,
}

/// The turns before the rest of everything. A model whose executions fit into the first turn never leaves the search of
/// everything. In a larger one the descents, which also estimate its size, run a tenth to a fifth as often as the search of
/// everything has in the turn, and the bounded searches together at most a third as often.
const TURNS: [Turn; 4] = [
    Turn { executions: 256, descents: 48, bounded: 12 },
    Turn { executions: 1_024, descents: 96, bounded: 64 },
    Turn { executions: 4_096, descents: 384, bounded: 320 },
    Turn { executions: 16_384, descents: 1_536, bounded: 1_536 },
];

/// The share of everything from which on the bounded searches stay out of a turn, since the search of everything will be
/// done soon.
const ALMOST: f64 = 1.0 / 16.0;

/// The descents of a turn have at most this part of the operations before it, since an execution at random may be far
/// longer than others.
const SHARE_OF_DESCENTS: u64 = 8;

/// The bounds on preemptions that have searches of their own are those below this number.
const BOUNDS: usize = 3;

/// The parts of the time limit that a phase has in each turn, at most: together less than half of it.
const TIME_OF_DESCENTS: u32 = 32;
const TIME_OF_A_SEARCH: u32 = 48;

/// An exploration.
pub(super) struct Search<'a> {
    plan: &'a Plan,
    model: &'a Model,
    limits: Limits,
    known: Known,
    /// Executions that the phases have begun.
    begun: u64,
    /// Whether the exploration has begun anew, and does not go on from a checkpoint.
    is_anew: bool,
    /// Whether the phases of finding take part.
    finds_first: bool,
    /// Descents so far, and the sum of what they estimate as the number of executions.
    descents: u64,
    sizes: f64,
    /// Empty before the first turn, beyond which a small model never comes.
    bounded: Vec<Bounded>,
}

/// The search within a bound on preemptions.
struct Bounded {
    bound: usize,
    left: Left,
    /// Executions that it has begun.
    executions: u64,
}

impl<'a> Search<'a> {
    pub(super) fn new(plan: &'a Plan, model: &'a Model) -> Search<'a> {
        Search {
            plan,
            model,
            limits: Limits::of(plan),
            known: Known::of(plan),
            begun: 0,
            is_anew: false,
            finds_first: plan.find_first,
            descents: 0,
            sizes: 0.0,
            bounded: Vec::new(),
        }
    }

    /// Returns the searches within bounds, none of which has begun.
    fn all_bounded(&self) -> Vec<Bounded> {
        let bounds = 0..self.plan.preemptions.unwrap_or(BOUNDS).min(BOUNDS);
        bounds.map(|bound| Bounded { bound, left: Left::whole(self.plan), executions: 0 }).collect()
    }

    /// Explores until nothing is left to do, or a limit is reached. Returns what was left.
    pub(super) fn run(&mut self) -> Result<Arc<Pool>, End> {
        loop {
            let pool = self.go_through()?;
            if !self.known.is_regrouped() {
                return Ok(pool);
            }
            self.begin_anew();
        }
    }

    /// Forgets what has been explored, but for what is known of the program. The executions so far count for the limits.
    fn begin_anew(&mut self) {
        self.known.begin_anew();
        let Search { plan, model, ref limits, ref known, begun, .. } = *self;
        *self = Search {
            limits: limits.clone(),
            known: known.clone(),
            begun,
            is_anew: true,
            ..Search::new(plan, model)
        };
        plan.counters.begin_anew();
    }

    /// Goes through the phases. Each ends at once when the exploration has to begin anew.
    fn go_through(&mut self) -> Result<Arc<Pool>, End> {
        let mut left = self.start()?;
        // The first share looks for all.
        let shard = self.plan.graph.shard;
        if self.finds_first && shard.is_none_or(|(shard, _)| shard == 1) {
            for turn in &TURNS {
                left = self.everything(left, turn.executions)?;
                if left.parts.is_empty() || self.limits.reached(self.begun).is_some() {
                    break;
                }
                self.descend(turn.descents)?;
                if self.bounded.is_empty() {
                    self.bounded = self.all_bounded();
                }
                if self.share(&left.statistics).is_none_or(|share| share < ALMOST) {
                    (0..self.bounded.len()).try_for_each(|at| self.within(at, turn.bounded))?;
                }
            }
        }
        let is_done = left.parts.is_empty();
        let pool = Arc::new(Pool::new(self.plan, left, &self.known, self.limits.clone(), self.begun));
        if !is_done {
            self.work(self.plan, &pool, &|| Task::Share(Arc::clone(&pool)), || Phase::Everything)?;
        }
        Ok(pool)
    }

    /// Returns what the phases beside the search of everything have done.
    pub(super) fn past(&self) -> Vec<Past> {
        let (descents, seed) = (self.descents, self.plan.seed);
        let descents = Some(Past::Descents { descents, seed }).filter(|_| descents > 0);
        let bounded = self.bounded.iter().filter(|search| search.executions > 0);
        let bounded = bounded.map(|search| Past::Preemptions {
            bound: search.bound,
            executions: search.executions,
            all: search.left.parts.is_empty(),
        });
        descents.into_iter().chain(bounded).collect()
    }

    /// Returns which share of everything has been done: by the descents' estimate, which is Knuth's, or by the weights of
    /// the branches if that is less, since the weights alone say far too much where a few branches near the root hold most
    /// of the tree. `None` without descents.
    pub(super) fn share(&self, done: &Statistics) -> Option<f64> {
        let expected = self.sizes.max(1.0) / self.descents as f64;
        (self.descents > 0).then(|| (done.executions as f64 / expected).min(done.progress))
    }

    /// The parts to begin with: everything, what a checkpoint left, or this shard's share.
    fn start(&mut self) -> Result<Left, End> {
        let plan = self.plan;
        if let Some(path) = plan.graph.checkpoint.as_ref().filter(|path| path.exists() && !self.is_anew) {
            let saved = checkpoint::read(path, plan).map_err(End::Refused)?;
            self.known = Known::from_saved(saved.statics, saved.groups);
            // The run that left the checkpoint has been through the other phases.
            self.finds_first = false;
            let cuts = saved.cuts.into_iter().collect();
            return Ok(Left { parts: saved.parts, statistics: saved.statistics, cuts });
        }
        let Some((shard, shards)) = plan.graph.shard else { return Ok(Left::whole(plan)) };
        // Every shard explores the same beginning, until there are enough parts to share out.
        let pool = Arc::new(Pool::new(plan, Left::whole(plan), &self.known, self.limits.clone(), 0));
        if let Report::Ended(end) = report_of(plan, self.model, Task::Split(Arc::clone(&pool), shards * 32)) {
            return Err(end);
        }
        let mut left = pool.take_all();
        let mine = left.parts.into_iter().enumerate().filter(|(number, _)| number % shards == shard - 1);
        left.parts = mine.map(|(_, part)| part).collect();
        left.statistics = if shard == 1 { left.statistics } else { Default::default() };
        Ok(left)
    }

    /// Goes on with the search of everything for so many executions, and returns what is left of it.
    fn everything(&mut self, left: Left, executions: u64) -> Result<Left, End> {
        let limits = self.limits.of_phase(self.begun, executions, TIME_OF_A_SEARCH);
        let plan = self.alone();
        let pool = Arc::new(Pool::new(&plan, left, &self.known, limits, self.begun));
        self.work(&plan, &pool, &|| Task::Share(Arc::clone(&pool)), || Phase::Everything)?;
        Ok(pool.take_all())
    }

    /// Descends at random for so many executions.
    fn descend(&mut self, executions: u64) -> Result<(), End> {
        let seed = self.plan.seed;
        let limits = self.limits.of_phase(self.begun, executions, TIME_OF_DESCENTS);
        let plan = self.alone();
        let pool = Pool::new(&plan, Left::default(), &self.known, limits, self.begun).apart(self.descents);
        // Relaxed: a statistic.
        let operations = self.plan.counters.operations.load(Relaxed);
        let pool = Arc::new(pool.with_operations(operations + operations / SHARE_OF_DESCENTS));
        let task = || Task::Descend(Arc::clone(&pool), u64::MAX);
        self.work(&plan, &pool, &task, || Phase::Descents { descent: pool.descents(), seed })?;
        self.descents = pool.descents();
        self.sizes += pool.sizes();
        if self.descents > 0 {
            // Relaxed: a statistic.
            self.plan.counters.size.store((self.sizes / self.descents as f64) as u64, Relaxed);
        }
        Ok(())
    }

    /// Goes on with a bounded search for so many executions.
    fn within(&mut self, at: usize, executions: u64) -> Result<(), End> {
        let Bounded { bound, left, .. } = &mut self.bounded[at];
        let (bound, left) = (*bound, core::mem::take(left));
        if left.parts.is_empty() || self.limits.reached(self.begun).is_some() {
            self.bounded[at].left = left;
            return Ok(());
        }
        let limits = self.limits.of_phase(self.begun, executions, TIME_OF_A_SEARCH);
        let plan = Plan { preemptions: Some(bound), ..self.alone() };
        let before = self.begun;
        let pool = Arc::new(Pool::new(&plan, left, &self.known, limits, before).apart(0));
        self.work(&plan, &pool, &|| Task::Share(Arc::clone(&pool)), || Phase::Preemptions(bound))?;
        let executions = self.begun - before;
        let search = &mut self.bounded[at];
        search.executions += executions;
        search.left = pool.take_all();
        Ok(())
    }

    /// Returns the plan of a phase in which one job works, so that the phase always does the same.
    fn alone(&self) -> Plan {
        let mut plan = self.plan.clone();
        (plan.graph.checkpoint, plan.graph.shard, plan.graph.jobs) = (None, None, 1);
        plan
    }

    /// Lets the jobs of a phase work. `phase` names it when it has found a failure.
    fn work(
        &mut self,
        plan: &Plan,
        pool: &Pool,
        task: &dyn Fn() -> Task,
        phase: impl Fn() -> Phase,
    ) -> Result<(), End> {
        if self.known.is_regrouped() {
            return Ok(());
        }
        let worked = self.jobs(plan, task);
        let before = core::mem::replace(&mut self.begun, pool.begun());
        worked.map_err(|end| {
            pool.stop();
            if let End::Failed(mut found) = end {
                found.failure.execution += before;
                found.phase = self.finds_first.then(phase);
                return End::Failed(found);
            }
            end
        })
    }

    fn jobs(&self, plan: &Plan, task: &dyn Fn() -> Task) -> Result<(), End> {
        let (reporter, reports) = reports();
        for _ in 0..plan.graph.jobs {
            launch(plan, self.model, task(), reporter.clone()).map_err(End::Refused)?;
        }
        // Each job reports once. Failed ones keep their end of the channel for ever.
        for _ in 0..plan.graph.jobs {
            if let Report::Ended(end) = reports.next(plan).map_err(End::Refused)? {
                return Err(end);
            }
        }
        Ok(())
    }
}
