//! Models of bubbles: when virtual time moves, and which members wake then. The lock of a bubble is taken as specified: it has
//! models of its own. What is made inside has its real form.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::chan::{after_func, bounded_with_segments};
use selvedge::context::{Context, Error, background, with_cancel, with_timeout};
use selvedge::rt::park::Parker;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicBool, Ordering::Relaxed};
use selvedge::rt::thread::{self, sleep};
use selvedge::rt::time::now;
use selvedge::sync::{Cond, Mutex, Permits, Semaphore, WaitGroup};
use selvedge::testing::{bubble, wait};
use selvedge_check::{Change, FailureKind};
use std::time::Duration;

models![
    time_stands_still_while_one_runs,
    time_stands_still_for_an_outsider,
    time_moves_once_beside_an_outsider,
    a_wait_comes_before_time_moves,
    a_bubble_ends_with_its_last_member,
    sleepers_of_one_moment_wake_together,
    a_time_out_is_exact,
    a_closure_runs_at_its_moment,
    a_closure_that_is_put_off_runs_later,
    time_moves_while_permits_are_awaited,
    time_moves_while_a_signal_is_awaited,
    time_moves_while_a_group_is_awaited,
    a_wait_for_permits_ends_at_the_deadline,
    time_stands_still_under_a_context_of_outside,
];

const STATE: Mutant = mutant_of!("primitives/src/rt/bubble/state.rs");
const WAIT: Mutant = mutant_of!("primitives/src/rt/bubble/wait.rs");
const TIMER: Mutant = mutant_of!("primitives/src/rt/timer.rs");

const fn twin(of: Mutant, site: &'static str, kind: FailureKind) -> Mutant {
    of.mutant(site, Change::Twin, kind, Needs::Interleavings)
}

/// A member is woken before it is counted, so the others pass the baton while it runs.
const COUNTS_IN_LATE: Mutant = twin(WAIT, "count-in-first", FailureKind::Panic).or(FailureKind::Deadlock);
/// A member is counted out before its deadline is in the list.
const COUNTS_OUT_EARLY: Mutant =
    twin(STATE, "set-deadline-first", FailureKind::Deadlock).or(FailureKind::Panic);
/// A wait that was ended before its member parks is forgotten.
const LOSES_WAKE_UP: Mutant = twin(WAIT, "look-before-rest", FailureKind::Panic).or(FailureKind::Deadlock);
/// A member is counted out before its call of `wait` is known.
const ANNOUNCES_LATE: Mutant = twin(WAIT, "announce-first", FailureKind::Panic).or(FailureKind::Deadlock);
/// A member is counted in, and not woken.
const WAKES_NOT: Mutant = WAIT.drop_wake("wake-member");
/// A closure that was put off runs at its earlier moment.
const RUNS_EARLY: Mutant = twin(TIMER, "await-due", FailureKind::Panic);
/// A wait that only members stop is none in which time may move, and one that somebody outside stops is.
const TAKES_SIDES: Mutant =
    twin(mutant_of!("primitives/src/context/waits.rs"), "stops-from-inside", FailureKind::Deadlock)
        .or(FailureKind::Panic);
/// The clock is not moved.
const MOVES_NOT: Mutant = STATE.lose("move-clock", FailureKind::Panic);

const HOUR: Duration = Duration::from_secs(3600);

/// One member wakes the other, which then sleeps, while the first still runs.
fn time_stands_still_while_one_runs() -> Model {
    model("while a member runs, time stands still; when all rest, it goes to the next deadline", || {
        bubble(|b| {
            let begun = now();
            let parker = Parker::new();
            let unparker = parker.unparker();
            let other = b.spawn(move || {
                unparker.unpark();
                assert_eq!(now(), begun);
            });
            assert!(
                parker.park_deadline(Some(begun + HOUR)),
                "the other one runs until it has given the permit"
            );
            assert_eq!(now(), begun);
            sleep(HOUR);
            assert_eq!(now(), begun + HOUR);
            other.join().expect("no panic");
        });
    })
    .of_specified()
    .catches([COUNTS_IN_LATE, COUNTS_OUT_EARLY, LOSES_WAKE_UP, WAKES_NOT, MOVES_NOT])
}

