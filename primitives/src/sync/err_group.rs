//! Things to be done of which one may fail.

use super::{Mutex, Semaphore, WaitGroup};
use crate::chan::{Receiver, Sender, bounded};
use crate::rt::sync::Arc;
use crate::rt::thread;
use core::fmt;

/// Threads that work on parts of a task: Go's `errgroup`.
///
/// The first error wins, and closes the channel that the others may look at to stop. [`wait`](Self::wait) returns when
/// all have ended. What they did happens before.
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
pub struct ErrGroup<E> {
    group: WaitGroup,
    shared: Arc<Shared<E>>,
    stop: Receiver<()>,
}

struct Shared<E> {
    error: Mutex<Option<E>>,
    stop: Sender<()>,
    limit: Option<Semaphore>,
}

impl<E: Send + 'static> ErrGroup<E> {
    /// A group without a limit.
    ///
    /// ```
    /// assert_eq!(selvedge::sync::ErrGroup::<()>::new().wait(), Ok(()));
    /// ```
    pub fn new() -> ErrGroup<E> {
        ErrGroup::with(None)
    }

    /// A group of which so many at most run at the same time; [`go`](Self::go) waits for a place.
    ///
    /// # Panics
    /// If the limit is zero.
    ///
    /// ```
    /// let group = selvedge::sync::ErrGroup::with_limit(1);
    /// (0..3).for_each(|n| group.go(move |_| if n == 3 { Err(n) } else { Ok(()) }));
    /// assert_eq!(group.wait(), Ok(()));
    /// ```
    pub fn with_limit(limit: u32) -> ErrGroup<E> {
        assert!(limit > 0, "a group with a limit of zero could run nothing");
        ErrGroup::with(Some(Semaphore::new(limit.into())))
    }

    fn with(limit: Option<Semaphore>) -> ErrGroup<E> {
        let (sender, stop) = bounded(0);
        let shared = Arc::new(Shared { error: Mutex::new(None), stop: sender, limit });
        ErrGroup { group: WaitGroup::new(), shared, stop }
    }

    /// Runs `f` on a thread of its own, with the channel that is closed once another has failed.
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
        self.group.add(1);
        let done = Done(self.group.clone(), Arc::clone(&self.shared));
        let stop = self.stop.clone();
        thread::spawn(move || {
            if let Err(error) = f(&stop) {
                done.1.fail(error);
            }
            drop(done);
        });
    }

    /// Waits until all have ended; the first error, if there was one.
    ///
    /// # Errors
    /// The first one.
    ///
    /// ```
    /// let group = selvedge::sync::ErrGroup::new();
    /// group.go(|_| Err(1));
    /// assert_eq!(group.wait(), Err(1));
    /// ```
    #[track_caller]
    pub fn wait(self) -> Result<(), E> {
        self.group.wait();
        self.shared.error.lock().take().map_or(Ok(()), Err)
    }
}

impl<E> Shared<E> {
    fn fail(&self, error: E) {
        let mut first = self.error.lock();
        if first.is_none() {
            *first = Some(error);
            drop(first);
            let _ = self.stop.close();
        }
    }
}

/// Also if the closure panics.
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
