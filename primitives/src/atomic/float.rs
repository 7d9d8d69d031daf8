//! Atomic floats: the bits of a float in an atomic integer of its size.

use crate::rt::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use core::fmt;

/// Makes an example of code that uses a float of 1.5.
macro_rules! example {
    ($name:ident, $code:literal) => {
        concat!(
            "```\nuse selvedge::atomic::",
            stringify!($name),
            ";\nuse std::sync::atomic::Ordering::Relaxed;\nlet float = ",
            stringify!($name),
            "::new(1.5);\n",
            $code,
            "\n```"
        )
    };
}

macro_rules! float {
    ($name:ident, $float:ident, $bits:ident, $atomic:ident) => {
        #[doc = concat!("An `", stringify!($float), "` that threads share. Each operation is one atomic step, with the")]
        /// ordering that its caller picks. Lock-free: a CAS fails only because another thread's write succeeded.
        ///
        /// ```
        #[doc = concat!("use selvedge::atomic::", stringify!($name), ";")]
        /// use std::sync::atomic::Ordering::Relaxed;
        #[doc = concat!("let sum = ", stringify!($name), "::new(1.0);")]
        /// assert_eq!(sum.fetch_add(0.5, Relaxed), 1.0);
        /// assert_eq!(sum.load(Relaxed), 1.5);
        /// ```
        pub struct $name($atomic);

        impl $name {
            constructor! {
                /// Creates a float with this value.
                ///
                #[doc = example!($name, "assert_eq!(float.load(Relaxed), 1.5);")]
                pub fn new(value: $float) -> $name {
                    $name($atomic::new(value.to_bits()))
                }
            }

            /// Creates a float for a static.
            ///
            /// ```
            #[doc = concat!("use selvedge::atomic::", stringify!($name), ";")]
            #[doc = concat!("static SUM: ", stringify!($name), " = ", stringify!($name), "::const_new(1.5);")]
            /// assert_eq!(SUM.load(std::sync::atomic::Ordering::Relaxed), 1.5);
            /// ```
            pub const fn const_new(value: $float) -> $name {
                $name($atomic::const_new(value.to_bits()))
            }

            /// Returns the current value.
            ///
            /// # Panics
            /// If `order` is `Release` or `AcqRel`.
            ///
            #[doc = example!($name, "assert_eq!(float.load(Relaxed), 1.5);")]
            #[track_caller]
            pub fn load(&self, order: Ordering) -> $float {
                $float::from_bits(self.0.load(order))
            }

            /// Stores `value`.
            ///
            /// # Panics
            /// If `order` is `Acquire` or `AcqRel`.
            ///
            #[doc = example!($name, "float.store(2.0, Relaxed);\nassert_eq!(float.load(Relaxed), 2.0);")]
            #[track_caller]
            pub fn store(&self, value: $float, order: Ordering) {
                self.0.store(value.to_bits(), order);
            }

            /// Stores `value`, and returns the value before.
            ///
            #[doc = example!($name, "assert_eq!(float.swap(2.0, Relaxed), 1.5);\nassert_eq!(float.load(Relaxed), 2.0);")]
            #[track_caller]
            pub fn swap(&self, value: $float, order: Ordering) -> $float {
                $float::from_bits(self.0.swap(value.to_bits(), order))
            }

            /// Stores `new` and returns the value before, if that has the bits of `current`. So zero differs from minus
            /// zero, and a NaN equals itself.
            ///
            /// # Errors
            /// The value found, if its bits differ from those of `current`.
            ///
            #[doc = example!($name, "assert_eq!(float.compare_exchange(1.0, 2.0, Relaxed, Relaxed), Err(1.5));\nassert_eq!(float.compare_exchange(1.5, 2.0, Relaxed, Relaxed), Ok(1.5));")]
            #[track_caller]
            pub fn compare_exchange(
                &self,
                current: $float,
                new: $float,
                success: Ordering,
                failure: Ordering,
            ) -> Result<$float, $float> {
                let exchanged = self.0.compare_exchange(current.to_bits(), new.to_bits(), success, failure);
                exchanged.map($float::from_bits).map_err($float::from_bits)
            }

            /// Replaces the value by `f` of it with the ordering `order`, and returns the value before.
            ///
            #[doc = example!($name, "assert_eq!(float.update(Relaxed, |value| value * 2.0), 1.5);\nassert_eq!(float.load(Relaxed), 3.0);")]
            #[track_caller]
            pub fn update(&self, order: Ordering, f: impl Fn($float) -> $float) -> $float {
                // Relaxed: the CAS below decides.
                let mut value = self.0.load(Ordering::Relaxed);
                loop {
                    let new = f($float::from_bits(value)).to_bits();
                    // Relaxed, if it fails: the value found is only an operand of the next CAS.
                    match self.0.compare_exchange(value, new, order, Ordering::Relaxed) {
                        Ok(before) => return $float::from_bits(before),
                        Err(found) => value = found,
                    }
                }
            }

            /// Adds `n`, and returns the value before. The order in which threads add may show in the last digits.
            ///
            #[doc = example!($name, "assert_eq!(float.fetch_add(0.5, Relaxed), 1.5);\nassert_eq!(float.load(Relaxed), 2.0);")]
            #[track_caller]
            pub fn fetch_add(&self, n: $float, order: Ordering) -> $float {
                self.update(order, |value| value + n)
            }

            /// Subtracts `n`, and returns the value before.
            ///
            #[doc = example!($name, "assert_eq!(float.fetch_sub(0.5, Relaxed), 1.5);\nassert_eq!(float.load(Relaxed), 1.0);")]
            #[track_caller]
            pub fn fetch_sub(&self, n: $float, order: Ordering) -> $float {
                self.update(order, |value| value - n)
            }

            /// Stores the larger one of the value and `n`, and returns the value before. A NaN counts as smaller than
            /// every number.
            ///
            #[doc = example!($name, "assert_eq!(float.fetch_max(2.0, Relaxed), 1.5);\nassert_eq!(float.fetch_max(1.0, Relaxed), 2.0);")]
            #[track_caller]
            pub fn fetch_max(&self, n: $float, order: Ordering) -> $float {
                self.update(order, |value| value.max(n))
            }

            /// Stores the smaller one of the value and `n`, and returns the value before. A NaN counts as larger than
            /// every number.
            ///
            #[doc = example!($name, "assert_eq!(float.fetch_min(1.0, Relaxed), 1.5);\nassert_eq!(float.fetch_min(2.0, Relaxed), 1.0);")]
            #[track_caller]
            pub fn fetch_min(&self, n: $float, order: Ordering) -> $float {
                self.update(order, |value| value.min(n))
            }

            /// Consumes the float and returns its value.
            ///
            #[doc = example!($name, "float.store(2.0, Relaxed);\nassert_eq!(float.into_inner(), 2.0);")]
            pub fn into_inner(self) -> $float {
                $float::from_bits(self.0.into_inner())
            }
        }

        impl Default for $name {
            fn default() -> Self {
                $name::new(0.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.load(Ordering::Relaxed).fmt(f) // Relaxed: a snapshot.
            }
        }
    };
}

float!(AtomicF32, f32, u32, AtomicU32);
float!(AtomicF64, f64, u64, AtomicU64);
