//! What an M does that has no goroutine to run: it searches the queues of the other Ps.

use super::{Env, Here};
use crate::core::chain::Task;
use crate::core::proc_state::Slice;
use selvedge::rt::sync::atomic::Ordering::Relaxed;

impl<E: Env> Here<E> {
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
        // Relaxed: a hint.
        if !self.searching.get() && instance.active.load(Relaxed) > 1 {
            self.searching.set(instance.idle.start_search());
        }
        if self.searching.get() && self.steal(proc) {
            return;
        }
        self.give_up(proc);
    }

    /// Takes half of the goroutines that have not begun from another P; returns whether there is something to do.
    ///
    /// A P keeps the goroutine that it runs next for a while: the goroutine that has started or woken it often waits for it soon. If
    /// the two began on two threads, which they never leave, each of their hand-overs would wake a thread. Where goroutines that have
    /// begun may change their threads, the M looks several times, while those of another P wake each other: if it slept, then each
    /// of them would have to wake it, which costs more than a hand-over.
    fn steal(&self, proc: usize) -> bool {
        let instance = self.instance();
        let (rounds, looks) = instance.env.rounds();
        for _ in 0..rounds {
            if self.steal_half(proc) || self.is_called() {
                return true;
            }
            instance.env.pause();
        }
        let mut before = self.busy(proc);
        for _ in 0..looks {
            if before.is_empty() {
                return false;
            }
            instance.env.be_patient();
            if self.steal_half(proc)
                || self.is_called()
                || !instance.wants_p.is_empty()
                || instance.has_due_timers()
            {
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
            next.is_some() || instance.env.may_move() && instance.states[victim].in_user_code().is_some()
        };
        let others = (0..instance.queues.len()).filter(|victim| *victim != proc);
        let look = |victim: usize| (victim, instance.queues[victim].next(), instance.states[victim].slice());
        others.map(look).filter(|(victim, next, _)| may_have(*next, *victim)).collect()
    }

    /// Takes half of the goroutines of another P's ring.
    fn steal_half(&self, proc: usize) -> bool {
        let queues = &self.instance().queues;
        let first = self.env().begin_at(queues.len());
        let mut victims = (first..queues.len()).chain(0..first).filter(|victim| *victim != proc);
        let stolen = victims.find_map(|victim| queues[victim].steal_half(&queues[proc]));
        stolen.into_iter().for_each(|task| self.put_stolen(proc, task));
        stolen.is_some()
    }

    /// Puts a goroutine where this M runs it next. The P's queue is empty, or has those that came with this one.
    fn put_stolen(&self, proc: usize, task: Task) {
        if let Some(overflow) = self.instance().queues[proc].put_next(self.env(), task) {
            self.instance().injector.push(self.env(), overflow);
        }
    }

    /// Whether there is something for this M that another P does not have.
    fn is_called(&self) -> bool {
        !self.m.inbox.is_empty() || !self.instance().injector.is_empty() || self.instance().has_ended()
    }
}
