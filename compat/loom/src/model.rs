//! Checking models.

#![allow(clippy::disallowed_types, reason = "std's `Arc` keeps the model outside any execution")]

use core::iter;
use core::time::Duration;
use selvedge_check::{Checker, Engine, Verdict};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// How many executions are begun to see whether one comes to its end within a bound on preemptions.
const PROBE: u64 = 2_000;

/// The widest bound on preemptions that is tried before there is none.
const WIDEST: usize = 32;

/// What loom allows by default; here it stands for the checker's own limit on operations.
const DEFAULT_BRANCHES: usize = 1_000;

/// Settings of a check. [`new`](Builder::new) reads loom's environment variables.
///
/// ```
/// # use selvedge_loom as loom;
/// let mut builder = loom::model::Builder::new();
/// builder.max_permutations = Some(10_000);
/// builder.check(|| {
///     let flag = loom::sync::atomic::AtomicBool::new(false);
///     assert!(!flag.load(loom::sync::atomic::Ordering::Relaxed));
/// });
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub struct Builder {
    /// The number of threads that loom allows. The number of threads has no bound here.
    pub max_threads: usize,

    /// The operations of an execution, if the number is not loom's default of 1,000: a longer execution is a failure. With the
    /// default an execution has at most 20,000 operations. `LOOM_MAX_BRANCHES`.
    pub max_branches: usize,

    /// The most executions to explore. `LOOM_MAX_PERMUTATIONS`.
    pub max_permutations: Option<usize>,

    /// The longest time to explore. `LOOM_MAX_DURATION`, in seconds.
    pub max_duration: Option<Duration>,

    /// The most preemptions of an execution. `LOOM_MAX_PREEMPTIONS`. Without it, as by default, every execution is explored.
    /// With it the search keeps to fair schedules, too, as loom always does ([`Checker::fair_schedules`]), and that a thread
    /// which yields or spins lets another go on is no preemption. Where no execution comes to its end within the bound, [`check`](Builder::check) takes a wider one. The verdict names
    /// the bound.
    pub preemption_bound: Option<usize>,

    /// The file in which a search that is interrupted leaves what it has not explored yet, and from which the next run goes on.
    /// `LOOM_CHECKPOINT_FILE`. To run a failing execution again, use the token that its report prints.
    pub checkpoint_file: Option<PathBuf>,

    /// After how many executions loom writes the file. Here it is written every 30 seconds. `LOOM_CHECKPOINT_INTERVAL`.
    pub checkpoint_interval: usize,

    /// Whether loom waits for [`explore`](crate::explore). Here everything is explored.
    pub expect_explicit_explore: bool,

    /// Whether loom notes the lines of operations. Here they are always noted. `LOOM_LOCATION`.
    pub location: bool,

    /// Whether loom prints what executions do. Here the report of a failure says it. `LOOM_LOG`.
    pub log: bool,
}

impl Builder {
    /// Returns the settings that the environment asks for, and else the defaults.
    ///
    /// # Panics
    /// If a variable has a bad value.
    #[track_caller]
    pub fn new() -> Builder {
        Builder {
            max_threads: crate::MAX_THREADS,
            max_branches: variable("LOOM_MAX_BRANCHES").unwrap_or(DEFAULT_BRANCHES),
            max_permutations: variable("LOOM_MAX_PERMUTATIONS"),
            max_duration: variable("LOOM_MAX_DURATION").map(Duration::from_secs),
            preemption_bound: variable("LOOM_MAX_PREEMPTIONS"),
            checkpoint_file: variable("LOOM_CHECKPOINT_FILE"),
            checkpoint_interval: variable("LOOM_CHECKPOINT_INTERVAL").unwrap_or(20_000),
            expect_explicit_explore: false,
            location: std::env::var_os("LOOM_LOCATION").is_some(),
            log: std::env::var_os("LOOM_LOG").is_some(),
        }
    }

    /// Sets the file of [`checkpoint_file`](Builder::checkpoint_file).
    pub fn checkpoint_file(&mut self, file: &str) -> &mut Builder {
        self.checkpoint_file = Some(file.into());
        self
    }

