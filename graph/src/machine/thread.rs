//! Operations on threads: making them, waiting for them.

use super::{Machine, State};
use crate::Order;
use crate::event::{Event, Kind, Site, ThreadId};
use crate::overflow;
use crate::run::Status;

impl Machine {
    /// Makes a thread that runs `body`. What the caller did happens before it.
    pub fn spawn(&self, body: Box<dyn FnOnce()>, site: Site) -> ThreadId {
        self.spawn_on(None, body, site)
    }

    /// Makes a thread that runs `body` on a stack of at least this many bytes; `None`: of
    /// [`DEFAULT_STACK_SIZE`](crate::DEFAULT_STACK_SIZE).
    pub fn spawn_on(&self, stack_size: Option<usize>, body: Box<dyn FnOnce()>, site: Site) -> ThreadId {
        let recorded = self.turn();
        let child = {
            let mut state = self.state.borrow_mut();
            let State { exploration, run, .. } = &mut *state;
            let (me, k) = (run.current, run.me().spawned);
            run.me().spawned += 1;
            exploration.graph.child_of(me, k)
        };
        let spawn = match recorded {
            Some(recorded) => {
                self.replay_other(recorded, Kind::Spawn, "a spawn", site);
                recorded
            }
            None => {
                let event = Event { argument: child, ..self.event(Kind::Spawn, Order::Plain, site) };
                let added = self.state.borrow_mut().exploration.add_only(event);
                match self.note_added(added) {
                    Ok(spawn) => spawn,
                    Err(_) => unreachable!("a spawn accesses no location"),
                }
            }
        };
        let mut state = self.state.borrow_mut();
        let State { exploration, run, .. } = &mut *state;
        exploration.graph.threads[child as usize].spawn = spawn;
        let time = run.me().time;
        let length = exploration.graph.threads.len();
        run.make_room(length);
        let state = &mut run.threads[child as usize];
        state.status = Status::Ready;
        state.time = time;
        self.threads.borrow_mut().make(child, stack_size, body);
        child
    }

    /// Says that threads are alike, in the order in which the current thread has made them, one right after the other: they
    /// run the same code on the same values, and nobody treats one otherwise than another. Of the executions that differ
    /// only in which of the threads is which, at least one is explored. Returns whether some may be left out: not within the
    /// bound to fair schedules.
    pub fn alike(&self, threads: &[ThreadId]) -> bool {
        if self.options.fair_schedules {
            return false;
        }
        let graph = &mut self.state.borrow_mut().exploration.graph;
        for thread in threads {
            graph.threads[*thread as usize].like = threads.first().copied();
        }
        true
    }

    /// Waits for the end of a thread. What it did happens before this returns.
    pub fn join(&self, thread: ThreadId, site: Site) {
        loop {
            let recorded = self.turn();
            let done = self.state.borrow().run.threads[thread as usize].status == Status::Done;
            if !done {
                self.wait(Status::Join(thread));
                continue;
            }
            match recorded {
                Some(recorded) => self.replay_other(recorded, Kind::Join, "a join", site),
                None => {
                    let source = self.state.borrow().exploration.graph.last(thread);
                    let event =
                        Event { argument: thread, source, ..self.event(Kind::Join, Order::Plain, site) };
                    let added = self.state.borrow_mut().exploration.add_only(event);
                    let _ = self.note_added(added);
                }
            }
            let mut state = self.state.borrow_mut();
            let time = state.run.threads[thread as usize].time;
            let me = state.run.me();
            me.time = me.time.max(time);
            return;
        }
    }

    /// Returns whether a thread has ended.
    pub fn is_done(&self, thread: ThreadId) -> bool {
        self.state.borrow().run.threads[thread as usize].status == Status::Done
    }

    /// Ends the run if the frames of the current thread go beyond the stack that it has asked for. To be called
    /// before an operation, on the thread's stack.
    #[inline]
    pub fn check_stack(&self) {
        if overflow::is_beyond_size() {
            self.overflow();
        }
    }

    #[cold]
    fn overflow(&self) -> ! {
        {
            let run = &mut self.state.borrow_mut().run;
            run.overflow = Some(self.threads.borrow().stack_size(run.current));
        }
        overflow::forget_steps();
        self.stop()
    }

    /// Stops the current thread for good, and the execution is not counted.
    pub fn stop(&self) -> ! {
        loop {
            self.wait(Status::Stopped);
        }
    }
}
