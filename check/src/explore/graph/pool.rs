//! The work that the jobs of an exploration share.

use super::super::{Cut, Limits, Plan};
use selvedge_graph::{Part, Statics, Statistics};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

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
    /// Executions that all jobs together have begun.
    begun: AtomicU64,
    limits: Limits,
    jobs: usize,
    pub(super) statics: Statics,
}

struct Shared {
    parts: Vec<Part>,
    waiting: usize,
    over: bool,
    statistics: Statistics,
    /// The bounds that have cut something.
    cuts: BTreeSet<String>,
    /// The limits on the whole exploration that were reached.
    reached: BTreeSet<Cut>,
}

/// What is left to do, and what has been done: for a checkpoint.
pub(super) struct Standing<'a> {
    pub(super) parts: &'a [Part],
    pub(super) statistics: Statistics,
    pub(super) cuts: &'a BTreeSet<String>,
}

type Save<'a> = &'a dyn Fn(Standing<'_>);

impl Pool {
    pub(super) fn new(plan: &Plan, parts: Vec<Part>, statics: Statics, statistics: Statistics) -> Pool {
        Pool {
            shared: Mutex::new(Shared {
                parts,
                waiting: 0,
                over: false,
                statistics,
                cuts: BTreeSet::new(),
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
            begun: AtomicU64::new(0),
            limits: Limits::of(plan),
            jobs: plan.graph.jobs,
            statics,
        }
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

    /// The bounds that have cut something.
    pub(super) fn cuts(&self) -> BTreeSet<String> {
        self.lock().cuts.clone()
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

    /// What was left undone, and what all have done.
    pub(super) fn take_all(&self) -> (Vec<Part>, Statistics) {
        let mut shared = self.lock();
        (core::mem::take(&mut shared.parts), shared.statistics)
    }
}
