//! One run of the scheduler: its Ps, its Ms, its queues.

use super::M;
use super::timers::Timers;
use crate::core::idle::{Idle, Taken};
use crate::core::injector::Injector;
use crate::core::run_queue::RunQueue;
use crate::goroutine::TABLE;
use core::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicUsize, fence};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a program that cannot go on gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deadlock {
    /// A report, and the end of the process with status 2; where threads outside the runtime could still wake a goroutine, a
    /// report only.
    Fatal,
    /// A report, once.
    Warn,
    /// Nothing.
    Off,
}

pub(crate) type OnPanic = Box<dyn Fn(u64, &str) + Send + Sync>;

pub(crate) struct Settings {
    pub(crate) procs: usize,
    pub(crate) stack_size: usize,
    pub(crate) deadlock: Deadlock,
    pub(crate) on_panic: Option<OnPanic>,
}

/// The M that left a P, which is woken first for it.
pub(crate) type Token = Option<Arc<M>>;

pub(crate) struct Instance {
    pub(crate) settings: Settings,
    pub(crate) queues: Box<[RunQueue]>,
    pub(crate) idle: Idle<Token>,
    pub(crate) injector: Injector,
    pub(crate) timers: Timers,
    ms: Mutex<Ms>,
    /// How many Ms are in `Ms::want_proc`, to be looked at without the lock.
    wanting: AtomicUsize,
    /// How many Ps the program wants.
    pub(crate) active: AtomicUsize,
    /// Goroutines that have not ended.
    pub(crate) live: AtomicUsize,
    /// Whether the main goroutine has ended.
    pub(crate) has_ended: AtomicBool,
    /// Whether the main goroutine has ended by `goexit`.
    pub(crate) main_has_exited: AtomicBool,
    /// Whether the program has been told that its goroutines sleep.
    pub(crate) has_warned: AtomicBool,
}

#[derive(Default)]
pub(crate) struct Ms {
    pub(crate) all: Vec<Arc<M>>,
    /// Those that have goroutines to run and no P, in the order in which they came.
    want_proc: VecDeque<Arc<M>>,
    /// Ps that are not in use, beyond the number that the program wants.
    pub(crate) retired: Vec<usize>,
    /// How many Ps are still to be retired.
    pub(crate) surplus: usize,
}

impl Instance {
    pub(crate) fn new(settings: Settings, most: usize) -> Arc<Instance> {
        let instance = Instance {
            queues: (0..most).map(|_| RunQueue::new()).collect(),
            idle: Idle::new(most, |_| None),
            injector: Injector::new(),
            timers: Timers::default(),
            ms: Mutex::default(),
            wanting: AtomicUsize::new(0),
            active: AtomicUsize::new(most),
            live: AtomicUsize::new(0),
            has_ended: AtomicBool::new(false),
            main_has_exited: AtomicBool::new(false),
            has_warned: AtomicBool::new(false),
            settings,
        };
        Arc::new(instance)
    }

    pub(crate) fn ms(&self) -> MutexGuard<'_, Ms> {
        self.ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended.load(Acquire)
    }

    /// Returns whether there is anything for an M without a goroutine to do.
    pub(crate) fn has_work(&self) -> bool {
        self.has_ended()
            || !self.injector.is_empty()
            || self.is_wanting()
            || self.timers.are_due()
            || self.queues.iter().any(|queue| !queue.is_empty())
    }

    /// Returns whether an M waits for a P.
    pub(crate) fn is_wanting(&self) -> bool {
        self.wanting.load(Relaxed) != 0 // Relaxed: the fences of `Idle` and of `want` order it.
    }

    /// Puts an M on the list of those that wait for a P.
    pub(crate) fn want(&self, m: &Arc<M>) {
        let mut ms = self.ms();
        ms.want_proc.push_back(Arc::clone(m));
        self.wanting.store(ms.want_proc.len(), Relaxed); // Relaxed: the fence below orders it.
        drop(ms);
        // SeqCst: the list was changed before, and the idle Ps are looked at after; pairs with the fence that an M passes
        // between giving its P up and its last look. Either that M sees this one, or this one finds that P.
        fence(SeqCst);
    }

    /// Takes an M off the list of those that wait for a P.
    pub(crate) fn want_no_more(&self, m: &Arc<M>) {
        let mut ms = self.ms();
        ms.want_proc.retain(|other| !Arc::ptr_eq(other, m));
        self.wanting.store(ms.want_proc.len(), Relaxed); // Relaxed: a smaller number only ends a look in vain.
    }

    /// Gives a P to an M that waits for one; returns whether there was one.
    pub(crate) fn serve_wanting(&self, proc: usize) -> bool {
        while self.is_wanting() {
            let first = {
                let mut ms = self.ms();
                let first = ms.want_proc.pop_front();
                self.wanting.store(ms.want_proc.len(), Relaxed); // Relaxed: a smaller number only ends a look.
                first
            };
            let Some(first) = first else { return false };
            // It is counted already, and takes the surplus back (M2).
            self.idle.wakes_one();
            if first.deliver(proc, false) {
                return true;
            }
            _ = self.idle.leave();
        }
        false
    }

    /// Gives a P away that the caller, which is awake, does not need.
    pub(crate) fn give_away(self: &Arc<Self>, proc: usize) {
        if self.retire(proc) || self.serve_wanting(proc) {
            return;
        }
        if let Some(taken) = self.idle.rest(proc, None, || self.has_work()) {
            self.start(taken, true);
        }
    }

    /// Wakes an M for a P, or starts one. The caller has counted it.
    pub(crate) fn start(self: &Arc<Self>, taken: Taken<Token>, searching: bool) {
        let Taken { p, token } = taken;
        if token.is_some_and(|m| m.deliver(p, searching)) {
            return;
        }
        let all = self.ms().all.clone();
        if all.iter().any(|m| m.deliver(p, searching)) {
            return;
        }
        let m = Arc::new(M::new(Arc::clone(self), None));
        self.ms().all.push(Arc::clone(&m));
        let thread = std::thread::Builder::new().name("goroutines".to_string());
        let begun = thread.spawn(move || super::run_loop::thread(m, p, searching));
        if let Err(error) = begun {
            eprintln!("fatal error: the system starts no further thread for goroutines: {error}");
            std::process::exit(2);
        }
    }

    /// Wakes an M for work that the caller has published, if that helps.
    pub(crate) fn submit(self: &Arc<Self>) {
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
