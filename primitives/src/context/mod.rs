//! Contexts: cancellation, deadlines and values that pass through a program; Go's package `context`.
//!
//! A [`Context`] is handed from function to function, as the first argument by custom. A function that starts work makes a
//! context below the one that it was given, and the work looks whether its context is done:
//!
//! ```
//! use selvedge::chan::{bounded, select};
//! use selvedge::context::{Context, background, with_cancel};
//! use selvedge::rt::thread;
//!
//! /// Sends numbers until the context is done.
//! fn count(context: &Context) -> selvedge::chan::Receiver<u32> {
//!     let (tx, rx) = bounded(0);
//!     let context = context.clone();
//!     thread::spawn(move || {
//!         for n in 0.. {
//!             select! {
//!                 send(tx, n) -> _ => (),
//!                 recv(context.done()) -> _ => return,
//!             }
//!         }
//!     });
//!     rx
//! }
//!
//! let (context, cancel) = with_cancel(&background());
//! let numbers = count(&context);
//! assert_eq!([numbers.recv(), numbers.recv()], [Ok(0), Ok(1)]);
//! cancel.cancel();
//! assert!(numbers.iter().count() <= 1, "the thread stops");
//! ```
//!
//! | Go | here |
//! | --- | --- |
//! | `context.Background()`, `context.TODO()` | [`background`], [`todo()`] |
//! | `context.WithCancel(ctx)`, `WithCancelCause` | [`with_cancel`], [`with_cancel_cause`] |
//! | `context.WithDeadline(ctx, t)`, `WithDeadlineCause` | [`with_deadline`], [`with_deadline_cause`] |
//! | `context.WithTimeout(ctx, d)`, `WithTimeoutCause` | [`with_timeout`], [`with_timeout_cause`] |
//! | `context.WithValue(ctx, key, v)`, `ctx.Value(key)` | [`with_value`], [`Context::value`], typed by [`Key`] |
//! | `context.WithoutCancel(ctx)` | [`without_cancel`] |
//! | `context.AfterFunc(ctx, f)` | [`after_func`] |
//! | `ctx.Done()`, `ctx.Err()`, `ctx.Deadline()` | [`Context::done`], [`Context::err`], [`Context::deadline`] |
//! | `context.Cause(ctx)` | [`Context::cause`] |
//! | `cancel()`, `cancel(cause)` | [`Cancel::cancel`], [`CancelCause::cancel`] |
//! | `defer cancel()` | keep the [`Cancel`]: its drop cancels |
//! | never calling `cancel` | [`Cancel::detach`] |
//! | `context.Canceled`, `context.DeadlineExceeded` | [`Error`] |
//! | a type with the methods of `context.Context` | [`Custom`] |
//! | `select { case c <- v: case <-ctx.Done(): }` | [`Sender::send_ctx`](crate::chan::Sender::send_ctx) |
//! | `select { case v := <-c: case <-ctx.Done(): }` | [`Receiver::recv_ctx`] |
//! | locks, semaphores, conditions and groups under a context | [`Mutex::lock_ctx`](crate::sync::Mutex::lock_ctx), [`Semaphore::acquire_ctx`](crate::sync::Semaphore::acquire_ctx), [`Cond::wait_ctx`](crate::sync::Cond::wait_ctx), [`WaitGroup::wait_ctx`](crate::sync::WaitGroup::wait_ctx), [`ErrGroup::wait_ctx`](crate::sync::ErrGroup::wait_ctx) |
//! | `errgroup.WithContext(ctx)` | [`ErrGroup::with_context`](crate::sync::ErrGroup::with_context) |
//!
//! # Guarantees
//! - *Cancellation* reaches a context with all contexts below it, and none above or beside it. [`Cancel::cancel`] returns
//!   when all of them are done, also if another thread's cancellation was first. Whatever the canceller did before happens
//!   before a thread goes on that finds the context done.
//! - *Once.* The first cancellation of a context, or of one above it, decides for good about its error and its cause.
//! - *Error and channel agree.* A thread that sees an error finds the channel closed, and a thread that finds the channel
//!   closed sees an error.
//! - *Deadlines* take effect when somebody looks: [`Context::err`], [`Context::cause`], and every operation on
//!   [`Context::done`] look at the clock. A deadline that had passed before a cancellation comes before it, even if
//!   no thread had looked.
//! - *User code* (wakers of tasks, closures of [`Custom::after_func`], destructors of causes and values) is called when the
//!   tree is settled and nothing is locked, and may use the same contexts. If it panics, the rest is called all the same, and
//!   the first panic comes out.
//! - *No recursion*: chains of contexts of any length are cancelled and dropped on a small stack.
//! - *Cost.* A context that can be cancelled is one allocation; its channel is made when somebody first asks for it. Making one
//!   and cancelling it take constant time, however many others are below the same context; the memory for places there is kept as long as
//!   that context is not done. No context costs a thread or a goroutine, but for those below a [`Custom`] one that offers
//!   no more than a channel. A deadline that an [`after_func`] or a future waits for has a timer, as of
//!   [`chan::after_func`](crate::chan::after_func), until the context is done.
//!
//! # Beside Go
//! - Dropping the last [`Cancel`] cancels. In Go a context whose `cancel` is never called stays with its parent, which
//!   `go vet` reports.
//! - Keys and values are typed, so there are no nil keys, keys that cannot be compared, or nil parents.
//! - Contexts work on plain threads too, and under every checker: where Go starts a goroutine, they start one if the caller
//!   is a goroutine, and a thread otherwise.
//!
//! Sources: Go's package documentation, `context.go` and its tests.

