//! What wakes the monitor: a counter of the system's, which a signal handler may ring too.

use core::time::Duration;
use std::sync::OnceLock;

static BELL: OnceLock<Option<libc::c_int>> = OnceLock::new();

/// Makes the bell; returns whether there is one.
pub(super) fn hang() -> bool {
    let made = BELL.get_or_init(|| {
        // SAFETY: the call makes a descriptor, which stays open for good.
        let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        (descriptor >= 0).then_some(descriptor)
    });
    made.is_some()
}

/// Wakes the monitor, or keeps it from sleeping. A signal handler may call this.
pub(super) fn ring() {
    if let Some(Some(bell)) = BELL.get() {
        let one = 1_u64;
        // SAFETY: the descriptor is open, and the eight bytes are there. A count that is full is as good as one more.
        unsafe { libc::write(*bell, (&raw const one).cast(), size_of::<u64>()) };
    }
}

/// Sleeps until the bell rings, or for this long. May return early.
pub(super) fn wait(most: Option<Duration>) {
    let Some(Some(bell)) = BELL.get() else { return };
    let milliseconds = most.map_or(-1, |most| i32::try_from(most.as_millis()).unwrap_or(i32::MAX));
    let mut poll = libc::pollfd { fd: *bell, events: libc::POLLIN, revents: 0 };
    let mut rings = 0_u64;
    // SAFETY: there is one descriptor, which is open, and room for the eight bytes that are read without waiting.
    unsafe {
        libc::poll(&raw mut poll, 1, milliseconds);
        libc::read(*bell, (&raw mut rings).cast(), size_of::<u64>());
    }
}
