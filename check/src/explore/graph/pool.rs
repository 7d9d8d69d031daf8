//! The work that the jobs of an exploration share.

use super::super::{Cut, Limits, Plan};
use selvedge_graph::{Groups, Loops, Machine, Part, Statics, Statistics};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the machines of all phases of an exploration find out about its program.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) statics: Statics,
    found: Arc<Finds>,
}

/// What machines find out, but for the statics.
#[derive(Default)]
struct Finds {
    loops: Mutex<Loops>,
    /// The groups of things that operations touch together.
    groups: Mutex<Groups>,
    /// Whether a machine has found that the exploration needs other groups.
    regrouped: AtomicBool,
}

impl Known {
    /// Returns what is known before the exploration of a plan. Shards have to explore one tree, whatever each of them finds.
    pub(super) fn of(plan: &Plan) -> Known {
        let groups = plan.graph.shard.map_or_else(Groups::default, |_| Groups::all_together());
        Known::with(Statics::default(), groups)
    }

    /// Returns what an earlier process has known: the distances of the statics, and the groups.
    pub(super) fn from_saved(distances: Vec<isize>, groups: Groups) -> Known {
        Known::with(Statics::from_distances(distances), groups)
    }

    fn with(statics: Statics, groups: Groups) -> Known {
        Known { statics, found: Arc::new(Finds { groups: Mutex::new(groups), ..Finds::default() }) }
    }

