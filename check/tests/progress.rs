//! Which threads make progress while other threads are suspended.
#![cfg(feature = "shuttle")]
#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "these tests run models; they are none"
)]

use selvedge::chan::{Receiver, Sender, bounded, select, unbounded};
use selvedge::rt::hint::{self, spin_loop};
use selvedge::rt::sync::Mutex;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::sync::{Waiters, Wake};
use selvedge_check::{Checker, FailureKind, Progress, Report};

fn checker() -> Checker {
    Checker::new().ignore_environment().max_operations(2_000)
}

fn kinds(reports: &[Report]) -> Vec<Option<FailureKind>> {
    reports.iter().map(|report| report.verdict.failure().map(|found| found.failure.kind)).collect()
}

/// Two threads that add by compare-exchange: lock-free, not wait-free.
fn optimistic() -> Progress<AtomicUsize> {
    let add = |counter: &AtomicUsize| {
        let mut seen = counter.load(Relaxed);
        while let Err(found) = counter.compare_exchange(seen, seen + 1, AcqRel, Acquire) {
            seen = found;
        }
    };
    let progress = Progress::new("optimistic", || AtomicUsize::new(0)).checker(checker());
    (0..3).fold(progress, |progress, _| progress.thread(add))
}

#[test]
fn an_optimistic_counter_is_lock_free_and_not_wait_free() {
    optimistic().check_lock_free();
    optimistic().check_obstruction_free();
    // One load and one exchange, and one more of each for either of the two other additions that may come between.
    optimistic().check_wait_free(4);
    let report = optimistic().wait_free(3);
    let found = report.verdict.failure().unwrap_or_else(|| panic!("{report}"));
    assert!(found.failure.message.contains("took 4 steps of its own, 3 are allowed"), "{report}");
}

#[test]
fn a_lock_makes_others_wait_for_whoever_holds_it() {
    let parks = (0..2).fold(Progress::new("mutex", || Mutex::new(0)).checker(checker()), |progress, _| {
        progress.thread(|lock| *lock.lock() += 1)
    });
    let spins = |lock: &AtomicUsize| {
        while lock.swap(1, Acquire) == 1 {
            hint::spin_loop();
        }
        lock.store(0, Release);
    };
    let spins =
        Progress::new("spin lock", || AtomicUsize::new(0)).checker(checker()).thread(spins).thread(spins);
    assert_eq!(kinds(&parks.lock_free()), [Some(FailureKind::Dependence); 2]);
    assert_eq!(kinds(&parks.obstruction_free()), [Some(FailureKind::Dependence); 2]);
    assert_eq!(kinds(&spins.lock_free()), [Some(FailureKind::Livelock); 2]);
    let text = parks.lock_free()[0].to_string();
    assert!(text.contains("T2 waits for T1, which has stopped between two steps"), "{text}");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| parks.check_lock_free())).is_err());
}

/// A thread that helps waits for no other: one thread announces an operation, and each thread finishes it. The broken
/// variant waits.
#[test]
fn a_wait_for_an_announcement_is_no_progress() {
    let announces = |state: &AtomicUsize| {
        state.store(1, Release);
        state.store(2, Release);
    };
    let helps = |state: &AtomicUsize| {
        let _ = state.compare_exchange(1, 2, AcqRel, Acquire);
    };
    let waits = |state: &AtomicUsize| {
        while state.load(Acquire) == 1 {
            hint::spin_loop();
        }
    };
    let new = || Progress::new("announcement", || AtomicUsize::new(0)).checker(checker()).thread(announces);
    new().thread(helps).check_lock_free();
    assert_eq!(kinds(&new().thread(waits).lock_free()), [Some(FailureKind::Livelock), None]);
}

/// A sender or receiver that stops in the middle takes at most its own value or place with it.
#[test]
fn the_channel_goes_on_without_a_party_that_has_stopped() {
    let checker = checker().preemption_bound(Some(1)).max_operations(20_000);
    Progress::new("channel", || bounded::<u32>(4))
        .checker(checker)
        .thread(|(tx, _)| assert!(tx.try_send(1).is_ok()))
        .thread(|(tx, _)| assert!(tx.try_send(2).is_ok()))
        .thread(|(_, rx)| assert!(rx.try_recv().is_ok_and(|n| n > 0) || rx.len() < 3))
        .check_lock_free();
}

/// A send that finds the buffer's only place taken by a suspended send knows without waiting whether the buffer is
/// full.
#[test]
fn a_full_buffer_is_told_without_a_party_that_has_stopped() {
    let tries = |(tx, rx): &(Sender<u32>, Receiver<u32>)| assert!(tx.try_send(1).is_ok() || rx.len() <= 1);
    let full = Progress::new("full", || bounded::<u32>(1)).checker(channels());
    (0..3).fold(full, |full, _| full.thread(tries)).check_lock_free();
}

fn channels() -> Checker {
    checker().preemption_bound(Some(1)).max_operations(20_000)
}

/// Senders with room, receivers with values, and a close: the others finish if any one of them is suspended.
#[test]
fn operations_that_need_not_wait_finish_though_one_stops() {
    Progress::new("buffer", || {
        let (tx, rx) = bounded::<u32>(4);
        (0..2).for_each(|n| tx.send(n).expect("room"));
        (tx, rx)
    })
    .checker(channels())
    .thread(|(tx, _)| assert!(tx.send(8).is_ok() || tx.is_closed()))
    .thread(|(_, rx)| assert!(rx.recv().is_ok_and(|n| n < 2)))
    .thread(|(tx, _)| assert!(tx.close().is_ok()))
    .check_lock_free();
}

