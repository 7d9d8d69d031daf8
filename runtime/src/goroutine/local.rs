//! The thread-locals of a goroutine: those that `selvedge::rt::thread_local` declares.

use selvedge::rt::task::{Key, Make};
use std::any::Any;

/// The values of one goroutine, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Locals {
    values: Vec<(Key, Box<dyn Any>)>,
    /// The keys whose values have been dropped, since the goroutine ends.
    gone: Vec<Key>,
}

impl Locals {
    /// Returns the value for a key, if there is one.
    fn find(&self, key: Key) -> Option<*const dyn Any> {
        self.values.iter().rev().find(|value| value.0.address == key.address).map(|value| &raw const *value.1)
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
        let at = self.values.iter().rposition(|value| value.0.has_destructor)?;
        let (key, value) = self.values.remove(at);
        self.gone.push(key);
        Some(value)
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
    let (found, is_gone) = unsafe {
        (*locals).as_deref().map_or((None, false), |locals| (locals.find(key), locals.gone.contains(&key)))
    };
    if found.is_some() || is_gone {
        return found;
    }
    let value = make?();
    // SAFETY: the goroutine has its values alone, and `make` has returned, so no reference to them is left.
    let locals = unsafe { (*locals).get_or_insert_default() };
    // `make` may have made the value by itself, which then stays.
    if let Some(found) = locals.find(key) {
        return Some(found);
    }
    locals.values.push((key, value));
    locals.find(key)
}
