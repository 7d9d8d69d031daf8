//! Calls that block the thread: meanwhile other Ms run the goroutines that have not begun.

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
    if depth == 0
        && let Some(proc) = here.proc.take()
    {
        here.m.instance.give_away(proc);
    }
}

/// Gets a P again.
pub(super) fn end(here: &Here) {
    if here.running.get() == 0 || here.in_runtime.get() {
        return;
    }
    let depth = here.blocked.get() - 1;
    if depth == 0 {
        here.get_proc();
    }
    here.blocked.set(depth);
}
