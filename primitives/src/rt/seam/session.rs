//! A session: one exploration of one model under one engine, on one OS thread.

use super::ends::Ends;
use super::foreign;
use super::load_buffering::Events;
use super::meeting::Meetings;
use super::objects::Objects;
use super::steps::SpecifiedObjects;
use super::threads::Threads;
use super::waiting::Tokens;
use super::{
    Backend, Change, Edits, Failure, FailureKind, Mutation, Raced, Record, Site, StaticKey, Step, Survey,
    ThreadId, Use, Values, current,
};
use core::cell::{Cell, RefCell};
use core::sync::atomic::{AtomicU64, Ordering, Ordering::Relaxed};
use std::any::Any;
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a session is to run.
pub struct Options {
    /// Operations that one execution may perform.
    pub max_operations: u64,
    /// The executions whose steps are recorded.
    pub record: Record,
    /// The edits of the source.
    pub edits: Edits,
    /// The sites to change.
    pub mutations: Vec<Mutation>,
    /// Whether primitives stand as specified, so that an operation of one is a step.
    pub specified: bool,
    /// Statics that an earlier try of this exploration met, to be made before the body runs.
    pub statics: Vec<StaticKey>,
    /// Decides [`choose`](crate::rt::choose): given n, a number below n.
    pub chooser: Box<dyn FnMut(usize) -> usize>,
    /// Called with the outcome if the exploration cannot end by itself. The session's OS thread never continues after
    /// that.
    pub on_outcome: Box<dyn Fn(Outcome)>,
    /// Counts executions and operations, for progress and for the nothing-observed rule.
    pub counters: Arc<Counters>,
}

/// What a run has done so far.
#[derive(Debug, Default)]
pub struct Counters {
    /// Executions begun.
    pub executions: AtomicU64,
    /// Executions of the search of everything that came to their end (graph engine; shuttle, depth-first).
    pub complete: AtomicU64,
    /// The share of all executions that has been explored, in thousand millionths, if the engine can tell (graph
    /// engine; shuttle, depth-first).
    pub explored: AtomicU64,
    /// How many executions everything has, as far as random descents can tell, or 0 (graph engine).
    pub size: AtomicU64,
    /// Operations seen.
    pub operations: AtomicU64,
    /// Times that an operation stood on the mutated site.
    pub mutated: AtomicU64,
    /// The most threads that an execution had, its body included.
    pub threads: AtomicU64,
    /// Explorations in which two threads acted on one object, one of them writing, and starting and joining threads put
    /// neither action before the other. Native runs do not look for them.
    pub met: AtomicU64,
    /// Steps that operations of primitives as specified have made.
    pub specified: AtomicU64,
    /// Times that threads were said to be alike to an engine that explores up to symmetry.
    pub symmetric: AtomicU64,
    /// The operations met, if they are to be collected.
    pub survey: Survey,
}

impl Counters {
    /// Begins to count anew what the search of everything has done.
    pub fn begin_anew(&self) {
        // Relaxed: statistics.
        [&self.complete, &self.explored, &self.size].iter().for_each(|count| count.store(0, Relaxed));
    }

    /// Returns the share of everything that has been explored, as far as the engine can tell: the smaller of what the
    /// branches' weights and the estimated number of executions say.
    pub fn share(&self) -> f64 {
        // Relaxed: statistics.
        let by_branches = self.explored.load(Relaxed) as f64 / 1e9;
        match self.size.load(Relaxed) {
            0 => by_branches,
            size => by_branches.min(self.complete.load(Relaxed) as f64 / size as f64),
        }
    }
}

/// Why a session's thread stopped for good.
pub enum Outcome {
    /// An execution failed.
    Failed(Box<Failure>),
    /// The execution met a static that must be made before the body: the driver starts over with these.
    Restart(Vec<StaticKey>),
}

/// One exploration under one engine. Lives on the OS thread whose coroutines are the model's threads.
pub struct Session {
    pub(super) backend: Box<dyn Backend>,
    pub(super) counters: Arc<Counters>,
    pub(super) state: RefCell<State>,
    max_operations: u64,
    pub(super) edits: Edits,
    mutations: Vec<Mutation>,
    pub(super) chooser: RefCell<Box<dyn FnMut(usize) -> usize>>,
    /// Whether primitives stand as specified.
    specified: bool,
    on_outcome: Box<dyn Fn(Outcome)>,
    record: Record,
    recording: Cell<bool>,
    /// Operations that are not in the counters yet.
    uncounted: Cell<u64>,
    /// The thread that unwinds. Under an engine that replays another thread first, that one runs meanwhile.
    unwinder: Cell<Option<ThreadId>>,
    in_execution: Cell<bool>,
    /// Whether two threads have met in an object.
    pub(super) met: Cell<bool>,
    /// Things to be put together if the code that runs now does something that the engine sees.
    pub(super) quiet: Cell<Option<[u32; 2]>>,
    pub(super) surveys: bool,
    /// The operations that this session has added to the survey.
    pub(super) seen: RefCell<HashSet<Use>>,
}

