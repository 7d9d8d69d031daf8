//! What the scheduler's loop stands on in a model: its Ms are the model's threads, and a goroutine is a function that is called
//! each time the goroutine runs, and says why it gives its thread back.

use super::Plain;
use selvedge::rt;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::park::Token;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use selvedge::rt::thread::{self, JoinHandle};
use selvedge::rt::time::now;
use selvedge::rt::timer::Timer;
use selvedge::rt::twin::is_twin;
use selvedge::sync::{Mutex, MutexGuard};
use selvedge_go::core::chain::{Links, Task};
use selvedge_go::core::poll_slot::{Armed, PollSlot, Waiter};
use selvedge_go::core::ready::{begin_wait, given, unpark_low};
use selvedge_go::core::scheduler::{self, Env, Lock, Outside, Ran, Suspend, home_here, make_runnable};
use selvedge_go::core::timers::{NEVER, When};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) type Instance = scheduler::Instance<World>;
pub(super) type Here = scheduler::Here<World>;
type M = scheduler::M<World>;
pub(super) type Shared = Arc<Instance>;

/// What a goroutine does when it runs for the n-th time, from 0 on.
pub(super) type Body = fn(&Here, u32) -> Ran<()>;

/// The main goroutine, which ends the run.
pub(super) const MAIN: Task = 1;
/// The others.
pub(super) const FIRST: Task = 2;
pub(super) const SECOND: Task = 3;

/// For how long a goroutine waits that does not wait for ever; natively that long in each run.
const A_MILLISECOND: Duration = Duration::from_millis(1);

/// A scheduler's world.
pub(super) struct World {
    goroutines: Vec<Goroutine>,
    settings: Settings,
    /// What goroutines wait for, one each.
    events: [PollSlot; 3],
    /// What is written before each event, and read after it.
    told: [Plain; 3],
    /// What the main goroutine has done before it ends, which every M sees.
    done: Plain,
    /// A thread outside, or a goroutine in a blocking call, waits for this.
    pub(super) bell: Bell,
    pub(super) outside: Outside<World>,
    threads: AtomicUsize,
    joins: Guarded<Vec<JoinHandle<()>>>,
    begin: Instant,
    /// How many Ms had a P at the end.
    held: AtomicUsize,
    /// Of each P, what the M that has it writes.
    procs: Vec<Plain>,
}

/// What a model chooses.
#[derive(Clone, Copy)]
pub(super) struct Settings {
    /// How many Ps there are.
    pub(super) procs: usize,
    /// Every so many goroutines an M looks around.
    pub(super) look_around: u32,
    /// The goroutines that may go on on another M once they have begun.
    pub(super) moving: &'static [Task],
    /// Called where all goroutines are asleep, beside so many outsiders.
    pub(super) report: Option<fn(&Here, usize)>,
}

/// One P, no report, and no M looks around.
pub(super) const PLAIN: Settings = Settings { procs: 1, look_around: u32::MAX, moving: &[], report: None };

struct Goroutine {
    word: AtomicU64,
    link: AtomicU32,
    own: UnsafeCell<Own>,
}

/// What one thread at a time has: a checker reports a race if the queues or the word of the goroutine do not see to that.
struct Own {
    body: Option<Body>,
    home: Option<Arc<M>>,
    /// How often the goroutine has run.
    turns: u32,
    /// The wait in which it was suspended; 0: none.
    wait: u64,
    /// What it waits for.
    event: Option<usize>,
    until: Option<Instant>,
}

// SAFETY: the property of the models is that one thread at a time has `own`; a checker reports a race before the access if two
// have it.
unsafe impl Sync for Goroutine {}

/// A lock of the primitives.
pub(super) struct Guarded<T>(Mutex<T>);

impl<T: Send> Lock<T> for Guarded<T> {
    type Guard<'a>
        = MutexGuard<'a, T>
    where
        T: 'a;

    fn new(value: T) -> Guarded<T> {
        Guarded(Mutex::new(value))
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock()
    }
}

impl Goroutine {
    fn new(body: Body) -> Goroutine {
        let own = Own { body: Some(body), home: None, turns: 0, wait: 0, event: None, until: None };
        Goroutine { word: AtomicU64::new(0), link: AtomicU32::new(0), own: UnsafeCell::new(own) }
    }

    /// Uses what the caller has.
    fn own<R>(&self, f: impl FnOnce(&mut Own) -> R) -> R {
        // SAFETY: the `Sync` of the type says why one thread at a time is here; `f` calls nothing of the scheduler.
        self.own.with_mut(|own| f(unsafe { &mut *own }))
    }
}

