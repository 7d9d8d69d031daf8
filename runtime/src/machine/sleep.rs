//! What an M does that has no goroutine to run: it searches, gives its P up, and sleeps.

use super::here::Here;
use super::{clock, fuzz, monitor};
use crate::core::bound::last_look_without_a_p;
use crate::core::idle::GaveUp;
use crate::core::chain::Task;
use crate::core::proc_state::Slice;
use crate::report;
use crate::settings::Mode;
use core::sync::atomic::Ordering::Relaxed;
use selvedge::rt::park::Parker;
use std::time::Duration;

/// Rounds of a search.
const ROUNDS: u32 = 3;

/// Pauses of the processor between two rounds.
const PAUSES: u32 = 64;

/// How long a P keeps a goroutine that it would run next. The goroutine that has started or woken it often waits for it soon. If
/// the two began on two threads, which they never leave, each of their hand-overs would wake a thread.
const PATIENCE: Duration = Duration::from_micros(50);

/// How often an M looks after that long while goroutines that may change their threads wake each other on another P, before it
/// sleeps for good. Each of them that it waited for asleep would have to wake it, which costs more than a hand-over.
const LOOKS: u32 = 20;

impl Here {
    /// Looks for a goroutine elsewhere; or sleeps until there is something to do.
    pub(super) fn search_or_sleep(&self) {
        let Some(proc) = self.proc.get() else { return self.without_proc() };
        let instance = &self.m.instance;
        if instance.has_due_timers() {
            return self.run_timers();
        }
        if !instance.wants_p.is_empty() || self.locked.get() > 0 {
            // An M has goroutines to run and no P; or goroutines that have not begun may not begin here.
            _ = self.leave_proc();
            return instance.give_away(proc);
        }
        if !self.searching.get() && instance.active.load(Relaxed) > 1 {
            self.searching.set(instance.idle.start_search());
        }
        if self.searching.get() && self.steal(proc) {
            return;
        }
        self.give_up(proc);
    }

    /// Takes half of the goroutines that have not begun from another P; returns whether there is something to do.
    fn steal(&self, proc: usize) -> bool {
        for _ in 0..ROUNDS {
            if self.steal_half(proc) || self.is_called() {
                return true;
            }
            (0..PAUSES).for_each(|_| core::hint::spin_loop());
        }
        let instance = self.instance();
        let looks = if instance.settings.migration.0 == Mode::Never { 1 } else { LOOKS };
        let mut before = self.busy(proc);
        for _ in 0..looks {
            if before.is_empty() {
                return false;
            }
            if !fuzz::happens(&instance.settings, 2) {
                std::thread::sleep(PATIENCE);
            }
            if self.steal_half(proc) || self.is_called() || !instance.wants_p.is_empty() || instance.has_due_timers() {
                return true;
            }
            for (victim, next, slice) in before {
                // In another slice the goroutine could be there once more.
                if let Some(next) = next.filter(|_| instance.states[victim].slice() == slice)
                    && instance.queues[victim].steal_next(next)
                {
                    self.put_stolen(proc, next);
                    return true;
                }
            }
            before = self.busy(proc);
        }
        false
    }

    /// Returns the other Ps from which this M may soon take a goroutine: each with the one that it runs next, and its slice.
    fn busy(&self, proc: usize) -> Vec<(usize, Option<Task>, Slice)> {
        let instance = self.instance();
        let may_have = |next: Option<Task>, victim: usize| {
            next.is_some()
                || instance.settings.migration.0 != Mode::Never && instance.states[victim].in_user_code().is_some()
        };
        let others = (0..instance.queues.len()).filter(|victim| *victim != proc);
        let look = |victim: usize| (victim, instance.queues[victim].next(), instance.states[victim].slice());
        others.map(look).filter(|(victim, next, _)| may_have(*next, *victim)).collect()
    }

    /// Takes half of the goroutines of another P's ring.
    fn steal_half(&self, proc: usize) -> bool {
        let queues = &self.instance().queues;
        let first = fastrand::usize(..queues.len());
        let mut victims = (first..queues.len()).chain(0..first).filter(|victim| *victim != proc);
        let stolen = victims.find_map(|victim| queues[victim].steal_half(&queues[proc]));
        stolen.into_iter().for_each(|task| self.put_stolen(proc, task));
        stolen.is_some()
    }

