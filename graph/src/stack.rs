//! The stacks of the program's threads.
//!
//! From its lowest address to its highest a stack is:
//!
//! - the *fence*, which cannot be accessed: a thread that touches it has overflowed its stack;
//! - the *reserve*, for the frames of the machine and of what stands between the program and the machine;
//! - the part that the program asked for. An operation of a thread whose frames go beyond this part is
//!   reported as an overflow before the operation begins, so the machine's own frames never reach the fence.

#![cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    allow(dead_code, reason = "only the signal handler asks where the fence is")
)]

use core::ops::Range;
use corosensei::stack::{DefaultStack, Stack};
use std::io;

/// Bytes of stack of a thread that asks for no size.
pub const DEFAULT_STACK_SIZE: usize = 256 * 1024;

/// The least number of bytes that a thread gets: enough for a panic.
const MINIMUM: usize = 64 * 1024;

const RESERVE: usize = 64 * 1024;

/// The part of the fence that can be lifted, for a function of the C library to come to its end.
#[cfg(target_os = "linux")]
const LIFTABLE: usize = 64 * 1024;
#[cfg(not(target_os = "linux"))]
const LIFTABLE: usize = 0;

/// A multiple of every page size in use.
const UNIT: usize = 64 * 1024;

/// Returns the bytes that a thread gets when it asks for `size`.
fn granted(size: usize) -> usize {
    // A size that no address space has room for is refused when the stack is made.
    size.max(MINIMUM).min(isize::MAX as usize / 2).next_multiple_of(UNIT)
}

/// Where the parts of a stack are.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Bounds {
    /// The highest address.
    pub(crate) base: usize,
    /// The lowest address of the part that the program asked for.
    pub(crate) floor: usize,
    /// The lowest address of the fence.
    pub(crate) limit: usize,
}

impl Bounds {
    /// Returns the bytes that the program has.
    pub(crate) fn size(&self) -> usize {
        self.base - self.floor
    }

    /// Returns the addresses that cannot be accessed.
    pub(crate) fn fence(&self) -> Range<usize> {
        self.limit..self.floor - RESERVE
    }

    /// Returns the upper part of the fence.
    pub(crate) fn liftable(&self) -> Range<usize> {
        self.floor - RESERVE - LIFTABLE..self.floor - RESERVE
    }
}

fn bounds(stack: &DefaultStack, size: usize) -> Bounds {
    let base = stack.base().get();
    Bounds { base, floor: base - size, limit: stack.limit().get() }
}

/// A stack and the bytes of it that the program has.
pub(crate) struct Sized {
    pub(crate) stack: DefaultStack,
    pub(crate) bounds: Bounds,
}

/// Stacks that no thread has, to be used again.
#[derive(Default)]
pub(crate) struct Pool(Vec<Sized>);

impl Pool {
    /// Takes a stack for a thread that asks for `size` bytes, or makes one.
    pub(crate) fn take(&mut self, size: usize) -> io::Result<Sized> {
        let size = granted(size);
        match self.0.iter().rposition(|stack| stack.bounds.size() == size) {
            Some(at) => Ok(self.0.swap_remove(at)),
            None => make(size),
        }
    }

    /// Puts a stack back that no thread runs on any more.
    pub(crate) fn put(&mut self, stack: DefaultStack, bounds: Bounds) {
        self.0.push(Sized { stack, bounds });
    }

    /// Gives the stacks back to the system.
    pub(crate) fn clear(&mut self) {
        self.0 = Vec::new();
    }
}

fn make(size: usize) -> io::Result<Sized> {
    let stack = DefaultStack::new(size + RESERVE + LIFTABLE)?;
    let bounds = bounds(&stack, size);
    forbid(bounds.liftable())?;
    Ok(Sized { stack, bounds })
}

#[cfg(target_os = "linux")]
fn forbid(addresses: Range<usize>) -> io::Result<()> {
    let start = core::ptr::with_exposed_provenance_mut(addresses.start);
    // SAFETY: the addresses are a part of the mapping of a stack that no thread has yet, and whole pages: the mapping
    // ends at a page, and all the sizes are multiples of `UNIT`.
    match unsafe { libc::mprotect(start, addresses.len(), libc::PROT_NONE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

#[cfg(not(target_os = "linux"))]
fn forbid(_: Range<usize>) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_STACK_SIZE, MINIMUM, Pool, granted};

    #[test]
    fn a_thread_gets_at_least_what_it_asks_for() {
        assert_eq!(granted(0), MINIMUM);
        assert_eq!(granted(DEFAULT_STACK_SIZE), DEFAULT_STACK_SIZE);
        assert!(granted(1_000_001) >= 1_000_001);
        assert!(Pool::default().take(usize::MAX).is_err());
    }

    #[test]
    fn a_stack_is_used_again_for_its_size_only() {
        let mut pool = Pool::default();
        let small = pool.take(0).expect("there is memory");
        let base = small.bounds.base;
        pool.put(small.stack, small.bounds);
        let large = pool.take(1 << 20).expect("there is memory");
        assert_ne!(large.bounds.base, base);
        assert_eq!(large.bounds.size(), 1 << 20);
        assert_eq!(pool.take(1).expect("there is memory").bounds.base, base);
    }

    #[test]
    fn the_parts_of_a_stack_are_apart() {
        let bounds = Pool::default().take(0).expect("there is memory").bounds;
        assert!(bounds.limit < bounds.fence().end && bounds.fence().end < bounds.floor);
        assert!(bounds.fence().contains(&bounds.limit) && bounds.liftable().start > bounds.limit);
    }
}
