//! How an M gives its P up, sleeps, and gets a P again.

use super::{Env, Here};
use crate::core::bound::last_look_without_a_p;
use crate::core::idle::{GaveUp, Taken};
use selvedge::rt::park::Parker;
use selvedge::rt::twin::is_twin;

impl<E: Env> Here<E> {
    /// Gives the P up and sleeps, unless there is something to do after all.
    pub(super) fn give_up(&self, proc: usize) {
        let (m, instance) = (&self.m, &self.m.instance);
        let parker = Parker::new();
        m.mailbox.sleep(parker.unparker());
        self.proc.set(None);
        let searching = self.searching.replace(false);
        // The twins sleep beside what has come since the search.
        // site: look-at-work-once-more
        let has_work = || !is_twin() && instance.has_work();
        // site: look-at-mail-once-more
        let has_mail = || !is_twin() && !m.inbox.is_empty();
        match instance.idle.give_up(proc, m.number, searching, || has_mail() || has_work()) {
            GaveUp::Found(Taken { p, .. }) => self.stay(&parker, p),
            GaveUp::Gone => {
                // A thread that has seen this M awake leaves its mail to it. The twin leaves the mail to the thread that has
                // taken the P.
                // site: look-after-mail-without-the-p
                let looks_after = !is_twin() && has_mail();
                if looks_after {
                    instance.look_after(m);
                }
                self.fall_asleep(&parker);
            }
            GaveUp::Sleep => self.sleep(&parker),
            GaveUp::Last => {
                self.decide();
                self.sleep(&parker);
            }
        }
    }

    /// Stays awake with a P, with which the M counts as searching, though it has said that it sleeps.
    fn stay(&self, parker: &Parker, proc: usize) {
        let instance = &self.m.instance;
        if !self.m.mailbox.stay() {
            // Another thread has woken the M too, which is counted twice, and may have another P.
            parker.park();
            self.woken();
            _ = instance.idle.leave();
            // The twin forgets that one.
            // site: give-the-other-p-away
            if let Some(other) = self.leave_proc().filter(|_| !is_twin()) {
                instance.give_away(other);
            }
        }
        self.proc.set(Some(proc));
        self.searching.set(true);
    }

    /// Gets a P for the goroutines of this M that can run, or sleeps without one.
    pub(super) fn without_proc(&self) {
        if self.has_bound() {
            return self.get_proc();
        }
        self.sleep_without_proc(|| {
            let (m, instance) = (&self.m, &self.m.instance);
            if last_look_without_a_p(|| !m.inbox.is_empty()) {
                instance.look_after(m);
            }
        });
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
        self.fall_asleep(&parker);
    }

    /// Sleeps, for an M that has no P and is counted, after it has said that it sleeps, and has passed a SeqCst fence since.
    fn fall_asleep(&self, parker: &Parker) {
        // E1 of `core::ending`: nobody wakes this M any more if the run has ended. The twin relies on that.
        // site: look-for-the-end-without-a-p
        let wakes_itself = !is_twin() && self.instance().has_ended();
        if wakes_itself {
            self.m.poke();
        }
        if self.instance().idle.leave() {
            self.decide();
        }
        self.sleep(parker);
    }

    /// Sleeps until another thread wakes the M, or the earliest deadline has passed. The M has said so and is counted out; it
    /// is counted when this returns.
    fn sleep(&self, parker: &Parker) {
        let (m, instance) = (&self.m, &self.m.instance);
        let woken = match instance.poller.begin(m.number, &instance.timers) {
            None => parker.park_deadline(None),
            Some(until) => {
                let woken = parker.park_deadline(instance.env.instant(until));
                instance.poller.end();
                woken
            }
        };
        if !woken {
            // Counted before it says that it is awake: a thread that then leaves its mail to it finds it counted, and so does one that
            // finds no deadline left. The twin is awake and not counted for a moment.
            // site: count-before-staying
            let is_late = is_twin();
            if !is_late {
                instance.idle.wakes_one();
            }
            // The twin goes on though another thread wakes it for a P.
            // site: sleep-on-if-woken
            if m.mailbox.stay() || is_twin() {
                if is_late {
                    instance.idle.wakes_one();
                }
                instance.env.wakes();
                self.search_with_idle();
                return self.run_timers();
            }
            // The thread that wakes the M counts it.
            _ = instance.idle.leave();
            parker.park();
        }
        instance.env.wakes();
        self.woken();
    }

    /// Takes an idle P, as an M that searches, if goroutines may move: their deadline has passed, and without a P this M would wake
    /// another one to run them.
    fn search_with_idle(&self) {
        // The twin leaves them to another M.
        // site: run-what-is-due-here
        if !self.env().may_move() || is_twin() {
            return;
        }
        if let Some(taken) = self.instance().idle.take_idle_to_search() {
            self.proc.set(Some(taken.p));
            self.searching.set(true);
        }
    }

    /// Takes what the M was woken for.
    fn woken(&self) {
        let assigned = self.m.mailbox.wake();
        self.proc.set(assigned.p);
        self.searching.set(assigned.searching);
    }
}
