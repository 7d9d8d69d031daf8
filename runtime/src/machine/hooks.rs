//! What the primitives ask of the scheduler (`selvedge::rt::task`).

use super::here::{Command, here};
use super::{Suspend, fuzz, outsiders, run_loop, start};
use crate::core::ready;
use crate::goroutine::{entry, local, slot};
use crate::migration::Registers;
use crate::report;
use core::num::NonZeroU32;
use core::panic::Location;
use core::sync::atomic::Ordering::Relaxed;
use selvedge::rt::task::{self, Key, Make, Runtime, Task, Why};
use std::any::Any;
use std::backtrace::Backtrace;
use std::time::{Duration, Instant};

/// Installs the hooks, once.
pub(super) fn install() {
    // SAFETY: `park` returns `true` if `ready::given` says so, which acquires what the unparker released. `running` names
    // the goroutine that the thread's M runs, and `id` is the number that the table gave it alone. `local` keeps each
    // goroutine's values by their keys, in boxes, until the goroutine has ended.
    unsafe { task::install(&RUNTIME) };
}

static RUNTIME: Runtime = Runtime {
    running,
    may_suspend: || here().is_some_and(|here| !here.in_runtime.get() && here.blocked.get() == 0),
    id: |task| slot(task.0.get()).id(),
    begin_wait: |task| ready::begin_wait(&slot(task.0.get()).word),
    park: goroutine_waits_here,
    is_given: |task, wait| ready::given(&slot(task.0.get()).word, wait),
    is_current_wait: |task, wait| slot(task.0.get()).is_in_wait(wait),
    unpark,
    yield_now: goroutine_yields_here,
    sleep,
    spawn,
    clock: || here().map(|here| here.instance().env.clocks[here.heap()].clone()),
    may_spin,
    local: find_local,
    blocks: |timed| match here() {
        None => !timed && outsiders::is_outside(),
        Some(here) => {
            here.begin_blocking();
            false
        }
    },
    unblocks: || {
        if let Some(here) = here() {
            here.end_blocking();
        }
    },
    parked: outsiders::count,
};

/// Runs `f`, which may block this thread.
pub(crate) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            if let Some(here) = here() {
                here.end_blocking();
            }
        }
    }
    let Some(here) = here() else { return f() };
    here.begin_blocking();
    let _ends = Ends;
    f()
}

fn running() -> Option<Task> {
    here().and_then(|here| NonZeroU32::new(here.running.get())).map(Task)
}

/// Gives the thread back, until the goroutine runs again.
///
/// Never inlined, so that what the frames of the program have in registers lies at or above [`Registers`] in this one.
#[inline(never)]
pub(super) fn suspend(task: u32, suspend: Suspend) {
    let own = slot(task).own();
    // SAFETY: S1 of the table: the goroutine runs, so this part is its own, and its yielder was set when it began.
    let (yielder, is_scanned) = unsafe { (&*(*own).yielder, (*own).is_scanned) };
    let mut registers = Registers::new();
    if is_scanned {
        let low = registers.save();
        // SAFETY: S1 of the table: the goroutine runs, so this part is its own.
        let stack = unsafe {
            (*own).low = low;
            (*own).stack()
        };
        report::local::look(task, stack);
    }
    let mut command = yielder.suspend(suspend);
    while let Command::Trace(place) = command {
        // Another thread may have resumed the goroutine: nothing but these lines runs before it is suspended again.
        let trace = yielder.on_parent_stack(Backtrace::force_capture);
        // SAFETY: the thread that asks for the trace keeps the place until the goroutine has suspended itself.
        unsafe { place.write(Some(trace)) };
        command = yielder.suspend(Suspend::Traced);
    }
    // They are kept until here.
    core::hint::black_box(&registers);
}

/// Runs `f` on the stack of this thread, if a goroutine runs here: it may need more than a goroutine has. What waits in `f`
/// blocks the thread.
pub(crate) fn on_thread_stack<R>(f: impl FnOnce() -> R + Send) -> R {
    let Some((here, task)) = here().zip(running()) else { return f() };
    let _in_runtime = here.enter_runtime();
    // SAFETY: S1 of the table: the goroutine runs, so this part is its own, and its yielder was set when it began.
    let yielder = unsafe { &*(*slot(task.0.get()).own()).yielder };
    yielder.on_parent_stack(f)
}

/// The name begins a trace (`report::trace`).
#[inline(never)]
fn goroutine_waits_here(task: Task, wait: u64, deadline: Option<Instant>, why: Why) -> bool {
    let slot = slot(task.0.get());
    entry::go_on_exiting(task.0.get());
    fuzz::yield_perhaps();
    let is_current = slot.is_in_wait(wait);
    if ready::given(&slot.word, wait) {
        return true;
    }
    if !is_current {
        return false;
    }
    if deadline.is_some_and(|deadline| deadline <= Instant::now()) {
        // A loop that asks again and again, with a deadline that has passed, lets others run.
        suspend(task.0.get(), Suspend::Yield);
        return ready::given(&slot.word, wait);
    }
    slot.set_why(Some(why));
    suspend(task.0.get(), Suspend::Park(wait, deadline));
    ready::given(&slot.word, wait)
}

fn unpark(task: Task, wait: u64) {
    let task = task.0.get();
    if ready::unpark(&slot(task).word, wait) {
        run_loop::make_runnable(task, here());
    }
}

/// Lets other goroutines run. The name begins a trace (`report::trace`).
#[inline(never)]
fn goroutine_yields_here() {
    if let Some(task) = running() {
        entry::go_on_exiting(task.0.get());
        suspend(task.0.get(), Suspend::Yield);
    }
}

fn sleep(duration: Duration) {
    let Some(task) = running() else { return };
    if duration.is_zero() {
        return goroutine_yields_here();
    }
    let wait = ready::begin_wait(&slot(task.0.get()).word);
    goroutine_waits_here(task, wait, Instant::now().checked_add(duration), Why::Sleep);
}

#[track_caller]
fn spawn(f: Box<dyn FnOnce() + Send>) {
    if let Some(here) = here() {
        // SAFETY: the closure is `'static`, so what it borrows lives for ever.
        unsafe { start::spawn(here, None, Location::caller(), f) };
    }
}

/// Go's rule: a few rounds, if another P is busy, and nothing waits here.
fn may_spin(round: u32) -> bool {
    here().is_some_and(|here| {
        let instance = here.instance();
        // Relaxed: a hint.
        let busy = instance.active.load(Relaxed).saturating_sub(instance.idle.idle() as usize);
        round < 4 && busy > 1 && !here.has_bound() && !here.has_queued()
    })
}

fn find_local(key: Key, make: Option<&mut Make<'_>>) -> Option<*const dyn Any> {
    let task = running()?;
    // SAFETY: S1 of the table: the goroutine runs, so this part is its own.
    let locals = unsafe { &raw mut (*slot(task.0.get()).own()).locals };
    // SAFETY: the locals are the running goroutine's.
    unsafe { local::get(locals, key, make) }
}
