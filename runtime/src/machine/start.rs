//! Starting goroutines, and the run of an instance.

use super::here::{Caches, enter};
use super::m::Turns;
use super::native::Native;
use super::proc_clock::ProcClock;
use super::{Here, Instance, fuzz, hooks, monitor};
use crate::goroutine::{entry, slot};
use crate::report::{leftover, say};
use crate::settings::{Mode, Settings};
use crate::stack::{DEFAULT_SIZE, prepare_thread, slot_size};
use core::panic::Location;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use corosensei::Coroutine;
use selvedge::rt;
use selvedge::rt::timer::{self, Timer};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// The most Ps that an instance may come to have.
const MOST_PROCS: usize = crate::core::idle::MAX_PROCS;

/// Makes a goroutine, which is in no queue yet.
///
/// # Safety
/// What `f` borrows must live until it has returned. If `f` is not `Send`, the goroutine must begin on this thread.
unsafe fn make(
    here: &Here,
    instance: &Arc<Instance>,
    stack_size: Option<usize>,
    site: &'static Location<'static>,
    f: impl FnOnce(),
) -> u32 {
    let stack_size = stack_size.or(instance.env.settings.stack_size).unwrap_or(DEFAULT_SIZE);
    let stack = here.own.stacks().take(slot_size(stack_size)).unwrap_or_else(|error| {
        panic!(
            "there is no stack for another goroutine: {error} (if the limit of mappings is reached, raise the sysctl \
             vm.max_map_count, or use Linux 6.13 or later)"
        )
    });
    let task = here.own.take_slot();
    let its = slot(task);
    its.begin(instance, site);
    // Relaxed: a count; the queue that the goroutine goes through publishes it.
    if instance.env.live.fetch_add(1, Relaxed) == 0 && instance.env.main.load(Relaxed) == 0 {
        instance.env.main.store(task, Relaxed); // Relaxed: the first goroutine is made before any other thread knows the instance.
    }
    instance.env.count_other(task, true);
    let belongs = Arc::as_ptr(instance);
    let body = move |yielder: &corosensei::Yielder<super::Command, super::Suspend>, _| {
        // SAFETY: S1 of the table: the goroutine runs, so these parts are its own. The instance lives as long as a goroutine
        // of it does: `run` leaks it otherwise.
        let instance = unsafe {
            (*its.own()).yielder = yielder;
            &*belongs
        };
        entry::goroutine_begins_here(instance, task, f);
    };
    // SAFETY: the caller promises that what `f` borrows lives until it has returned. A coroutine that is never run to its
    // end is never dropped either.
    let coroutine = unsafe { Coroutine::with_stack_unchecked(stack, body) };
    // SAFETY: S1: the goroutine is in no queue yet, so its parts are this thread's.
    unsafe {
        let own = &mut *its.own();
        own.coroutine = Some(coroutine);
        own.is_bound = instance.env.settings.migration.0 == Mode::Never;
        own.is_scanned = instance.env.settings.scans_stacks();
    }
    task
}

/// Starts a goroutine.
///
/// # Safety
/// What `f` borrows must live until it has returned.
pub(crate) unsafe fn spawn(
    here: &Here,
    stack_size: Option<usize>,
    site: &'static Location<'static>,
    f: impl FnOnce() + Send,
) {
    let in_runtime = here.enter_runtime();
    let instance = &here.m.instance;
    // SAFETY: `f` is `Send`, and the caller promises the rest.
    let task =
        unsafe { make(here, instance, stack_size, site, f) };
    instance.put_queued(here, task, true);
    drop(in_runtime);
    fuzz::yield_perhaps();
}

/// Starts the closure of a timer, for an M that runs no goroutine.
pub(super) fn call(here: &Here, timer: rt::sync::Arc<Timer>) {
    let site = timer.site();
    let made = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: the closure owns the timer, and a timer is `Send`.
        unsafe { make(here, &here.m.instance, None, site, move || timer.run()) }
    }));
    match made {
        Ok(task) => here.m.instance.put_queued(here, task, false),
        Err(_) => {
            say(format_args!("fatal error: there is no goroutine for a timer that is due\n"));
            std::process::exit(2);
        }
    }
}