    /// Explores every execution of `model` that C++20's memory model allows, within the bounds, and prints a line with the
    /// verdict.
    ///
    /// # Panics
    /// If an execution fails, with the report.
    #[track_caller]
    pub fn check<F>(&self, model: F)
    where
        F: Fn() + Sync + Send + 'static,
    {
        let model = Arc::new(model);
        let mut checker = self.checker();
        if let Some(bound) = self.preemption_bound {
            let bound = self.reaching_bound(bound, &model);
            checker = checker.preemption_bound(bound);
        }
        checker.check(move || model());
    }

    /// Returns the least of `bound` and its doubles, up to [`WIDEST`], within which one of the first [`PROBE`] executions comes
    /// to its end; else `None`, for no bound. The graph engine also cuts executions that are only on the way to others, so
    /// there may be none within a bound that loom keeps to.
    fn reaching_bound<F>(&self, bound: usize, model: &Arc<F>) -> Option<usize>
    where
        F: Fn() + Sync + Send + 'static,
    {
        let probe = self.without_file().ignore_environment().max_executions(PROBE).shrink(false);
        let comes_to_an_end = |bound: &usize| {
            let model = Arc::clone(model);
            let report = probe.clone().preemption_bound(*bound).run(move || model()).remove(0);
            let Verdict::Refused { why } = report.verdict else { return true };
            !(why.contains("no execution came to its end")
                && (why.contains("preemptions") || why.contains("stopped")))
        };
        let doubles = iter::successors(Some(bound), |bound| Some((2 * bound).max(1)));
        doubles.take_while(|wider| *wider <= bound.max(WIDEST)).find(comes_to_an_end)
    }

    /// Returns the checker with these settings, for what loom has no setting of: other memory models, replays, reports.
    ///
    /// ```
    /// # use selvedge_loom as loom;
    /// let reports = loom::model::Builder::new().checker().run(|| loom::thread::yield_now());
    /// assert_eq!(reports[0].executions, 1);
    /// ```
    pub fn checker(&self) -> Checker {
        let checker = self.without_file();
        match &self.checkpoint_file {
            Some(file) => checker.checkpoint(file),
            None => checker,
        }
    }

    /// Returns the checker with these settings but the file.
    fn without_file(&self) -> Checker {
        let mut checker = Checker::new()
            .engines([Engine::Graph])
            .spurious_failures(false)
            .allow_no_operations()
            .preemption_bound(self.preemption_bound)
            .fair_schedules(self.preemption_bound.is_some())
            .time_limit(self.max_duration);
        if self.max_branches != DEFAULT_BRANCHES {
            checker = checker.max_operations(self.max_branches as u64);
        }
        if let Some(executions) = self.max_permutations {
            checker = checker.max_executions(executions as u64);
        }
        checker
    }
}

impl Default for Builder {
    #[track_caller]
    fn default() -> Builder {
        Builder::new()
    }
}

/// Returns the value of an environment variable, if it is set.
#[track_caller]
fn variable<T: FromStr>(name: &str) -> Option<T> {
    let text = std::env::var(name).ok()?;
    match text.trim().parse() {
        Ok(value) => Some(value),
        Err(_) => panic!("{name}: `{text}` is no value for it; use a number such as 3"),
    }
}

/// Explores every execution of `model` that C++20's memory model allows, with the settings of the environment, and prints a
/// line with the verdict.
///
/// ```
/// # use selvedge_loom as loom;
/// use loom::sync::{Arc, Mutex};
/// use loom::thread;
///
/// loom::model(|| {
///     let count = Arc::new(Mutex::new(0));
///     let theirs = Arc::clone(&count);
///     let thread = thread::spawn(move || *theirs.lock().unwrap() += 1);
///     *count.lock().unwrap() += 1;
///     thread.join().unwrap();
///     assert_eq!(*count.lock().unwrap(), 2);
/// });
/// ```
///
/// # Panics
/// If an execution fails, with the report, and where [`Builder::new`] does.
#[track_caller]
pub fn model<F>(model: F)
where
    F: Fn() + Sync + Send + 'static,
{
    Builder::new().check(model);
}
