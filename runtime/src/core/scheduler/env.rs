//! What the scheduler is built on.

use super::{Here, Instance, M, Outside};
use crate::core::chain::{Links, Task};
use crate::core::timers::When;
use core::ops::DerefMut;
use selvedge::rt;
use selvedge::rt::sync::atomic::AtomicU64;
use selvedge::rt::timer::Timer;
use std::sync::Arc;
use std::time::Instant;

/// Why a goroutine gives its thread back.
#[derive(Clone, Copy, Debug)]
pub enum Suspend {
    /// It waits, in the wait of this number, and until the deadline.
    Park(u64, Option<Instant>),
    /// Others are to run first.
    Yield,
    /// It has left its trace.
    Traced,
}

/// What became of a goroutine that has run.
#[derive(Debug)]
pub enum Ran<L> {
    /// It has given its thread back.
    Suspended(Suspend),
    /// It has ended, and has left this.
    Ended(L),
}

/// A lock for what an instance changes seldom. A thread that waits for it is not counted as one that is parked.
pub trait Lock<T>: Send + Sync {
    /// Gives access to the value; dropping it unlocks.
    type Guard<'a>: DerefMut<Target = T>
    where
        Self: 'a;

    /// Returns a lock of a value.
    fn new(value: T) -> Self;

    /// Locks.
    fn lock(&self) -> Self::Guard<'_>;
}

/// Threads, goroutines, time and reports, as the loop sees them.
pub trait Env: Links + Send + Sync + Sized + 'static {
    /// What else an M has that other threads see.
    type OfM: Send + Sync;
    /// What else an M has for itself.
    type OfHere;
    /// How Ms lock what they share.
    type Lock<T: Send>: Lock<T>;
    /// A goroutine that an M has taken to run it.
    type Taken;
    /// What a goroutine leaves that has ended.
    type Left;

    /// Returns the word of a task.
    fn word(&self, task: Task) -> &AtomicU64;

    /// Returns whether a goroutine stays where it has begun, for the M that has it and puts it into a queue next.
    fn stays(&self, task: Task) -> bool;

    /// Returns where a goroutine has begun, and whether it stays there, for the thread that alone makes it runnable.
    fn home(&self, task: Task) -> (&Arc<M<Self>>, bool);

    /// Takes a goroutine that this M has taken out of a queue, to run it here; or returns its home, to which it is posted.
    /// The home is cloned, because the goroutine may run, and its instance end, while the letter is posted.
    ///
    /// # Errors
    /// If it goes on at its home only; [`home_here`](super::home_here) tells.
    fn take(here: &Here<Self>, task: Task) -> Result<Self::Taken, Arc<M<Self>>>;

    /// Runs a goroutine until it suspends itself or ends, and keeps one that is suspended.
    fn run(here: &Here<Self>, task: Task, taken: Self::Taken) -> Ran<Self::Left>;

    /// Lets go of a goroutine that has ended on this M.
    fn end(here: &Here<Self>, task: Task, left: Self::Left);

    /// Starts the closure of a timer, for an M that runs no goroutine.
    fn call(here: &Here<Self>, timer: rt::sync::Arc<Timer>);

    /// Adds an M for a P, and starts its thread. The caller has counted the M.
    fn start(instance: &Arc<Instance<Self>>, proc: usize, searching: bool);

    /// Says that an M has woken, which is counted.
    fn wakes(&self);

    /// Notes that an M begins to run a goroutine, and how many of its others wait meanwhile; for the M, which is in the runtime.
    fn begins(here: &Here<Self>, task: Task, waiting: u32);

    /// Notes how many goroutines of an M could run but for the one that runs; for the M.
    fn waits(m: &M<Self>, waiting: u32);

    /// Notes that an M runs no goroutine; for the M.
    fn ends(m: &M<Self>);

    /// Does what an M does from time to time, before it looks around.
    fn looks_around(here: &Here<Self>);

    /// Every so many goroutines an M looks at the global queue and for Ms that wait for a P, before its own queues.
    fn look_around(&self) -> u32;

    /// Returns the time.
    fn now(&self) -> When;

    /// Returns an instant in the terms of [`now`](Self::now).
    fn when(&self, instant: Instant) -> When;

    /// Returns the instant of a deadline; `None`: it never comes.
    fn instant(&self, when: When) -> Option<Instant>;

    /// Returns whether goroutines that have begun may go on on another M.
    fn may_move(&self) -> bool;

    /// How often an M that searches looks at the queues, and then at the goroutines that others run next.
    fn rounds(&self) -> (u32, u32);

    /// Pauses between two rounds of a search.
    fn pause(&self);

    /// Waits as long as a P may keep a goroutine that it runs next.
    fn be_patient(&self);

    /// Returns a number below this, at which a search begins.
    fn begin_at(&self, below: usize) -> usize;

    /// Returns whether something unusual happens, once in so many times; for tests of schedules.
    fn happens(&self, once_in: u64) -> bool;

    /// Pauses now and then; for tests of schedules.
    fn pause_perhaps(&self);

    /// Returns what may wake goroutines though no M does.
    fn outside(&self) -> &Outside<Self>;

    /// Returns how many threads there are.
    fn threads(&self) -> usize;

    /// Returns whether a report is wanted if all goroutines are asleep.
    fn wants_reports(&self) -> bool;

    /// Reports that all goroutines are asleep, beside so many threads that may wake one. The M counts as awake, and has said that it
    /// sleeps.
    fn report(here: &Here<Self>, outsiders: usize);
}
