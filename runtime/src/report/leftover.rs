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
            let waits = |(task, slot): &(u32, &Slot)| *task != main && slot.is_of(instance) && slot.is_parked();
            // Acquire: a count of 1 has seen what the goroutines did that have ended.
            let left = loop {
                let left = instance.env.live.load(Acquire) - 1;
                if left == TABLE.all().filter(waits).count() {
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
