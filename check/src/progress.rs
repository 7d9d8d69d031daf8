//! Progress: whether threads finish while others are stopped.

use crate::checker::announce;
use crate::explore::shuttle::freeze::{Freeze, Who};
use crate::{Checker, Engine, Primitives, Report, Strategy};
use selvedge::rt::seam::own_steps;
use selvedge::rt::thread;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

/// The closure of one thread.
type Part<T> = Arc<dyn Fn(&T) + Send + Sync>;

/// Operations of a structure, each on a thread of its own, whose progress is checked.
///
/// A thread is *frozen* after one of its steps, at every moment that the depth-first search of schedules picks, and goes
/// on only when the others are done. So every execution ends, and shows whether the others finish without it. The
/// search explores a sequentially consistent machine with as many preemptions as the checker allows; the verdict names
/// that bound.
///
/// ```
/// use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
/// use selvedge_check::Progress;
///
/// let counter = Progress::new("counter", || AtomicUsize::new(0))
///     .thread(|counter| drop(counter.fetch_add(1, Relaxed)))
///     .thread(|counter| drop(counter.fetch_add(1, Relaxed)));
/// counter.check_lock_free();
/// counter.check_wait_free(1);
/// ```
pub struct Progress<T> {
    name: String,
    make: Arc<dyn Fn() -> T + Send + Sync>,
    parts: Vec<Part<T>>,
    checker: Checker,
    patience: u64,
}

impl<T: Send + Sync + 'static> Progress<T> {
    /// Returns a check of the structure that `make` makes.
    pub fn new(name: &str, make: impl Fn() -> T + Send + Sync + 'static) -> Progress<T> {
        Progress {
            name: name.to_string(),
            make: Arc::new(make),
            parts: Vec::new(),
            checker: Checker::new(),
            patience: 500,
        }
    }

    /// Adds a thread, which calls `part` once: an operation, or a few.
    ///
    /// # Panics
    /// If there are 63 threads already.
    #[track_caller]
    pub fn thread(mut self, part: impl Fn(&T) + Send + Sync + 'static) -> Progress<T> {
        assert!(self.parts.len() < 63, "progress is checked with at most 63 threads");
        self.parts.push(Arc::new(part));
        self
    }

    /// Sets the bounds and limits of the search. The engine is shuttle's depth-first search, whichever the checker names.
    pub fn checker(mut self, checker: Checker) -> Progress<T> {
        self.checker = checker;
        self
    }

    /// Sets how many steps of its own a thread may take while others are frozen; a thread that takes more counts as
    /// one that waits for them. The default is 500.
    pub fn patience(mut self, steps: u64) -> Progress<T> {
        self.patience = steps;
        self
    }

    /// Checks lock-freedom, and returns a report for each thread: a pass if all other threads finish wherever this one is
    /// frozen, so that none waits for its unfinished step.
    ///
    /// # Panics
    /// Where [`Checker::run`] does.
    #[track_caller]
    pub fn lock_free(&self) -> Vec<Report> {
        let mut reports = Vec::new();
        for victim in 1..=self.parts.len() {
            reports.push(self.run("frozen", Some(Who::Victim(victim)), self.patience));
        }
        reports
    }

    /// Checks obstruction-freedom, and returns a report for each thread: a pass if this one finishes wherever all
    /// others are frozen.
    ///
    /// # Panics
    /// Where [`Checker::run`] does.
    #[track_caller]
    pub fn obstruction_free(&self) -> Vec<Report> {
        let mut reports = Vec::new();
        for survivor in 1..=self.parts.len() {
            reports.push(self.run("alone", Some(Who::AllBut(survivor)), self.patience));
        }
        reports
    }

    /// Checks wait-freedom, and returns a report: a pass if each thread takes at most `own_steps` steps of its own,
    /// whatever the others do.
    ///
    /// # Panics
    /// Where [`Checker::run`] does.
    #[track_caller]
    pub fn wait_free(&self, own_steps: u64) -> Report {
        self.run("wait-free", None, own_steps)
    }

    /// Checks lock-freedom in a test, as [`lock_free`](Self::lock_free) does.
    ///
    /// # Panics
    /// With the first report that is not a pass.
    #[track_caller]
    pub fn check_lock_free(&self) {
        self.demand("lock-free", &self.lock_free(), |thread| {
            format!("with T{thread} stopped between two of its steps, the others do not finish")
        });
    }

    /// Checks obstruction-freedom in a test, as [`obstruction_free`](Self::obstruction_free) does.
    ///
    /// # Panics
    /// With the first report that is not a pass.
    #[track_caller]
    pub fn check_obstruction_free(&self) {
        self.demand("obstruction-free", &self.obstruction_free(), |thread| {
            format!("with all others stopped between two of their steps, T{thread} does not finish")
        });
    }

    /// Checks wait-freedom in a test, as [`wait_free`](Self::wait_free) does.
    ///
    /// # Panics
    /// With the report if it is not a pass.
    #[track_caller]
    pub fn check_wait_free(&self, own_steps: u64) {
        self.demand("wait-free", &[self.wait_free(own_steps)], |_| {
            format!("a thread takes more than {own_steps} steps of its own")
        });
    }

    /// Panics with the first of the reports that is not a pass: one for each thread in turn, or one for all of them.
    /// `fault` says what a failure means.
    #[track_caller]
    fn demand(&self, quality: &str, reports: &[Report], fault: impl Fn(usize) -> String) {
        for (thread, report) in (1..).zip(reports) {
            announce(&format!("{} ({quality})", self.name), report);
            if report.verdict.failure().is_some() {
                panic!("{} is not {quality}: {}\n{report}", self.name, fault(thread));
            }
            assert!(report.verdict.passed(), "{} is not shown to be {quality}\n{report}", self.name);
        }
    }

    #[track_caller]
    fn run(&self, what: &str, who: Option<Who>, most: u64) -> Report {
        let name = match who {
            Some(Who::Victim(thread) | Who::AllBut(thread)) => format!("{}: T{thread} {what}", self.name),
            None => format!("{}: {what}", self.name),
        };
        let done = Arc::new(AtomicU64::new(0));
        let threads = self.parts.len();
        let freeze = who.map(|who| Freeze { who, done: Arc::clone(&done), threads });
        let engine = Engine::Shuttle(Strategy::DepthFirst);
        let checker = self
            .checker
            .clone()
            .name(&name)
            .engines([engine])
            .primitives(Primitives::Real)
            .shrink(false)
            .freeze(freeze);
        let (make, parts) = (Arc::clone(&self.make), self.parts.clone());
        let mut reports = checker.run(move || {
            // Relaxed, here and below: outside the engine's sight, on one OS thread.
            done.store(0, Relaxed);
            let object = make();
            let late = Mutex::new(None);
            thread::scope(|scope| {
                for (number, part) in (1..).zip(&parts) {
                    let (object, done, late) = (&object, &done, &late);
                    scope.spawn(move || {
                        let before = own_steps();
                        part(object);
                        let took = own_steps() - before;
                        done.fetch_or(1 << number, Relaxed);
                        if took > most {
                            let text = format!("T{number} took {took} steps of its own, {most} are allowed");
                            *late.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                        }
                    });
                }
            });
            if let Some(text) = late.into_inner().unwrap_or_else(PoisonError::into_inner) {
                panic!("{text}");
            }
        });
        reports.remove(0)
    }
}
