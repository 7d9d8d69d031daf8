//! The builder that runs a model under the chosen engines.

mod announce;
mod graph;

pub(crate) use announce::{announce, print};

use crate::audit;
use crate::environment::REPLAY;
use crate::explore::{self, GraphSettings, Plan};
use crate::replay::Tagged;
use crate::{Engine, Primitives, Report};
use core::time::Duration;
use selvedge::rt::seam::{Counters, Edits, FailureKind, Mutation, Site, Survey, Use};
use std::sync::Arc;

/// Runs a model under one engine after another.
///
/// ```
/// use selvedge::rt::{sync::Arc, sync::atomic::{AtomicUsize, Ordering}, thread};
/// use selvedge_check::Checker;
///
/// Checker::new().iterations(20).check(|| {
///     let count = Arc::new(AtomicUsize::new(0));
///     let theirs = Arc::clone(&count);
///     let thread = thread::spawn(move || theirs.fetch_add(1, Ordering::Relaxed));
///     count.fetch_add(1, Ordering::Relaxed);
///     thread.join().unwrap();
///     assert_eq!(count.load(Ordering::Relaxed), 2);
/// });
/// ```
#[derive(Clone, Debug)]
#[doc(alias("Builder", "Runner"))]
pub struct Checker {
    name: Option<String>,
    pub(crate) engines: Vec<Engine>,
    /// `None`: each engine's own.
    pub(crate) preemptions: Option<Option<usize>>,
    pub(crate) iterations: u64,
    pub(crate) seed: u64,
    pub(crate) primitives: Primitives,
    pub(crate) replay: Option<Tagged>,
    /// What a token cannot belong to.
    pub(crate) never_replays: bool,
    shrink: bool,
    pub(crate) find_first: bool,
    #[cfg(feature = "shuttle")]
    freeze: Option<explore::shuttle::freeze::Freeze>,
    time_limit: Option<Duration>,
    max_executions: Option<u64>,
    max_operations: u64,
    allows_no_operations: bool,
    hang_limit: Duration,
    edits: Edits,
    mutations: Vec<Mutation>,
    expected: Option<FailureKind>,
    use_environment: bool,
    counters: Option<Arc<Counters>>,
    graph: GraphSettings,
}

impl Checker {
    /// Returns the standard settings: every engine compiled in; at most two preemptions under loom and shuttle, any
    /// number under the graph engine; 1,000 native runs or random schedules, a minute for each engine, 20,000
    /// operations for each execution.
    pub fn new() -> Checker {
        Checker {
            name: None,
            engines: Engine::available(),
            preemptions: None,
            iterations: 1_000,
            seed: 0x5e17ed6e,
            primitives: Primitives::default(),
            replay: None,
            never_replays: false,
            shrink: true,
            find_first: true,
            #[cfg(feature = "shuttle")]
            freeze: None,
            time_limit: Some(Duration::from_secs(60)),
            max_executions: None,
            max_operations: 20_000,
            allows_no_operations: false,
            hang_limit: Duration::from_secs(60),
            edits: audit::edits_of_environment(),
            mutations: Vec::new(),
            expected: None,
            use_environment: true,
            counters: None,
            graph: GraphSettings::default(),
        }
    }

    /// Sets the model's name in messages and tokens. Without it the model has the name of the current thread, which in
    /// a test is the test's.
    pub fn name(mut self, name: &str) -> Checker {
        self.name = Some(name.to_string());
        self
    }

    pub(crate) fn model_name(&self) -> String {
        let of_thread = || std::thread::current().name().filter(|name| *name != "main").map(str::to_string);
        self.name.clone().or_else(of_thread).unwrap_or_else(|| "model".to_string())
    }

    /// Sets the engines to use, in this order.
    pub fn engines(mut self, engines: impl IntoIterator<Item = Engine>) -> Checker {
        self.engines = engines.into_iter().collect();
        self
    }

    /// Bounds how often a search takes the processor from a thread that could go on, under loom, shuttle
    /// (depth-first) and the graph engine alike: a number, or `None` for no bound. Without this setting loom and
    /// shuttle keep to two, and the graph engine has no bound.
    ///
    /// The graph engine explores no interleavings: there an execution has as many preemptions as the interleaving of it
    /// with the fewest, or, if it is not sequentially consistent and so has none, as an order in which each write comes
    /// before its readers. The bound also cuts executions that are only on the way to others, so it leaves some out
    /// that would keep to it (Marmanis, Kokologiannakis and Vafeiadis, *Reconciling Preemption Bounding with DPOR*,
    /// TACAS 2023). Where it cuts anything, the verdict is `Searched`, with the bound.
    ///
    /// ```
    /// use selvedge_check::Checker;
    /// let _at_most_three = Checker::new().preemption_bound(3);
    /// let _any_number = Checker::new().preemption_bound(None);
    /// ```
    #[doc(alias = "max_preemptions")]
    pub fn preemption_bound(mut self, bound: impl Into<Option<usize>>) -> Checker {
        self.preemptions = Some(bound.into());
        self
    }

