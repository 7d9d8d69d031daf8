//! Contexts: what a cancellation reaches, what a deadline does, and what contexts tell.

use selvedge::chan::{RecvTimeoutError, Select, TryRecvError, bounded, never, select};
use selvedge::context::{
    Cause, Context, Error, Key, background, todo, with_cancel, with_cancel_cause, with_deadline,
    with_deadline_cause, with_timeout, with_timeout_cause, with_value, without_cancel,
};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

fn past() -> Instant {
    now()
}

/// Asserts that error, channel and cause agree, and returns the error.
fn error_of(context: &Context) -> Option<Error> {
    let error = context.err();
    let closed = if error.is_some() { TryRecvError::Disconnected } else { TryRecvError::Empty };
    assert_eq!(context.done().try_recv(), Err(closed));
    assert_eq!(context.done().is_closed(), error.is_some());
    assert_eq!(context.cause().is_some(), error.is_some());
    error
}

fn text(cause: Option<Cause>) -> Option<String> {
    cause.map(|cause| cause.to_string())
}

#[derive(PartialEq, Eq)]
struct Name(u32);
impl Key for Name {
    type Value = &'static str;
}

/// Equal numbers of another type are another key.
#[derive(PartialEq, Eq)]
struct Title(u32);
impl Key for Title {
    type Value = Option<&'static str>;
}

/// CX-01.
#[test]
fn background_and_todo_are_never_done_and_say_their_names() {
    for (context, name) in [(background(), "context.Background"), (todo(), "context.TODO")] {
        assert_eq!((error_of(&context), context.deadline()), (None, None));
        assert!(context.done().same_channel(&never()));
        assert_eq!(context.value(&Name(1)), None);
        assert_eq!(format!("{context:?}"), name);
    }
    let (context, _cancel) = with_timeout(&todo(), HOUR);
    let shown = format!("{:?}", with_value(&context, Name(1), "ada"));
    assert!(shown.contains("TODO") && shown.contains("deadline") && shown.contains("values: 1"), "{shown}");
}

/// CX-02.
#[test]
fn done_is_the_same_channel_each_time() {
    let (context, cancel) = with_cancel(&background());
    let first = context.done().clone();
    assert!(first.same_channel(context.done()) && first.same_channel(context.clone().done()));
    assert!(!first.same_channel(with_cancel(&context).0.done()), "a context below has its own");
    cancel.cancel();
    assert!(first.same_channel(context.done()) && first.recv().is_err());
    let (late, cancel) = with_cancel(&background());
    cancel.cancel();
    assert!(late.done().recv().is_err(), "it is made when the context is done already");
}

#[test]
fn no_receiver_closes_the_channel() {
    let (context, cancel) = with_cancel(&background());
    let receiver = context.done().clone();
    assert!(receiver.close().is_err() && context.done().close_and_discard().is_err());
    drop(receiver);
    assert_eq!(error_of(&context), None);
    cancel.cancel();
    assert_eq!(error_of(&context), Some(Error::Canceled));
}

/// CX-03.
#[test]
fn the_error_stays_what_it_was_first() {
    let (context, cancel) = with_deadline(&background(), now() + HOUR);
    assert_eq!(error_of(&context), None);
    cancel.cancel();
    let (expired, cancel_expired) = with_deadline(&background(), past());
    cancel_expired.cancel();
    for _ in 0..3 {
        assert_eq!(error_of(&context), Some(Error::Canceled));
        assert_eq!(error_of(&expired), Some(Error::DeadlineExceeded));
    }
    let texts = [Error::Canceled, Error::DeadlineExceeded].map(|error| error.to_string());
    assert_eq!(texts, ["context canceled", "context deadline exceeded"]);
}

/// CX-04.
#[test]
fn an_error_that_a_thread_sees_comes_after_the_close() {
    for _ in 0..200 {
        let (above, cancel) = with_cancel(&background());
        let (below, _below) = with_cancel(&above);
        assert!(!below.done().is_closed());
        thread::scope(|scope| {
            let observer = scope.spawn(|| {
                while below.err().is_none() {
                    thread::yield_now();
                }
                below.done().try_recv()
            });
            cancel.cancel();
            assert_eq!(observer.join().expect("no panic"), Err(TryRecvError::Disconnected));
        });
    }
}