    /// Returns the groups of the exploration.
    pub(super) fn groups(&self) -> Groups {
        self.found.groups.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Notes that the exploration needs these groups.
    pub(super) fn regroup(&self, groups: &Groups) {
        self.found.groups.lock().unwrap_or_else(PoisonError::into_inner).extend(groups);
        // Relaxed: read when the jobs have ended.
        self.found.regrouped.store(true, Relaxed);
    }

    /// Returns whether the exploration has to begin anew, with other groups.
    pub(super) fn is_regrouped(&self) -> bool {
        // Relaxed: read when the jobs have ended.
        self.found.regrouped.load(Relaxed)
    }

    /// Begins the exploration anew, with the groups that have been found.
    pub(super) fn begin_anew(&self) {
        // Relaxed: no job works.
        self.found.regrouped.store(false, Relaxed);
    }

    /// Returns the machine as one of those that share what is numbered and grouped.
    pub(super) fn share_with(&self, machine: Machine) -> Machine {
        machine.sharing(&self.statics).grouping(&self.groups())
    }

    /// Tells a machine what is known.
    pub(super) fn teach(&self, machine: &Machine) {
        machine.learn(&self.found.loops.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Learns what a machine has found out.
    pub(super) fn learn(&self, machine: &Machine) {
        self.found.loops.lock().unwrap_or_else(PoisonError::into_inner).extend(machine.loops());
    }
}

/// Parts of the exploration that no job works on, and the jobs that wait for one.
pub(super) struct Pool {
    shared: Mutex<Shared>,
    changed: Condvar,
    /// Jobs that wait. Read without the lock, as a hint that a job should give a part away.
    hungry: AtomicUsize,
    stopped: AtomicBool,
    /// All jobs are to hand in what they have, for a checkpoint.
    pausing: AtomicBool,
    /// When the next checkpoint is due.
    due: Mutex<Option<Instant>>,
    every: Duration,
    /// Executions that all jobs together have begun, those of earlier phases included.
    begun: AtomicU64,
    limits: Limits,
    jobs: usize,
    /// Whether what is done here is progress of the search of everything.
    pub(super) is_of_everything: bool,
    /// Descents that have begun.
    descents: AtomicU64,
    /// No descent begins once the whole exploration has had so many operations.
    most_operations: u64,
    pub(super) known: Known,
}

struct Shared {
    parts: Vec<Part>,
    waiting: usize,
    over: bool,
    statistics: Statistics,
    /// The sum of what descents estimate as the number of executions.
    sizes: f64,
    /// The bounds that have cut something.
    cuts: BTreeSet<String>,
    /// The limits on the whole exploration that were reached.
    reached: BTreeSet<Cut>,
}

/// What is left to do, and what has been done before it.
#[derive(Default)]
pub(super) struct Left {
    pub(super) parts: Vec<Part>,
    pub(super) statistics: Statistics,
    /// The bounds that have cut something.
    pub(super) cuts: BTreeSet<String>,
}

impl Left {
    /// Returns the whole exploration.
    pub(super) fn whole(plan: &Plan) -> Left {
        Left { parts: vec![Part::whole(plan.graph.model)], ..Left::default() }
    }
}

/// What is left to do, and what has been done: for a checkpoint.
pub(super) struct Standing<'a> {
    pub(super) parts: &'a [Part],
    pub(super) statistics: Statistics,
    pub(super) cuts: &'a BTreeSet<String>,
}

type Save<'a> = &'a dyn Fn(Standing<'_>);

impl Pool {
    /// Returns a pool for a phase that begins after `begun` executions.
    pub(super) fn new(plan: &Plan, left: Left, known: &Known, limits: Limits, begun: u64) -> Pool {
        let Left { parts, statistics, cuts } = left;
        Pool {
            shared: Mutex::new(Shared {
                parts,
                waiting: 0,
                over: false,
                statistics,
                sizes: 0.0,
                cuts,
                reached: BTreeSet::new(),
            }),
            changed: Condvar::new(),
            hungry: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
            pausing: AtomicBool::new(false),
            due: Mutex::new(
                plan.graph.checkpoint.as_ref().map(|_| Instant::now() + plan.graph.checkpoint_every),
            ),
            every: plan.graph.checkpoint_every,
            begun: AtomicU64::new(begun),
            limits,
            jobs: plan.graph.jobs,
            is_of_everything: true,
            descents: AtomicU64::new(0),
            most_operations: u64::MAX,
            known: known.clone(),
        }
    }

    /// Returns the pool as one of a phase that is no part of the search of everything, after so many descents.
    pub(super) fn apart(self, descents: u64) -> Pool {
        Pool { is_of_everything: false, descents: AtomicU64::new(descents), ..self }
    }

    /// Returns the pool with a limit on the operations of the whole exploration, beyond which no descent begins.
    pub(super) fn with_operations(self, most_operations: u64) -> Pool {
        Pool { most_operations, ..self }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A part to work on; waits for one as long as another job may give one away.
    pub(super) fn take(&self, save: Save<'_>) -> Option<Part> {
        let mut shared = self.lock();
        loop {
            if shared.over {
                return None;
            }
            // Relaxed: set and cleared under the lock.
            let pausing = self.pausing.load(Relaxed);
            if !pausing && let Some(part) = shared.parts.pop() {
                return Some(part);
            }
            shared.waiting += 1;
            if shared.waiting == self.jobs {
                if pausing {
                    save(Standing {
                        parts: &shared.parts,
                        statistics: shared.statistics,
                        cuts: &shared.cuts,
                    });
                    self.pausing.store(false, Relaxed);
                } else {
                    shared.over = true;
                }
                self.changed.notify_all();
                shared.waiting -= 1;
                continue;
            }
            // Relaxed: a hint.
            self.hungry.fetch_add(1, Relaxed);
            shared = self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner);
            self.hungry.fetch_sub(1, Relaxed);
            shared.waiting -= 1;
        }
    }

    /// The only part there is, for a job that does not share.
    pub(super) fn take_first(&self) -> Option<Part> {
        self.lock().parts.pop()
    }

    /// Whether a job waits for a part.
    pub(super) fn is_hungry(&self) -> bool {
        // Relaxed: a hint.
        self.hungry.load(Relaxed) > 0
    }

    pub(super) fn put(&self, part: Part) {
        self.lock().parts.push(part);
        self.changed.notify_one();
    }

    /// Whether all jobs are to hand in what they have; one of them finds that a checkpoint is due.
    pub(super) fn is_pausing(&self) -> bool {
        let mut due = self.due.lock().unwrap_or_else(PoisonError::into_inner);
        if due.is_some_and(|due| Instant::now() >= due) {
            *due = Some(Instant::now() + self.every);
            let _shared = self.lock();
            self.pausing.store(true, Relaxed);
        }
        // Relaxed: a job that misses it looks again soon.
        self.pausing.load(Relaxed)
    }

    /// Hands in parts, to be taken again.
    pub(super) fn hand_in(&self, parts: Vec<Part>) {
        self.lock().parts.extend(parts);
        self.changed.notify_all();
    }

    /// Leaves parts undone: `why` says which limit was reached.
    pub(super) fn leave(&self, parts: Vec<Part>, why: Option<Cut>) {
        let mut shared = self.lock();
        shared.parts.extend(parts);
        shared.reached.extend(why);
        shared.over = true;
        self.changed.notify_all();
    }

    /// Notes a bound of the machines that has cut something.
    pub(super) fn cut(&self, what: String) {
        self.lock().cuts.insert(what);
    }

    /// The limits on the whole exploration that were reached.
    pub(super) fn reached(&self) -> BTreeSet<Cut> {
        self.lock().reached.clone()
    }

    pub(super) fn add(&self, statistics: &Statistics) {
        self.lock().statistics.add(statistics);
    }

    /// Somebody has failed: all others end.
    pub(super) fn stop(&self) {
        // Relaxed: only an early end depends on it.
        self.stopped.store(true, Relaxed);
        self.lock().over = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopped(&self) -> bool {
        // Relaxed: only an early end depends on it.
        self.stopped.load(Relaxed)
    }

    /// Returns whether another descent may begin, after so many operations of the whole exploration.
    pub(super) fn has_time_for_a_descent(&self, operations: u64) -> bool {
        operations < self.most_operations && self.limits.reached(self.begun()).is_none()
    }

    /// The limit that keeps another execution from beginning, if any.
    pub(super) fn limit(&self) -> Option<Cut> {
        // Relaxed: a count.
        let begun = self.begun.fetch_add(1, Relaxed);
        let reached = self.limits.reached(begun);
        if reached.is_some() {
            self.begun.fetch_sub(1, Relaxed);
        }
        reached
    }

    /// Takes what was left undone, with what all have done.
    pub(super) fn take_all(&self) -> Left {
        let mut shared = self.lock();
        let parts = core::mem::take(&mut shared.parts);
        Left { parts, statistics: shared.statistics, cuts: shared.cuts.clone() }
    }

    /// Returns how many executions have begun, those of earlier phases included.
    pub(super) fn begun(&self) -> u64 {
        // Relaxed: a count.
        self.begun.load(Relaxed)
    }

    /// Begins a descent, and returns its number, from 1.
    pub(super) fn begin_descent(&self) -> u64 {
        // Relaxed: one job descends.
        self.descents.fetch_add(1, Relaxed) + 1
    }

    /// Returns how many descents have begun.
    pub(super) fn descents(&self) -> u64 {
        // Relaxed: one job descends.
        self.descents.load(Relaxed)
    }

    /// Adds what a descent estimates as the number of executions.
    pub(super) fn add_size(&self, size: f64) {
        self.lock().sizes += size;
    }

    /// Returns the sum of what the descents estimate as the number of executions; their mean is Knuth's estimate.
    pub(super) fn sizes(&self) -> f64 {
        self.lock().sizes
    }
}
