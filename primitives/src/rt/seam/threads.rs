//! The threads of an execution: which one runs, what each of the others waits for, which ones have ended.

use super::abandoned::Memory;
use super::current::panic_text;
use super::held_locks::HeldLocks;
use super::locals::Locals;
use super::observe::Clock;
use super::{Blocked, Call, FailureKind, Session, Site, StepName, ThreadId, Values};
use core::fmt;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::borrow::Cow;

#[derive(Debug)]
enum Status {
    Runnable,
    Blocked { waits_for: Waits, site: Site },
    Done,
}

/// What a blocked thread waits for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Waits {
    /// A parker's token.
    Token,
    /// The end of a thread.
    End(ThreadId),
    /// A state in which its step is enabled.
    Step(StepName),
    /// A moment.
    Moment,
    /// The end of all other threads: the body has returned.
    Others,
}

impl fmt::Display for Waits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Waits::Token => f.write_str("park"),
            Waits::End(thread) => f.write_str(&super::join_of(*thread)),
            Waits::Step(name) => name.fmt(f),
            Waits::Moment => f.write_str("sleep"),
            Waits::Others => f.write_str("the end of all other threads"),
        }
    }
}

pub(super) struct Thread {
    name: Option<Cow<'static, str>>,
    status: Status,
    /// Threads that join this one, to be woken at its end.
    joiners: Vec<ThreadId>,
    /// The atomic that carries the happens-before edge from this thread's end to its joiners.
    edge: Option<u32>,
    /// The thread's panic, until another thread has seen it by joining.
    panic: Option<String>,
    detached: bool,
    /// Whether the body's thread has joined it.
    joined: bool,
    pub(super) locals: Locals,
    /// The memory of its body's box, until the body has returned.
    pub(super) body: Option<Memory>,
    /// Where public operations that have not returned were called, the outermost first.
    pub(super) entries: Vec<Site>,
    /// Calls from outside the library so far.
    calls: u32,
    /// What is known to come before its next step.
    pub(super) clock: Clock,
    steps: u64,
    /// The token that `unpark` gives and `park` waits for, once one of them has been called.
    pub(super) parked: Option<usize>,
}

#[derive(Default)]
pub(super) struct Threads {
    pub(super) current: ThreadId,
    pub(super) all: Vec<Thread>,
    pub(super) held_locks: HeldLocks,
}

impl Thread {
    fn new(name: Option<Cow<'static, str>>, edge: Option<u32>) -> Thread {
        Thread {
            name,
            status: Status::Runnable,
            joiners: Vec::new(),
            edge,
            panic: None,
            detached: false,
            joined: false,
            locals: Locals::default(),
            body: None,
            entries: Vec::new(),
            calls: 0,
            clock: Clock::default(),
            steps: 0,
            parked: None,
        }
    }

    fn name(&self) -> Option<String> {
        self.name.as_deref().map(str::to_string)
    }
}

impl Threads {
    /// Begins an execution, with the thread of its body. Forgets the threads of the last execution. Thread-locals that are
    /// left belong to abandoned threads, and are leaked with all that the stacks of these own (E2).
    pub(super) fn begin(&mut self) {
        self.all.drain(..).for_each(|thread| thread.locals.leak());
        self.all.push(Thread::new(Some("main".into()), None));
        (self.current, self.held_locks) = (0, HeldLocks::default());
    }

    /// Counts a step of the current thread.
    pub(super) fn step(&mut self) {
        self.all[self.current].steps += 1;
    }

    /// Returns how many steps the current thread has taken.
    pub(super) fn steps(&self) -> u64 {
        self.all[self.current].steps
    }

    /// Returns the call from outside the library in which the current thread is.
    pub(super) fn call(&self) -> Option<Call> {
        let thread = &self.all[self.current];
        let site = thread.entered_at()?;
        Some(Call { number: thread.calls, site })
    }

    /// Returns the threads' names.
    pub(super) fn names(&self) -> Vec<Option<String>> {
        self.all.iter().map(Thread::name).collect()
    }

    /// Returns a thread as reports call it: `T2`, or `T2 (writer)`.
    pub(super) fn title(&self, thread: ThreadId) -> String {
        title(thread, self.all.get(thread).and_then(|thread| thread.name.as_deref()))
    }

    /// Returns the current thread's clock.
    pub(super) fn clock(&mut self) -> &mut Clock {
        &mut self.all[self.current].clock
    }

    pub(super) fn only_main(&self) -> bool {
        self.all.len() == 1
    }

