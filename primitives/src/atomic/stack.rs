//! Treiber's stack: a linked list whose first node a CAS replaces.
//!
//! - **S1 (reading).** A node that a thread finds in `top` while it is pinned is not dropped before the pin is: it is
//!   retired after it was popped, and `top` is loaded with SeqCst, as [`Domain`] asks. Its `next` does not change once
//!   the node is in the list. No address is used again meanwhile, so a CAS that finds the node still on top replaces
//!   that very node (no ABA).
//! - **S2 (owning).** A node is popped by the one CAS that replaces it in `top`. That thread alone reads its value, and
//!   retires it.
//! - **I1 (order).** All writes to `top` are read-modify-writes, so each continues the release sequence of every push
//!   before it. A thread that reads a node from any of them synchronizes with the push of that node.

use crate::first_panic::FirstPanic;
use crate::queue::push;
use crate::reclaim::Domain;
use crate::rt::alloc::TrackedBox;
use crate::rt::cell::UnsafeCell;
use crate::rt::entry::enter;
use crate::rt::hint::Backoff;
use crate::rt::sync::atomic::AtomicPtr;
use crate::rt::sync::atomic::Ordering::{Relaxed, Release, SeqCst};
use crate::spec;
use core::fmt;
use core::mem::MaybeUninit;
use core::ptr::null_mut;

/// A lock-free stack (Treiber, 1986): last in, first out.
///
/// Pushing a value happens before popping it. A CAS fails only because another thread has pushed or popped a value, so
/// some thread makes progress.
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
    spec: spec::Stack<T>,
}

struct Node<T> {
    /// Read out by the thread that pops the node.
    value: UnsafeCell<MaybeUninit<T>>,
    /// Written before the node is in the list.
    next: UnsafeCell<*mut Node<T>>,
}

// SAFETY: S2: a value moves from the thread that pushes it to the one that pops it, and no two threads share it.
unsafe impl<T: Send> Send for Stack<T> {}
// SAFETY: S2: through a shared stack a thread pushes and pops values, which sends them, and reads none of them.
unsafe impl<T: Send> Sync for Stack<T> {}

impl<T> Stack<T> {
    constructor! {
        /// Creates an empty stack.
        ///
        /// ```
        /// assert!(selvedge::atomic::Stack::<i32>::new().is_empty());
        /// ```
        pub fn new() -> Stack<T> {
            Stack { top: AtomicPtr::new(null_mut()), popped: Domain::new(), spec: spec::Stack::new() }
        }
    }

    /// Creates an empty stack for a static.
    ///
    /// ```
    /// static NAMES: selvedge::atomic::Stack<&str> = selvedge::atomic::Stack::const_new();
    /// NAMES.push("warp");
    /// ```
    pub const fn const_new() -> Stack<T> {
        Stack {
            top: AtomicPtr::const_new(null_mut()),
            popped: Domain::const_new(),
            spec: spec::Stack::real(),
        }
    }

    /// Pushes a value onto the top.
    ///
    /// ```
    /// let stack = selvedge::atomic::Stack::new();
    /// stack.push("warp");
    /// assert!(!stack.is_empty());
    /// ```
    #[track_caller]
    pub fn push(&self, value: T) {
        let _entry = enter();
        match self.spec.specified() {
            Some(spec) => spec.push(value),
            None => self.push_node(value),
        }
    }

    #[inline]
    fn push_node(&self, value: T) {
        let node =
            Node { value: UnsafeCell::new(MaybeUninit::new(value)), next: UnsafeCell::new(null_mut()) };
        let node = TrackedBox::into_raw(TrackedBox::new(node));
        let link = |top| {
            // SAFETY: the node is this thread's until the push puts it into the list.
            unsafe { (*node).next.with_mut(|next| *next = top) };
        };
        // Release: publishes the node to a pop, whose SeqCst load of `top` reads it (I1). With Relaxed the pop
        // could read an uninitialized node (mutant at `push-node`).
        push(&self.top, node, Release, link); // site: push-node
    }

    /// Takes the value on top, or returns `None` if the stack is empty.
    ///
    /// ```
    /// assert_eq!(selvedge::atomic::Stack::<i32>::new().pop(), None);
    /// ```
    #[track_caller]
    pub fn pop(&self) -> Option<T> {
        let _entry = enter();
        match self.spec.specified() {
            Some(spec) => spec.pop(),
            None => self.pop_node(),
        }
    }

    #[inline]
    fn pop_node(&self) -> Option<T> {
        let pin = self.popped.pin();
        let backoff = Backoff::new();
        let node = loop {
            // SeqCst: S1; after the pin, so that a collection that misses the pin has unlinked its nodes before this
            // load. With
            // Acquire the node could be dropped while this thread reads it (mutant at `load-top-for-pop`). The Acquire
            // in it pairs with the Release CAS in `push` (I1).
            let top = self.top.load(SeqCst); // site: load-top-for-pop
            if top.is_null() {
                return None;
            }
            // SAFETY: S1: this thread is pinned, and found the node in `top`, so it exists and its `next` does not
            // change.
            let next = unsafe { (*top).next.with(|next| *next) };
            // Relaxed: the load above has synchronized with the push of this node, and a thread that reads `next` from
            // this CAS synchronizes with the push of `next` (I1). If this CAS changes nothing, two threads pop one node
            // (mutant at `pop-node`).
            // site: pop-node
            if self.top.compare_exchange(top, next, Relaxed, Relaxed).is_ok() {
                break top;
            }
            backoff.spin();
        };
        drop(pin);
        // SAFETY: S2: this thread popped the node, so no other thread reads its value, which is read once, here.
        let value = unsafe { (*node).value.with_mut(|value| (*value).assume_init_read()) };
        // SAFETY: S2: this thread popped the node, which came from `into_raw`, and gives it up once, here. Its value is
        // a `MaybeUninit` and is not dropped again.
        self.popped.retire(unsafe { TrackedBox::from_raw(node) });
        Some(value)
    }

    /// Returns whether the stack was empty at some moment.
    ///
    /// ```
    /// assert!(selvedge::atomic::Stack::<i32>::new().is_empty());
    /// ```
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        if let Some(spec) = self.spec.specified() {
            let _entry = enter();
            return spec.is_empty();
        }
        self.top.load(Relaxed).is_null() // Relaxed: a hint, stale when it returns.
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
        match self.spec.specified().map(|spec| spec.rest()) {
            Some(rest) => panics.drop_each(rest),
            None => panics.drop_each(core::iter::from_fn(|| self.pop_node())),
        }
        panics.resume();
    }
}
