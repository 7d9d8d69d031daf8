//! Waiting for a number of things to be done.

use crate::queue::LazyWaiters;
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::Arc;
use crate::rt::sync::atomic::AtomicU64;
use crate::rt::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use crate::rt::thread::{self, JoinHandle, Scope, ScopedJoinHandle};
use crate::rt::time::now;
use core::fmt;
use std::time::{Duration, Instant};

/// A number of things that are still to be done, and who waits for them: Go's `WaitGroup`.
///
/// Clones are handles of the same group. Every `done` happens before the `wait` that it releases returns.
///
/// ```
/// use selvedge::sync::WaitGroup;
/// let group = WaitGroup::new();
/// for n in 0..3 {
///     group.go(move || assert!(n < 3));
/// }
/// group.wait();
/// ```
#[derive(Clone)]
pub struct WaitGroup(Arc<Group>);

struct Group {
    /// A [`Count`].
    count: AtomicU64,
    queue: LazyWaiters,
    /// Written by who adds from zero, read by who waits: a checker reports if nothing orders the two, and the wait may
    /// return too early. Nothing natively.
    from_zero: UnsafeCell<()>,
}

// SAFETY: the cell has nothing in it.
unsafe impl Sync for Group {}

/// How many are to be done (lower half), and how often it has come to zero (upper half).
#[derive(Clone, Copy, PartialEq, Eq)]
struct Count(u64);

impl Count {
    const fn left(self) -> u32 {
        self.0 as u32
    }

    const fn round(self) -> u32 {
        (self.0 >> 32) as u32
    }

    fn added(self, n: u32) -> Option<Count> {
        self.left().checked_add(n).map(|left| Count(self.0 & !0xffff_ffff | u64::from(left)))
    }

    /// With one done.
    fn less(self) -> Option<Count> {
        match self.left() {
            0 => None,
            1 => Some(Count(u64::from(self.round().wrapping_add(1)) << 32)),
            _ => Some(Count(self.0 - 1)),
        }
    }
}

impl WaitGroup {
    /// A group with nothing to be done.
    ///
    /// ```
    /// selvedge::sync::WaitGroup::new().wait(); // returns at once
    /// ```
    pub fn new() -> WaitGroup {
        WaitGroup(Arc::new(Group {
            count: AtomicU64::new(0),
            queue: LazyWaiters::new(),
            from_zero: UnsafeCell::new(()),
        }))
    }