    pub(super) fn blocked(&self) -> Vec<Blocked> {
        let mut blocked = Vec::new();
        for (thread, state) in self.all.iter().enumerate() {
            if let Status::Blocked { waits_for, site } = &state.status
                && !matches!(waits_for, Waits::Others)
            {
                let (name, waits_for) = (state.name(), waits_for.to_string());
                let called_at = state.entered_at();
                let holder = self.held_locks.waits_for(thread);
                blocked.push(Blocked { thread, name, waits_for, site, called_at, holder });
            }
        }
        blocked
    }

    fn anyone_runnable(&self) -> bool {
        self.all.iter().any(|thread| matches!(thread.status, Status::Runnable))
    }

    fn all_done(&self) -> bool {
        self.all.iter().all(|thread| matches!(thread.status, Status::Done))
    }

    /// Returns whether the body's thread waits for the end of all others, which have ended.
    fn is_body_last(&self) -> bool {
        let body = &self.all[0].status;
        matches!(body, Status::Blocked { waits_for: Waits::Others, .. }) && self.others_are_done()
    }

    fn others_are_done(&self) -> bool {
        self.all[1..].iter().all(|thread| matches!(thread.status, Status::Done))
    }

    fn unseen_panic(&self) -> Option<(ThreadId, String)> {
        let mut panicked = self.all.iter().enumerate();
        panicked.find_map(|(id, thread)| thread.panic.clone().map(|message| (id, message)))
    }

    pub(super) fn wake(&mut self, thread: ThreadId) -> bool {
        let status = &mut self.all[thread].status;
        let blocked = matches!(status, Status::Blocked { .. });
        if blocked {
            *status = Status::Runnable;
        }
        blocked
    }
}

/// Returns a thread as reports call it: `T2`, or `T2 (writer)`.
pub(super) fn title(thread: ThreadId, name: Option<&str>) -> String {
    match name {
        Some(name) if thread > 0 => format!("T{thread} ({name})"),
        _ => format!("T{thread}"),
    }
}

impl Session {
    /// Starts a thread that runs `body`; the body stores its own result and catches its own panics.
    pub(crate) fn spawn(
        &'static self,
        name: Option<String>,
        stack_size: Option<usize>,
        site: Site,
        mut body: Box<dyn FnOnce()>,
    ) -> ThreadId {
        self.disturb();
        let edge = match self.backend.graph() {
            Some(_) => None,
            None => self.backend.memory().map(|memory| memory.atomic_new(super::Width::U32, 0)),
        };
        let id = {
            let mut state = self.state.borrow_mut();
            let clock = state.threads.clock().clone();
            let body = Some(Memory::of(&mut body));
            state.threads.all.push(Thread { clock, body, ..Thread::new(name.map(Cow::Owned), edge) });
            state.threads.all.len() - 1
        };
        // Relaxed: a statistic.
        self.counters.threads.fetch_max(id as u64 + 1, Relaxed);
        let limit = self.backend.max_threads();
        if id >= limit {
            self.fail(
                FailureKind::Refused,
                format!(
                    "{} runs {limit} threads at most, the model's body included, and this one is number {}; \
                     use fewer, or another engine",
                    self.backend.name(),
                    id + 1
                ),
                vec![site],
            );
        }
        let run = move || {
            self.state.borrow_mut().threads.current = id;
            body();
            self.state.borrow_mut().threads.all[id].body = None;
            self.thread_ends(site);
        };
        let stack_size = stack_size.map_or(super::STACK_SIZE, |size| size.max(super::LEAST_STACK_SIZE));
        self.step(site, |backend| backend.spawn(id, stack_size, Box::new(run)));
        self.note_change(true);
        self.record("spawn", site, None, None, Values::Thread(id));
        id
    }

    /// Notes that threads are alike, which the current thread has started one right after the other.
    pub(crate) fn note_symmetric(&self, threads: &[ThreadId]) {
        let graph = self.backend.graph().filter(|_| threads.len() > 1);
        if graph.is_some_and(|graph| graph.alike(threads)) {
            // Relaxed: a statistic.
            self.counters.symmetric.fetch_add(1, Relaxed);
        }
    }

    /// Ends a thread other than the model's body.
    fn thread_ends(&self, site: Site) {
        self.drop_locals();
        let me = self.this_thread();
        let edge = self.state.borrow().threads.all[me].edge;
        if let (Some(memory), Some(edge)) = (self.backend.memory(), edge) {
            // Release: publishes what this thread did to the Acquire read-modify-write in `join`, so that it happens
            // before a join of this thread returns.
            self.step(site, |_| memory.store(edge, 1, Release));
        }
        self.forget_locals();
        self.finish(me);
    }

