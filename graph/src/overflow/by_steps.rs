//! The way out of the C library, instruction by instruction.

use super::library::is_program;
use super::signal::{action_of, set_action};
use super::{Running, registers};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::ptr::null_mut;
use libc::{SIGTRAP, sigaction, siginfo_t, ucontext_t};

/// A thread that has overflowed inside of the C library, and what SIGTRAP did before.
#[derive(Clone, Copy)]
struct Leaving {
    running: Running,
    sigtrap: sigaction,
}

thread_local! {
    // Without a destructor and made at compile time, so that a signal handler may use it.
    static LEAVING: Cell<Option<Leaving>> = const { Cell::new(None) };
}

/// Lets the C library go on until it returns to the program, whose frames are discarded then. Returns whether that is
/// possible.
pub(super) fn leave_library(running: Running, context: &mut ucontext_t) -> bool {
    // The library has used the lifted part up.
    if LEAVING.get().is_some() {
        return false;
    }
    let lifted = running.bounds.liftable();
    let start = core::ptr::with_exposed_provenance_mut(lifted.start);
    // SAFETY: the addresses are whole pages of the running coroutine's stack, which is not used for another coroutine
    // after an overflow.
    if unsafe { libc::mprotect(start, lifted.len(), libc::PROT_READ | libc::PROT_WRITE) } != 0 {
        return false;
    }
    LEAVING.set(Some(Leaving { running, sigtrap: action_of(SIGTRAP) }));
    set_action(SIGTRAP, on_step);
    *flags(context) |= TRAP_FLAG;
    true
}

/// SIGTRAP: an instruction of the C library has been executed.
unsafe extern "C" fn on_step(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the context, to this handler alone.
    let context = unsafe { &mut *context.cast::<ucontext_t>() };
    let Some(Leaving { running, sigtrap }) = LEAVING.get() else { return };
    if is_program(registers::program_counter(context)) {
        LEAVING.set(None);
        *flags(context) &= !TRAP_FLAG;
        // SAFETY: the action is one that the kernel has given.
        unsafe { libc::sigaction(SIGTRAP, &raw const sigtrap, null_mut()) };
        registers::discard_frames(running, context);
    }
}

/// Makes the processor raise SIGTRAP after each instruction.
const TRAP_FLAG: i64 = 1 << 8;

fn flags(context: &mut ucontext_t) -> &mut i64 {
    &mut context.uc_mcontext.gregs[libc::REG_EFL as usize]
}
