//! Values that a context carries.

use super::custom::Custom;
use super::later;
use crate::rt::sync::Arc;
use core::any::Any;

/// What a value of a context is found by; its type says which type the value has.
///
/// Two keys are the same if they have the same type and are equal, so a type that a module keeps to itself names values
/// that no other module finds.
///
/// ```
/// use selvedge::context::{Key, background, with_value};
/// #[derive(PartialEq, Eq)]
/// struct UserName;
/// impl Key for UserName {
///     type Value = String;
/// }
/// let context = with_value(&background(), UserName, "ada".to_string());
/// assert_eq!(context.value(&UserName), Some(&"ada".to_string()));
/// ```
///
/// A key that cannot be compared does not compile (Go panics for it):
///
/// ```compile_fail,E0277
/// # use selvedge::context::Key;
/// struct Closure(fn());
/// impl Key for Closure {
///     type Value = String;
/// }
/// ```
pub trait Key: Any + Eq + Send + Sync {
    /// The type of the value.
    type Value: Any + Send + Sync;
}

/// A key with its value, of any types.
trait Pair: Send + Sync {
    /// Returns the value, if this is the key.
    fn find(&self, key: &dyn Any) -> Option<&dyn Any>;
}

struct KeyAndValue<K: Key>(K, K::Value);

impl<K: Key> Pair for KeyAndValue<K> {
    fn find(&self, key: &dyn Any) -> Option<&dyn Any> {
        let is_same = key.downcast_ref::<K>().is_some_and(|key| *key == self.0);
        is_same.then_some(&self.1 as &dyn Any)
    }
}

/// One value of a context, with those of the contexts above.
pub(super) struct Binding {
    above: Option<Arc<Binding>>,
    entry: Entry,
}

enum Entry {
    Pair(Box<dyn Pair>),
    /// A custom context, which finds the values of all contexts above.
    Custom(Arc<dyn Custom>),
}

impl Binding {
    pub(super) fn new<K: Key>(above: Option<Arc<Binding>>, key: K, value: K::Value) -> Arc<Binding> {
        Arc::new(Binding { above, entry: Entry::Pair(Box::new(KeyAndValue(key, value))) })
    }

    pub(super) fn custom(custom: Arc<dyn Custom>) -> Arc<Binding> {
        Arc::new(Binding { above: None, entry: Entry::Custom(custom) })
    }

    /// Returns the value that the nearest binding gives to the key.
    pub(super) fn find<'a>(mut nearest: Option<&'a Arc<Binding>>, key: &dyn Any) -> Option<&'a dyn Any> {
        while let Some(binding) = nearest {
            let found = match &binding.entry {
                Entry::Pair(pair) => pair.find(key),
                Entry::Custom(custom) => custom.value(key),
            };
            if found.is_some() {
                return found;
            }
            nearest = binding.above.as_ref();
        }
        None
    }

    /// Returns how many values there are, of which some may hide others.
    pub(super) fn count(mut nearest: Option<&Arc<Binding>>) -> usize {
        let mut count = 0;
        while let Some(binding) = nearest {
            count += 1;
            nearest = binding.above.as_ref();
        }
        count
    }
}

impl Drop for Binding {
    fn drop(&mut self) {
        // The values above are not dropped one inside the other: their chain may be long.
        if let Some(above) = self.above.take() {
            later::drop(later::Item::Binding(above));
        }
    }
}
