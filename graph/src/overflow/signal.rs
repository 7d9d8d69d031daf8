//! Signals: actions, stacks for handlers, and what a handler can say.

use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::mem::{MaybeUninit, zeroed};
use core::ptr::{null, null_mut};
use libc::{sigaction, siginfo_t, stack_t};

/// Bytes of a signal stack, far more than the handlers and the kernel's frame need.
const SIGNAL_STACK: usize = 64 * 1024;

pub(super) type Handler = unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void);

pub(super) fn action_of(signal: c_int) -> sigaction {
    // SAFETY: all zeroes is a `sigaction`, and the call writes nothing else.
    unsafe {
        let mut action: sigaction = zeroed();
        libc::sigaction(signal, null(), &raw mut action);
        action
    }
}

pub(super) fn set_action(signal: c_int, handler: Handler) {
    // SAFETY: all zeroes is a `sigaction` with an empty mask. The handlers of this module are safe to run at any
    // instruction: they allocate nothing, take no lock, and read thread-locals that need no initialization.
    unsafe {
        let mut action: sigaction = zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_sigaction = handler as *const () as usize;
        libc::sigaction(signal, &raw const action, null_mut());
    }
}

/// Text of bounded length, without an allocation.
struct Line {
    bytes: [u8; 256],
    length: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = &mut self.bytes[self.length..];
        let length = text.len().min(room.len());
        room[..length].copy_from_slice(&text.as_bytes()[..length]);
        self.length += length;
        Ok(())
    }
}

/// Writes to the standard error.
pub(super) fn say(text: core::fmt::Arguments<'_>) {
    let mut line = Line { bytes: [0; 256], length: 0 };
    let _ = line.write_fmt(text);
    // SAFETY: the buffer has so many bytes. `write` may be called in a signal handler.
    unsafe { libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.length) };
}

/// A signal stack of an OS thread, until the thread ends.
pub(super) struct SignalStack(*mut MaybeUninit<[u8; SIGNAL_STACK]>);

impl SignalStack {
    /// Makes one, unless the OS thread has one that is large enough; std's are not.
    pub(super) fn unless_there_is_one() -> Option<SignalStack> {
        // SAFETY: all zeroes is a `stack_t`, and the call writes nothing else.
        let current = unsafe {
            let mut current: stack_t = zeroed();
            libc::sigaltstack(null(), &raw mut current);
            current
        };
        if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= SIGNAL_STACK / 2 {
            return None;
        }
        let memory = Box::into_raw(Box::<[u8; SIGNAL_STACK]>::new_uninit());
        let stack = stack_t { ss_sp: memory.cast(), ss_flags: 0, ss_size: SIGNAL_STACK };
        // SAFETY: the memory is this stack's alone until `drop` has taken it out of use.
        unsafe { libc::sigaltstack(&raw const stack, null_mut()) };
        Some(SignalStack(memory))
    }
}

impl Drop for SignalStack {
    fn drop(&mut self) {
        let none = stack_t { ss_sp: null_mut(), ss_flags: libc::SS_DISABLE, ss_size: SIGNAL_STACK };
        // SAFETY: the OS thread ends and runs on its own stack, so no handler is on this one; after the call none will
        // be, and no one else has the memory, which came from a box.
        unsafe {
            libc::sigaltstack(&raw const none, null_mut());
            drop(Box::from_raw(self.0));
        }
    }
}
