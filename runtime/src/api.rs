//! What programs call.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "outside a model this is native code"
)]

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod native;
#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
#[path = "api/threads.rs"]
mod native;

use crate::settings::{Deadlock, Leftover, Migration, Settings};
use core::marker::PhantomData;
use selvedge::rt::task::{in_bubble, is_current, is_in_a_run};
use selvedge::rt::{Join, thread};
use std::time::Duration;

/// Runs `main` as the first goroutine, on this thread, and returns its result when it has returned. As in Go, the other
/// goroutines then run no more: none of their destructors runs, and their stacks are leaked.
///
/// There is one P for each processor, as [`Builder::procs`] says.
///
/// # Panics
/// If `main` panics: its panic comes out. If this is called from a goroutine; [`blocking`] makes room for it.
///
/// ```
/// assert_eq!(selvedge_go::run(|| 1 + 1), 2);
/// ```
#[track_caller]
pub fn run<R>(main: impl FnOnce() -> R) -> R {
    Builder::new().run(main)
}

/// The settings of a run.
///
/// ```
/// let procs = selvedge_go::Builder::new().procs(1).stack_size(128 * 1024).run(selvedge_go::gomaxprocs);
/// assert_eq!(procs, 1);
/// ```
#[derive(Default)]
pub struct Builder(Settings);

impl Builder {
    /// Returns the default settings.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Sets how many goroutines run at once. The default is the number in the environment variable `SELVEDGE_PROCS`, or what
    /// [`num_cpu`] returns.
    ///
    /// # Panics
    /// If there are to be none, or more than 48.
    #[track_caller]
    pub fn procs(mut self, procs: usize) -> Builder {
        assert!((1..=crate::core::idle::MAX_PROCS).contains(&procs), "there are 1 to 48 Ps, and not {procs}");
        self.0.procs = Some(procs);
        self
    }

    /// Sets the bytes of stack of each goroutine, up to the next power of two, its guard page included. The default is
    /// 64 KiB, and the least 32 KiB. A page costs memory once it is used.
    pub fn stack_size(mut self, size: usize) -> Builder {
        self.0.stack_size = Some(size);
        self
    }

    /// Sets which goroutines that have begun may go on on another thread. The default is [`Migration::never`].
    pub fn migration(mut self, migration: Migration) -> Builder {
        self.0.migration = migration;
        self
    }

    /// Looks, whenever a goroutine waits, whether its stack refers to a thread-local of its thread, and calls `f` with a text that
    /// names the variable and has the trace: this is what another thread would not have, and what another goroutine of this
    /// thread may change meanwhile. A word of the stack that is no longer in use may be reported too. Each variable is reported
    /// once for each place at which a goroutine was started. If the environment variable `SELVEDGE_GO_CHECK` is `tls`, the default is a warning
    /// on the standard error; otherwise nobody looks. If `f` panics, the process ends with status 2.
    pub fn on_thread_local(mut self, f: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.0.on_local = Some(Box::new(f));
        self
    }

    /// Sets what happens when no goroutine can go on. The default is [`Deadlock::Fatal`].
    pub fn deadlock(mut self, deadlock: Deadlock) -> Builder {
        self.0.deadlock = deadlock;
        self
    }

    /// Sets what happens when a goroutine panics whose [`Join`] nobody has: a call of `f` with the goroutine's number and the
    /// panic's text. By default the process ends with status 2, as in Go; so it does if `f` panics.
    pub fn on_panic(mut self, f: impl Fn(u64, &str) + Send + Sync + 'static) -> Builder {
        self.0.on_panic = Some(Box::new(f));
        self
    }

    /// Sets what becomes of goroutines that have not ended when the main one returns. The default is [`Leftover::Abandon`].
    ///
    /// ```should_panic
    /// use selvedge_go::{Builder, Leftover};
    /// let (_tx, rx) = selvedge::chan::bounded::<()>(0);
    /// Builder::new().leftover(Leftover::Fail).run(|| selvedge_go::go(move || _ = rx.recv()));
    /// ```
    pub fn leftover(mut self, leftover: Leftover) -> Builder {
        self.0.leftover = leftover;
        self
    }

    /// Makes the schedule an unusual one, for tests: goroutines run in another order, yield where they start another one or wait, and
    /// threads are woken late, at points that depend on the seed. The default is the seed in the environment variable
    /// `SELVEDGE_GO_FUZZ`, or a usual schedule. With one P a seed gives one schedule, but for deadlines and other threads.
    pub fn fuzz(mut self, seed: u64) -> Builder {
        self.0.fuzz = Some(seed);
        self
    }