/// What a thread outside does at the end.
pub(super) enum Then {
    /// It leaves the process.
    Ends,
    /// It parks, and no thread wakes it.
    ParksForGood,
}

/// What a thread parks for that a runtime counts as parked, as the permits of `selvedge::rt::park` do it for threads of the system.
pub(super) struct Bell {
    state: AtomicU32,
    token: Token,
}

const AWAITED: u32 = 0;
const COUNTED: u32 = 1;
const GIVEN: u32 = 2;

impl Bell {
    /// Waits until it rings, for a thread outside.
    pub(super) fn wait_outside(&self, outside: &Outside<World>) {
        // Acquire on failure: what was done before it rang.
        if self.state.compare_exchange(AWAITED, COUNTED, Relaxed, Acquire).is_ok() {
            outside.count(true);
            self.token.wait();
        }
    }

    /// Lets a thread outside go on.
    pub(super) fn ring_outside(&self, outside: &Outside<World>) {
        loop {
            let found = self.state.load(Relaxed);
            // The twin wakes the thread, and counts it out only then.
            let counts_late = found == COUNTED && is_twin(); // site: count-out-first
            if found == COUNTED && !counts_late {
                outside.count(false);
            }
            // Release: what was done before it rings.
            match self.state.compare_exchange(found, GIVEN, Release, Relaxed) {
                Ok(COUNTED) => self.token.give(),
                Ok(_) => (),
                Err(_) if found == COUNTED => unreachable!("one thread rings"),
                Err(_) => continue,
            }
            if counts_late {
                outside.count(false);
            }
            return;
        }
    }

    /// Waits until it rings, for an M in a blocking call.
    pub(super) fn wait(&self) {
        self.token.wait();
    }

    /// Lets an M go on.
    pub(super) fn ring(&self) {
        self.token.give();
    }
}

/// Runs the main goroutine, `bodies[0]`, and those that it starts, beside threads of the model; `after` sees what is left.
pub(super) fn run(
    settings: Settings,
    bodies: &[Body],
    beside: &[fn(&Shared) -> Then],
    after: impl FnOnce(&Instance),
) {
    let instance = Instance::new(settings.procs, |_| World {
        goroutines: bodies.iter().map(|body| Goroutine::new(*body)).collect(),
        settings,
        events: core::array::from_fn(|_| PollSlot::new()),
        told: core::array::from_fn(|_| Plain::new(0)),
        done: Plain::new(0),
        bell: Bell { state: AtomicU32::new(AWAITED), token: Token::new() },
        outside: Outside::new(),
        threads: AtomicUsize::new(1 + beside.len()),
        joins: Guarded::new(Vec::new()),
        begin: now(),
        held: AtomicUsize::new(0),
        procs: (0..settings.procs).map(|_| Plain::new(0)).collect(),
    });
    let here = Here::new(instance.add_m(()), Some(0), false, ());
    instance.env.goroutine(MAIN).own(|own| own.home = Some(Arc::clone(&here.m)));
    here.put_last(MAIN);
    let outsiders = beside.iter().map(|body| {
        let (body, its) = (*body, Arc::clone(&instance));
        thread::spawn(move || {
            match body(&its) {
                // SeqCst: as the system tells threads, in one order.
                Then::Ends => _ = its.env.threads.fetch_sub(1, SeqCst),
                Then::ParksForGood => its.env.outside.count(true),
            }
        })
    });
    let outsiders: Vec<_> = outsiders.collect();
    run_m(&here);
    instance.stop();
    outsiders.into_iter().for_each(|thread| thread.join().expect("no panic"));
    loop {
        let thread = instance.env.joins.lock().pop();
        let Some(thread) = thread else { break };
        thread.join().expect("no panic");
    }
    // Ps that are to be retired are somewhere too.
    let in_use = instance.idle.idle() as usize + instance.env.held.load(Relaxed);
    assert!(in_use >= instance.set_procs(0), "a P is lost");
    after(&instance);
    instance.env.goroutines.iter().for_each(|goroutine| goroutine.own(|own| own.home = None));
}

/// Runs an M until the end of the run.
fn run_m(here: &Here) {
    let instance = here.instance();
    here.run(|| instance.has_ended());
    assert_eq!(instance.env.done.get(), 1);
    instance.env.held.fetch_add(usize::from(here.proc.get().is_some()), Relaxed);
}

/// Ends the run, as the main goroutine does.
pub(super) fn end(instance: &Instance) {
    instance.env.done.set(1);
    instance.end();
}

/// Wakes or starts an M though there is no work, as the monitor does for a deadline.
pub(super) fn submit(here: &Here) {
    let _in_runtime = here.enter_runtime();
    here.m.instance.submit();
}

