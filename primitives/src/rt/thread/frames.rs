//! Where the frames of the running function begin, for an engine that compares the states of threads.

/// The registers that a function has to preserve for its caller: what of the caller's state is not in memory.
pub(crate) struct Registers([usize; 6]);

impl Registers {
    /// Room for them, in the caller's frame.
    #[inline(always)]
    pub(crate) fn new() -> Registers {
        Registers([0; 6])
    }

    /// Puts the registers here. The address at which the frame of the function begins that this is inlined into,
    /// or 0 where nobody knows.
    #[inline(always)]
    pub(crate) fn save(&mut self) -> usize {
        save(&mut self.0)
    }
}

/// Callee-saved registers to memory; the caller's stack pointer.
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