    /// Sets what happens with the report when no goroutine can go on: a call of `f`, once, in place of what
    /// [`deadlock`](Self::deadlock) says. The run goes on to wait: a thread outside may still wake a goroutine. If `f` panics, the
    /// process ends with status 2.
    pub fn on_deadlock(mut self, f: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.0.on_deadlock = Some(Box::new(f));
        self
    }

    /// Sets what happens when a goroutine has kept its thread for 100 ms while others that have begun on that thread wait: a call
    /// of `f` with a text that names the goroutine. By default the text is a warning on the standard error. Other goroutines do
    /// not wait: the goroutine's P is taken away after 10 to 20 ms if there is work for it. If `f` panics, the process ends with
    /// status 2.
    pub fn on_hog(mut self, f: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.0.on_hog = Some(Box::new(f));
        self
    }

    /// Runs `main` as [`run`] does.
    ///
    /// # Panics
    /// As [`run`] does.
    #[track_caller]
    pub fn run<R>(self, main: impl FnOnce() -> R) -> R {
        if is_in_a_run() { main() } else { native::run(self.0, main) }
    }
}

impl core::fmt::Debug for Builder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Builder").field("procs", &self.0.procs).finish_non_exhaustive()
    }
}

/// Starts a goroutine, which may begin on another thread. If it panics, the process ends, unless [`Builder::on_panic`] says
/// otherwise.
///
/// # Panics
/// If this is called outside [`run`], from a plain thread.
///
/// ```
/// use selvedge::chan::bounded;
/// selvedge_go::run(|| {
///     let (tx, rx) = bounded(0);
///     selvedge_go::go(move || tx.send("hello").expect("a receiver"));
///     assert_eq!(rx.recv(), Ok("hello"));
/// });
/// ```
#[track_caller]
pub fn go(f: impl FnOnce() + Send + 'static) {
    let f = in_bubble(f);
    if is_in_a_run() {
        drop(thread::spawn(f));
    } else {
        // SAFETY: the closure is `'static`, so what it borrows lives for ever.
        unsafe { native::go(f) };
    }
}

/// Starts a goroutine as [`go`] does.
///
/// # Safety
/// What `f` borrows must live until it has returned.
#[track_caller]
pub(crate) unsafe fn start_unchecked(f: impl FnOnce() + Send) {
    let f = in_bubble(f);
    if is_in_a_run() {
        let f: Box<dyn FnOnce() + Send + '_> = Box::new(f);
        // SAFETY: the two types differ in the lifetime only, and the caller promises that what `f` borrows lives long enough.
        let f = unsafe { core::mem::transmute::<Box<dyn FnOnce() + Send + '_>, Box<dyn FnOnce() + Send>>(f) };
        drop(thread::spawn(f));
    } else {
        // SAFETY: by this function's contract all borrows of `f` live until `f` has returned.
        unsafe { native::go(f) };
    }
}

/// Starts a goroutine on this thread, whose closure need not be `Send`. Under a checker it runs before this returns. Neither it nor
/// its caller ever goes on on another thread, whatever [`Builder::migration`] says.
///
/// # Panics
/// If this is called outside [`run`], from a plain thread.
///
/// ```
/// use std::{cell::Cell, rc::Rc};
/// selvedge_go::run(|| {
///     let count = Rc::new(Cell::new(0));
///     let theirs = count.clone();
///     selvedge_go::go_local(move || theirs.set(1));
///     while count.get() == 0 {
///         selvedge_go::gosched();
///     }
/// });
/// ```
#[track_caller]
pub fn go_local(f: impl FnOnce() + 'static) {
    if is_in_a_run() {
        f();
    } else {
        native::go_local(in_bubble(f));
    }
}

/// Starts a goroutine, and returns the permission to wait for it and take its result. Its panic is a result.
///
/// # Panics
/// If this is called outside [`run`], from a plain thread.
///
/// ```
/// assert_eq!(selvedge_go::run(|| selvedge_go::spawn(|| 7).join().expect("no panic")), 7);
/// ```
#[track_caller]
pub fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> Join<T> {
    if is_in_a_run() {
        return Join::of_thread(f);
    }
    native::spawn(f)
}

/// Lets other goroutines run.
///
/// ```
/// selvedge_go::run(selvedge_go::gosched);
/// ```
#[track_caller]
pub fn gosched() {
    thread::yield_now();
}

/// Ends the goroutine: runs the destructors of its values and nothing after this call. It is no panic. A `catch_unwind` that
/// swallows it ends at the goroutine's next wait. If the main goroutine ends so, the others run on.
///
/// It unlocks std's mutexes as a panic does, and poisons them.
///
/// # Panics
/// If this is called outside a goroutine.
///
/// ```
/// selvedge_go::run(|| {
///     let join = selvedge_go::spawn(|| selvedge_go::goexit());
///     assert!(join.join().is_err(), "it has no result");
/// });
/// ```
#[track_caller]
pub fn goexit() -> ! {
    assert!(!is_in_a_run(), "under a checker a goroutine is a thread, which ends by returning");
    native::goexit()
}

/// Suspends the goroutine for this long.
///
/// ```
/// selvedge_go::run(|| selvedge_go::sleep(std::time::Duration::from_millis(1)));
/// ```
#[track_caller]
pub fn sleep(duration: Duration) {
    thread::sleep(duration);
}

/// Runs `f`, which may block this thread, and lets other threads take over the goroutines that have not begun. What waits
/// inside `f` blocks the thread.
///
/// ```
/// let text = selvedge_go::run(|| selvedge_go::blocking(|| std::fs::read_to_string("/proc/self/comm")));
/// assert!(text.is_ok());
/// ```
pub fn blocking<R>(f: impl FnOnce() -> R) -> R {
    if is_in_a_run() { f() } else { native::blocking(f) }
}

/// Runs `f`, which may block, on a thread that is there for such calls, and waits for its result. Meanwhile the other goroutines of
/// this thread run, those included that have begun here, which [`blocking`] keeps waiting. What waits inside `f` blocks its thread.
///
/// On a plain thread, and under a checker, `f` runs at once.
///
/// # Panics
/// If `f` does.
///
/// ```
/// let text = selvedge_go::run(|| selvedge_go::blocking_on_pool(|| std::fs::read_to_string("/proc/self/comm")));
/// assert!(text.is_ok());
/// ```
pub fn blocking_on_pool<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    if is_current() { native::blocking_on_pool(f) } else { f() }
}

