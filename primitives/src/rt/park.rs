//! Blocking a thread until another one wakes it: the one way in which primitives block.
//!
//! A [`Parker`] is one-shot: it waits for one permit, which an [`Unparker`] gives it. (std's documentation and the traces
//! of engines call a permit a token.) Everything before `unpark` happens before the `park` that takes the permit returns.
//! A permit that is given before the parker waits is kept. There are no spurious wake-ups.
//!
//! A [`Token`] is what a `Parker` is, for any thread and any number of waits.
//!
//! On a goroutine the goroutine is parked, and its thread runs others ([`Join`](crate::rt::Join) says what starts one).
//!
//! Under an engine a park with a deadline is one test of the permit at a moment that the scheduler picks. It never blocks,
//! and virtual time moves to the deadline if the permit was not there.

mod gate;
mod permit;
mod token;

use super::bubble::{self, Owner, Rest};
#[cfg(feature = "checking")]
use super::seam::{Current, Home, Session, current};
use super::task::{self, Runtime, Task, Why};
use super::until::Stop;
use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "checking")]
use core::panic::Location;
pub(crate) use gate::Gate;
use permit::{Held, Share};
use std::sync::Arc;
use std::time::Instant;
pub use token::Token;

/// The waiting side; stays on the thread, or the goroutine, that made it.
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
    /// A permit wakes the thread that made the parker.
    not_send: PhantomData<*const ()>,
}

enum Inner {
    Native(Held),
    /// A goroutine's wait of this number.
    Task {
        runtime: &'static Runtime,
        task: Task,
        wait: u64,
        why: Why,
    },
    /// A permit beside the waits of a goroutine.
    Token(Arc<Token>),
    /// A wait in a bubble, where time is virtual.
    Bubble(Box<Rest>),
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
    Task {
        task: Task,
        wait: u64,
    },
    Token(Arc<Token>),
    Bubble(Arc<bubble::Wait>),
    #[cfg(feature = "checking")]
    Model {
        home: Home,
        token: (u64, usize),
    },
}

impl Parker {
    /// Returns a parker for the current thread or goroutine, whose permit has not been given yet.
    #[inline]
    #[cfg_attr(feature = "checking", track_caller)]
    pub fn new() -> Parker {
        if let Some(here) = bubble::here() {
            return Parker::in_bubble(Rest::new(here, Why::Permit, None));
        }
        Parker::apart()
    }

    /// Returns a parker as [`new`](Self::new) does, which no bubble knows of.
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn apart() -> Parker {
        if task::is_current() {
            // The goroutine may wait for other things before it parks here, which a wait of its own would not outlast.
            return Parker { inner: Inner::Token(Arc::new(Token::apart())), not_send: PhantomData };
        }
        Parker::outside(Why::Permit)
    }

    fn in_bubble(rest: Rest) -> Parker {
        Parker { inner: Inner::Bubble(Box::new(rest)), not_send: PhantomData }
    }

    /// Returns a parker as [`new`](Self::new) does, for a goroutine that waits for nothing else before it has parked for
    /// the last time here; if user code may have done so in between, [`is_overtaken`](Self::is_overtaken) tells.
    #[inline]
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn for_wait(why: Why) -> Parker {
        Parker::for_wait_of(why, || None)
    }

    /// Returns a parker as [`for_wait`](Self::for_wait) does, for what belongs to this bubble. `owner` is called in a bubble
    /// only.
    #[inline]
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn for_wait_of(why: Why, owner: impl FnOnce() -> Option<Owner>) -> Parker {
        match bubble::here() {
            None => Parker::outside(why),
            Some(here) => Parker::in_bubble(Rest::new(here, why, owner())),
        }
    }

    /// Returns a parker as [`new`](Self::new) does, for a wait for what belongs to this bubble, which may be stopped. A member
    /// rests there as without a stop, if that comes from inside only.
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn for_stopped_wait(why: Why, owner: Option<Owner>, stop: &dyn Stop) -> Parker {
        match bubble::here() {
            Some(here) if stop.is_inside() => Parker::in_bubble(Rest::new(here, why, owner)),
            _ => Parker::new(),
        }
    }

