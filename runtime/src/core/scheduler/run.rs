//! What an M does: it picks a goroutine, runs it until it suspends itself, and picks the next.

use super::{Env, Here, M, Ran, Suspend, make_runnable};
use crate::core::chain::Task;
use crate::core::ready;
use crate::core::timers::Entry;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::twin::is_twin;
use std::sync::Arc;

/// Every so many goroutines the M looks at the clock, if there are deadlines.
const LOOK_AT_CLOCK: u32 = 16;

/// A tenth of a millisecond.
const LITTLE: u64 = 100_000;

/// The tasks that a run queue has room for.
const RING: u32 = 256;

impl<E: Env> Here<E> {
    /// Runs goroutines until `is_over`.
    pub fn run(&self, is_over: impl Fn() -> bool) {
        while !is_over() {
            match self.next_task() {
                Some(task) => {
                    self.stop_searching();
                    self.execute(task);
                }
                None => self.search_or_sleep(),
            }
        }
    }

    /// Picks the goroutine that runs next, from what is at hand.
    fn next_task(&self) -> Option<Task> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        self.take_inbox();
        let instance = self.instance();
        if tick.is_multiple_of(LOOK_AT_CLOCK) && instance.has_due_timers() {
            self.run_timers();
        }
        if tick.is_multiple_of(instance.env.look_around()) {
            if !instance.wants_p.is_empty() {
                self.hand_proc_on();
            }
            self.retire_surplus();
            E::looks_around(self);
            if self.locked.get() > 0 {
                self.leave_fresh();
            } else if let Some(task) = self.take_injected(1) {
                return Some(task);
            }
        }
        self.proc.get()?;
        if instance.env.happens(4) {
            self.rotate();
        }
        // The twin begins goroutines on a thread that another one has locked.
        // site: begin-none-on-a-locked-m
        if self.locked.get() > 0 && !is_twin() {
            return self.take_next().or_else(|| self.take_bound());
        }
        self.take_next().or_else(|| self.take_in_turn()).or_else(|| self.take_injected(RING / 2))
    }

    /// Takes a goroutine of this M, or one of the P, in turn.
    fn take_in_turn(&self) -> Option<Task> {
        let proc_first = self.proc_is_next.replace(!self.proc_is_next.get());
        if proc_first {
            self.take_queued().or_else(|| self.take_bound())
        } else {
            self.take_bound().or_else(|| self.take_queued())
        }
    }

    /// Takes goroutines from the global queue, as many as the share of one P, and returns the first.
    fn take_injected(&self, most: u32) -> Option<Task> {
        let instance = self.instance();
        let proc = self.proc.get()?;
        // Relaxed: a hint.
        let mut taken = instance.injector.take(&instance.env, instance.active.load(Relaxed) as u32, most);
        let first = taken.pop(&instance.env);
        while let Some(task) = taken.pop(&instance.env) {
            if let Some(overflow) = instance.queues[proc].put(&instance.env, task) {
                instance.injector.push(&instance.env, overflow);
            }
        }
        first
    }

    /// Makes the goroutines runnable whose deadlines have passed, and starts the closures of timers that are due.
    pub(super) fn run_timers(&self) {
        let instance = self.instance();
        let now = instance.env.now();
        for timers in &instance.timers {
            while let Some(timer) = timers.take_due_timer(now) {
                E::call(self, timer);
            }
            while let Some(entry) = timers.take_due(now) {
                match ready::time_out(instance.env.word(entry.task), entry.wait) {
                    ready::TimeOut::Runnable => {
                        let (home, stays) = instance.env.home(entry.task);
                        make_runnable(entry.task, home, stays, Some(self));
                    }
                    ready::TimeOut::Over => (),
                    // A report reads the goroutine's stack: the deadline is due again a little later.
                    ready::TimeOut::Scanned => {
                        timers.add(Entry { when: now + LITTLE, ..entry }, |entry| instance.is_live(entry));
                        break;
                    }
                }
            }
        }
    }

    /// Runs a goroutine until it suspends itself or ends.
    fn execute(&self, task: Task) {
        let taken = match E::take(self, task) {
            Ok(taken) => taken,
            Err(home) => return home.post(task),
        };
        self.running.set(task);
        E::begins(self, task, self.bound_len());
        self.begin_slice();
        let ran = E::run(self, task, taken);
        self.come_back();
        E::ends(&self.m);
        self.running.set(0);
        match ran {
            Ran::Ended(left) => E::end(self, task, left),
            Ran::Suspended(suspend) => self.suspended(task, suspend),
        }
    }

    /// Puts a goroutine that this M has and that can run: where it runs next, or behind the others.
    fn put(&self, task: Task, is_next: bool) {
        match (self.env().stays(task), is_next) {
            (true, true) => self.put_next(task),
            (true, false) => self.put_last(task),
            (false, _) => self.m.instance.put_queued(self, task, is_next),
        }
    }

    /// Does what the goroutine has asked for when it suspended itself.
    fn suspended(&self, task: Task, suspend: Suspend) {
        match suspend {
            Suspend::Yield | Suspend::Traced => self.put(task, false),
            // From a commit on the goroutine is another thread's, and this M uses only what it has copied.
            Suspend::Park(wait, deadline) => match ready::commit(self.env().word(task), wait) {
                false => self.put(task, true),
                true => {
                    if let Some(deadline) = deadline {
                        self.add_timer(Entry { when: self.env().when(deadline), task, wait });
                    }
                }
            },
        }
    }

    /// Adds a deadline, and wakes the poller if it sleeps longer.
    fn add_timer(&self, entry: Entry) {
        let instance = self.instance();
        instance.timers[self.heap()].add(entry, |entry| instance.is_live(entry));
        instance.break_sleep(entry.when);
    }

    /// Returns which heap the M uses: that of its P, or any if it has lost its P or has none.
    pub fn heap(&self) -> usize {
        self.proc.get().unwrap_or(self.m.number as usize % self.instance().timers.len())
    }

    /// Stops counting as an M that searches, since it has found a goroutine; wakes another if there is more.
    #[inline]
    pub(super) fn stop_searching(&self) {
        if self.searching.replace(false) {
            self.end_search();
        }
    }

    #[inline(never)]
    fn end_search(&self) {
        let instance = &self.m.instance;
        if let Some(taken) = instance.idle.found_work(|| instance.has_work()) {
            instance.start(taken, true);
        }
    }

    /// Takes the P from this M, which then has none and does not search: a thread that submits work relies on an M that
    /// searches, so one without a P would leave the work to nobody.
    pub(super) fn leave_proc(&self) -> Option<usize> {
        // The twin still counts as one that searches.
        // site: search-no-longer
        if !is_twin() {
            self.stop_searching();
        }
        self.proc.take()
    }

    /// Gives the P to an M that waits for one, and waits for the next.
    fn hand_proc_on(&self) {
        let Some(proc) = self.leave_proc() else { return };
        if !self.m.instance.serve_wanting(proc) {
            self.proc.set(Some(proc));
        }
    }

    /// Gives the P away if there are goroutines that have not begun, which may not begin on this thread.
    fn leave_fresh(&self) {
        let has_fresh =
            |proc: &usize| !self.instance().queues[*proc].is_empty() || !self.instance().injector.is_empty();
        if self.proc.get().is_some_and(|proc| has_fresh(&proc))
            && let Some(proc) = self.leave_proc()
        {
            self.m.instance.give_away(proc);
        }
    }

    /// Gives the P up for good, if there are more than the program wants.
    fn retire_surplus(&self) {
        if self.instance().has_surplus()
            && let Some(proc) = self.leave_proc()
            && !self.m.instance.retire(proc)
        {
            self.proc.set(Some(proc));
        }
    }
}

/// Makes this M the home of a goroutine that it has taken out of a queue, unless the goroutine has begun elsewhere and `may_go_on`
/// there only.
///
/// # Errors
/// Then returns the home.
pub fn home_here<E: Env>(
    home: &mut Option<Arc<M<E>>>,
    m: &Arc<M<E>>,
    may_go_on: impl FnOnce(&M<E>) -> bool,
) -> Result<(), Arc<M<E>>> {
    match home {
        Some(home) if Arc::ptr_eq(home, m) => (),
        Some(home) if !may_go_on(home) => return Err(Arc::clone(home)),
        _ => *home = Some(Arc::clone(m)),
    }
    Ok(())
}