    /// Sets how many native runs and random schedules to try.
    pub fn iterations(mut self, iterations: u64) -> Checker {
        self.iterations = iterations;
        self
    }

    /// Sets the seed of random schedules and descents.
    pub fn seed(mut self, seed: u64) -> Checker {
        self.seed = seed;
        self
    }

    /// Sets the form of the primitives of `selvedge` in the model's executions: as specified, which is the default, real, or
    /// first one and then the other in what is left of the limits on time and executions. Natively they are always real. A
    /// report says which form the executions used. Models of
    /// a primitive itself need the real form. A token is replayed in the form that it names.
    ///
    /// ```
    /// use selvedge_check::{Checker, Primitives};
    /// let _to_check_a_primitive_itself = Checker::new().primitives(Primitives::Real);
    /// ```
    pub fn primitives(mut self, form: Primitives) -> Checker {
        self.primitives = form;
        self
    }

    /// Limits the time of each engine, or with `None` does not; the limit takes effect between executions.
    #[doc(alias = "max_duration")]
    pub fn time_limit(mut self, limit: impl Into<Option<Duration>>) -> Checker {
        self.time_limit = limit.into();
        self
    }

    /// Limits the number of executions of each engine.
    #[doc(alias("max_permutations", "max_iterations"))]
    pub fn max_executions(mut self, limit: u64) -> Checker {
        self.max_executions = Some(limit);
        self
    }

    /// Limits the operations of one execution. A run that exceeds the limit is refused, or fails as a livelock if its
    /// last operations changed nothing.
    #[doc(alias("max_branches", "max_steps"))]
    pub fn max_operations(mut self, limit: u64) -> Checker {
        self.max_operations = limit;
        self
    }

    /// Lets a model pass in which the engine sees no operation. Without this such a model is refused, since it probably uses
    /// std's types. A search in which threads share nothing that the engine sees can then be exhaustive, and the report has a
    /// remark; without this it is *searched*. This is for suites that come from elsewhere, some of whose models do nothing
    /// that an engine sees.
    pub fn allow_no_operations(mut self) -> Checker {
        self.allows_no_operations = true;
        self
    }

    /// Limits the time in which the engine sees no operation; then the run is refused, since the model waits or loops
    /// by std's means. The default is a minute.
    pub fn hang_limit(mut self, limit: Duration) -> Checker {
        self.hang_limit = limit;
        self
    }

    /// Runs the code under test as if its source had these edits. Mutations change what the edits leave.
    ///
    /// # Errors
    /// If an edit names no operation or no ordering.
    pub fn source_edits(self, edits: &[audit::SourceEdit]) -> Result<Checker, String> {
        Ok(self.edits(audit::as_edits(edits)?))
    }

    /// Runs the code under test with these edits, as an engine applies them.
    pub(crate) fn edits(mut self, edits: Edits) -> Checker {
        self.edits = edits;
        self
    }

    /// Changes one site of the code under test. Each further call changes another site.
    pub fn mutate(mut self, mutation: Mutation) -> Checker {
        self.mutations.push(mutation);
        self
    }

    /// Makes [`check`](Self::check) demand a failure of this kind from every engine.
    pub fn expect_failure(mut self, kind: FailureKind) -> Checker {
        self.expected = Some(kind);
        self
    }

    /// Sets whether a failure is followed by a search for one with fewer context switches, as by default. That search
    /// takes a second or two.
    pub fn shrink(mut self, on: bool) -> Checker {
        self.shrink = on;
        self
    }

    /// Sets whether a search that is not done after a few hundred executions goes on with phases that find failures
    /// deep in it, as by default, before it explores the rest of everything: random descents and few preemptions under
    /// the graph engine, random schedules under shuttle, depth-first. loom searches in one way only.
    ///
    /// All phases together keep to the limits and bounds of this checker. The counts of a report are those of the
    /// search of everything, and so is `Exhaustive`. The report of a failure names the phase that found it.
    pub fn find_first(mut self, on: bool) -> Checker {
        self.find_first = on;
        self
    }

