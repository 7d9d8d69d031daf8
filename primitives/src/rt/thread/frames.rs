//! Where the frames of the running function begin, for an engine that compares the states of threads.

/// The registers that a function has to preserve for its caller: the part of the caller's state that is not in memory.
pub(crate) struct Registers([usize; 6]);

impl Registers {
    /// Returns room for the registers, in the caller's frame.
    #[inline(always)]
    pub(crate) fn new() -> Registers {
        Registers([0; 6])
    }

    /// Saves the registers here, and returns the address at which the frame begins of the function into which this is
    /// inlined; 0 on processors for which there is no code.
    #[inline(always)]
    pub(crate) fn save(&mut self) -> usize {
        save(&mut self.0)
    }
}

/// Saves the callee-saved registers to memory, and returns the caller's stack pointer.
#[cfg(target_arch = "x86_64")]
#[unsafe(naked)]
extern "sysv64" fn save(registers: &mut [usize; 6]) -> usize {
    core::arch::naked_asm!(
        "mov [rdi], rbx",
        "mov [rdi + 8], rbp",
        "mov [rdi + 16], r12",
        "mov [rdi + 24], r13",
        "mov [rdi + 32], r14",
        "mov [rdi + 40], r15",
        "lea rax, [rsp + 8]",
        "ret",
    )
}

#[cfg(not(target_arch = "x86_64"))]
fn save(_: &mut [usize; 6]) -> usize {
    0
}
