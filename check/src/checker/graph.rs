//! What only the graph engine looks at.

use super::Checker;
use crate::explore::AtDeadlock;
#[cfg(feature = "graph")]
use crate::{Engine, explore};
use core::time::Duration;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;

impl Checker {
    /// Sets among how many jobs the graph engine shares an exploration. Executions are counted alike for any number of
    /// jobs.
    ///
    /// # Panics
    /// If `jobs` is 0.
    #[track_caller]
    pub fn jobs(mut self, jobs: usize) -> Checker {
        assert!(jobs > 0, "an exploration needs at least one job");
        self.graph.jobs = jobs;
        self
    }

    /// Sets the memory model under which the graph engine explores; the variable `SELVEDGE_MODEL` says otherwise. By
    /// default it is [`MemoryModel::C20`](crate::MemoryModel::C20), which is Rust's.
    #[cfg(feature = "graph")]
    pub fn memory_model(mut self, model: crate::MemoryModel) -> Checker {
        self.graph.model = model;
        self
    }

    /// Sets whether the graph engine reports data races, as by default. Without that, plain accesses to atomics count
    /// as relaxed ones, and accesses to cells are not checked: for litmus programs that race on purpose.
    pub fn detect_races(mut self, on: bool) -> Checker {
        self.graph.races = on;
        self
    }

    /// Sets whether under the graph engine a weak compare-exchange may fail though it finds what it wants. It fails
    /// again at the same line unless the thread is proved to have only come back to try again, in the state in which it
    /// was; more failures than [`rounds`](Self::rounds) allows are not explored, and the verdict is `Searched`.
    pub fn spurious_failures(mut self, on: bool) -> Checker {
        self.graph.spurious_failures = on;
        self
    }

    /// Sets whether under the graph engine time is discrete: it passes only while all threads wait, to the earliest moment for
    /// which one of them waits. Nothing else takes time. So a timed wait times out if and only if nothing ended it before
    /// its deadline; what comes at the very moment of the deadline may come before or after.
    ///
    /// What is written at one time is what everybody sees at later times. It does not *happen before* what comes later,
    /// though: an access that only time orders after another one is still a data race. Without discrete time, as by default,
    /// each thread has a clock of its own, a `sleep` lets no other thread go first, and a timed wait is woken or times out at any
    /// moment. A program that must be right whatever the times are is to be checked so. Discrete time is for what a program does
    /// *in time*.
    ///
    /// ```
    /// # #[cfg(feature = "graph")] {
    /// use selvedge::{chan, rt::thread};
    /// use selvedge_check::{Checker, Engine};
    /// use std::time::Duration;
    ///
    /// let reports = Checker::new().engines([Engine::Graph]).discrete_time(true).run(|| {
    ///     let (beat, beats) = chan::unbounded();
    ///     thread::spawn(move || {
    ///         thread::sleep(Duration::from_millis(10));
    ///         beat.send(()).unwrap();
    ///     });
    ///     assert!(beats.recv_timeout(Duration::from_millis(9)).is_err());
    ///     assert!(beats.recv_timeout(Duration::from_millis(9)).is_ok());
    /// });
    /// assert!(reports[0].verdict.passed(), "{}", reports[0]);
    /// # }
    /// ```
    pub fn discrete_time(mut self, on: bool) -> Checker {
        self.graph.discrete_time = on;
        self
    }

    /// Bounds the events of an execution under the graph engine: a number, and longer executions are left out; or
    /// `None`, as by default, and [`max_operations`](Self::max_operations) is the only bound.
    pub fn event_bound(mut self, bound: impl Into<Option<u32>>) -> Checker {
        self.graph.events = bound.into();
        self
    }

    /// Bounds the rounds of a loop that waits which the graph engine explores. A round is what a thread does between
    /// two passes of one line with `spin_loop` or `yield_now`. The default is 32, or what the variable
    /// `SELVEDGE_ROUNDS` says.
    ///
    /// A round that is proved to repeat the one before costs nothing and is left out. A round that leaves the thread in
    /// the state in which it began, and yet is no such repetition, counts as eight: only another thread can end a loop
    /// of those. (Under [`fair_schedules`](Self::fair_schedules) it counts as one.) Where a thread would go on beyond the number, it does so only as long as no other thread can run and
    /// it reads what is newest; whatever else it could do is not explored, and the verdict is `Searched`, with the
    /// line.
    pub fn rounds(mut self, rounds: u32) -> Checker {
        self.graph.rounds = rounds;
        self
    }

