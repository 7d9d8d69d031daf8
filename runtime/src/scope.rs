//! Goroutines that may borrow from their scope.

use crate::api::start_unchecked;
use core::fmt;
use core::marker::PhantomData;
use selvedge::rt::sync::Mutex;
use selvedge::sync::WaitGroup;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// A scope that goroutines are started in; see [`scope`].
pub struct Scope<'scope, 'env: 'scope> {
    group: WaitGroup,
    /// The first panic of a goroutine.
    panic: Mutex<Option<Box<dyn Any + Send>>>,
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

/// Runs `f`, which may start goroutines that borrow from outside, and returns once all of them have ended, also if `f` has
/// panicked.
///
/// # Panics
/// If `f` panics, or else if a goroutine has panicked: the first panic comes out.
///
/// ```
/// selvedge_go::run(|| {
///     let words = ["warp", "weft"];
///     selvedge_go::scope(|scope| {
///         for word in &words {
///             scope.go(move || assert_eq!(word.len(), 4));
///         }
///     });
/// });
/// ```
#[track_caller]
pub fn scope<'env, F, T>(f: F) -> T
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> T,
{
    let scope =
        Scope { group: WaitGroup::new(), panic: Mutex::new(None), scope: PhantomData, env: PhantomData };
    // A panic of `f` is caught, so that this goroutine waits for the others, which may borrow from its frames, outside any
    // unwinding.
    let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
    // An addition of nothing, in case there is no goroutine to wait for.
    scope.group.add(0);
    scope.group.wait();
    match (result, scope.panic.lock().take()) {
        (Err(panic), _) | (Ok(_), Some(panic)) => resume_unwind(panic),
        (Ok(value), None) => value,
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine in the scope.
    ///
    /// # Panics
    /// If this is called outside [`run`](crate::run), from a plain thread.
    #[track_caller]
    pub fn go(&'scope self, f: impl FnOnce() + Send + 'scope) {
        let task = self.group.task();
        let body = move || {
            // Dropped last, after everything that the closure has borrowed.
            let _task = task;
            if let Err(panic) = catch_unwind(AssertUnwindSafe(f)) {
                let first = &mut *self.panic.lock();
                let later = if first.is_none() { first.replace(panic) } else { Some(panic) };
                core::mem::forget(later);
            }
        };
        // SAFETY: `scope` waits for the task of each goroutine before it returns or unwinds, and each is done when its
        // closure has returned. If the program's main goroutine ends first, then the frames of `scope` are leaked.
        unsafe { start_unchecked(body) };
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
