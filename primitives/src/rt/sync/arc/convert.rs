//! How other owners become an [`Arc`]: boxes, slices, texts, std's `Arc`s, and `Arc`s of other types.

use super::{Arc, Shared, offset_of_value};
use crate::rt::alloc::TrackedBox;
use crate::rt::sync::atomic::{AtomicU64, AtomicUsize};
use crate::spec;
use core::alloc::Layout;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use std::alloc;

/// Makes of an [`Arc`](crate::rt::sync::Arc) one to a trait object or a slice, as the compiler does for std's by itself.
///
/// ```
/// use selvedge::rt::sync::{Arc, unsize};
/// let shape: Arc<dyn std::fmt::Display> = unsize!(Arc::new(7) => dyn std::fmt::Display);
/// let words: Arc<[&str]> = unsize!(Arc::new(["warp", "weft"]) => [&str]);
/// assert_eq!((shape.to_string().as_str(), words.len()), ("7", 2));
/// ```
#[macro_export]
#[doc(hidden)]
macro_rules! __rt_unsize {
    ($arc:expr => $type:ty) => {{
        let value = $crate::rt::sync::Arc::into_raw($arc);
        let unsized_value: *const $type = value;
        // SAFETY: the pointer comes from `into_raw`, by a coercion that the compiler makes of a pointer to the same
        // value, and is taken back once.
        unsafe { $crate::rt::sync::Arc::from_raw(unsized_value) }
    }};
}

/// Replaces the address in a pointer to an allocation, and keeps what the pointer knows of the value's type or length.
fn at<T: ?Sized>(mut pointer: *mut Shared<T>, memory: *mut u8) -> *mut Shared<T> {
    // SAFETY: a pointer begins with its address: a thin one is nothing else, and a wide one has its metadata behind it.
    // The language reference does not promise the latter, so the result is tested before it is used.
    unsafe { (&raw mut pointer).cast::<*mut u8>().write(memory) };
    assert_eq!(pointer.cast::<u8>(), memory, "a wide pointer begins with its address");
    pointer
}

impl<T: ?Sized> Arc<T> {
    /// Moves the value at `value` into a new allocation.
    ///
    /// # Safety
    /// The value lives, and from now on its memory counts as if the value had been moved out of it.
    #[track_caller]
    unsafe fn take_over(value: *mut T) -> Self {
        // SAFETY: the value lives (promised by the caller), and nothing changes it during the call.
        let layout = Layout::for_value(unsafe { &*value });
        let offset = offset_of_value(layout.align());
        let (whole, at_value) =
            Layout::new::<Shared<()>>().extend(layout).expect("the value is in memory already");
        assert_eq!(at_value, offset, "`repr(C)` lays out the fields in order");
        let whole = whole.pad_to_align();
        // SAFETY: the layout has the two counts, so it is not empty.
        let memory = unsafe { alloc::alloc(whole) };
        if memory.is_null() {
            alloc::handle_alloc_error(whole);
        }
        let shared = at(value as *mut Shared<T>, memory);
        // SAFETY: the memory is new and has room for the counts at its start and for the value at `offset` (A5), and no
        // other thread has it. The bytes of the value are copied once, and the caller gives the value up. The memory has
        // the layout that a box of `Shared<T>` frees, since it was allocated with the layout of that type.
        let boxed = unsafe {
            (&raw mut (*shared).strong).write(AtomicUsize::new(1));
            (&raw mut (*shared).weak).write(AtomicU64::new(1));
            (&raw mut (*shared).spec).write(spec::Arc::new(1));
            memory.add(offset).copy_from_nonoverlapping(value.cast::<u8>(), layout.size());
            Box::from_raw(shared)
        };
        let shared = TrackedBox::into_raw(TrackedBox::from(boxed));
        // SAFETY: `into_raw` returns the address of a box, which is never null.
        Arc(unsafe { NonNull::new_unchecked(shared) })
    }

    /// Makes a pointer of std's, which must be the only one to its value. The value moves.
    ///
    /// This is one more way to a pointer to a trait object or a slice: std's is made into one by the compiler.
    ///
    /// ```
    /// use selvedge::rt::sync::Arc;
    /// let text: Arc<dyn ToString> = Arc::from_std(std::sync::Arc::new(7));
    /// assert_eq!(text.to_string(), "7");
    /// ```
    ///
    /// # Panics
    /// If there are other pointers to the value, strong or weak.
    #[track_caller]
    pub fn from_std(mut std: std::sync::Arc<T>) -> Self {
        let Some(value) = std::sync::Arc::get_mut(&mut std) else {
            panic!("`from_std` needs the only pointer to a value, and there are others")
        };
        let value = &raw mut *value;
        // SAFETY: `get_mut` has found no other pointer, so the value is this function's; it lives, and is given up: below
        // only its memory is freed.
        let this = unsafe { Arc::take_over(value) };
        let emptied = std::sync::Arc::into_raw(std) as *const ManuallyDrop<T>;
        // SAFETY: the pointer comes from `into_raw`, and is taken back once, as a type with the layout of `T` whose drop
        // does not touch the value that was moved out.
        drop(unsafe { std::sync::Arc::from_raw(emptied) });
        this
    }
}

impl<T> From<T> for Arc<T> {
    #[track_caller]
    fn from(value: T) -> Self {
        Arc::new(value)
    }
}

