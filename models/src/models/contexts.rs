//! Models of contexts. The locks and channels in them are taken as specified: they have models of their own.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::chan::{TryRecvError, bounded, select};
use selvedge::context::{
    Context, Error, RecvCtxError, SendCtxError, after_func, background, with_cancel, with_cancel_cause,
    with_deadline_cause, with_timeout,
};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::ErrGroup;
use selvedge_check::{Change, FailureKind};
use std::time::Duration;

models![
    one_of_two_cancellations_counts,
    a_second_canceller_finds_those_below_done,
    a_canceller_below_finds_its_own_done,
    a_context_made_during_a_cancellation_is_cancelled,
    a_closure_is_stopped_or_runs,
    an_error_implies_that_the_channel_is_closed,
    a_closed_channel_implies_an_error,
    a_channel_made_during_a_cancellation_is_closed,
    watchers_that_cancel_each_other_do_not_deadlock,
    a_cancellation_happens_before_an_error,
    a_cancellation_happens_before_a_closure_runs,
    the_last_handle_comes_after_the_others,
    a_deadline_ends_the_whole_tree_once,
    a_deadline_wakes_a_select,
    a_deadline_that_has_passed_precedes_a_cancellation,
    a_value_is_received_or_stays,
    a_value_is_sent_or_comes_back,
    an_error_in_a_group_cancels_its_context,
];

const NODE: Mutant = mutant_of!("primitives/src/context/node.rs");
const CANCEL: Mutant = mutant_of!("primitives/src/context/cancel.rs");
const AFTER: Mutant = mutant_of!("primitives/src/context/after.rs");
const HANDLE: Mutant = mutant_of!("primitives/src/context/handle.rs");

const FORMS: Mutant = mutant_of!("primitives/src/context/forms.rs");

const fn twin(of: Mutant, site: &'static str, kind: FailureKind) -> Mutant {
    of.mutant(site, Change::Twin, kind, Needs::Interleavings)
}

/// A second cancellation is not ignored.
const CANCELS_TWICE: Mutant = twin(NODE, "look-before-ending", FailureKind::Panic);
/// A canceller unlocks a context before those below are cancelled.
const UNLOCKS_EARLY: Mutant = twin(CANCEL, "keep-locked", FailureKind::Panic).and("unlock-last");
/// A context is taken for one whose contexts below are done when it is done itself.
const OVER_EARLY: Mutant = twin(NODE, "over-early", FailureKind::Panic);
const SEES_OVER_RELAXED: Mutant = NODE.weaken("read-over").fails_with(FailureKind::Panic);
const SETS_OVER_RELAXED: Mutant = NODE.weaken("set-over").fails_with(FailureKind::Panic);
/// A context is put below one that is done.
const ADOPTS_LATE: Mutant = twin(NODE, "look-before-adopting", FailureKind::Deadlock).or(FailureKind::Panic);
/// A stop comes too late and says that it did not.
const SAYS_STOPPED: Mutant = twin(AFTER, "say-stopped", FailureKind::Panic);
/// An error is told before the channel is closed.
const TELLS_EARLY: Mutant = twin(NODE, "await-close", FailureKind::Panic);
/// The channel is closed before there is an error.
const CLOSES_EARLY: Mutant = NODE.lose("set-reason", FailureKind::Panic);
/// A context that is done leaves the one above while it is still locked.
const LOCKS_UPWARD: Mutant = twin(CANCEL, "leave-last", FailureKind::Deadlock);
/// A context that is done leaves its channel open.
const CLOSES_NOT: Mutant = twin(NODE, "close-signal", FailureKind::Deadlock);
const SETTLES_RELAXED: Mutant = NODE.weaken("settle");
const READS_RELAXED: Mutant = NODE.weaken("read-state");
const DROPS_RELAXED: Mutant = HANDLE.weaken("drop-handle");
const SEES_HANDLE_RELAXED: Mutant = HANDLE.weaken("see-only-handle");
/// A deadline makes the context done that was looked at, and not the one whose deadline it is.
const ENDS_ONE: Mutant = twin(NODE, "find-owner", FailureKind::Panic);
/// A cancellation covers a deadline that has passed.
const HIDES_DEADLINE: Mutant = twin(NODE, "prefer-deadline", FailureKind::Panic);

/// A time that a model sleeps: natively it does.
const MOMENT: Duration = Duration::from_millis(1);

