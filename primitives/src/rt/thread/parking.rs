//! `park` and `unpark`: each thread has a token, which `unpark` gives and `park` waits for.

use crate::rt::park::Token;
use crate::rt::seam::{Current, Home, NativeRun, ThreadId, current};
use core::panic::Location;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How a thread is woken.
#[derive(Clone)]
pub(super) enum Wake {
    Model { home: Home, thread: ThreadId },
    Native(Arc<Token>),
}

std::thread_local! {
    /// The current thread's token, outside any engine.
    static TOKEN: RefCell<Option<Arc<Token>>> = const { RefCell::new(None) };
}

/// Makes `token` the current thread's, which has none yet.
pub(super) fn adopt(token: Arc<Token>) {
    TOKEN.set(Some(token));
}

/// Returns the current thread's token, outside any engine. (A thread that is ending and has dropped its token gets another
/// one, which no thread gives.)
#[inline(never)]
fn own() -> Arc<Token> {
    let run = native_run();
    let find = |token: &RefCell<Option<Arc<Token>>>| {
        let mut token = token.borrow_mut();
        match &*token {
            Some(token) if token.is_of(run.as_ref()) => Arc::clone(token),
            _ => Arc::clone(token.insert(Arc::new(Token::native(run.clone())))),
        }
    };
    TOKEN.try_with(find).unwrap_or_else(|_| Arc::new(Token::native(run.clone())))
}

fn native_run() -> Option<Arc<NativeRun>> {
    match current() {
        Current::Native(run) => Some(run),
        _ => None,
    }
}

impl Wake {
    /// Returns how the current thread is woken.
    pub(super) fn current() -> Wake {
        match current() {
            Current::Model(session) => {
                Wake::Model { home: Home::new(session), thread: session.this_thread() }
            }
            _ => Wake::Native(own()),
        }
    }

    #[track_caller]
    pub(super) fn wake(&self) {
        match self {
            Wake::Model { home, thread } => {
                if let Some(session) = home.get() {
                    let site = Location::caller();
                    session.unpark(session.token_of(*thread, site), site);
                }
            }
            Wake::Native(token) => token.give(),
        }
    }
}

/// Blocks until [`Thread::unpark`](super::Thread::unpark) has been called for this thread since the last `park`. There are
/// no spurious wake-ups. What the caller of `unpark` did before happens before this returns.
///
/// ```
/// use selvedge::rt::thread;
/// let parked = thread::spawn(thread::park);
/// parked.thread().unpark();
/// parked.join().expect("no panic");
/// ```
#[track_caller]
pub fn park() {
    park_deadline(None);
}

/// Blocks as [`park`] does, for this long at most.
///
/// Under an engine this is one test whether `unpark` has been called, at a moment that the scheduler picks.
#[track_caller]
pub fn park_timeout(duration: Duration) {
    park_deadline(crate::rt::time::now().checked_add(duration));
}

#[track_caller]
fn park_deadline(deadline: Option<Instant>) {
    match current() {
        Current::Model(session) => {
            let site = Location::caller();
            session.park(session.token_of(session.this_thread(), site), deadline, site);
        }
        _ => {
            own().wait_deadline(deadline);
        }
    }
}
