//! Where a goroutine goes that has been woken.

use super::{Env, Here, Instance, M};
use crate::core::chain::Task;
use selvedge::rt::twin::is_twin;
use std::sync::Arc;

/// Puts a goroutine that has begun where it goes on: into the queue of its home if it `stays`, or else into that of the P of this M.
/// The caller has ended the goroutine's wait, and is the only one to make it runnable; `here` is the M of the thread, if it is
/// one.
#[inline]
pub fn make_runnable<E: Env>(task: Task, home: &Arc<M<E>>, stays: bool, here: Option<&Here<E>>) {
    // What is used of the home is cloned, because the goroutine may run, and its instance end, before the call returns.
    match here {
        Some(here) if stays && Arc::ptr_eq(&here.m, home) && !says_it_sleeps(here) => here.put_next(task),
        _ => {
            let home = Arc::clone(home);
            // The queue of the P is used in the runtime only (M3), and so are the lists that others share (L1 of `core::list_lock`).
            let _in_runtime = here.map(Here::enter_runtime);
            match here {
                _ if stays => home.post(task),
                Some(here) if Arc::ptr_eq(&here.m.instance, &home.instance) => {
                    here.m.instance.put_queued(here, task, true);
                }
                _ => home.instance.inject(task),
            }
        }
    }
}

/// Returns whether the M has said that it sleeps, though it runs this: it reports what it has found. Then it looks at its
/// mail only.
fn says_it_sleeps<E: Env>(here: &Here<E>) -> bool {
    // The twin lets a goroutine that is woken meanwhile wait beside its M.
    !is_twin() && here.m.mailbox.is_asleep() // site: look-whether-this-m-sleeps
}

impl<E: Env> Instance<E> {
    /// Puts a goroutine that any M may run where one finds it: first in the queue of this M's P, or last.
    pub fn put_queued(self: &Arc<Self>, here: &Here<E>, task: Task, is_next: bool) {
        let Some(proc) = here.proc.get() else { return self.inject(task) };
        let queue = &self.queues[proc];
        let overflow = match is_next && !self.env.happens(2) {
            true => queue.put_next(&self.env, task),
            false => queue.put(&self.env, task),
        };
        if let Some(overflow) = overflow {
            self.injector.push(&self.env, overflow);
        }
        self.submit();
    }
}
