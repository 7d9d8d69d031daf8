//! The report that a goroutine keeps others of its thread waiting.

use super::{say, tell};
use crate::goroutine::slot;
use crate::machine::Instance;

/// Reports that a goroutine has kept its thread for so many nanoseconds, while at least so many others of the thread wait.
pub(crate) fn report(instance: &Instance, task: u32, nanoseconds: u64, waiting: u32) {
    let slot = slot(task);
    let site = slot.site().map_or(String::new(), |site| format!(", started at {site},"));
    let text = format!(
        "goroutine {}{site} has kept its thread for {} ms, and at least {waiting} goroutines that have begun there wait; call \
         `selvedge_go::gosched` in a long computation, and wrap what blocks the thread in `selvedge_go::blocking_on_pool`",
        slot.id(),
        nanoseconds / 1_000_000
    );
    match &instance.env.settings.on_hog {
        Some(on_hog) => tell("on_hog", || on_hog(&text)),
        None => say(format_args!("warning: {text}\n")),
    }
}
