//! The list of goroutines.

use super::trace;
use crate::goroutine::{Slot, TABLE};
use crate::machine::Instance;
use core::fmt::Write;
use selvedge::rt::task::Why;

/// How many goroutines of a list have their stack traces: to find the names of a trace takes a millisecond or more.
const TRACES: usize = 100;

/// Returns the goroutines of an instance, or of all, each with what it does, its trace if it is parked, and where it was
/// started. The main goroutine comes first.
pub(crate) fn list(instance: Option<&Instance>, running: Option<u32>) -> String {
    let is_meant = |slot: &Slot| instance.map_or_else(|| slot.is_used(), |instance| slot.is_of(instance));
    let mut all: Vec<_> = TABLE.all().filter(|(_, slot)| is_meant(slot)).collect();
    all.sort_by_key(|(_, slot)| slot.id());
    let mut text = String::new();
    for (number, (task, slot)) in all.into_iter().enumerate() {
        let is_here = running == Some(task);
        let does = match slot.why() {
            _ if is_here => "running",
            Some(why) if slot.is_parked() => name(why),
            _ => "runnable or running",
        };
        let _ = writeln!(text, "\ngoroutine {} [{does}]:", slot.id());
        if is_here {
            text += &trace::of_this();
        } else if number < TRACES {
            text += trace::of(task).as_deref().unwrap_or_default();
        }
        if let Some(site) = slot.site() {
            let _ = writeln!(text, "started at {site}");
        }
    }
    text
}

/// Returns a reason in the words of Go's reports.
fn name(why: Why) -> &'static str {
    match why {
        Why::Receive => "chan receive",
        Why::Send => "chan send",
        Why::Select => "select",
        Why::Lock => "sync.Mutex.Lock",
        Why::RwLock => "sync.RWMutex.Lock",
        Why::Condition => "sync.Cond.Wait",
        Why::Permits => "semacquire",
        Why::Group => "sync.WaitGroup.Wait",
        Why::Once => "sync.Once.Do",
        Why::Barrier => "barrier",
        Why::Join => "join",
        Why::Permit => "park",
        Why::Sleep => "sleep",
    }
}
