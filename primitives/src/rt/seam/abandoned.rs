//! Memory of an execution that the engine abandons, of which no destructor runs (E2): what `rt` itself has put into boxes is
//! freed, so that a long exploration does not grow by it.

use super::Session;
use super::locals::Locals;
use std::alloc::{Layout, dealloc};

/// The memory of a box.
pub(super) struct Memory(*mut u8, Layout);

impl Memory {
    pub(super) fn of<T: ?Sized>(boxed: &mut Box<T>) -> Memory {
        let layout = Layout::for_value(&**boxed);
        Memory((&raw mut **boxed).cast(), layout)
    }

    /// Frees it.
    ///
    /// # Safety
    /// Neither the box nor a call that consumes it frees the memory, and nothing in it is used again.
    pub(super) unsafe fn free(self) {
        let Memory(at, layout) = self;
        if layout.size() > 0 {
            // SAFETY: the global allocator gave a box of this layout this memory, and the caller promises the rest.
            unsafe { dealloc(at, layout) };
        }
    }
}

impl Locals {
    /// Frees the values' boxes, and leaks what the values own.
    ///
    /// # Safety
    /// No value is used again.
    unsafe fn abandon(self) {
        for mut value in self.into_values() {
            let memory = Memory::of(&mut value);
            core::mem::forget(value);
            // SAFETY: the box has been forgotten, and the caller promises the rest.
            unsafe { memory.free() };
        }
    }
}

impl Session {
    /// Ends an execution that the engine has abandoned, to go on with another branch.
    ///
    /// # Safety
    /// No thread of the execution is resumed or unwound again.
    pub unsafe fn abandon_execution(&self) {
        self.end_execution();
        let (threads, release) = {
            let mut state = self.state.borrow_mut();
            (core::mem::take(&mut state.threads.all), state.objects.abandon())
        };
        for thread in threads {
            // SAFETY: only the thread itself uses its thread-locals, and it does not go on, as the caller promises.
            unsafe { thread.locals.abandon() };
            if let Some(body) = thread.body {
                // SAFETY: the call that consumes the body has not returned, or has not begun. It never goes on, as the caller
                // promises, and no other thread has a pointer to the body.
                unsafe { body.free() };
            }
        }
        for release in release {
            release();
        }
    }

    /// Frees what the session kept for its next execution, of which there is none.
    pub fn retire(&self) {
        self.state.borrow_mut().threads.all = Vec::new();
    }
}
