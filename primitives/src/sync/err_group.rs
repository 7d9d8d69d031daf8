//! Threads or goroutines that work on parts of a task, of which one may fail.

use super::{Mutex, Permits, Semaphore, WaitGroup};
use crate::chan::{Receiver, Sender, bounded};
use crate::first_panic::dispose;
use crate::rt::sync::Arc;
use crate::rt::task::Goexit;
use crate::rt::twin::is_twin;
use crate::rt::until::Until;
use crate::rt::{task, thread};
use core::any::Any;
use core::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Threads that work on parts of a task: Go's `errgroup`.
///
/// The first error is the group's result, and closes the channel by which the other closures can tell that they are to
/// stop. [`wait`](Self::wait) returns when all closures have ended, and whatever they did happens before it returns.
///
/// A closure that panics closes the channel too, and `wait` resumes the first panic, even if a closure has failed
/// before. (Go's group lets a panic end the program.) A closure that ends its goroutine has ended without an error, as in Go.
/// A group that is dropped without a `wait` does not block, and the results of its closures are lost.
///
/// ```
/// use selvedge::sync::ErrGroup;
/// let group = ErrGroup::new();
/// group.go(|_stop| Ok(()));
/// group.go(|_stop| Err("no luck"));
/// group.go(|stop| {
///     let _ = stop.recv(); // closed by the error
///     Ok(())
/// });
/// assert_eq!(group.wait(), Err("no luck"));
/// ```
#[doc(alias("errgroup", "JoinSet"))]
pub struct ErrGroup<E> {
    group: WaitGroup,
    shared: Arc<Shared<E>>,
    stop: Receiver<()>,
}

struct Shared<E> {
    failed: Mutex<Failed<E>>,
    stop: Sender<()>,
    limit: Option<Semaphore>,
    tell: Option<Tell<E>>,
}

/// Is called with the error of a closure that fails; without one, if a closure panics, and when all have ended. What this
/// returns is called afterwards, unless another error was first.
pub(crate) type Tell<E> = Box<dyn Fn(Option<&E>) -> Box<dyn FnOnce()> + Send + Sync>;

/// The first error and the first panic.
struct Failed<E> {
    error: Option<E>,
    panic: Option<Box<dyn Any + Send>>,
}

