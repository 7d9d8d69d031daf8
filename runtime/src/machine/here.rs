//! What a thread that runs goroutines knows, and only itself uses.

use super::{Here, M};
use crate::goroutine::{TABLE, slot};
use crate::migration::Block;
use crate::settings::Mode;
use crate::stack::Cache;
use core::cell::{Cell, RefCell};
use core::panic::Location;
use core::ptr::null;
use std::backtrace::Backtrace;
use std::sync::Arc;

/// What a goroutine is resumed for.
pub(crate) enum Command {
    /// It goes on.
    Run,
    /// It leaves its trace at this place, and suspends itself again.
    Trace(*mut Option<Backtrace>),
}

/// What an M keeps for the goroutines that it starts.
#[derive(Default)]
pub(crate) struct Caches {
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
    // SAFETY: the pointer is null or set by `enter`, whose guard outlives all code that runs on this thread meanwhile;
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
        self.m.own.set_locals(None);
        HERE.set(self.before);
    }
}

/// Makes an M that of the current thread until the guard is dropped.
pub(super) fn enter(here: &Here) -> Entered {
    let entered = Entered { m: Arc::clone(&here.m), before: HERE.replace(here) };
    find_locals(here);
    entered
}

/// Finds out where the thread-locals of this thread are, if that is asked for.
fn find_locals(here: &Here) {
    if here.instance().env.settings.scans_stacks() {
        here.m.own.set_locals(Block::of_this_thread(core::ptr::from_ref(here).addr()));
    }
}

/// Finds out again where they are, if a library has been loaded since.
pub(super) fn update_locals(here: &Here) {
    let is_checked = here.instance().env.settings.migration.0 == Mode::Checked;
    if is_checked && !here.m.own.with_locals(|locals| locals.is_some_and(Block::is_current)) {
        find_locals(here);
    }
}

impl Caches {
    /// Takes a free slot of the table.
    pub(super) fn take_slot(&self) -> u32 {
        let mut slots = self.slots.borrow_mut();
        if slots.is_empty() {
            *slots = TABLE.take(32);
        }
        slots.pop().unwrap_or_else(|| unreachable!("the table gives at least one slot"))
    }

    /// Gives a slot back.
    pub(super) fn put_slot(&self, task: u32) {
        let mut slots = self.slots.borrow_mut();
        if slots.len() == 64 {
            TABLE.put(slots.drain(32..));
        }
        slots.push(task);
    }

    pub(super) fn stacks(&self) -> core::cell::RefMut<'_, Cache> {
        self.stacks.borrow_mut()
    }
}

impl Drop for Caches {
    fn drop(&mut self) {
        TABLE.put(self.slots.get_mut().drain(..));
    }
}
