//! Locks, permits, conditions, groups and what others make once, waited for until a context is done.

use super::cancel::{Ended, cancel};
use super::node::{Node, Times};
use super::{Context, Error, Link, custom};
use crate::rt::bubble::Owner;
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use crate::rt::twin::is_twin;
use crate::rt::until::{Nudge, Stop, Until};
use crate::sync::{
    Cond, CondGuard, ErrGroup, Lazy, Mutex, MutexGuard, Once, OnceFunc, OnceValue, Permits, RwMutex,
    RwMutexReadGuard, RwMutexWriteGuard, Semaphore, SingleFlight, WaitGroup,
};
use core::hash::Hash;

/// A context, as what stops waits.
struct Stopper {
    node: Arc<Node>,
    /// Whether the node only stands between a custom context and the wait.
    is_between: bool,
    /// The bubble in which the context was made; `None`: it is never done.
    owner: Option<Owner>,
}

impl Stopper {
    /// `None`: the context is never done.
    #[track_caller]
    fn of(context: &Context) -> Option<Stopper> {
        match context.link.resolved() {
            Link::None => None,
            Link::Own(node) => {
                let owner = Some(node.owner);
                Some(Stopper { node, is_between: false, owner })
            }
            Link::Custom(above) => {
                let node = Node::below(None, Times::default(), None);
                custom::watch(&above, &node);
                Some(Stopper { node, is_between: true, owner: above.done().bubble() })
            }
        }
    }
}

impl Stop for Stopper {
    fn watch(&self, nudge: Nudge) -> Option<usize> {
        self.node.watch(nudge)
    }

    fn is_inside(&self) -> bool {
        let is_inside = self.owner.is_none_or(|owner| owner == Owner::here());
        is_inside != is_twin() // site: stops-from-inside
    }

    fn unwatch(&self, place: usize) -> bool {
        self.node.take_back(place).is_some()
    }
}

impl Drop for Stopper {
    fn drop(&mut self) {
        if self.is_between {
            cancel(&self.node, Ended { error: Error::Canceled, cause: None }, None);
        }
    }
}

impl Context {
    /// Makes a wait that lasts until the context is done at most; none, if it is done already.
    #[track_caller]
    fn limit<R>(&self, wait: impl FnOnce(Until<'_>) -> Option<R>) -> Result<R, Error> {
        if let Some(error) = self.err() {
            return Err(error);
        }
        let stopper = Stopper::of(self);
        let until = match &stopper {
            None => Until::default(),
            Some(stopper) => Until { deadline: stopper.node.next_lapse(), stop: Some(stopper) },
        };
        wait(until).ok_or_else(|| self.reason())
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Locks, and blocks while another thread has the lock, until the context is done at most.
    ///
    /// A context that is done already lets nothing be locked. If the context comes to be done while the lock is handed over, one of the
    /// two happens: the lock is this thread's, or another one's.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge::sync::Mutex;
    /// use std::time::Duration;
    /// let lock = Mutex::new(1);
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// let held = lock.lock_ctx(&context).expect("it is free");
    /// assert_eq!(lock.lock_ctx(&context).err(), Some(Error::DeadlineExceeded));
    /// assert_eq!(*held, 1);
    /// ```
    #[track_caller]
    pub fn lock_ctx(&self, context: &Context) -> Result<MutexGuard<'_, T>, Error> {
        let _entry = enter();
        context.limit(|until| self.lock_within(until))
    }
}

impl<T: ?Sized> RwMutex<T> {
    /// Locks for reading as [`read`](RwMutex::read) does, and blocks until the context is done at most.
    ///
    /// A context that is done already lets nothing be locked. If the context comes to be done while the lock is handed over, one of the
    /// two happens: this thread reads, or it has no part in the lock.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge::sync::RwMutex;
    /// use std::time::Duration;
    /// let lock = RwMutex::new(1);
    /// assert_eq!(lock.read_ctx(&background()).as_deref(), Ok(&1));
    /// let _writer = lock.write();
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// assert_eq!(lock.read_ctx(&context).err(), Some(Error::DeadlineExceeded));
    /// ```
    #[track_caller]
    pub fn read_ctx(&self, context: &Context) -> Result<RwMutexReadGuard<'_, T>, Error> {
        let _entry = enter();
        context.limit(|until| self.read_within(until))
    }

