//! A thread of the current run, native or under an engine, without the type of its result.

use super::parking;
use crate::rt::park::Token;
use crate::rt::seam::{Current, Home, NativeRun, Site, ThreadId, current, restore_panic, take_panic};
use crate::rt::task::Blocks;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::any::Any;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The result of a thread, once it has ended.
pub(super) type Packet<T> = Arc<Mutex<Option<std::thread::Result<T>>>>;

/// A thread that can be waited for, any number of times.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) kind: Kind,
    /// Whether the thread has panicked and its result has not been taken.
    unseen_panic: Arc<AtomicBool>,
}

#[derive(Clone)]
pub(super) enum Kind {
    Model {
        home: Home,
        thread: ThreadId,
    },
    Native {
        latch: Arc<Latch>,
        run: Option<(Arc<NativeRun>, ThreadId)>,
        os: Arc<OsThread>,
        token: Arc<Token>,
    },
    /// The thread ran to its end inside `spawn`, because the spawning thread was unwinding.
    Inline,
}

/// A thread of the operating system.
pub(super) struct OsThread {
    pub(super) thread: std::thread::Thread,
    /// Until somebody has joined it.
    handle: Mutex<Option<std::thread::JoinHandle<()>>>,
}

impl OsThread {
    fn new(handle: std::thread::JoinHandle<()>) -> Arc<OsThread> {
        let thread = handle.thread().clone();
        Arc::new(OsThread { thread, handle: Mutex::new(Some(handle)) })
    }

    /// Waits until the thread has dropped its thread-locals too.
    fn join(&self) {
        // The lock is held meanwhile, so another caller waits as well.
        let mut handle = self.handle.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handle.take() {
            // A panic of the thread is in its packet; one of a thread-local's destructor ends the process.
            let _ = handle.join();
        }
    }
}

#[derive(Default)]
pub(super) struct Latch {
    open: Mutex<bool>,
    opened: Condvar,
}

impl Latch {
    fn open(&self) {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.opened.notify_all();
    }