    /// Bounds how often the operations of a thread may begin anew under the graph engine, all of them together, where they
    /// say so by [`hint::retry`](selvedge::rt::hint::retry): a number, or `None`, as by default. The variable
    /// `SELVEDGE_RETRIES` says otherwise.
    ///
    /// All executions within the bound are explored. If others were left out, the verdict is `Searched`, by *at most so
    /// many retries of a thread*. The channels of `selvedge` in their real form say where they begin anew: a program on them
    /// has executions without end, since two operations can make each other try again, and an end within such a bound.
    pub fn retry_bound(mut self, bound: impl Into<Option<u32>>) -> Checker {
        self.graph.retries = bound.into();
        self
    }

    /// Bounds the graph engine to fair schedules, which end loops that write in each round: spin locks by `swap`, tickets,
    /// wakers that wake themselves. Off by default, or what the variable `SELVEDGE_FAIR` says.
    ///
    /// A schedule is fair if a thread that has called `spin_loop` or `yield_now` goes on only after another thread has done
    /// something, and each other thread that had done nothing since its call before; but for threads that cannot go on. A
    /// thread that has called them does not read a value again that it has read before, if there is a newer one. Of
    /// two threads loom explores no other schedules. Executions that no fair schedule has are left out, though they are
    /// possible: the verdict is then `Searched`, by *fair schedules*.
    ///
    /// ```
    /// use selvedge::rt::{hint, sync::atomic::{AtomicBool, Ordering::{Acquire, Release}}, thread};
    ///
    /// let reports = selvedge_check::Checker::new().fair_schedules(true).run(|| {
    ///     let locked = AtomicBool::new(false);
    ///     thread::scope(|scope| {
    ///         for _ in 0..2 {
    ///             scope.spawn(|| {
    ///                 while locked.swap(true, Acquire) {
    ///                     hint::spin_loop();
    ///                 }
    ///                 locked.swap(false, Release);
    ///             });
    ///         }
    ///     });
    /// });
    /// assert!(reports[0].verdict.passed());
    /// ```
    pub fn fair_schedules(mut self, only: bool) -> Checker {
        self.graph.fair_schedules = only;
        self
    }

    /// Calls `act` at the end of each execution under the graph engine whose threads wait for each other, and goes on
    /// with the exploration, instead of reporting a deadlock. For tests that collect how executions end.
    #[doc(hidden)]
    pub fn at_deadlock(
        mut self,
        act: impl Fn() + Send + Sync + UnwindSafe + RefUnwindSafe + 'static,
    ) -> Checker {
        self.graph.at_deadlock = Some(AtDeadlock(Arc::new(act)));
        self
    }

    /// Does what [`event_bound`](Self::event_bound) does, under its former name.
    #[doc(hidden)]
    #[deprecated = "renamed to `event_bound`"]
    pub fn rc11_event_bound(self, bound: impl Into<Option<u32>>) -> Checker {
        self.event_bound(bound)
    }

    /// Does what [`rounds`](Self::rounds) does, under its former name.
    #[doc(hidden)]
    #[deprecated = "renamed to `rounds`"]
    pub fn rc11_rounds(self, rounds: u32) -> Checker {
        self.rounds(rounds)
    }

    /// Lets the graph engine explore one of so many shares only, counted from 1: the executions of all shares together
    /// are those of the whole, each once.
    ///
    /// # Panics
    /// If `shard` is 0 or more than `shards`.
    #[track_caller]
    pub fn shard(mut self, shard: usize, shards: usize) -> Checker {
        assert!(
            (1..=shards).contains(&shard),
            "there is no shard {shard} of {shards}; they are counted from 1"
        );
        self.graph.shard = Some((shard, shards));
        self
    }

    /// Sets a file in which the graph engine leaves what it has not explored yet, and from which a later run goes on.
    /// The graph engine removes the file at the end of the exploration. Where both forms of the primitives are explored, the
    /// real one has a file of its own, whose name ends in `.real`.
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Checker {
        self.graph.checkpoint = Some(file.into());
        self
    }

    /// Sets how often the file of [`checkpoint`](Self::checkpoint) is written during the exploration, so that a run
    /// that was killed loses no more. The default is every 30 seconds.
    pub fn checkpoint_every(mut self, interval: Duration) -> Checker {
        self.graph.checkpoint_every = interval;
        self
    }

    /// Estimates how many executions the model has under the graph engine, by Knuth's method: the mean over so many
    /// random descents. Large explorations need thousands.
    ///
    /// # Errors
    /// Returns the failure that a descent met, as text.
    #[cfg(feature = "graph")]
    pub fn estimate<F>(&self, samples: u32, model: F) -> Result<f64, String>
    where
        F: Fn() + Send + Sync + 'static,
    {
        let settings = Checker { engines: vec![Engine::Graph], replay: None, ..self.clone() };
        let plans = settings.plans()?;
        explore::estimate(&plans[0], Arc::new(model), samples)
    }
}
