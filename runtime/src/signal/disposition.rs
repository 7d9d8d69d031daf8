//! What the kernel does with a signal, and the handler.
//!
//! The handlers are set by `sigaction` itself. The crates that do so cannot be used here: while they first set a handler they
//! drop signals, they do not set the default action again, and their handlers run on the stack of the goroutine that a
//! signal interrupts, which may be too small, instead of the thread's stack for signals (`SA_ONSTACK`).
//!
//! H1. Only a thread that holds the lock of `registry` changes what the kernel does with a signal. A handler that runs late,
//! when its signal is no longer caught (`core::caught`, C1), raises it once more, and the kernel decides anew.
//!
//! H2. In a child of `fork`, which has no thread that reads the bell, a handler sets what was there before, and raises the signal
//! again.

use super::number::{NUMBERS, Signal};
use crate::core::caught::Caught;
use core::ptr::{null, null_mut};
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32};
use selvedge::rt::task::is_in_a_run;

/// Each signal, by its number.
pub(super) static CAUGHT: [Caught; NUMBERS] = [const { Caught::const_new() }; NUMBERS];

/// What was there before this module changed it, by the number; null: it has not. Never freed, since a handler may read it.
static BEFORE: [AtomicPtr<libc::sigaction>; NUMBERS] = [const { AtomicPtr::new(null_mut()) }; NUMBERS];

/// Signals that have come to a thread that runs a model of a checker, which is not to see the count; by the number.
static IN_A_MODEL: [AtomicBool; NUMBERS] = [const { AtomicBool::new(false) }; NUMBERS];

/// The process whose thread reads the bell, and the descriptor to write to; 0 and -1: there is none.
static PROCESS: AtomicU32 = AtomicU32::new(0);
static BELL: AtomicI32 = AtomicI32::new(-1);

/// Says which process handles signals from now on, and which descriptor wakes it.
pub(super) fn set_bell(descriptor: i32) {
    BELL.store(descriptor, Relaxed); // Relaxed: the store below publishes it.
    // Release: a handler that sees this process sees its bell.
    PROCESS.store(std::process::id(), Release);
}

/// Returns what the kernel does with a signal.
fn action(signal: Signal) -> libc::sigaction {
    // SAFETY: all zeroes is a `sigaction` with an empty mask, which the call writes to; it has no other effect.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(signal.number(), null(), &raw mut action);
        action
    }
}

/// Sets what the kernel does with a signal. It fails for no number that a [`Signal`] has.
fn set(signal: Signal, action: &libc::sigaction) {
    // SAFETY: the action came from the kernel, or has this module's handler, which does what a handler may do.
    unsafe { libc::sigaction(signal.number(), action, null_mut()) };
}

fn own_handler() -> usize {
    on_signal as *const () as usize
}

/// Returns whether the kernel ignores the signal.
pub(super) fn is_ignored(signal: Signal) -> bool {
    action(signal).sa_sigaction == libc::SIG_IGN
}

/// Lets the handler have the signal.
pub(super) fn catch(signal: Signal) {
    CAUGHT[signal.index()].want();
    replace(signal, own_handler());
}

/// Lets the kernel ignore the signal; the caller takes what has come.
pub(super) fn ignore(signal: Signal) {
    replace(signal, libc::SIG_IGN);
}

fn replace(signal: Signal, handler: usize) {
    let current = action(signal);
    let place = &BEFORE[signal.index()];
    // SAFETY: the pointer is null, or a box that is never freed.
    let before = unsafe { place.load(Relaxed).as_ref() }; // Relaxed: the lock of `registry` is held.
    let is_ours =
        current.sa_sigaction == own_handler() || before.is_some() && current.sa_sigaction == libc::SIG_IGN;
    let is_known = before.is_some_and(|before| {
        (before.sa_sigaction, before.sa_flags) == (current.sa_sigaction, current.sa_flags)
    });
    if !is_ours && !is_known {
        // Release: a handler reads the action.
        place.store(Box::into_raw(Box::new(current)), Release);
    }
    // SAFETY: all zeroes is a `sigaction` with an empty mask.
    let mut action: libc::sigaction = unsafe { core::mem::zeroed() };
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    action.sa_sigaction = handler;
    set(signal, &action);
}

