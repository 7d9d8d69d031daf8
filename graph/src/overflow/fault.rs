//! The handler of SIGSEGV.

#[cfg(target_arch = "x86_64")]
use super::by_steps::{go_on, stop};
use super::signal::{SignalStack, action_of, say, set_action};
use super::{RUNNING, Running, library, registers};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::null_mut;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};
use core::sync::atomic::{AtomicBool, AtomicPtr};
use libc::{SIGSEGV, sigaction, siginfo_t, ucontext_t};
use std::sync::Mutex;

/// What SIGSEGV did before the handler was installed; taken by the handler that passes a fault on.
static PREVIOUS: AtomicPtr<sigaction> = AtomicPtr::new(null_mut());

thread_local! {
    static SIGNAL_STACK_IS_READY: Cell<bool> = const { Cell::new(false) };
    static OWN_SIGNAL_STACK: Cell<Option<SignalStack>> = const { Cell::new(None) };
}

/// Makes the current OS thread ready to run coroutines.
pub(crate) fn prepare() {
    install();
    if !SIGNAL_STACK_IS_READY.replace(true) {
        OWN_SIGNAL_STACK.set(SignalStack::unless_there_is_one());
    }
}

/// Installs the handler, unless it is the one that SIGSEGV has.
fn install() {
    static INSTALLING: Mutex<()> = Mutex::new(());
    let _installing = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let current = action_of(SIGSEGV);
    if current.sa_sigaction == on_fault as *const () as usize {
        return;
    }
    library::note_program(on_fault as *const () as usize);
    // What was there before is kept for ever: a handler on another OS thread may be reading it.
    let previous = Box::into_raw(Box::new(current));
    // AcqRel: publishes the action to the swap in `pass_on`.
    PREVIOUS.swap(previous, AcqRel);
    set_action(SIGSEGV, on_fault);
}

/// Handles SIGSEGV.
unsafe extern "C" fn on_fault(_: c_int, info: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes both, to this handler alone.
    let (address, context) = unsafe { ((*info).si_addr().addr(), &mut *context.cast::<ucontext_t>()) };
    let running = RUNNING.try_with(Cell::get).ok().flatten();
    let Some(running) = running.filter(|running| running.bounds.fence().contains(&address)) else {
        return pass_on();
    };
    announce(running);
    if go_on(running, context) {
        return;
    }
    if !library::is_program(registers::program_counter(context)) {
        give_up();
    }
    stop(context);
    registers::discard_frames(running, context);
}

/// Returns that the thread cannot go on: only x86-64 steps through a program for itself.
#[cfg(not(target_arch = "x86_64"))]
fn go_on(_: Running, _: &mut ucontext_t) -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn stop(_: &mut ucontext_t) {}

/// Lets the action that was there before have the fault: it is raised again when the handler returns.
fn pass_on() {
    // AcqRel: sees the action that `install` published. A null pointer says that the fault has been passed on before.
    let previous = PREVIOUS.swap(null_mut(), AcqRel);
    // SAFETY: what is not null points to an action that is never freed; all zeroes is the default action.
    unsafe {
        let default: sigaction = zeroed();
        let action = if previous.is_null() { &raw const default } else { previous.cast_const() };
        libc::sigaction(SIGSEGV, action, null_mut());
    }
}

/// Says once in the process that a report follows: the report never comes if it needs a lock that the discarded frames
/// hold, such as the one of the standard output.
fn announce(running: Running) {
    static SAID: AtomicBool = AtomicBool::new(false);
    // Relaxed: only one OS thread is to see `false`, which any read-modify-write gives.
    if !SAID.swap(true, Relaxed) {
        let size = running.bounds.size() / 1024;
        say(format_args!(
            "selvedge: a thread of a model has overflowed its stack of {size} KiB; a report follows\n"
        ));
    }
}

/// Ends the process, as nothing better can be done.
fn give_up() -> ! {
    say(format_args!(
        "selvedge: the stack has overflowed inside of the C library, so there is no report; give the thread a bigger one with \
         `thread::Builder::stack_size`\n"
    ));
    // SAFETY: nothing to uphold; `abort` may be called in a signal handler.
    unsafe { libc::abort() }
}
