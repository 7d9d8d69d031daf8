//! The monitor: a thread of the process that looks for goroutines which keep their P.
//!
//! It looks every 10 ms while an M runs, and sleeps while none does. A P whose M has been in user code, in one slice, from one
//! look to the next is taken away if there is work for it: its goroutine is *demoted*, and its thread goes on beside the Ms
//! that have a P, as a thread of the system. So no goroutine is interrupted, and the others run on. A goroutine
//! whose thread blocks in a call without `blocking` is demoted too.
//!
//! Goroutines that have begun on the same thread wait for it in any case: the monitor reports them.

use super::{Instance, bell, clock, outsiders, quit};
use crate::core::chain::Task;
use crate::core::proc_state::Slice;
use crate::core::timers::When;
use crate::machine::m::{Turn, waiting};
use crate::report;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::fence;
use std::sync::{Arc, Barrier, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// Between two looks, unless the bell rings.
const LOOK: Duration = Duration::from_millis(10);

/// How long a slice may last beside work, in nanoseconds, as the looks see it.
const SLICE: When = 10_000_000;

/// How long a goroutine keeps others of its thread waiting before it is reported.
const PATIENCE: When = 100_000_000;

static MONITOR: Monitor = Monitor { watched: Mutex::new(None), sleeps: AtomicBool::new(false) };

struct Monitor {
    /// The instances that it looks at; `None`: it has not been started.
    watched: Mutex<Option<Vec<Watched>>>,
    /// Whether it sleeps until an M wakes.
    sleeps: AtomicBool,
}

struct Watched {
    instance: Weak<Instance>,
    /// Of each P, the slice in which its M was at the last looks, if it was in user code, and since when.
    slices: Vec<(Option<Slice>, When)>,
    /// Of each M, its turn at the last looks, since when, and whether it was reported.
    turns: Vec<(Turn, When, bool)>,
}

/// A goroutine that has kept others of its thread waiting, so many, for this long.
struct Hog {
    instance: Arc<Instance>,
    task: Task,
    time: When,
    waiting: u32,
}

/// Looks at an instance from now on.
pub(super) fn watch(instance: &Arc<Instance>) {
    let mut watched = MONITOR.watched();
    if watched.is_none() {
        // Without a monitor nothing is demoted, and everything else works.
        if !bell::hang() {
            return;
        }
        let (ours, begun) = (Arc::new(Barrier::new(2)), std::thread::Builder::new());
        let its = Arc::clone(&ours);
        let thread = move || {
            outsiders::is_own();
            its.wait();
            run();
        };
        if begun.name("goroutines' monitor".to_string()).spawn(thread).is_err() {
            return;
        }
        // Before it is one of the runtime's threads, it would be taken for one outside.
        ours.wait();
        quit::install();
    }
    let slices = vec![(None, 0); instance.states.len()];
    let instance = Arc::downgrade(instance);
    watched.get_or_insert_default().push(Watched { instance, slices, turns: Vec::new() });
    drop(watched);
    bell::ring();
}

/// Wakes the monitor if it sleeps; for an M that has woken and is counted as awake.
pub(super) fn wake() {
    // SeqCst: the M was counted before, and the monitor is looked at after; pairs with the fence in `run`. Either the
    // monitor sees that an M is awake, or this thread sees that the monitor sleeps.
    fence(SeqCst);
    // Relaxed: the fences order the load.
    if MONITOR.sleeps.load(Relaxed) {
        bell::ring();
    }
}

impl Monitor {
    fn watched(&self) -> MutexGuard<'_, Option<Vec<Watched>>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets the instances that have ended, and returns whether an M of one of the others is awake.
    fn is_busy(&self) -> bool {
        let mut guard = self.watched();
        let watched = guard.get_or_insert_default();
        watched.retain(|one| one.instance.upgrade().is_some_and(|instance| !instance.has_ended()));
        watched.iter().any(|one| one.instance.upgrade().is_some_and(|instance| instance.idle.is_awake()))
    }
}

fn run() {
    loop {
        MONITOR.sleeps.store(true, Relaxed);
        // SeqCst: the sleep is announced before, and the Ms are looked at after; pairs with the fence in `wake`.
        fence(SeqCst);
        let is_busy = MONITOR.is_busy();
        MONITOR.sleeps.store(!is_busy, Relaxed); // Relaxed: while it is set an M rings the bell in vain at worst.
        bell::wait(is_busy.then_some(LOOK));
        quit::look();
        let mut hogs = Vec::new();
        for one in MONITOR.watched().iter_mut().flatten() {
            if let Some(instance) = one.instance.upgrade() {
                hogs.extend(one.look(&instance));
            }
        }
        // Without the lock: what is told is code of the program, which may wait for a run on another thread.
        for Hog { instance, task, time, waiting } in hogs {
            report::hog::report(&instance, task, time, waiting);
        }
    }
}

impl Watched {
    /// Looks at an instance, and returns the goroutines to be reported.
    fn look(&mut self, instance: &Arc<Instance>) -> Vec<Hog> {
        let now = clock::now();
        for (proc, (before, since)) in self.slices.iter_mut().enumerate() {
            let slice = instance.states[proc].in_user_code();
            if slice != *before {
                (*before, *since) = (slice, now);
            } else if let Some(slice) = slice
                && now - *since >= SLICE
            {
                instance.demote(proc, slice);
            }
        }
        if instance.has_due_timers() {
            // No M may sleep until the deadline, since the one that did runs a goroutine.
            instance.submit();
        }
        self.hogs(instance)
    }

    /// Returns the goroutines that keep others of their thread waiting, each once.
    fn hogs(&mut self, instance: &Arc<Instance>) -> Vec<Hog> {
        let (now, ms, mut hogs) = (clock::now(), instance.ms(), Vec::new());
        self.turns.truncate(ms.len());
        for (number, m) in ms.iter().enumerate() {
            let turn = m.own.turn();
            match self.turns.get_mut(number) {
                Some((before, since, is_reported)) if *before == turn => {
                    let waiting = waiting(m);
                    if turn.task != 0 && waiting > 0 && now - *since >= PATIENCE && !*is_reported {
                        *is_reported = true;
                        let instance = Arc::clone(instance);
                        hogs.push(Hog { instance, task: turn.task, time: now - *since, waiting });
                    }
                }
                Some(known) => *known = (turn, now, false),
                None => self.turns.push((turn, now, false)),
            }
        }
        hogs
    }
}
