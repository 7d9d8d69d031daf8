//! How many Ps are in use.

use super::{Env, Instance, Lock};
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::twin::is_twin;
use std::sync::Arc;

/// The Ps that are not in use.
#[derive(Debug, Default)]
pub(super) struct Procs {
    /// Ps that are not in use, beyond the number that the program wants.
    retired: Vec<usize>,
    /// How many Ps are still to be retired.
    surplus: usize,
}

impl<E: Env> Instance<E> {
    /// Returns whether there are more Ps than the program wants.
    pub(super) fn has_surplus(&self) -> bool {
        self.procs.lock().surplus > 0
    }

    /// Keeps a P out of use, if there are more than the program wants; returns whether it does.
    pub(super) fn retire(self: &Arc<Self>, proc: usize) -> bool {
        let mut procs = self.procs.lock();
        if procs.surplus == 0 {
            return false;
        }
        procs.surplus -= 1;
        procs.retired.push(proc);
        drop(procs);
        while let Some(task) = self.queues[proc].take_next().or_else(|| self.queues[proc].take()) {
            // The twin drops the goroutine.
            // site: leave-no-goroutine
            if !is_twin() {
                self.inject(task);
            }
        }
        true
    }

    /// Sets how many Ps there are, and returns how many there were; 0 changes nothing.
    pub fn set_procs(self: &Arc<Self>, number: usize) -> usize {
        let mut procs = self.procs.lock();
        let before = self.queues.len() - procs.retired.len() - procs.surplus;
        if number == 0 {
            return before;
        }
        let number = number.min(self.queues.len());
        self.active.store(number, Relaxed); // Relaxed: a hint.
        if number < before {
            procs.surplus += before - number;
        }
        let mut back = Vec::new();
        for _ in before..number {
            match procs.surplus {
                0 => back.extend(procs.retired.pop()),
                _ => procs.surplus -= 1,
            }
        }
        drop(procs);
        for proc in back {
            self.give_away(proc);
        }
        // Ps that no M has are retired at once.
        while self.has_surplus()
            && let Some(taken) = self.idle.take_idle()
        {
            if !self.retire(taken.p) {
                self.give_away(taken.p);
            }
        }
        before
    }
}
