//! One run of the scheduler: its Ps, its Ms, its queues.

use super::proc_clock::ProcClock;
use super::{M, clock, fuzz};
use crate::report::say;
use crate::settings::{Leftover, Settings};
use crate::core::bound::{Bound, GivenAway, WantsP, give_away, submit_bound};
use crate::core::ending::Ending;
use crate::core::idle::{Idle, Taken};
use crate::core::injector::Injector;
use crate::core::mailbox::Assigned;
use crate::core::proc_state::ProcState;
use crate::core::run_queue::RunQueue;
use crate::core::timers::{NEVER, PollerSleep, Timers, When};
use crate::goroutine::TABLE;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, fence};
use selvedge::rt;
use selvedge::rt::park::Unparker;
use selvedge::rt::timer::{self, Clock};
use selvedge::sync::WaitGroup;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of the M that left a P, which is woken first for it; or [`NOBODY`].
pub(crate) type Hint = u32;

pub(crate) const NOBODY: Hint = Hint::MAX;

pub(crate) struct Instance {
    pub(crate) settings: Settings,
    /// The run queue of each P.
    pub(crate) queues: Box<[RunQueue]>,
    /// Of each P, whether its M runs user code.
    pub(crate) states: Box<[ProcState]>,
    /// The deadlines of each P.
    pub(crate) timers: Box<[Timers]>,
    /// What arms the timers of each P.
    pub(crate) clocks: Box<[rt::sync::Arc<dyn Clock>]>,
    pub(crate) poller: PollerSleep,
    pub(crate) idle: Idle<Hint>,
    pub(crate) injector: Injector,
    pub(crate) wants_p: WantsP,
    ms: Mutex<Ms>,
    /// How many Ps the program wants.
    pub(crate) active: AtomicUsize,
    /// Goroutines that have not ended.
    pub(crate) live: AtomicUsize,
    /// The goroutines but for the main one, if the run waits for them.
    pub(crate) others: WaitGroup,
    /// The main goroutine, once there is one.
    pub(crate) main: AtomicU32,
    /// Whether the main goroutine has ended.
    pub(crate) ending: Ending,
    /// Whether the main goroutine has ended by `goexit`.
    pub(crate) main_has_exited: AtomicBool,
    /// Whether the program has been told that its goroutines sleep.
    pub(crate) has_warned: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Ms {
    pub(crate) all: Vec<Arc<M>>,
    /// Ps that are not in use, beyond the number that the program wants.
    pub(crate) retired: Vec<usize>,
    /// How many Ps are still to be retired.
    pub(crate) surplus: usize,
}

impl Instance {
    pub(crate) fn new(settings: Settings, most: usize) -> Arc<Instance> {
        Arc::new_cyclic(|me| Instance {
            queues: (0..most).map(|_| RunQueue::new()).collect(),
            states: (0..most).map(|_| ProcState::new()).collect(),
            timers: (0..most).map(|_| Timers::new()).collect(),
            clocks: (0..most).map(|proc| timer::shared(ProcClock::new(me.clone(), proc))).collect(),
            poller: PollerSleep::new(),
            idle: Idle::new(most, |_| NOBODY),
            injector: Injector::new(),
            wants_p: WantsP::new(),
            ms: Mutex::default(),
            active: AtomicUsize::new(most),
            live: AtomicUsize::new(0),
            others: WaitGroup::new(),
            main: AtomicU32::new(0),
            ending: Ending::new(),
            main_has_exited: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
            settings,
        })
    }

    pub(crate) fn ms(&self) -> MutexGuard<'_, Ms> {
        self.ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ending.has_come()
    }

    /// Counts a goroutine that begins or ends, if the run waits for all.
    pub(crate) fn count_other(&self, task: u32, begins: bool) {
        // Relaxed: the main goroutine is the first one, and its number does not change.
        if self.settings.leftover == Leftover::Wait && self.main.load(Relaxed) != task {
            if begins { self.others.add(1) } else { self.others.done() }
        }
    }

    /// Returns whether there is anything for an M without a goroutine to do.
    pub(crate) fn has_work(&self) -> bool {
        self.has_ended()
            || !self.injector.is_empty()
            || !self.wants_p.is_empty()
            || self.queues.iter().any(|queue| !queue.is_empty())
            || self.has_due_timers()
    }

    /// Returns whether a deadline has passed.
    pub(crate) fn has_due_timers(&self) -> bool {
        let first = self.timers.iter().map(Timers::earliest).min().unwrap_or(NEVER);
        first != NEVER && first <= clock::now()
    }

    /// Wakes the poller, if it sleeps beyond a deadline that was just added.
    pub(super) fn break_sleep(&self, when: When) {
        if let Some(poller) = self.poller.too_long(when).and_then(|number| self.m(number)) {
            poller.poke();
        }
    }

    /// Adds an M, and returns it.
    pub(crate) fn add_m(self: &Arc<Self>) -> Arc<M> {
        let mut ms = self.ms();
        let m = Arc::new(M::new(Arc::clone(self), ms.all.len() as u32));
        ms.all.push(Arc::clone(&m));
        m
    }