/// Returns how many goroutines of this run have not ended, the main one included; 0 outside a run and under a checker.
///
/// ```
/// assert_eq!(selvedge_go::run(selvedge_go::num_goroutine), 1);
/// ```
pub fn num_goroutine() -> usize {
    if is_in_a_run() { 0 } else { native::num_goroutine() }
}

/// Returns a list of all goroutines of the process, as Go prints it at SIGQUIT: what each waits for, where, and where it was
/// started. The first hundred have their stack traces, as far as they are parked. Empty under a checker.
///
/// At SIGQUIT the process writes the list to its standard error and ends with status 2, unless the program handles the signal.
///
/// ```
/// let text = selvedge_go::run(selvedge_go::dump);
/// # if cfg!(target_os = "linux") {
/// assert!(text.contains("goroutine 1 [running]:"), "{text}");
/// # }
/// ```
pub fn dump() -> String {
    if is_in_a_run() { String::new() } else { native::dump() }
}

/// Returns how many processors the process may use.
///
/// ```
/// assert!(selvedge_go::num_cpu() > 0);
/// ```
pub fn num_cpu() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get())
}

/// Returns how many goroutines run at once.
///
/// ```
/// assert_eq!(selvedge_go::Builder::new().procs(2).run(selvedge_go::gomaxprocs), 2);
/// ```
pub fn gomaxprocs() -> usize {
    set_procs(0)
}

/// Sets how many goroutines run at once, and returns how many there were before; 0 changes nothing. There may be as many as
/// there are processors, or as many as the run has begun with, if those are more.
///
/// ```
/// selvedge_go::Builder::new().procs(2).run(|| {
///     assert_eq!(selvedge_go::set_procs(1), 2);
///     assert_eq!(selvedge_go::gomaxprocs(), 1);
/// });
/// ```
pub fn set_procs(procs: usize) -> usize {
    if is_in_a_run() { num_cpu() } else { native::set_procs(procs) }
}

/// Keeps goroutines that have not begun off this thread, until it is dropped, or the goroutine ends.
#[derive(Debug)]
#[must_use = "the thread is unlocked when this is dropped"]
pub struct LockedThread {
    not_send: PhantomData<*const ()>,
}

/// Locks the goroutine to its thread: no goroutine begins there until the lock and all others of this goroutine have been
/// dropped. The goroutine itself never leaves its thread in any case, and those that have begun there go on there.
///
/// ```
/// selvedge_go::run(|| {
///     let locked = selvedge_go::lock_os_thread();
///     let here = std::thread::current().id();
///     selvedge_go::gosched();
///     assert_eq!(std::thread::current().id(), here);
///     drop(locked);
/// });
/// ```
///
/// # Panics
/// If this is called outside [`run`], from a plain thread.
#[track_caller]
pub fn lock_os_thread() -> LockedThread {
    if !is_in_a_run() {
        native::lock_thread(true);
    }
    LockedThread { not_send: PhantomData }
}

impl Drop for LockedThread {
    fn drop(&mut self) {
        if !is_in_a_run() {
            native::lock_thread(false);
        }
    }
}
