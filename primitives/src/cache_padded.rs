//! Keeps what different threads write apart in the processors' caches.
//!
//! Processors exchange memory by blocks. Two values in one block slow each other down when different threads write them,
//! although no thread uses both (false sharing). The size of a block, for the targets that the crate supports:
//!
//! | processors | bytes | source |
//! | --- | --- | --- |
//! | x86-64 | 128 | Lines have 64 bytes, and the L2 spatial prefetcher fetches them in aligned pairs: *Intel 64 and IA-32 Architectures Optimization Reference Manual*, "Data Prefetching" |
//! | AArch64 | 128 | Apple's processors have lines of 128 bytes, as `sysctl hw.cachelinesize` says; those of most others have 64. Go's `internal/cpu/cpu_arm64.go` takes 128 for the same reason |
//! | 64-bit PowerPC | 128 | Linux's `arch/powerpc/include/asm/cache.h`, Go's `internal/cpu/cpu_ppc64x.go` |
//! | s390x | 256 | Linux's `arch/s390/include/asm/cache.h` |
//! | all others | 64 | RISC-V and LoongArch: Linux's `arch/riscv/include/asm/cache.h` and `arch/loongarch/include/asm/cache.h` |
//!
//! A block that is too big wastes memory, one that is too small wastes time; neither makes a program wrong.

use core::ops::{Deref, DerefMut};

/// A value that shares its block of cache with no other: it is aligned to the size of a block and as long as whole blocks.
#[cfg_attr(
    any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "arm64ec", target_arch = "powerpc64"),
    repr(align(128))
)]
#[cfg_attr(target_arch = "s390x", repr(align(256)))]
#[cfg_attr(
    not(any(
        target_arch = "x86_64",
        target_arch = "aarch64",
        target_arch = "arm64ec",
        target_arch = "powerpc64",
        target_arch = "s390x"
    )),
    repr(align(64))
)]
#[derive(Default)]
pub(crate) struct CachePadded<T>(T);

impl<T> CachePadded<T> {
    /// Pads `value`.
    #[inline]
    pub(crate) const fn new(value: T) -> Self {
        CachePadded(value)
    }
}

impl<T> Deref for CachePadded<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for CachePadded<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size of a block on the processors that the tests run on.
    fn block() -> usize {
        match () {
            () if cfg!(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "powerpc64")) => {
                128
            }
            () if cfg!(target_arch = "s390x") => 256,
            () => 64,
        }
    }

    #[test]
    fn neighbours_share_no_block() {
        let padded = [CachePadded::new(1_u8), CachePadded::new(2)];
        let [first, second] = padded.each_ref().map(|value| (&raw const **value).addr());
        assert_eq!((first % block(), second - first), (0, block()));
    }

    #[test]
    fn a_value_that_is_longer_than_a_block_takes_whole_blocks() {
        assert_eq!(size_of::<CachePadded<[u8; 257]>>() % block(), 0);
        assert_eq!(align_of::<CachePadded<[u8; 257]>>(), block());
    }

    #[test]
    fn the_value_is_read_and_written_through_the_padding() {
        let mut padded = CachePadded::<Vec<u8>>::default();
        padded.push(7);
        assert_eq!(padded.len(), 1);
    }
}