    /// Returns the M of this number, unless the instance has ended.
    pub(crate) fn m(&self, number: u32) -> Option<Arc<M>> {
        self.ms().all.get(number as usize).cloned()
    }

    /// Gives the M of this number a P, if it sleeps; returns its token.
    fn assign(&self, number: u32, assigned: Assigned) -> Option<Unparker> {
        self.m(number)?.mailbox.assign(assigned)
    }

    /// Gives the P to an M that wants one; returns whether there was one. The caller's search has ended.
    pub(crate) fn serve_wanting(&self, proc: usize) -> bool {
        let token = self.wants_p.serve(&self.idle, proc, |number, assigned| self.assign(number, assigned));
        token.map(Unparker::unpark).is_some()
    }

    /// Gives a P away that the caller does not need, whose search has ended.
    pub(crate) fn give_away(self: &Arc<Self>, proc: usize) {
        if self.retire(proc) {
            return;
        }
        let assign = |number, assigned| self.assign(number, assigned);
        match give_away(&self.idle, &self.wants_p, proc, NOBODY, assign, || self.has_work()) {
            GivenAway::Idle => (),
            GivenAway::Wake(token) => token.unpark(),
            GivenAway::Start(taken) => self.start(taken, true),
        }
    }

    /// Sees to it that an M into whose inbox the caller has put a goroutine, or that says that it sleeps and wants a P, gets
    /// one.
    pub(crate) fn look_after(self: &Arc<Self>, m: &M) {
        match submit_bound(&self.idle, &m.mailbox, &self.wants_p, m.number) {
            Bound::Done => (),
            // The M that left the P sleeps on.
            Bound::Wake { token, .. } => token.unpark(),
            Bound::Rest(taken) => self.give_away(taken.p),
        }
    }

    /// Wakes an M for a P, or starts one. The caller has counted it.
    pub(crate) fn start(self: &Arc<Self>, taken: Taken<Hint>, searching: bool) {
        let Taken { p, token: hint } = taken;
        let assigned = Assigned { p: Some(p), searching };
        if let Some(token) = self.assign(hint, assigned) {
            return token.unpark();
        }
        let all = self.ms().all.clone();
        if let Some(token) = all.iter().find_map(|m| m.mailbox.assign(assigned)) {
            return token.unpark();
        }
        let m = self.add_m();
        let thread = std::thread::Builder::new().name("goroutines".to_string());
        let begun = thread.spawn(move || super::run_loop::thread(m, p, searching));
        if let Err(error) = begun {
            say(format_args!("fatal error: the system starts no further thread for goroutines: {error}\n"));
            std::process::exit(2);
        }
    }

    /// Wakes every M that sleeps, once the instance has ended.
    pub(crate) fn stop(&self) {
        let all = core::mem::take(&mut self.ms().all);
        // SeqCst: the end was published before, and the Ms are looked at after; pairs with the fences that an M passes before
        // its last look. Either the M sees the end, or this thread sees that the M sleeps.
        fence(SeqCst);
        all.iter().for_each(|m| _ = m.poke());
    }

    /// Wakes an M for work that the caller has published, if that helps.
    pub(crate) fn submit(self: &Arc<Self>) {
        fuzz::pause(&self.settings);
        if let Some(taken) = self.idle.submit() {
            self.start(taken, true);
        }
    }

    /// Puts a goroutine that has not begun into the global queue.
    pub(crate) fn inject(self: &Arc<Self>, task: u32) {
        self.injector.push_one(&TABLE, task);
        self.submit();
    }

    /// Returns whether there are more Ps than the program wants.
    pub(crate) fn has_surplus(&self) -> bool {
        self.ms().surplus > 0
    }

    /// Keeps a P out of use, if there are more than the program wants; returns whether it does.
    pub(crate) fn retire(self: &Arc<Self>, proc: usize) -> bool {
        let mut ms = self.ms();
        if ms.surplus == 0 {
            return false;
        }
        ms.surplus -= 1;
        ms.retired.push(proc);
        drop(ms);
        while let Some(task) = self.queues[proc].take_next().or_else(|| self.queues[proc].take()) {
            self.inject(task);
        }
        true
    }

    /// Sets how many Ps there are, and returns how many there were; 0 changes nothing.
    pub(crate) fn set_procs(self: &Arc<Self>, procs: usize) -> usize {
        let mut ms = self.ms();
        let before = self.queues.len() - ms.retired.len() - ms.surplus;
        if procs == 0 {
            return before;
        }
        let procs = procs.min(self.queues.len());
        self.active.store(procs, Relaxed); // Relaxed: a hint.
        if procs < before {
            ms.surplus += before - procs;
        }
        let mut back = Vec::new();
        for _ in before..procs {
            match ms.surplus {
                0 => back.extend(ms.retired.pop()),
                _ => ms.surplus -= 1,
            }
        }
        drop(ms);
        for proc in back {
            self.give_away(proc);
        }
        // Ps that no M has are retired at once.
        while self.ms().surplus > 0
            && let Some(taken) = self.idle.take_idle()
        {
            if !self.retire(taken.p) {
                self.give_away(taken.p);
            }
        }
        before
    }
}
