//! Overflows of stacks: a sentence, and the end of the process.
//!
//! A goroutine that overflows its stack touches its guard, and the system raises SIGSEGV. The handler runs on the thread's
//! signal stack, says which goroutine it was, and ends the process. Any other fault goes to the action that was there
//! before.

use super::map;
use crate::machine::signal_note;
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::fmt::Write;
use core::mem::{MaybeUninit, zeroed};
use core::ptr::{null, null_mut};
use core::sync::atomic::AtomicPtr;
use core::sync::atomic::Ordering::{Acquire, Release};
use libc::{SIGSEGV, sigaction, siginfo_t, stack_t};
use std::sync::Once;

/// Bytes of a signal stack.
const SIGNAL_STACK: usize = 64 * 1024;

/// What SIGSEGV did before the handler was installed.
static PREVIOUS: AtomicPtr<sigaction> = AtomicPtr::new(null_mut());

std::thread_local! {
    static READY: Cell<bool> = const { Cell::new(false) };
    static OWN_STACK: Cell<Option<SignalStack>> = const { Cell::new(None) };
}

/// Makes the current thread ready to run goroutines.
pub(crate) fn prepare_thread() {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(install);
    if !READY.replace(true) {
        OWN_STACK.set(SignalStack::unless_there_is_one());
    }
}

fn install() {
    map::page_size();
    // SAFETY: all zeroes is a `sigaction` with an empty mask. The handler allocates nothing, takes no lock, and reads
    // thread-locals that need no initialization. The action before is published before the handler is installed.
    unsafe {
        let mut before: sigaction = zeroed();
        libc::sigaction(SIGSEGV, null(), &raw mut before);
        // Release: publishes the action to the Acquire load in `pass_on`. It is kept for good.
        PREVIOUS.store(Box::into_raw(Box::new(before)), Release);
        let mut action: sigaction = zeroed();
        action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
        action.sa_sigaction = on_fault as *const () as usize;
        libc::sigaction(SIGSEGV, &raw const action, null_mut());
    }
}

unsafe extern "C" fn on_fault(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the information of this fault.
    let address = unsafe { (*info).si_addr().addr() };
    match map::guard_at(address, map::page_size()) {
        Some(size) => overflowed(size),
        // SAFETY: these are the arguments that the kernel has passed.
        None => unsafe { pass_on(signal, info, context) },
    }
}

/// Says which goroutine has overflowed its stack, and ends the process.
fn overflowed(size: usize) -> ! {
    let mut line = Line { bytes: [0; 512], length: 0 };
    let (id, site) = signal_note();
    let _ = write!(line, "fatal error: stack overflow: goroutine {id} has overflowed its stack of {} KiB", size / 1024);
    if let Some(site) = site {
        let _ = write!(line, " (started at {}:{})", site.file(), site.line());
    }
    let _ = line.write_str("; give it more with `Builder::stack_size`\n");
    // SAFETY: the buffer has so many bytes. `write` and `_exit` may be called in a signal handler.
    unsafe {
        libc::write(libc::STDERR_FILENO, line.bytes.as_ptr().cast(), line.length);
        libc::_exit(2)
    }
}

/// Lets the action that was there before have the fault.
///
/// # Safety
/// The arguments are those of a signal handler.
unsafe fn pass_on(signal: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // Acquire: synchronizes with the Release store in `install`.
    let before = PREVIOUS.load(Acquire);
    // SAFETY: the pointer is null or to an action that is kept for good. A handler with `SA_SIGINFO` takes these three
    // arguments, and one without takes the number. With the default action the fault is raised again when this returns.
    unsafe {
        let default: sigaction = zeroed();
        let action = if before.is_null() { default } else { *before };
        match action.sa_sigaction {
            libc::SIG_DFL | libc::SIG_IGN => _ = libc::sigaction(signal, &raw const default, null_mut()),
            handler if action.sa_flags & libc::SA_SIGINFO != 0 => {
                let handler = core::mem::transmute::<
                    usize,
                    unsafe extern "C" fn(c_int, *mut siginfo_t, *mut c_void),
                >(handler);
                handler(signal, info, context);
            }
            handler => core::mem::transmute::<usize, unsafe extern "C" fn(c_int)>(handler)(signal),
        }
    }
}

/// Text of bounded length, without an allocation.
struct Line {
    bytes: [u8; 512],
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

/// A signal stack of a thread, until the thread ends.
struct SignalStack(*mut MaybeUninit<[u8; SIGNAL_STACK]>);

impl SignalStack {
    /// Makes one, unless the thread has one that is large enough.
    fn unless_there_is_one() -> Option<SignalStack> {
        // SAFETY: all zeroes is a `stack_t`, and the call writes nothing else.
        let current = unsafe {
            let mut current: stack_t = zeroed();
            libc::sigaltstack(null(), &raw mut current);
            current
        };
        if current.ss_flags & libc::SS_DISABLE == 0 && current.ss_size >= SIGNAL_STACK / 8 {
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
        // SAFETY: the thread ends and runs on its own stack, so no handler is on this one; after the call none will be,
        // and nothing else has the memory, which came from a box.
        unsafe {
            libc::sigaltstack(&raw const none, null_mut());
            drop(Box::from_raw(self.0));
        }
    }
}
