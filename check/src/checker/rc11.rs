//! What only rc11 looks at.

use super::Checker;
#[cfg(feature = "rc11")]
use crate::{Engine, explore};
use core::time::Duration;
use std::path::PathBuf;
#[cfg(feature = "rc11")]
use std::sync::Arc;

impl Checker {
    /// Sets among how many jobs rc11 shares an exploration. Executions are counted alike for any number of jobs.
    ///
    /// # Panics
    /// If `jobs` is 0.
    #[track_caller]
    pub fn jobs(mut self, jobs: usize) -> Checker {
        assert!(jobs > 0, "an exploration needs at least one job");
        self.rc11.jobs = jobs;
        self
    }

    /// Sets the memory model under which rc11 explores; the variable `SELVEDGE_MODEL` says otherwise. By default it is
    /// [`MemoryModel::C20`](crate::MemoryModel::C20), which is Rust's.
    #[cfg(feature = "rc11")]
    pub fn memory_model(mut self, model: crate::MemoryModel) -> Checker {
        self.rc11.model = model;
        self
    }

    /// Sets whether rc11 reports data races, as by default. Without that, plain accesses to atomics count as relaxed
    /// ones, and accesses to cells are not checked: for litmus programs that race on purpose.
    pub fn detect_races(mut self, on: bool) -> Checker {
        self.rc11.races = on;
        self
    }

    /// Sets whether under rc11 a weak compare-exchange may fail though it finds what it wants. It fails again at the same
    /// line unless the thread is proved to have only come back to try again, in the state in which it was; more failures
    /// than [`rc11_rounds`](Self::rc11_rounds) allows are not explored, and the verdict is `Searched`.
    pub fn spurious_failures(mut self, on: bool) -> Checker {
        self.rc11.spurious_failures = on;
        self
    }

    /// Sets whether under rc11 time passes only while all threads wait. All else takes no time then, so a timed wait
    /// times out if and only if nothing ended it before. Without that, as by default, a timed wait is woken or times
    /// out at any moment.
    pub fn discrete_time(mut self, on: bool) -> Checker {
        self.rc11.discrete_time = on;
        self
    }

    /// Bounds the events of an execution under rc11: a number, and longer executions are left out; or `None`, as by
    /// default, and [`max_operations`](Self::max_operations) is the only bound.
    pub fn rc11_event_bound(mut self, bound: impl Into<Option<u32>>) -> Checker {
        self.rc11.events = bound.into();
        self
    }

    /// Bounds the rounds of a loop that waits which rc11 explores. A round is what a thread does between two passes
    /// of one line with `spin_loop` or `yield_now`. The default is 32, or what the variable `SELVEDGE_ROUNDS` says.
    ///
    /// A round that is proved to repeat the one before costs nothing and is left out. A round that leaves the thread in
    /// the state in which it began, and yet is no such repetition, counts as eight: only another thread can end a loop
    /// of those. Where a thread would go on beyond the number, it does so only as long as no other thread can run and it
    /// reads what is newest; whatever else it could do is not explored, and the verdict is `Searched`, with the line.
    pub fn rc11_rounds(mut self, rounds: u32) -> Checker {
        self.rc11.rounds = rounds;
        self
    }

    /// Lets rc11 explore one of so many shares only, counted from 1: the executions of all shares together
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
        self.rc11.shard = Some((shard, shards));
        self
    }

    /// Sets a file in which rc11 leaves what it has not explored yet, and from which a later run goes on. rc11
    /// removes the file at the end of the exploration.
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Checker {
        self.rc11.checkpoint = Some(file.into());
        self
    }

    /// Sets how often the file of [`checkpoint`](Self::checkpoint) is written during the exploration, so that a run
    /// that was killed loses no more. The default is every 30 seconds.
    pub fn checkpoint_every(mut self, interval: Duration) -> Checker {
        self.rc11.checkpoint_every = interval;
        self
    }

    /// Estimates how many executions the model has under rc11, by Knuth's method: the mean over so many
    /// random descents. Large explorations need thousands.
    ///
    /// # Errors
    /// Returns the failure that a descent met, as text.
    #[cfg(feature = "rc11")]
    pub fn estimate<F>(&self, samples: u32, model: F) -> Result<f64, String>
    where
        F: Fn() + Send + Sync + 'static,
    {
        let settings = Checker { engines: vec![Engine::Rc11], replay: None, ..self.clone() };
        let plans = settings.plans()?;
        explore::estimate(&plans[0], Arc::new(model), samples)
    }
}
