//! The native token: a flag and the thread to wake.

#[cfg(feature = "checking")]
use crate::rt::seam::{Change, Current, NativeRun, ThreadId, current};
use core::cell::RefCell;
#[cfg(feature = "checking")]
use core::panic::Location;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::Arc;
use std::thread::Thread;
use std::time::Instant;

/// What both sides share; a thread uses it again for one wait after the other.
pub(super) struct Token {
    /// The number of the wait, and what has become of it. A wake-up for a wait that is over does nothing.
    word: AtomicU64,
    thread: Thread,
    #[cfg(feature = "checking")]
    run: Option<(Arc<NativeRun>, ThreadId)>,
}

/// The token has not come, and nobody sleeps.
const AWAITED: u64 = 0;
/// The thread sleeps, or is about to.
const ASLEEP: u64 = 1;
const GIVEN: u64 = 2;
/// What is added to get to the next wait.
const NEXT: u64 = 4;
const FATE: u64 = NEXT - 1;

/// The parker's share, which goes back to the thread's cache.
pub(super) struct Held {
    token: Option<Arc<Token>>,
    /// The number of the wait.
    wait: u64,
}

/// The waker's share.
#[derive(Clone)]
pub(super) struct Share {
    token: Arc<Token>,
    wait: u64,
}

thread_local! {
    /// One token to use again, so that blocking does not allocate each time.
    static CACHE: RefCell<Option<Arc<Token>>> = const { RefCell::new(None) };
}

/// Replaces the cached token of the current thread and returns the one that was there.
///
/// Never inlined: a stackful coroutine of a user's may be resumed on another OS thread, where an address of the
/// thread-local that the compiler has kept would be the first thread's.
#[inline(never)]
fn exchange(token: Option<Arc<Token>>) -> Option<Arc<Token>> {
    CACHE.try_with(|cache| cache.replace(token)).ok().flatten()
}

impl Token {
    fn new() -> Token {
        Token {
            word: AtomicU64::new(AWAITED),
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

    fn give(&self, wait: u64) {
        let mut found = self.word.load(Relaxed); // Relaxed: the exchange decides.
        while found & !FATE == wait {
            // Release: pairs with the Acquire in `take`, so that what came before is seen after it; also if the token
            // is there already, for there is one for all that give.
            match self.word.compare_exchange(found, wait | GIVEN, Release, Relaxed) {
                Ok(_) if found == wait | ASLEEP => return self.thread.unpark(),
                Ok(_) => return,
                Err(other) => found = other,
            }
        }
    }

    /// Takes the token, if it is there.
    fn take(&self, wait: u64) -> bool {
        // Acquire: pairs with the Release in `give`.
        self.word.swap(wait | AWAITED, Acquire) == wait | GIVEN
    }

    fn wait(&self, wait: u64, deadline: Option<Instant>) -> bool {
        loop {
            // Relaxed: who gives finds it and wakes us, or is found here.
            if self.word.compare_exchange(wait | AWAITED, wait | ASLEEP, Relaxed, Relaxed)
                == Err(wait | GIVEN)
            {
                return self.take(wait);
            }
            match deadline {
                None => std::thread::park(),
                Some(deadline) => match deadline.checked_duration_since(Instant::now()) {
                    Some(left) if !left.is_zero() => std::thread::park_timeout(left),
                    _ => return self.take(wait),
                },
            }
        }
    }
}

impl Share {
    #[track_caller]
    pub(super) fn unpark(&self) {
        let token = &*self.token;
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &token.run {
            run.step();
            if run.change_at(Location::caller()) == Some(Change::DropUnpark) {
                return;
            }
            token.give(self.wait);
            return run.wakes(*thread, token.number());
        }
        token.give(self.wait);
    }
}

impl Held {
    pub(super) fn new() -> Held {
        // In a native run of a checking build the token belongs to the run, so it is not kept.
        #[cfg(not(feature = "checking"))]
        if let Some(token) = exchange(None) {
            // Relaxed, twice: nobody else changes the number, and who gets the share from us finds it.
            let wait = (token.word.load(Relaxed) & !FATE) + NEXT;
            token.word.store(wait | AWAITED, Relaxed);
            return Held { token: Some(token), wait };
        }
        Held { token: Some(Arc::new(Token::new())), wait: 0 }
    }

    fn token(&self) -> &Arc<Token> {
        self.token.as_ref().expect("a parker holds its token until it is dropped")
    }

    pub(super) fn share(&self) -> Share {
        Share { token: Arc::clone(self.token()), wait: self.wait }
    }

    pub(super) fn is_given(&self) -> bool {
        // Relaxed: who sees it parks, and takes it by that.
        self.token().word.load(Relaxed) == self.wait | GIVEN
    }

    #[track_caller]
    pub(super) fn park(&self, deadline: Option<Instant>) -> bool {
        let token = self.token();
        #[cfg(feature = "checking")]
        if let Some((run, thread)) = &token.run {
            run.step();
            if deadline.is_none() {
                let given = self.wait | GIVEN;
                // Relaxed: `wait` takes it.
                run.begins_to_park(token.number(), Location::caller(), || token.word.load(Relaxed) == given);
                let given = token.wait(self.wait, None);
                run.wakes(*thread, token.number());
                return given;
            }
        }
        token.wait(self.wait, deadline)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        exchange(self.token.take());
    }
}
