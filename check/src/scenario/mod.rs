//! Concurrent programs, generated from the operations of a structure.
//!
//! A [`Scenario`] says how to make a structure, how to perform an operation on it, and which [`Spec`] it has
//! to obey. Small programs of a few threads are drawn from strategies for the operations (proptest's with
//! the feature `proptest`, quickcheck's `Arbitrary` with the feature `quickcheck`), each runs under every
//! engine, and each execution's history is held against the specification. A program that fails is shrunk to
//! few threads, few operations and small arguments, and printed as a test.

mod program;
#[cfg(feature = "proptest")]
mod proptest;
#[cfg(feature = "quickcheck")]
mod quickcheck;
mod run;
mod seen;

pub use program::Program;

use crate::explore::Model;
use crate::{Checker, Criterion, Engine, FailureKind, Report, Spec};
use core::fmt::{self, Debug};
use core::ops::RangeInclusive;
use core::time::Duration;
use seen::Seen;
use std::sync::Arc;

/// How to make a structure.
type Make<T> = Arc<dyn Fn() -> T + Send + Sync>;
/// How to perform an operation on it.
type Perform<T, O, A> = Arc<dyn Fn(&T, &O) -> A + Send + Sync>;

/// A structure, its operations and its specification.
///
/// ```
/// use selvedge::rt::sync::atomic::{AtomicI64, Ordering::Relaxed};
/// use selvedge_check::{Program, Scenario, spec::{Counter, CounterOp::{self, Add, Get}}};
///
/// fn counter() -> Scenario<Counter, AtomicI64> {
///     Scenario::new("counter", Counter, || AtomicI64::new(0), |counter, operation| match operation {
///         Add(amount) => counter.fetch_add(*amount, Relaxed),
///         Get => counter.load(Relaxed),
///     })
/// }
/// counter().check_program(&Program {
///     first: vec![],
///     threads: vec![vec![Add(1), Get], vec![Add(2)]],
///     last: vec![Get],
/// });
/// ```
/// An operation of `first` that would wait is left out; an operation of `last` must not wait.
pub struct Scenario<S: Spec, T> {
    name: String,
    spec: Arc<S>,
    make: Make<T>,
    perform: Perform<T, S::Operation, S::Answer>,
    finish: Option<S::Operation>,
    criterion: Criterion,
    checker: Checker,
    sizes: Sizes,
    programs: u32,
    seed: u64,
    seen: Seen,
}

/// How large programs are.
#[derive(Clone, Debug)]
#[cfg_attr(
    not(any(feature = "proptest", feature = "quickcheck")),
    allow(dead_code, reason = "read where programs are drawn")
)]
struct Sizes {
    threads: RangeInclusive<usize>,
    operations: RangeInclusive<usize>,
    first: RangeInclusive<usize>,
    last: RangeInclusive<usize>,
}

impl<S: Spec, T> Clone for Scenario<S, T> {
    fn clone(&self) -> Self {
        Scenario {
            name: self.name.clone(),
            spec: Arc::clone(&self.spec),
            make: Arc::clone(&self.make),
            perform: Arc::clone(&self.perform),
            finish: self.finish.clone(),
            criterion: self.criterion,
            checker: self.checker.clone(),
            sizes: self.sizes.clone(),
            programs: self.programs,
            seed: self.seed,
            seen: Seen::default(),
        }
    }
}

impl<S: Spec, T> Scenario<S, T> {
    /// Returns a scenario. `name` is the function that returns it, which printed tests call; `make` makes a
    /// structure, and `perform` performs an operation on it.
    ///
    /// By default there are 100 programs, each with 2 or 3 threads of 1 to 3 operations, up to 2 operations before and
    /// 3 after them. Each engine explores at most 2,000 executions (natively 100) or 2 seconds of each program.
    pub fn new(
        name: &str,
        spec: S,
        make: impl Fn() -> T + Send + Sync + 'static,
        perform: impl Fn(&T, &S::Operation) -> S::Answer + Send + Sync + 'static,
    ) -> Scenario<S, T> {
        let checker = Checker::new().iterations(100).max_executions(2_000).time_limit(Duration::from_secs(2));
        Scenario {
            name: name.to_string(),
            spec: Arc::new(spec),
            make: Arc::new(make),
            perform: Arc::new(perform),
            finish: None,
            criterion: Criterion::Linearizable,
            checker,
            sizes: Sizes { threads: 2..=3, operations: 1..=3, first: 0..=2, last: 0..=3 },
            programs: 100,
            seed: 0x5e17ed6e,
            seen: Seen::default(),
        }
    }

