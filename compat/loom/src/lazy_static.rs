//! What `lazy_static!` declares.

use core::fmt;
use selvedge::rt::sync::LazyLock;
pub use selvedge::rt::thread::{AccessError, panicking, yield_now};

/// A static value that is made when a thread first looks at it: anew in each execution, at whose end it is dropped.
pub struct Lazy<T: 'static>(LazyLock<T>);

impl<T: 'static> Lazy<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Lazy<T> {
        Lazy(LazyLock::const_new(init))
    }

    /// Returns the value, and makes it if no thread has; blocks while another thread makes it.
    ///
    /// No reference may be kept longer than the execution lasts, in a static of std's for instance.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        LazyLock::force(&self.0)
    }
}

impl<T: 'static> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

/// Declares statics as the crate `lazy_static` does. In a model each execution makes values of its own.
///
/// ```
/// # use selvedge_loom as loom;
/// loom::lazy_static! {
///     static ref WORDS: Vec<&'static str> = vec!["warp", "weft"];
/// }
///
/// loom::model(|| assert_eq!(WORDS.len(), 2));
/// ```
#[macro_export]
macro_rules! lazy_static {
    ($($(#[$attribute:meta])* $visibility:vis static ref $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $(
            #[allow(missing_copy_implementations, missing_debug_implementations, non_camel_case_types, dead_code)]
            $(#[$attribute])*
            $visibility struct $name {
                __private: (),
            }
            #[doc(hidden)]
            $visibility static $name: $name = $name { __private: () };
            impl ::core::ops::Deref for $name {
                type Target = $type;
                #[track_caller]
                fn deref(&self) -> &$type {
                    static LAZY: $crate::lazy_static::Lazy<$type> = $crate::lazy_static::Lazy::new(|| $init);
                    LAZY.get()
                }
            }
        )*
    };
}
