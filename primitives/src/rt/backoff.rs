//! Exponential back-off on real processors.

use super::task;

use core::cell::Cell;

/// Up to this step a pause is one of the processor, twice as long at each step; after it the thread gives the processor
/// away.
const LAST_SPIN: u32 = 6;

/// After this step it is time to block.
const LAST_YIELD: u32 = 10;

/// Rounds of pauses on a goroutine, whose thread has other goroutines to run: 15 pauses in all.
const TASK_ROUNDS: u32 = 4;

/// How often a thread has backed off since it began.
pub(super) struct Native {
    step: Cell<u32>,
}

impl Native {
    #[inline]
    pub(super) const fn new() -> Native {
        Native { step: Cell::new(0) }
    }

    /// Pauses the processor, each time twice as long, up to `2^LAST_SPIN` pauses.
    #[inline]
    pub(super) fn spin(&self) {
        let step = self.step.get();
        pause(step.min(LAST_SPIN));
        if step <= LAST_SPIN {
            self.step.set(step + 1);
        }
    }

    /// Pauses the processor as [`spin`](Self::spin) does, and after the longest pause gives it to other threads. A goroutine
    /// pauses a few times, if that may help, and gives nothing away (K2 of `task`).
    #[inline]
    pub(super) fn snooze(&self) {
        let step = self.step.get();
        if let Some((runtime, _)) = task::current() {
            let goes_on = step < TASK_ROUNDS && (runtime.may_spin)(step);
            pause(step.min(TASK_ROUNDS - 1));
            return self.step.set(if goes_on { step + 1 } else { LAST_YIELD + 1 });
        }
        if step <= LAST_SPIN {
            pause(step);
        } else {
            std::thread::yield_now();
        }
        if step <= LAST_YIELD {
            self.step.set(step + 1);
        }
    }

    /// Returns whether the thread has given the processor away so often that it had better block.
    #[inline]
    pub(super) fn is_completed(&self) -> bool {
        self.step.get() > LAST_YIELD
    }

    #[inline]
    pub(super) fn reset(&self) {
        self.step.set(0);
    }
}

#[inline]
fn pause(step: u32) {
    for _ in 0..1 << step {
        core::hint::spin_loop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_time_to_block_after_the_yields() {
        let native = Native::new();
        for _ in 0..=LAST_YIELD {
            assert!(!native.is_completed());
            native.snooze();
        }
        assert!(native.is_completed());
        native.snooze();
        assert_eq!(native.step.get(), LAST_YIELD + 1);
        native.reset();
        assert!(!native.is_completed());
    }

    #[test]
    fn spinning_alone_never_blocks() {
        let native = Native::new();
        (0..2 * LAST_YIELD).for_each(|_| native.spin());
        assert!(!native.is_completed());
        assert_eq!(native.step.get(), LAST_SPIN + 1);
    }
}