fn is_closed(context: &Context) -> bool {
    context.done().try_recv() == Err(TryRecvError::Disconnected)
}

fn cause(context: &Context) -> Option<String> {
    context.cause().map(|cause| cause.to_string())
}

/// Two threads cancel for different causes.
fn one_of_two_cancellations_counts() -> Model {
    model("of two cancellations one counts, for good", || {
        let (context, cancel) = with_cancel_cause(&background());
        let (theirs, to_cancel) = (context.clone(), cancel.clone());
        let other = thread::spawn(move || {
            to_cancel.cancel("theirs");
            cause(&theirs)
        });
        cancel.cancel("ours");
        let found = cause(&context);
        assert!(found.is_some());
        assert_eq!(other.join().expect("no panic"), found);
        assert_eq!(cause(&context), found);
    })
    .of_specified()
    .catches([CANCELS_TWICE])
}

/// Two threads cancel a context; to either of them the one below is done then.
fn a_second_canceller_finds_those_below_done() -> Model {
    model("a second canceller returns when those below are done", || {
        let (above, cancel) = with_cancel(&background());
        let (below, _below) = with_cancel(&above);
        let (theirs, to_cancel) = (below.clone(), cancel.clone());
        let other = thread::spawn(move || {
            to_cancel.cancel();
            assert_eq!(theirs.err(), Some(Error::Canceled));
        });
        cancel.cancel();
        assert_eq!(below.err(), Some(Error::Canceled));
        other.join().expect("no panic");
    })
    .of_specified()
    .catches([UNLOCKS_EARLY, OVER_EARLY, SEES_OVER_RELAXED, SETS_OVER_RELAXED])
}

/// One thread cancels a context and another one the context below, which has one more below.
fn a_canceller_below_finds_its_own_done() -> Model {
    model("a canceller below returns when those below it are done", || {
        let (above, cancel_above) = with_cancel(&background());
        let (middle, cancel_middle) = with_cancel(&above);
        let (below, _below) = with_cancel(&middle);
        let theirs = below.clone();
        let other = thread::spawn(move || {
            cancel_middle.cancel();
            assert_eq!(theirs.err(), Some(Error::Canceled));
        });
        cancel_above.cancel();
        assert_eq!([above.err(), middle.err(), below.err()], [Some(Error::Canceled); 3]);
        other.join().expect("no panic");
    })
    .of_specified()
    .catches([UNLOCKS_EARLY])
}

/// A context is made below one that is being cancelled.
fn a_context_made_during_a_cancellation_is_cancelled() -> Model {
    model("a context that is made during a cancellation is cancelled", || {
        let (above, cancel) = with_cancel_cause(&background());
        let theirs = above.clone();
        let maker = thread::spawn(move || with_cancel(&theirs));
        cancel.cancel("the one above");
        let (below, _below) = maker.join().expect("no panic");
        assert!(below.done().recv().is_err());
        assert_eq!(cause(&below).as_deref(), Some("the one above"));
    })
    .of_specified()
    .catches([ADOPTS_LATE])
}

