//! The words of a stack that does not run.

use core::arch::asm;

/// How many registers a function keeps for its caller.
#[cfg(target_arch = "x86_64")]
const KEPT: usize = 6;
#[cfg(target_arch = "aarch64")]
const KEPT: usize = 11;

/// The registers that a function keeps for its caller. Those that the current function has not pushed hold what its callers
/// have in them: on the stack they are words like others.
pub(crate) struct Registers([usize; KEPT]);

impl Registers {
    pub(crate) const fn new() -> Registers {
        Registers([0; KEPT])
    }

    /// Fills them in, and returns their address, from which on the stack holds all that the callers' frames refer to.
    #[inline(always)]
    pub(crate) fn save(&mut self) -> usize {
        let place = self.0.as_mut_ptr();
        // SAFETY: the place has room for the registers, and nothing else is changed.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!(
                "mov [{0}], rbx", "mov [{0} + 8], rbp", "mov [{0} + 16], r12",
                "mov [{0} + 24], r13", "mov [{0} + 32], r14", "mov [{0} + 40], r15",
                in(reg) place, options(nostack, preserves_flags)
            );
            #[cfg(target_arch = "aarch64")]
            asm!(
                "stp x19, x20, [{0}]", "stp x21, x22, [{0}, 16]", "stp x23, x24, [{0}, 32]",
                "stp x25, x26, [{0}, 48]", "stp x27, x28, [{0}, 64]", "str x29, [{0}, 80]",
                in(reg) place, options(nostack, preserves_flags)
            );
        }
        place.addr()
    }
}

/// Returns the words from `low` up to `end`.
///
/// # Safety
/// They are mapped until the last one is read.
pub(crate) unsafe fn words(low: usize, end: usize) -> impl Iterator<Item = usize> {
    let aligned = low.next_multiple_of(size_of::<usize>());
    // SAFETY: the address is from `low` up to `end`, where the caller promises that memory is mapped.
    (aligned..end.saturating_sub(size_of::<usize>() - 1)).step_by(size_of::<usize>()).map(|address| unsafe { read(address) })
}

/// Reads a word of memory. It may be of any type, uninitialized, or written by another thread meanwhile: the instruction reads
/// what is there, and the compiler knows nothing of it.
///
/// # Safety
/// The word is mapped.
unsafe fn read(address: usize) -> usize {
    let word;
    // SAFETY: the word is mapped, and only read.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        asm!("mov {}, [{}]", out(reg) word, in(reg) address, options(nostack, readonly, preserves_flags));
        #[cfg(target_arch = "aarch64")]
        asm!("ldr {}, [{}]", out(reg) word, in(reg) address, options(nostack, readonly, preserves_flags));
    }
    word
}