/// Starts a goroutine from the running one.
pub(super) fn go(here: &Here, task: Task) {
    let _in_runtime = here.enter_runtime();
    here.m.instance.put_queued(here, task, true);
}

/// A report that ends the process, unless a thread outside may wake a goroutine.
pub(super) fn there_is_no_deadlock(_: &Here, outsiders: usize) {
    assert_ne!(outsiders, 0, "a goroutine will run again");
}

/// Takes the P from the running goroutine, as the monitor does.
pub(super) fn lose_proc(here: &Here) {
    let (proc, instance) = (here.proc.get().expect("the M has a P"), &here.m.instance);
    let slice = instance.states[proc].in_user_code().expect("the goroutine is in user code");
    assert!(instance.states[proc].take(slice));
    instance.give_away(proc);
}

/// Lets event 0 come, for which the main goroutine waits, and leaves the process.
pub(super) fn wakes_main(instance: &Shared) -> Then {
    fire(instance, 0, None);
    Then::Ends
}

/// Starts a goroutine, waits for it in a blocking call, and ends.
pub(super) fn waits_in_call_for_one(here: &Here, _: u32) -> Ran<()> {
    go(here, FIRST);
    wait_in_call(here);
    Ran::Ended(())
}

/// Starts a goroutine, loses its P to the monitor, waits for event 0, and ends.
pub(super) fn starts_one_and_loses_its_p(here: &Here, turn: u32) -> Ran<()> {
    if turn == 0 {
        go(here, FIRST);
        lose_proc(here);
    }
    waits::<0>(here, turn)
}

/// Waits for event `EVENT` in the first turn, and ends.
pub(super) fn waits<const EVENT: usize>(here: &Here, turn: u32) -> Ran<()> {
    if turn == 0 { wait(here, EVENT).unwrap_or(Ran::Ended(())) } else { Ran::Ended(()) }
}

/// Lets event `EVENT` come, and ends.
pub(super) fn fires<const EVENT: usize>(here: &Here, _: u32) -> Ran<()> {
    fire(here.instance(), EVENT, Some(here));
    Ran::Ended(())
}

/// Lets an M go on that waits for the bell, and ends.
pub(super) fn rings(here: &Here, _: u32) -> Ran<()> {
    here.instance().env.bell.ring();
    Ran::Ended(())
}

/// Waits in a blocking call until the bell rings.
pub(super) fn wait_in_call(here: &Here) {
    here.begin_blocking();
    here.instance().env.bell.wait();
    here.end_blocking();
    assert!(here.proc.get().is_some() || here.instance().has_ended(), "a goroutine runs on a P");
}

/// Waits for an event, or goes on if it has come.
pub(super) fn wait(here: &Here, event: usize) -> Option<Ran<()>> {
    wait_or_time_out(here, event, None)
}

/// Waits for an event for a millisecond at most, or goes on if it has come.
pub(super) fn wait_until(here: &Here, event: usize) -> Option<Ran<()>> {
    wait_or_time_out(here, event, Some(now() + A_MILLISECOND))
}

fn wait_or_time_out(here: &Here, event: usize, until: Option<Instant>) -> Option<Ran<()>> {
    let (env, task) = (&here.instance().env, here.running.get());
    let wait = begin_wait(env.word(task));
    match env.events[event].arm(Waiter::new(task, wait)) {
        Armed::Waits => Some(env.suspend(task, wait, Some(event), until)),
        Armed::Ready => {
            assert_eq!(env.told[event].get(), 1);
            None
        }
        Armed::Taken => unreachable!("one goroutine waits for each event"),
    }
}

/// Sleeps for a millisecond.
pub(super) fn sleep(here: &Here) -> Ran<()> {
    let (env, task) = (&here.instance().env, here.running.get());
    env.suspend(task, begin_wait(env.word(task)), None, Some(now() + A_MILLISECOND))
}

/// Lets an event come, on an M or on a thread outside.
pub(super) fn fire(instance: &Instance, event: usize, here: Option<&Here>) {
    let env = &instance.env;
    env.told[event].set(1);
    if let Some(Waiter { task, wait }) = env.events[event].ready()
        && unpark_low(env.word(task), wait)
    {
        let (home, stays) = env.home(task);
        make_runnable(task, home, stays, here);
    }
}

impl World {
    fn goroutine(&self, task: Task) -> &Goroutine {
        &self.goroutines[task as usize - 1]
    }

    /// Notes what the running goroutine waits for.
    fn suspend(&self, task: Task, wait: u64, event: Option<usize>, until: Option<Instant>) -> Ran<()> {
        self.goroutine(task).own(|own| (own.event, own.until) = (event, until));
        Ran::Suspended(Suspend::Park(wait, until))
    }