    /// Puts a goroutine where this M runs it next. The P's queue is empty, or has those that came with this one.
    fn put_stolen(&self, proc: usize, task: u32) {
        if let Some(overflow) = self.instance().queues[proc].put_next(&crate::goroutine::TABLE, task) {
            self.instance().injector.push(&crate::goroutine::TABLE, overflow);
        }
    }

    /// Whether there is something for this M that another P does not have.
    fn is_called(&self) -> bool {
        !self.m.inbox.is_empty() || !self.instance().injector.is_empty() || self.instance().has_ended()
    }

    /// Gives the P up and sleeps, unless there is something to do after all.
    fn give_up(&self, proc: usize) {
        let (m, instance) = (&self.m, &self.m.instance);
        let parker = Parker::new();
        m.mailbox.sleep(parker.unparker());
        self.proc.set(None);
        let searching = self.searching.replace(false);
        let look = || !m.inbox.is_empty() || instance.has_work();
        match instance.idle.give_up(proc, m.number, searching, look) {
            GaveUp::Found => {
                if !m.mailbox.stay() {
                    // Another thread has woken the M too, which is counted twice, and may have another P.
                    parker.park();
                    self.woken();
                    _ = instance.idle.leave();
                    if let Some(other) = self.leave_proc() {
                        instance.give_away(other);
                    }
                }
                self.proc.set(Some(proc));
                self.searching.set(true);
            }
            GaveUp::Sleep => self.sleep(&parker),
            GaveUp::Last => {
                report::deadlock::decide(instance);
                self.sleep(&parker);
            }
        }
    }

    /// Gets a P for the goroutines of this M that can run, or sleeps without one.
    fn without_proc(&self) {
        match self.has_bound() || self.instance().has_ended() {
            true => self.get_proc(),
            false => self.sleep_without_proc(|| {
                let (m, instance) = (&self.m, &self.m.instance);
                if last_look_without_a_p(|| !m.inbox.is_empty() || instance.has_ended()) {
                    instance.look_after(m);
                }
            }),
        }
    }

    /// Gets a P: an idle one, or the one that another M gives on. The M is awake. It may return without one if the M was
    /// woken for another reason.
    pub(super) fn get_proc(&self) {
        let instance = &self.m.instance;
        match instance.idle.take_idle() {
            Some(taken) => self.proc.set(Some(taken.p)),
            None => self.sleep_without_proc(|| instance.look_after(&self.m)),
        }
    }

    /// Says that the M sleeps, which has no P; does `then`, which passes a SeqCst fence first, and sleeps.
    fn sleep_without_proc(&self, then: impl FnOnce()) {
        let parker = Parker::new();
        self.m.mailbox.sleep(parker.unparker());
        then();
        // E1 of `core::ending`: this M has said that it sleeps, and has passed the fence.
        if self.m.instance.has_ended() {
            self.m.poke();
        }
        if self.m.instance.idle.leave() {
            report::deadlock::decide(&self.m.instance);
        }
        self.sleep(&parker);
    }

    /// Sleeps until another thread wakes the M, or the earliest deadline has passed. The M has said so and is counted out; it
    /// is counted when this returns.
    fn sleep(&self, parker: &Parker) {
        let (m, instance) = (&self.m, &self.m.instance);
        let woken = match instance.poller.begin(m.number, &instance.timers) {
            None => parker.park_deadline(None),
            Some(until) => {
                let woken = parker.park_deadline(clock::instant(until));
                instance.poller.end();
                woken
            }
        };
        if !woken && m.mailbox.stay() {
            // Counted before it takes a deadline: a thread that finds no deadline left finds an M awake.
            instance.idle.wakes_one();
            monitor::wake();
            return self.run_timers();
        }
        if !woken {
            parker.park();
        }
        monitor::wake();
        self.woken();
    }

    /// Takes what the M was woken for.
    fn woken(&self) {
        let assigned = self.m.mailbox.wake();
        self.proc.set(assigned.p);
        self.searching.set(assigned.searching);
    }
}
