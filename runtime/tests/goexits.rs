//! Goroutines that end themselves, and those that wait for what they were to do.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::on_each;
use selvedge::chan::bounded;
use selvedge::context::{background, with_cancel};
use selvedge::rt::task::Goexit;
use selvedge::sync::{ErrGroup, SingleFlight};
use selvedge_go::{gosched, spawn};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode"], &[]);
}

/// XS-13.
#[test]
fn a_closure_that_ends_its_goroutine_ends_its_own_caller_and_tells_the_others_why() {
    on_each(|| {
        let flights = Arc::new(SingleFlight::<_, ()>::new());
        let (context, _cancel) = with_cancel(&background());
        let ((begins, begun), (go_on, waits)) = (bounded(0), bounded::<()>(0));
        let theirs = Arc::clone(&flights);
        let own = spawn(move || {
            theirs.run("key", || {
                begins.send(()).expect("the test waits for it");
                assert!(waits.recv().is_err());
                selvedge_go::goexit()
            });
        });
        begun.recv().expect("it begins");
        let others = [(); 3].map(|()| {
            let (flights, context) = (Arc::clone(&flights), context.clone());
            spawn(move || flights.run_ctx(&context, "key", || unreachable!("a closure runs")))
        });
        while context.kindred() < 3 {
            gosched();
        }
        drop(go_on);
        assert!(own.join().expect_err("it has ended itself").is::<Goexit>());
        for other in others {
            let panic = other.join().expect_err("there is no result");
            let text = panic.downcast_ref::<&str>().expect("a panic with a text");
            assert_eq!(*text, "the value was not made: its closure ended its goroutine");
        }
    });
}

#[test]
fn those_that_wait_for_a_goroutine_that_ends_itself_go_on() {
    on_each(|| {
        let group = ErrGroup::<()>::new();
        group.go(|_stop| selvedge_go::goexit());
        assert_eq!(group.wait(), Ok(()));
        let ended = AtomicBool::new(false);
        selvedge_go::scope(|scope| {
            scope.go(|| {
                ended.store(true, Ordering::Relaxed);
                selvedge_go::goexit();
            });
        });
        assert!(ended.load(Ordering::Relaxed));
    });
}