/// What changes during an execution. No borrow of it is held across an operation of the engine, in which other threads
/// run.
pub(super) struct State {
    pub(super) epoch: u64,
    pub(super) execution: u64,
    pub(super) threads: Threads,
    pub(super) objects: Objects,
    pub(super) tokens: Tokens,
    pub(super) ends: Ends,
    pub(super) specified: SpecifiedObjects,
    pub(super) meetings: Meetings,
    pub(super) ordered: Events,
    pub(super) steps: Vec<Step>,
    pub(super) started: Instant,
    pub(super) clock: Duration,
    pub(super) body_returned: bool,
    operations: u64,
    unchanged: u64,
    /// Operations since a thread last announced that it waits.
    unannounced: u64,
    /// A thread that seems to wait in a loop without announcing it, and where.
    bare: Option<(ThreadId, Site)>,
}

static EPOCH: AtomicU64 = AtomicU64::new(1);

impl Session {
    /// Makes the session of the current OS thread, which it keeps for ever.
    pub fn install(backend: Box<dyn Backend>, options: Options) -> &'static Session {
        let session = Box::leak(Box::new(Session {
            backend,
            surveys: options.counters.survey.is_on(),
            seen: RefCell::default(),
            counters: options.counters,
            state: RefCell::new(State {
                epoch: 0,
                execution: 0,
                threads: Threads::default(),
                objects: Objects::new(options.statics),
                tokens: Tokens::default(),
                ends: Ends::default(),
                specified: SpecifiedObjects::default(),
                meetings: Meetings::default(),
                ordered: Events::default(),
                steps: Vec::new(),
                started: Instant::now(),
                clock: Duration::ZERO,
                body_returned: false,
                operations: 0,
                unchanged: 0,
                unannounced: 0,
                bare: None,
            }),
            max_operations: options.max_operations,
            edits: options.edits,
            mutations: options.mutations,
            chooser: RefCell::new(options.chooser),
            specified: options.specified,
            on_outcome: options.on_outcome,
            record: options.record,
            recording: Cell::new(false),
            uncounted: Cell::new(0),
            unwinder: Cell::new(None),
            in_execution: Cell::new(false),
            met: Cell::new(false),
            quiet: Cell::new(None),
        }));
        current::set_session(Some(session));
        session
    }

    pub(super) fn begin_execution(&self) {
        // Relaxed: the number has to be unique, and nothing is published with it.
        let epoch = EPOCH.fetch_add(1, Relaxed);
        self.backend.begin();
        self.quiet.set(None);
        {
            let mut state = self.state.borrow_mut();
            state.epoch = epoch;
            state.execution += 1;
            state.threads.begin();
            state.objects.reset();
            state.tokens = Tokens::default();
            core::mem::take(&mut state.ends).leak();
            state.specified = SpecifiedObjects::default();
            state.meetings = Meetings::default();
            state.ordered = Events::default();
            state.steps.clear();
            state.started = Instant::now();
            state.clock = Duration::ZERO;
            state.body_returned = false;
            state.operations = 0;
            state.unchanged = 0;
            state.unannounced = 0;
            state.bare = None;
            self.recording.set(match self.record {
                Record::Nothing => false,
                Record::Execution(number) => number == state.execution,
                Record::Every => true,
            });
        }
        // Relaxed: a statistic.
        self.counters.executions.fetch_add(1, Relaxed);
        self.in_execution.set(true);
        self.make_statics();
    }

    pub(super) fn end_execution(&self) {
        self.survey_load_buffering();
        self.count_operations();
        self.in_execution.set(false);
    }

    fn count_operations(&self) {
        // Relaxed: a statistic.
        self.counters.operations.fetch_add(self.uncounted.take(), Relaxed);
    }

    /// Returns whether primitives stand as specified.
    pub fn specified(&self) -> bool {
        self.specified
    }

    /// Does something that the engine does not see, as if outside of any execution.
    pub(crate) fn unseen<R>(&self, act: impl FnOnce() -> R) -> R {
        struct Seen<'a>(&'a Cell<bool>);
        impl Drop for Seen<'_> {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        self.in_execution.set(false);
        let _seen = Seen(&self.in_execution);
        act()
    }

    pub(super) fn in_execution(&self) -> bool {
        self.in_execution.get()
    }

    /// Returns whether the current thread unwinds. Its operations then take effect, but are no scheduling points: all
    /// threads share one OS thread, so another thread that ran now would seem to unwind too.
    pub(crate) fn is_unwinding(&self) -> bool {
        if !std::thread::panicking() {
            self.unwinder.set(None);
            return false;
        }
        let me = self.this_thread();
        if self.unwinder.get().is_none() {
            self.unwinder.set(Some(me));
        }
        self.unwinder.get() == Some(me)
    }

    /// Returns the thread that unwinds; under an engine that replays another thread first, the current one may differ.
    pub(super) fn unwinding(&self) -> Option<ThreadId> {
        self.unwinder.get().filter(|_| std::thread::panicking())
    }

    /// Returns the running execution's number, which is unique in the process.
    pub(super) fn epoch(&self) -> u64 {
        self.state.borrow().epoch
    }

    pub(crate) fn this_thread(&self) -> ThreadId {
        self.state.borrow().threads.current
    }

    /// Makes one operation: counts it, lets the engine act, and turns the engine's panics into failures.
    pub(super) fn step<R>(&self, site: Site, act: impl FnOnce(&dyn Backend) -> R) -> R {
        let me = {
            let mut state = self.state.borrow_mut();
            state.operations += 1;
            state.unchanged += 1;
            state.unannounced += 1;
            state.threads.step();
            self.uncounted.set(self.uncounted.get() + 1);
            state.threads.current
        };
        self.check_bound(site);
        self.check_strangers();
        let bare = self.seems_to_wait(site);
        self.backend.at(site);
        let hold = self.is_unwinding();
        if hold {
            self.backend.hold(true);
        }
        let result = catch_unwind(AssertUnwindSafe(|| {
            if bare && !hold {
                self.backend.let_all_others_go();
            }
            act(&*self.backend)
        }));
        if hold && result.is_ok() {
            self.backend.hold(false);
        }
        self.state.borrow_mut().threads.current = me;
        if let Some(why) = self.backend.complaint() {
            self.fail(FailureKind::Dependence, why, vec![site]);
        }
        match result {
            Ok(value) => value,
            Err(payload) => self.backend_panicked(&*payload, site),
        }
    }

    /// Refuses the run if a thread that the engine does not know has used an object of the execution.
    pub(super) fn check_strangers(&self) {
        if let Some(site) = foreign::of(self.epoch()) {
            self.fail(
                FailureKind::Refused,
                format!(
                    "a thread that {} does not know has used an object of the model at {}:{}; start threads with \
                     selvedge::rt::thread, not with std's",
                    self.backend.name(),
                    site.file(),
                    site.line()
                ),
                vec![site],
            );
        }
    }

    fn check_bound(&self, site: Site) {
        let (operations, unchanged) = {
            let state = self.state.borrow();
            (state.operations, state.unchanged)
        };
        if operations <= self.max_operations {
            return;
        }
        if unchanged > self.max_operations / 2 {
            self.fail(
                FailureKind::Livelock,
                format!("the last {unchanged} operations changed nothing: the threads that run wait for what none of them does"),
                vec![site],
            );
        }
        self.fail(
            FailureKind::BoundExceeded,
            format!(
                "one execution took more than {} operations, the last one at {}:{}; make the model smaller, bound the loop \
                 there, or raise `Checker::max_operations`",
                self.max_operations,
                site.file(),
                site.line()
            ),
            vec![site],
        );
    }

    /// Returns whether the current thread seems to wait in a bare loop: whether many operations have changed nothing
    /// and no thread has announced that it waits. Other threads then run first.
    fn seems_to_wait(&self, site: Site) -> bool {
        let mut state = self.state.borrow_mut();
        let me = state.threads.current;
        if state.bare.is_none() && state.unchanged.min(state.unannounced) > self.max_operations / 4 {
            state.bare = Some((me, site));
        }
        state.bare.is_some_and(|(thread, _)| thread == me)
    }

    /// Notes whether an operation changed something, to tell a livelock from a long execution.
    pub(super) fn note_change(&self, changed: bool) {
        if !changed {
            return;
        }
        let bare = {
            let mut state = self.state.borrow_mut();
            state.unchanged = 0;
            let me = state.threads.current;
            state.bare.filter(|(thread, _)| *thread == me)
        };
        if let Some((thread, site)) = bare {
            self.fail(
                FailureKind::Refused,
                format!(
                    "thread {thread} waits for others in a bare loop at {}:{}, where no engine knows that it waits: a loop \
                     that waits must call `hint::spin_loop` or `thread::yield_now`, or be an `rt::wait_until`",
                    site.file(),
                    site.line()
                ),
                vec![site],
            );
        }
    }

    /// Notes that a thread announces that it waits.
    pub(super) fn note_wait(&self) {
        self.state.borrow_mut().unannounced = 0;
    }

    fn backend_panicked(&self, payload: &(dyn Any + Send), site: Site) -> ! {
        if let Some(Raced(other)) = payload.downcast_ref::<Raced>() {
            let other = other.or_else(|| self.state.borrow().objects.conflicting_site());
            self.fail_race(site, other);
        }
        let placed = current::take_panic();
        let text = payload
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| payload.downcast_ref::<&str>().copied())
            .unwrap_or("no message");
        if text.contains("Causality violation") || text.contains("Concurrent") {
            let other = self.state.borrow().objects.conflicting_site();
            self.fail_race(site, other);
        }
        if text.contains("maximum number of branches") {
            self.fail(
                FailureKind::BoundExceeded,
                format!("{}: {}", self.backend.name(), text.trim()),
                vec![site],
            )
        }
        self.fail(
            FailureKind::Refused,
            match self.backend.name() {
                // What the graph engine has to say about the model comes by `complaint`, `Raced` and the driver.
                "graph" => {
                    format!("internal error of the engine: {}", placed.as_deref().unwrap_or(text).trim())
                }
                name => format!("{name} gave up: {}", placed.as_deref().unwrap_or(text).trim()),
            },
            vec![site],
        )
    }

    fn fail_race(&self, site: Site, other: Option<Site>) -> ! {
        let mut sites = vec![site];
        sites.extend(other);
        let other = match other {
            Some(other) => format!(" and {}:{}", other.file(), other.line()),
            None => String::new(),
        };
        let message = format!(
            "data race: the accesses at {}:{}{other} conflict and nothing orders them",
            site.file(),
            site.line()
        );
        self.fail(FailureKind::Race, message, sites)
    }

    /// Reports a failure of the current execution, and stops the OS thread for ever (E2). If a thread has panicked
    /// before and the others only wait for it, the report is of the panic.
    pub fn fail(&self, kind: FailureKind, message: String, sites: Vec<Site>) -> ! {
        self.count_operations();
        let may_come_of_a_panic =
            matches!(kind, FailureKind::Deadlock | FailureKind::Leak | FailureKind::Livelock);
        let panicked = self.panic_before().filter(|_| may_come_of_a_panic);
        let failure = {
            let mut state = self.state.borrow_mut();
            let (kind, thread, message) = match panicked {
                Some((thread, panic)) => (
                    FailureKind::Panic,
                    thread,
                    format!("{} panicked: {panic}; after that {message}", state.threads.title(thread)),
                ),
                None => (kind, state.threads.current, message),
            };
            Failure {
                kind,
                message,
                thread,
                sites,
                blocked: state.threads.blocked(),
                execution: state.execution,
                names: state.threads.names(),
                steps: core::mem::take(&mut state.steps),
                objects: core::mem::take(&mut state.objects.listed),
            }
        };
        self.stop(Outcome::Failed(Box::new(failure)))
    }

    /// Hands over the outcome, and stops this OS thread for ever with all its coroutines (E2).
    pub(super) fn stop(&self, outcome: Outcome) -> ! {
        (self.on_outcome)(outcome);
        loop {
            std::thread::park();
        }
    }

    pub(super) fn has_mutations(&self) -> bool {
        !self.mutations.is_empty()
    }

    /// Returns the change at this site, if the site is mutated.
    pub(super) fn change_at(&self, site: Site) -> Option<Change> {
        let mutation = self.mutations.iter().find(|mutation| mutation.matches(site))?;
        // Relaxed: a statistic.
        self.counters.mutated.fetch_add(1, Relaxed);
        Some(mutation.change)
    }

    pub(crate) fn is_recording(&self) -> bool {
        self.recording.get()
    }

    /// Records a step, if this execution is recorded.
    pub(super) fn record(
        &self,
        operation: &'static str,
        site: Site,
        object: Option<u32>,
        ordering: Option<Ordering>,
        values: Values,
    ) {
        if self.recording.get() {
            let mut state = self.state.borrow_mut();
            let thread = state.threads.current;
            let call = state.threads.call();
            state.steps.push(Step { thread, operation, object, ordering, values, site, call });
        }
    }
}
