//! The clock of one timer, in a run of a harness: each time that the timer is armed, a thread of the run waits for the
//! instant and then runs the closure.

use super::{Armed, Clock, Home, NEVER, Timer, since};
use crate::rt::sync::{Arc, Mutex};
use crate::rt::thread::{self, Thread};
use crate::rt::time::now;
use std::time::Instant;

pub(super) struct Alone {
    base: Instant,
    waits: Mutex<Waits>,
}

struct Waits {
    armed: Armed,
    /// The thread that waits, if it may have to be woken.
    thread: Option<Thread>,
}

impl Alone {
    pub(super) fn new() -> Alone {
        Alone { base: now(), waits: Mutex::new(Waits { armed: Armed::new(), thread: None }) }
    }

    /// Waits until the timer is due, or armed anew. The thread takes the timer if it is due.
    fn wait(&self, instant: Instant) -> Option<Arc<Timer>> {
        loop {
            let left = instant.saturating_duration_since(now());
            // An engine's time passes at no cost, so there a thread sleeps to the end, also if its timer has been stopped.
            match thread::under_engine() {
                _ if left.is_zero() => (),
                true => thread::sleep(left),
                false => thread::park_timeout(left),
            }
            let mut waits = self.waits.lock();
            let due = waits.armed.take_due(since(self.base, now()));
            if due.is_some() || instant <= now() || waits.armed.earliest() != since(self.base, instant) {
                return due;
            }
        }
    }
}

impl Clock for Alone {
    fn set(&self, timer: &Arc<Timer>, instant: Option<Instant>) -> bool {
        let mut waits = self.waits.lock();
        let when = instant.map_or(NEVER, |instant| since(self.base, instant));
        let was_armed = waits.armed.set(timer, when);
        let before = waits.thread.take();
        if let Some(instant) = instant {
            let theirs = Arc::clone(timer);
            let started = thread::spawn(move || {
                let Home::Alone(clock) = &theirs.clock else { return };
                if let Some(due) = clock.wait(instant) {
                    due.run();
                }
            });
            if !thread::under_engine() {
                waits.thread = Some(started.thread().clone());
            }
        }
        drop(waits);
        if let Some(thread) = before {
            // Not model-checked: under an engine the thread sleeps to the end of its time.
            thread.unpark();
        }
        was_armed
    }
}
