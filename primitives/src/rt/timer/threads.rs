//! The clock of plain threads: one thread waits for the instants of all timers, and starts a thread for each closure. It
//! begins with the first timer that is armed, and stays.

use super::{Armed, Clock, NEVER, Timer, since};
use crate::rt::park::{Parker, Unparker};
use crate::rt::sync::Arc;
use core::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::Builder;
use std::time::{Duration, Instant};

pub(super) struct Threads {
    state: Mutex<State>,
}

struct State {
    armed: Armed,
    /// Whether the thread has begun.
    is_running: bool,
    /// Wakes the thread, if it sleeps.
    sleeper: Option<Unparker>,
}

pub(super) static THREADS: Threads =
    Threads { state: Mutex::new(State { armed: Armed::new(), is_running: false, sleeper: None }) };

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How soon the clock tries again to start a closure, if the operating system could not make a thread.
const LITTLE: Duration = Duration::from_millis(1);

impl Threads {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let mut state = self.state();
        loop {
            if let Some(timer) = state.armed.take_due(since(*BASE, Instant::now())) {
                drop(state);
                self.start(timer);
                state = self.state();
                continue;
            }
            let earliest = state.armed.earliest();
            let until =
                if earliest == NEVER { None } else { BASE.checked_add(Duration::from_nanos(earliest)) };
            let parker = Parker::new();
            state.sleeper = Some(parker.unparker());
            drop(state);
            parker.park_deadline(until);
            state = self.state();
            state.sleeper = None;
        }
    }

    /// Starts the closure of a timer.
    fn start(&self, timer: Arc<Timer>) {
        let theirs = Arc::clone(&timer);
        let started = Builder::new().name("timer".to_string()).spawn(move || theirs.run());
        if started.is_err() {
            let mut state = self.state();
            // A timer that has been armed anew runs its closure then.
            if Timer::place(&timer).0 == NEVER {
                state.armed.set(&timer, since(*BASE, Instant::now() + LITTLE));
            }
        }
        // If this is the last share, the closure is dropped here, and its destructor may panic.
        drop(catch_unwind(AssertUnwindSafe(|| drop(timer))));
    }
}

impl Clock for Threads {
    fn set(&self, timer: &Arc<Timer>, instant: Option<Instant>) -> bool {
        // The base is an instant before that of any timer.
        let base = *BASE;
        let mut state = self.state();
        // The sleeper's time is not later.
        let earliest = state.armed.lower_bound();
        let was_armed = state.armed.set(timer, instant.map_or(NEVER, |instant| since(base, instant)));
        let must_begin = instant.is_some() && !mem::replace(&mut state.is_running, true);
        let sleeper = if state.armed.lower_bound() < earliest { state.sleeper.take() } else { None };
        drop(state);
        if let Some(sleeper) = sleeper {
            // Not model-checked: no engine runs this clock.
            sleeper.unpark();
        }
        if must_begin && let Err(error) = Builder::new().name("timers".to_string()).spawn(|| THREADS.run()) {
            self.state().is_running = false;
            let taken = self.state().armed.set(timer, NEVER);
            assert!(!taken, "the operating system cannot make the thread that waits for timers: {error}");
        }
        was_armed
    }
}
