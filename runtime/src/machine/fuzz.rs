//! Unusual schedules, for tests: what happens at certain points depends on numbers that come from a seed.

use super::Suspend;
use super::hooks::suspend;
use super::here;
use crate::settings::Settings;
use core::cell::Cell;

std::thread_local! {
    /// The seed, and the number that was drawn last on this thread.
    static DRAWN: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

/// Returns the next number of this thread.
///
/// Never inlined, so that no address of the thread-local is kept across a suspension.
#[inline(never)]
fn draw(seed: u64) -> u64 {
    let (before, mut state) = DRAWN.get();
    if before != seed || state == 0 {
        state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    DRAWN.set((seed, state));
    state >> 16
}

/// Returns whether something unusual happens, once in so many times.
pub(super) fn happens(settings: &Settings, once_in: u64) -> bool {
    settings.fuzz.is_some_and(|seed| draw(seed).is_multiple_of(once_in))
}

/// Pauses for a while, now and then.
pub(super) fn pause(settings: &Settings) {
    if happens(settings, 4) {
        let rounds = settings.fuzz.map_or(0, draw) % 2_000;
        (0..rounds).for_each(|_| core::hint::spin_loop());
    }
}

/// Lets others run, now and then; on a goroutine that may be suspended.
pub(super) fn yield_perhaps() {
    let task = here()
        .filter(|here| !here.in_runtime.get() && here.blocked.get() == 0 && here.running.get() != 0)
        .filter(|here| happens(&here.instance().env.settings, 4))
        .map(|here| here.running.get());
    if let Some(task) = task.filter(|_| !std::thread::panicking()) {
        suspend(task, Suspend::Yield);
    }
}
