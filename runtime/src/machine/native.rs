//! What the scheduler is built on: threads, stacks and the clock of the system.

use super::here::Caches;
use super::m::Turns;
use super::outsiders::{OUTSIDE, threads};
use super::{clock, fuzz, monitor, run_loop, start};
use crate::core::chain::{Links, Task};
use crate::core::scheduler::{self, Env, Lock, Outside, Ran, Suspend, home_here};
use crate::core::timers::When;
use crate::goroutine::slot;
use crate::goroutine::{Slot, TABLE};
use crate::migration::{self, Block};
use crate::report::{deadlock, say};
use crate::settings::{Deadlock, Leftover, Mode, Settings};
use crate::stack::Stack;
use core::sync::atomic::Ordering::Relaxed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use core::time::Duration;
use corosensei::{Coroutine, CoroutineResult};
use selvedge::rt;
use selvedge::rt::sync::atomic::{AtomicU32 as Link, AtomicU64 as Word};
use selvedge::rt::timer::{Clock, Timer};
use selvedge::sync::WaitGroup;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One run of the scheduler.
pub(crate) type Instance = scheduler::Instance<Native>;
/// A thread of the scheduler.
pub(crate) type M = scheduler::M<Native>;
/// A thread of the scheduler, as it sees itself.
pub(crate) type Here = scheduler::Here<Native>;

/// Every so many goroutines an M looks at the global queue and for Ms that wait for a P, before its own queues.
const LOOK_AROUND: u32 = 61;

/// Rounds of a search.
const ROUNDS: u32 = 3;

/// Pauses of the processor between two rounds.
const PAUSES: u32 = 64;

/// How long a P keeps a goroutine that it would run next.
const PATIENCE: Duration = Duration::from_micros(50);

/// How often an M looks after that long while goroutines that may change their threads wake each other on another P.
const LOOKS: u32 = 20;

/// What else there is of an instance.
pub(crate) struct Native {
    pub(crate) settings: Settings,
    /// What arms the timers of each P.
    pub(crate) clocks: Box<[rt::sync::Arc<dyn Clock>]>,
    /// Goroutines that have not ended.
    pub(crate) live: AtomicUsize,
    /// The goroutines but for the main one, if the run waits for them.
    pub(crate) others: WaitGroup,
    /// The main goroutine, once there is one.
    pub(crate) main: AtomicU32,
    /// Whether the main goroutine has ended by `goexit`.
    pub(crate) main_has_exited: AtomicBool,
    /// Whether the program has been told that its goroutines sleep.
    pub(crate) has_warned: AtomicBool,
}

impl Native {
    pub(super) fn new(settings: Settings, clocks: Box<[rt::sync::Arc<dyn Clock>]>) -> Native {
        Native {
            settings,
            clocks,
            live: AtomicUsize::new(0),
            others: WaitGroup::new(),
            main: AtomicU32::new(0),
            main_has_exited: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
        }
    }

    /// Counts a goroutine that begins or ends, if the run waits for all.
    pub(super) fn count_other(&self, task: u32, begins: bool) {
        // Relaxed: the main goroutine is the first one, and its number does not change.
        if self.settings.leftover == Leftover::Wait && self.main.load(Relaxed) != task {
            if begins { self.others.add(1) } else { self.others.done() }
        }
    }
}

impl<T: Send> Lock<T> for Mutex<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        T: 'a;

    fn new(value: T) -> Mutex<T> {
        Mutex::new(value)
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        Mutex::lock(self).unwrap_or_else(PoisonError::into_inner)
    }
}

impl Links for Native {
    fn link(&self, task: Task) -> &Link {
        TABLE.link(task)
    }
}

/// A goroutine that an M has taken.
pub(crate) struct Taken {
    coroutine: Coroutine<super::Command, Suspend, (), Stack>,
    slot: &'static Slot,
}

/// Returns where a goroutine has begun, and whether it stays there, for the thread that alone makes it runnable.
#[inline]
pub(super) fn home(task: Task) -> (&'static Arc<M>, bool) {
    // SAFETY: S1 of the table: the one thread that makes the goroutine runnable calls `home` before it does. Until then no M
    // runs the goroutine, and only an M that runs it uses `own`.
    let (home, stays) = unsafe { ((*slot(task).own()).home.as_ref(), (*slot(task).own()).stays()) };
    (home.unwrap_or_else(|| unreachable!("a goroutine that waits has begun")), stays)
}

impl Env for Native {
    type OfM = Turns;
    type OfHere = Caches;
    type Lock<T: Send> = Mutex<T>;
    type Taken = Taken;
    type Left = Stack;

    #[inline(always)]
    fn word(&self, task: Task) -> &Word {
        &slot(task).word
    }

