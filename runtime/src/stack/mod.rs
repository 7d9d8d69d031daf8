//! The stacks of goroutines.
//!
//! A *slot* is the memory of one stack; its lowest page is the *guard*, which cannot be accessed. Slots of one size are
//! cut from *chunks*, mappings of [`SLOTS`] slots that are reserved and not committed: a page costs memory once a
//! goroutine has touched it. A stack that a goroutine leaves is used again as it is.

mod map;
mod overflow;
mod pool;

pub(crate) use overflow::prepare_thread;
pub(crate) use pool::Cache;

use core::num::NonZeroUsize;
use corosensei::stack::StackPointer;

/// Bytes of stack of a goroutine, the guard included, unless [`Builder::stack_size`](crate::Builder::stack_size) says
/// otherwise: enough for a panic with a back trace in a build without optimisation.
pub(crate) const DEFAULT_SIZE: usize = 64 * 1024;

/// The least: a panic's message needs 15 KiB.
const MINIMUM: usize = 32 * 1024;

/// The most: 1 GiB, as in Go.
const MAXIMUM: usize = 1 << 30;

/// Slots of a chunk.
const SLOTS: usize = 1024;

/// Returns the size of the slots for a stack of `size` bytes: a power of two.
pub(crate) fn slot_size(size: usize) -> usize {
    size.clamp(MINIMUM, MAXIMUM).next_power_of_two()
}

/// All slots are aligned alike, so the frames that each goroutine uses most would lie in the same few sets of the cache. A stack
/// begins fewer steps below the slot's end than this, to spread them.
const COLOURS: usize = 16;

/// Bytes of a step.
const STEP: usize = 128;

/// A stack that one goroutine has, until it goes back to the pool: the lowest address of the slot, and in its low bits, which are 0
/// in the address of a slot, the binary logarithm of the slot's size.
#[derive(Debug)]
pub(crate) struct Stack(usize);

impl Stack {
    fn new(limit: usize, size: usize) -> Stack {
        Stack(limit | size.trailing_zeros() as usize)
    }

    pub(crate) fn size(&self) -> usize {
        1 << (self.0 % MINIMUM)
    }

    /// Returns the lowest address of the slot.
    fn lowest(&self) -> usize {
        self.0 - self.0 % MINIMUM
    }

    /// Returns how far below the slot's end the stack begins.
    fn colour(&self) -> usize {
        self.lowest() / self.size() % COLOURS * STEP
    }
}

fn pointer(address: usize) -> StackPointer {
    NonZeroUsize::new(address).unwrap_or(NonZeroUsize::MAX)
}

// SAFETY: the memory from `limit` up to `base` is mapped for good and this stack's alone. Its lowest page is a guard (`map`),
// and the rest is more than corosensei's minimum. `base` is a multiple of 128 bytes below a multiple of the page size, so
// both are aligned.
unsafe impl corosensei::stack::Stack for Stack {
    fn base(&self) -> StackPointer {
        pointer(self.lowest() + self.size() - self.colour())
    }

    fn limit(&self) -> StackPointer {
        pointer(self.lowest())
    }
}

#[cfg(test)]
mod tests {
    use super::{COLOURS, DEFAULT_SIZE, MAXIMUM, MINIMUM, STEP, Stack, slot_size};
    use corosensei::stack::Stack as _;

    #[test]
    fn a_stack_is_the_slot_that_it_was_made_of() {
        for size in [MINIMUM, DEFAULT_SIZE, MAXIMUM] {
            let slots = (1..=2 * COLOURS).map(|slot| (slot, Stack::new(slot * size, size)));
            for (slot, stack) in slots {
                assert_eq!((stack.size(), stack.limit().get()), (size, slot * size));
                assert_eq!(stack.base().get(), (slot + 1) * size - slot % COLOURS * STEP);
            }
        }
    }

    #[test]
    fn sizes_are_powers_of_two_within_bounds() {
        assert_eq!([0, 1 << 16, (1 << 16) + 1].map(slot_size), [MINIMUM, DEFAULT_SIZE, 2 * DEFAULT_SIZE]);
        assert_eq!(slot_size(usize::MAX), MAXIMUM);
    }
}
