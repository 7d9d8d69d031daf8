//! What the threads of a specified primitive share natively: no engine sees it. A state names values and wakers by tokens;
//! here they are kept.

#[cfg(feature = "checking")]
use super::super::seam::{Current, Home, current};
use super::Token;
#[cfg(feature = "checking")]
use core::mem::ManuallyDrop;
#[cfg(feature = "checking")]
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
#[cfg(feature = "checking")]
use std::collections::HashMap;
#[cfg(feature = "checking")]
use std::sync::{Arc, Mutex, PoisonError};

/// Something that a specified primitive needs beside its state, for as long as the execution lasts; nothing in the default
/// build, and for a primitive that is never specified. Copies are of one and the same.
pub(crate) struct Native<T> {
    #[cfg(feature = "checking")]
    shared: Option<(Home, core::ptr::NonNull<T>)>,
    #[cfg(not(feature = "checking"))]
    shared: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "checking")]
// SAFETY: what is shared is reached on the session's OS thread only, on which it was made (`Home::get`).
unsafe impl<T> Send for Native<T> {}
#[cfg(feature = "checking")]
// SAFETY: the session's OS thread alone reaches what is shared: `Home::get` returns nothing on others.
unsafe impl<T> Sync for Native<T> {}

#[cfg(feature = "checking")]
impl<T> Native<T> {
    /// Returns nothing, for a primitive that is never specified.
    pub(crate) const fn none() -> Native<T> {
        Native { shared: None }
    }

    /// Returns what `make` makes, which the running execution keeps; nothing where primitives are not as specified.
    #[track_caller]
    pub(crate) fn new(make: impl FnOnce() -> T) -> Native<T> {
        let Current::Model(session) = current() else { return Native::none() };
        if !session.specified() || super::super::bubble::is_inside() {
            return Native::none();
        }
        let made = core::ptr::NonNull::from(Box::leak(Box::new(make())));
        // SAFETY: the pointer comes from a box, and the session calls this once.
        session
            .keep_to_the_end(made.cast(), |made| drop(unsafe { Box::from_raw(made.cast::<T>().as_ptr()) }));
        Native { shared: Some((Home::new(session), made)) }
    }

    /// Returns the default, which the running execution keeps; nothing where primitives are not as specified.
    #[track_caller]
    pub(crate) fn of_default() -> Native<T>
    where
        T: Default,
    {
        Native::new(T::default)
    }

    /// Returns whether something was made, though its execution may be over.
    pub(crate) const fn exists(&self) -> bool {
        self.shared.is_some()
    }

    /// Returns what is shared, if it is there, and its execution runs.
    pub(crate) fn get(&self) -> Option<&T> {
        let (home, shared) = self.shared.as_ref()?;
        home.get()?;
        // SAFETY: the execution that made the value runs, and keeps it until its end. Nobody has it exclusively.
        Some(unsafe { shared.as_ref() })
    }
}

#[cfg(not(feature = "checking"))]
impl<T> Native<T> {
    /// Returns nothing, for a primitive that is never specified.
    #[inline(always)]
    pub(crate) const fn none() -> Native<T> {
        Native { shared: core::marker::PhantomData }
    }

    /// Returns nothing, since no primitive is specified outside a checker.
    #[inline(always)]
    pub(crate) fn new(_make: impl FnOnce() -> T) -> Native<T> {
        Native::none()
    }

    /// Returns nothing, since no primitive is specified outside a checker.
    #[inline(always)]
    pub(crate) const fn of_default() -> Native<T>
    where
        T: Default,
    {
        Native::none()
    }

    /// Returns whether something was made.
    #[inline(always)]
    pub(crate) const fn exists(&self) -> bool {
        false
    }

    /// Returns what is shared, if it is there.
    #[inline(always)]
    pub(crate) const fn get(&self) -> Option<&T> {
        None
    }
}

impl<T> Clone for Native<T> {
    fn clone(&self) -> Self {
        Native { shared: self.shared }
    }
}

/// Makes something that no engine sees.
pub(crate) fn unseen<R>(make: impl FnOnce() -> R) -> R {
    #[cfg(feature = "checking")]
    if let Current::Model(session) = current() {
        return session.unseen(make);
    }
    make()
}

/// Values that are on their way from one thread to another.
pub(crate) struct Store<T> {
    #[cfg(feature = "checking")]
    kept: Mutex<Kept<T>>,
    #[cfg(not(feature = "checking"))]
    kept: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "checking")]