    /// Marks a thread as done, wakes its joiners, and judges the execution if no thread can run.
    pub(super) fn finish(&self, me: ThreadId) {
        self.note_change(true);
        let joiners = {
            let mut state = self.state.borrow_mut();
            let threads = &mut state.threads;
            threads.all[me].status = Status::Done;
            let mut joiners = core::mem::take(&mut threads.all[me].joiners);
            joiners.extend(threads.is_body_last().then_some(0));
            joiners.into_iter().filter(|joiner| threads.wake(*joiner)).collect::<Vec<_>>()
        };
        for joiner in joiners {
            self.backend.unblock(joiner);
        }
        self.check_detached_panic(me);
        if self.state.borrow().threads.all_done() {
            self.judge_end();
        } else if self.backend.graph().is_none() {
            self.check_stuck();
        }
    }

    /// Judges an execution all of whose threads have ended: fails it for a panic that no join has seen, or for memory
    /// that was never freed.
    fn judge_end(&self) {
        self.check_strangers();
        let unseen = self.state.borrow().threads.unseen_panic();
        if let Some((thread, message)) = unseen {
            self.fail_panic(thread, message);
        }
        let (leaked, release) = self.state.borrow_mut().objects.take_allocations();
        for release in release {
            release();
        }
        if let Some(site) = leaked.first() {
            let message = format!(
                "{} allocation(s) never freed; the first was made at {}:{}",
                leaked.len(),
                site.file(),
                site.line()
            );
            self.fail(FailureKind::Leak, message, leaked);
        }
        self.end_execution();
    }

    fn fail_panic(&self, thread: ThreadId, message: String) -> ! {
        self.state.borrow_mut().threads.current = thread;
        let title = self.state.borrow().threads.title(thread);
        self.fail(FailureKind::Panic, format!("{title} panicked: {message}"), Vec::new())
    }

    /// Fails the execution if no thread can run and one waits.
    pub fn check_stuck(&self) {
        let (message, kind, sites) = {
            let state = self.state.borrow();
            let blocked = state.threads.blocked();
            if state.threads.anyone_runnable() || blocked.is_empty() {
                return;
            }
            let sites = blocked.iter().map(|thread| thread.site).collect::<Vec<_>>();
            let (kind, message) = if state.body_returned {
                (
                    FailureKind::Leak,
                    format!("the body returned, and {} thread(s) wait for ever", blocked.len()),
                )
            } else {
                (FailureKind::Deadlock, format!("nobody can run: {} thread(s) wait for ever", blocked.len()))
            };
            (message, kind, sites)
        };
        self.fail(kind, message, sites)
    }

    /// Returns a panic that no join has seen, of a thread that has ended or unwinds.
    pub(super) fn panic_before(&self) -> Option<(ThreadId, String)> {
        let unseen = self.state.borrow().threads.unseen_panic();
        // A thread that waits while it unwinds has panicked too.
        unseen.or_else(|| self.unwinding().map(|thread| (thread, panic_text())))
    }

