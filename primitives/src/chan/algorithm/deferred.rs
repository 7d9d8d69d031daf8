//! User code that an operation has to call: wakers, and destructors of values and wakers.
//!
//! An operation settles everything of its own first and calls user code last, so user code may call any operation of
//! the same channel. A task's waker is *deferred*: it is kept in the thread's list until the operation calls the list,
//! at its end and before it waits. A panic of user code stops nothing: the other calls of the list follow, then the
//! operation ends, and then the first panic is resumed. A thread that is unwinding already resumes none, for that
//! would abort the process.
//!
//! An operation that consists of others *holds* the list: the inner ones leave the calls and the panic to it. While
//! user code runs nothing is held, so an operation that user code calls is whole by itself.

use crate::rt::thread::{number, panicking};
use core::any::Any;
use core::cell::{Cell, RefCell};
use core::mem::{self, ManuallyDrop};
use core::task::Waker;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

type Payload = Box<dyn Any + Send>;

/// What a thread has deferred. Outside operations it is nothing.
struct Deferred {
    /// Operations that hold the list, one inside the other.
    holds: usize,
    /// The first panic of user code.
    panic: Option<Payload>,
    /// The list: its first call, for which nothing is allocated.
    first: Option<Call>,
    /// The list: the others.
    more: Vec<Call>,
}

#[cfg_attr(not(feature = "async"), allow(dead_code, reason = "only tasks have wakers"))]
enum Call {
    Wake(Waker),
    Drop(Waker),
}

impl Call {
    fn make(self) {
        match self {
            Call::Wake(waker) => waker.wake(),
            Call::Drop(waker) => drop(waker),
        }
    }
}

/// What an operation has to call that ends.
enum Due {
    Nothing,
    /// The only call of the list, which is empty now.
    One(Call),
    /// The list, or a panic that is to come out.
    Several,
}

/// What a thread has deferred, and its mark.
struct OfThread {
    deferred: RefCell<ManuallyDrop<Deferred>>,
    /// Nobody's until it is asked for.
    mark: Cell<Mark>,
}

crate::rt::thread_local! {
    /// Without a destructor, so that operations in the destructors of other thread-locals find it there.
    static OF_THREAD: OfThread = const {
        OfThread {
            deferred: RefCell::new(ManuallyDrop::new(Deferred::NOTHING)),
            mark: Cell::new(Mark::NOBODY),
        }
    };
}

impl Deferred {
    const NOTHING: Deferred = Deferred { holds: 0, panic: None, first: None, more: Vec::new() };

    /// Calls `f`, which calls no user code, with what the thread has deferred.
    fn with<R>(f: impl FnOnce(&mut Deferred) -> R) -> R {
        OF_THREAD.with(|own| f(&mut own.deferred.borrow_mut()))
    }

    #[cfg(feature = "async")]
    fn push(&mut self, call: Call) {
        match &self.first {
            None => self.first = Some(call),
            Some(_) => self.more.push(call),
        }
    }

    /// Takes all of it, if there is something to call or to resume.
    fn take(&mut self) -> Option<Deferred> {
        (self.first.is_some() || self.panic.is_some()).then(|| mem::replace(self, Deferred::NOTHING))
    }

    /// Returns what an operation calls that ends now: nothing, if another operation holds the list.
    fn take_due(&mut self) -> Due {
        if self.holds != 0 {
            return Due::Nothing;
        }
        if !self.more.is_empty() || self.panic.is_some() {
            return Due::Several;
        }
        self.first.take().map_or(Due::Nothing, Due::One)
    }

    /// Calls user code, and keeps its panic if it is the first one.
    fn protect(&mut self, f: impl FnOnce()) {
        match (catch_unwind(AssertUnwindSafe(f)), &self.panic) {
            (Ok(()), _) => (),
            (Err(payload), None) => self.panic = Some(payload),
            (Err(payload), Some(_)) => dispose(payload),
        }
    }

    /// After user code, whose operations leave nothing.
    fn put_back(self) {
        if self.holds != 0 || self.panic.is_some() || self.first.is_some() {
            drop(Deferred::with(|deferred| mem::replace(deferred, self)));
        }
    }

    /// Calls the list, and puts the rest back; whether user code has panicked.
    #[cold]
    fn call(mut self) -> bool {
        while let Some(first) = self.first.take() {
            for call in core::iter::once(first).chain(mem::take(&mut self.more)) {
                self.protect(|| call.make());
            }
        }
        if panicking() {
            self.panic.take().into_iter().for_each(dispose);
        }
        let panicked = self.panic.is_some();
        self.put_back();
        panicked
    }
}

/// Tells a thread or goroutine from all others that live. (After 2³¹ of them marks come again.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(u32);

impl Mark {
    pub(in crate::chan) const NOBODY: Mark = Mark(u32::MAX);

    #[cold]
    fn new() -> Mark {
        let number = number();
        // Goroutines have numbers of their own, with this bit.
        Mark((number as u32) << 1 | (number >> 62) as u32)
    }
}

impl OfThread {
    fn mark(&self) -> Mark {
        if self.mark.get() == Mark::NOBODY {
            self.mark.set(Mark::new());
        }
        self.mark.get()
    }
}

/// Returns the mark of the calling thread.
pub(in crate::chan) fn mark_of_thread() -> Mark {
    OF_THREAD.with(OfThread::mark)
}

/// Defers waking a task.
#[cfg(feature = "async")]
pub(in crate::chan) fn wake(waker: Waker) {
    Deferred::with(|deferred| deferred.push(Call::Wake(waker)));
}

