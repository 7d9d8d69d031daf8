//! What a thread that runs goroutines knows, and only itself uses.

use super::{Instance, M, fuzz};
use crate::core::chain::Chain;
use crate::core::proc_state::Slice;
use crate::goroutine::{TABLE, slot};
use crate::migration::Block;
use crate::settings::Mode;
use crate::stack::Cache;
use core::cell::{Cell, RefCell};
use core::panic::Location;
use core::ptr::null;
use std::backtrace::Backtrace;
use std::sync::Arc;
use std::time::Instant;

/// Why a goroutine gives its thread back.
pub(crate) enum Suspend {
    /// It waits, in the wait of this number, and until the deadline.
    Park(u64, Option<Instant>),
    /// Others are to run first.
    Yield,
    /// It has left its trace.
    Traced,
}

/// What a goroutine is resumed for.
pub(crate) enum Command {
    /// It goes on.
    Run,
    /// It leaves its trace at this place, and suspends itself again.
    Trace(*mut Option<Backtrace>),
}

/// How many goroutines run from `next` before the others have a turn.
const STREAK: u32 = 64;

/// An M as its own thread sees it (M1).
pub(crate) struct Here {
    pub(crate) m: Arc<M>,
    /// The goroutine that runs; 0: none.
    pub(crate) running: Cell<u32>,
    /// Whether the goroutine is inside a hook: then what waits blocks the thread.
    pub(crate) in_runtime: Cell<bool>,
    /// How many blocking calls the goroutine is in, one inside the other.
    pub(crate) blocked: Cell<u32>,
    /// The P that the M has.
    pub(crate) proc: Cell<Option<usize>>,
    /// The slice of the P in which the goroutine runs.
    slice: Cell<Slice>,
    /// Whether the M counts as one that searches.
    pub(crate) searching: Cell<bool>,
    /// The goroutine that was made runnable last, which runs first; 0: none.
    next: Cell<u32>,
    streak: Cell<u32>,
    /// The goroutines of this M that can run.
    bound: RefCell<Chain>,
    /// Whether the run queue of the P has the next turn.
    pub(crate) proc_is_next: Cell<bool>,
    pub(crate) tick: Cell<u32>,
    /// How many locks keep goroutines that have not begun off this thread.
    pub(crate) locked: Cell<u32>,
    slots: RefCell<Vec<u32>>,
    stacks: RefCell<Cache>,
}

std::thread_local! {
    /// The M of this thread; null: none. Without a destructor and made at compile time, so that a signal handler may read it.
    static HERE: Cell<*const Here> = const { Cell::new(null()) };
}

/// Returns the M of this thread.
///
/// Never inlined, so that no address of the thread-local is kept across a suspension; the empty instruction keeps the compiler from
/// finding out that two calls return the same.
#[inline(never)]
pub(crate) fn here<'a>() -> Option<&'a Here> {
    // SAFETY: the text of the assembly is empty, so nothing is executed.
    unsafe { core::arch::asm!("", options(nostack, preserves_flags)) };
    // SAFETY: the pointer is null or set by `Here::enter`, whose guard outlives all code that runs on this thread meanwhile;
    // a caller uses the reference within one call, and never across a suspension.
    unsafe { HERE.get().as_ref() }
}

/// Returns the number and the origin of the goroutine that runs on this thread, for a signal handler.
pub(crate) fn signal_note() -> (u64, Option<&'static Location<'static>>) {
    here().filter(|here| here.running.get() != 0).map_or((0, None), |here| {
        let slot = slot(here.running.get());
        (slot.id(), slot.site())
    })
}

/// Makes a thread an M until it is dropped.
pub(crate) struct Entered {
    m: Arc<M>,
    before: *const Here,
}

impl Drop for Entered {
    fn drop(&mut self) {
        // From here on the thread may end.
        self.m.set_locals(None);
        HERE.set(self.before);
    }
}

impl Here {
    pub(crate) fn new(m: Arc<M>, proc: Option<usize>) -> Here {
        Here {
            m,
            running: Cell::new(0),
            in_runtime: Cell::new(false),
            blocked: Cell::new(0),
            proc: Cell::new(proc),
            slice: Cell::new(0),
            searching: Cell::new(false),
            next: Cell::new(0),
            streak: Cell::new(0),
            bound: RefCell::new(Chain::new()),
            proc_is_next: Cell::new(false),
            tick: Cell::new(0),
            locked: Cell::new(0),
            slots: RefCell::new(Vec::new()),
            stacks: RefCell::new(Cache::default()),
        }
    }

    /// Makes this the M of the current thread until the guard is dropped.
    pub(crate) fn enter(&self) -> Entered {
        let entered = Entered { m: Arc::clone(&self.m), before: HERE.replace(self) };
        self.find_locals();
        entered
    }