#[test]
fn an_unbounded_channel_goes_on_without_a_party_that_has_stopped() {
    Progress::new("unbounded", || {
        let (tx, rx) = unbounded::<u32>();
        (0..2).for_each(|n| tx.send(n).expect("open"));
        (tx, rx)
    })
    .checker(channels())
    .thread(|(tx, _)| assert!(tx.send(7).is_ok()))
    .thread(|(_, rx)| assert!(rx.recv().is_ok()))
    .thread(|(tx, rx)| assert!(tx.send(8).is_ok() && rx.len() <= 4))
    .check_lock_free();
}

type Pair = ((Sender<u32>, Receiver<u32>), (Sender<u32>, Receiver<u32>));

/// Two channels, of which the first has two values.
fn two_channels() -> Pair {
    let (ready, idle) = (bounded(4), bounded(4));
    (0..2).for_each(|n| ready.0.send(n).expect("room"));
    (ready, idle)
}

fn select_to_receive(((_, rx), (_, idle)): &Pair) {
    select! { recv(rx) -> got => assert!(got.is_ok()), recv(idle) -> got => assert!(got.is_ok()) }
}

fn select_to_send(((tx, _), (other, _)): &Pair) {
    select! { send(tx, 5) -> sent => assert!(sent.is_ok()), send(other, 6) -> sent => assert!(sent.is_ok()) }
}

/// A select with a case that is ready finishes, and neither a send nor another select that receives waits for it.
#[test]
fn selects_that_receive_go_on_without_a_party_that_has_stopped() {
    Progress::new("select to receive", two_channels)
        .checker(channels())
        .thread(select_to_receive)
        .thread(select_to_receive)
        .thread(|((tx, _), (other, _))| assert!(tx.send(5).is_ok() && other.send(6).is_ok()))
        .check_lock_free();
}

/// No send waits for a select that sends.
#[test]
fn selects_that_send_go_on_without_a_party_that_has_stopped() {
    Progress::new("select to send", two_channels)
        .checker(channels())
        .thread(select_to_send)
        .thread(|((tx, _), (other, _))| assert!(tx.send(7).is_ok() && other.send(8).is_ok()))
        .check_lock_free();
}

/// The exception in the guarantees: a receiver in the place of a select that was chosen waits for its value.
#[test]
fn a_receiver_waits_for_the_value_of_a_select_that_was_chosen() {
    let reports = Progress::new("select to send and to receive", two_channels)
        .checker(channels())
        .thread(select_to_receive)
        .thread(select_to_send)
        .lock_free();
    // With the first thread stopped the second one goes on.
    assert_eq!(kinds(&reports), [None, Some(FailureKind::Dependence)]);
}

/// Two receivers give up behind one that stays, so that a thread takes segments out of the middle of the list.
#[test]
fn who_gives_up_does_not_wait_for_who_takes_segments_out() {
    let queue = || {
        let queue = Waiters::with_segments(0);
        let _stays = queue.enter();
        queue
    };
    let gives_up = |queue: &Waiters| _ = queue.enter().cancel();
    let goes_on = |queue: &Waiters| {
        let _ = queue.enter().cancel();
        (0..2).for_each(|_| _ = queue.wake_one(Wake::Woken));
    };
    let progress = Progress::new("queue", queue).checker(channels());
    progress.thread(gives_up).thread(goes_on).check_lock_free();
}

/// A broken variant: the same channel behind a spin lock.
#[test]
fn a_channel_behind_a_spin_lock_is_found() {
    let queue = || (AtomicBool::new(false), bounded::<u32>(4));
    let locked = |(lock, (tx, _)): &(AtomicBool, (Sender<u32>, Receiver<u32>))| {
        while lock.swap(true, Acquire) {
            spin_loop();
        }
        assert!(tx.try_send(1).is_ok());
        lock.store(false, Release);
    };
    let reports =
        Progress::new("locked", queue).checker(channels()).thread(locked).thread(locked).lock_free();
    assert!(reports.iter().all(|report| report.verdict.failure().is_some()), "{reports:?}");
}

#[test]
fn a_replay_freezes_too() {
    let lock = || {
        Progress::new("mutex", || Mutex::new(0))
            .thread(|lock| *lock.lock() += 1)
            .thread(|lock| *lock.lock() += 1)
    };
    let first = lock().checker(checker()).lock_free().remove(0);
    let token = &first.verdict.failure().unwrap_or_else(|| panic!("{first}")).token;
    assert!(token.ends_with(":mutex: T1 frozen"), "{token}");
    let found = first.verdict.failure().expect("as above");
    assert!(found.note.is_none() && !found.failure.steps.is_empty(), "{first}");
}

#[test]
fn a_claim_that_fails_says_which_thread_stopped_and_what_the_others_did() {
    let lock = || {
        let lock = |lock: &Mutex<i32>| *lock.lock() += 1;
        Progress::new("lock", || Mutex::new(0)).checker(checker()).thread(lock).thread(lock)
    };
    type Claim = fn(&Progress<Mutex<i32>>);
    let claims: [(Claim, &str); 3] = [
        (Progress::check_lock_free, "with T1 stopped between two of its steps, the others do not finish"),
        (Progress::check_obstruction_free, "with all others stopped between two of their steps, T1 does not"),
        (|progress| progress.check_wait_free(1), "a thread takes more than 1 steps of its own"),
    ];
    for (claim, told) in claims {
        let claimed = std::panic::AssertUnwindSafe(|| claim(&lock()));
        let panic = std::panic::catch_unwind(claimed).expect_err("a lock makes others wait");
        let text = panic.downcast_ref::<String>().expect("a text");
        assert!(text.contains(told), "{text}");
    }
}