mod after;
mod cancel;
mod custom;
mod error;
mod family;
mod forms;
mod handle;
mod later;
mod make;
mod node;
mod value;
mod waits;

pub use after::{Stop, after_func};
pub use custom::{Callback, Custom};
pub use error::{AnyError, Cause, Error};
pub use forms::{RecvCtxError, SendCtxError};
pub use handle::{Cancel, CancelCause};
pub use make::{
    with_cancel, with_cancel_cause, with_deadline, with_deadline_cause, with_timeout, with_timeout_cause,
    with_value, without_cancel,
};
pub use value::Key;

use crate::chan::{Receiver, never};
use crate::rt::entry::enter;
use crate::rt::sync::Arc;
use core::any::Any;
use core::fmt;
use node::Node;
use std::time::Instant;
use value::Binding;

/// Says whether work is still wanted, until when, and for whom. A clone is the same context.
///
/// See the [module](self) for what holds for all contexts.
#[derive(Clone)]
#[doc(alias("CancellationToken", "ctx"))]
pub struct Context {
    root: Root,
    link: Link,
    /// The nearest value.
    values: Option<Arc<Binding>>,
}

/// Where a context comes from.
#[derive(Clone, Copy)]
enum Root {
    Background,
    Todo,
}

/// What makes a context done.
#[derive(Clone)]
enum Link {
    /// Nothing does.
    None,
    Own(Arc<Node>),
    Custom(Arc<dyn Custom>),
}

impl Link {
    /// Returns the link of contexts below: a custom context may keep to the one that it wraps.
    fn resolved(&self) -> Link {
        match self {
            Link::Custom(custom) => custom::link_inside(&**custom).unwrap_or_else(|| self.clone()),
            _ => self.clone(),
        }
    }
}

/// The channel of contexts that are never done.
static NEVER: Receiver<()> = never();

/// Returns the context above all others, which is never done and carries no values.
///
/// ```
/// let context = selvedge::context::background();
/// assert_eq!((context.err(), context.deadline()), (None, None));
/// ```
pub const fn background() -> Context {
    Context { root: Root::Background, link: Link::None, values: None }
}

/// Returns a context as [`background`] does, for code that does not have the right one yet.
///
/// ```
/// assert_eq!(format!("{:?}", selvedge::context::todo()), "context.TODO");
/// ```
pub const fn todo() -> Context {
    Context { root: Root::Todo, link: Link::None, values: None }
}

impl Context {
    /// Returns the context that an object of a user's type is.
    ///
    /// ```
    /// use selvedge::chan::{Receiver, bounded};
    /// use selvedge::context::{Context, Custom, Error, with_cancel};
    ///
    /// /// A context that is done when its sender is dropped.
    /// struct UntilDropped(Receiver<()>);
    /// impl Custom for UntilDropped {
    ///     fn done(&self) -> &Receiver<()> {
    ///         &self.0
    ///     }
    ///     fn err(&self) -> Option<Error> {
    ///         self.0.is_closed().then_some(Error::Canceled)
    ///     }
    /// }
    ///
    /// let (tx, rx) = bounded(0);
    /// let context = Context::custom(UntilDropped(rx));
    /// let (below, _cancel) = with_cancel(&context);
    /// drop(tx);
    /// assert!(below.done().recv().is_err());
    /// assert_eq!(below.err(), Some(Error::Canceled));
    /// ```
    pub fn custom(custom: impl Custom) -> Context {
        let sized = Arc::into_raw(Arc::new(custom));
        let raw: *const dyn Custom = sized;
        // SAFETY: the pointer came from `into_raw`, was unsized since, and is taken back once.
        let custom: Arc<dyn Custom> = unsafe { Arc::from_raw(raw) };
        let values = Some(Binding::custom(Arc::clone(&custom)));
        Context { root: Root::Background, link: Link::Custom(custom), values }
    }