/// CX-05.
#[test]
fn a_cancellation_reaches_those_below_and_no_others() {
    let (root, _root) = with_cancel(&background());
    let (left, cancel_left) = with_cancel(&root);
    let (right, _right) = with_cancel(&root);
    let below: Vec<_> = (0..3).map(|_| with_cancel(&with_value(&left, Name(1), "ada"))).collect();
    let (deep, _deep) = with_timeout(&below[1].0, HOUR);
    cancel_left.cancel();
    for context in below.iter().map(|(context, _)| context).chain([&left, &deep]) {
        assert_eq!(error_of(context), Some(Error::Canceled));
    }
    for context in [&root, &right] {
        assert_eq!(error_of(context), None);
    }
}

/// CX-05, with a hundred contexts.
#[test]
fn a_tree_of_many_layers_is_cancelled_as_a_whole() {
    let (root, cancel) = with_cancel(&background());
    let mut contexts = vec![(root, None)];
    for n in 1..100 {
        let above = &contexts[n / 3].0;
        let (context, cancel) = match n % 4 {
            0 => with_timeout(above, HOUR),
            1 => with_cancel(&with_value(above, Name(1), "ada")),
            _ => with_cancel(above),
        };
        contexts.push((context, Some(cancel)));
    }
    assert!(contexts.iter().all(|(context, _)| error_of(context).is_none()));
    cancel.cancel();
    assert!(contexts.iter().all(|(context, _)| error_of(context) == Some(Error::Canceled)));
}

/// CX-06.
#[test]
fn only_the_first_of_many_cancellations_counts() {
    for _ in 0..50 {
        let (context, cancel) = with_cancel_cause(&background());
        let (below, _below) = with_cancel(&context);
        thread::scope(|scope| {
            for n in 0..4 {
                let (cancel, context, below) = (cancel.clone(), &context, &below);
                scope.spawn(move || {
                    cancel.cancel(format!("thread {n}"));
                    assert_eq!(error_of(context), Some(Error::Canceled));
                    assert_eq!(error_of(below), Some(Error::Canceled), "whoever was first");
                });
            }
        });
        let cause = text(context.cause());
        cancel.cancel("later");
        assert_eq!((text(context.cause()), text(below.cause())), (cause.clone(), cause));
    }
}

/// CX-07.
#[test]
fn a_context_below_one_that_is_done_is_born_done() {
    let (above, cancel) = with_cancel_cause(&background());
    cancel.cancel("no more");
    let contexts = [
        with_cancel(&above).0,
        with_timeout(&above, HOUR).0,
        with_cancel_cause(&with_value(&above, Name(1), "ada")).0,
        with_deadline_cause(&above, past(), "too late").0,
    ];
    for context in contexts {
        assert_eq!(error_of(&context), Some(Error::Canceled));
        assert_eq!(text(context.cause()).as_deref(), Some("no more"));
    }
}

/// CX-07, beside the cancellation.
#[test]
fn a_context_that_is_made_during_a_cancellation_ends_done() {
    for _ in 0..200 {
        let (above, cancel) = with_cancel(&background());
        thread::scope(|scope| {
            let maker = scope.spawn(|| with_cancel(&above));
            cancel.cancel();
            let (below, _below) = maker.join().expect("no panic");
            assert!(below.done().recv().is_err());
            assert_eq!(error_of(&below), Some(Error::Canceled));
        });
    }
}

/// CX-08.
#[test]
fn a_context_that_is_done_leaves_the_one_above() {
    let (above, cancel) = with_cancel(&background());
    let kept = with_cancel(&above);
    for _ in 0..10 {
        let children: Vec<_> = (0..10).map(|_| with_timeout(&above, HOUR)).collect();
        assert_eq!(above.kindred(), 11);
        for (n, (_context, cancel)) in children.into_iter().enumerate() {
            if n % 2 == 0 {
                cancel.cancel();
            }
            // Otherwise the drop of the handle cancels.
        }
        assert_eq!(above.kindred(), 1);
    }
    let (_expired, cancel_expired) = with_deadline(&above, past());
    assert_eq!(above.kindred(), 1);
    drop(cancel_expired);
    cancel.cancel();
    assert_eq!((above.kindred(), error_of(&kept.0)), (0, Some(Error::Canceled)));
}

/// CX-09.
#[test]
fn watchers_that_cancel_each_others_contexts_do_not_deadlock() {
    for _ in 0..50 {
        let (above, cancel_above) = with_cancel(&background());
        let (below, cancel_below) = with_cancel(&above);
        let (to_above, to_below) = (cancel_above.clone(), cancel_below.clone());
        thread::scope(|scope| {
            scope.spawn(|| {
                let _closed = above.done().recv();
                to_below.cancel();
            });
            scope.spawn(|| {
                let _closed = below.done().recv();
                to_above.cancel();
            });
            cancel_below.cancel();
        });
        assert_eq!((error_of(&above), error_of(&below)), (Some(Error::Canceled), Some(Error::Canceled)));
    }
}

