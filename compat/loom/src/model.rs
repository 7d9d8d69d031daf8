//! Checking models.

use core::time::Duration;
use selvedge_check::{Checker, Engine};
use std::path::PathBuf;
use std::str::FromStr;

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

    /// The most preemptions of an execution. `LOOM_MAX_PREEMPTIONS`. Without it, as by default, every execution is
    /// explored, which seldom takes longer.
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
        self.checker().check(model);
    }

    /// Returns the checker with these settings, for what loom has no setting of: other memory models, replays, reports.
    ///
    /// ```
    /// # use selvedge_loom as loom;
    /// let reports = loom::model::Builder::new().checker().run(|| loom::thread::yield_now());
    /// assert_eq!(reports[0].executions, 1);
    /// ```
    pub fn checker(&self) -> Checker {
        let mut checker = Checker::new()
            .engines([Engine::Graph])
            .spurious_failures(false)
            .allow_no_operations()
            .preemption_bound(self.preemption_bound)
            .time_limit(self.max_duration);
        if self.max_branches != DEFAULT_BRANCHES {
            checker = checker.max_operations(self.max_branches as u64);
        }
        if let Some(executions) = self.max_permutations {
            checker = checker.max_executions(executions as u64);
        }
        if let Some(file) = &self.checkpoint_file {
            checker = checker.checkpoint(file);
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