    /// Returns how often a goroutine has run.
    pub(super) fn turns(&self, task: Task) -> u32 {
        self.goroutine(task).own(|own| own.turns)
    }
}

impl Links for World {
    fn link(&self, task: Task) -> &AtomicU32 {
        &self.goroutine(task).link
    }
}

impl Env for World {
    type OfM = ();
    type OfHere = ();
    type Lock<T: Send> = Guarded<T>;
    type Taken = Body;
    type Left = ();

    fn word(&self, task: Task) -> &AtomicU64 {
        &self.goroutine(task).word
    }

    fn stays(&self, task: Task) -> bool {
        !self.settings.moving.contains(&task)
    }

    fn home(&self, task: Task) -> (&Arc<M>, bool) {
        // SAFETY: the one thread that makes the goroutine runnable calls `home` before it does. Until then no M runs the goroutine,
        // and only an M that runs it uses `own`.
        let home = self.goroutine(task).own.with(|own| unsafe { (*own).home.as_ref() });
        (home.expect("a goroutine that waits has begun"), self.stays(task))
    }

    fn take(here: &Here, task: Task) -> Result<Body, Arc<M>> {
        let env = &here.instance().env;
        env.goroutine(task).own(|own| {
            home_here(&mut own.home, &here.m, |_| !env.stays(task))?;
            Ok(own.body.take().expect("one M at a time runs a goroutine"))
        })
    }

    fn run(here: &Here, task: Task, body: Body) -> Ran<()> {
        let goroutine = here.instance().env.goroutine(task);
        let (turn, wait, event, until) = goroutine.own(|own| {
            own.turns += 1;
            (own.turns - 1, core::mem::take(&mut own.wait), own.event, own.until)
        });
        assert!(
            turn > 0 || here.locked.get() == 0,
            "a goroutine begins on a thread that another one has locked"
        );
        if wait != 0 {
            match event.filter(|_| given(&goroutine.word, wait)) {
                Some(event) => assert_eq!(here.instance().env.told[event].get(), 1),
                None => assert!(until.is_some_and(|until| until <= now()), "a goroutine goes on too early"),
            }
        }
        let ran = body(here, turn);
        if let Ran::Suspended(suspend) = ran {
            goroutine.own(|own| {
                own.body = Some(body);
                if let Suspend::Park(wait, _) = suspend {
                    own.wait = wait;
                }
            });
        }
        ran
    }

    fn end(here: &Here, task: Task, (): ()) {
        if task == MAIN {
            end(here.instance());
        }
    }

    fn call(_: &Here, _: rt::sync::Arc<Timer>) {
        unreachable!("no model has timers of closures");
    }

    fn start(instance: &Shared, proc: usize, searching: bool) {
        let m = instance.add_m(());
        // SeqCst: as the system tells threads, in one order.
        instance.env.threads.fetch_add(1, SeqCst);
        let thread = thread::spawn(move || run_m(&Here::new(m, Some(proc), searching, ())));
        instance.env.joins.lock().push(thread);
    }

    fn wakes(&self) {}

    fn begins(here: &Here, _: Task, _: u32) {
        if let Some(proc) = here.proc.get() {
            let used = &here.instance().env.procs[proc];
            used.set(used.get() + 1);
        }
    }

    fn waits(_: &M, _: u32) {}

    fn ends(_: &M) {}

    fn looks_around(_: &Here) {}

    fn look_around(&self) -> u32 {
        self.settings.look_around
    }

    fn now(&self) -> When {
        self.when(now())
    }

    fn when(&self, instant: Instant) -> When {
        1 + instant.duration_since(self.begin).as_nanos() as When
    }

    fn instant(&self, when: When) -> Option<Instant> {
        (when != NEVER).then(|| self.begin + Duration::from_nanos(when - 1))
    }

    fn may_move(&self) -> bool {
        !self.settings.moving.is_empty()
    }

    fn rounds(&self) -> (u32, u32) {
        (1, 1)
    }

    fn pause(&self) {}

    fn be_patient(&self) {}

    fn begin_at(&self, _: usize) -> usize {
        0
    }

    fn happens(&self, _: u64) -> bool {
        false
    }

    fn pause_perhaps(&self) {}

    fn outside(&self) -> &Outside<World> {
        &self.outside
    }

    fn threads(&self) -> usize {
        self.threads.load(SeqCst) // SeqCst: as the system tells threads, in one order.
    }

    fn wants_reports(&self) -> bool {
        self.settings.report.is_some()
    }

    fn report(here: &Here, outsiders: usize) {
        if let Some(report) = here.instance().env.settings.report {
            report(here, outsiders);
        }
    }
}