/// CX-10.
#[test]
fn the_earlier_deadline_counts() {
    let (soon, later) = (now() + HOUR, now() + 2 * HOUR);
    let (outer, _outer) = with_deadline(&background(), soon);
    let (inner, _inner) = with_deadline_cause(&outer, later, "it is ignored");
    assert_eq!(inner.deadline(), Some(soon));
    let (nearer, _nearer) = with_deadline(&inner, soon - MOMENT);
    assert_eq!(nearer.deadline(), Some(soon - MOMENT));
    assert_eq!(with_cancel(&nearer).0.deadline(), Some(soon - MOMENT));
    let (outer, _outer) = with_timeout_cause(&background(), MOMENT, "the outer one");
    let (inner, _inner) = with_timeout_cause(&outer, HOUR, "the inner one");
    assert!(inner.done().recv().is_err());
    assert_eq!(
        (error_of(&outer), error_of(&inner)),
        (Some(Error::DeadlineExceeded), Some(Error::DeadlineExceeded))
    );
    assert_eq!(text(inner.cause()).as_deref(), Some("the outer one"));
}

/// CX-11.
#[test]
fn a_deadline_in_the_past_makes_a_context_done_at_once() {
    let (context, _cancel) = with_deadline(&background(), past());
    assert!(context.done().is_closed());
    assert_eq!(error_of(&context), Some(Error::DeadlineExceeded));
    assert_eq!(error_of(&with_timeout(&background(), Duration::ZERO).0), Some(Error::DeadlineExceeded));
    assert_eq!(with_timeout(&background(), Duration::MAX).0.deadline(), None, "beyond the clock");
}

/// CX-12.
#[test]
fn a_cancellation_before_the_deadline_is_no_timeout() {
    let (context, cancel) = with_timeout_cause(&background(), HOUR, "too slow");
    cancel.cancel();
    assert_eq!(error_of(&context), Some(Error::Canceled));
    assert_eq!(text(context.cause()).as_deref(), Some("context canceled"), "the handle sets no cause");
}

#[test]
fn a_deadline_that_has_passed_comes_before_a_later_cancellation() {
    let (above, cancel_above) = with_cancel_cause(&background());
    let (context, cancel) = with_deadline_cause(&above, now() + MOMENT, "too slow");
    let (below, _below) = with_cancel(&context);
    let (other, _other) = with_cancel(&above);
    thread::sleep(2 * MOMENT);
    // Nobody has looked at the context since its deadline.
    cancel_above.cancel("the end");
    cancel.cancel();
    assert_eq!(text(context.cause()).as_deref(), Some("too slow"));
    assert_eq!(text(below.cause()).as_deref(), Some("too slow"));
    assert_eq!(error_of(&below), Some(Error::DeadlineExceeded));
    assert_eq!(text(other.cause()).as_deref(), Some("the end"));
}

#[test]
fn every_way_to_look_sees_that_the_deadline_has_passed() {
    type Look = fn(&Context) -> bool;
    let looks: [Look; 13] = [
        |context| context.err().is_some(),
        |context| context.cause().is_some(),
        |context| context.done().try_recv() == Err(TryRecvError::Disconnected),
        |context| context.done().recv().is_err(),
        |context| context.done().recv_timeout(HOUR) == Err(RecvTimeoutError::Disconnected),
        |context| context.done().is_closed(),
        |context| context.done().clone().is_disconnected(),
        |context| context.done().iter().next().is_none(),
        |context| context.done().downgrade().upgrade().expect("it is open").recv().is_err(),
        |context| {
            let mut select = Select::new();
            select.recv(context.done());
            select.ready() == 0
        },
        |context| {
            select! {
                recv(context.done()) -> _ => true,
                recv(never::<i32>()) -> _ => false,
            }
        },
        |context| {
            let (tx, _rx) = bounded(0);
            select! {
                recv(context.done()) -> _ => true,
                send(tx, 1) -> _ => false,
                default(HOUR) => false,
            }
        },
        |context| with_cancel(context).0.err().is_some(),
    ];
    for look in looks {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (below, _below) = with_cancel(&context);
        let waiter = thread::spawn({
            let below = below.clone();
            move || below.done().recv()
        });
        while !look(&below) {}
        assert_eq!(error_of(&below), Some(Error::DeadlineExceeded));
        assert_eq!(error_of(&context), Some(Error::DeadlineExceeded), "the whole tree is done");
        assert!(waiter.join().expect("no panic").is_err());
    }
}