    /// Locks for writing as [`write`](RwMutex::write) does, and blocks until the context is done at most.
    ///
    /// A context that is done already lets nothing be locked. If the context comes to be done while the lock is handed over, one of the
    /// two happens: the lock is this thread's, or another one's. When a writer gives up, readers that waited behind it go on.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge::sync::RwMutex;
    /// use std::time::Duration;
    /// let lock = RwMutex::new(1);
    /// *lock.write_ctx(&background()).expect("it is free") += 1;
    /// let reader = lock.read();
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// assert_eq!(lock.write_ctx(&context).err(), Some(Error::DeadlineExceeded));
    /// assert_eq!((*reader, lock.try_read().as_deref()), (2, Some(&2)));
    /// ```
    #[track_caller]
    pub fn write_ctx(&self, context: &Context) -> Result<RwMutexWriteGuard<'_, T>, Error> {
        let _entry = enter();
        context.limit(|until| self.write_within(until))
    }
}

impl Semaphore {
    /// Takes `count` permits, and blocks until there are as many, until the context is done at most.
    ///
    /// A context that is done already lets no permits be taken. A thread that gives up has taken none, and those behind it move up.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_cancel};
    /// use selvedge::sync::Semaphore;
    /// let places = Semaphore::new(1);
    /// let (context, cancel) = with_cancel(&background());
    /// assert_eq!(places.acquire_ctx(1, &context).expect("there is one").count(), 1);
    /// cancel.cancel();
    /// assert_eq!(places.acquire_ctx(1, &context).err(), Some(Error::Canceled));
    /// assert_eq!(places.available(), 1);
    /// ```
    #[track_caller]
    pub fn acquire_ctx(&self, count: u64, context: &Context) -> Result<Permits<'_>, Error> {
        let _entry = enter();
        context.limit(|until| self.acquire_permits(count, until))
    }
}

impl Cond {
    /// Waits as [`wait`](Cond::wait) does, until the context is done at most.
    ///
    /// A wait that ends because the context is done has taken no signal: one that comes then goes to the next thread that waits. If
    /// the context is done already, nothing is unlocked. Otherwise the lock is taken again in either case, which may block.
    ///
    /// # Errors
    /// If the context is done, and no signal came before.
    ///
    /// # Panics
    /// Where [`wait`](Cond::wait) does.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge::sync::{Cond, Mutex};
    /// use std::time::Duration;
    /// let (ready, changed) = (Mutex::new(false), Cond::new());
    /// let (context, _cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// let mut ready = ready.lock();
    /// assert_eq!(changed.wait_ctx(&mut ready, &context), Err(Error::DeadlineExceeded));
    /// ```
    #[track_caller]
    pub fn wait_ctx(&self, guard: &mut impl CondGuard, context: &Context) -> Result<(), Error> {
        let _entry = enter();
        context.limit(|until| self.wait_for_signal(guard, until).then_some(()))
    }
}

impl WaitGroup {
    /// Blocks until no task is left, until the context is done at most.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`wait`](WaitGroup::wait) does.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_cancel};
    /// use selvedge::sync::WaitGroup;
    /// let group = WaitGroup::new();
    /// let (context, cancel) = with_cancel(&background());
    /// assert_eq!(group.wait_ctx(&context), Ok(()));
    /// let _task = group.task();
    /// cancel.cancel();
    /// assert_eq!(group.wait_ctx(&context), Err(Error::Canceled));
    /// ```
    #[track_caller]
    pub fn wait_ctx(&self, context: &Context) -> Result<(), Error> {
        let _entry = enter();
        context.limit(|until| self.wait_for_tasks(until).then_some(()))
    }
}

impl<E: Send + 'static> ErrGroup<E> {
    /// Blocks until all closures have ended, until the context is done at most. Returns what [`wait`](ErrGroup::wait) does.
    ///
    /// # Errors
    /// If the context is done, with the group, whose closures go on and can be waited for again.
    ///
    /// # Panics
    /// Where [`wait`](ErrGroup::wait) does.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use selvedge::sync::ErrGroup;
    /// use std::time::Duration;
    /// let (context, cancel) = with_timeout(&background(), Duration::from_millis(1));
    /// let (go_on, waits) = selvedge::chan::bounded::<()>(0);
    /// let group = ErrGroup::new();
    /// group.go(move |_stop| waits.recv().map_err(|_| "closed"));
    /// let (group, error) = group.wait_ctx(&context).expect_err("its closure waits");
    /// assert_eq!(error, Error::DeadlineExceeded);
    /// drop(go_on);
    /// assert_eq!(group.wait(), Err("closed"));
    /// ```
    #[track_caller]
    pub fn wait_ctx(self, context: &Context) -> Result<Result<(), E>, (ErrGroup<E>, Error)> {
        let _entry = enter();
        match context.limit(|until| self.wait_for_closures(until).then_some(())) {
            Ok(()) => Ok(self.wait()),
            Err(error) => Err((self, error)),
        }
    }
}

