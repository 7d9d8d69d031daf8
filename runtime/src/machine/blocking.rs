//! Calls that block the thread: meanwhile other Ms run the goroutines that have not begun.
//!
//! The P is given away at once, and not only once another thread misses it: to leave it idle costs a fetch_add, a fence and
//! a look at the queues, and a thread that submits work meanwhile finds it there.

use super::here::{Here, here};

/// Runs `f`, which may block this thread.
pub(crate) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            if let Some(here) = here() {
                end(here);
            }
        }
    }
    let Some(here) = here() else { return f() };
    begin(here);
    let _ends = Ends;
    f()
}

/// Gives the P away, since the goroutine is about to block its thread. The M stays counted as awake.
pub(super) fn begin(here: &Here) {
    // Inside the runtime the thread blocks for a moment, and keeps its P.
    if here.running.get() == 0 || here.in_runtime.get() {
        return;
    }
    let depth = here.blocked.get();
    here.blocked.set(depth + 1);
    if depth == 0 {
        here.in_runtime.set(true);
        here.come_back();
        here.m.ends();
        if let Some(proc) = here.proc.take() {
            here.m.instance.give_away(proc);
        }
        here.in_runtime.set(false);
    }
}

/// Gets a P again.
pub(super) fn end(here: &Here) {
    if here.running.get() == 0 || here.in_runtime.get() {
        return;
    }
    let depth = here.blocked.get() - 1;
    if depth == 0 {
        here.in_runtime.set(true);
        while here.proc.get().is_none() && !here.instance().has_ended() {
            here.get_proc();
        }
        // The M was woken for a P and not to search; if another thread thought that it searches, it no longer does.
        here.stop_searching();
        here.m.begins(here.running.get(), here.bound_len());
        here.begin_slice();
        here.in_runtime.set(false);
    }
    here.blocked.set(depth);
}