/// A member waits for what a thread outside brings, without a deadline.
fn time_stands_still_for_an_outsider() -> Model {
    model("while a member waits for somebody outside, time stands still", || {
        bubble(|b| {
            let begun = now();
            let parker = Parker::new();
            let unparker = parker.unparker();
            let outside = thread::spawn(move || unparker.unpark());
            let other = b.spawn(|| sleep(HOUR));
            parker.park();
            assert_eq!(now(), begun);
            other.join().expect("no panic");
            assert_eq!(now(), begun + HOUR);
            outside.join().expect("no panic");
        });
    })
    .of_specified()
    .catches([WAKES_NOT, MOVES_NOT])
}

/// Two members rest, and a thread outside ends the rest of one of them.
fn time_moves_once_beside_an_outsider() -> Model {
    model("time goes from one deadline to the next, whenever somebody outside wakes a member", || {
        bubble(|b| {
            let begun = now();
            let parker = Parker::new();
            let unparker = parker.unparker();
            let outside = thread::spawn(move || unparker.unpark());
            let other = b.spawn(|| sleep(HOUR * 2));
            let woken = parker.park_deadline(Some(begun + HOUR));
            let passed = now() - begun;
            assert!(passed == HOUR || (woken && passed == Duration::ZERO), "{woken} after {passed:?}");
            other.join().expect("no panic");
            assert_eq!(now(), begun + HOUR * 2);
            outside.join().expect("no panic");
        });
    })
    .of_specified()
    .catches([COUNTS_OUT_EARLY, MOVES_NOT])
}

/// A member rests while another calls `wait`.
fn a_wait_comes_before_time_moves() -> Model {
    model("`wait` returns when the other rests, before time moves, and after what the other did", || {
        bubble(|b| {
            let begun = now();
            let cell = Arc::new(Plain::new(0));
            let theirs = Arc::clone(&cell);
            let other = b.spawn(move || {
                theirs.set(1);
                sleep(HOUR);
            });
            wait();
            assert_eq!((cell.get(), now()), (1, begun));
            other.join().expect("no panic");
            assert_eq!(now(), begun + HOUR);
        });
    })
    .of_specified()
    .catches([ANNOUNCES_LATE, WAKES_NOT])
}

/// The closure returns while a member runs.
fn a_bubble_ends_with_its_last_member() -> Model {
    model("a bubble ends after what its last member did", || {
        let cell = Arc::new(Plain::new(0));
        let theirs = Arc::clone(&cell);
        bubble(|b| drop(b.spawn(move || theirs.set(1))));
        assert_eq!(cell.get(), 1);
    })
    .of_specified()
    .catches([WAKES_NOT])
}

/// Two members sleep until the same moment.
fn sleepers_of_one_moment_wake_together() -> Model {
    model("members that sleep until one moment wake at that moment", || {
        bubble(|b| {
            let begun = now();
            let sleeps = move || {
                sleep(HOUR);
                assert_eq!(now(), begun + HOUR);
            };
            let other = b.spawn(sleeps);
            sleeps();
            other.join().expect("no panic");
        });
    })
    .of_specified()
    .catches([WAKES_NOT, MOVES_NOT])
}

/// A receive with a time-out, and a send that comes earlier or later.
fn a_time_out_is_exact() -> Model {
    model(
        "a receive with a time-out gets the value that is sent before, and nothing that is sent after",
        || {
            for (sent, timeout) in [(1, 2), (2, 1)] {
                bubble(|b| {
                    let begun = now();
                    let (tx, rx) = bounded_with_segments(1, 1);
                    let other = b.spawn(move || {
                        sleep(HOUR * sent);
                        tx.send(7)
                    });
                    let got = rx.recv_timeout(HOUR * timeout);
                    assert_eq!(now() - begun, HOUR);
                    assert_eq!(got.ok(), (sent < timeout).then_some(7));
                    assert_eq!(other.join().expect("no panic"), Ok(()));
                });
            }
        },
    )
    .of_specified()
    .bound(2)
    .catches([COUNTS_OUT_EARLY, WAKES_NOT, MOVES_NOT])
}

