//! What `lazy_static!` declares.
//!
//! L1. `started` is false at the beginning of each execution. The thread that sets it by a CAS makes the value, notes its
//! address, and then sets `made`. Any other thread waits for `made`, and reads the address afterwards. A thread tries the CAS
//! when it first looks, and remembers that. There is one write that a failing CAS may read, so the engine explores which
//! thread comes first, and nothing else; later looks are no operations at all.
//!
//! L2. A value lives until the end of its execution, when all other threads have ended.

use core::cell::{Cell, RefCell};
use core::fmt;
use core::marker::PhantomData;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
pub use selvedge::rt::thread::{AccessError, panicking, yield_now};
use selvedge::rt::{execution, wait_until};
use std::collections::HashMap;

/// How many statics a thread remembers to have looked at. It tries the CAS at each look at any other.
const REMEMBERED: usize = 32;

selvedge::rt::thread_local! {
    /// The addresses of statics that the thread has looked at, and 0 in the places that are left. It has no destructor, so it
    /// is there as long as any code of the thread runs.
    static SEEN: Cell<[usize; REMEMBERED]> = Cell::new([0; REMEMBERED]);
}

std::thread_local! {
    /// The values of the present execution, and perhaps of former ones, by the addresses of the statics. All threads of an
    /// execution are coroutines of one thread of the system.
    static VALUES: RefCell<HashMap<usize, *const ()>> = RefCell::new(HashMap::new());
}

/// A static value that is made when a thread first looks at it: anew in each execution, at whose end it is dropped.
pub struct Lazy<T: 'static> {
    started: AtomicBool,
    made: AtomicBool,
    init: fn() -> T,
    /// The static stands for a value that threads share.
    value: PhantomData<fn() -> T>,
}

impl<T: 'static> Lazy<T> {
    #[doc(hidden)]
    pub const fn new(init: fn() -> T) -> Lazy<T> {
        let (started, made) = (AtomicBool::const_new(false), AtomicBool::const_new(false));
        Lazy { started, made, init, value: PhantomData }
    }

    /// Returns the value, and makes it if no thread has; blocks while another thread makes it.
    ///
    /// No reference may be kept longer than the execution lasts, in a static of std's for instance.
    ///
    /// # Panics
    /// Outside a model.
    #[track_caller]
    pub fn get(&'static self) -> &'static T {
        crate::thread::assert_in_a_model("a static of `lazy_static!` is looked at");
        if !self.is_known() {
            self.meet();
        }
        // SAFETY: L1: the value of this execution has been made, and its making happens before this, so the address is that of
        // a `T`. L2: the value lives, unless a caller has broken the rule in the documentation.
        unsafe { &*self.address().cast::<T>() }
    }

    /// Makes the value, or waits until it is made.
    #[track_caller]
    fn meet(&'static self) {
        // Relaxed: decides which thread makes the value, and publishes nothing.
        if self.started.compare_exchange(false, true, Relaxed, Relaxed).is_err() {
            // Acquire: synchronizes with the Release store below: the making of the value happens before its use.
            wait_until(|| self.made.load(Acquire));
        } else {
            let value = Box::into_raw(Box::new((self.init)()));
            VALUES.with_borrow_mut(|values| values.insert(self.key(), value.cast_const().cast()));
            let owned = Owned(value);
            execution::at_end(move || owned.free());
            // Release: publishes the value to the Acquire load above.
            self.made.store(true, Release);
        }
        self.remember();
    }

    fn key(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    fn address(&self) -> *const () {
        VALUES.with_borrow(|values| values[&self.key()])
    }

    /// Returns whether the current thread has tried the CAS.
    fn is_known(&self) -> bool {
        SEEN.with(|seen| seen.get().contains(&self.key()))
    }

    fn remember(&self) {
        SEEN.with(|seen| {
            let mut all = seen.get();
            if let Some(place) = all.iter_mut().find(|place| **place == 0) {
                *place = self.key();
                seen.set(all);
            }
        });
    }
}

/// The value of an execution.
struct Owned<T>(*mut T);

// SAFETY: the value is freed at the end of its execution, on the one thread of the system on which the execution runs.
unsafe impl<T> Send for Owned<T> {}

impl<T> Owned<T> {
    fn free(self) {
        // SAFETY: the address comes from a box, and this is called once. L2: no thread looks at the value any more.
        drop(unsafe { Box::from_raw(self.0) });
    }
}

impl<T: 'static> fmt::Debug for Lazy<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lazy").finish_non_exhaustive()
    }
}

/// Declares statics as the crate `lazy_static` does. In a model each execution makes values of its own.
///
/// ```
/// # use selvedge_loom as loom;
/// loom::lazy_static! {
///     static ref WORDS: Vec<&'static str> = vec!["warp", "weft"];
/// }
///
/// loom::model(|| assert_eq!(WORDS.len(), 2));
/// ```
#[macro_export]
macro_rules! lazy_static {
    ($($(#[$attribute:meta])* $visibility:vis static ref $name:ident: $type:ty = $init:expr);* $(;)?) => {
        $(
            #[allow(missing_copy_implementations, missing_debug_implementations, non_camel_case_types, dead_code)]
            $(#[$attribute])*
            $visibility struct $name {
                __private: (),
            }
            #[doc(hidden)]
            $visibility static $name: $name = $name { __private: () };
            impl ::core::ops::Deref for $name {
                type Target = $type;
                #[track_caller]
                fn deref(&self) -> &$type {
                    static LAZY: $crate::lazy_static::Lazy<$type> = $crate::lazy_static::Lazy::new(|| $init);
                    LAZY.get()
                }
            }
        )*
    };
}
