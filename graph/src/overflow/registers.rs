//! The registers of a thread that a signal has interrupted.

use super::{Ended, Running};
use corosensei::trap::TrapHandlerRegs;
use libc::ucontext_t;

/// Ends the coroutine as one that has overflowed, once the handler returns.
pub(super) fn discard_frames(running: Running, context: &mut ucontext_t) {
    // SAFETY: the coroutine runs on this OS thread, interrupted on its own stack, and the registers are set as
    // corosensei asks. What the discarded frames had begun outside of their stack stays as it is: the machine reports
    // that the run has failed, and its caller does not go on with the program on this OS thread. The frames are the
    // program's, never the machine's, which begin above the reserve or not at all (`is_beyond_size`).
    let registers = unsafe { running.trap.setup_trap_handler(|| Ended::Overflowed) };
    set_registers(context, registers);
}

/// Returns where the interrupted thread was.
#[cfg(target_arch = "x86_64")]
pub(super) fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RIP as usize] as usize
}

/// Returns where the interrupted thread was.
#[cfg(target_arch = "aarch64")]
pub(super) fn program_counter(context: &ucontext_t) -> usize {
    context.uc_mcontext.pc as usize
}

/// Returns the interrupted thread's stack pointer.
#[cfg(target_arch = "x86_64")]
pub(super) fn stack_pointer(context: &ucontext_t) -> usize {
    context.uc_mcontext.gregs[libc::REG_RSP as usize] as usize
}

#[cfg(target_arch = "x86_64")]
fn set_registers(context: &mut ucontext_t, registers: TrapHandlerRegs) {
    let TrapHandlerRegs { rip, rsp, rbp, rdi, rsi } = registers;
    let to = &mut context.uc_mcontext.gregs;
    to[libc::REG_RIP as usize] = rip as i64;
    to[libc::REG_RSP as usize] = rsp as i64;
    to[libc::REG_RBP as usize] = rbp as i64;
    to[libc::REG_RDI as usize] = rdi as i64;
    to[libc::REG_RSI as usize] = rsi as i64;
}

#[cfg(target_arch = "aarch64")]
fn set_registers(context: &mut ucontext_t, registers: TrapHandlerRegs) {
    let TrapHandlerRegs { pc, sp, x0, x1, x29, lr } = registers;
    let to = &mut context.uc_mcontext;
    (to.pc, to.sp) = (pc, sp);
    (to.regs[0], to.regs[1], to.regs[29], to.regs[30]) = (x0, x1, x29, lr);
}
