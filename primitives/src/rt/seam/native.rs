//! A model on real threads: the run counts operations, yields at random, and notices when no thread can continue.

use super::current::{panic_text, set_native};
use super::held_locks::{HeldLocks, Lock};
use super::session::Counters;
use super::threads::title;
use super::{Blocked, Change, Edits, Failure, FailureKind, Mutation, Site, ThreadId};
use core::cell::{Cell, RefCell};
use core::sync::atomic::Ordering::Relaxed;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

/// How a native run is to go.
pub struct NativeOptions {
    /// The number of this run, from 1.
    pub run: u64,
    /// The edits of the source.
    pub edits: Edits,
    /// The sites to change.
    pub mutations: Vec<Mutation>,
    /// Counts runs and operations.
    pub counters: Arc<Counters>,
    /// Called when the run has failed. The threads of the run stay where they are, for ever.
    pub on_failure: Box<dyn Fn(Failure) + Send + Sync>,
    /// Called when every thread of the run has ended without a failure.
    pub on_end: Box<dyn Fn() + Send + Sync>,
}

/// One run of a model on real threads.
pub struct NativeRun {
    options: NativeOptions,
    threads: Mutex<Threads>,
    /// What is to be done when the run ends.
    ends: Mutex<Vec<Box<dyn FnOnce() + Send>>>,
}

#[derive(Default)]
struct Threads {
    all: Vec<Thread>,
    held_locks: HeldLocks,
    body_returned: bool,
}

/// What a thread waits for.
struct Wait {
    what: String,
    site: Site,
    /// Where the user's code called the operation that waits.
    called_at: Option<Site>,
    /// The address of the permit that the thread waits for; 0: it waits for the end of a thread.
    token: usize,
    /// The panic that the thread unwinds from, if a destructor waits.
    unwinds: Option<String>,
}

struct Thread {
    name: Option<String>,
    waits: Option<Wait>,
    done: bool,
    /// The thread's panic, until another thread has seen it by joining.
    panic: Option<String>,
    detached: bool,
}

impl Thread {
    fn new(name: Option<String>) -> Thread {
        Thread { name, waits: None, done: false, panic: None, detached: false }
    }
}

thread_local! {
    static ME: Cell<ThreadId> = const { Cell::new(0) };
    /// Where public operations that have not returned were called, the outermost first.
    static ENTRIES: RefCell<Vec<Site>> = const { RefCell::new(Vec::new()) };
}

/// Notes that the current thread of a native run has called a public operation at `site`. (Once the destructors of the
/// thread's locals have dropped the list, nothing is noted.)
pub(crate) fn entered(site: Site) {
    let _ = ENTRIES.try_with(|entries| entries.borrow_mut().push(site));
}

/// Notes that the public operation which the current thread called last has returned.
pub(crate) fn left() {
    let _ = ENTRIES.try_with(|entries| entries.borrow_mut().pop());
}

/// Returns where the user's code called the public operation in which the current thread is.
fn called_at() -> Option<Site> {
    ENTRIES.try_with(|entries| entries.borrow().first().copied()).ok().flatten()
}

impl Wait {
    fn new(what: String, site: Site, token: usize) -> Wait {
        let called_at = called_at();
        let unwinds = std::thread::panicking().then(panic_text);
        Wait { what, site, called_at, token, unwinds }
    }
}

impl Thread {
    /// Returns the thread's panic, if it has ended and no thread can join it any more.
    fn unseeable_panic(&self) -> Option<String> {
        self.panic.clone().filter(|_| self.done && self.detached)
    }
}

impl Threads {
    /// Returns the first panic that no join has seen, of a thread that has ended or unwinds.
    fn unseen_panic(&self) -> Option<(ThreadId, String)> {
        self.all.iter().enumerate().find_map(|(id, thread)| {
            let unwinds = thread.waits.as_ref().and_then(|wait| wait.unwinds.as_ref());
            thread.panic.as_ref().or(unwinds).map(|message| (id, message.clone()))
        })
    }
}

impl NativeRun {
    /// Begins a run. The current thread is that of its body until [`leave`](Self::leave).
    pub fn enter(options: NativeOptions) -> Arc<NativeRun> {
        // Relaxed: a statistic.
        options.counters.executions.fetch_add(1, Relaxed);
        let main = Thread::new(Some("main".into()));
        let threads = Mutex::new(Threads { all: vec![main], ..Threads::default() });
        let run = Arc::new(NativeRun { options, threads, ends: Mutex::default() });
        ME.set(0);
        set_native(Some(Arc::clone(&run)));
        run
    }

