//! What becomes of goroutines that have not ended when the main goroutine returns.

use super::dump::list;
use crate::goroutine::{Slot, TABLE};
use crate::machine::Instance;
use crate::settings::Leftover;
use core::sync::atomic::Ordering::Acquire;

/// Does what the program wants, on the main goroutine, whose task this is, after it has returned.
///
/// # Panics
/// If the program wants no goroutine to be left, and one is.
pub(crate) fn look(instance: &Instance, main: u32) {
    match instance.env.settings.leftover {
        Leftover::Abandon => (),
        Leftover::Wait => instance.env.others.wait(),
        Leftover::Fail => {
            let is_other = |(task, slot): &(u32, &Slot)| *task != main && slot.is_of(instance);
            let wait = |(task, slot): (u32, &Slot)| Some((task, slot.parked_in()?));
            let waits = || TABLE.all().filter(is_other).filter_map(wait).collect::<Vec<_>>();
            let left = loop {
                let before = waits();
                // Acquire: a count of 1 has seen what the goroutines did that have ended; and the waits are looked at again
                // afterwards. Those that were parked have counted the goroutines that they have started.
                let left = instance.env.live.load(Acquire) - 1;
                // Goroutines wake each other while one after the other is looked at. If each is in the same wait before the
                // count and after it, then they were all parked at that moment.
                if left == before.len() && before == waits() {
                    break left;
                }
                crate::gosched();
            };
            assert!(left == 0, "{left} goroutines are left when the main one returns:\n{}", list_others(instance));
        }
    }
}

fn list_others(instance: &Instance) -> String {
    crate::machine::on_thread_stack(|| list(Some(instance), None))
}