#[test]
fn a_wait_ends_at_its_own_time_if_the_deadline_is_later() {
    let (context, _cancel) = with_timeout(&background(), HOUR);
    assert_eq!(context.done().recv_timeout(MOMENT), Err(RecvTimeoutError::Timeout));
    assert_eq!(context.done().try_recv(), Err(TryRecvError::Empty));
    let mut select = Select::new();
    select.recv(context.done());
    assert!(select.select_timeout(MOMENT).is_err() && select.ready_timeout(MOMENT).is_err());
}

/// CX-13.
#[test]
fn a_deadline_exceeded_is_a_timeout() {
    assert!(Error::DeadlineExceeded.is_timeout() && Error::DeadlineExceeded.is_temporary());
    assert!(!Error::Canceled.is_timeout() && !Error::Canceled.is_temporary());
}

/// CX-14.
#[test]
fn the_nearest_value_of_an_equal_key_is_found() {
    let first = with_value(&background(), Name(1), "ada");
    let (second, _cancel) = with_cancel(&with_value(&first, Name(2), "grace"));
    let third = with_value(&second, Name(1), "edsger");
    assert_eq!([first.value(&Name(1)), second.value(&Name(1))], [Some(&"ada"), Some(&"ada")]);
    assert_eq!([third.value(&Name(1)), third.value(&Name(2))], [Some(&"edsger"), Some(&"grace")]);
    assert_eq!((first.value(&Name(2)), third.value(&Name(3))), (None, None));
    assert_eq!(third.value(&Title(1)), None, "another type is another key");
    let titled = with_value(&third, Title(1), Some("countess"));
    let hidden = with_value(&titled, Title(1), None);
    assert_eq!((titled.value(&Title(1)), hidden.value(&Title(1))), (Some(&Some("countess")), Some(&None)));
}

#[test]
fn the_first_cancellation_on_the_way_up_gives_the_cause() {
    let (above, cancel_above) = with_cancel_cause(&background());
    let (below, cancel_below) = with_cancel_cause(&above);
    let (plain, _plain) = with_cancel(&below);
    assert_eq!(text(plain.cause()), None);
    cancel_below.cancel("the lower one");
    cancel_above.cancel("the upper one");
    assert_eq!(text(above.cause()).as_deref(), Some("the upper one"));
    assert_eq!(text(below.cause()).as_deref(), Some("the lower one"));
    assert_eq!(text(plain.cause()).as_deref(), Some("the lower one"));

    let (above, cancel_above) = with_cancel_cause(&background());
    let (below, cancel_below) = with_cancel_cause(&above);
    cancel_above.cancel(std::io::Error::other("the upper one"));
    cancel_below.cancel("the lower one");
    assert!(below.cause().expect("done").downcast_ref::<std::io::Error>().is_some());
    // A cause that is passed on stays the same error.
    let (other, cancel) = with_cancel_cause(&background());
    cancel.cancel(below.cause().expect("done"));
    assert!(other.cause().expect("done").downcast_ref::<std::io::Error>().is_some());

    let (context, cancel) = with_cancel_cause(&background());
    drop(cancel);
    let cause = context.cause().expect("the handle is gone");
    assert_eq!(
        (cause.downcast_ref(), cause.to_string()),
        (Some(&Error::Canceled), "context canceled".into())
    );
}

/// CX-17.
#[test]
fn the_cause_of_a_deadline_counts_if_the_deadline_does() {
    let (context, cancel) = with_deadline_cause(&background(), past(), "too late");
    cancel.cancel();
    assert_eq!(text(context.cause()).as_deref(), Some("too late"));
    assert_eq!(error_of(&context), Some(Error::DeadlineExceeded));
    let (context, _cancel) = with_deadline(&background(), past());
    assert_eq!(text(context.cause()).as_deref(), Some("context deadline exceeded"));
    let (above, cancel_above) = with_cancel_cause(&background());
    let (context, _cancel) = with_timeout_cause(&above, HOUR, "too slow");
    cancel_above.cancel("stopped");
    assert_eq!(text(context.cause()).as_deref(), Some("stopped"));
}

/// CX-18.
#[test]
fn a_context_without_cancellation_keeps_the_values_only() {
    let (above, cancel) = with_timeout(&with_value(&background(), Name(1), "ada"), HOUR);
    let on = without_cancel(&above);
    let (below, cancel_below) = with_cancel(&on);
    cancel.cancel();
    assert_eq!((error_of(&on), error_of(&below), on.deadline(), below.deadline()), (None, None, None, None));
    assert!(on.done().same_channel(&never()));
    assert_eq!([on.value(&Name(1)), below.value(&Name(1))], [Some(&"ada"), Some(&"ada")]);
    cancel_below.cancel();
    assert_eq!((error_of(&on), error_of(&below)), (None, Some(Error::Canceled)));
}