/// Lets the kernel do what it did before this module changed it, unless another handler was set meanwhile; the caller takes what
/// has come. A handler may call this.
pub(super) fn restore(signal: Signal) {
    // Acquire: synchronizes with the Release store in `replace`: the action.
    let before = BEFORE[signal.index()].load(Acquire);
    let now = action(signal).sa_sigaction;
    if now == own_handler() || now == libc::SIG_IGN {
        // SAFETY: the pointer is null, or a box that is never freed.
        if let Some(before) = unsafe { before.as_ref() } {
            set(signal, before);
        }
    }
}

extern "C" fn on_signal(number: libc::c_int) {
    let error = errno();
    let signal = Signal::at(number as usize);
    // Acquire: synchronizes with the Release store in `set_bell`: the bell is this process's.
    if PROCESS.load(Acquire) != std::process::id() {
        restore(signal); // H2
        raise_if_restored(signal);
    } else if is_in_a_run() {
        IN_A_MODEL[signal.index()].store(true, Relaxed); // Relaxed: the bell orders it.
        ring();
    } else if CAUGHT[signal.index()].catch() {
        ring();
    } else {
        raise_if_restored(signal); // H1
    }
    set_errno(error);
}

/// Raises a signal again that was not caught, for the kernel to do what it does with it now. A handler that stands before this one
/// and calls it, as some do, has taken the signal: then nothing is raised, or it would come for ever.
fn raise_if_restored(signal: Signal) {
    // Acquire: synchronizes with the Release store in `replace`: the action.
    let before = BEFORE[signal.index()].load(Acquire);
    // SAFETY: the pointer is null, or a box that is never freed.
    let before = unsafe { before.as_ref() }.map(|before| before.sa_sigaction);
    let now = action(signal).sa_sigaction;
    if Some(now) == before || now == own_handler() {
        // The signal is blocked while its handler runs, so it comes when this one returns.
        // SAFETY: the call has no effect on memory.
        unsafe { libc::raise(signal.number()) };
    }
}

/// Wakes the thread that reads the bell; a handler may call this.
pub(super) fn ring() {
    let one = 1_u8;
    // SAFETY: the byte is there. A bell that is full is as good as one more byte.
    unsafe { libc::write(BELL.load(Relaxed), (&raw const one).cast(), 1) }; // Relaxed: the caller has seen the process.
}

/// Counts the signals that came to threads in models; for the thread that reads the bell.
pub(super) fn count_deferred() {
    for (index, deferred) in IN_A_MODEL.iter().enumerate() {
        // Relaxed: the bell orders it.
        if deferred.swap(false, Relaxed) && !CAUGHT[index].catch() {
            raise_if_restored(Signal::at(index));
        }
    }
}

/// Sends a signal to the process, which has ceased to catch it.
pub(super) fn send_again(signal: Signal) {
    // SAFETY: the call has no effect on memory.
    unsafe { libc::kill(libc::getpid(), signal.number()) };
}

/// Sets what was there before for each signal that a parent process has caught; for a child of `fork`.
pub(super) fn restore_all() {
    for signal in (1..NUMBERS).map(Signal::at) {
        if action(signal).sa_sigaction == own_handler() {
            restore(signal);
        }
        CAUGHT[signal.index()].release();
    }
}

fn errno() -> i32 {
    // SAFETY: the place is this thread's.
    unsafe { *errno_place() }
}

fn set_errno(error: i32) {
    // SAFETY: the place is this thread's.
    unsafe { *errno_place() = error };
}

fn errno_place() -> *mut i32 {
    // SAFETY: the calls return the place of this thread.
    #[cfg(any(target_os = "linux", target_os = "emscripten"))]
    return unsafe { libc::__errno_location() };
    // SAFETY: the call returns the place of this thread.
    #[cfg(any(target_os = "macos", target_os = "ios", target_os = "freebsd"))]
    return unsafe { libc::__error() };
    // SAFETY: the call returns the place of this thread.
    #[cfg(any(target_os = "android", target_os = "netbsd", target_os = "openbsd"))]
    return unsafe { libc::__errno() };
}
