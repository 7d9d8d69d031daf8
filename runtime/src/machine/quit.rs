//! SIGQUIT: a list of all goroutines, and the end of the process with status 2, as in Go.

use super::bell;
use crate::report;
use core::ptr::{null, null_mut};
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::Relaxed;

/// Whether the signal has come.
static HAS_COME: AtomicBool = AtomicBool::new(false);

/// Handles the signal from now on, unless the program handles or ignores it.
pub(super) fn install() {
    // SAFETY: all zeroes is a `sigaction` with an empty mask. The handler stores a flag and writes to a descriptor, which a
    // handler may do.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(libc::SIGQUIT, null(), &raw mut action);
        if action.sa_sigaction == libc::SIG_DFL {
            action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
            action.sa_sigaction = on_quit as *const () as usize;
            libc::sigaction(libc::SIGQUIT, &raw const action, null_mut());
        }
    }
}

extern "C" fn on_quit(_: libc::c_int) {
    HAS_COME.store(true, Relaxed); // Relaxed: the bell orders the flag.
    bell::ring();
}

/// Lists the goroutines and ends the process if the signal has come; for the monitor.
pub(super) fn look() {
    // Relaxed: only the monitor reads it, after the bell.
    if HAS_COME.load(Relaxed) {
        report::say(format_args!("SIGQUIT: quit\n{}\n", report::dump::list(None, None)));
        std::process::exit(2);
    }
}