#[test]
fn the_last_handle_cancels_when_it_is_dropped() {
    let (context, cancel) = with_cancel(&background());
    let another = cancel.clone();
    drop(cancel);
    assert_eq!(error_of(&context), None);
    drop(another);
    assert_eq!(error_of(&context), Some(Error::Canceled));
}

#[test]
fn a_detached_context_is_cancelled_from_above_and_by_its_deadline() {
    let (above, cancel_above) = with_cancel(&background());
    let (context, cancel) = with_cancel(&above);
    cancel.detach();
    assert_eq!((error_of(&context), above.kindred()), (None, 1));
    cancel_above.cancel();
    assert_eq!(error_of(&context), Some(Error::Canceled));
    let (context, cancel) = with_timeout(&background(), MOMENT);
    cancel.detach();
    assert!(context.done().recv().is_err());
    assert_eq!(error_of(&context), Some(Error::DeadlineExceeded));
}

#[test]
fn a_detached_context_that_nobody_uses_is_forgotten() {
    let (above, cancel_above) = with_cancel(&background());
    let contexts = [(); 3].map(|()| {
        let (context, cancel) = with_cancel(&above);
        cancel.detach();
        context
    });
    let (below, _below) = with_cancel(&contexts[0]);
    assert_eq!(above.kindred(), 3);
    drop(contexts);
    assert_eq!(above.kindred(), 1, "one is below");
    cancel_above.cancel();
    assert_eq!(error_of(&below), Some(Error::Canceled));
}

#[test]
fn a_receiver_by_itself_keeps_the_context() {
    let (above, cancel) = with_cancel(&background());
    let (context, handle) = with_cancel(&above);
    handle.detach();
    let done = context.done().clone();
    drop(context);
    assert_eq!(done.try_recv(), Err(TryRecvError::Empty));
    cancel.cancel();
    assert_eq!(done.try_recv(), Err(TryRecvError::Disconnected));
    let (context, cancel) = with_timeout(&background(), MOMENT);
    cancel.detach();
    let done = context.done().clone();
    drop(context);
    assert!(done.recv().is_err());
}

#[test]
fn long_chains_are_cancelled_and_dropped_on_a_small_stack() {
    const LENGTH: usize = 100_000;
    let chain = move || {
        let (root, cancel) = with_cancel(&background());
        let mut last = root;
        for n in 0..LENGTH {
            let (context, cancel) = with_cancel(&last);
            cancel.detach();
            last = if n % 2 == 0 { context } else { with_value(&context, Name(1), "ada") };
        }
        (last, cancel)
    };
    let small = thread::Builder::new().stack_size(64 << 10).spawn(move || {
        let (last, cancel) = chain();
        cancel.cancel();
        assert_eq!(error_of(&last), Some(Error::Canceled));
        drop(last);
        let (last, cancel) = chain();
        drop(cancel);
        drop(last);
    });
    small.expect("a thread").join().expect("no overflow");
}

#[test]
fn an_async_task_awaits_a_cancellation_and_a_deadline() {
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        scope.spawn(|| assert!(futures::executor::block_on(context.done().recv_async()).is_err()));
        cancel.cancel();
    });
    let (context, _cancel) = with_timeout(&background(), MOMENT);
    assert!(futures::executor::block_on(context.done().recv_async()).is_err());
    assert_eq!(error_of(&context), Some(Error::DeadlineExceeded));
}

/// CX-23.
#[test]
fn everything_may_be_called_from_many_threads_at_once() {
    let (root, _root) = with_cancel(&background());
    thread::scope(|scope| {
        for seed in 0..4 {
            let root = &root;
            scope.spawn(move || {
                let mut random = fastrand::Rng::with_seed(seed);
                for _ in 0..200 {
                    let (context, cancel) = match random.u32(..3) {
                        0 => with_cancel(root),
                        1 => with_timeout(root, Duration::from_micros(random.u64(..50))),
                        _ => with_cancel(&with_value(root, Name(1), "ada")),
                    };
                    let (below, _below) = with_cancel(&context);
                    thread::scope(|scope| {
                        scope.spawn(|| cancel.cancel());
                        assert!(below.done().recv().is_err());
                    });
                    assert!(error_of(&context).is_some() && error_of(&below).is_some());
                    assert_eq!(error_of(root), None);
                }
            });
        }
    });
    assert_eq!(root.kindred(), 0);
}