    #[cfg(feature = "shuttle")]
    pub(crate) fn freeze(mut self, freeze: Option<explore::shuttle::freeze::Freeze>) -> Checker {
        self.freeze = freeze;
        self
    }

    /// Returns the checker with the settings of the environment, but for a token to replay.
    pub(crate) fn in_environment(self) -> Checker {
        let lookup = |variable: &str| std::env::var(variable).ok().filter(|_| variable != REPLAY);
        let settings = if self.use_environment { self.clone().overridden(lookup) } else { Ok(self.clone()) };
        settings.unwrap_or(self)
    }

    /// Ignores the `SELVEDGE_…` variables.
    pub fn ignore_environment(mut self) -> Checker {
        self.use_environment = false;
        self
    }

    /// Replays the execution that a token names, instead of exploring.
    ///
    /// # Panics
    /// If the text is not a token of this version. [`run`](Self::run) panics if the token belongs to another model.
    #[track_caller]
    pub fn replay(mut self, token: &str) -> Checker {
        match token.parse() {
            Ok(token) => self.replay = Some(token),
            Err(error) => panic!("{error}"),
        }
        self
    }

    /// Sets counters that the engines update while they run, from which another thread can show progress.
    pub fn counters(mut self, counters: Arc<Counters>) -> Checker {
        self.counters = Some(counters);
        self
    }

    /// Runs the model, and returns a report for each engine, in order.
    ///
    /// # Panics
    /// If a `SELVEDGE_…` variable has a bad value, if there is no engine to run under, if an engine is not compiled
    /// in, or if the token to replay belongs to another model.
    #[track_caller]
    pub fn run<F>(&self, model: F) -> Vec<Report>
    where
        F: Fn() + Send + Sync + 'static,
    {
        self.run_model(&(Arc::new(model) as explore::Model))
    }

    #[track_caller]
    fn run_model(&self, model: &explore::Model) -> Vec<Report> {
        let settings = if self.use_environment {
            self.clone().overridden(|variable| std::env::var(variable).ok())
        } else {
            Ok(self.clone())
        };
        let settings = match settings {
            Ok(settings) => settings,
            Err(error) => panic!("{error}"),
        };
        let plans = match settings.plans() {
            Ok(plans) => plans,
            Err(error) => panic!("{}: {error}", self.model_name()),
        };
        plans.into_iter().map(|plan| explore::run(plan, Arc::clone(model))).collect()
    }

