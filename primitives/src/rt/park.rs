//! Blocking a thread until another one wakes it: the one way in which primitives block.
//!
//! A [`Parker`] is one-shot: it waits for one token, which an [`Unparker`] gives it. Everything
//! before `unpark` happens before the `park` that takes the token returns. A token given early is
//! kept. There are no spurious wake-ups.
//!
//! Under an engine a park with a deadline is one test of the token at a moment that the scheduler
//! picks; it never blocks, and time moves to the deadline if the token was not there.

mod permit;

#[cfg(feature = "checking")]
use super::seam::{Current, Home, Session, current};
use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "checking")]
use core::panic::Location;
use permit::{Held, Share};
use std::time::Instant;

/// The waiting side; stays on the thread that made it.
///
/// ```
/// use selvedge::rt::{park::Parker, thread};
/// let parker = Parker::new();
/// let unparker = parker.unparker();
/// thread::spawn(move || unparker.unpark());
/// parker.park();
/// ```
pub struct Parker {
    inner: Inner,
    /// The token wakes the thread that made it.
    not_send: PhantomData<*const ()>,
}

enum Inner {
    Native(Held),
    #[cfg(feature = "checking")]
    Model {
        session: &'static Session,
        token: (u64, usize),
    },
}

/// The waking side.
#[derive(Clone)]
pub struct Unparker(Target);

#[derive(Clone)]
enum Target {
    Native(Share),
    #[cfg(feature = "checking")]
    Model {
        home: Home,
        token: (u64, usize),
    },
}

impl Parker {
    /// A parker for the current thread, with no token yet.
    #[inline]
    pub fn new() -> Parker {
        #[cfg(feature = "checking")]
        if let Current::Model(session) = current() {
            let inner = Inner::Model { session, token: session.token_new() };
            return Parker { inner, not_send: PhantomData };
        }
        Parker { inner: Inner::Native(Held::new()), not_send: PhantomData }
    }

    /// The other side.
    #[inline]
    pub fn unparker(&self) -> Unparker {
        match &self.inner {
            Inner::Native(held) => Unparker(Target::Native(held.share())),
            #[cfg(feature = "checking")]
            Inner::Model { session, token } => {
                Unparker(Target::Model { home: Home::new(session), token: *token })
            }
        }
    }

    /// Whether the token is there, for who would rather look than block. Under an engine nobody looks.
    pub(crate) fn is_woken(&self) -> bool {
        match &self.inner {
            Inner::Native(held) => held.is_given(),
            #[cfg(feature = "checking")]
            Inner::Model { .. } => false,
        }
    }

    /// Blocks until the token is there, and takes it.
    #[inline]
    #[track_caller]
    pub fn park(&self) {
        self.park_deadline(None);
    }

    /// Blocks until the token is there, and takes it: `true`; or until the deadline: `false`, and
    /// the token may still come.
    #[inline]
    #[track_caller]
    pub fn park_deadline(&self, deadline: Option<Instant>) -> bool {
        match &self.inner {
            Inner::Native(held) => held.park(deadline),
            #[cfg(feature = "checking")]
            Inner::Model { session, token } => session.park(*token, deadline, Location::caller()),
        }
    }
}

impl Default for Parker {
    fn default() -> Parker {
        Parker::new()
    }
}

impl Unparker {
    /// Gives the token.
    #[inline]
    #[track_caller]
    pub fn unpark(self) {
        match self.0 {
            Target::Native(share) => share.unpark(),
            #[cfg(feature = "checking")]
            Target::Model { home, token } => {
                if let Some(session) = home.get() {
                    session.unpark(token, Location::caller());
                }
            }
        }
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").finish_non_exhaustive()
    }
}