    /// Sets the engines, bounds and limits for each program.
    pub fn checker(mut self, checker: Checker) -> Self {
        self.checker = checker;
        self
    }

    /// Sets how many threads a program has.
    pub fn threads(mut self, threads: RangeInclusive<usize>) -> Self {
        self.sizes.threads = threads;
        self
    }

    /// Sets how many operations each thread has.
    pub fn operations(mut self, operations: RangeInclusive<usize>) -> Self {
        self.sizes.operations = operations;
        self
    }

    /// Sets how many operations come before the threads.
    pub fn first(mut self, first: RangeInclusive<usize>) -> Self {
        self.sizes.first = first;
        self
    }

    /// Sets how many operations come after the threads.
    pub fn last(mut self, last: RangeInclusive<usize>) -> Self {
        self.sizes.last = last;
        self
    }

    /// Sets the operation that ends the waits of all others, such as closing a channel. A scenario needs one if
    /// operations wait. The body performs it when each thread is done, or waits for something that by the
    /// specification no thread will do; under the graph engine and loom, where there is no such moment, concurrently
    /// with the threads.
    pub fn finish(mut self, operation: S::Operation) -> Self {
        self.finish = Some(operation);
        self
    }

    /// Sets what the answers must be. The default is linearizable.
    pub fn criterion(mut self, criterion: Criterion) -> Self {
        self.criterion = criterion;
        self
    }

    /// Sets how many programs to draw.
    pub fn programs(mut self, programs: u32) -> Self {
        self.programs = programs;
        self
    }

    /// Sets the seed from which programs are drawn.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }
}

/// A program that the structure fails.
#[derive(Clone, Debug)]
pub struct Failing<O> {
    /// The program, as small as it could be made.
    pub program: Program<O>,
    /// The report of the engine that found the failure.
    pub report: Report,
    /// Each of the scenario's engines, with the kind of failure that it finds, or `None`.
    pub engines: Vec<(Engine, Option<FailureKind>)>,
    name: String,
}

impl<O> Failing<O> {
    /// Returns a sentence on the engines under which the program fails, and those under which it does not.
    fn fails(&self) -> String {
        let list = |failing: bool| {
            let engines = self.engines.iter().filter(|(_, kind)| kind.is_some() == failing);
            let words = engines.map(|(engine, kind)| match kind {
                Some(kind) => format!("{engine} ({kind})"),
                None => engine.to_string(),
            });
            words.collect::<Vec<_>>().join(", ")
        };
        match (list(true), list(false)) {
            (none, _) if none.is_empty() => format!("Does not pass under {}.", self.report.engine),
            (failing, passing) if passing.is_empty() => format!("Fails under {failing}."),
            (failing, passing) => format!("Fails under {failing}; not under {passing}."),
        }
    }
}

impl<O: Debug> fmt::Display for Failing<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let test = program::as_test(&self.program, &self.name, &self.fails());
        write!(f, "{}: a program fails\n{}\n\nas a test:\n\n{test}\n", self.name, self.report)
    }
}

/// How many smaller programs to try.
#[cfg(any(feature = "proptest", feature = "quickcheck"))]
const SHRINKS: usize = 4_000;

/// How many of the drawn programs are audited, if the environment asks for audits: an audit runs a program once for
/// each ordering that the program meets.
#[cfg(any(feature = "proptest", feature = "quickcheck"))]
const AUDITED: u32 = 5;

/// What made a program fail: the engine, and the kind of failure (`None`: it was refused).
type Cause = (Engine, Option<FailureKind>);

