//! A token that any thread may wait for.

use super::Parker;
use super::gate::Gate;
#[cfg(feature = "checking")]
use crate::rt::seam::{Change, Current, Home, NativeRun, current};
use crate::rt::task::Why;
use core::fmt;
#[cfg(feature = "checking")]
use core::panic::Location;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering::{Acquire, Release};
#[cfg(feature = "checking")]
use std::sync::Arc;
use std::time::Instant;

/// A token that threads give and wait for any number of times, whichever thread made it: what a
/// [`Parker`](super::Parker) is for one thread and one wait.
///
/// A token that is given while it is there stays one token. Of several threads that wait, one takes it. What the givers
/// did before happens before [`wait`](Self::wait) returns. There are no spurious wake-ups. Under an engine a wait with a
/// deadline is one test of the token, at a moment that the scheduler picks.
///
/// ```
/// use selvedge::rt::{park::Token, thread};
/// let token = Token::new();
/// thread::scope(|scope| {
///     scope.spawn(|| token.give());
///     token.wait();
/// });
/// ```
#[doc(alias = "Notify")]
pub struct Token(Inner);

enum Inner {
    Native(Native),
    #[cfg(feature = "checking")]
    Model {
        home: Home,
        token: (u64, usize),
    },
}

/// The token outside any engine.
struct Native {
    given: AtomicBool,
    gate: Gate,
    /// Whether bubbles know of the waits.
    in_bubbles: bool,
    #[cfg(feature = "checking")]
    run: Option<Arc<NativeRun>>,
}

impl Token {
    /// Returns a token that has not been given.
    #[track_caller]
    pub fn new() -> Token {
        #[cfg(feature = "checking")]
        return match current() {
            Current::Model(session) => {
                Token(Inner::Model { home: Home::new(session), token: session.token_new() })
            }
            Current::Native(run) => Token::native(Some(run)),
            Current::Outside => Token::native(None),
        };
        #[cfg(not(feature = "checking"))]
        Token::outside(true)
    }

    /// Returns a token for threads of `run`, or outside any.
    #[cfg(feature = "checking")]
    pub(crate) fn native(run: Option<Arc<NativeRun>>) -> Token {
        Token(Inner::Native(Native {
            given: AtomicBool::new(false),
            gate: Gate::new(),
            in_bubbles: true,
            run,
        }))
    }

    /// Returns a token for a goroutine, of whose waits no bubble knows.
    pub(super) fn apart() -> Token {
        Token::outside(false)
    }

    /// Returns a token outside any run.
    fn outside(in_bubbles: bool) -> Token {
        Token(Inner::Native(Native {
            given: AtomicBool::new(false),
            gate: Gate::new(),
            in_bubbles,
            #[cfg(feature = "checking")]
            run: None,
        }))
    }

    /// Returns whether the token belongs to threads of `run`, or outside any.
    #[cfg(feature = "checking")]
    pub(crate) fn is_of(&self, run: Option<&Arc<NativeRun>>) -> bool {
        match &self.0 {
            Inner::Native(native) => native.run.as_ref().map(Arc::as_ptr) == run.map(Arc::as_ptr),
            Inner::Model { .. } => false,
        }
    }

    /// Blocks until the token is there, and takes it.
    #[track_caller]
    pub fn wait(&self) {
        self.wait_deadline(None);
    }

    /// Blocks until the token is there, takes it and returns `true`; or returns `false` at the deadline.
    #[track_caller]
    pub fn wait_deadline(&self, deadline: Option<Instant>) -> bool {
        match &self.0 {
            Inner::Native(native) => native.wait(deadline),
            #[cfg(feature = "checking")]
            Inner::Model { home, token } => match home.get() {
                Some(session) => session.park(*token, deadline, Location::caller()),
                None => panic!("a thread waits for a token outside the execution that made the token"),
            },
        }
    }

    /// Gives the token, and wakes a thread that waits for it.
    #[track_caller]
    pub fn give(&self) {
        match &self.0 {
            Inner::Native(native) => native.give(),
            #[cfg(feature = "checking")]
            Inner::Model { home, token } => {
                if let Some(session) = home.get() {
                    session.unpark(*token, Location::caller());
                }
            }
        }
    }
}

impl Native {
    #[track_caller]
    fn give(&self) {
        #[cfg(feature = "checking")]
        if let Some(run) = &self.run {
            run.step();
            if run.change_at(Location::caller()) == Some(Change::DropUnpark) {
                return;
            }
        }
        // Release: publishes what the giver did before to the Acquire swap in `take`. A read-modify-write also if the
        // token is there already, so that the release sequence of each `give` reaches that swap.
        // Not model-checked: under an engine the session keeps the token.
        self.given.swap(true, Release);
        self.gate.open();
    }

    /// Takes the token, if it is there.
    fn take(&self) -> bool {
        // Acquire: synchronizes with the Release swaps in `give`: what the givers did happens before the wait returns.
        // Not model-checked: under an engine the session keeps the token.
        self.given.swap(false, Acquire)
    }

    #[track_caller]
    fn wait(&self, deadline: Option<Instant>) -> bool {
        #[cfg(feature = "checking")]
        if let Some(run) = &self.run {
            run.step();
        }
        loop {
            let seen = self.gate.seen();
            if self.take() {
                return true;
            }
            let parker =
                if self.in_bubbles { Parker::for_wait(Why::Permit) } else { Parker::outside(Why::Permit) };
            if !self.gate.wait(seen, parker, deadline) {
                return self.take();
            }
        }
    }
}

impl Default for Token {
    #[track_caller]
    fn default() -> Token {
        Token::new()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token").finish_non_exhaustive()
    }
}
