//! A value of any type that threads load and store as a whole.

use super::ArcCell;
use crate::rt::sync::Arc;
use core::fmt;

/// Holds a value that threads load and store as a whole, whatever its size: Go's `atomic.Value`, for one type.
///
/// Storing a value happens before loading it. A `Value` is an [`ArcCell`] that hides its `Arc`s: lock-free for every
/// type, at the price of an allocation for each store. (A sequence lock would copy a value while it is being written,
/// which Rust allows for [plain data](super::SeqLock) only.)
///
/// ```
/// use selvedge::atomic::Value;
/// let words = Value::new(vec!["warp"]);
/// words.store(vec!["warp", "weft"]);
/// assert_eq!(words.load().len(), 2);
/// ```
pub struct Value<T>(ArcCell<T>);

impl<T> Value<T> {
    /// Creates a cell with this value.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::Value::new(1).load(), 1);
    /// ```
    pub fn new(value: T) -> Value<T> {
        Value(ArcCell::new(Arc::new(value)))
    }

    /// Replaces the value.
    ///
    /// ```
    /// let value = selvedge::atomic::Value::new(1);
    /// value.store(2);
    /// assert_eq!(value.load(), 2);
    /// ```
    #[track_caller]
    pub fn store(&self, value: T) {
        self.0.store(Arc::new(value));
    }

    /// Calls `f` with the current value, and returns its result.
    ///
    /// ```
    /// let value = selvedge::atomic::Value::new("warp");
    /// assert_eq!(value.with(|value| value.len()), 4);
    /// ```
    #[track_caller]
    pub fn with<R>(&self, f: impl FnOnce(&T) -> R) -> R {
        f(&self.0.load())
    }
}

impl<T: Clone> Value<T> {
    /// Returns a clone of the current value.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::Value::new(1).load(), 1);
    /// ```
    #[track_caller]
    pub fn load(&self) -> T {
        self.with(T::clone)
    }

    /// Replaces the value, and returns the old one, or a clone of it if the old one is still shared.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::Value::new(1).swap(2), 1);
    /// ```
    #[track_caller]
    pub fn swap(&self, value: T) -> T {
        let old = self.0.swap(Arc::new(value));
        // Where the cell keeps its old values, the old one is shared.
        let unwrapped = if self.0.keeps_old_values() { Err(old) } else { Arc::try_unwrap(old) };
        unwrapped.unwrap_or_else(|shared| {
            let copy = T::clone(&shared);
            // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
            // (rust#47949).
            drop(shared);
            copy
        })
    }
}

impl<T: PartialEq> Value<T> {
    /// Replaces the value if it equals `current`.
    ///
    /// # Errors
    /// Gives `new` back if the value differs from `current`.
    ///
    /// ```
    /// let value = selvedge::atomic::Value::new(1);
    /// assert_eq!(value.compare_and_swap(&1, 2), Ok(()));
    /// assert_eq!(value.compare_and_swap(&1, 3), Err(3));
    /// ```
    #[track_caller]
    pub fn compare_and_swap(&self, current: &T, new: T) -> Result<(), T> {
        let mut new = Arc::new(new);
        loop {
            let found = self.0.load_full();
            if *found != *current {
                // Dropped before the return: a value that is being returned leaks if a destructor panics meanwhile
                // (rust#47949).
                drop(found);
                return Err(Arc::into_inner(new).expect("no other thread has seen the new value"));
            }
            match self.0.compare_and_swap(&found, new) {
                Ok(_) => return Ok(()),
                Err(back) => new = back,
            }
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Value<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|value| f.debug_tuple("Value").field(value).finish())
    }
}
