//! The thread-locals of a goroutine: those that `selvedge::rt::thread_local` declares.

use selvedge::rt::task::{Key, Make};
use std::any::Any;

/// The values of one goroutine, in the order in which they were made. Where a value has been dropped, since the goroutine ends, its
/// key stays.
#[derive(Default)]
pub(crate) struct Locals(Vec<(Key, Option<Box<dyn Any>>)>);

impl Locals {
    /// Returns the value for a key, or `Some(None)` if it has been dropped.
    fn find(&self, key: Key) -> Option<Option<*const dyn Any>> {
        let (_, value) = self.0.iter().rev().find(|value| value.0.address == key.address)?;
        Some(value.as_deref().map(|value| &raw const *value))
    }

    /// Adds a value. Most goroutines have one, so there is memory for one at first.
    fn add(&mut self, key: Key, value: Box<dyn Any>) {
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        self.0.push((key, Some(value)));
    }

    /// Drops the values that have destructors, the last one first; and those that are made meanwhile.
    ///
    /// # Safety
    /// The pointer is to the running goroutine's.
    pub(crate) unsafe fn drop_values(locals: *mut Option<Box<Locals>>) {
        loop {
            // SAFETY: the goroutine has its values alone, and no reference to them outlives this block: a destructor that
            // runs below may come here again.
            let last = unsafe {
                (*locals).as_deref_mut().and_then(Locals::take_last)
            };
            let Some(value) = last else { return };
            drop(value);
        }
    }

    /// Takes the last value that has a destructor.
    fn take_last(&mut self) -> Option<Box<dyn Any>> {
        self.0.iter_mut().rev().filter(|value| value.0.has_destructor).find_map(|value| value.1.take())
    }
}

/// Returns the value for a key, or makes one. `None`: it has been dropped, or there is none and no function to make it.
///
/// # Safety
/// The pointer is to the running goroutine's.
pub(crate) unsafe fn get(
    locals: *mut Option<Box<Locals>>,
    key: Key,
    make: Option<&mut Make<'_>>,
) -> Option<*const dyn Any> {
    // SAFETY: the goroutine has its values alone, and the reference ends with this block.
    let found = unsafe { (*locals).as_deref().and_then(|locals| locals.find(key)) };
    if let Some(found) = found {
        return found;
    }
    let value = make?();
    // SAFETY: the goroutine has its values alone, and `make` has returned, so no reference to them is left.
    let locals = unsafe { (*locals).get_or_insert_default() };
    // `make` may have made the value by itself, which then stays.
    if locals.find(key).is_none() {
        locals.add(key, value);
    }
    locals.find(key)?
}
