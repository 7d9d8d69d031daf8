//! The way to a place where the frames of an overflow can be discarded, instruction by instruction.
//!
//! The fence may be touched by a function that the recursion calls, such as `malloc` or `println!`, while that function
//! holds a lock which the report needs too. So the handler lifts the upper part of the fence, and the thread goes on by
//! single steps to an instruction of the recursion itself. Such an instruction is found by its *mark*, which is an
//! instruction with its stack pointer: the instruction is reached again with a lower stack pointer, and in between the
//! stack pointer was never above the mark. Then the frame of the mark is still active, in an outer level of the
//! recursion. A step above the mark becomes the new mark: the function of the old mark has returned.
//!
//! The steps also end where the thread has come back to the part of the stack that it asked for, and after
//! [`STEPS`] steps.

use super::library::is_program;
use super::signal::set_action;
use super::{Running, registers};
use core::cell::Cell;
use core::ffi::{c_int, c_void};
use core::mem::zeroed;
use core::ptr::null_mut;
use libc::{SIGTRAP, siginfo_t, ucontext_t};

/// An instruction with its stack pointer.
#[derive(Clone, Copy)]
struct Mark {
    instruction: usize,
    stack_pointer: usize,
}

impl Mark {
    fn of(context: &ucontext_t) -> Mark {
        Mark {
            instruction: registers::program_counter(context),
            stack_pointer: registers::stack_pointer(context),
        }
    }
}

/// A thread that goes on by single steps.
#[derive(Clone, Copy)]
struct Stepping {
    running: Running,
    mark: Mark,
    /// How many steps the thread may still take.
    left: u32,
}

/// How many steps a thread takes at most: seconds of time.
const STEPS: u32 = 2_000_000;

thread_local! {
    // Without a destructor and made at compile time, so that a signal handler may use it.
    static STEPPING: Cell<Option<Stepping>> = const { Cell::new(None) };
}

/// Lets the thread that has touched the fence go on by single steps, until its frames can be discarded. Returns whether
/// that is possible: the thread may have used up the lifted part of the fence.
pub(super) fn go_on(running: Running, context: &mut ucontext_t) -> bool {
    if STEPPING.get().is_some() {
        return false;
    }
    let lifted = running.bounds.liftable();
    let start = core::ptr::with_exposed_provenance_mut(lifted.start);
    // SAFETY: the addresses are whole pages of the running coroutine's stack, which is not used for another coroutine
    // after an overflow.
    if unsafe { libc::mprotect(start, lifted.len(), libc::PROT_READ | libc::PROT_WRITE) } != 0 {
        return false;
    }
    STEPPING.set(Some(Stepping { running, mark: Mark::of(context), left: STEPS }));
    set_action(SIGTRAP, on_step);
    *flags(context) |= TRAP_FLAG;
    true
}

/// Ends the single steps of the current OS thread, if it takes any.
pub(super) fn stop(context: &mut ucontext_t) {
    STEPPING.set(None);
    *flags(context) &= !TRAP_FLAG;
}

/// Forgets the single steps of a coroutine that has ended or suspended itself: the next step ends them.
pub(super) fn forget() {
    STEPPING.set(None);
}

/// Handles SIGTRAP: the thread has executed an instruction.
unsafe extern "C" fn on_step(_: c_int, _: *mut siginfo_t, context: *mut c_void) {
    // SAFETY: the kernel passes the context, to this handler alone.
    let context = unsafe { &mut *context.cast::<ucontext_t>() };
    let Some(Stepping { running, mark, left }) = STEPPING.get() else { return not_a_step(context) };
    let now = Mark::of(context);
    let highest = if now.stack_pointer > mark.stack_pointer { now } else { mark };
    STEPPING.set(Some(Stepping { running, mark: highest, left: left.saturating_sub(1) }));
    let recurses = now.instruction == mark.instruction && now.stack_pointer < mark.stack_pointer;
    let is_back = now.stack_pointer >= running.bounds.floor;
    if (recurses || is_back || left == 0) && is_program(now.instruction) {
        stop(context);
        registers::discard_frames(running, context);
    }
}

/// Ends single steps that were forgotten. Any other SIGTRAP gets the default action, which ends the process.
fn not_a_step(context: &mut ucontext_t) {
    if *flags(context) & TRAP_FLAG != 0 {
        return stop(context);
    }
    // SAFETY: all zeroes is the default action, and both functions may be called in a signal handler.
    unsafe {
        let default: libc::sigaction = zeroed();
        libc::sigaction(SIGTRAP, &raw const default, null_mut());
        libc::raise(SIGTRAP);
    }
}

/// Makes the processor raise SIGTRAP after each instruction.
const TRAP_FLAG: i64 = 1 << 8;

fn flags(context: &mut ucontext_t) -> &mut i64 {
    &mut context.uc_mcontext.gregs[libc::REG_EFL as usize]
}