    #[inline(always)]
    fn stays(&self, task: Task) -> bool {
        // SAFETY: S1 of the table: the goroutine is the calling M's, which puts it into a queue next.
        unsafe { (*slot(task).own()).stays() }
    }

    #[inline(always)]
    fn home(&self, task: Task) -> (&Arc<M>, bool) {
        home(task)
    }

    #[inline(always)]
    fn take(here: &Here, task: Task) -> Result<Taken, Arc<M>> {
        let slot = slot(task);
        // SAFETY: S1 of the table: this M has taken the goroutine out of a queue. The reference ends before the goroutine
        // runs.
        let own = unsafe { &mut *slot.own() };
        let stack = own.stack();
        home_here(&mut own.home, &here.m, |home| match here.m.instance.env.settings.migration.0 {
            Mode::Free => true,
            Mode::Never => false,
            Mode::Checked => home.own.with_locals(|locals| {
                // SAFETY: the goroutine is suspended and this thread's, so its stack does not change. A thread whose locals are
                // there does not end before they are unlocked.
                let tied = |locals: &Block| unsafe { migration::tied(locals, stack.start, stack.end).is_some() };
                locals.is_some_and(|locals| locals.is_current() && !tied(locals))
            }),
        })?;
        let coroutine =
            own.coroutine.take().unwrap_or_else(|| unreachable!("a goroutine that can run has a stack"));
        slot.set_why(None);
        Ok(Taken { coroutine, slot })
    }

    #[inline(always)]
    fn run(_: &Here, _: Task, taken: Taken) -> Ran<Stack> {
        let Taken { mut coroutine, slot } = taken;
        match coroutine.resume(super::Command::Run) {
            CoroutineResult::Return(()) => Ran::Ended(coroutine.into_stack()),
            CoroutineResult::Yield(suspend) => {
                // SAFETY: S1: the goroutine is in no queue, and its wait is not committed yet, so it is this M's.
                unsafe { (*slot.own()).coroutine = Some(coroutine) };
                Ran::Suspended(suspend)
            }
        }
    }

    fn end(here: &Here, task: Task, stack: Stack) {
        run_loop::end(here, task, stack);
    }

    fn call(here: &Here, timer: rt::sync::Arc<Timer>) {
        start::call(here, timer);
    }

    fn start(instance: &Arc<Instance>, proc: usize, searching: bool) {
        let m = instance.add_m(Turns::new());
        let thread = std::thread::Builder::new().name("goroutines".to_string());
        if let Err(error) = thread.spawn(move || run_loop::thread(m, proc, searching)) {
            say(format_args!("fatal error: the system starts no further thread for goroutines: {error}\n"));
            std::process::exit(2);
        }
    }

    fn wakes(&self) {
        monitor::wake();
    }

    #[inline(always)]
    fn begins(here: &Here, task: Task, waiting: u32) {
        here.m.own.begins(task, waiting);
    }

    #[inline(always)]
    fn waits(m: &M, waiting: u32) {
        m.own.wait(waiting);
    }

    #[inline(always)]
    fn ends(m: &M) {
        m.own.ends();
    }

    fn looks_around(here: &Here) {
        super::here::update_locals(here);
    }

    fn look_around(&self) -> u32 {
        LOOK_AROUND
    }

    fn now(&self) -> When {
        clock::now()
    }

    fn when(&self, instant: Instant) -> When {
        clock::when(instant)
    }

    fn instant(&self, when: When) -> Option<Instant> {
        clock::instant(when)
    }

    fn may_move(&self) -> bool {
        self.settings.migration.0 != Mode::Never
    }

    fn rounds(&self) -> (u32, u32) {
        (ROUNDS, if self.may_move() { LOOKS } else { 1 })
    }

    fn pause(&self) {
        (0..PAUSES).for_each(|_| core::hint::spin_loop());
    }

    fn be_patient(&self) {
        if !fuzz::happens(&self.settings, 2) {
            std::thread::sleep(PATIENCE);
        }
    }

    fn begin_at(&self, below: usize) -> usize {
        fastrand::usize(..below)
    }

    fn happens(&self, once_in: u64) -> bool {
        fuzz::happens(&self.settings, once_in)
    }

    fn pause_perhaps(&self) {
        fuzz::pause(&self.settings);
    }

    fn outside(&self) -> &Outside<Native> {
        &OUTSIDE
    }

    fn threads(&self) -> usize {
        threads()
    }

    fn wants_reports(&self) -> bool {
        self.settings.deadlock != Deadlock::Off || self.settings.on_deadlock.is_some()
    }

    fn report(here: &Here, outsiders: usize) {
        deadlock::report(here.instance(), outsiders);
    }
}
