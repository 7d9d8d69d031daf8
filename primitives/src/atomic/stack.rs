//! Treiber's stack.

use crate::first_panic::FirstPanic;
use crate::reclaim::Domain;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

/// A stack without locks (Treiber, 1986): last in, first out.
///
/// Pushing a value happens before popping it. Lock-free: a lost compare-exchange is somebody else's progress. A node
/// is not used again while a thread that has seen it may compare with it (no ABA).
///
/// ```
/// use selvedge::atomic::Stack;
/// let stack = Stack::new();
/// stack.push(1);
/// stack.push(2);
/// assert_eq!((stack.pop(), stack.pop(), stack.pop()), (Some(2), Some(1), None));
/// ```
pub struct Stack<T> {
    top: AtomicPtr<Node<T>>,
    popped: Domain<TrackedBox<Node<T>>>,
}

struct Node<T> {
    /// Taken by the one who pops it.
    value: UnsafeCell<MaybeUninit<T>>,
    /// Written before the node is shared.
    next: UnsafeCell<*mut Node<T>>,
}

// SAFETY: values are moved from who pushes to who pops, and shared by nobody.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Stack<T> {}

impl<T> Stack<T> {
    constructor! {
        /// An empty stack.
        ///
        /// ```
        /// assert!(selvedge::atomic::Stack::<i32>::new().is_empty());
        /// ```
        pub fn new() -> Stack<T> {
            Stack { top: AtomicPtr::new(null_mut()), popped: Domain::new() }
        }
    }

    /// The same for a static.
    ///
    /// ```
    /// static NAMES: selvedge::atomic::Stack<&str> = selvedge::atomic::Stack::const_new();
    /// NAMES.push("warp");
    /// ```
    pub const fn const_new() -> Stack<T> {
        Stack { top: AtomicPtr::const_new(null_mut()), popped: Domain::const_new() }
    }

    /// Puts a value on top.
    ///
    /// ```
    /// let stack = selvedge::atomic::Stack::new();
    /// stack.push("warp");
    /// assert!(!stack.is_empty());
    /// ```
    pub fn push(&self, value: T) {
        let _entry = enter();
        let node =
            Node { value: UnsafeCell::new(MaybeUninit::new(value)), next: UnsafeCell::new(null_mut()) };
        let node = TrackedBox::into_raw(TrackedBox::new(node));
        let backoff = Backoff::new();
        let mut top = self.top.load(Relaxed); // Relaxed: the exchange decides.
        loop {
            // SAFETY: nobody else has the node yet.
            unsafe { (*node).next.with_mut(|next| *next = top) };
            // Release: the node is written for whoever pops it, or looks at it.
            // site: push-node
            match self.top.compare_exchange(top, node, Release, Relaxed) {
                Ok(_) => return,
                Err(found) => top = found,
            }
            backoff.spin();
        }
    }

    /// Takes the value on top.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::Stack::<i32>::new().pop(), None);
    /// ```
    pub fn pop(&self) -> Option<T> {
        let _entry = enter();
        let pin = self.popped.pin();
        let backoff = Backoff::new();
        let node = loop {
            // SeqCst: for the pin. Acquire, by that: the node is written.
            let top = self.top.load(SeqCst); // site: load-top-for-pop
            if top.is_null() {
                return None;
            }
            // SAFETY: we are pinned, so the node is there, and its `next` is not written any more.
            let next = unsafe { (*top).next.with(|next| *next) };
            // Relaxed: we have what is in the node; whoever finds `next` has it from who pushed that.
            // site: pop-node
            if self.top.compare_exchange(top, next, Relaxed, Relaxed).is_ok() {
                break top;
            }
            backoff.spin();
        };
        drop(pin);
        // SAFETY: we popped the node, so the value is ours.
        let value = unsafe { (*node).value.with_mut(|value| (*value).assume_init_read()) };
        // SAFETY: it is unlinked, and its value gone.
        self.popped.retire(unsafe { TrackedBox::from_raw(node) });
        Some(value)
    }

    /// Whether there was no value, at some moment.
    ///
    /// ```
    /// assert!(selvedge::atomic::Stack::<i32>::new().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.top.load(Relaxed).is_null() // Relaxed: a hint.
    }
}

impl<T> Default for Stack<T> {
    fn default() -> Self {
        Stack::new()
    }
}

impl<T> fmt::Debug for Stack<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("is_empty", &self.is_empty()).finish_non_exhaustive()
    }
}

impl<T> Drop for Stack<T> {
    fn drop(&mut self) {
        let mut panics = FirstPanic::none();
        panics.drop_each(core::iter::from_fn(|| self.pop()));
        panics.resume();
    }
}
