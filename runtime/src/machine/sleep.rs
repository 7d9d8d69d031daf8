//! What an M does that has no goroutine to run: it searches, gives its P up, and sleeps.

use super::here::Here;
use super::m::State;
use crate::core::idle::{GaveUp, Taken};
use crate::report;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

/// Rounds of a search. In the last one goroutines are taken that their P would run next.
const ROUNDS: u32 = 4;

/// Pauses of the processor between two rounds.
const PAUSES: u32 = 64;

impl Here {
    /// Looks for a goroutine elsewhere; or sleeps until there is something to do.
    pub(super) fn search_or_sleep(&self) {
        let Some(proc) = self.proc.get() else { return self.without_proc() };
        let instance = &self.m.instance;
        if instance.timers.are_due() {
            return self.run_timers();
        }
        if instance.is_wanting() || self.locked.get() > 0 {
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

    /// Takes half of the goroutines that have not begun from another P; returns whether there were any.
    fn steal(&self, proc: usize) -> bool {
        let queues = &self.instance().queues;
        for round in 0..ROUNDS {
            let first = fastrand::usize(..queues.len());
            for victim in (first..queues.len()).chain(0..first).filter(|victim| *victim != proc) {
                let stolen = queues[victim].steal_half(&queues[proc]);
                let stolen = stolen.or_else(|| if round + 1 == ROUNDS { queues[victim].steal_next() } else { None });
                if let Some(task) = stolen {
                    // The P's queue is empty, or has those that came with this one.
                    let overflow = queues[proc].put_next(&crate::goroutine::TABLE, task);
                    overflow.into_iter().for_each(|chain| {
                        self.instance().injector.push(&crate::goroutine::TABLE, chain);
                    });
                    return true;
                }
            }
            if self.m.has_mail() || !self.instance().injector.is_empty() || self.instance().has_ended() {
                return true;
            }
            (0..PAUSES).for_each(|_| core::hint::spin_loop());
        }
        false
    }

    /// Says in the mail that the M sleeps, before it counts itself out (M2); `false` if there is mail.
    fn lie_down(&self) -> bool {
        let mut mail = self.m.mail();
        let rests = mail.inbox.is_empty() && mail.proc.is_none() && !mail.stop;
        if rests {
            mail.state = State::Asleep;
        }
        rests
    }

    /// Gives the P up and sleeps, unless there is something to do after all.
    fn give_up(&self, proc: usize) {
        if !self.lie_down() {
            return;
        }
        let instance = &self.m.instance;
        self.proc.set(None);
        let searching = self.searching.replace(false);
        let gave_up =
            instance.idle.give_up(proc, Some(Arc::clone(&self.m)), searching, || instance.has_work());
        match gave_up {
            GaveUp::Found => {
                self.proc.set(Some(proc));
                self.searching.set(true);
                self.get_up(true);
            }
            GaveUp::Sleep => self.sleep(),
            GaveUp::Last => {
                self.decide();
                self.sleep();
            }
        }
    }

    /// Gets a P for the goroutines of this M that can run, or sleeps without one.
    fn without_proc(&self) {
        if self.has_bound() || self.m.has_mail() || self.instance().has_ended() {
            return self.get_proc();
        }
        if !self.lie_down() {
            return self.get_proc();
        }
        if self.instance().idle.leave() {
            self.decide();
        }
        self.sleep();
    }

    /// Reports that no goroutine will run again, if that is so. The M is counted out.
    fn decide(&self) {
        let instance = &self.m.instance;
        if instance.timers.first().is_some() || instance.has_ended() {
            return;
        }
        report::deadlock::decide(instance, || {
            instance.idle.decide()
        });
    }

    /// Sleeps until there is mail, or the first deadline has passed. The M is counted out, and counted when this returns.
    fn sleep(&self) {
        let m = &self.m;
        let mut mail = m.mail();
        let mut is_due = false;
        while mail.state == State::Asleep && !mail.stop && !is_due {
            if core::mem::take(&mut mail.poked) {
                // A deadline may be earlier now, or a thread outside has parked.
                drop(mail);
                self.decide();
                mail = m.mail();
                if mail.state != State::Asleep || mail.stop {
                    break;
                }
            }
            let first = m.instance.timers.first();
            let keeps = first.filter(|_| m.instance.timers.keep(m));
            mail = match keeps {
                None => m.bell.wait(mail).unwrap_or_else(PoisonError::into_inner),
                Some(first) => {
                    let left = first.saturating_duration_since(Instant::now());
                    is_due = left.is_zero();
                    let slept = m.bell.wait_timeout(mail, left);
                    slept.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        drop(mail);
        m.instance.timers.keep_no_more(m);
        self.get_up(false);
    }

    /// Notes that the M is awake, and takes the P that came by mail. `counted`: the M has counted itself.
    fn get_up(&self, counted: bool) {
        let instance = &self.m.instance;
        let (proc, credits) = {
            let mut mail = self.m.mail();
            mail.state = State::Awake;
            (mail.proc.take(), core::mem::take(&mut mail.credits))
        };
        // The M is to be counted once.
        if !counted && credits == 0 {
            instance.idle.wakes_one();
        }
        let surplus = credits.saturating_sub(u32::from(!counted));
        (0..surplus).for_each(|_| _ = instance.idle.leave());
        let Some((proc, searching)) = proc else { return };
        match self.proc.get() {
            None => {
                self.proc.set(Some(proc));
                self.searching.set(searching);
            }
            Some(_) => self.pass_on(proc, searching),
        }
    }

    /// Gives a P away that came while the M got another one.
    fn pass_on(&self, proc: usize, searching: bool) {
        let instance = &self.m.instance;
        if searching && let Some(taken) = instance.idle.found_work(|| instance.has_work()) {
            instance.start(taken, true);
        }
        instance.give_away(proc);
    }

    /// Gets a P: an idle one, or the one that another M hands on. The M is awake.
    pub(super) fn get_proc(&self) {
        let (m, instance) = (&self.m, &self.m.instance);
        m.mail().state = State::WantsProc;
        if let Some(Taken { p, .. }) = instance.idle.take_idle() {
            self.proc.set(Some(p));
            return self.get_up(true);
        }
        instance.want(m);
        if let Some(Taken { p, .. }) = instance.idle.take_idle() {
            self.proc.set(Some(p));
        } else {
            let mut mail = m.mail();
            while mail.proc.is_none() && !mail.stop {
                mail = m.bell.wait(mail).unwrap_or_else(PoisonError::into_inner);
            }
        }
        instance.want_no_more(m);
        self.get_up(true);
    }
}
