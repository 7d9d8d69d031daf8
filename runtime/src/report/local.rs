//! The report that a goroutine waits while its stack refers to a thread-local.

use super::{symbols, tell, trace};
use crate::goroutine::slot;
use crate::machine::{here, on_thread_stack};
use crate::migration::{Library, words};
use core::ops::Range;
use core::panic::Location;
use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};

/// What has been reported: the library, the place in its thread-locals, and where the goroutine was started.
type Reported = HashSet<(Library, usize, Option<&'static Location<'static>>)>;

static REPORTED: LazyLock<Mutex<Reported>> = LazyLock::new(Mutex::default);

/// Reports the thread-locals to which the stack of the goroutine that runs here refers, if that is asked for. The goroutine is about
/// to be suspended.
pub(crate) fn look(task: u32, stack: Range<usize>) {
    let Some(here) = here() else { return };
    let Some(on_local) = &here.instance().env.settings.on_local else { return };
    let found = here.m.own.with_locals(|locals| {
        // SAFETY: the stack is this thread's own, above the frame of the caller.
        let mut words = unsafe { words(stack.start, stack.end) };
        words.find_map(|word| locals?.variable(word))
    });
    let Some((library, offset)) = found else { return };
    let slot = slot(task);
    let known = (library.clone(), offset, slot.site());
    if !REPORTED.lock().unwrap_or_else(PoisonError::into_inner).insert(known) {
        return;
    }
    on_thread_stack(|| {
        let trace = trace::of_this();
        let name = symbols::thread_local(&library, offset);
        let name = name.map_or_else(|| format!("at {offset:#x} of {library}"), |name| format!("`{name}`"));
        let site = slot.site().map_or(String::new(), |site| format!(", started at {site},"));
        let text = format!(
            "goroutine {}{site} waits while its stack refers to the thread-local {name}: another goroutine of the thread may use it \
             meanwhile, and on another thread it would be another one\n{trace}",
            slot.id()
        );
        tell("on_thread_local", || on_local(&text));
    });
}