struct Kept<T> {
    /// What is left at the end of the execution has no owner that could drop it.
    values: HashMap<Token, ManuallyDrop<T>>,
    /// How many values each thread has put here.
    numbers: HashMap<u32, u32>,
}

#[cfg(feature = "checking")]
impl<T> Store<T> {
    pub(crate) fn new() -> Store<T> {
        Store { kept: Mutex::new(Kept { values: HashMap::new(), numbers: HashMap::new() }) }
    }

    /// Keeps a value, and returns its name, which is the same in all executions in which the thread does the same.
    pub(crate) fn put(&self, value: T) -> Token {
        let thread = super::super::seam::this_thread().map_or(0, |thread| thread as u32);
        let kept = &mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let number = kept.numbers.entry(thread).or_default();
        let token = Token { thread, number: *number };
        *number += 1;
        kept.values.insert(token, ManuallyDrop::new(value));
        token
    }

    /// Takes a value out.
    ///
    /// # Panics
    /// If it is not here.
    pub(crate) fn take(&self, token: Token) -> T {
        let taken = self.kept.lock().unwrap_or_else(PoisonError::into_inner).values.remove(&token);
        ManuallyDrop::into_inner(taken.expect("a value that was sent is taken once"))
    }
}

#[cfg(not(feature = "checking"))]
impl<T> Store<T> {
    pub(crate) const fn new() -> Store<T> {
        Store { kept: core::marker::PhantomData }
    }

    /// Keeps a value, and returns its name.
    pub(crate) fn put(&self, _value: T) -> Token {
        unreachable!("no primitive is specified outside a checker")
    }

    /// Takes a value out.
    pub(crate) fn take(&self, _token: Token) -> T {
        unreachable!("no primitive is specified outside a checker")
    }
}

impl<T> Default for Store<T> {
    fn default() -> Self {
        Store::new()
    }
}

/// A count that is no event.
pub(crate) struct Tally {
    #[cfg(feature = "checking")]
    count: AtomicUsize,
}

impl Tally {
    pub(crate) const fn new() -> Tally {
        Tally {
            #[cfg(feature = "checking")]
            count: AtomicUsize::new(0),
        }
    }

    pub(crate) fn add(&self) {
        #[cfg(feature = "checking")]
        self.count.fetch_add(1, Relaxed); // Relaxed: publishes nothing; one thread of an execution runs at a time.
    }

    pub(crate) fn get(&self) -> usize {
        #[cfg(feature = "checking")]
        // Relaxed: one thread of an execution runs at a time.
        return self.count.load(Relaxed);
        #[cfg(not(feature = "checking"))]
        0
    }
}

/// A list that only grows.
pub(crate) struct Listed<T> {
    #[cfg(feature = "checking")]
    items: Mutex<Vec<Arc<T>>>,
    #[cfg(not(feature = "checking"))]
    items: core::marker::PhantomData<fn() -> T>,
}

#[cfg(feature = "checking")]
impl<T> Listed<T> {
    pub(crate) const fn new() -> Listed<T> {
        Listed { items: Mutex::new(Vec::new()) }
    }

    /// Adds an item, and returns its number.
    pub(crate) fn add(&self, item: T) -> usize {
        let mut items = self.items.lock().unwrap_or_else(PoisonError::into_inner);
        items.push(Arc::new(item));
        items.len() - 1
    }

    /// Returns the items so far.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.items.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(not(feature = "checking"))]
impl<T> Listed<T> {
    pub(crate) const fn new() -> Listed<T> {
        Listed { items: core::marker::PhantomData }
    }

    /// Adds an item, and returns its number.
    pub(crate) fn add(&self, _item: T) -> usize {
        unreachable!("no primitive is specified outside a checker")
    }

    /// Returns the items so far.
    pub(crate) fn all(&self) -> Vec<std::sync::Arc<T>> {
        Vec::new()
    }
}

/// The number of a handle among those of a specified primitive; nothing in the default build.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct HandleNumber {
    #[cfg(feature = "checking")]
    number: usize,
}

impl HandleNumber {
    #[cfg_attr(not(feature = "checking"), inline(always))]
    pub(crate) fn new(_number: usize) -> HandleNumber {
        HandleNumber {
            #[cfg(feature = "checking")]
            number: _number,
        }
    }

    #[cfg_attr(not(feature = "checking"), inline(always))]
    pub(crate) fn get(self) -> usize {
        #[cfg(feature = "checking")]
        return self.number;
        #[cfg(not(feature = "checking"))]
        0
    }
}
