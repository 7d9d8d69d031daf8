//! The native token: a flag and the thread to wake.

#[cfg(feature = "checking")]
use crate::rt::engine::{Change, Current, NativeRun, ThreadId, current};
use core::cell::RefCell;
#[cfg(feature = "checking")]
use core::panic::Location;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

/// What both sides share.
pub(super) struct Token {
    given: AtomicBool,
    thread: Thread,
    #[cfg(feature = "checking")]
    run: Option<(Arc<NativeRun>, ThreadId)>,
}

/// The parker's share, which goes back to the thread's cache.
pub(super) struct Held(Option<Arc<Token>>);

thread_local! {
    /// One token to use again, so that blocking does not allocate each time.
    static CACHE: RefCell<Option<Arc<Token>>> = const { RefCell::new(None) };
}

/// Never inlined: see [`crate::rt`] on thread-locals and goroutines.
#[inline(never)]
fn exchange(token: Option<Arc<Token>>) -> Option<Arc<Token>> {
    CACHE.try_with(|cache| cache.replace(token)).ok().flatten()
}

impl Token {
    fn new() -> Token {
        Token {
            given: AtomicBool::new(false),
            thread: std::thread::current(),
            #[cfg(feature = "checking")]
            run: match current() {
                Current::Native(run) => {
                    let thread = run.this_thread();
                    Some((run, thread))
                }
                _ => None,
            },
        }
    }

    /// Tells this token from others that live.
    #[cfg(feature = "checking")]
    fn number(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    #[track_caller]
    pub(super) fn unpark(&self) {
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &self.run {
            run.step();
            if run.change_at(Location::caller()) == Some(Change::DropUnpark) {
                return;
            }
            // Release: as below.
            self.given.store(true, Release);
            run.wakes(*thread, self.number());
            return self.thread.unpark();
        }
        // Release: pairs with the Acquire in `park`, so that what came before is seen after it.
        self.given.store(true, Release);
        self.thread.unpark();
    }
}

impl Held {
    pub(super) fn new() -> Held {
        // In a native run of a checking build the token belongs to the run, so it is not kept.
        #[cfg(not(feature = "checking"))]
        if let Some(mut token) = exchange(None)
            && let Some(unshared) = Arc::get_mut(&mut token)
        {
            *unshared.given.get_mut() = false;
            return Held(Some(token));
        }
        Held(Some(Arc::new(Token::new())))
    }

    fn token(&self) -> &Arc<Token> {
        self.0.as_ref().expect("a parker holds its token until it is dropped")
    }

    pub(super) fn share(&self) -> Arc<Token> {
        Arc::clone(self.token())
    }

    #[track_caller]
    pub(super) fn park(&self, deadline: Option<Instant>) -> bool {
        let token = self.token();
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &token.run {
            run.step();
            if deadline.is_none() {
                // Acquire: as in `wait`.
                run.begins_to_park(token.number(), Location::caller(), || token.given.load(Acquire));
                let given = wait(&token.given, None);
                run.wakes(*thread, token.number());
                return given;
            }
        }
        wait(&token.given, deadline)
    }
}

fn wait(given: &AtomicBool, deadline: Option<Instant>) -> bool {
    loop {
        // Acquire: pairs with the Release store in `unpark`.
        if given.load(Acquire) {
            // Relaxed: nobody else clears the flag, and the next setter publishes anew.
            given.store(false, Relaxed);
            return true;
        }
        match deadline {
            None => std::thread::park(),
            Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                _ => return given.swap(false, Acquire), // Acquire: as above; a last look.
            },
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        exchange(self.0.take());
    }
}