    /// Runs the model under the first engine, and returns the report and the operations that the model met.
    ///
    /// # Panics
    /// Where [`run`](Self::run) does.
    #[track_caller]
    pub fn survey<F>(&self, model: F) -> (Report, Vec<Use>)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let (report, counters) = self.surveyed(model);
        (report, counters.survey.take())
    }

    /// Runs the changed model under the first engine, and returns the report and an operation whose ordering may be what
    /// forbids load buffering: the change takes the ordering away, and in an execution nothing else keeps a cycle of
    /// program order and reads-from from closing. No engine explores such cycles.
    ///
    /// # Panics
    /// Where [`run`](Self::run) does.
    #[track_caller]
    pub fn survey_load_buffering<F>(&self, model: F) -> (Report, Option<Site>)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let (report, counters) = self.surveyed(model);
        (report, counters.survey.exposed())
    }

    #[track_caller]
    fn surveyed<F>(&self, model: F) -> (Report, Arc<Counters>)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let counters = Arc::new(Counters { survey: Survey::on(), ..Counters::default() });
        let first = self.engines.iter().copied().take(1);
        let mut reports = self.clone().engines(first).counters(Arc::clone(&counters)).run(model);
        (reports.remove(0), counters)
    }

    pub(crate) fn plans(&self) -> Result<Vec<Plan>, String> {
        if self.engines.is_empty() {
            return Err("no engine to run under; name at least one".to_string());
        }
        let engines = match &self.replay {
            None => self.engines.clone(),
            Some(token) if token.model != self.model_name() => {
                return Err(format!(
                    "the token belongs to another model, `{}`; replay it there",
                    token.model
                ));
            }
            Some(tagged) => vec![explore::of_token(&tagged.token)],
        };
        if let Some(missing) = engines.iter().find(|engine| !engine.is_available()) {
            let feature = missing.name().split('-').next().unwrap_or_default();
            return Err(format!("{missing} is not compiled in; add `--features {feature}`"));
        }
        let named = self.replay.as_ref().and_then(|tagged| tagged.form);
        let plan = |engine| Plan {
            name: self.model_name(),
            engine,
            graph: self.graph.clone(),
            preemptions: self.preemptions.unwrap_or(engine.own_preemption_bound()),
            is_bounded_by_user: self.preemptions.flatten().is_some(),
            iterations: self.iterations,
            seed: self.seed,
            primitives: named.unwrap_or(self.primitives),
            time_limit: self.time_limit,
            max_executions: self.max_executions,
            max_operations: self.max_operations,
            allows_no_operations: self.allows_no_operations,
            hang_limit: self.hang_limit,
            edits: self.edits.clone(),
            mutations: self.mutations.clone(),
            replay: self.replay.as_ref().map(|tagged| tagged.token.clone()),
            replayed_seed: self.replay.as_ref().and_then(|tagged| tagged.seed),
            shrink: self.shrink,
            find_first: self.find_first,
            #[cfg(feature = "shuttle")]
            freeze: self.freeze.clone(),
            counters: self.counters.clone().unwrap_or_default(),
        };
        Ok(engines.into_iter().map(plan).collect())
    }

    /// Runs the model, and panics with the reports unless every engine came to the expected result. Prints a line for
    /// each engine on standard error: the verdict, the executions, and what bounded them; and a warning if the limit
    /// on time cut the run.
    ///
    /// # Panics
    /// If an engine came to another result, and where [`run`](Self::run) does.
    #[track_caller]
    pub fn check<F>(&self, model: F)
    where
        F: Fn() + Send + Sync + 'static,
    {
        let model: explore::Model = Arc::new(model);
        let (reports, counters) = if audit::are_asked_for() {
            self.try_edits(&model)
        } else {
            (self.run_model(&model), Arc::default())
        };
        reports.iter().for_each(|report| announce(&self.model_name(), report));
        audit::report_verdicts(self, &reports, &counters.survey, |report| self.as_expected(report));
        let bad: Vec<&Report> = reports.iter().filter(|report| !self.as_expected(report)).collect();
        if bad.is_empty() {
            return audit::audit_check(self, &model);
        }
        audit::repair_check(self, &model, &bad);
        let wanted = match self.expected {
            Some(kind) => format!(" should have failed with a {kind}"),
            None => " should have passed".to_string(),
        };
        let text: Vec<_> = bad.iter().map(|report| self.explain(report)).collect();
        panic!("{}{wanted}\n{}", self.model_name(), text.join("\n"));
    }

    /// Runs the model with the environment's edits, and surveys what they meet.
    #[track_caller]
    fn try_edits(&self, model: &explore::Model) -> (Vec<Report>, Arc<Counters>) {
        let counters = Arc::new(Counters { survey: Survey::on(), ..Counters::default() });
        let reports = self.clone().shrink(false).counters(Arc::clone(&counters)).run_model(model);
        (reports, counters)
    }

    /// Returns whether a pass says something of the code as it stands: no mutation, and no failure that is expected.
    pub(crate) fn may_be_audited(&self) -> bool {
        self.use_environment && self.expected.is_none() && self.mutations.is_empty()
    }

    /// Returns the report, and the line that says where the execution's graph has been written.
    fn explain(&self, report: &Report) -> String {
        #[cfg(feature = "graph")]
        if let Some(counterexample) = report.verdict.failure()
            && let Some(where_it_is) = counterexample.write_beside_target(&self.model_name())
        {
            return format!("{report}\n{where_it_is}");
        }
        report.to_string()
    }

    fn as_expected(&self, report: &Report) -> bool {
        match self.expected {
            None => report.verdict.passed(),
            Some(kind) => report.verdict.failure().is_some_and(|found| found.failure.kind == kind),
        }
    }
}

impl Default for Checker {
    fn default() -> Checker {
        Checker::new()
    }
}

/// Checks a model under every engine compiled in, with the standard settings.
///
/// # Panics
/// If an engine finds a failure or refuses the run, with the report.
///
/// ```
/// selvedge_check::check(|| {
///     let lock = selvedge::rt::sync::Mutex::new(0);
///     *lock.lock() += 1;
///     assert_eq!(*lock.lock(), 1);
/// });
/// ```
#[doc(alias = "model")]
#[track_caller]
pub fn check<F>(model: F)
where
    F: Fn() + Send + Sync + 'static,
{
    Checker::new().check(model)
}
