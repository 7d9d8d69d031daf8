//! Why work that several goroutines share has not come to its end: [`Fault`].

use core::fmt;
use selvedge::context;
use std::error::Error;

/// Why work has not come to its end.
///
/// ```
/// use selvedge::context;
/// use selvedge_go::patterns::Fault;
/// let fault: Fault<String> = Fault::Done(context::Error::Canceled);
/// assert_eq!(fault.to_string(), "the work was given up: context canceled");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault<E> {
    /// A closure has failed with this error, before any other.
    Failed(E),
    /// The context was done before the work was.
    Done(context::Error),
}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Failed(error) => error.fmt(f),
            Fault::Done(why) => write!(f, "the work was given up: {why}"),
        }
    }
}

impl<E: Error + 'static> Error for Fault<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Fault::Failed(error) => Some(error),
            Fault::Done(why) => Some(why),
        }
    }
}
