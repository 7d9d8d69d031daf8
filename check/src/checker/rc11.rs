//! What only rc11 looks at.

use super::Checker;
#[cfg(feature = "rc11")]
use crate::{Engine, explore};
use core::time::Duration;
use std::path::PathBuf;
#[cfg(feature = "rc11")]
use std::sync::Arc;

impl Checker {
    /// How many jobs rc11 shares an exploration among; the counts are the same for any number.
    ///
    /// # Panics
    /// If there are none.
    #[track_caller]
    pub fn jobs(mut self, jobs: usize) -> Checker {
        assert!(jobs > 0, "an exploration needs at least one job");
        self.rc11.jobs = jobs;
        self
    }

    /// Whether rc11 reports data races. Without it plain accesses to atomics are relaxed ones, and cells are
    /// not looked at: for litmus programs that race on purpose.
    pub fn detect_races(mut self, on: bool) -> Checker {
        self.rc11.races = on;
        self
    }

    /// Whether under rc11 a weak compare-exchange may fail though it finds what it wants. It fails again at the same
    /// line unless the thread is proved to have only come back to try again, in the state in which it was; more failures
    /// than [`rc11_rounds`](Self::rc11_rounds) allows are not explored, and the verdict is `Searched`.
    pub fn spurious_failures(mut self, on: bool) -> Checker {
        self.rc11.spurious_failures = on;
        self
    }

    /// Whether under rc11 time passes only while everybody waits: everything else takes none, so a timed
    /// wait times out if and only if nothing ended it before. Off, as by default, a timed wait is woken or
    /// times out, whatever came first.
    pub fn discrete_time(mut self, on: bool) -> Checker {
        self.rc11.discrete_time = on;
        self
    }

    /// The most events that an execution may have under rc11; longer ones are left out. `None`, as by
    /// default: any number, up to [`max_operations`](Self::max_operations).
    pub fn rc11_event_bound(mut self, bound: impl Into<Option<u32>>) -> Checker {
        self.rc11.events = bound.into();
        self
    }

    /// How many rounds of a loop that waits rc11 explores: of what a thread does between two passes of the same line
    /// with `spin_loop` or `yield_now`. 32 by default; the variable `SELVEDGE_ROUNDS` says otherwise.
    ///
    /// A round that is proved to repeat the one before costs nothing and is left out. A round that leaves the thread in
    /// the state in which it began, and yet is no such repetition, counts as eight: only another thread can end a loop
    /// of those. Where a thread would go on beyond the number, it does so only as long as nobody else can run and it
    /// reads what is newest; whatever else it could do is not explored, and the verdict is `Searched`, with the line.
    pub fn rc11_rounds(mut self, rounds: u32) -> Checker {
        self.rc11.rounds = rounds;
        self
    }

    /// Lets rc11 explore one of so many shares only, counted from 1: the executions of all shares together
    /// are those of the whole, each once.
    ///
    /// # Panics
    /// If there is no such share.
    #[track_caller]
    pub fn shard(mut self, shard: usize, shards: usize) -> Checker {
        assert!(
            (1..=shards).contains(&shard),
            "there is no shard {shard} of {shards}; they are counted from 1"
        );
        self.rc11.shard = Some((shard, shards));
        self
    }

    /// A file in which rc11 leaves what it has not explored yet, and from which it goes on. It is removed at
    /// the end.
    pub fn checkpoint(mut self, file: impl Into<PathBuf>) -> Checker {
        self.rc11.checkpoint = Some(file.into());
        self
    }

    /// How often that file is written while the exploration goes on, so that it can go on after it was
    /// killed; every 30 seconds by default.
    pub fn checkpoint_every(mut self, interval: Duration) -> Checker {
        self.rc11.checkpoint_every = interval;
        self
    }

    /// Estimates how many executions the model has under rc11, by Knuth's method: the mean over so many
    /// random descents. Large explorations need thousands.
    ///
    /// # Errors
    /// A failure that a descent met.
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
