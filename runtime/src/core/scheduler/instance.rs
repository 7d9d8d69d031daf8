//! One run of the scheduler: its Ps, its Ms, its queues.

use super::procs::Procs;
use super::{Env, Lock, M};
use crate::core::bound::{Bound, GivenAway, WantsP, give_away, submit_bound};
use crate::core::chain::Task;
use crate::core::ending::Ending;
use crate::core::idle::{Idle, Taken};
use crate::core::injector::Injector;
use crate::core::mailbox::Assigned;
use crate::core::proc_state::{ProcState, Slice};
use crate::core::ready;
use crate::core::run_queue::RunQueue;
use crate::core::timers::{Entry, NEVER, PollerSleep, Timers, When};
use core::fmt;
use selvedge::rt::park::Unparker;
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::twin::is_twin;
use std::sync::{Arc, Weak};

/// The number of the M that left a P, which is woken first for it; or [`NOBODY`].
pub type Hint = u32;

/// No M.
pub const NOBODY: Hint = Hint::MAX;

/// A run of the scheduler.
pub struct Instance<E: Env> {
    /// What it is built on.
    pub env: E,
    /// The run queue of each P.
    pub queues: Box<[RunQueue]>,
    /// Of each P, whether its M runs user code.
    pub states: Box<[ProcState]>,
    /// The deadlines of each P.
    pub timers: Box<[Timers]>,
    pub(super) poller: PollerSleep,
    /// The idle Ps, and how many Ms are awake.
    pub idle: Idle<Hint>,
    pub(super) injector: Injector,
    pub(super) wants_p: WantsP,
    /// The Ms; `None`: the run has ended, and they were told.
    ms: E::Lock<Option<Vec<Arc<M<E>>>>>,
    pub(super) procs: E::Lock<Procs>,
    /// How many Ps the program wants.
    pub active: AtomicUsize,
    /// Whether the main goroutine has ended.
    pub ending: Ending,
}

impl<E: Env> Instance<E> {
    /// Returns an instance with `most` Ps, which all are in use, and no M yet. The first M has P 0.
    pub fn new(most: usize, env: impl FnOnce(&Weak<Instance<E>>) -> E) -> Arc<Instance<E>> {
        Arc::new_cyclic(|me| Instance {
            env: env(me),
            queues: (0..most).map(|_| RunQueue::new()).collect(),
            states: (0..most).map(|_| ProcState::new()).collect(),
            timers: (0..most).map(|_| Timers::new()).collect(),
            poller: PollerSleep::new(),
            idle: Idle::new(most, |_| NOBODY),
            injector: Injector::new(),
            wants_p: WantsP::new(),
            ms: E::Lock::new(Some(Vec::new())),
            procs: E::Lock::new(Procs::default()),
            active: AtomicUsize::new(most),
            ending: Ending::new(),
        })
    }

    /// Returns whether the main goroutine has ended.
    pub fn has_ended(&self) -> bool {
        self.ending.has_come()
    }

    /// Returns whether there is anything for an M without a goroutine to do.
    pub fn has_work(&self) -> bool {
        self.has_ended()
            || !self.injector.is_empty()
            || !self.wants_p.is_empty()
            || self.queues.iter().any(|queue| !queue.is_empty())
            || self.has_due_timers()
    }

    /// Returns whether a deadline has passed.
    pub fn has_due_timers(&self) -> bool {
        let first = self.timers.iter().map(Timers::earliest).min().unwrap_or(NEVER);
        first != NEVER && first <= self.env.now()
    }

    /// Returns whether a deadline is that of a wait that is not over, as far as this thread can tell.
    pub(super) fn is_live(&self, entry: &Entry) -> bool {
        ready::is_in_wait(self.env.word(entry.task), entry.wait)
    }

    /// Wakes the poller, if it sleeps beyond a deadline that was just added.
    pub fn break_sleep(&self, when: When) {
        if let Some(poller) = self.poller.too_long(when).and_then(|number| self.m(number)) {
            poller.poke();
        }
    }

    /// Adds an M, and returns it.
    pub fn add_m(self: &Arc<Self>, own: E::OfM) -> Arc<M<E>> {
        let mut ms = self.ms.lock();
        let number = ms.as_ref().map_or(0, Vec::len) as u32;
        let m = Arc::new(M::new(Arc::clone(self), number, own));
        // A goroutine that runs beyond the end may start an M, which ends at once. Nothing takes it off the list any more, so the
        // list does not get it: the two would keep each other. The twin keeps it.
        // site: keep-no-m-after-the-end
        if is_twin() {
            ms.get_or_insert_default();
        }
        if let Some(ms) = &mut *ms {
            ms.push(Arc::clone(&m));
        }
        m
    }