/// Defers dropping a waker.
#[cfg(feature = "async")]
pub(in crate::chan) fn discard(waker: Waker) {
    Deferred::with(|deferred| deferred.push(Call::Drop(waker)));
}

/// Calls user code at once, and keeps its panic if it is the first one.
pub(in crate::chan) fn protect(f: impl FnOnce()) {
    let mut outer = Deferred::with(|deferred| mem::replace(deferred, Deferred::NOTHING));
    outer.protect(f);
    outer.put_back();
}

/// Drops what a panic was raised with, whose destructor may panic too.
fn dispose(payload: Payload) {
    if let Err(worse) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        mem::forget(worse);
    }
}

/// Calls the list; whether user code of this operation has panicked. To be called before the operation waits: one whose
/// user code has panicked gives up instead.
pub(in crate::chan) fn call() -> bool {
    Deferred::with(Deferred::take).is_some_and(Deferred::call)
}

/// Calls what is due; whether a panic is to come out of it. One call, the most frequent case, moves nothing of the
/// list: as long as it runs the thread has deferred nothing.
fn call_due(due: Due) -> bool {
    match due {
        Due::Nothing => false,
        Due::One(only) => match catch_unwind(AssertUnwindSafe(|| only.make())) {
            Ok(()) => false,
            Err(payload) => Deferred { panic: Some(payload), ..Deferred::NOTHING }.call(),
        },
        Due::Several => call(),
    }
}

/// Calls the list at the end of an operation that may be part of another; whether a panic is to come out of it.
///
/// Nearly always there is nothing to call, and this asks no more than that.
pub(in crate::chan) fn end() -> bool {
    call_due(Deferred::with(Deferred::take_due))
}

/// Calls user code in the middle of an operation, which ends if that panics.
#[cfg(feature = "async")]
pub(in crate::chan) fn in_between<R>(f: impl FnOnce() -> R) -> R {
    struct Settles;
    impl Drop for Settles {
        fn drop(&mut self) {
            settle();
        }
    }
    let if_it_panics = Settles;
    let result = f();
    mem::forget(if_it_panics);
    result
}

/// Calls the list at the end of an operation that may be part of another, and resumes the first panic.
pub(in crate::chan) fn settle() {
    if end() {
        resume();
    }
}

/// Calls the list as [`settle`] does, and returns the operation's result; it is dropped if a panic comes out, and may
/// panic by that.
pub(in crate::chan) fn settle_with<R>(result: R) -> R {
    if !end() {
        return result;
    }
    protect(|| drop(result));
    resume()
}

/// Resumes the panic which [`end`] has told of.
#[cold]
pub(in crate::chan) fn resume() -> ! {
    resume_unwind(Deferred::with(|deferred| deferred.panic.take()).expect("user code has panicked"))
}

/// Holds the list for an operation that consists of others. When this is dropped the list is called, and the first
/// panic resumed.
pub(crate) struct Held(());

impl Held {
    /// Lets go of the list, if there is nothing to call or to resume.
    pub(in crate::chan) fn release(self) -> Result<(), Held> {
        let is_idle = Deferred::with(|deferred| {
            let is_idle = deferred.first.is_none() && deferred.panic.is_none();
            deferred.holds -= usize::from(is_idle);
            is_idle
        });
        if is_idle {
            mem::forget(self);
            return Ok(());
        }
        Err(self)
    }
}

/// Holds the list; to be called first by an operation.
pub(crate) fn hold() -> Held {
    Deferred::with(|deferred| deferred.holds += 1);
    Held(())
}

/// Holds the list, and returns the mark of the calling thread.
pub(in crate::chan) fn hold_marked() -> (Held, Mark) {
    let mark = OF_THREAD.with(|own| {
        own.deferred.borrow_mut().holds += 1;
        own.mark()
    });
    (Held(()), mark)
}

impl Drop for Held {
    fn drop(&mut self) {
        let due = Deferred::with(|deferred| {
            deferred.holds -= 1;
            deferred.take_due()
        });
        if call_due(due) {
            resume();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Panics when it is dropped.
    struct Bomb;

    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("bomb");
        }
    }

    fn panic_of(f: impl FnOnce()) -> &'static str {
        let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
        payload.downcast_ref::<&str>().copied().expect("a text")
    }

    #[test]
    fn the_first_panic_comes_out_when_the_outermost_operation_ends() {
        let text = panic_of(|| {
            let outer = hold();
            let inner = hold();
            protect(|| panic!("one"));
            protect(|| std::panic::panic_any(Bomb));
            drop(inner);
            settle();
            assert!(call(), "it is still to come");
            drop(outer);
        });
        assert_eq!(text, "one");
        assert!(!end(), "nothing is left");
    }

    #[test]
    fn a_result_may_panic_when_a_panic_drops_it() {
        protect(|| panic!("one"));
        assert_eq!(panic_of(|| drop(settle_with(Bomb))), "one");
        assert!(!end(), "nothing is left");
    }

    #[test]
    fn an_operation_of_user_code_is_whole_by_itself() {
        let _outer = hold();
        protect(|| {
            let inner = hold();
            protect(|| panic!("inner"));
            assert_eq!(panic_of(|| drop(inner)), "inner");
        });
        assert!(!call(), "the outer one has not panicked");
    }

    #[test]
    fn a_thread_that_unwinds_resumes_nothing() {
        let text = panic_of(|| {
            let _held = hold();
            protect(|| panic!("one"));
            panic!("already");
        });
        assert_eq!(text, "already");
        assert!(!end(), "nothing is left");
    }
}
