//! Timers: closures that run at an instant.
//!
//! A timer is *armed*, or not. Each timer belongs to one [`Clock`], which waits for the instants of the timers that are
//! armed and starts their closures. There are these clocks:
//! - a runtime's, for timers that are made on its goroutines ([`Runtime::clock`](super::task::Runtime::clock));
//! - one for all plain threads (`threads.rs`);
//! - a bubble's, for timers that are made in it (`bubble.rs`);
//! - in a run of a harness, one for each timer (`alone.rs`).
//!
//! A clock keeps its armed timers in [`Armed`], under a lock. The lock decides: a stop comes in time if it finds the timer
//! there, and a closure starts if [`Armed::take_due`] has taken its timer out. So for each time that a timer was armed one
//! of three happens: the closure starts, or a stop reports that it came in time, or a reset does.

mod alone;
mod threads;

use super::sync::{Arc, unsize};
use super::twin::is_twin;
use super::{bubble, task};
use alone::Alone;
use core::panic::Location;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;
use std::collections::BTreeMap;
use std::time::Instant;

/// The time of a clock: nanoseconds since an instant that the clock chooses.
pub type When = u64;

/// The time of a timer that is not armed.
pub const NEVER: When = When::MAX;

/// Returns the time at an instant, for a clock that begins at `base`; it is less than [`NEVER`].
pub fn since(base: Instant, instant: Instant) -> When {
    let passed = instant.saturating_duration_since(base).as_nanos();
    When::try_from(passed).map_or(NEVER - 1, |passed| passed.min(NEVER - 1))
}

/// What waits for the instants of timers, and starts their closures.
pub trait Clock: Send + Sync + 'static {
    /// Arms the timer, which is one of this clock's, for an instant; or not at all. Returns whether it was armed.
    fn set(&self, timer: &Arc<Timer>, instant: Option<Instant>) -> bool;
}

/// A closure that runs at an instant, and can be stopped and set anew.
pub struct Timer {
    f: Box<dyn Fn() + Send + Sync>,
    /// The line that made the timer.
    site: &'static Location<'static>,
    clock: Home,
    /// When the closure is due, or [`NEVER`]; written and read under the lock of the clock, so no engine need see it.
    due: AtomicU64,
    /// The time of its place among the armed timers, which is not later; written and read as `due` is.
    placed: AtomicU64,
}

/// The clock that a timer belongs to.
enum Home {
    Shared(Arc<dyn Clock>),
    /// That of plain threads.
    Threads,
    /// The timer's own.
    Alone(Box<Alone>),
}

impl Timer {
    /// Returns a timer that is not armed. It belongs to the clock of the goroutine or thread that runs here.
    #[track_caller]
    pub fn new(f: Box<dyn Fn() + Send + Sync>) -> Arc<Timer> {
        let clock = if let Some(clock) = bubble::clock() {
            Home::Shared(clock)
        } else if task::is_in_a_run() {
            Home::Alone(Box::new(Alone::new()))
        } else if let Some(clock) = task::clock() {
            Home::Shared(clock)
        } else {
            Home::Threads
        };
        Arc::new(Timer {
            f,
            site: Location::caller(),
            clock,
            due: AtomicU64::new(NEVER),
            placed: AtomicU64::new(NEVER),
        })
    }

    /// Arms the timer for an instant, or not at all, and returns whether it was armed.
    pub fn set(this: &Arc<Timer>, instant: Option<Instant>) -> bool {
        match &this.clock {
            Home::Shared(clock) => clock.set(this, instant),
            Home::Threads => threads::THREADS.set(this, instant),
            Home::Alone(clock) => clock.set(this, instant),
        }
    }

    /// Runs the closure. For a clock, on a goroutine or thread that it starts for this.
    pub fn run(&self) {
        (self.f)();
    }

    /// Returns the line that made the timer.
    pub fn site(&self) -> &'static Location<'static> {
        self.site
    }

    fn place(this: &Arc<Timer>) -> Place {
        // Relaxed: the caller has the lock of the clock.
        (this.placed.load(Relaxed), Arc::as_ptr(this).addr())
    }

