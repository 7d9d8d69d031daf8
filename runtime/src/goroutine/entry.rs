//! What runs at the base of a goroutine's stack, and how a goroutine ends.

use super::local::Locals;
use super::{Slot, slot};
use crate::machine::Instance;
use crate::report::{say, tell};
use selvedge::rt::task::Goexit;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Runs the body of a goroutine, on its stack. No panic leaves this function, whose name ends a trace (`report::trace`).
#[inline(never)]
pub(crate) fn goroutine_begins_here(instance: &Instance, task: u32, f: impl FnOnce()) {
    let slot = slot(task);
    let ended = catch_unwind(AssertUnwindSafe(f)).err().or_else(|| {
        // SAFETY: the goroutine runs, so its locals are its own.
        let locals = unsafe { &raw mut (*slot.own()).locals };
        // SAFETY: the locals are the running goroutine's.
        catch_unwind(AssertUnwindSafe(|| unsafe { Locals::drop_values(locals) })).err()
    });
    match ended {
        Some(panic) if !panic.is::<Goexit>() => failed(instance, slot, &*panic),
        _ => (),
    }
}

/// Runs the closure of the main goroutine, and `then` if it returns. The name ends a trace (`report::trace`).
#[inline(never)]
pub(crate) fn goroutine_begins_here_as_main<R>(
    main: impl FnOnce() -> R,
    then: impl FnOnce(),
) -> std::thread::Result<R> {
    let result = catch_unwind(AssertUnwindSafe(main))?;
    catch_unwind(AssertUnwindSafe(then))?;
    Ok(result)
}

/// Ends the process for a panic that nothing has caught, or calls what the program has asked for.
fn failed(instance: &Instance, slot: &Slot, panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let text = text.unwrap_or("a value that is not a string");
    match &instance.env.settings.on_panic {
        Some(on_panic) => tell("on_panic", || on_panic(slot.id(), text)),
        None => {
            let site = slot.site().map_or(String::new(), |site| format!(", started at {site}"));
            say(format_args!("\nfatal error: goroutine {} panicked{site}: {text}\n", slot.id()));
            std::process::exit(2);
        }
    }
}

/// Ends the running goroutine: runs the destructors of its values, and nothing of what follows.
pub(crate) fn exit(task: u32) -> ! {
    // SAFETY: the goroutine runs, so this part of its slot is its own.
    unsafe { (*slot(task).own()).exits = true };
    resume_unwind(Box::new(Goexit))
}

/// Unwinds again if the goroutine has called `goexit` and a `catch_unwind` has swallowed that.
pub(crate) fn go_on_exiting(task: u32) {
    // SAFETY: the goroutine runs, so this part of its slot is its own.
    let exits = unsafe { (*slot(task).own()).exits };
    if exits && !std::thread::panicking() {
        resume_unwind(Box::new(Goexit));
    }
}
