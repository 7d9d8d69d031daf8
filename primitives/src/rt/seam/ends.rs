//! What lives as long as an execution, and what is done at its end.
//!
//! The body's thread does it, after the end of all other threads. Any of these may ask for it until then, also after the
//! body has returned. So that thread ends last: once its thread-locals are dropped it waits for the others.

use super::threads::Waits;
use super::{FailureKind, Session, Site, take_panic};
use core::panic::Location;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What is left to be done at the end of an execution, and the values that it keeps until then.
#[derive(Default)]
pub(super) struct Ends {
    hooks: Vec<(Site, Box<dyn FnOnce()>)>,
    /// The addresses of the values that are kept, by their keys.
    kept: Vec<(usize, *mut ())>,
}

impl Ends {
    /// Leaks what an abandoned execution has left: nothing of it runs again (E2).
    pub(super) fn leak(self) {
        core::mem::forget(self);
    }
}

impl Session {
    fn ends<R>(&self, f: impl FnOnce(&mut Ends) -> R) -> R {
        f(&mut self.state.borrow_mut().ends)
    }

    /// Calls `f` at the end of the execution.
    pub(crate) fn at_end(&self, site: Site, f: impl FnOnce() + 'static) {
        self.ends(|ends| ends.hooks.push((site, Box::new(f))));
    }

    /// Keeps the value at `value` until the end of the execution, under a key that has no value yet.
    ///
    /// # Safety
    /// `drop` may be called once with `value`, as soon as the body has returned and all other threads have ended.
    pub(crate) unsafe fn keep(
        &'static self,
        key: usize,
        value: *mut (),
        drop: unsafe fn(*mut ()),
        site: Site,
    ) {
        self.ends(|ends| ends.kept.push((key, value)));
        self.at_end(site, move || {
            // Forgotten first: the destructor may ask for it.
            self.ends(|ends| ends.kept.retain(|(known, _)| *known != key));
            // SAFETY: this is the end of the execution, and `run_ends` calls a hook once.
            unsafe { drop(value) };
        });
    }

    /// Returns the address of the value that [`keep`](Self::keep) keeps under this key, if it is there.
    pub(crate) fn kept(&self, key: usize) -> Option<*mut ()> {
        self.ends(|ends| ends.kept.iter().find(|(known, _)| *known == key).map(|(_, value)| *value))
    }

    /// Does what is to be done at the end of the execution, after the end of all threads but the current one, the body's.
    pub(super) fn run_ends(&self) {
        while let Some((site, hook)) = self.ends(|ends| ends.hooks.pop()) {
            self.join_all(site);
            if catch_unwind(AssertUnwindSafe(hook)).is_err() {
                let panic = take_panic().unwrap_or_else(|| "no message".to_string());
                let message = format!("what was to be done at the end of the execution panicked: {panic}");
                self.fail(FailureKind::Panic, message, vec![site]);
            }
        }
    }

    /// Does what other threads have asked for since the body returned, and ends the thread of the body.
    pub(super) fn run_late_ends(&self) {
        loop {
            self.await_others(Location::caller());
            if self.ends(|ends| ends.hooks.is_empty()) {
                return;
            }
            self.run_ends();
        }
    }

    /// Waits for the end of all threads but the current one, the body's.
    fn join_all(&self, site: Site) {
        while let Some(thread) = self.next_unjoined() {
            self.join(thread, site);
        }
    }

    /// Waits for the end of all other threads in the body's thread, once the body has returned. No thread waits for that one,
    /// so it is no part of a deadlock.
    fn await_others(&self, site: Site) {
        if self.backend.graph().is_none() && !self.others_have_ended() {
            // The thread that ends last wakes this one.
            self.block(Waits::Others, site);
        }
        while let Some(thread) = self.next_unjoined() {
            self.join_for(thread, Waits::Others, site);
        }
    }
}
