//! Which run this OS thread belongs to, and the panics caught on it.

use super::{NativeRun, Session};
use core::cell::{Cell, RefCell};
use std::panic;
use std::sync::{Arc, Once};

/// The run that the current thread belongs to.
pub(crate) enum Current {
    /// No model runs here.
    Outside,
    /// A model runs natively.
    Native(Arc<NativeRun>),
    /// A model runs under an engine, whose threads are coroutines of this OS thread.
    Model(&'static Session),
}

/// The execution to which a thread or permit belongs. A `Home` may move to any OS thread, while the session itself stays
/// on its own.
#[derive(Clone, Copy)]
pub(crate) struct Home {
    session: &'static Session,
    epoch: u64,
}

// SAFETY: on another OS thread than the session's, a `Home` only compares the session's address: `get` returns the reference
// if the current OS thread's own session is the same one.
unsafe impl Send for Home {}
// SAFETY: a `Home` is never changed, and `get` returns the reference on the session's own OS thread only.
unsafe impl Sync for Home {}

impl Home {
    pub(crate) fn new(session: &'static Session) -> Home {
        Home { session, epoch: session.epoch() }
    }

    /// Returns the session, on its OS thread and during that execution; elsewhere `None`.
    pub(crate) fn get(self) -> Option<&'static Session> {
        match current() {
            Current::Model(session)
                if core::ptr::eq(session, self.session) && session.epoch() == self.epoch =>
            {
                Some(session)
            }
            _ => None,
        }
    }
}

thread_local! {
    static SESSION: Cell<Option<&'static Session>> = const { Cell::new(None) };
    static NATIVE: RefCell<Option<Arc<NativeRun>>> = const { RefCell::new(None) };
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Returns the current run.
///
/// Never inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
/// thread-local that the compiler has kept would be the first thread's.
#[inline(never)]
pub(crate) fn current() -> Current {
    if let Ok(Some(session)) = SESSION.try_with(Cell::get) {
        if !session.in_execution() {
            return Current::Outside;
        }
        session.backend.check_stack();
        return Current::Model(session);
    }
    match NATIVE.try_with(|run| run.borrow().clone()) {
        Ok(Some(run)) => Current::Native(run),
        _ => Current::Outside,
    }
}

pub(super) fn set_session(session: Option<&'static Session>) {
    SESSION.set(session);
}

pub(super) fn set_native(run: Option<Arc<NativeRun>>) -> Option<Arc<NativeRun>> {
    NATIVE.with(|current| current.replace(run))
}

fn belongs_to_a_run() -> bool {
    SESSION.try_with(|session| session.get().is_some()).unwrap_or(false)
        || NATIVE.try_with(|run| run.borrow().is_some()).unwrap_or(false)
}

/// Installs, once in the process, a panic hook that records the panics of threads that belong to a run instead of printing
/// them, and passes all other panics to the hook that was there before.
///
/// The engines install hooks of their own when they first run, which print the panics of other threads. `warm_up` must run
/// each engine once, so that this function replaces their hooks.
pub fn capture_panics(warm_up: impl FnOnce()) {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        let original = panic::take_hook();
        panic::set_hook(Box::new(|_| ()));
        warm_up();
        panic::set_hook(Box::new(move |info| {
            if belongs_to_a_run() {
                let message = info.payload_as_str().unwrap_or("a value that is not a string");
                let text = match info.location() {
                    Some(place) => format!("{message} ({}:{})", place.file(), place.line()),
                    None => message.to_string(),
                };
                let _ = PANIC.try_with(|last| last.replace(Some(text)));
            } else {
                original(info);
            }
        }));
    });
}

/// Returns the last panic on this thread, as text with its place.
pub(super) fn panic_text() -> String {
    PANIC.with_borrow(Option::clone).unwrap_or_else(|| "no message".to_string())
}

/// Puts back what [`take_panic`] took, since the thread goes on unwinding.
pub(crate) fn restore_panic(text: String) {
    PANIC.replace(Some(text));
}

/// Takes the last panic on this thread, as text with its place.
pub fn take_panic() -> Option<String> {
    PANIC.with(|last| last.take())
}