    /// Ends the body, which has returned or panicked with `panic`: the current thread leaves the run.
    pub fn leave(&self, panic: Option<String>) {
        if let Some(message) = panic {
            set_native(None);
            self.fail(FailureKind::Panic, 0, format!("the body panicked: {message}"), Vec::new());
            return;
        }
        self.lock().body_returned = true;
        self.ended(0);
        set_native(None);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Threads> {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an operation, and sometimes lets another thread run first.
    pub(crate) fn step(&self) {
        // Relaxed: a statistic.
        self.options.counters.operations.fetch_add(1, Relaxed);
        if fastrand::u8(..) < 16 {
            std::thread::yield_now();
        }
    }

    /// Returns the edits of the source.
    pub(crate) fn edits(&self) -> &Edits {
        &self.options.edits
    }

    pub(crate) fn change_at(&self, site: Site) -> Option<Change> {
        let mutation = self.options.mutations.iter().find(|mutation| mutation.matches(site))?;
        // Relaxed: a statistic.
        self.options.counters.mutated.fetch_add(1, Relaxed);
        Some(mutation.change)
    }

    /// Announces a thread that will call `adopt`, and returns its number.
    pub(crate) fn announce(&self, name: Option<String>) -> ThreadId {
        let mut threads = self.lock();
        threads.all.push(Thread::new(name));
        threads.all.len() - 1
    }

    /// Makes the current thread `thread` of this run.
    pub(crate) fn adopt(self: &Arc<Self>, thread: ThreadId) {
        ME.set(thread);
        set_native(Some(Arc::clone(self)));
    }

    /// Notes that the current thread waits for a permit, which only another thread of the run can give, unless `arrived`
    /// says that it has been given. `arrived` is asked under the lock that [`wakes`](Self::wakes) takes, too.
    pub(crate) fn begins_to_park(&self, token: usize, site: Site, arrived: impl Fn() -> bool) {
        self.waits_unless(Wait::new("park".to_string(), site, token), |_| arrived());
    }

    /// Notes that the current thread waits for the end of `thread`.
    pub(crate) fn begins_to_join(&self, thread: ThreadId, site: Site) {
        self.waits_unless(Wait::new(join_of(thread), site, 0), |threads| threads.all[thread].done);
    }

    fn waits_unless(&self, wait: Wait, arrived: impl Fn(&Threads) -> bool) {
        {
            let mut threads = self.lock();
            if arrived(&threads) {
                return;
            }
            threads.all[ME.get()].waits = Some(wait);
        }
        self.check_stuck();
    }

    /// Notes that `thread` no longer waits for this permit. If the thread waits for another permit by now, nothing changes.
    pub(crate) fn wakes(&self, thread: ThreadId, token: usize) {
        let waits = &mut self.lock().all[thread].waits;
        if waits.as_ref().is_some_and(|wait| wait.token == token) {
            *waits = None;
        }
    }

    pub(crate) fn this_thread(&self) -> ThreadId {
        ME.get()
    }

    /// Notes that the current thread is about to wait for a lock, or (`None`) no longer waits.
    pub(crate) fn wants_lock(&self, lock: Option<Lock>) {
        self.lock().held_locks.wants(ME.get(), lock);
    }

    /// Notes that the current thread has got a lock: where it called the public operation in which it is, or at `site`.
    pub(crate) fn took_lock(&self, lock: Lock, site: Site) {
        let site = called_at().unwrap_or(site);
        self.lock().held_locks.took(ME.get(), lock, site);
    }

    /// Notes that the current thread has unlocked a lock, which another thread may have locked.
    pub(crate) fn freed_lock(&self, address: usize) {
        self.lock().held_locks.freed(ME.get(), address);
    }

    pub(crate) fn panicked(&self, thread: ThreadId, message: String) {
        self.lock().all[thread].panic = Some(message);
    }

    /// Fails the run for a panic that was caught and that no thread will see.
    pub(crate) fn lost_panic(&self, message: String) {
        self.fail(FailureKind::Panic, self.this_thread(), message, Vec::new());
    }

    /// Notes that another thread has seen how `thread` ended.
    pub(crate) fn joined(&self, thread: ThreadId) {
        self.lock().all[thread].panic = None;
    }

    /// Notes that `thread`, the current one, has ended. The thread that ends last does what is to be done at the end; or, if
    /// that starts threads, the last of these does the rest.
    pub(crate) fn ended(&self, thread: ThreadId) {
        {
            let mut threads = self.lock();
            if let Some(message) = threads.all[thread].unseeable_panic() {
                threads.all[thread].done = true;
                drop(threads);
                return self.fail_panic(thread, &message);
            }
        }
        while self.is_last(thread) {
            let next = self.ends.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let Some(next) = next else { return (self.options.on_end)() };
            // A thread that is started here, and ends before this one goes on, is not the last.
            self.lock().all[thread].done = false;
            if catch_unwind(AssertUnwindSafe(next)).is_err() {
                let message = format!("what was to be done at the end of the run panicked: {}", panic_text());
                return self.fail(FailureKind::Panic, self.this_thread(), message, Vec::new());
            }
        }
    }

    /// Marks a thread as done; returns whether all are. Fails the run for a panic that no thread has seen, or if no thread can
    /// run.
    fn is_last(&self, thread: ThreadId) -> bool {
        let (over, unseen) = {
            let mut threads = self.lock();
            threads.all[thread].done = true;
            // At once, since one that begins to join the thread before it is done counts as one that waits.
            for waiting in &mut threads.all {
                if waiting.waits.as_ref().is_some_and(|wait| wait.what == join_of(thread)) {
                    waiting.waits = None;
                }
            }
            (threads.all.iter().all(|thread| thread.done), threads.unseen_panic())
        };
        match unseen {
            Some((thread, message)) if over => self.fail_panic(thread, &message),
            None if over => return true,
            _ => self.check_stuck(),
        }
        false
    }

    /// Calls `f` when the run has ended without a failure.
    pub(crate) fn at_end(&self, f: impl FnOnce() + Send + 'static) {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(f));
    }

    /// Notes that no thread will join `thread`: if it panics, or has panicked, the run fails.
    pub(crate) fn detach(&self, thread: ThreadId) {
        let panic = {
            let state = &mut self.lock().all[thread];
            state.detached = true;
            state.unseeable_panic()
        };
        if let Some(message) = panic {
            self.fail_panic(thread, &message);
        }
    }

    /// Returns the first panic that no join has seen, with its thread.
    pub fn unseen_panic(&self) -> Option<(ThreadId, String)> {
        self.lock().unseen_panic()
    }

    /// Returns a thread as reports call it.
    pub fn title(&self, thread: ThreadId) -> String {
        title(thread, self.names().get(thread).and_then(Option::as_deref))
    }

    /// Returns the threads' names.
    pub fn names(&self) -> Vec<Option<String>> {
        self.lock().all.iter().map(|thread| thread.name.clone()).collect()
    }

    fn fail_panic(&self, thread: ThreadId, message: &str) {
        let title = self.title(thread);
        self.fail(FailureKind::Panic, thread, format!("{title} panicked: {message}"), Vec::new());
    }

    fn check_stuck(&self) {
        let (blocked, kind, panicked) = {
            let threads = self.lock();
            if threads.all.iter().any(|thread| !thread.done && thread.waits.is_none()) {
                return;
            }
            let mut blocked = Vec::new();
            for (thread, state) in threads.all.iter().enumerate().filter(|(_, state)| !state.done) {
                if let Some(Wait { what, site, called_at, .. }) = &state.waits {
                    let (name, waits_for) = (state.name.clone(), what.clone());
                    let (called_at, holder) = (*called_at, threads.held_locks.waits_for(thread));
                    blocked.push(Blocked { thread, name, waits_for, site, called_at, holder });
                }
            }
            let kind = if threads.body_returned { FailureKind::Leak } else { FailureKind::Deadlock };
            (blocked, kind, threads.unseen_panic())
        };
        if !blocked.is_empty() {
            let message = match kind {
                FailureKind::Leak => {
                    format!("the body returned, and {} thread(s) wait for ever", blocked.len())
                }
                _ => format!("nobody can run: {} thread(s) wait for ever", blocked.len()),
            };
            match panicked {
                Some((thread, panic)) => {
                    let title = self.title(thread);
                    let message = format!("{title} panicked: {panic}; after that {message}");
                    self.fail(FailureKind::Panic, thread, message, blocked);
                }
                None => self.fail(kind, ME.get(), message, blocked),
            }
        }
    }

    fn fail(&self, kind: FailureKind, thread: ThreadId, message: String, blocked: Vec<Blocked>) {
        (self.options.on_failure)(Failure {
            kind,
            message,
            thread,
            sites: blocked.iter().map(|thread| thread.site).collect(),
            blocked,
            execution: self.options.run,
            names: self.names(),
            steps: Vec::new(),
            objects: Vec::new(),
        });
    }
}

/// Returns, in words, what a thread that joins `thread` waits for.
pub(crate) fn join_of(thread: ThreadId) -> String {
    format!("join of T{thread}")
}
