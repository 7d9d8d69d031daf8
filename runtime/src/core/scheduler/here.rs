//! What a thread that runs goroutines knows, and only itself uses.

use super::{Env, Instance, M};
use crate::core::chain::{Chain, NONE, Task};
use crate::core::proc_state::Slice;
use core::cell::{Cell, RefCell};
use core::fmt;
use selvedge::rt::twin::is_twin;
use std::sync::Arc;

/// How many goroutines run from `next` before the others have a turn.
const STREAK: u32 = 64;

/// An M as its own thread sees it (M1).
pub struct Here<E: Env> {
    /// The M, as other threads see it.
    pub m: Arc<M<E>>,
    /// The goroutine that runs; 0: none.
    pub running: Cell<Task>,
    /// Whether the goroutine is inside a hook: then what waits blocks the thread.
    pub in_runtime: Cell<bool>,
    /// How many blocking calls the goroutine is in, one inside the other.
    pub blocked: Cell<u32>,
    /// The P that the M has.
    pub proc: Cell<Option<usize>>,
    /// The slice of the P in which the goroutine runs.
    slice: Cell<Slice>,
    /// Whether the M counts as one that searches.
    pub(super) searching: Cell<bool>,
    /// The goroutine that was made runnable last, which runs first; 0: none.
    next: Cell<Task>,
    streak: Cell<u32>,
    /// The goroutines of this M that can run.
    bound: RefCell<Chain>,
    /// Whether the run queue of the P has the next turn.
    pub(super) proc_is_next: Cell<bool>,
    pub(super) tick: Cell<u32>,
    /// How many locks keep goroutines that have not begun off this thread.
    pub locked: Cell<u32>,
    /// What else there is.
    pub own: E::OfHere,
}

/// Notes that the thread is inside the runtime, until it is dropped.
#[derive(Debug)]
pub struct InRuntime<'a, E: Env> {
    here: &'a Here<E>,
    was_in: bool,
    /// Whether user code goes on afterwards.
    from_user_code: bool,
}

impl<E: Env> Drop for InRuntime<'_, E> {
    fn drop(&mut self) {
        self.here.in_runtime.set(self.was_in);
        if self.from_user_code {
            self.here.go_on();
        }
    }
}

impl<E: Env> Here<E> {
    /// Returns an M that has this P, and counts as searching or not.
    pub fn new(m: Arc<M<E>>, proc: Option<usize>, searching: bool, own: E::OfHere) -> Here<E> {
        Here {
            m,
            running: Cell::new(NONE),
            in_runtime: Cell::new(false),
            blocked: Cell::new(0),
            proc: Cell::new(proc),
            slice: Cell::new(0),
            searching: Cell::new(searching),
            next: Cell::new(NONE),
            streak: Cell::new(0),
            bound: RefCell::new(Chain::new()),
            proc_is_next: Cell::new(false),
            tick: Cell::new(0),
            locked: Cell::new(0),
            own,
        }
    }

    /// Returns the instance of the M.
    pub fn instance(&self) -> &Instance<E> {
        &self.m.instance
    }

    pub(super) fn env(&self) -> &E {
        &self.m.instance.env
    }

    /// Enters the runtime: from user code, or again. An M that runs no goroutine is there already.
    pub fn enter_runtime(&self) -> InRuntime<'_, E> {
        let was_in = self.in_runtime.replace(true);
        let from_user_code = !was_in && self.running.get() != NONE;
        if from_user_code {
            self.come_back();
        }
        InRuntime { here: self, was_in, from_user_code }
    }

    /// Begins a slice of the P, if there is one: user code runs from here on, and the P may be taken away.
    pub(super) fn begin_slice(&self) {
        if let Some(proc) = self.proc.get() {
            self.slice.set(self.instance().states[proc].begin());
        }
    }

    /// Comes back from user code; after this the M has no P if the P was taken away.
    pub(super) fn come_back(&self) {
        if let Some(proc) = self.proc.get()
            && !self.instance().states[proc].back(self.slice.get())
        {
            // The twin goes on with a P that is another M's.
            // site: notice-that-the-p-is-gone
            self.proc.set(if is_twin() { Some(proc) } else { None });
        }
    }

    /// Goes on with user code, in the slice.
    fn go_on(&self) {
        if let Some(proc) = self.proc.get() {
            self.instance().states[proc].go_on(self.slice.get());
        }
    }

    /// Puts a goroutine of this M where it runs next, and the one that was there behind the others.
    pub(super) fn put_next(&self, task: Task) {
        if self.env().happens(2) {
            return self.put_last(task);
        }
        let displaced = self.next.replace(task);
        if displaced != NONE {
            self.bound.borrow_mut().push(self.env(), displaced);
        }
        E::waits(&self.m, self.bound_len());
    }

    /// Puts a goroutine of this M behind the others.
    pub fn put_last(&self, task: Task) {
        self.bound.borrow_mut().push(self.env(), task);
        E::waits(&self.m, self.bound_len());
    }

    /// Takes the goroutine that runs next, unless the others have not had a turn for long.
    pub(super) fn take_next(&self) -> Option<Task> {
        let next = self.next.get();
        if next == NONE {
            return None;
        }
        self.next.set(NONE);
        if !self.goes_on() {
            self.put_last(next);
            return None;
        }
        Some(next)
    }

    /// Whether one more goroutine may run before the others have a turn.
    fn goes_on(&self) -> bool {
        let streak = self.streak.get();
        self.streak.set(if streak < STREAK { streak + 1 } else { 0 });
        streak < STREAK
    }

    /// Takes a goroutine from the P's queue: the one that runs next, unless the others have not had a turn for long.
    pub(super) fn take_queued(&self) -> Option<Task> {
        let queue = &self.instance().queues[self.proc.get()?];
        if queue.next().is_some() && self.goes_on() && !self.env().happens(4) {
            return queue.take_next().or_else(|| queue.take());
        }
        queue.take().or_else(|| queue.take_next())
    }

    /// Puts the first of the other goroutines of this M behind the others, and the one that runs next.
    pub(super) fn rotate(&self) {
        let next = self.next.replace(NONE);
        let first = self.bound.borrow_mut().pop(self.env());
        first.into_iter().chain((next != NONE).then_some(next)).for_each(|task| self.put_last(task));
    }

    /// Takes the first of the other goroutines of this M.
    pub(super) fn take_bound(&self) -> Option<Task> {
        self.streak.set(0);
        self.bound.borrow_mut().pop(self.env())
    }

    /// Takes in the goroutines of this M that other threads made runnable.
    pub(super) fn take_inbox(&self) {
        if !self.m.inbox.is_empty() {
            self.bound.borrow_mut().append(self.env(), self.m.inbox.take(self.env()));
        }
    }

    /// Returns whether goroutines of this M can run.
    pub fn has_bound(&self) -> bool {
        self.bound_len() > 0
    }

    /// Returns whether goroutines wait in the queue of the P, as far as that can be told while the P may be taken away.
    pub fn has_queued(&self) -> bool {
        self.proc.get().is_some_and(|proc| !self.instance().queues[proc].is_empty())
    }

    /// Returns how many goroutines of this M can run.
    pub(super) fn bound_len(&self) -> u32 {
        u32::from(self.next.get() != NONE) + self.bound.borrow().len()
    }
}

impl<E: Env> fmt::Debug for Here<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Here").field("m", &self.m).field("proc", &self.proc.get()).finish_non_exhaustive()
    }
}