impl<S, T> Scenario<S, T>
where
    S: Spec + Send + Sync + 'static,
    S::Operation: Send + Sync + 'static,
    S::Answer: Send,
    T: Sync + 'static,
{
    /// Runs one program under every engine.
    ///
    /// # Errors
    /// Fails with the report of the first engine that finds a failure or refuses the run.
    pub fn run_program(&self, program: &Program<S::Operation>) -> Result<(), Box<Failing<S::Operation>>> {
        self.run_for(program, None, true).map_err(|failing| self.judged(failing))
    }

    /// Returns the failing program with what each engine finds.
    fn judged(&self, mut failing: Box<Failing<S::Operation>>) -> Box<Failing<S::Operation>> {
        let (engine, kind) = cause_of(&failing.report);
        let others = self.checker.engines.iter().copied().filter(|other| *other != engine);
        let found = others.map(|other| {
            let checker = self.checker.clone().engines([other]);
            let failed = Scenario { checker, ..self.clone() }.run_for(&failing.program, None, false);
            (other, failed.err().and_then(|failed| cause_of(&failed.report).1))
        });
        failing.engines = [(engine, kind)].into_iter().chain(found).collect();
        failing
    }

    /// Runs one program in a test, as [`run_program`](Self::run_program) does, and prints a line for each engine on
    /// standard error.
    ///
    /// # Panics
    /// If the program fails, with the report and the program as a test.
    #[track_caller]
    pub fn check_program(&self, program: &Program<S::Operation>) {
        if let Err(failing) = self.run_program(program) {
            panic!("{failing}");
        }
        self.seen.announce(&self.name);
        self.audit(program);
    }

    /// Audits a program that has passed, if the environment asks for it.
    fn audit(&self, program: &Program<S::Operation>) {
        let (scenario, theirs) = (self.clone(), program.clone());
        let checker = self.checker.clone().name(&format!("{}_regression", self.name));
        crate::audit::audit_check(&checker, &(Arc::new(move || scenario.execute(&theirs)) as Model));
    }

    /// Returns the smallest program found that fails for the same cause: each smaller one that fails takes its place.
    #[cfg(any(feature = "proptest", feature = "quickcheck"))]
    fn shrunk(
        &self,
        mut failing: Box<Failing<S::Operation>>,
        smaller: impl Fn(&Program<S::Operation>) -> Vec<Program<S::Operation>>,
    ) -> Box<Failing<S::Operation>> {
        let cause = Some(cause_of(&failing.report));
        let mut left = SHRINKS;
        'smaller: loop {
            for program in smaller(&failing.program).into_iter().take(left) {
                left -= 1;
                if let Err(found) = self.run_for(&program.trimmed(), cause, false) {
                    failing = found;
                    continue 'smaller;
                }
            }
            // The last run looks for the schedule with the fewest context switches.
            return self.judged(match self.run_for(&failing.program, cause, true) {
                Err(shortest) => shortest,
                Ok(()) => failing,
            });
        }
    }

    /// Runs a program; with a `cause`, only under its engine, and only a failure of that cause counts. `shrink` says
    /// whether the schedule is shrunk, and whether a token may replay one.
    fn run_for(
        &self,
        program: &Program<S::Operation>,
        cause: Option<Cause>,
        shrink: bool,
    ) -> Result<(), Box<Failing<S::Operation>>> {
        if program.operations() == 0 {
            return Ok(());
        }
        let mut engines: Vec<Engine> = match cause {
            Some((engine, _)) => vec![engine],
            None => self.checker.engines.clone(),
        };
        // Real threads come last: they may not find a failure a second time.
        engines.sort_by_key(|engine| *engine == Engine::Native);
        for engine in engines {
            let (scenario, theirs) = (self.clone(), program.clone());
            let name = format!("{}_regression", self.name);
            let mut checker = self.checker.clone().name(&name).engines([engine]).shrink(shrink);
            checker.never_replays = !shrink;
            for report in checker.run(move || scenario.execute(&theirs)) {
                if cause.is_none() && report.verdict.passed() {
                    self.seen.add(&report);
                }
                let same = cause.is_none_or(|cause| cause == cause_of(&report));
                if !report.verdict.passed() && same {
                    let (program, name) = (program.clone(), self.name.clone());
                    return Err(Box::new(Failing { program, report, engines: Vec::new(), name }));
                }
            }
        }
        Ok(())
    }
}

fn cause_of(report: &Report) -> Cause {
    (report.engine, report.verdict.failure().map(|found| found.failure.kind))
}
