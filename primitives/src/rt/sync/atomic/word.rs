//! What the wrappers need of a native atomic: one trait over core's types.

use core::sync::atomic::{self, Ordering};

/// A read-modify-write other than compare-exchange, with its operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(unreachable_pub, reason = "public through `rt::seam`, which only checking builds have")]
pub enum Rmw<V = u64> {
    /// Replaces the value.
    Swap(V),
    /// Adds, wrapping around.
    Add(V),
    /// Subtracts, wrapping around.
    Sub(V),
    /// Bitwise and.
    And(V),
    /// Bitwise and, then not.
    Nand(V),
    /// Bitwise or.
    Or(V),
    /// Bitwise exclusive or.
    Xor(V),
    /// Maximum.
    Max(V),
    /// Minimum.
    Min(V),
}

/// A native atomic.
pub(crate) trait Word {
    type Value: Copy;
    fn load(&self, order: Ordering) -> Self::Value;
    fn store(&self, value: Self::Value, order: Ordering);
    fn rmw(&self, op: Rmw<Self::Value>, order: Ordering) -> Self::Value;
    fn compare_exchange(
        &self,
        current: Self::Value,
        new: Self::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self::Value, Self::Value>;
    fn compare_exchange_weak(
        &self,
        current: Self::Value,
        new: Self::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<Self::Value, Self::Value>;
    fn get_mut(&mut self) -> &mut Self::Value;
    fn into_inner(self) -> Self::Value;
}

macro_rules! forward {
    () => {
        #[inline(always)]
        fn load(&self, order: Ordering) -> Self::Value {
            self.load(order)
        }
        #[inline(always)]
        fn store(&self, value: Self::Value, order: Ordering) {
            self.store(value, order)
        }
        #[inline(always)]
        fn compare_exchange(
            &self,
            current: Self::Value,
            new: Self::Value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<Self::Value, Self::Value> {
            self.compare_exchange(current, new, success, failure)
        }
        #[inline(always)]
        fn compare_exchange_weak(
            &self,
            current: Self::Value,
            new: Self::Value,
            success: Ordering,
            failure: Ordering,
        ) -> Result<Self::Value, Self::Value> {
            self.compare_exchange_weak(current, new, success, failure)
        }
        #[inline(always)]
        fn get_mut(&mut self) -> &mut Self::Value {
            self.get_mut()
        }
        #[inline(always)]
        fn into_inner(self) -> Self::Value {
            self.into_inner()
        }
    };
}

macro_rules! integer_word {
    ($atomic:ident, $value:ty) => {
        impl Word for atomic::$atomic {
            type Value = $value;
            forward!();
            #[inline(always)]
            fn rmw(&self, op: Rmw<$value>, order: Ordering) -> $value {
                match op {
                    Rmw::Swap(v) => self.swap(v, order),
                    Rmw::Add(v) => self.fetch_add(v, order),
                    Rmw::Sub(v) => self.fetch_sub(v, order),
                    Rmw::And(v) => self.fetch_and(v, order),
                    Rmw::Nand(v) => self.fetch_nand(v, order),
                    Rmw::Or(v) => self.fetch_or(v, order),
                    Rmw::Xor(v) => self.fetch_xor(v, order),
                    Rmw::Max(v) => self.fetch_max(v, order),
                    Rmw::Min(v) => self.fetch_min(v, order),
                }
            }
        }
    };
}

integer_word!(AtomicU8, u8);
integer_word!(AtomicU16, u16);
integer_word!(AtomicU32, u32);
integer_word!(AtomicU64, u64);
integer_word!(AtomicUsize, usize);
integer_word!(AtomicI8, i8);
integer_word!(AtomicI16, i16);
integer_word!(AtomicI32, i32);
integer_word!(AtomicI64, i64);
integer_word!(AtomicIsize, isize);

impl Word for atomic::AtomicBool {
    type Value = bool;
    forward!();
    #[inline(always)]
    fn rmw(&self, op: Rmw<bool>, order: Ordering) -> bool {
        match op {
            Rmw::Swap(v) => self.swap(v, order),
            Rmw::And(v) | Rmw::Min(v) => self.fetch_and(v, order),
            Rmw::Nand(v) => self.fetch_nand(v, order),
            Rmw::Or(v) | Rmw::Max(v) => self.fetch_or(v, order),
            Rmw::Xor(v) | Rmw::Add(v) | Rmw::Sub(v) => self.fetch_xor(v, order),
        }
    }
}

impl<T> Word for atomic::AtomicPtr<T> {
    type Value = *mut T;
    forward!();
    #[inline(always)]
    fn rmw(&self, op: Rmw<*mut T>, order: Ordering) -> *mut T {
        match op {
            Rmw::Swap(v) => self.swap(v, order),
            Rmw::Add(v) => self.fetch_byte_add(v.addr(), order),
            Rmw::Sub(v) => self.fetch_byte_sub(v.addr(), order),
            Rmw::And(v) => self.fetch_and(v.addr(), order),
            Rmw::Or(v) => self.fetch_or(v.addr(), order),
            Rmw::Xor(v) => self.fetch_xor(v.addr(), order),
            Rmw::Nand(_) | Rmw::Max(_) | Rmw::Min(_) => {
                unreachable!("no such operation on AtomicPtr")
            }
        }
    }
}
