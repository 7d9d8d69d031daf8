//! Goroutines as such.

use crate::goroutine::{entry, slot};
use crate::machine::{self, Here, here};
use crate::settings::{OnReport, Settings};
use core::panic::Location;
use core::sync::atomic::Ordering::Relaxed;
use selvedge::rt::Join;
use selvedge::rt::task::is_in_bubble;

const OUTSIDE: &str =
    "this is no goroutine: call `selvedge_go::run` first, and start goroutines from its closure";

/// Returns the M of this thread, if a goroutine runs.
#[track_caller]
fn on_goroutine<'a>() -> &'a Here {
    here().filter(|here| here.running.get() != 0).unwrap_or_else(|| panic!("{OUTSIDE}"))
}

/// Returns how many Ps there are if the program does not say.
#[track_caller]
fn default_procs() -> usize {
    let Ok(text) = std::env::var("SELVEDGE_PROCS") else { return crate::num_cpu() };
    match text.parse() {
        Ok(procs) if (1..=crate::core::idle::MAX_PROCS).contains(&procs) => procs,
        _ => panic!("SELVEDGE_PROCS is a number from 1 to 48, and not {text:?}"),
    }
}

/// Returns the seed that the environment sets.
#[track_caller]
fn default_fuzz() -> Option<u64> {
    let text = std::env::var("SELVEDGE_GO_FUZZ").ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("SELVEDGE_GO_FUZZ is a number, and not {text:?}")))
}

/// Returns what the environment says is done with reports of waits that refer to thread-locals.
#[track_caller]
fn default_on_local() -> Option<OnReport> {
    let text = std::env::var("SELVEDGE_GO_CHECK").ok()?;
    assert!(text == "tls", "SELVEDGE_GO_CHECK is \"tls\", and not {text:?}");
    Some(Box::new(|text| crate::report::say(format_args!("warning: {text}\n"))))
}

#[track_caller]
pub(super) fn run<R>(mut settings: Settings, main: impl FnOnce() -> R) -> R {
    let is_nested = here().is_some_and(|here| here.running.get() != 0 && here.blocked.get() == 0);
    assert!(!is_nested, "`run` is called from a goroutine: wrap it in `selvedge_go::blocking`");
    assert!(
        !is_in_bubble(),
        "`run` is called in a bubble: begin the bubble on a goroutine, in the closure of `run`"
    );
    settings.procs = settings.procs.or_else(|| Some(default_procs()));
    settings.fuzz = settings.fuzz.or_else(default_fuzz);
    settings.on_local = settings.on_local.or_else(default_on_local);
    machine::run(settings, Location::caller(), main)
}

/// # Safety
/// What `f` borrows must live until it has returned.
#[track_caller]
pub(crate) unsafe fn go(f: impl FnOnce() + Send) {
    // SAFETY: by this function's contract all borrows of `f` live until `f` has returned.
    unsafe { machine::spawn(on_goroutine(), None, Location::caller(), f) };
}

#[track_caller]
pub(super) fn go_local(f: impl FnOnce() + 'static) {
    // SAFETY: the closure is `'static`, so what it borrows lives for ever.
    unsafe { machine::spawn_local(on_goroutine(), Location::caller(), f) };
}

#[track_caller]
pub(super) fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
    let here = on_goroutine();
    let site = Location::caller();
    // SAFETY: the closure is `'static`, so what it borrows lives for ever.
    Join::of_task(f, |body| unsafe { machine::spawn(here, None, site, body) })
}

#[track_caller]
pub(super) fn goexit() -> ! {
    entry::exit(on_goroutine().running.get())
}

pub(super) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    machine::blocking(f)
}

pub(super) fn blocking_on_pool<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    crate::pool::run(f)
}

pub(super) fn num_goroutine() -> usize {
    // Relaxed: a number to look at.
    here().map_or(0, |here| here.m.instance.env.live.load(Relaxed))
}

/// The name begins a trace (`report::trace`).
#[inline(never)]
fn list_goroutines_here() -> String {
    let running = here().map(|here| here.running.get()).filter(|task| *task != 0);
    machine::on_thread_stack(|| crate::report::dump::list(None, running))
}

pub(super) fn dump() -> String {
    list_goroutines_here()
}

pub(super) fn set_procs(procs: usize) -> usize {
    here().map_or_else(crate::num_cpu, |here| {
        let _in_runtime = here.enter_runtime();
        here.m.instance.set_procs(procs)
    })
}

/// Locks the goroutine's thread once more, or unlocks it once.
#[track_caller]
pub(super) fn lock_thread(more: bool) {
    let here = on_goroutine();
    // SAFETY: S1 of the table: the goroutine runs, so this part is its own.
    let locks = unsafe { &mut (*slot(here.running.get()).own()).locks };
    if more {
        *locks += 1;
        here.locked.set(here.locked.get() + 1);
    } else {
        *locks -= 1;
        here.locked.set(here.locked.get() - 1);
    }
}