    fn is_open(&self) -> bool {
        *self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) {
        // The end of the other thread ends this, which no unparker tells the runtime.
        let _blocks = Blocks::begin(true);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        while !*open {
            open = self.opened.wait(open).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The settings of a new thread.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub(super) name: Option<String>,
    /// Bytes of stack.
    pub(super) stack_size: Option<usize>,
}

impl Settings {
    fn native(&self) -> std::thread::Builder {
        let mut builder = std::thread::Builder::new();
        if let Some(name) = &self.name {
            builder = builder.name(name.clone());
        }
        if let Some(size) = self.stack_size {
            builder = builder.stack_size(size);
        }
        builder
    }
}

/// Runs `f`, keeps its result, and returns its panic as text, if it panicked.
fn run_into<T>(packet: &Packet<T>, unseen: &AtomicBool, f: impl FnOnce() -> T) -> Option<String> {
    let result = catch_unwind(AssertUnwindSafe(f));
    // Relaxed: `see_panic` reads it after a wait for the thread, which orders the two.
    unseen.store(result.is_err(), Relaxed);
    let panic = result.is_err().then(|| take_panic().unwrap_or_else(|| "no message".to_string()));
    *packet.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    panic
}

/// Starts a thread.
///
/// # Safety
/// Everything that `f` and `T` borrow must live until `f` has returned, or the thread has stopped for ever: the caller waits
/// for the thread, or the types are `'static`.
pub(super) unsafe fn spawn<'a, T: Send + 'a>(
    settings: Settings,
    site: Site,
    f: impl FnOnce() -> T + Send + 'a,
) -> io::Result<(Raw, Packet<T>)> {
    let packet = Packet::<T>::default();
    let theirs = Arc::clone(&packet);
    let unseen_panic = Arc::new(AtomicBool::new(false));
    let unseen = Arc::clone(&unseen_panic);
    let f = move || run_into(&theirs, &unseen, f);
    let kind = match current() {
        Current::Model(session) if !session.is_unwinding() => {
            let body: Box<dyn FnOnce() + 'a> = Box::new(move || {
                if let Some(message) = f() {
                    session.panicked(message);
                }
            });
            // SAFETY: the two types differ in the lifetime only, and the caller promises that what the body borrows lives
            // until the body has returned.
            let body = unsafe { core::mem::transmute::<Box<dyn FnOnce() + 'a>, Box<dyn FnOnce()>>(body) };
            Kind::Model {
                home: Home::new(session),
                thread: session.spawn(settings.name, settings.stack_size, site, body),
            }
        }
        Current::Model(_) => {
            f();
            Kind::Inline
        }
        other => {
            let run = match other {
                Current::Native(run) => {
                    let thread = run.announce(settings.name.clone());
                    Some((run, thread))
                }
                _ => None,
            };
            let latch = Arc::new(Latch::default());
            let token = Arc::new(Token::native(run.as_ref().map(|(run, _)| Arc::clone(run))));
            let theirs = Arc::clone(&token);
            let (opens, belongs) = (Arc::clone(&latch), run.clone());
            let body = move || {
                if let Some((run, thread)) = &belongs {
                    run.adopt(*thread);
                }
                parking::adopt(theirs);
                let panic = f();
                if let Some((run, thread)) = &belongs {
                    if let Some(message) = panic {
                        run.panicked(*thread, message);
                    }
                    run.ended(*thread);
                }
                opens.open();
            };
            let body: Box<dyn FnOnce() + Send + 'a> = Box::new(body);
            // SAFETY: the two types differ in the lifetime only, and the caller promises that what the body borrows lives
            // until the body has returned.
            let body = unsafe {
                core::mem::transmute::<Box<dyn FnOnce() + Send + 'a>, Box<dyn FnOnce() + Send>>(body)
            };
            let handle = settings.native().spawn(body)?;
            Kind::Native { latch, run, os: OsThread::new(handle), token }
        }
    };
    Ok((Raw { kind, unseen_panic }, packet))
}

/// Runs `wait` on a thread that has caught a panic of its own and will resume it, so that a report of a wait which never
/// ends names the panic first.
pub(super) fn between_panics(wait: impl FnOnce()) {
    let text = take_panic().unwrap_or_else(|| "no message".to_string());
    match current() {
        Current::Model(session) => {
            session.panicked(text.clone());
            wait();
            session.joined(session.this_thread());
        }
        Current::Native(run) => {
            run.panicked(run.this_thread(), text.clone());
            wait();
            run.joined(run.this_thread());
        }
        Current::Outside => wait(),
    }
    restore_panic(text);
}

impl Raw {
    /// Blocks until the thread has ended, the destructors of its thread-locals included.
    pub(super) fn join(&self, site: Site) {
        self.wait(site);
        if let Kind::Native { os, .. } = &self.kind {
            os.join();
        }
    }

    /// Blocks until the thread's closure has returned and, under an engine, the destructors of its thread-locals too.
    pub(super) fn wait(&self, site: Site) {
        match &self.kind {
            Kind::Model { home, thread } => {
                if let Some(session) = home.get() {
                    session.join(*thread, site);
                }
            }
            Kind::Native { latch, run, .. } => {
                let Some((run, thread)) = run else { return latch.wait() };
                run.begins_to_join(*thread, site);
                latch.wait();
                run.wakes(run.this_thread(), 0);
            }
            Kind::Inline => (),
        }
    }

    /// Takes the thread's result, after a wait for the thread.
    pub(super) fn take<T>(&self, packet: &Packet<T>) -> std::thread::Result<T> {
        self.see_panic();
        let result = packet.lock().unwrap_or_else(PoisonError::into_inner).take();
        result.unwrap_or_else(|| Err(Box::new("the thread did not run to its end") as Box<dyn Any + Send>))
    }

    /// Returns whether the thread had a panic that no thread had seen. From now on the panic counts as seen.
    pub(super) fn see_panic(&self) -> bool {
        match &self.kind {
            Kind::Model { home, thread } => {
                if let Some(session) = home.get() {
                    session.joined(*thread);
                }
            }
            Kind::Native { run: Some((run, thread)), .. } => run.joined(*thread),
            _ => (),
        }
        // Relaxed: the caller has waited for the thread, which orders the store in `run_into` before this.
        self.unseen_panic.swap(false, Relaxed)
    }

    #[track_caller]
    pub(super) fn is_finished(&self) -> bool {
        match &self.kind {
            Kind::Model { home, thread } => home.get().is_none_or(|session| session.is_finished(*thread)),
            Kind::Native { latch, .. } => latch.is_open(),
            Kind::Inline => true,
        }
    }
}