    /// Blocks the current thread until another thread wakes it.
    pub(super) fn block(&self, waits_for: Waits, site: Site) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[me].status = Status::Blocked { waits_for, site };
        self.check_stuck();
        self.step(site, |backend| backend.block());
    }

    /// Lets the engine block the current thread, which is marked as blocked meanwhile.
    pub(super) fn while_blocked(&self, waits_for: Waits, site: Site, wait: impl FnOnce()) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[me].status = Status::Blocked { waits_for, site };
        self.step(site, |_| wait());
        self.state.borrow_mut().threads.all[me].status = Status::Runnable;
    }

    /// Waits for the end of `thread`.
    pub(crate) fn join(&self, thread: ThreadId, site: Site) {
        if self.backend.graph().is_none() && self.is_unwinding() && !self.is_done(thread) {
            self.cannot_wait(site);
        }
        self.join_for(thread, Waits::End(thread), site);
        self.record("join", site, None, None, Values::Thread(thread));
    }

    /// Waits for the end of `thread`, for the sake of what the current thread waits for.
    pub(super) fn join_for(&self, thread: ThreadId, waits_for: Waits, site: Site) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[thread].joined |= me == 0;
        if let Some(graph) = self.backend.graph() {
            self.while_blocked(waits_for, site, || graph.join(thread));
            return self.joins_clock(thread);
        }
        // No scheduling point: whether the thread has ended already or ends later makes no difference.
        while !self.is_done(thread) {
            self.state.borrow_mut().threads.all[thread].joiners.push(me);
            self.block(waits_for, site);
        }
        let edge = self.state.borrow().threads.all[thread].edge;
        if let (Some(memory), Some(edge)) = (self.backend.memory(), edge) {
            // Acquire: synchronizes with the Release store in `thread_ends`. A read-modify-write, because it reads the
            // latest value, where a load might read an older one.
            self.step(site, |_| memory.rmw(edge, super::Rmw::Or(0), super::Width::U32, Acquire));
        }
        self.joins_clock(thread);
    }

    /// Returns a thread that the current one, the body's, has not joined.
    pub(super) fn next_unjoined(&self) -> Option<ThreadId> {
        let others = |(_, thread): &(ThreadId, &Thread)| !thread.joined;
        self.state.borrow().threads.all.iter().enumerate().skip(1).find(others).map(|(thread, _)| thread)
    }

    pub(super) fn others_have_ended(&self) -> bool {
        self.state.borrow().threads.others_are_done()
    }

    /// Orders what `thread` did before the current thread's next step.
    fn joins_clock(&self, thread: ThreadId) {
        let threads = &mut self.state.borrow_mut().threads;
        let ended = threads.all[thread].clock.clone();
        threads.clock().join(&ended);
    }

    pub(crate) fn is_done(&self, thread: ThreadId) -> bool {
        matches!(self.state.borrow().threads.all[thread].status, Status::Done)
    }

    /// Answers the model what [`is_done`](Self::is_done) tells the session.
    #[track_caller]
    pub(crate) fn is_finished(&self, thread: ThreadId) -> bool {
        if self.backend.graph().is_some() && !self.is_unwinding() {
            let site = core::panic::Location::caller();
            let why = "the graph engine explores what memory decides, and `is_finished` looks past it; use an atomic that the thread \
                       stores to, or join it";
            self.fail(FailureKind::Refused, why.to_string(), vec![site]);
        }
        self.step(core::panic::Location::caller(), |backend| backend.plain());
        self.is_done(thread)
    }

    /// Notes that the current thread has called a public operation at `site`.
    pub(crate) fn entered(&self, site: Site) {
        let me = self.this_thread();
        let thread = &mut self.state.borrow_mut().threads.all[me];
        thread.calls += u32::from(thread.entries.is_empty());
        thread.entries.push(site);
    }

    /// Notes that the public operation which the current thread called last has returned.
    pub(crate) fn left(&self) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[me].entries.pop();
    }

    /// Returns the current thread's name.
    pub(crate) fn thread_name(&self) -> Option<String> {
        let me = self.this_thread();
        self.state.borrow().threads.all[me].name()
    }

    /// Notes the panic of the current thread, which another thread may still see by joining it.
    pub(crate) fn panicked(&self, message: String) {
        let me = self.this_thread();
        self.state.borrow_mut().threads.all[me].panic = Some(message);
    }

    /// Notes that another thread has seen how `thread` ended.
    pub(crate) fn joined(&self, thread: ThreadId) {
        if let Some(thread) = self.state.borrow_mut().threads.all.get_mut(thread) {
            thread.panic = None;
        }
    }

    /// Notes that no thread will join `thread`.
    pub(crate) fn detach(&self, thread: ThreadId) {
        if let Some(state) = self.state.borrow_mut().threads.all.get_mut(thread) {
            state.detached = true;
        }
        if self.is_done(thread) {
            self.check_detached_panic(thread);
        }
    }

    /// Fails the execution: the current thread has overflowed its stack, of `size` bytes. To be called on another
    /// stack.
    pub fn overflowed(&self, size: usize) -> ! {
        let (me, title) = {
            let state = self.state.borrow();
            (state.threads.current, state.threads.title(state.threads.current))
        };
        let advice = match me {
            0 => "let a thread of its own do what recurses, made with `thread::Builder::stack_size`",
            _ => "give it a bigger one with `thread::Builder::stack_size`",
        };
        let message = format!(
            "stack overflow in {title}: its stack is {} KiB; if the recursion ends at all, {advice}",
            size / 1024
        );
        self.fail(FailureKind::StackOverflow, message, Vec::new())
    }

    fn check_detached_panic(&self, thread: ThreadId) {
        let message = {
            let state = self.state.borrow();
            let thread = &state.threads.all[thread];
            thread.panic.clone().filter(|_| thread.detached)
        };
        if let Some(message) = message {
            self.fail_panic(thread, message);
        }
    }
}
