//! Groups whose closures fail, panic, are limited, and are left alone.

use super::{everywhere, panic_of, panic_quietly};
use selvedge::context::{Context, Error, background, with_cancel};
use selvedge_go::patterns::ErrGroup;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

/// XS-01.
#[test]
fn the_first_error_comes_when_all_have_ended() {
    everywhere(|values| {
        for failing in 0..4 {
            let (group, ended) = (ErrGroup::new(), Arc::new(AtomicUsize::new(0)));
            for n in 0..4 {
                let (ended, value) = (Arc::clone(&ended), values.make(n));
                group.go(move |stop| {
                    // The others wait for the one that fails first, and then fail too.
                    let fails_first = value.number == failing;
                    let _closed = (!fails_first).then(|| stop.recv());
                    ended.fetch_add(1, SeqCst);
                    Err(value.number)
                });
            }
            assert_eq!(group.wait(), Err(failing));
            assert_eq!(ended.load(SeqCst), 4);
        }
    });
}

/// XS-02.
#[test]
fn its_context_is_done_by_an_error_by_the_wait_and_by_the_one_above() {
    everywhere(|_| {
        let (group, context) = ErrGroup::<()>::with_context(&background());
        group.go(|_stop| Ok(()));
        assert_eq!((context.err(), group.wait(), context.err()), (None, Ok(()), Some(Error::Canceled)));
        let (above, cancel) = with_cancel(&background());
        let (group, context) = ErrGroup::with_context(&above);
        let theirs = context.clone();
        group.go(move |_stop| theirs.done().recv().map_err(|_| "cancelled above"));
        cancel.cancel();
        assert_eq!(group.wait(), Err("cancelled above"));
        let (group, context) = ErrGroup::with_context(&background());
        let theirs = context.clone();
        group.go(move |_stop| theirs.done().recv().or(Ok(())));
        group.go(|_stop| Err("one failed"));
        assert_eq!((group.wait(), context.err()), (Err("one failed"), Some(Error::Canceled)));
    });
}

/// XS-02.
#[test]
fn the_cause_of_its_context_is_made_of_the_error_that_wait_returns() {
    everywhere(|values| {
        let (group, context) = ErrGroup::with_context_cause(&background(), |n: &u32| format!("{n} failed"));
        for n in 0..4 {
            let (theirs, value) = (context.clone(), values.make(n));
            group.go(move |_stop| {
                let _live = theirs.err();
                Err(value.number)
            });
        }
        let cause = |context: &Context| context.cause().map(|cause| cause.to_string());
        assert_eq!(group.wait().map_err(|n| format!("{n} failed")).err(), cause(&context));
        let (group, context) = ErrGroup::with_context_cause(&background(), |()| "no error");
        group.go(|_stop| Ok(()));
        assert_eq!(group.wait(), Ok(()));
        assert_eq!(cause(&context).as_deref(), Some("context canceled"));
    });
}

/// XS-03.
#[test]
fn a_limit_makes_callers_wait_or_go_without() {
    everywhere(|values| {
        let group = ErrGroup::<()>::with_limit(2);
        let (hold, held) = selvedge::chan::bounded::<()>(0);
        for _ in 0..2 {
            let held = held.clone();
            assert!(group.try_go(move |_stop| held.recv().or(Ok(()))).is_ok());
        }
        let value = values.make(7);
        let refused = group.try_go(move |_stop| if value.number == 7 { Ok(()) } else { Err(()) });
        let closure = refused.expect_err("both places are taken");
        drop(hold);
        group.go(closure);
        assert_eq!(group.wait(), Ok(()));
        assert!(ErrGroup::<()>::new().try_go(|_stop| Ok(())).is_ok(), "without a limit there is always room");
    });
}

/// XS-03.
#[test]
fn a_limit_is_set_before_closures_run_and_beside_a_context() {
    everywhere(|_| {
        let (group, context) = ErrGroup::<()>::with_context(&background());
        let group = group.limited(1);
        let (hold, held) = selvedge::chan::bounded::<()>(0);
        group.go(move |_stop| held.recv().or(Ok(())));
        assert!(group.try_go(|_stop| Ok(())).is_err());
        let text = panic_of(|| group.limited(2));
        assert!(text.contains("before its first closure"), "{text}");
        drop(hold);
        assert!(context.done().recv().is_err(), "the group was dropped, and its closure ends");
    });
}

/// In Go such a panic ends the program. XS-04.
#[test]
fn a_panic_stops_the_others_and_comes_out_before_an_error() {
    everywhere(|values| {
        let group = ErrGroup::new();
        let (first, second) = (values.make(0), values.make(1));
        group.go(move |stop| {
            let _closed = stop.recv();
            Err(first.number)
        });
        group.go(move |_stop| {
            let _value = second;
            panic_quietly("a closure")
        });
        assert_eq!(panic_of(|| group.wait()), "a closure");
    });
}

#[test]
fn a_group_that_is_dropped_lets_its_closures_end() {
    everywhere(|values| {
        let (group, context) = ErrGroup::<()>::with_context(&background());
        let (tx, rx) = selvedge::chan::bounded(1);
        let value = values.make(0);
        group.go(move |_stop| if tx.send(value).is_ok() { Ok(()) } else { Err(()) });
        drop(group);
        assert!(rx.recv().is_ok());
        assert!(context.done().recv().is_err(), "it is cancelled when the last closure has ended");
    });
}
