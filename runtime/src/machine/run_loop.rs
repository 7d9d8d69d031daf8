//! What an M does: it picks a goroutine, runs it until it suspends itself, and picks the next.

use super::here::{Command, Here, Suspend};
use super::{Instance, M, clock, fuzz, hooks, monitor, start};
use crate::core::ready;
use crate::core::timers::Entry;
use crate::goroutine::table::Own;
use crate::goroutine::{Slot, TABLE, slot};
use crate::migration::{self, Block};
use crate::settings::Mode;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use corosensei::CoroutineResult;
use std::sync::Arc;

/// Every so many goroutines the M looks at the global queue and for Ms that wait for a P, before its own queues.
const LOOK_AROUND: u32 = 61;

/// Every so many goroutines the M looks at the clock, if there are deadlines.
const LOOK_AT_CLOCK: u32 = 16;

/// The body of a thread that is started for a P. The caller has counted the M.
pub(super) fn thread(m: Arc<M>, proc: usize, searching: bool) {
    crate::stack::prepare_thread();
    let instance = Arc::clone(&m.instance);
    let here = Here::new(m, Some(proc));
    here.searching.set(searching);
    let _entered = here.enter();
    monitor::wake();
    run(&here, || instance.has_ended());
}

/// Runs goroutines until `is_over`.
pub(super) fn run(here: &Here, is_over: impl Fn() -> bool) {
    while !is_over() {
        match here.next_task() {
            Some(task) => {
                here.stop_searching();
                here.execute(task);
            }
            None => here.search_or_sleep(),
        }
    }
}

impl Here {
    /// Picks the goroutine that runs next, from what is at hand.
    fn next_task(&self) -> Option<u32> {
        let tick = self.tick.get().wrapping_add(1);
        self.tick.set(tick);
        self.take_inbox();
        let instance = self.instance();
        if tick.is_multiple_of(LOOK_AT_CLOCK) && instance.has_due_timers() {
            self.run_timers();
        }
        if tick.is_multiple_of(LOOK_AROUND) {
            if !instance.wants_p.is_empty() {
                self.hand_proc_on();
            }
            self.retire_surplus();
            self.update_locals();
            if self.locked.get() > 0 {
                self.leave_fresh();
            } else if let Some(task) = self.take_injected(1) {
                return Some(task);
            }
        }
        self.proc.get()?;
        if fuzz::happens(&instance.settings, 4) {
            self.rotate();
        }
        if self.locked.get() > 0 {
            return self.take_next().or_else(|| self.take_bound());
        }
        self.take_next().or_else(|| self.take_in_turn()).or_else(|| self.take_injected(RING / 2))
    }

    /// Takes a goroutine of this M, or one of the P, in turn.
    fn take_in_turn(&self) -> Option<u32> {
        let proc_first = self.proc_is_next.replace(!self.proc_is_next.get());
        if proc_first {
            self.take_queued().or_else(|| self.take_bound())
        } else {
            self.take_bound().or_else(|| self.take_queued())
        }
    }

    /// Takes goroutines from the global queue, as many as the share of one P, and returns the first.
    fn take_injected(&self, most: u32) -> Option<u32> {
        let instance = self.instance();
        let proc = self.proc.get()?;
        let mut taken = instance.injector.take(&TABLE, instance.active.load(Relaxed) as u32, most);
        let first = taken.pop(&TABLE);
        while let Some(task) = taken.pop(&TABLE) {
            if let Some(overflow) = instance.queues[proc].put(&TABLE, task) {
                instance.injector.push(&TABLE, overflow);
            }
        }
        first
    }

    /// Makes the goroutines runnable whose deadlines have passed, and starts the closures of timers that are due.
    pub(super) fn run_timers(&self) {
        let now = clock::now();
        for timers in &self.instance().timers {
            while let Some(timer) = timers.take_due_timer(now) {
                start::call(self, timer);
            }
            while let Some(entry) = timers.take_due(now) {
                match ready::time_out(&slot(entry.task).word, entry.wait) {
                    ready::TimeOut::Runnable => make_runnable(entry.task, Some(self)),
                    ready::TimeOut::Over => (),
                    // A report reads the goroutine's stack: the deadline is due again a little later.
                    ready::TimeOut::Scanned => {
                        timers.add(Entry { when: now + clock::LITTLE, ..entry }, is_live);
                        break;
                    }
                }
            }
        }
    }

