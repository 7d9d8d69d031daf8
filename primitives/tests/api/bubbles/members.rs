//! Which goroutines belong to a bubble, and how it ends: with all of them, with the panic of one, or as a deadlock.

use super::{HOUR, SECOND, flag};
use crate::common::panic_of;
use selvedge::chan::bounded;
use selvedge::context::{after_func, background, with_cancel};
use selvedge::rt::thread::sleep;
use selvedge::sync::{ErrGroup, WaitGroup};
use selvedge::testing::{bubble, wait};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// ST-01.
#[test]
fn st01_what_is_started_inside_belongs_to_the_bubble() {
    bubble(|b| {
        let (group, errors) = (WaitGroup::new(), ErrGroup::<()>::new());
        let ended = Arc::new(AtomicUsize::new(0));
        let count = |ended: &Arc<AtomicUsize>| {
            let ended = Arc::clone(ended);
            move || {
                sleep(HOUR);
                ended.fetch_add(1, Relaxed);
            }
        };
        b.spawn(count(&ended));
        let nested = count(&ended);
        group.go(move || WaitGroup::new().go(nested));
        let body = count(&ended);
        errors.go(move |_| {
            body();
            Ok(())
        });
        let (context, cancel) = with_cancel(&background());
        after_func(&context, count(&ended));
        cancel.cancel();
        wait();
        assert_eq!(ended.load(Relaxed), 0);
        b.sleep(HOUR);
        assert_eq!((ended.load(Relaxed), b.elapsed()), (4, HOUR));
    });
}

/// ST-01.
#[test]
fn st01_a_bubble_in_a_bubble_panics() {
    let text = panic_of(|| bubble(|_| bubble(|_| ())));
    assert!(text.contains("begins inside the bubble at "), "{text}");
    let text = panic_of(|| bubble(|b| b.spawn(|| bubble(|_| ())).join().map_err(std::panic::resume_unwind)));
    assert!(text.contains("begins inside the bubble at "), "{text}");
}

/// ST-01.
#[test]
fn st01_an_empty_bubble_returns_what_its_closure_does() {
    assert_eq!(bubble(|_| 7), 7);
}

/// ST-06.
#[test]
fn st06_a_deadlock_is_a_panic_of_the_main_goroutine() {
    let text = panic_of(|| {
        bubble(|b| {
            let ((tx, rx), (_tx, idle)) = (bounded::<()>(0), bounded::<()>(0));
            b.spawn(move || {
                _ = tx.send(());
                _ = idle.recv();
            });
            rx.recv().expect("a sender");
            WaitGroup::new().go(move || rx.recv()).join()
        })
    });
    assert!(
        text.contains("deadlock: all goroutines of the bubble at ") && text.contains("are blocked"),
        "{text}"
    );
    for line in [
        "goroutine 1, begun at ",
        ": joins a goroutine\n",
        "goroutine 3, started at ",
        ": receives from a channel\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
}

/// ST-06.
#[test]
fn st06_goroutines_that_main_leaves_blocked_are_a_deadlock() {
    let (tx, rx) = bounded::<()>(0);
    drop(tx);
    let text = panic_of(|| {
        bubble(|b| {
            let (tx, rx) = bounded::<()>(0);
            b.spawn(move || {
                // Both sides are here.
                let _tx = tx;
                rx.recv()
            });
        });
    });
    assert!(text.contains("the main goroutine of the bubble at ") && text.contains("has ended"), "{text}");
    assert!(
        text.contains("goroutine 2, started at ") && text.contains(": receives from a channel"),
        "{text}"
    );
    assert!(rx.recv().is_err());
}

#[test]
fn a_deadlock_that_is_caught_is_over() {
    let elapsed = bubble(|b| {
        let (_tx, rx) = bounded::<()>(0);
        assert!(panic_of(|| rx.recv()).contains("deadlock"));
        assert!(rx.recv_timeout(SECOND).is_err());
        b.elapsed()
    });
    assert_eq!(elapsed, SECOND);
}

/// ST-07.
#[test]
fn st07_time_stands_still_once_main_has_ended() {
    let (ran, theirs) = flag();
    let text = panic_of(|| {
        bubble(|b| {
            b.spawn(move || {
                sleep(SECOND);
                theirs.store(true, Relaxed);
            });
        });
    });
    assert!(text.contains("has ended") && text.contains(": sleeps"), "{text}");
    assert!(!ran.load(Relaxed));
}

/// ST-08.
#[test]
fn st08_the_bubble_returns_when_all_have_ended() {
    let (ended, theirs) = flag();
    bubble(|b| {
        let (tx, rx) = bounded::<()>(0);
        b.spawn(move || {
            _ = rx.recv();
            (0..1000).for_each(|_| std::thread::yield_now());
            theirs.store(true, Relaxed);
        });
        drop(tx);
    });
    assert!(ended.load(Relaxed));
}

#[test]
fn a_panic_of_the_closure_comes_out_and_the_others_end_first() {
    let (ended, theirs) = flag();
    let text = panic_of(|| {
        bubble(|b| {
            let (_tx, rx) = bounded::<()>(0);
            b.spawn(move || {
                _ = rx.recv();
                theirs.store(true, Relaxed);
            });
            panic!("as planned")
        })
    });
    assert_eq!(text, "as planned");
    assert!(ended.load(Relaxed));
}

#[test]
fn a_panic_of_a_goroutine_is_a_result_or_comes_out_at_the_end() {
    let text =
        bubble(|b| panic_of(|| b.spawn(|| panic!("as planned")).join().map_err(std::panic::resume_unwind)));
    assert_eq!(text, "as planned");
    let other = || bubble(|b| drop(b.spawn(|| std::panic::panic_any(7))));
    assert_eq!(std::panic::catch_unwind(other).expect_err("it comes out").downcast_ref(), Some(&7));
    let text = panic_of(|| bubble(|b| drop(b.spawn(|| panic!("as planned")))));
    assert_eq!(text, "as planned");
}

#[test]
fn a_destructor_may_wait_while_its_goroutine_unwinds() {
    struct Sleeps;
    impl Drop for Sleeps {
        fn drop(&mut self) {
            sleep(HOUR);
        }
    }
    bubble(|b| {
        let other = b.spawn(|| {
            let _sleeps = Sleeps;
            panic!("as planned")
        });
        assert!(other.join().is_err());
        assert_eq!(b.elapsed(), HOUR);
    });
}
