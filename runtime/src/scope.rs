//! Goroutines that may borrow from their scope.

#![allow(clippy::disallowed_types, reason = "outside a model this is native code")]

use crate::api::start_unchecked;
use core::fmt;
use core::marker::PhantomData;
use selvedge::rt::sync::Mutex;
use selvedge::rt::task::Goexit;
use selvedge::sync::WaitGroup;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

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
            match catch_unwind(AssertUnwindSafe(f)) {
                Err(panic) if !panic.is::<Goexit>() => {
                    let first = &mut *self.panic.lock();
                    let later = if first.is_none() { first.replace(panic) } else { Some(panic) };
                    core::mem::forget(later);
                }
                _ => (),
            }
        };
        // SAFETY: `scope` waits for the task of each goroutine before it returns or unwinds, and each is done when its
        // closure has returned. If the program's main goroutine ends first, then the frames of `scope` are leaked.
        unsafe { start_unchecked(body) };
    }
}

impl<'scope> Scope<'scope, '_> {
    /// Starts a goroutine in the scope, and returns the permission to wait for it and take its result. Its panic is a result,
    /// which does not come out of the scope.
    ///
    /// ```
    /// selvedge_go::run(|| {
    ///     let words = ["warp", "weft"];
    ///     let length = selvedge_go::scope(|scope| {
    ///         let joins = words.map(|word| scope.spawn(move || word.len()));
    ///         joins.map(|join| join.join().expect("no panic")).iter().sum::<usize>()
    ///     });
    ///     assert_eq!(length, 8);
    /// });
    /// ```
    ///
    /// # Panics
    /// If this is called outside [`run`](crate::run), from a plain thread.
    #[track_caller]
    pub fn spawn<T: Send + 'scope>(
        &'scope self,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedJoin<'scope, T> {
        let (result, group) = (Arc::new(Mutex::new(None)), WaitGroup::new());
        let (theirs, task) = (Arc::clone(&result), group.task());
        self.go(move || {
            let ended = catch_unwind(AssertUnwindSafe(f));
            *theirs.lock() = Some(ended);
            // The value may borrow from the scope, whose end waits for this closure: it is dropped here or by the handle.
            drop(theirs);
            drop(task);
        });
        ScopedJoin { result, group, scope: PhantomData }
    }
}

/// Permission to wait for a goroutine of a [`Scope`] and take its result.
pub struct ScopedJoin<'scope, T> {
    result: Arc<Mutex<Option<std::thread::Result<T>>>>,
    group: WaitGroup,
    scope: PhantomData<&'scope T>,
}

impl<T> ScopedJoin<'_, T> {
    /// Blocks until the goroutine has ended, which happens before this returns, and returns its result.
    ///
    /// # Errors
    /// The panic of the goroutine.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        self.group.wait();
        let result = self.result.lock().take();
        result.unwrap_or_else(|| unreachable!("a goroutine that has ended has left its result"))
    }

    /// Returns whether the goroutine has ended.
    pub fn is_finished(&self) -> bool {
        self.result.lock().is_some()
    }
}

impl<T> fmt::Debug for ScopedJoin<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScopedJoin").finish_non_exhaustive()
    }
}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
