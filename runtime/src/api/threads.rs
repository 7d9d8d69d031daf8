//! Threads in place of goroutines, for targets on which there are none.

use crate::settings::Settings;
use selvedge::rt::{Join, thread};

#[track_caller]
pub(super) fn run<R>(_: Settings, main: impl FnOnce() -> R) -> R {
    main()
}

/// # Safety
/// What `f` borrows must live until it has returned.
#[track_caller]
pub(crate) unsafe fn go(f: impl FnOnce() + Send) {
    let f: Box<dyn FnOnce() + Send> = Box::new(f);
    // SAFETY: the two types differ in the lifetime only, and the caller promises that what `f` borrows lives long enough.
    let f = unsafe { core::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send>>(f) };
    drop(thread::spawn(f));
}

#[track_caller]
pub(super) fn go_local(f: impl FnOnce() + 'static) {
    f();
}

#[track_caller]
pub(super) fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
    Join::of_thread(f)
}

#[track_caller]
pub(super) fn goexit() -> ! {
    panic!("on this target a goroutine is a thread, which ends by returning")
}

pub(super) fn blocking<R>(f: impl FnOnce() -> R) -> R {
    f()
}

pub(super) fn blocking_on_pool<T>(f: impl FnOnce() -> T) -> T {
    f()
}

pub(super) fn num_goroutine() -> usize {
    0
}

pub(super) fn dump() -> String {
    String::new()
}

pub(super) fn set_procs(_: usize) -> usize {
    crate::num_cpu()
}

pub(super) fn lock_thread(_: bool) {}