impl Once {
    /// Runs `f`, unless a closure has run, as [`call`](Once::call) does; blocks while another thread runs one, until the context
    /// is done at most.
    ///
    /// A context that is done already lets nothing run. It does not interrupt a closure that runs: a thread that gives up leaves that
    /// to the thread which runs it, and may call again.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`call`](Once::call) does.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_cancel};
    /// use selvedge::sync::Once;
    /// let once = Once::new();
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.cancel();
    /// assert_eq!(once.call_ctx(&context, || unreachable!("it is done")), Err(Error::Canceled));
    /// assert_eq!(once.call_ctx(&background(), || ()), Ok(()));
    /// ```
    #[track_caller]
    pub fn call_ctx(&self, context: &Context, f: impl FnOnce()) -> Result<(), Error> {
        let _entry = enter();
        context.limit(|until| self.call_within(f, until).then_some(()))
    }
}

impl<T, F: FnOnce() -> T> OnceValue<T, F> {
    /// Returns the value, and makes it if no thread has; blocks while another thread makes it, until the context is done at most.
    ///
    /// A context that is done already gets nothing. It does not interrupt a closure that runs.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`get`](OnceValue::get) does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// let value = selvedge::sync::OnceValue::new(|| 42);
    /// assert_eq!(value.get_ctx(&background()), Ok(&42));
    /// ```
    #[track_caller]
    pub fn get_ctx(&self, context: &Context) -> Result<&T, Error> {
        let _entry = enter();
        context.limit(|until| self.get_within(until))
    }
}

impl<F: FnOnce()> OnceFunc<F> {
    /// Runs the function, unless it has run; blocks while another thread runs it, until the context is done at most.
    ///
    /// A context that is done already lets nothing run. It does not interrupt a function that runs.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`call`](OnceFunc::call) does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// assert_eq!(selvedge::sync::OnceFunc::new(|| ()).call_ctx(&background()), Ok(()));
    /// ```
    #[track_caller]
    pub fn call_ctx(&self, context: &Context) -> Result<(), Error> {
        let _entry = enter();
        context.limit(|until| self.call_within(until).then_some(()))
    }
}

impl<T, F: Fn() -> T> Lazy<T, F> {
    /// Returns the value as [`force`](Lazy::force) does; blocks while another thread makes it, until the context is done at most.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`force`](Lazy::force) does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// use selvedge::sync::Lazy;
    /// static WORDS: Lazy<Vec<&str>> = Lazy::const_new(|| vec!["warp", "weft"]);
    /// assert_eq!(Lazy::force_ctx(&WORDS, &background()).map(Vec::len), Ok(2));
    /// ```
    #[track_caller]
    pub fn force_ctx<'a>(this: &'a Self, context: &Context) -> Result<&'a T, Error> {
        let _entry = enter();
        context.limit(|until| this.get_within(until))
    }
}

impl<K: Eq + Hash, T: Clone + Send + Sync> SingleFlight<K, T> {
    /// Returns the result of the call with this key that is under way, or else of `f`, as [`run`](SingleFlight::run) does; waits
    /// for another caller's closure until the context is done at most.
    ///
    /// A context that is done already lets nothing run. It does not interrupt a closure that runs: the others get its result.
    ///
    /// # Errors
    /// If the context is done.
    ///
    /// # Panics
    /// Where [`run`](SingleFlight::run) does.
    ///
    /// ```
    /// use selvedge::context::background;
    /// let group = selvedge::sync::SingleFlight::new();
    /// assert_eq!(group.run_ctx(&background(), 1, || "one"), Ok("one"));
    /// ```
    #[track_caller]
    pub fn run_ctx(&self, context: &Context, key: K, f: impl FnOnce() -> T) -> Result<T, Error> {
        let _entry = enter();
        context.limit(|until| self.run_within(key, f, until))
    }
}