/// Moves the value out of the box.
impl<T: ?Sized> From<Box<T>> for Arc<T> {
    #[track_caller]
    fn from(value: Box<T>) -> Self {
        let pointer = Box::into_raw(value);
        // SAFETY: the box owned the value alone, so the value lives; it is given up: below only its memory is freed.
        let this = unsafe { Arc::take_over(pointer) };
        // SAFETY: the pointer comes from a box and is taken back once, as a type with the layout of `T` whose drop does not
        // touch the value that was moved out.
        drop(unsafe { Box::from_raw(pointer as *mut ManuallyDrop<T>) });
        this
    }
}

impl<T> From<Vec<T>> for Arc<[T]> {
    #[track_caller]
    fn from(items: Vec<T>) -> Self {
        Arc::from(items.into_boxed_slice())
    }
}

impl<T: Clone> From<&[T]> for Arc<[T]> {
    #[track_caller]
    fn from(items: &[T]) -> Self {
        Arc::from(Box::from(items))
    }
}

impl<T, const N: usize> From<[T; N]> for Arc<[T]> {
    #[track_caller]
    fn from(items: [T; N]) -> Self {
        crate::rt::sync::unsize!(Arc::new(items) => [T])
    }
}

impl From<&str> for Arc<str> {
    #[track_caller]
    fn from(text: &str) -> Self {
        Arc::from(Box::from(text))
    }
}

impl From<String> for Arc<str> {
    #[track_caller]
    fn from(text: String) -> Self {
        Arc::from(text.into_boxed_str())
    }
}

impl<T> FromIterator<T> for Arc<[T]> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Arc::from(items.into_iter().collect::<Box<[T]>>())
    }
}

/// Moves the value out, if the pointer is to an array of this length.
impl<T, const N: usize> TryFrom<Arc<[T]>> for Arc<[T; N]> {
    type Error = Arc<[T]>;

    fn try_from(items: Arc<[T]>) -> Result<Self, Self::Error> {
        if items.len() != N {
            return Err(items);
        }
        let array = Arc::into_raw(items).cast::<[T; N]>();
        // SAFETY: the pointer comes from `into_raw` and is taken back once. A slice of `N` items has the layout of an
        // array of `N` items, so the value stands at the same place of the allocation.
        Ok(unsafe { Arc::from_raw(array) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rt::sync::atomic::Ordering::Relaxed;
    use core::fmt::Display;

    /// A value with an alignment of its own, whose drops are counted.
    #[repr(align(64))]
    struct Counted<'a>(&'a AtomicUsize);

    impl Drop for Counted<'_> {
        fn drop(&mut self) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    trait Aligned: Send + Sync {
        fn address(&self) -> usize;
    }

    impl Aligned for Counted<'_> {
        fn address(&self) -> usize {
            core::ptr::from_ref(self).addr()
        }
    }

    #[test]
    fn a_trait_object_keeps_its_alignment_and_is_dropped_once() {
        let drops = AtomicUsize::new(0);
        let boxed: Box<dyn Aligned + '_> = Box::new(Counted(&drops));
        let std: std::sync::Arc<dyn Aligned + '_> = std::sync::Arc::new(Counted(&drops));
        let all: [Arc<dyn Aligned + '_>; 3] = [
            Arc::from(boxed),
            Arc::from_std(std),
            crate::rt::sync::unsize!(Arc::new(Counted(&drops)) => dyn Aligned + '_),
        ];
        for value in &all {
            assert_eq!((value.address() % 64, Arc::as_ptr(value).addr()), (0, value.address()));
            let again = Arc::into_raw(Arc::clone(value));
            // SAFETY: the pointer comes from `into_raw`, and is taken back once.
            assert!(Arc::ptr_eq(value, &unsafe { Arc::from_raw(again) }));
        }
        assert_eq!(drops.load(Relaxed), 0);
        drop(all);
        assert_eq!(drops.load(Relaxed), 3);
    }

    #[test]
    fn slices_and_texts_are_moved_out_of_what_owned_them() {
        let words: Arc<[String]> = Arc::from(vec!["a".to_string(), "b".to_string()]);
        assert_eq!(&*words, ["a", "b"]);
        let weak = Arc::downgrade(&words);
        let words = <Arc<[String; 2]>>::try_from(words).expect("there are two");
        assert!(weak.upgrade().is_some_and(|slice| slice[1] == "b"));
        drop(words);
        assert!(weak.upgrade().is_none());
        assert_eq!(<Arc<[u8; 1]>>::try_from(Arc::<[u8]>::from([1, 2])).expect_err("there are two").len(), 2);
        assert_eq!((&*Arc::<str>::from("weft"), &*Arc::<str>::from("warp".to_string())), ("weft", "warp"));
        assert_eq!((0..3).collect::<Arc<[u8]>>().len(), 3);
        assert_eq!(Arc::<[u8]>::from(&[][..]).len(), 0);
    }

    #[test]
    #[should_panic = "there are others"]
    fn a_shared_pointer_of_std_is_not_taken_over() {
        let std: std::sync::Arc<dyn Display> = std::sync::Arc::new(1);
        let _other = std::sync::Arc::clone(&std);
        Arc::from_std(std);
    }
}