impl<E: Send + 'static> ErrGroup<E> {
    /// Creates a group that runs any number of closures at once.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::ErrGroup::<()>::new().wait(), Ok(()));
    /// ```
    pub fn new() -> ErrGroup<E> {
        ErrGroup::with(None, None)
    }

    /// Creates a group that tells when a closure has failed or panicked, and when all have ended.
    pub(crate) fn that_tells(tell: Tell<E>) -> ErrGroup<E> {
        ErrGroup::with(None, Some(tell))
    }

    /// Creates a group that runs at most `limit` closures at once; [`go`](Self::go) blocks until one may start. A closure that calls
    /// `go` of its own group waits for a place while it has one: if all do so at once, none goes on.
    ///
    /// # Panics
    /// If the limit is zero.
    ///
    /// ```
    /// let group = selvedge::sync::ErrGroup::with_limit(1);
    /// (0..3).for_each(|n| group.go(move |_| if n == 3 { Err(n) } else { Ok(()) }));
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[track_caller]
    pub fn with_limit(limit: u32) -> ErrGroup<E> {
        ErrGroup::new().limited(limit)
    }

    /// Lets at most `limit` closures run at once from now on, as [`with_limit`](Self::with_limit) does, also in a group that was
    /// made with a context.
    ///
    /// # Panics
    /// If the limit is zero, or a closure runs.
    ///
    /// ```
    /// use selvedge::{context::background, sync::ErrGroup};
    /// let (group, _context) = ErrGroup::<()>::with_context(&background());
    /// let group = group.limited(2);
    /// (0..5).for_each(|_| group.go(|_stop| Ok(())));
    /// assert!(group.wait().is_ok());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn limited(mut self, limit: u32) -> ErrGroup<E> {
        assert!(limit > 0, "a group with a limit of zero could run nothing");
        let Some(shared) = Arc::get_mut(&mut self.shared) else {
            panic!("the limit of a group is set before its first closure runs");
        };
        shared.limit = Some(Semaphore::new(limit.into()));
        self
    }

    fn with(limit: Option<Semaphore>, tell: Option<Tell<E>>) -> ErrGroup<E> {
        let (sender, stop) = bounded(0);
        let failed = Mutex::new(Failed { error: None, panic: None });
        let shared = Arc::new(Shared { failed, stop: sender, limit, tell });
        ErrGroup { group: WaitGroup::new(), shared, stop }
    }

    /// Runs `f` on a new thread, or on a new goroutine if the caller is one, with the channel that is closed when another closure fails or panics.
    ///
    /// ```
    /// let group = selvedge::sync::ErrGroup::<()>::new();
    /// group.go(|stop| {
    ///     assert!(!stop.is_closed());
    ///     Ok(())
    /// });
    /// assert!(group.wait().is_ok());
    /// ```
    #[track_caller]
    pub fn go(&self, f: impl FnOnce(&Receiver<()>) -> Result<(), E> + Send + 'static) {
        if let Some(limit) = &self.shared.limit {
            limit.acquire(1).forget();
        }
        self.start(f);
    }

    /// Runs `f` as [`go`](Self::go) does, if it may start at once.
    ///
    /// # Errors
    /// If as many closures run as the limit allows: the closure comes back.
    ///
    /// ```
    /// use selvedge::chan::bounded;
    /// let group = selvedge::sync::ErrGroup::<()>::with_limit(1);
    /// let (tx, rx) = bounded::<()>(0);
    /// assert!(group.try_go(move |_| rx.recv().or(Ok(()))).is_ok());
    /// assert!(group.try_go(|_| Ok(())).is_err(), "the first one runs");
    /// drop(tx);
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    #[track_caller]
    pub fn try_go<F>(&self, f: F) -> Result<(), F>
    where
        F: FnOnce(&Receiver<()>) -> Result<(), E> + Send + 'static,
    {
        if !self.has_room() {
            return Err(f);
        }
        self.start(f);
        Ok(())
    }

    /// Takes a place for a closure, if the limit leaves one.
    fn has_room(&self) -> bool {
        let Some(limit) = &self.shared.limit else { return true };
        let permit = limit.try_acquire(1);
        let has_room = permit.is_some() || is_twin(); // site: keep-limit
        permit.into_iter().for_each(Permits::forget);
        has_room
    }

    /// Runs `f`, for which there is a place.
    #[track_caller]
    fn start(&self, f: impl FnOnce(&Receiver<()>) -> Result<(), E> + Send + 'static) {
        self.group.add(1);
        let done = Done(self.group.clone(), Arc::clone(&self.shared));
        let stop = self.stop.clone();
        task::spawn(move || {
            let shared = &done.1;
            let ended =
                catch_unwind(AssertUnwindSafe(|| f(&stop).unwrap_or_else(|error| shared.fail(error))));
            match ended {
                Err(panic) if !panic.is::<Goexit>() => shared.panicked(panic),
                _ => (),
            }
            drop(done);
        });
    }

    /// Blocks until all closures have ended.
    ///
    /// # Errors
    /// The first error of a closure.
    ///
    /// # Panics
    /// Resumes the first panic of a closure, if one panicked.
    ///
    /// ```
    /// let group = selvedge::sync::ErrGroup::new();
    /// group.go(|_| Err(1));
    /// assert_eq!(group.wait(), Err(1));
    /// ```
    ///
    /// ```should_panic
    /// let group = selvedge::sync::ErrGroup::<()>::new();
    /// group.go(|_| panic!("half of the work is not done"));
    /// let _ = group.wait();
    /// ```
    #[track_caller]
    pub fn wait(self) -> Result<(), E> {
        self.group.wait();
        self.shared.tell(None)();
        let mut failed = self.shared.failed.lock();
        let (error, panic) = (failed.error.take(), failed.panic.take());
        drop(failed);
        let Some(panic) = panic else { return error.map_or(Ok(()), Err) };
        if let Err(later) = catch_unwind(AssertUnwindSafe(|| drop(error))) {
            dispose(later);
        }
        resume_unwind(panic)
    }
}

impl<E> ErrGroup<E> {
    /// Waits until all closures have ended, as long as the wait may last, and returns whether they have.
    pub(crate) fn wait_for_closures(&self, until: Until<'_>) -> bool {
        self.group.wait_for_tasks(until)
    }
}

impl<E> Shared<E> {
    fn tell(&self, error: Option<&E>) -> Box<dyn FnOnce()> {
        self.tell.as_ref().map_or_else(|| Box::new(|| ()) as Box<dyn FnOnce()>, |tell| tell(error))
    }

    fn fail(&self, error: E) {
        let tells = self.tell(Some(&error));
        let mut failed = self.failed.lock();
        // An error that is not the first is dropped after the lock is released: its destructor is user code.
        let later = match failed.error {
            None => failed.error.replace(error),
            Some(_) => Some(error),
        };
        drop(failed);
        let _ = self.stop.close();
        // The closure that failed first tells its own error.
        if later.is_none() {
            tells();
        }
        drop(later);
    }

    fn panicked(&self, panic: Box<dyn Any + Send>) {
        let mut failed = self.failed.lock();
        let later = match failed.panic {
            None => failed.panic.replace(panic),
            Some(_) => Some(panic),
        };
        drop(failed);
        later.into_iter().for_each(dispose);
        let _ = self.stop.close();
        self.tell(None)();
    }
}

impl<E> Drop for Shared<E> {
    fn drop(&mut self) {
        if let Some(panic) = self.failed.get_mut().panic.take() {
            thread::lose_panic(&*panic);
            dispose(panic);
        }
    }
}

/// Releases the closure's place and counts it as done when dropped, also while the thread unwinds.
struct Done<E>(WaitGroup, Arc<Shared<E>>);

impl<E> Drop for Done<E> {
    fn drop(&mut self) {
        if let Some(limit) = &self.1.limit {
            limit.release(1);
        }
        self.0.done();
    }
}

impl<E: Send + 'static> Default for ErrGroup<E> {
    fn default() -> Self {
        ErrGroup::new()
    }
}

impl<E> fmt::Debug for ErrGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrGroup").field("group", &self.group).finish_non_exhaustive()
    }
}