    /// Finds out where the thread-locals of this thread are, if that is asked for.
    fn find_locals(&self) {
        if self.instance().settings.scans_stacks() {
            self.m.set_locals(Block::of_this_thread(core::ptr::from_ref(self).addr()));
        }
    }

    /// Finds out again where they are, if a library has been loaded since.
    pub(crate) fn update_locals(&self) {
        let is_checked = self.instance().settings.migration.0 == Mode::Checked;
        if is_checked && !self.m.with_locals(|locals| locals.is_some_and(Block::is_current)) {
            self.find_locals();
        }
    }

    pub(crate) fn instance(&self) -> &Instance {
        &self.m.instance
    }

    /// Begins a slice of the P, if there is one: user code runs from here on, and the P may be taken away.
    pub(crate) fn begin_slice(&self) {
        if let Some(proc) = self.proc.get() {
            self.slice.set(self.instance().states[proc].begin());
        }
    }

    /// Comes back from user code; after this the M has no P if the P was taken away.
    pub(crate) fn come_back(&self) {
        if let Some(proc) = self.proc.get()
            && !self.instance().states[proc].back(self.slice.get())
        {
            self.proc.set(None);
        }
    }

    /// Goes on with user code, in the slice.
    pub(crate) fn go_on(&self) {
        if let Some(proc) = self.proc.get() {
            self.instance().states[proc].go_on(self.slice.get());
        }
    }

    /// Puts a goroutine of this M where it runs next, and the one that was there behind the others.
    pub(crate) fn put_next(&self, task: u32) {
        if fuzz::happens(&self.instance().settings, 2) {
            return self.put_last(task);
        }
        let displaced = self.next.replace(task);
        if displaced != 0 {
            self.bound.borrow_mut().push(&TABLE, displaced);
        }
        self.m.wait(self.bound_len());
    }

    /// Puts a goroutine of this M behind the others.
    pub(crate) fn put_last(&self, task: u32) {
        self.bound.borrow_mut().push(&TABLE, task);
        self.m.wait(self.bound_len());
    }

    /// Takes the goroutine that runs next, unless the others have not had a turn for long.
    pub(crate) fn take_next(&self) -> Option<u32> {
        let next = self.next.get();
        if next == 0 {
            return None;
        }
        self.next.set(0);
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
    pub(crate) fn take_queued(&self) -> Option<u32> {
        let queue = &self.instance().queues[self.proc.get()?];
        if queue.next().is_some() && self.goes_on() && !fuzz::happens(&self.instance().settings, 4) {
            return queue.take_next().or_else(|| queue.take());
        }
        queue.take().or_else(|| queue.take_next())
    }

    /// Puts the first of the other goroutines of this M behind the others, and the one that runs next.
    pub(crate) fn rotate(&self) {
        let next = self.next.replace(0);
        let first = self.bound.borrow_mut().pop(&TABLE);
        first.into_iter().chain((next != 0).then_some(next)).for_each(|task| self.put_last(task));
    }

    /// Takes the first of the other goroutines of this M.
    pub(crate) fn take_bound(&self) -> Option<u32> {
        self.streak.set(0);
        self.bound.borrow_mut().pop(&TABLE)
    }

    /// Takes in the goroutines of this M that other threads made runnable.
    pub(crate) fn take_inbox(&self) {
        if !self.m.inbox.is_empty() {
            self.bound.borrow_mut().append(&TABLE, self.m.inbox.take(&TABLE));
        }
    }

    pub(crate) fn has_bound(&self) -> bool {
        self.bound_len() > 0
    }

    /// Whether goroutines wait in the queue of the P, as far as that can be told while the P may be taken away.
    pub(crate) fn has_queued(&self) -> bool {
        self.proc.get().is_some_and(|proc| !self.instance().queues[proc].is_empty())
    }

    /// Returns how many goroutines of this M can run.
    pub(crate) fn bound_len(&self) -> u32 {
        u32::from(self.next.get() != 0) + self.bound.borrow().len()
    }

    /// Takes a free slot of the table.
    pub(crate) fn take_slot(&self) -> u32 {
        let mut slots = self.slots.borrow_mut();
        if slots.is_empty() {
            *slots = TABLE.take(32);
        }
        slots.pop().unwrap_or_else(|| unreachable!("the table gives at least one slot"))
    }

    /// Gives a slot back.
    pub(crate) fn put_slot(&self, task: u32) {
        let mut slots = self.slots.borrow_mut();
        if slots.len() == 64 {
            TABLE.put(slots.drain(32..));
        }
        slots.push(task);
    }

    pub(crate) fn stacks(&self) -> core::cell::RefMut<'_, Cache> {
        self.stacks.borrow_mut()
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        TABLE.put(self.slots.get_mut().drain(..));
    }
}
