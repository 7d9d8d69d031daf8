//! Why a context is done: [`Error`] and [`Cause`].

use crate::rt::sync::Arc;
use core::fmt;
use std::error::Error as StdError;

/// Why a context is done.
///
/// ```
/// use selvedge::context::{Error, background, with_cancel};
/// let (context, cancel) = with_cancel(&background());
/// cancel.cancel();
/// let error = context.err().expect("it is cancelled");
/// assert_eq!((error, error.to_string()), (Error::Canceled, "context canceled".to_string()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Error {
    /// The context, or one above it, was cancelled.
    Canceled,
    /// The deadline of the context, or of one above it, has passed.
    DeadlineExceeded,
}

impl Error {
    /// Returns whether the reason is that time has run out.
    ///
    /// ```
    /// use selvedge::context::Error;
    /// assert!(Error::DeadlineExceeded.is_timeout() && !Error::Canceled.is_timeout());
    /// ```
    pub fn is_timeout(self) -> bool {
        self == Error::DeadlineExceeded
    }

    /// Returns whether the same request may succeed when it is tried again, which Go says of time that has run out.
    ///
    /// ```
    /// use selvedge::context::Error;
    /// assert!(Error::DeadlineExceeded.is_temporary() && !Error::Canceled.is_temporary());
    /// ```
    pub fn is_temporary(self) -> bool {
        self.is_timeout()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Error::Canceled => "context canceled",
            Error::DeadlineExceeded => "context deadline exceeded",
        })
    }
}

impl StdError for Error {}

/// An error of any type, as it is given to the functions with a cause.
pub type AnyError = Box<dyn StdError + Send + Sync>;

/// What made a context done, in the words of the code that cancelled it; a clone is the same cause.
///
/// ```
/// use selvedge::context::{background, with_cancel_cause};
/// let (context, cancel) = with_cancel_cause(&background());
/// cancel.cancel("the disk is full");
/// assert_eq!(context.cause().expect("it is cancelled").to_string(), "the disk is full");
/// ```
#[derive(Clone)]
pub struct Cause(Kind);

#[derive(Clone)]
enum Kind {
    /// No cause was given.
    Plain(Error),
    Given(Arc<AnyError>),
}

impl Cause {
    /// Returns the cause that an error is. One that is a cause already stays the same.
    ///
    /// ```
    /// use selvedge::context::{Cause, Error};
    /// let cause = Cause::new(Error::DeadlineExceeded);
    /// assert_eq!(cause.downcast_ref(), Some(&Error::DeadlineExceeded));
    /// ```
    pub fn new(error: impl Into<AnyError>) -> Cause {
        match error.into().downcast::<Cause>() {
            Ok(cause) => *cause,
            Err(error) => Cause(Kind::Given(Arc::new(error))),
        }
    }

    /// Returns the error, if it has this type.
    ///
    /// ```
    /// use selvedge::context::{Error, background, with_cancel};
    /// let (context, cancel) = with_cancel(&background());
    /// cancel.cancel();
    /// let cause = context.cause().expect("it is cancelled");
    /// assert_eq!(cause.downcast_ref(), Some(&Error::Canceled), "no other cause was given");
    /// ```
    pub fn downcast_ref<E: StdError + 'static>(&self) -> Option<&E> {
        self.error().downcast_ref()
    }

    /// Returns the error.
    ///
    /// ```
    /// use selvedge::context::Cause;
    /// assert_eq!(Cause::new("no room").error().to_string(), "no room");
    /// ```
    pub fn error(&self) -> &(dyn StdError + Send + Sync + 'static) {
        match &self.0 {
            Kind::Plain(error) => error,
            Kind::Given(error) => &***error,
        }
    }
}

impl From<Error> for Cause {
    fn from(error: Error) -> Cause {
        Cause(Kind::Plain(error))
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.error(), f)
    }
}

impl fmt::Debug for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.error(), f)
    }
}

/// A cause stands for its error.
impl StdError for Cause {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.error().source()
    }
}

// A cause gives out shared references only.
impl core::panic::UnwindSafe for Cause {}
impl core::panic::RefUnwindSafe for Cause {}
