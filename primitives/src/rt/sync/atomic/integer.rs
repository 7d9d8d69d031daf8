//! The integer types.

use super::shared_methods;
use super::word::Rmw;
use super::{Cell, Ordering};
use core::fmt;

macro_rules! integer {
    ($name:ident, $value:ty) => {
        #[doc = concat!("[`std::sync::atomic::", stringify!($name), "`] that an engine can see.")]
        ///
        /// ```
        #[doc = concat!("use selvedge::rt::sync::atomic::{", stringify!($name), ", Ordering};")]
        #[doc = concat!("let n = ", stringify!($name), "::new(3);")]
        /// assert_eq!(n.fetch_add(2, Ordering::Relaxed), 3);
        /// assert_eq!(n.into_inner(), 5);
        /// ```
        #[repr(transparent)]
        pub struct $name {
            cell: Cell<core::sync::atomic::$name>,
        }

        impl $name {
            /// Returns a new atomic for a static; `const` in every build. Under an engine the atomic starts each
            /// execution with `value`, as if made before `main`.
            #[inline]
            #[track_caller]
            pub const fn const_new(value: $value) -> Self {
                Self { cell: Cell::lazy(core::sync::atomic::$name::new(value), value) }
            }

            shared_methods!($value);

            /// Adds `value`, wrapping around, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_add(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Add(value), order)
            }

            /// Subtracts `value`, wrapping around, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_sub(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Sub(value), order)
            }

            /// Replaces the value by the bitwise and of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_and(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::And(value), order)
            }

            /// Replaces the value by the inverted bitwise and of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_nand(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Nand(value), order)
            }

            /// Replaces the value by the bitwise or of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_or(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Or(value), order)
            }

            /// Replaces the value by the bitwise exclusive or of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_xor(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Xor(value), order)
            }

            /// Replaces the value by the maximum of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_max(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Max(value), order)
            }

            /// Replaces the value by the minimum of it and `value`, and returns the old value.
            #[inline]
            #[track_caller]
            pub fn fetch_min(&self, value: $value, order: Ordering) -> $value {
                self.cell.rmw(Rmw::Min(value), order)
            }
        }

        impl Default for $name {
            #[track_caller]
            fn default() -> Self {
                Self::new(0)
            }
        }

        impl From<$value> for $name {
            #[track_caller]
            fn from(value: $value) -> Self {
                Self::new(value)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.cell.peek().fmt(f)
            }
        }
    };
}

integer!(AtomicU8, u8);
integer!(AtomicU16, u16);
integer!(AtomicU32, u32);
integer!(AtomicU64, u64);
integer!(AtomicUsize, usize);
integer!(AtomicI8, i8);
integer!(AtomicI16, i16);
integer!(AtomicI32, i32);
integer!(AtomicI64, i64);
integer!(AtomicIsize, isize);