/// A closure that is to run after a cancellation is stopped during it.
fn a_closure_is_stopped_or_runs() -> Model {
    model("a closure is stopped or runs, and not both", || {
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = bounded(1);
        let stop = after_func(&context, move || tx.send(()).expect("it is received"));
        let canceller = thread::spawn(move || cancel.cancel());
        let stopped = stop.stop();
        assert_eq!(rx.recv().is_err(), stopped);
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([SAYS_STOPPED])
}

/// A thread that sees the error looks at the channel.
fn an_error_implies_that_the_channel_is_closed() -> Model {
    model("an error implies that the channel is closed", || {
        let (context, cancel) = with_cancel(&background());
        assert!(!is_closed(&context));
        let canceller = thread::spawn(move || cancel.cancel());
        if context.err().is_some() {
            assert!(is_closed(&context));
        }
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([TELLS_EARLY])
}

/// A thread that finds the channel closed looks for the error.
fn a_closed_channel_implies_an_error() -> Model {
    model("a closed channel implies an error and a cause", || {
        let (context, cancel) = with_cancel_cause(&background());
        assert_eq!(context.err(), None);
        let theirs = context.clone();
        let waiter = thread::spawn(move || {
            assert!(theirs.done().recv().is_err());
            assert_eq!((theirs.err(), cause(&theirs).as_deref()), (Some(Error::Canceled), Some("why")));
        });
        cancel.cancel("why");
        assert!(is_closed(&context));
        waiter.join().expect("no panic");
    })
    .of_specified()
    .catches([CLOSES_EARLY])
}

/// Somebody first asks for the channel while the context is cancelled.
fn a_channel_made_during_a_cancellation_is_closed() -> Model {
    model("a channel that is made during a cancellation is closed, once", || {
        let (context, cancel) = with_cancel(&background());
        let [theirs, third] = [(); 2].map(|()| context.clone());
        let waiters = [theirs, third].map(|context| thread::spawn(move || context.done().clone()));
        cancel.cancel();
        let [one, other] = waiters.map(|waiter| waiter.join().expect("no panic"));
        assert!(one.recv().is_err() && one.same_channel(&other));
    })
    .of_specified()
    .catches([NODE.lose("publish-signal", FailureKind::Panic).or(FailureKind::Leak)])
}

/// A thread that waits for one context cancels the other.
fn watchers_that_cancel_each_other_do_not_deadlock() -> Model {
    model("watchers that cancel each other's contexts do not deadlock", || {
        let (above, cancel_above) = with_cancel(&background());
        let (below, cancel_below) = with_cancel(&above);
        let (_last, _cancel_last) = with_cancel(&below);
        let theirs = cancel_above.clone();
        let watcher = thread::spawn(move || {
            assert!(below.done().recv().is_err());
            theirs.cancel();
        });
        let other = thread::spawn(move || cancel_below.cancel());
        cancel_above.cancel();
        other.join().expect("no panic");
        watcher.join().expect("no panic");
    })
    .of_specified()
    .catches([LOCKS_UPWARD])
}

/// What the canceller did before is seen by a thread that only asks for the error.
fn a_cancellation_happens_before_an_error() -> Model {
    model("what precedes a cancellation happens before an error is seen", || {
        let (context, cancel) = with_cancel(&background());
        let (below, _below) = with_cancel(&context);
        let shared = Arc::new(Plain::new(0));
        let theirs = Arc::clone(&shared);
        let canceller = thread::spawn(move || {
            theirs.set(1);
            cancel.cancel();
        });
        if below.err().is_some() {
            assert_eq!(shared.get(), 1);
        }
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([SETTLES_RELAXED, READS_RELAXED])
}

/// What the canceller did before is seen by a closure that runs after it.
fn a_cancellation_happens_before_a_closure_runs() -> Model {
    model("what precedes a cancellation happens before a closure runs", || {
        let (context, cancel) = with_cancel(&background());
        let shared = Arc::new(Plain::new(0));
        let (tx, rx) = bounded(1);
        let seen = Arc::clone(&shared);
        let canceller = thread::spawn(move || {
            shared.set(1);
            cancel.cancel();
        });
        let stop = after_func(&context, move || tx.send(seen.get()).expect("it is received"));
        assert_eq!(rx.recv(), Ok(1));
        assert!(!stop.stop());
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([SAYS_STOPPED, twin(NODE, "look-before-calling", FailureKind::Deadlock)])
}

/// Two threads drop their handles.
fn the_last_handle_comes_after_the_others() -> Model {
    model("what precedes the drop of a handle happens before the cancellation", || {
        let (context, cancel) = with_cancel(&background());
        let shared = Arc::new(Plain::new(0));
        let (theirs, handle) = (Arc::clone(&shared), cancel.clone());
        let other = thread::spawn(move || {
            theirs.set(1);
            drop(handle);
        });
        drop(cancel);
        if context.err().is_some() {
            assert_eq!(shared.get(), 1);
        }
        other.join().expect("no panic");
        assert_eq!(context.err(), Some(Error::Canceled));
    })
    .of_specified()
    .catches([DROPS_RELAXED, SEES_HANDLE_RELAXED, HANDLE.lose("drop-handle", FailureKind::Panic)])
}

/// A thread cancels a context below one whose deadline passes, at which another one looks.
fn a_deadline_ends_the_whole_tree_once() -> Model {
    model("a deadline ends the whole tree of its context, once", || {
        let (above, _above) = with_deadline_cause(&background(), now() + MOMENT, "too late");
        let (below, cancel) = with_cancel_cause(&above);
        let theirs = below.clone();
        let canceller = thread::spawn(move || {
            cancel.cancel("by hand");
            cause(&theirs)
        });
        thread::sleep(MOMENT);
        let found = cause(&below);
        assert!(matches!(found.as_deref(), Some("too late" | "by hand")));
        assert_eq!(above.err(), Some(Error::DeadlineExceeded));
        assert_eq!(canceller.join().expect("no panic"), found);
    })
    .of_specified()
    .catches([ENDS_ONE])
}

/// A select waits for a context with a deadline and for a channel to which another thread sends.
fn a_deadline_wakes_a_select() -> Model {
    model("a select ends by a value or by the deadline of a context, and not by both", || {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (tx, rx) = bounded(1);
        let sender = thread::spawn(move || tx.send(1).is_ok());
        let got = select! {
            recv(rx) -> value => value.ok(),
            recv(context.done()) -> _ => {
                assert_eq!(context.err(), Some(Error::DeadlineExceeded));
                None
            }
        };
        let left = got.is_none().then(|| rx.recv());
        assert!(got == Some(1) || left == Some(Ok(1)));
        sender.join().expect("no panic");
        assert!(context.done().recv().is_err(), "the deadline comes though nobody waits for it elsewhere");
    })
    .of_specified()
    .catches([twin(NODE, "observe-lapse", FailureKind::Deadlock).or(FailureKind::Panic)])
}

/// A context is cancelled from above after its deadline, at which nobody looked.
fn a_deadline_that_has_passed_precedes_a_cancellation() -> Model {
    model("a deadline that has passed precedes a later cancellation", || {
        let (above, cancel) = with_cancel_cause(&background());
        let (below, _below) = with_deadline_cause(&above, now() + MOMENT, "too late");
        let theirs = below.clone();
        let looks = thread::spawn(move || cause(&theirs));
        thread::sleep(MOMENT);
        cancel.cancel("by hand");
        assert_eq!(cause(&below).as_deref(), Some("too late"));
        assert_eq!(above.err(), Some(Error::Canceled));
        let seen = looks.join().expect("no panic");
        assert!(seen.is_none_or(|seen| seen == "too late"));
    })
    .of_specified()
    .catches([HIDES_DEADLINE])
}

/// A thread receives under a context that another one cancels, while a third sends.
fn a_value_is_received_or_stays() -> Model {
    model("a value is received under a context, or it stays in the channel", || {
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = bounded(1);
        let sender = thread::spawn(move || tx.send(5).is_ok());
        let canceller = thread::spawn(move || cancel.cancel());
        let received = match rx.recv_ctx(&context) {
            Ok(value) => value,
            Err(RecvCtxError::Done(Error::Canceled)) => rx.recv().expect("the value comes"),
            Err(other) => panic!("the context was cancelled: {other}"),
        };
        assert_eq!(received, 5);
        assert!(sender.join().expect("no panic"));
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([twin(FORMS, "leave-value", FailureKind::Panic)])
}

/// A thread sends under a context that another one cancels, while a third receives.
fn a_value_is_sent_or_comes_back() -> Model {
    model("a value is sent under a context, or it comes back", || {
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = bounded(0);
        let sender = thread::spawn(move || tx.send_ctx(&context, 5));
        let canceller = thread::spawn(move || cancel.cancel());
        let received = rx.recv();
        match sender.join().expect("no panic") {
            Ok(()) => assert_eq!(received, Ok(5)),
            Err(error) => {
                assert_eq!(error, SendCtxError::Done(5, Error::Canceled));
                assert!(received.is_err(), "the sender has gone");
            }
        }
        canceller.join().expect("no panic");
    })
    .of_specified()
    .catches([twin(FORMS, "give-back", FailureKind::Panic)])
}

/// One closure of a group fails, and another one waits for the group's context.
fn an_error_in_a_group_cancels_its_context() -> Model {
    model("an error in a group cancels its context", || {
        let (group, context) = ErrGroup::with_context(&background());
        let theirs = context.clone();
        group.go(move |_stop| if theirs.done().recv().is_err() { Ok(()) } else { Err(1) });
        group.go(|_stop| Err(2));
        assert_eq!(group.wait(), Err(2));
        assert_eq!(context.err(), Some(Error::Canceled));
    })
    .of_specified()
    .catches([CLOSES_NOT])
}
