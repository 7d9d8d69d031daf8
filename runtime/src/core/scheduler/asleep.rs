//! What is done once all goroutines are asleep, beside threads of the process that do not run goroutines and could wake one.
//!
//! O1. A thread that counts as parked does nothing before another thread wakes it. It is counted after it has said that it
//! sleeps, and counted out by the thread that wakes it, before that one ends the wait. So there are at least as many threads
//! that sleep, and that no thread has woken, as are counted. A thread that wakes one is an M that is awake, or is outside and not
//! parked. What a thread does once it is counted, is to wake an M of a suspect, which it counts as awake first: then no third thread
//! relies on an M that nobody counts.
//!
//! O2. The threads and the parked ones are counted for one moment, in which no thread parked or was woken; if there was a change between
//! the two, a thread outside is awake. Else a thread that was counted as parked could be woken by one that ends before the threads are
//! counted.

use super::{Env, Here, Instance, Lock};
use crate::core::mailbox::Assigned;
use crate::core::suspects::Suspects;
use crate::core::timers::Timers;
use core::fmt;
use selvedge::rt::sync::atomic::Ordering::{Acquire, SeqCst};
use selvedge::rt::sync::atomic::{AtomicU64, AtomicUsize, fence};
use selvedge::rt::twin::is_twin;
use std::sync::{Arc, Weak};

/// A change of the count of parked threads, which is in the lower half of the word.
const CHANGE: u64 = 1 << u32::BITS;

/// What may wake goroutines though no M does.
pub struct Outside<E: Env> {
    /// Threads outside the runtime that are parked, with no deadline, in the lower half: for a moment it may be too small, and
    /// negative. [`CHANGE`] counts the changes.
    parked: AtomicU64,
    /// Threads of the runtime that are no Ms.
    own: AtomicUsize,
    suspects: Suspects,
    /// The instances whose goroutines have all been found asleep while a thread outside could wake them. Such a thread may park
    /// later; then they look again. `suspects` counts them, so that most threads need no lock.
    list: E::Lock<Vec<Weak<Instance<E>>>>,
}

impl<E: Env> Outside<E> {
    /// Returns counts of nothing.
    #[allow(clippy::new_without_default, reason = "there is one, and it is no value")]
    pub fn new() -> Outside<E> {
        Outside {
            parked: AtomicU64::new(0),
            own: AtomicUsize::new(0),
            suspects: Suspects::new(),
            list: E::Lock::new(Vec::new()),
        }
    }

    /// Counts the current thread as one of the runtime's, for good.
    pub fn is_own(&self) {
        // SeqCst: an M that counts the outsiders sees it, or counts the thread. Not model-checked: the thread that waits for this
        // one's word goes on only afterwards.
        self.own.fetch_add(1, SeqCst);
    }

    /// Counts something that may wake a goroutine, from outside the process.
    pub fn expect(&self) {
        self.suspects.expect();
    }

    /// Counts it no longer.
    pub fn end_expectation(&self) {
        self.suspects.end();
        self.look_again();
    }

    /// Counts a thread as parked, or no longer.
    pub fn count(&self, parks: bool) {
        // SeqCst: `decide` counts after it has announced itself as a suspect, and `look_again` looks for suspects
        // after the count: one of the two sees the other, as S1 of `core::suspects` says of expectations. The second look at the
        // word in `outsiders` finds what a thread did that it no longer counts.
        if parks {
            self.parked.fetch_add(CHANGE + 1, SeqCst); // site: count-parked
            self.look_again();
        } else {
            // Not model-checked: an M that counts a thread out passes a fence before it sleeps, which orders the count too; what else
            // counts threads out, and parks itself, changes the same word.
            self.parked.fetch_add(CHANGE - 1, SeqCst); // site: count-unparked
        }
    }

