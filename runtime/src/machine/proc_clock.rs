//! The clock of timers that goroutines make: they wait in the list of a P ([`Timers`](crate::core::timers::Timers)).

use super::here::here;
use super::{Here, Instance, clock};
use crate::core::timers::NEVER;
use selvedge::rt::sync::Arc;
use selvedge::rt::timer::{Clock, Timer};
use std::sync::Weak;
use std::time::Instant;

/// The clock of the timers that were made on a P. They stay in its list, whichever thread sets them.
pub(super) struct ProcClock {
    instance: Weak<Instance>,
    proc: usize,
}

impl ProcClock {
    pub(super) fn new(instance: Weak<Instance>, proc: usize) -> ProcClock {
        ProcClock { instance, proc }
    }
}

impl Clock for ProcClock {
    fn set(&self, timer: &Arc<Timer>, instant: Option<Instant>) -> bool {
        // In a run that has ended no timer is armed.
        let Some(instance) = self.instance.upgrade().filter(|instance| !instance.has_ended()) else { return false };
        // A goroutine that waits for the lock blocks its thread: an M may want the lock that runs none.
        let _in_runtime = here().map(Here::enter_runtime);
        let when = instant.map_or(NEVER, clock::when);
        let was_armed = instance.timers[self.proc].set(timer, when);
        if when != NEVER {
            instance.break_sleep(when);
        }
        was_armed
    }
}
