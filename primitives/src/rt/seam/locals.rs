//! The thread-locals of an execution's threads.

use super::Session;
use std::any::Any;

/// The thread-locals of one thread, in the order in which they were made.
#[derive(Default)]
pub(super) struct Locals(Vec<Local>);

struct Local {
    key: usize,
    /// `None` once the thread has dropped the value.
    value: Option<Box<dyn Any>>,
    /// Whether the value has a destructor. A value without one stays until the thread has ended, as std's do.
    has_destructor: bool,
}

impl Locals {
    /// Leaks what is left.
    pub(super) fn leak(self) {
        core::mem::forget(self.0);
    }

    /// Returns the values that are left.
    pub(super) fn into_values(self) -> impl Iterator<Item = Box<dyn Any>> {
        self.0.into_iter().filter_map(|local| local.value)
    }

    fn find(&mut self, key: usize) -> Option<&mut Local> {
        self.0.iter_mut().find(|local| local.key == key)
    }

    /// Takes out the value with a destructor that was made last.
    fn take_last(&mut self) -> Option<Box<dyn Any>> {
        let alive = |local: &&mut Local| local.has_destructor && local.value.is_some();
        self.0.iter_mut().rev().find(alive)?.value.take()
    }
}

impl Session {
    fn locals<R>(&self, f: impl FnOnce(&mut Locals) -> R) -> R {
        let me = self.this_thread();
        f(&mut self.state.borrow_mut().threads.all[me].locals)
    }

    /// Returns the address of the current thread's value of a thread-local, which is made on first use and does not
    /// move; or `None` if the thread has dropped it.
    pub(crate) fn local<T: 'static>(&self, key: usize, make: impl FnOnce() -> T) -> Option<*const T> {
        let known = self.locals(|locals| locals.find(key).map(|local| address(local.value.as_deref())));
        match known {
            Some(address) => address,
            None => self.set_local(key, make()),
        }
    }

    /// Makes `value` the current thread's value of a thread-local, and returns its address; or drops `value` and returns
    /// `None` if the thread has dropped its value. A former value is dropped.
    fn set_local<T: 'static>(&self, key: usize, value: T) -> Option<*const T> {
        let value: Box<dyn Any> = Box::new(value);
        let at = address(Some(&*value));
        // What is left over is dropped outside the borrow, since its destructor may use thread-locals.
        let (at, _left_over) = self.locals(|locals| match locals.find(key) {
            Some(Local { value: None, .. }) => (None, Some(value)),
            Some(local) => (at, local.value.replace(value)),
            None => {
                locals.0.push(Local {
                    key,
                    value: Some(value),
                    has_destructor: core::mem::needs_drop::<T>(),
                });
                (at, None)
            }
        });
        at
    }

    /// Returns whether the current thread has a thread-local, or has dropped it.
    pub(crate) fn has_local(&self, key: usize) -> bool {
        self.locals(|locals| locals.find(key).is_some())
    }

    /// Drops the current thread's locals, the last one first, as std does; then those that their destructors have made.
    pub(super) fn drop_locals(&self) {
        while let Some(value) = self.locals(Locals::take_last) {
            drop(value);
        }
    }

    /// Forgets the current thread's locals, whose destructors have run.
    pub(super) fn forget_locals(&self) {
        drop(self.locals(core::mem::take));
    }
}

/// Returns the address of a value that is a `T`, if it is there.
fn address<T: 'static>(value: Option<&dyn Any>) -> Option<*const T> {
    value.and_then(|value| value.downcast_ref::<T>()).map(core::ptr::from_ref)
}