    fn due(&self) -> When {
        self.due.load(Relaxed) // Relaxed: the caller has the lock of the clock.
    }

    /// Notes when the closure is due, and the time of the place that it is about to take.
    fn note_due(&self, when: When) {
        self.due.store(when, Relaxed); // Relaxed: the caller has the lock of the clock.
        self.placed.store(when, Relaxed); // Relaxed: as `due`.
    }
}

/// The time of a place, and the address of its timer: the places of two timers differ.
type Place = (When, usize);

/// The armed timers of a clock, to be kept under a lock. It owns them.
///
/// A timer that is set to a later time keeps its place, and takes the later one when the earlier comes up: so a timer that is set anew again
/// and again, and never runs, costs little more than a look at the clock.
#[derive(Default)]
pub struct Armed(BTreeMap<Place, Arc<Timer>>);

impl Armed {
    /// Returns an empty list.
    pub const fn new() -> Armed {
        Armed(BTreeMap::new())
    }

    /// Arms a timer for a time, or not at all ([`NEVER`]), and returns whether it was armed; in a time that grows with the
    /// logarithm of their number, or in constant time if it is set to a later time.
    pub fn set(&mut self, timer: &Arc<Timer>, when: When) -> bool {
        let kept = is_twin(); // site: take-out
        let lies = is_twin(); // site: say-armed
        let place = Timer::place(timer);
        let is_armed = place.0 != NEVER;
        if is_armed && kept {
            return true;
        }
        if is_armed && place.0 <= when && when != NEVER {
            timer.due.store(when, Relaxed); // Relaxed: the caller has the lock of the clock.
            return true;
        }
        // The caller has another share of the timer, so no closure is dropped here, under the lock.
        let taken = if is_armed { self.0.remove(&place) } else { None };
        timer.note_due(when);
        if when != NEVER {
            self.0.insert(Timer::place(timer), taken.unwrap_or_else(|| Arc::clone(timer)));
        }
        is_armed || kept || lies
    }

    /// Gives the timer in the earliest place, and those after it, the places of their times, until one has that.
    fn settle(&mut self) {
        while let Some(first) = self.0.first_entry() {
            let due = first.get().due();
            // site: await-due
            if first.key().0 == due || is_twin() {
                return;
            }
            let timer = first.remove();
            timer.note_due(due);
            self.0.insert(Timer::place(&timer), timer);
        }
    }

    /// Takes out a timer that is due, the earliest first. The caller starts its closure, or drops the timer, without the lock.
    #[must_use = "the closure does not run"]
    pub fn take_due(&mut self, now: When) -> Option<Arc<Timer>> {
        if self.lower_bound() > now {
            return None;
        }
        self.settle();
        let first = self.0.first_entry().filter(|first| first.key().0 <= now)?;
        // site: disarm
        if is_twin() {
            return Some(Arc::clone(first.get()));
        }
        let timer = first.remove();
        timer.note_due(NEVER);
        Some(timer)
    }

    /// Returns when the earliest timer is due, or [`NEVER`].
    pub fn earliest(&mut self) -> When {
        self.settle();
        self.lower_bound()
    }

    /// Returns a time before which no timer is due, or [`NEVER`] if there is none. When it has come, [`take_due`](Self::take_due)
    /// lets it grow.
    pub fn lower_bound(&self) -> When {
        self.0.first_key_value().map_or(NEVER, |(place, _)| place.0)
    }

    /// Takes all timers out, which the caller drops without the lock.
    #[must_use = "closures are dropped with the timers, which may not happen under the lock"]
    pub fn take_all(&mut self) -> impl Iterator<Item = Arc<Timer>> + use<> {
        let all = core::mem::take(&mut self.0);
        all.into_values().inspect(|timer| timer.note_due(NEVER))
    }

    /// Returns how many timers are armed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns whether none is armed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Returns a clock as timers keep it.
pub fn shared(clock: impl Clock) -> Arc<dyn Clock> {
    unsize!(Arc::new(clock) => dyn Clock)
}
