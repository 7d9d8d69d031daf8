//! Threads of the running model.

use core::any::Any;
use core::fmt;
pub use selvedge::rt::thread::{AccessError, LocalKey, ThreadId, panicking, park, yield_now};
use selvedge::rt::{seam, thread};
use std::io;

/// A handle to a thread.
#[derive(Clone, Debug)]
pub struct Thread {
    thread: thread::Thread,
    /// Whether the thread runs the model's body.
    is_first: bool,
}

impl Thread {
    /// Returns the thread's identifier.
    pub fn id(&self) -> ThreadId {
        self.thread.id()
    }

    /// Returns the name that the thread's builder has given it.
    pub fn name(&self) -> Option<&str> {
        self.thread.name().filter(|_| !self.is_first)
    }

    /// Ends the thread's [`park`], or its next one.
    #[track_caller]
    pub fn unpark(&self) {
        self.thread.unpark();
    }
}

/// Returns the current thread.
pub fn current() -> Thread {
    Thread { thread: thread::current(), is_first: seam::this_thread() == Some(0) }
}

/// Permission to wait for a thread and take its result.
pub struct JoinHandle<T> {
    handle: thread::JoinHandle<OneThread<T>>,
    thread: Thread,
}

/// A value that is sent though its type may not be `Send`.
struct OneThread<T>(T);

// SAFETY: `spawn` makes such values in a model only. The threads of a model are coroutines of one thread of the operating
// system, so the value never leaves that thread.
unsafe impl<T> Send for OneThread<T> {}

impl<T> OneThread<T> {
    fn into_inner(self) -> T {
        self.0
    }
}

/// Fails outside a model, in which an engine would run all threads as coroutines of one thread of the system.
#[track_caller]
pub(crate) fn assert_in_a_model(what_happens: &str) {
    let in_model = seam::timeline() == seam::Timeline::HappensBefore;
    assert!(in_model, "{what_happens} outside `loom::model`");
}

/// Starts a thread.
///
/// # Panics
/// Outside a model.
#[track_caller]
pub fn spawn<F, T>(f: F) -> JoinHandle<T>
where
    F: FnOnce() -> T + 'static,
    T: 'static,
{
    Builder::new().start(f).expect("an engine always makes a thread")
}

/// Makes threads with a name or a stack size of their own.
#[derive(Debug, Default)]
pub struct Builder(thread::Builder);

impl Builder {
    /// Returns the default settings.
    pub fn new() -> Builder {
        Builder::default()
    }

    /// Names the thread.
    pub fn name(self, name: String) -> Builder {
        Builder(self.0.name(name))
    }

    /// Sets the size of the thread's stack, in words as in loom. It is 64 KiB at least; the default is 256 KiB.
    pub fn stack_size(self, words: usize) -> Builder {
        Builder(self.0.stack_size(words.saturating_mul(size_of::<usize>())))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// Never.
    ///
    /// # Panics
    /// Outside a model.
    #[track_caller]
    pub fn spawn<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        self.start(f)
    }

    #[track_caller]
    fn start<F, T>(self, f: F) -> io::Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + 'static,
        T: 'static,
    {
        assert_in_a_model("a thread is spawned");
        let f = OneThread(f);
        let handle = self.0.spawn(move || OneThread(f.into_inner()()))?;
        let thread = Thread { thread: handle.thread().clone(), is_first: false };
        Ok(JoinHandle { handle, thread })
    }
}

impl<T> JoinHandle<T> {
    /// Blocks until the thread has ended, which happens before this returns, and returns its result.
    ///
    /// # Errors
    /// Never.
    ///
    /// # Panics
    /// If the thread has panicked: a panic of any thread is a failure of the model.
    #[track_caller]
    pub fn join(self) -> std::thread::Result<T> {
        match self.handle.join() {
            Ok(result) => Ok(result.into_inner()),
            Err(panic) => panic!("a thread has panicked: {}", text_of(&*panic)),
        }
    }

    /// Returns the thread.
    pub fn thread(&self) -> &Thread {
        &self.thread
    }
}

/// Returns the message of a panic.
fn text_of(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("its payload is no text")
}

impl<T: fmt::Debug> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinHandle").field("thread", self.thread()).finish_non_exhaustive()
    }
}
