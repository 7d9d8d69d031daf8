//! Calls of user code that are all made, even if one of them panics.

use crate::rt::thread::panicking;
use core::any::Any;
use core::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Keeps the first panic of several calls of user code, to be [resumed](Self::resume) after the last call.
///
/// The caller settles its own state before the first call: user code may use the object that calls it.
#[must_use = "a panic is to be resumed"]
pub(crate) struct FirstPanic(Option<Box<dyn Any + Send>>);

impl FirstPanic {
    pub(crate) const fn none() -> FirstPanic {
        FirstPanic(None)
    }

    /// Calls `f`, and returns whether it has returned without a panic.
    pub(crate) fn catch(&mut self, f: impl FnOnce()) -> bool {
        let Err(panic) = catch_unwind(AssertUnwindSafe(f)) else { return true };
        match self.0 {
            None => self.0 = Some(panic),
            Some(_) => dispose(panic),
        }
        false
    }

    /// Drops each item.
    pub(crate) fn drop_each<T>(&mut self, items: impl IntoIterator<Item = T>) {
        let mut items = items.into_iter();
        while !self.catch(|| items.by_ref().for_each(drop)) {}
    }

    /// Resumes the first panic, if there was one. While the thread unwinds from another panic the first one is dropped
    /// instead: resuming it would abort the process.
    pub(crate) fn resume(self) {
        match self.0 {
            Some(panic) if panicking() => dispose(panic),
            Some(panic) => resume_unwind(panic),
            None => (),
        }
    }
}

/// Drops a panic's payload, whose destructor may panic too. (The payload of that panic is leaked.)
pub(crate) fn dispose(panic: Box<dyn Any + Send>) {
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(panic))) {
        mem::forget(worse);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    struct Counted<'a>(&'a Cell<u32>, bool);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
            if self.1 {
                panic!("number {}", self.0.get());
            }
        }
    }

    #[test]
    fn all_items_are_dropped_and_the_first_panic_is_resumed() {
        let count = Cell::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let mut first = FirstPanic::none();
            first.drop_each((1..=5).map(|n| Counted(&count, n % 2 == 0)));
            first.catch(|| panic!("later"));
            first.resume();
        }));
        let text = result.expect_err("one panicked").downcast::<String>().expect("a text");
        assert_eq!((count.get(), &**text), (5, "number 2"));
    }

    #[test]
    fn no_panic_is_resumed_while_the_thread_unwinds() {
        struct Ends<'a>(&'a Cell<u32>);
        impl Drop for Ends<'_> {
            fn drop(&mut self) {
                let mut first = FirstPanic::none();
                first.drop_each([Counted(self.0, true), Counted(self.0, true)]);
                first.resume();
            }
        }
        let count = Cell::new(0);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let _ends = Ends(&count);
            panic!("the one before");
        }));
        let text = result.expect_err("it panicked").downcast::<&str>().expect("a text");
        assert_eq!((count.get(), *text), (2, "the one before"));
    }
}
