//! What Go's `golang.org/x/sync` does, by the names XS-05 to XS-13 of its list of behaviours. Its groups are in the tests of
//! patterns.

use crate::common::panic_of;
use selvedge::chan::{Receiver, Sender, bounded};
use selvedge::context::{Context, Error, background, with_cancel};
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use selvedge::sync::{Permits, Semaphore, SingleFlight};

/// Waits until so many waits have begun that this context ends.
fn until_awaited(context: &Context, waits: usize) {
    while context.kindred() < waits {
        thread::yield_now();
    }
}

/// XS-05.
#[test]
fn a_large_request_is_not_overtaken_by_small_ones() {
    let places = Semaphore::new(1);
    let (context, _cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let many = scope.spawn(|| places.acquire_ctx(2, &context).map(Permits::forget));
        until_awaited(&context, 1);
        assert!(places.try_acquire(1).is_none(), "there is one, and a thread waits for two");
        let one = scope.spawn(|| places.acquire_ctx(1, &context).map(Permits::forget));
        until_awaited(&context, 2);
        places.release(1);
        assert_eq!(many.join().expect("no panic"), Ok(()));
        assert_eq!(places.available(), 0, "the second thread waits for one more");
        places.release(1);
        assert_eq!(one.join().expect("no panic"), Ok(()));
    });
}

/// XS-06.
#[test]
fn a_context_that_is_done_acquires_nothing() {
    let places = Semaphore::new(1);
    let (context, cancel) = with_cancel(&background());
    cancel.cancel();
    assert_eq!(places.acquire_ctx(1, &context).map(Permits::forget), Err(Error::Canceled));
    assert_eq!(places.available(), 1);
}

/// There is no size, since permits may be added at any time: others wait behind such a request as behind any other. XS-08.
#[test]
fn a_request_for_more_than_there_are_waits_for_its_context() {
    let places = Semaphore::new(1);
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let many = scope.spawn(|| places.acquire_ctx(5, &context).map(Permits::forget));
        until_awaited(&context, 1);
        cancel.cancel();
        assert_eq!(many.join().expect("no panic"), Err(Error::Canceled));
    });
    assert!(places.try_acquire(1).is_some());
}

/// Permits go back by the drop of what was taken, so no thread gives back more than it has. XS-09.
#[test]
fn permits_are_given_back_once() {
    let places = Semaphore::new(3);
    let (two, one) = (places.acquire(2), places.acquire(1));
    assert_eq!((two.count(), one.count(), places.available()), (2, 1, 0));
    drop(two);
    assert_eq!(places.available(), 2);
    drop(one);
    assert_eq!(places.available(), 3);
}

/// A flight that ends when its sender is dropped, and tells when it has begun.
struct Flight {
    begins: Sender<()>,
    begun: Receiver<()>,
    ends: Sender<()>,
    ended: Receiver<()>,
}

impl Flight {
    fn new() -> Flight {
        let ((begins, begun), (ends, ended)) = (bounded(0), bounded(0));
        Flight { begins, begun, ends, ended }
    }

    fn fly(&self) {
        self.begins.send(()).expect("the test waits for it");
        assert!(self.ended.recv().is_err());
    }

    fn end(&self) {
        self.ends.close().expect("it has not ended");
    }
}

/// XS-10.
#[test]
fn one_closure_flies_for_all_who_come_meanwhile() {
    let (group, flight, flown) = (SingleFlight::new(), Flight::new(), AtomicUsize::new(0));
    let (context, _cancel) = with_cancel(&background());
    let fly = || {
        flight.fly();
        flown.fetch_add(1, Relaxed)
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| group.run("key", fly));
        flight.begun.recv().expect("it begins");
        let others =
            [(); 3].map(|()| scope.spawn(|| group.run_ctx(&context, "key", || flown.fetch_add(10, Relaxed))));
        until_awaited(&context, 3);
        assert_eq!(group.run("another key", || 7), 7);
        flight.end();
        assert_eq!(first.join().expect("no panic"), 0);
        others.into_iter().for_each(|other| assert_eq!(other.join().expect("no panic"), Ok(0)));
    });
    assert_eq!(flown.load(Relaxed), 1);
}

/// XS-12.
#[test]
fn a_flight_that_was_forgotten_ends_without_the_next_one() {
    let (group, first, second) = (SingleFlight::new(), Flight::new(), Flight::new());
    let (context, _cancel) = with_cancel(&background());
    let fly = |flight: &Flight, number: u32| {
        group.run("key", || {
            flight.fly();
            number
        })
    };
    thread::scope(|scope| {
        let old = scope.spawn(|| fly(&first, 1));
        first.begun.recv().expect("it begins");
        group.forget(&"key");
        let new = scope.spawn(|| fly(&second, 2));
        second.begun.recv().expect("it begins anew");
        first.end();
        assert_eq!(old.join().expect("no panic"), 1);
        let joins = scope.spawn(|| group.run_ctx(&context, "key", || 3));
        until_awaited(&context, 1);
        second.end();
        assert_eq!((new.join().expect("no panic"), joins.join().expect("no panic")), (2, Ok(2)));
    });
}

/// XS-13.
#[test]
fn a_panic_in_a_flight_comes_to_all_its_callers() {
    let (group, flight) = (SingleFlight::<_, ()>::new(), Flight::new());
    let (context, _cancel) = with_cancel(&background());
    let falls = || {
        flight.fly();
        panic!("it fell");
    };
    thread::scope(|scope| {
        let first = scope.spawn(|| panic_of(|| group.run("key", falls)));
        flight.begun.recv().expect("it begins");
        let other = scope.spawn(|| panic_of(|| _ = group.run_ctx(&context, "key", || ())));
        until_awaited(&context, 1);
        flight.end();
        assert_eq!(first.join().expect("no panic"), "it fell");
        assert_eq!(other.join().expect("no panic"), "it fell");
    });
}