    /// Returns the M of this number, unless the instance has ended.
    pub fn m(&self, number: u32) -> Option<Arc<M<E>>> {
        self.ms.lock().as_ref()?.get(number as usize).cloned()
    }

    /// Returns all Ms, unless the instance has ended.
    pub fn ms(&self) -> Vec<Arc<M<E>>> {
        self.ms.lock().clone().unwrap_or_default()
    }

    /// Returns how many Ms there are.
    pub(super) fn count_ms(&self) -> usize {
        self.ms.lock().as_ref().map_or(0, Vec::len)
    }

    /// Gives the M of this number a P, if it sleeps; returns its token.
    fn assign(&self, number: u32, assigned: Assigned) -> Option<Unparker> {
        self.m(number)?.mailbox.assign(assigned)
    }

    /// Gives the P to an M that wants one; returns whether there was one. The caller's search has ended.
    pub(super) fn serve_wanting(&self, proc: usize) -> bool {
        let token = self.wants_p.serve(&self.idle, proc, |number, assigned| self.assign(number, assigned));
        token.map(Unparker::unpark).is_some()
    }

    /// Gives a P away that the caller does not need, whose search has ended.
    pub fn give_away(self: &Arc<Self>, proc: usize) {
        if self.retire(proc) {
            return;
        }
        let assign = |number, assigned| self.assign(number, assigned);
        match give_away(&self.idle, &self.wants_p, proc, NOBODY, assign, || self.has_work()) {
            GivenAway::Idle => (),
            GivenAway::Wake(token) => token.unpark(), // site: wake-for-given-p
            GivenAway::Start(taken) => self.start(taken, true),
        }
    }

    /// Takes a P from an M that runs user code, in this slice, if there is work for the P; for the monitor, which counts as no thread
    /// outside.
    pub fn demote(self: &Arc<Self>, proc: usize, slice: Slice) {
        if !self.has_work() {
            return;
        }
        // The caller counts as an M that is awake until the M is counted that gets the P: if the goroutine parks meanwhile, its M
        // finds no deadlock. The twin does not.
        // site: count-the-monitor
        let counts = !is_twin();
        if counts {
            self.idle.wakes_one();
        }
        if self.states[proc].take(slice) {
            self.give_away(proc);
        }
        if counts && self.idle.leave() {
            self.wake_one_to_look();
        }
    }

    /// Sees to it that an M into whose inbox the caller has put a goroutine, or that says that it sleeps and wants a P, gets
    /// one.
    pub(super) fn look_after(self: &Arc<Self>, m: &M<E>) {
        match submit_bound(&self.idle, &m.mailbox, &self.wants_p, m.number) {
            Bound::Done => (),
            // The M that left the P sleeps on.
            Bound::Wake { token, .. } => token.unpark(), // site: wake-bound
            Bound::Rest(taken) => self.give_away(taken.p),
        }
    }

    /// Wakes an M for a P, or starts one. The caller has counted it.
    pub(super) fn start(self: &Arc<Self>, taken: Taken<Hint>, searching: bool) {
        let Taken { p, token: hint } = taken;
        let assigned = Assigned { p: Some(p), searching };
        if let Some(token) = self.assign(hint, assigned) {
            return token.unpark(); // site: wake-hinted
        }
        // The twin relies on the M that left the P, which may have been woken for another one.
        // site: find-another-m
        if is_twin() {
            return;
        }
        let all = self.ms();
        if let Some(token) = all.iter().find_map(|m| m.mailbox.assign(assigned)) {
            return token.unpark(); // site: wake-any
        }
        E::start(self, p, searching);
    }

    /// Ends the instance, whose main goroutine has ended: the thread that has the first M goes on.
    pub fn end(&self) {
        self.ending.end();
        if let Some(first) = self.m(0) {
            first.poke();
        }
    }

    /// Wakes every M that sleeps, for a caller that has seen that the instance has ended: so the fence in `Ending::end` happens
    /// before the looks at the Ms, as E1 of `core::ending` asks.
    pub fn stop(&self) {
        let all = self.ms.lock().take();
        all.iter().flatten().for_each(|m| _ = m.poke());
    }

    /// Wakes an M for work that the caller has published, if that helps.
    pub fn submit(self: &Arc<Self>) {
        self.env.pause_perhaps();
        if let Some(taken) = self.idle.submit() {
            self.start(taken, true);
        }
    }

    /// Puts a goroutine that any M may run into the global queue.
    pub(super) fn inject(self: &Arc<Self>, task: Task) {
        self.injector.push_one(&self.env, task);
        self.submit();
    }
}

impl<E: Env> fmt::Debug for Instance<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instance").field("idle", &self.idle).finish_non_exhaustive()
    }
}