/// A member stops a timer at the timer's own moment.
fn a_closure_runs_at_its_moment() -> Model {
    model("a closure runs at its moment, after which a stop is too late", || {
        bubble(|b| {
            let begun = now();
            let ran = Arc::new(AtomicBool::new(false));
            let theirs = Arc::clone(&ran);
            let timer = after_func(HOUR, move || {
                assert_eq!(now(), begun + HOUR);
                theirs.store(true, Relaxed);
            });
            sleep(HOUR);
            assert!(!timer.stop());
            b.wait();
            assert!(ran.load(Relaxed));
            assert_eq!(now(), begun + HOUR);
        });
    })
    .of_specified()
    .catches([MOVES_NOT])
}

/// A closure is set to a later moment, and back to one before that.
fn a_closure_that_is_put_off_runs_later() -> Model {
    model("a closure that is put off runs at the moment that was set last", || {
        bubble(|_| {
            let begun = now();
            let (tx, rx) = bounded_with_segments(1, 2);
            let timer = after_func(HOUR, move || _ = tx.send(now()));
            assert!(timer.reset(HOUR * 3) && timer.reset(HOUR * 2));
            assert_eq!(rx.recv(), Ok(begun + HOUR * 2));
            assert!(!timer.stop());
        });
    })
    .of_specified()
    .catches([RUNS_EARLY])
}

/// Lets a member wait under a context of the bubble, which another one cancels after an hour.
fn time_moves(wait: fn(&Context) -> Option<Error>) {
    bubble(|b| {
        let begun = now();
        let (context, cancel) = with_cancel(&background());
        let other = b.spawn(move || wait(&context));
        sleep(HOUR);
        cancel.cancel();
        assert_eq!(other.join().expect("no panic"), Some(Error::Canceled));
        assert_eq!(now(), begun + HOUR);
    });
}

/// A member waits for a permit under a context of the bubble.
fn time_moves_while_permits_are_awaited() -> Model {
    model("time moves while a member waits for permits under a context that only members cancel", || {
        time_moves(|context| Semaphore::new(0).acquire_ctx(1, context).map(Permits::forget).err());
    })
    .of_specified()
    .bound(2)
    .catches([TAKES_SIDES])
}

/// A member waits for a signal under a context of the bubble.
fn time_moves_while_a_signal_is_awaited() -> Model {
    model("time moves while a member waits for a signal under a context that only members cancel", || {
        time_moves(|context| Cond::new().wait_ctx(&mut Mutex::new(()).lock(), context).err());
    })
    .of_specified()
    .bound(2)
    .catches([TAKES_SIDES])
}

/// A member waits for a group under a context of the bubble.
fn time_moves_while_a_group_is_awaited() -> Model {
    model("time moves while a member waits for a group under a context that only members cancel", || {
        time_moves(|context| {
            let group = WaitGroup::new();
            let _task = group.task();
            group.wait_ctx(context).err()
        });
    })
    .of_specified()
    .bound(2)
    .catches([TAKES_SIDES])
}

/// The only member waits for a permit under a context of the bubble with a deadline.
fn a_wait_for_permits_ends_at_the_deadline() -> Model {
    model("a wait under a context of a bubble ends at the deadline, by the clock of the bubble", || {
        bubble(|_| {
            let begun = now();
            let (context, _cancel) = with_timeout(&background(), HOUR);
            let acquired = Semaphore::new(0).acquire_ctx(1, &context).map(Permits::forget);
            assert_eq!(acquired, Err(Error::DeadlineExceeded));
            assert_eq!(now(), begun + HOUR);
        });
    })
    .of_specified()
    .catches([MOVES_NOT])
}

/// A member waits for a permit under a context that a thread outside cancels, while another member sleeps.
fn time_stands_still_under_a_context_of_outside() -> Model {
    model("time stands still while a member waits under a context that somebody outside cancels", || {
        let (context, cancel) = with_cancel(&background());
        let outside = thread::spawn(move || cancel.cancel());
        bubble(|b| {
            let begun = now();
            let other = b.spawn(|| sleep(HOUR));
            let acquired = Semaphore::new(0).acquire_ctx(1, &context).map(Permits::forget);
            assert_eq!((acquired, now()), (Err(Error::Canceled), begun));
            other.join().expect("no panic");
        });
        outside.join().expect("no panic");
    })
    .of_specified()
    .bound(2)
    .catches([TAKES_SIDES])
}