    /// Runs a goroutine until it suspends itself or ends.
    fn execute(&self, task: u32) {
        let slot = slot(task);
        // SAFETY: S1 of the table: this M has taken the goroutine out of a queue. The reference ends before the goroutine
        // runs.
        let mut coroutine = unsafe {
            let own = &mut *slot.own();
            match &own.home {
                Some(home) if Arc::ptr_eq(home, &self.m) => (),
                Some(home) if !self.may_go_on_here(own, home) => {
                    // Cloned, because the goroutine may run, and its instance end, while the letter is posted.
                    let home = Arc::clone(home);
                    return home.post(task);
                }
                _ => own.home = Some(Arc::clone(&self.m)),
            }
            own.coroutine.take().unwrap_or_else(|| unreachable!("a goroutine that can run has a stack"))
        };
        slot.set_why(None);
        self.running.set(task);
        self.m.begins(task, self.bound_len());
        self.begin_slice();
        let result = coroutine.resume(Command::Run);
        self.come_back();
        self.m.ends();
        self.running.set(0);
        match result {
            CoroutineResult::Return(()) => self.end(task, slot, coroutine.into_stack()),
            CoroutineResult::Yield(suspend) => {
                // SAFETY: S1: the goroutine is in no queue, and its wait is not committed yet, so it is this M's.
                unsafe { (*slot.own()).coroutine = Some(coroutine) };
                self.suspended(task, slot, suspend);
            }
        }
    }

    /// Whether a goroutine that has begun on another M may go on on this one.
    ///
    /// # Safety
    /// S1 of the table: this M has the goroutine, which is suspended.
    unsafe fn may_go_on_here(&self, own: &Own, home: &M) -> bool {
        match self.instance().settings.migration.0 {
            Mode::Free => true,
            Mode::Never => false,
            Mode::Checked => home.with_locals(|locals| {
                let stack = own.stack();
                // SAFETY: the goroutine is suspended and this thread's, so its stack does not change. A thread whose locals are
                // there does not end before they are unlocked.
                let tied = |locals: &Block| unsafe { migration::tied(locals, stack.start, stack.end).is_some() };
                locals.is_some_and(|locals| locals.is_current() && !tied(locals))
            }),
        }
    }

    /// Puts a goroutine that this M has and that can run: where it runs next, or behind the others.
    fn put(&self, task: u32, is_next: bool) {
        // SAFETY: S1 of the table: the goroutine is this M's, which puts it into a queue below.
        let stays = unsafe { (*slot(task).own()).stays() };
        match (stays, is_next) {
            (true, true) => self.put_next(task),
            (true, false) => self.put_last(task),
            (false, _) => self.m.instance.put_queued(self, task, is_next),
        }
    }

    /// Does what the goroutine has asked for when it suspended itself.
    fn suspended(&self, task: u32, slot: &Slot, suspend: Suspend) {
        match suspend {
            Suspend::Yield | Suspend::Traced => self.put(task, false),
            // From a commit on the goroutine is another thread's, and this M uses only what it has copied.
            Suspend::Park(wait, deadline) => match ready::commit(&slot.word, wait) {
                false => self.put(task, true),
                true => {
                    if let Some(deadline) = deadline {
                        self.add_timer(Entry { when: clock::when(deadline), task, wait });
                    }
                }
            },
        }
    }

    /// Adds a deadline, and wakes the poller if it sleeps longer.
    fn add_timer(&self, entry: Entry) {
        let instance = self.instance();
        instance.timers[self.heap()].add(entry, is_live);
        instance.break_sleep(entry.when);
    }

    /// Returns which heap the M uses: that of its P, or any if it has lost its P or has none.
    pub(super) fn heap(&self) -> usize {
        self.proc.get().unwrap_or(self.m.number as usize % self.instance().timers.len())
    }