/// Starts a goroutine on this M.
///
/// # Safety
/// What `f` borrows must live until it has returned.
pub(crate) unsafe fn spawn_local(here: &Here, site: &'static Location<'static>, f: impl FnOnce()) {
    let _in_runtime = here.enter_runtime();
    let instance = &here.m.instance;
    // SAFETY: the goroutine has this M as its home below, and the caller promises the rest.
    let task = unsafe { make(here, instance, None, site, f) };
    // SAFETY: S1 of the table: the goroutine is in no queue yet, and the caller runs. What is not `Send` may be shared by the two.
    unsafe {
        let own = &mut *slot(task).own();
        own.home = Some(Arc::clone(&here.m));
        own.is_bound = true;
        (*slot(here.running.get()).own()).is_bound = true;
    }
    here.put_last(task);
}

/// Runs `main` as the first goroutine of a new instance, until it has ended.
pub(crate) fn run<R>(settings: Settings, site: &'static Location<'static>, main: impl FnOnce() -> R) -> R {
    hooks::install();
    prepare_thread();
    let procs = settings.procs.unwrap_or_else(crate::num_cpu).clamp(1, MOST_PROCS);
    let most = procs.max(crate::num_cpu()).min(MOST_PROCS);
    let clock = |me: &Weak<Instance>, proc| timer::shared(ProcClock::new(me.clone(), proc));
    let instance =
        Instance::new(most, |me| Native::new(settings, (0..most).map(|proc| clock(me, proc)).collect()));
    let here = Here::new(instance.add_m(Turns::new()), Some(0), false, Caches::default());
    let entered = enter(&here);
    instance.set_procs(procs);
    monitor::watch(&instance);
    let result = Arc::new(Mutex::new(None));
    let (ours, its) = (Arc::clone(&result), Arc::clone(&instance));
    let body = move || {
        // Relaxed: this goroutine's own number.
        let ended = entry::goroutine_begins_here_as_main(main, || leftover::look(&its, its.env.main.load(Relaxed)));
        if ended.as_ref().is_err_and(|panic| panic.is::<rt::task::Goexit>()) {
            // Release: a report on another thread reads it.
            its.env.main_has_exited.store(true, Release);
            return;
        }
        // The run ends once the goroutine has: `run_loop::end`.
        *ours.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
    };
    // SAFETY: the goroutine begins on this M; if it may go on on another one, then the program has said that what it has may.
    // `Here::run` below returns once the body has returned, or never: if
    // `main` calls `goexit`, its frames are unwound, and what it has borrowed is used no more.
    let task = unsafe { make(&here, &instance, None, site, body) };
    // SAFETY: S1 of the table: the goroutine is in no queue yet.
    unsafe { (*slot(task).own()).home = Some(Arc::clone(&here.m)) };
    here.put_last(task);
    here.run(|| instance.has_ended());
    drop(entered);
    finish(&instance);
    let ended = result.lock().unwrap_or_else(PoisonError::into_inner).take();
    match ended.unwrap_or_else(|| unreachable!("the main goroutine has left its result")) {
        Ok(result) => result,
        Err(panic) => resume_unwind(panic),
    }
}

/// Ends an instance: no goroutine of it runs again, but for those that run now, until they suspend themselves.
fn finish(instance: &Arc<Instance>) {
    instance.stop();
    // The timers are dropped here, since the M that is the last to use the instance runs no user code.
    instance.timers.iter().for_each(|timers| timers.take_timers().for_each(drop));
    // The goroutines that are left may be referred to by their slots and by channels. They are leaked with their instance.
    // Acquire: the count of goroutines is 0 only once each has used its instance for the last time.
    if instance.env.live.load(Acquire) > 0 {
        core::mem::forget(Arc::clone(instance));
    }
}
