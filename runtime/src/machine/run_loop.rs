//! How the thread of an M begins, and how a goroutine ends.

use super::here::{Caches, enter};
use super::native::home;
use super::{Here, M, monitor};
use crate::core::ready;
use crate::core::scheduler;
use crate::goroutine::slot;
use crate::stack::Stack;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::sync::Arc;

/// The body of a thread that is started for a P. The caller has counted the M.
pub(super) fn thread(m: Arc<M>, proc: usize, searching: bool) {
    crate::stack::prepare_thread();
    let instance = Arc::clone(&m.instance);
    let here = Here::new(m, Some(proc), searching, Caches::default());
    let _entered = enter(&here);
    monitor::wake();
    here.run(|| instance.has_ended());
}

/// Ends a goroutine whose body has returned.
pub(super) fn end(here: &Here, task: u32, stack: Stack) {
    let slot = slot(task);
    // SAFETY: S1: the goroutine has ended on this M, so its parts are this M's. Its values without a destructor go, and
    // the reference ends with this block.
    unsafe {
        let own = &mut *slot.own();
        own.locals = None;
        own.home = None;
        own.yielder = core::ptr::null();
        own.exits = false;
        own.is_bound = true;
        here.locked.set(here.locked.get() - core::mem::take(&mut own.locks));
    }
    // The deadline of the goroutine's last wait, which may still stand in the heap, is over.
    ready::begin_wait(&slot.word);
    slot.end();
    here.own.stacks().put(stack);
    here.own.put_slot(task);
    let instance = here.instance();
    let env = &instance.env;
    env.count_other(task, false);
    // AcqRel: the one that reads 0 has seen all that ended goroutines did.
    env.live.fetch_sub(1, AcqRel);
    // Relaxed: the main goroutine's M has stored that it has exited, before another goroutine had the slot. The number of the
    // main goroutine does not change.
    if env.main.load(Relaxed) == task && !env.main_has_exited.load(Acquire) {
        instance.end();
    }
}

/// Makes a goroutine runnable whose wait the caller has ended. The caller is the only one to do so; `here` is the M of the
/// thread, if it is one.
#[inline(never)]
pub(super) fn make_runnable(task: u32, here: Option<&Here>) {
    let (home, stays) = home(task);
    scheduler::make_runnable(task, home, stays, here);
}