    fn change(&self, next: impl Fn(Count) -> Count) -> Count {
        let backoff = Backoff::new();
        let mut count = self.0.count.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            let to = next(Count(count));
            // SeqCst: who is about to wait enters the queue, and then looks at the count. AcqRel, by that:
            // what was done happens before the last `done`, and that before the wait.
            // site: change-count
            match self.0.count.compare_exchange(count, to.0, SeqCst, Relaxed) {
                Ok(_) => return to,
                Err(found) => count = found,
            }
            backoff.spin();
        }
    }

    /// `n` more things are to be done. To be called before whatever does them can be done. As in Go, an addition to a
    /// group in which nothing is to be done must come before the wait, or after it has returned; a checker reports
    /// one that nothing orders with a wait as a data race.
    ///
    /// # Panics
    /// If there are more than four billion.
    ///
    /// ```
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(2);
    /// (0..2).for_each(|_| group.done());
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn add(&self, n: u32) {
        let add = |count: Count| count.added(n).expect("more things to be done than a WaitGroup can count");
        if n > 0 && self.change(add).left() == n {
            self.0.from_zero.with_mut(|_| ());
        }
    }

    /// One thing is done.
    ///
    /// # Panics
    /// If nothing was to be done.
    ///
    /// ```should_panic
    /// selvedge::sync::WaitGroup::new().done();
    /// ```
    #[track_caller]
    pub fn done(&self) {
        let less = |count: Count| {
            count.less().expect("WaitGroup::done was called more often than add has counted: call add before")
        };
        if self.change(less).left() == 0
            && let Some(queue) = self.0.queue.get()
        {
            queue.wake_all();
        }
    }

    /// Waits until nothing is left to be done.
    ///
    /// ```
    /// use selvedge::rt::thread;
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(1);
    /// let theirs = group.clone();
    /// thread::spawn(move || theirs.done());
    /// group.wait();
    /// ```
    #[track_caller]
    pub fn wait(&self) {
        let _entry = enter();
        self.wait_until(None);
    }

    /// The same, for at most `timeout`; whether nothing is left.
    ///
    /// ```
    /// use std::time::Duration;
    /// let group = selvedge::sync::WaitGroup::new();
    /// group.add(1);
    /// assert!(!group.wait_timeout(Duration::from_millis(1)));
    /// ```
    #[track_caller]
    pub fn wait_timeout(&self, timeout: Duration) -> bool {
        let _entry = enter();
        self.wait_until(now().checked_add(timeout))
    }

    fn wait_until(&self, deadline: Option<Instant>) -> bool {
        self.0.from_zero.with(|_| ());
        // Acquire: pairs with `change`: what was done happens before.
        let first = Count(self.0.count.load(Acquire));
        if first.left() == 0 {
            return true;
        }
        loop {
            let ticket = self.0.queue.make().enter();
            // SeqCst: see `change`.
            let count = Count(self.0.count.load(SeqCst));
            if is_over(first, count) {
                ticket.cancel();
                return true;
            }
            let woken = ticket.wait(deadline).is_some();
            // Acquire: as above. A wake-up may be that of the round before. Audit: no model runs out of time
            // just then.
            if is_over(first, Count(self.0.count.load(Acquire))) {
                return true;
            }
            if !woken {
                return false;
            }
        }
    }

    /// Counts one more, and runs `f` on a thread of its own; it is done when `f` ends, also by a panic.
    ///
    /// ```
    /// let group = selvedge::sync::WaitGroup::new();
    /// let thread = group.go(|| 1);
    /// group.wait();
    /// assert_eq!(thread.join().unwrap(), 1);
    /// ```
    #[track_caller]
    pub fn go<T: Send + 'static>(&self, f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        let done = self.begun();
        thread::spawn(move || {
            let _done = done;
            f()
        })
    }
}

impl WaitGroup {
    /// As [`go`](Self::go), on a thread of a scope, which may borrow.
    ///
    /// ```
    /// use selvedge::{rt::thread, sync::WaitGroup};
    /// let (group, words) = (WaitGroup::new(), vec!["warp", "weft"]);
    /// thread::scope(|scope| {
    ///     group.go_scoped(scope, || assert_eq!(words.len(), 2));
    ///     group.wait(); // for the closure; the scope waits for the thread
    /// });
    /// ```
    #[track_caller]
    pub fn go_scoped<'scope, 'env, T: Send + 'scope>(
        &self,
        scope: &'scope Scope<'scope, 'env>,
        f: impl FnOnce() -> T + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, T> {
        let done = self.begun();
        scope.spawn(move || {
            let _done = done;
            f()
        })
    }

    /// One more thing is to be done, and is when what this returns is dropped.
    fn begun(&self) -> Begun {
        self.add(1);
        Begun(self.clone())
    }
}

struct Begun(WaitGroup);

impl Drop for Begun {
    fn drop(&mut self) {
        self.0.done();
    }
}

/// Whether the round that was under way at `first` has come to its end.
fn is_over(first: Count, now: Count) -> bool {
    now.left() == 0 || now.round() != first.round()
}

impl Default for WaitGroup {
    fn default() -> Self {
        WaitGroup::new()
    }
}

impl fmt::Debug for WaitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = Count(self.0.count.load(Relaxed)); // Relaxed: a snapshot.
        f.debug_struct("WaitGroup").field("left", &count.left()).finish()
    }
}