    /// Returns how many of the process's threads might wake a goroutine: those that are no Ms of an instance with so many, and are
    /// not parked by a primitive without a deadline.
    fn outsiders(&self, env: &E, ms: usize) -> usize {
        // SeqCst: `count` says why.
        let before = self.parked.load(SeqCst); // site: look-at-parked
        let threads = env.threads();
        // SeqCst: after the threads were counted. Not model-checked: in the models it is the end of a thread that orders them.
        let after = self.parked.load(SeqCst); // site: look-at-parked-again
        // O2. The twin counts a thread as parked that another one has woken, and that one has gone.
        // site: find-a-change
        let changed = !is_twin() && before != after;
        let parked = usize::try_from(before as u32 as i32).unwrap_or(0);
        // SeqCst: `is_own` says why. Not model-checked: no model has threads of the runtime that are no Ms.
        let ours = parked + self.own.load(SeqCst) + ms;
        threads.saturating_sub(ours).max(usize::from(changed))
    }

    /// Lets the suspects look again, after a thread outside has counted itself as parked, or an expectation has ended.
    pub fn look_again(&self) {
        if !self.suspects.are_there() {
            return;
        }
        let suspects = core::mem::take(&mut *self.list.lock());
        self.suspects.take(suspects.len());
        for instance in suspects.iter().filter_map(Weak::upgrade) {
            instance.wake_one_to_look();
        }
    }

    /// Makes an instance a suspect, unless it is one.
    fn suspect(&self, instance: &Arc<Instance<E>>) {
        let mut suspects = self.list.lock();
        if !suspects.iter().any(|other| core::ptr::eq(other.as_ptr(), Arc::as_ptr(instance))) {
            suspects.push(Arc::downgrade(instance));
            self.suspects.add();
        }
    }
}

impl<E: Env> Instance<E> {
    /// Wakes an M that sleeps to look again, for a thread that counts as parked (O1), or for the monitor.
    pub(super) fn wake_one_to_look(&self) {
        let ms = self.ms();
        // An M that another thread wakes meanwhile looks again by itself, and so does one that is awake. If the count that is
        // taken back was the last one, then an M may have gone to sleep that took it for another M's.
        while let Some(m) = ms.iter().find(|m| m.mailbox.is_asleep()) {
            // The twin counts the M late.
            // site: count-first
            let counts_first = !is_twin();
            if counts_first {
                self.idle.wakes_one();
            }
            // SeqCst: as a release: the count happens before a thread goes on that finds the M awake, by the Acquire fence
            // below. Not model-checked: the model with three threads is searched with one preemption.
            fence(SeqCst); // site: fence-after-counting
            if let Some(token) = m.mailbox.assign(Assigned { p: None, searching: false }) {
                if !counts_first {
                    self.idle.wakes_one();
                }
                return token.unpark(); // site: wake-suspect
            }
            if !counts_first || !self.idle.leave() {
                return;
            }
        }
        // Acquire: an M that another thread wakes is counted as awake; pairs with the fence above. Not model-checked: the model with
        // three threads is searched with one preemption.
        fence(Acquire);
    }
}

impl<E: Env> Here<E> {
    /// Reports a deadlock if no goroutine will run again, for the M that brought the count of Ms awake to 0. A deadline that is not
    /// stale could wake a goroutine, and so could a signal, or a thread outside that is not parked; the count is asked last.
    pub(super) fn decide(&self) {
        let (instance, env) = (&self.m.instance, self.env());
        // Acquire: what the other Ms did before they were counted as asleep, such as to wake a parked thread, comes before the
        // threads are counted; pairs with the fence that each M passes before.
        fence(Acquire); // site: fence-before-counting
        let is_waited_for = |timers: &Timers| timers.is_waited_for(|entry| instance.is_live(entry));
        if !env.wants_reports() || instance.has_ended() {
            return;
        }
        // The twin reports a deadlock beside a deadline.
        // site: look-for-deadlines
        if !is_twin() && instance.timers.iter().any(is_waited_for) {
            return;
        }
        let outside = env.outside();
        let ms = instance.count_ms();
        if outside.outsiders(env, ms) > 0 || outside.suspects.is_expected() {
            outside.suspect(instance);
        }
        if outside.suspects.is_expected() {
            return;
        }
        let outsiders = outside.outsiders(env, ms);
        // The twin reports what it has found, whatever has happened since.
        // site: ask-the-count-last
        if !instance.idle.decide() && !is_twin() {
            return;
        }
        E::report(self, outsiders);
        _ = instance.idle.leave();
    }
}

impl<E: Env> fmt::Debug for Outside<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Outside").field("suspects", &self.suspects).finish_non_exhaustive()
    }
}