    /// Returns a parker as [`for_wait`](Self::for_wait) does, which no bubble knows of.
    #[inline]
    #[cfg_attr(feature = "checking", track_caller)]
    pub(crate) fn outside(why: Why) -> Parker {
        #[cfg(feature = "checking")]
        if let Current::Model(session) = current() {
            let inner = Inner::Model { session, token: session.token_new() };
            return Parker { inner, not_send: PhantomData };
        }
        let inner = match task::current() {
            None => Inner::Native(Held::new()),
            Some((runtime, task)) => Inner::Task { runtime, task, wait: (runtime.begin_wait)(task), why },
        };
        Parker { inner, not_send: PhantomData }
    }

    /// Returns whether the goroutine has begun another wait since the parker was made (K1 of `task`): then no permit
    /// arrives any more, and a park returns `false` at once.
    pub(crate) fn is_overtaken(&self) -> bool {
        match self.inner {
            Inner::Task { task, wait, .. } => !task::is_current_wait(task, wait),
            _ => false,
        }
    }

    /// Returns the waking side.
    #[inline]
    pub fn unparker(&self) -> Unparker {
        match &self.inner {
            Inner::Native(held) => Unparker(Target::Native(held.share())),
            Inner::Task { task, wait, .. } => Unparker(Target::Task { task: *task, wait: *wait }),
            Inner::Token(token) => Unparker(Target::Token(Arc::clone(token))),
            Inner::Bubble(rest) => Unparker(Target::Bubble(Arc::clone(rest.wait()))),
            #[cfg(feature = "checking")]
            Inner::Model { session, token } => {
                Unparker(Target::Model { home: Home::new(session), token: *token })
            }
        }
    }

    /// Returns whether the permit has been given, for a caller that would rather look than block. Under an engine the answer
    /// is always `false`, so that the caller parks.
    pub(crate) fn is_woken(&self) -> bool {
        match &self.inner {
            Inner::Native(held) => held.is_given(),
            Inner::Task { runtime, task, wait, .. } => (runtime.is_given)(*task, *wait),
            // The caller parks, and is woken at once if the token is there.
            Inner::Token(_) | Inner::Bubble(_) => false,
            #[cfg(feature = "checking")]
            Inner::Model { .. } => false,
        }
    }

    /// Returns whether the parker was made in the bubble, and in the run of a checker, in which the current thread is, so that it may
    /// wait on.
    #[inline]
    pub(crate) fn is_of_this_run(&self) -> bool {
        match &self.inner {
            Inner::Bubble(rest) => return rest.is_here(),
            _ if bubble::is_inside() => return false,
            _ => (),
        }
        #[cfg(feature = "checking")]
        return match (&self.inner, current()) {
            (Inner::Native(held), Current::Native(run)) => held.is_of(Some(&run)),
            (Inner::Native(held), Current::Outside) => held.is_of(None),
            (Inner::Native(_), Current::Model(_)) => false,
            (Inner::Model { .. }, current) => matches!(current, Current::Model(_)),
            (Inner::Task { .. } | Inner::Token(_) | Inner::Bubble(_), current) => {
                matches!(current, Current::Outside)
            }
        };
        #[cfg(not(feature = "checking"))]
        true
    }

    /// Blocks until the permit is given, and takes it.
    #[inline]
    #[track_caller]
    pub fn park(&self) {
        self.park_deadline(None);
    }

    /// Blocks until the permit is given, takes it and returns `true`; or returns `false` at the deadline, after which the
    /// permit may still be given.
    #[inline]
    #[track_caller]
    pub fn park_deadline(&self, deadline: Option<Instant>) -> bool {
        match &self.inner {
            Inner::Native(held) => held.park(deadline),
            Inner::Task { runtime, task, wait, why } => (runtime.park)(*task, *wait, deadline, *why),
            Inner::Token(token) => token.wait_deadline(deadline),
            Inner::Bubble(rest) => rest.park(deadline),
            #[cfg(feature = "checking")]
            Inner::Model { session, token } => session.park(*token, deadline, Location::caller()),
        }
    }
}

impl Default for Parker {
    #[cfg_attr(feature = "checking", track_caller)]
    fn default() -> Parker {
        Parker::new()
    }
}

impl Unparker {
    /// Gives the permit, and wakes the thread that waits for it.
    #[inline]
    #[track_caller]
    pub fn unpark(self) {
        match self.0 {
            Target::Native(share) => share.unpark(),
            Target::Task { task, wait } => {
                if let Some(runtime) = task::runtime() {
                    (runtime.unpark)(task, wait);
                }
            }
            Target::Token(token) => token.give(),
            Target::Bubble(wait) => wait.give(),
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
