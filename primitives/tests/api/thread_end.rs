//! Code that runs once, called in the destructors of thread-locals: a thread runs user code until its very end.

use crate::common::panic_of;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{Lazy, Once, OnceFunc, OnceValue, SingleFlight, WaitGroup};
use std::cell::Cell;
use std::panic::catch_unwind;

/// Calls a closure when it is dropped, and then marks a task as done.
struct AtEnd(Option<Box<dyn FnOnce()>>, WaitGroup);

impl Drop for AtEnd {
    fn drop(&mut self) {
        if let Some(last) = self.0.take() {
            last();
        }
        self.1.done();
    }
}

thread_local! {
    static FIRST: Cell<Option<AtEnd>> = const { Cell::new(None) };
    static LAST: Cell<Option<AtEnd>> = const { Cell::new(None) };
}

/// Runs `body` on a new thread, and `last` in the destructors of two of its thread-locals: one that is made before
/// those that `body` makes, and one that is made after them. So one of the two outlives these, whatever the order of
/// destruction is.
fn at_the_end_of_a_thread<F: Fn() + Send + Sync + 'static>(body: impl FnOnce() + Send + 'static, last: F) {
    let (last, ended) = (Arc::new(last), WaitGroup::new());
    ended.add(2);
    let theirs = ended.clone();
    let run = move |last: Arc<F>| {
        let call = move || {
            let last = &*last;
            last();
        };
        AtEnd(Some(Box::new(call)), theirs.clone())
    };
    let thread = thread::spawn(move || {
        FIRST.set(Some(run(Arc::clone(&last))));
        body();
        LAST.set(Some(run(last)));
    });
    thread.join().expect("no panic");
    // In a checking build a thread may be joined before its thread-locals are gone.
    ended.wait();
}

#[test]
fn a_once_is_done_while_its_thread_ends() {
    static EARLY: Once = Once::const_new();
    static LATE: Once = Once::const_new();
    at_the_end_of_a_thread(|| EARLY.call(|| ()), || LATE.call(|| EARLY.call(|| unreachable!("it is done"))));
    assert!(EARLY.is_done() && LATE.is_done());
    LATE.call(|| unreachable!("it is done"));
}

#[test]
fn a_value_is_made_while_its_thread_ends() {
    static EARLY: Lazy<u32> = Lazy::const_new(|| 1);
    static LATE: Lazy<u32> = Lazy::const_new(|| *EARLY + 1);
    at_the_end_of_a_thread(|| assert_eq!(*EARLY, 1), || assert_eq!(*LATE, 2));
    assert_eq!(*LATE, 2);
    let value = Arc::new(OnceValue::new(|| *LATE + 1));
    let theirs = Arc::clone(&value);
    at_the_end_of_a_thread(|| assert_eq!(*LATE, 2), move || assert_eq!(*theirs.get(), 3));
    assert_eq!(*value.get(), 3);
}

#[test]
fn a_function_and_a_flight_run_while_their_thread_ends() {
    let ran = Arc::new(selvedge::rt::sync::Mutex::new(Vec::new()));
    let (theirs, flights) = (Arc::clone(&ran), Arc::new(SingleFlight::new()));
    let function = Arc::new(OnceFunc::new(move || theirs.lock().push("function")));
    let (theirs, group, once) = (Arc::clone(&ran), Arc::clone(&flights), Once::new());
    at_the_end_of_a_thread(
        move || once.call(|| ()),
        move || {
            function.call();
            let flight = || theirs.lock().push("flight");
            group.run("key", || group.run("another key", flight));
        },
    );
    assert_eq!(*ran.lock(), ["function", "flight", "flight"]);
    flights.run("key", || ());
}

#[test]
fn a_closure_that_panics_while_its_thread_ends_stays_done() {
    static ONCE: Once = Once::const_new();
    static LAZY: Lazy<u32> = Lazy::const_new(|| panic!("not today"));
    at_the_end_of_a_thread(
        || (),
        || {
            let _ = catch_unwind(|| ONCE.call(|| panic!("not today")));
            assert_eq!(panic_of(|| _ = *LAZY), "not today");
        },
    );
    ONCE.call(|| unreachable!("a closure that panics counts as done"));
    assert_eq!(panic_of(|| _ = *LAZY), "not today");
}

#[test]
fn a_closure_that_calls_itself_panics_while_its_thread_ends() {
    static ONCE: Once = Once::const_new();
    static LAZY: Lazy<u32> = Lazy::const_new(|| *LAZY);
    at_the_end_of_a_thread(
        || (),
        || {
            if !ONCE.is_done() {
                assert!(panic_of(|| ONCE.call(|| ONCE.call(|| ()))).contains("would wait for itself"));
            }
            assert!(panic_of(|| _ = *LAZY).contains("would wait for itself"));
        },
    );
}

#[test]
fn a_destructor_that_calls_again_while_the_closure_unwinds_panics() {
    /// Keeps the text of the panic of a call in its destructor.
    struct Again<'a>(&'a Once, &'a Cell<String>);
    impl Drop for Again<'_> {
        fn drop(&mut self) {
            self.1.set(panic_of(|| self.0.call(|| unreachable!("it is being done"))));
        }
    }
    let (once, said) = (Once::new(), Cell::default());
    let first = panic_of(|| {
        once.call(|| {
            let _again = Again(&once, &said);
            panic!("the first");
        });
    });
    assert_eq!(first, "the first");
    assert!(said.take().contains("would wait for itself"));
    once.call(|| unreachable!("it is done"));
}

#[test]
fn another_thread_waits_for_a_closure_that_calls_others() {
    let (outer, inner) = (Once::new(), Once::new());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                outer.call(|| inner.call(thread::yield_now));
                assert!(outer.is_done() && inner.is_done());
                inner.call(|| outer.call(|| unreachable!("it is done")));
            });
        }
    });
}
