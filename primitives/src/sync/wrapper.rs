//! What [`Mutex`](super::Mutex) and [`RwMutex`](super::RwMutex) have in common: each is a newtype of a lock of
//! `lock_api`, and passes on what that does with the value.

/// Gives the newtype `$lock` of `lock_api::$inner<$raw, T>` its constructors, and the functions and traits that do not lock.
macro_rules! lock_wrapper {
    ($lock:ident, $inner:ident, $raw:ident) => {
        impl<T> $lock<T> {
            constructor! {
                /// Creates an unlocked lock around `value`.
                ///
                /// ```
                #[doc = concat!("let lock = selvedge::sync::", stringify!($lock), "::new(1);")]
                /// assert!(!lock.as_lock_api().is_locked());
                /// assert_eq!(lock.into_inner(), 1);
                /// ```
                pub fn new(value: T) -> $lock<T> {
                    $lock(lock_api::$inner::from_raw($raw::new(), value))
                }
            }

            /// Creates an unlocked lock around `value` for a static.
            ///
            /// Under an engine the lock is unlocked when an execution begins, and the value is what the execution before has
            /// left: a model sets it before it reads it, or has a [`LazyLock`](crate::rt::sync::LazyLock) of a lock, which
            /// makes a value of its own for each execution.
            ///
            /// ```
            #[doc = concat!("use selvedge::sync::", stringify!($lock), ";")]
            #[doc = concat!("static NAMES: ", stringify!($lock), "<Vec<&str>> = ", stringify!($lock), "::const_new(Vec::new());")]
            /// assert!(!NAMES.as_lock_api().is_locked());
            /// ```
            pub const fn const_new(value: T) -> $lock<T> {
                $lock(lock_api::$inner::from_raw($raw::const_new(), value))
            }

            /// Consumes the lock and returns the value.
            ///
            /// ```
            #[doc = concat!("assert_eq!(selvedge::sync::", stringify!($lock), "::new(1).into_inner(), 1);")]
            /// ```
            pub fn into_inner(self) -> T {
                self.0.into_inner()
            }
        }

        impl<T: ?Sized> $lock<T> {
            /// Returns a reference to the value, without locking: the caller has the only reference to the lock.
            ///
            /// ```
            #[doc = concat!("let mut lock = selvedge::sync::", stringify!($lock), "::new(1);")]
            /// *lock.get_mut() = 2;
            /// assert_eq!(lock.into_inner(), 2);
            /// ```
            pub fn get_mut(&mut self) -> &mut T {
                self.0.get_mut()
            }

            #[doc = concat!("Returns the lock as a [`lock_api::", stringify!($inner), "`].")]
            ///
            /// ```
            #[doc = concat!("let lock = selvedge::sync::", stringify!($lock), "::new(1);")]
            /// assert!(!lock.as_lock_api().is_locked());
            /// ```
            pub fn as_lock_api(&self) -> &lock_api::$inner<$raw, T> {
                &self.0
            }
        }

        impl<T: Default> Default for $lock<T> {
            fn default() -> Self {
                $lock::new(T::default())
            }
        }

        impl<T> From<T> for $lock<T> {
            fn from(value: T) -> Self {
                $lock::new(value)
            }
        }

        impl<T: ?Sized + fmt::Debug> fmt::Debug for $lock<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

pub(super) use lock_wrapper;