    /// Returns the channel that is closed when the context is done; each call returns one and the same. Nothing is ever sent on it, and no
    /// receiver closes it. A receiver that is cloned from it keeps the context.
    ///
    /// ```
    /// use selvedge::chan::select;
    /// use selvedge::context::{background, with_cancel};
    /// let (context, _cancel) = with_cancel(&background());
    /// select! {
    ///     recv(context.done()) -> _ => unreachable!("nobody cancels it"),
    ///     default => (),
    /// }
    /// ```
    pub fn done(&self) -> &Receiver<()> {
        match &self.link {
            Link::None => &NEVER,
            Link::Own(node) => Node::done(node),
            Link::Custom(custom) => custom.done(),
        }
    }

    /// Returns why the context is done; `None`: it is not.
    ///
    /// That is one load, if the context has no deadline; else, until it is done, also a look at the clock.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_timeout};
    /// use std::time::Duration;
    /// let (context, _cancel) = with_timeout(&background(), Duration::ZERO);
    /// assert_eq!(context.err(), Some(Error::DeadlineExceeded));
    /// ```
    #[inline]
    pub fn err(&self) -> Option<Error> {
        match &self.link {
            Link::None => None,
            Link::Own(node) => Node::error(node),
            Link::Custom(custom) => custom.err(),
        }
    }

    /// Returns what made the context done, in the words of the code that did; `None`: it is not done. If no cause was given, it
    /// is the error.
    ///
    /// ```
    /// use selvedge::context::{background, with_cancel, with_cancel_cause};
    /// let (above, cancel) = with_cancel_cause(&background());
    /// let (below, _cancel) = with_cancel(&above);
    /// assert!(below.cause().is_none());
    /// cancel.cancel("the lights went out");
    /// assert_eq!(below.cause().expect("it is cancelled").to_string(), "the lights went out");
    /// ```
    #[track_caller]
    pub fn cause(&self) -> Option<Cause> {
        let _entry = enter();
        match &self.link {
            Link::None => None,
            Link::Own(node) => Node::cause(node),
            Link::Custom(custom) => custom.cause(),
        }
    }

    /// Returns when the context will be done by the clock, if it will: the earliest deadline of its own and of the contexts
    /// above.
    ///
    /// ```
    /// use selvedge::context::{background, with_deadline};
    /// use std::time::{Duration, Instant};
    /// let soon = Instant::now() + Duration::from_secs(1);
    /// let (outer, _cancel) = with_deadline(&background(), soon);
    /// let (inner, _cancel) = with_deadline(&outer, soon + Duration::from_secs(1));
    /// assert_eq!(inner.deadline(), Some(soon));
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        match &self.link {
            Link::None => None,
            Link::Own(node) => node.times.deadline,
            Link::Custom(custom) => custom.deadline(),
        }
    }

    /// Returns the value that the context carries for the key: the nearest one on the way up.
    ///
    /// ```
    /// use selvedge::context::{Key, background, with_value};
    /// #[derive(PartialEq, Eq)]
    /// struct Flag(&'static str);
    /// impl Key for Flag {
    ///     type Value = bool;
    /// }
    /// let context = with_value(&background(), Flag("verbose"), true);
    /// assert_eq!(context.value(&Flag("verbose")), Some(&true));
    /// assert_eq!(context.value(&Flag("quiet")), None);
    /// ```
    pub fn value<K: Key>(&self, key: &K) -> Option<&K::Value> {
        self.value_of(key)?.downcast_ref()
    }

    /// Returns the value for a key of any type, for a [`Custom`] context that passes the question on.
    ///
    /// ```
    /// use selvedge::context::{Key, background, with_value};
    /// #[derive(PartialEq, Eq)]
    /// struct Depth;
    /// impl Key for Depth {
    ///     type Value = u32;
    /// }
    /// let context = with_value(&background(), Depth, 3);
    /// assert_eq!(context.value_of(&Depth).and_then(|value| value.downcast_ref()), Some(&3_u32));
    /// ```
    pub fn value_of(&self, key: &dyn Any) -> Option<&dyn Any> {
        Binding::find(self.values.as_ref(), key)
    }

    /// Returns how many contexts and closures hang on this one, at some moment. For tests that look for leaks.
    #[doc(hidden)]
    pub fn kindred(&self) -> usize {
        match &self.link {
            Link::Own(node) => node.kindred(),
            Link::None | Link::Custom(_) => 0,
        }
    }
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = match self.root {
            Root::Background => "context.Background",
            Root::Todo => "context.TODO",
        };
        if let (Link::None, None) = (&self.link, &self.values) {
            return f.pad(root);
        }
        let mut shown = f.debug_struct("Context");
        shown.field("root", &format_args!("{root}"));
        if !matches!(self.link, Link::None) {
            shown.field("err", &self.err());
        }
        if let Some(deadline) = self.deadline() {
            shown.field("deadline", &deadline);
        }
        shown.field("values", &Binding::count(self.values.as_ref())).finish()
    }
}

// A context gives out shared references only, and settles its own state before it calls anything that may panic.
impl core::panic::UnwindSafe for Context {}
impl core::panic::RefUnwindSafe for Context {}
