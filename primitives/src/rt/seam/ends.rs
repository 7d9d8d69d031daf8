//! What lives as long as an execution, and what is done at its end.

use super::{FailureKind, Session, Site, take_panic};
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

    /// Waits for the end of all threads but the current one, the body's.
    fn join_all(&self, site: Site) {
        let mut thread = 1;
        while thread < self.state.borrow().threads.all.len() {
            self.join(thread, site);
            thread += 1;
        }
    }
}