    /// Ends a goroutine whose body has returned.
    fn end(&self, task: u32, slot: &Slot, stack: crate::stack::Stack) {
        // SAFETY: S1: the goroutine has ended on this M, so its parts are this M's. Its values without a destructor go, and
        // the reference ends with this block.
        unsafe {
            let own = &mut *slot.own();
            own.locals.clear();
            own.home = None;
            own.yielder = core::ptr::null();
            own.exits = false;
            own.is_bound = true;
            self.locked.set(self.locked.get() - core::mem::take(&mut own.locks));
        }
        // The deadline of the goroutine's last wait, which may still stand in the heap, is over.
        ready::begin_wait(&slot.word);
        slot.end();
        self.stacks().put(stack);
        self.put_slot(task);
        self.instance().count_other(task, false);
        let instance = self.instance();
        // AcqRel: the one that reads 0 has seen all that ended goroutines did.
        instance.live.fetch_sub(1, AcqRel);
        // Relaxed: the main goroutine's M has stored that it has exited, before another goroutine had the slot. The number of the
        // main goroutine does not change.
        if instance.main.load(Relaxed) == task && !instance.main_has_exited.load(Acquire) {
            self.end_instance();
        }
    }

    /// Ends the instance, whose main goroutine has returned: the thread that has called `run` goes on.
    fn end_instance(&self) {
        let instance = self.instance();
        instance.ending.end();
        if let Some(first) = instance.m(0) {
            first.poke();
        }
    }

    /// Stops counting as an M that searches, since it has found a goroutine; wakes another if there is more.
    pub(super) fn stop_searching(&self) {
        if self.searching.replace(false) {
            let instance = &self.m.instance;
            if let Some(taken) = instance.idle.found_work(|| instance.has_work()) {
                instance.start(taken, true);
            }
        }
    }

    /// Takes the P from this M, which then has none and does not search: a thread that submits work relies on an M that
    /// searches, so one without a P would leave the work to nobody.
    pub(super) fn leave_proc(&self) -> Option<usize> {
        self.stop_searching();
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

/// Returns whether a deadline is that of a wait that is not over, as far as this thread can tell.
pub(crate) fn is_live(entry: &Entry) -> bool {
    slot(entry.task).is_in_wait(entry.wait)
}

/// The tasks that a run queue has room for.
const RING: u32 = 256;

/// Puts a goroutine that has begun where it goes on: into the queue of its M, or, if another M may run it, into that of the P of
/// this one. The caller has ended the goroutine's wait, and is the only one to make it runnable.
pub(super) fn make_runnable(task: u32, here: Option<&Here>) {
    // SAFETY: S1: the caller alone makes the goroutine runnable, so this part is the caller's until it has done so.
    let (home, stays) = unsafe { ((*slot(task).own()).home.as_ref(), (*slot(task).own()).stays()) };
    let home = home.unwrap_or_else(|| unreachable!("a goroutine that waits has begun"));
    // What is used of the home is cloned, because the goroutine may run, and its instance end, before the call returns.
    match here {
        // An M that has said that it sleeps, and still reports what it has found, looks at its mail only.
        Some(here) if stays && Arc::ptr_eq(&here.m, home) && !here.m.mailbox.is_asleep() => here.put_next(task),
        _ if stays => Arc::clone(home).post(task),
        Some(here) if Arc::ptr_eq(&here.m.instance, &home.instance) => {
            // The queue of the P is used in the runtime only (M3).
            let _in_runtime = hooks::enter(here);
            here.m.instance.put_queued(here, task, true);
        }
        _ => Arc::clone(&home.instance).inject(task),
    }
}

impl Instance {
    /// Puts a goroutine that any M may run where one finds it: first in the queue of this M's P, or last.
    pub(super) fn put_queued(self: &Arc<Self>, here: &Here, task: u32, is_next: bool) {
        let Some(proc) = here.proc.get() else { return self.inject(task) };
        let queue = &self.queues[proc];
        let overflow = match is_next && !fuzz::happens(&self.settings, 2) {
            true => queue.put_next(&TABLE, task),
            false => queue.put(&TABLE, task),
        };
        if let Some(overflow) = overflow {
            self.injector.push(&TABLE, overflow);
        }
        self.submit();
    }
}
