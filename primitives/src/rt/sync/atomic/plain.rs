//! The default build: the native atomic and nothing else.

use super::word::{Rmw, Word};
use core::sync::atomic::Ordering;

#[repr(transparent)]
pub(crate) struct Cell<A>(A);

impl<A: Word> Cell<A> {
    #[inline(always)]
    pub(crate) const fn lazy(native: A, _initial: A::Value) -> Self {
        Cell(native)
    }

    #[inline(always)]
    pub(crate) fn load(&self, order: Ordering) -> A::Value {
        self.0.load(order)
    }

    #[inline(always)]
    pub(crate) fn store(&self, value: A::Value, order: Ordering) {
        self.0.store(value, order)
    }

    #[inline(always)]
    pub(crate) fn rmw(&self, op: Rmw<A::Value>, order: Ordering) -> A::Value {
        self.0.rmw(op, order)
    }

    #[inline(always)]
    pub(crate) fn compare_exchange(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        self.0.compare_exchange(current, new, success, failure)
    }

    #[inline(always)]
    pub(crate) fn compare_exchange_weak(
        &self,
        current: A::Value,
        new: A::Value,
        success: Ordering,
        failure: Ordering,
    ) -> Result<A::Value, A::Value> {
        self.0.compare_exchange_weak(current, new, success, failure)
    }

    /// Reads the value as plain memory.
    ///
    /// # Safety
    /// No other thread may write to the atomic at the same time.
    #[inline(always)]
    pub(crate) unsafe fn unsync_load(&self) -> A::Value {
        // Relaxed: the caller promises that no thread writes meanwhile, so there is nothing to order.
        self.0.load(Ordering::Relaxed)
    }

    /// Writes the value as plain memory.
    ///
    /// # Safety
    /// No other thread may access the atomic at the same time.
    #[inline(always)]
    pub(crate) unsafe fn unsync_store(&self, value: A::Value) {
        // Relaxed: the caller promises that no thread has access meanwhile, so there is nothing to order.
        self.0.store(value, Ordering::Relaxed)
    }

    #[inline(always)]
    pub(crate) fn with_mut<R>(&mut self, f: impl FnOnce(&mut A::Value) -> R) -> R {
        f(self.0.get_mut())
    }

    #[inline(always)]
    pub(crate) fn into_inner(self) -> A::Value {
        self.0.into_inner()
    }

    /// Returns the value for `Debug`.
    pub(crate) fn peek(&self) -> A::Value {
        // Relaxed: a snapshot for printing.
        self.0.load(Ordering::Relaxed)
    }
}

/// Orders memory as core's fence does.
#[inline(always)]
pub(crate) fn fence(order: Ordering) {
    core::sync::atomic::fence(order)
}
