//! Why no operation of a [`Select`](crate::chan::Select) happened.

use core::fmt;
use std::error::Error;

/// No operation could happen at once.
///
/// ```
/// use selvedge::chan::{Select, TrySelectError, never};
/// let idle = never::<i32>();
/// let mut select = Select::new();
/// select.recv(&idle);
/// assert_eq!(select.try_select().unwrap_err(), TrySelectError);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TrySelectError;

/// No operation happened in time.
///
/// ```
/// use selvedge::chan::{Select, SelectTimeoutError};
/// use std::time::Duration;
/// assert_eq!(Select::new().select_timeout(Duration::ZERO).unwrap_err(), SelectTimeoutError);
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SelectTimeoutError;

/// No operation was ready.
///
/// ```
/// use selvedge::chan::{Select, TryReadyError};
/// assert_eq!(Select::new().try_ready(), Err(TryReadyError));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TryReadyError;

/// No operation became ready in time.
///
/// ```
/// use selvedge::chan::{Select, ReadyTimeoutError};
/// use std::time::Duration;
/// assert_eq!(Select::new().ready_timeout(Duration::ZERO), Err(ReadyTimeoutError));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReadyTimeoutError;

macro_rules! select_errors {
    ($($error:ident: $text:literal;)*) => {
        $(
            impl fmt::Display for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad($text)
                }
            }

            impl fmt::Debug for $error {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.pad(stringify!($error))
                }
            }

            impl Error for $error {}
        )*
    };
}

select_errors! {
    TrySelectError: "all operations in select would block";
    SelectTimeoutError: "timed out waiting on select";
    TryReadyError: "all operations in select would block";
    ReadyTimeoutError: "timed out waiting on select";
}
