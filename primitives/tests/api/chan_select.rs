//! `select!`, `select_biased!` and `Select`, on real threads.

use selvedge::chan::{
    Receiver, RecvError, Select, SendError, Sender, after, at, bounded, never, select, select_biased, tick,
    unbounded,
};
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::Duration;

const FOREVER: Duration = Duration::from_secs(60);

/// Returns the upper quantile of the chi-square distribution with `cases - 1` degrees of freedom, at p = 0.001.
fn critical(cases: usize) -> f64 {
    match cases {
        2 => 10.828,
        5 => 18.467,
        _ => panic!("no quantile for {cases} cases"),
    }
}

fn chi_square(counts: &[u32]) -> f64 {
    let expected = f64::from(counts.iter().sum::<u32>()) / counts.len() as f64;
    counts.iter().map(|&count| (f64::from(count) - expected).powi(2) / expected).sum()
}

#[test]
fn ready_cases_are_picked_uniformly() {
    fastrand::seed(7);
    const PICKS: usize = 100_000;
    let mut counts = [0_u32; 2];
    let channels: Vec<(Sender<()>, Receiver<()>)> = (0..5).map(|_| unbounded()).collect();
    for (tx, _) in &channels {
        (0..PICKS).for_each(|_| tx.send(()).expect("open"));
    }
    let [one, two] = [&channels[0].1, &channels[1].1];
    for _ in 0..PICKS / 2 {
        select! {
            recv(one) -> _ => counts[0] += 1,
            recv(two) -> _ => counts[1] += 1,
        }
    }
    assert!(chi_square(&counts) < critical(2), "{counts:?}");

    let mut counts = [0_u32; 5];
    let mut select = Select::new();
    channels.iter().for_each(|(_, rx)| {
        select.recv(rx);
    });
    for _ in 0..PICKS / 2 {
        let operation = select.select();
        let index = operation.index();
        operation.recv(&channels[index].1).expect("there are enough");
        counts[index] += 1;
    }
    assert!(chi_square(&counts) < critical(5), "{counts:?}");
}

#[test]
fn the_biased_form_picks_the_first_that_is_ready() {
    let (tx, rx) = unbounded();
    let (other, idle) = unbounded::<i32>();
    for n in 0..100 {
        tx.send(n).expect("open");
        other.send(n).expect("open");
        assert_eq!(
            select_biased! {
                recv(rx) -> got => got,
                recv(idle) -> _ => unreachable!("the first one is ready"),
            },
            Ok(n)
        );
    }
}

#[test]
fn a_default_runs_only_if_nothing_is_ready() {
    let (tx, rx) = bounded(1);
    assert!(select! { recv(rx) -> _ => false, default => true });
    assert!(select! { send(tx, 1) -> sent => sent.is_ok(), default => false });
    assert!(select! { send(tx, 2) -> _ => false, default() => true });
    assert_eq!(select! { recv(rx) -> got => got, default => Err(RecvError) }, Ok(1));
    let before = now();
    assert!(select! { recv(rx) -> _ => false, default(Duration::from_millis(5)) => true });
    assert!(before.elapsed() >= Duration::from_millis(5));
}

#[test]
fn a_closed_channel_is_ready() {
    let (tx, rx) = bounded::<i32>(1);
    drop(tx);
    assert_eq!(select! { recv(rx) -> got => got }, Err(RecvError));
    let (tx, rx) = bounded(0);
    drop(rx);
    assert_eq!(select! { send(tx, 5) -> sent => sent }, Err(SendError(5)));
}

#[test]
fn bodies_may_leave_the_loop_around_the_select() {
    let (tx, rx) = unbounded();
    (0..5).for_each(|n| tx.send(n).expect("open"));
    drop(tx);
    let mut sum = 0;
    let last = loop {
        select! {
            recv(rx) -> got => match got {
                Ok(1) => continue,
                Ok(n) => sum += n,
                Err(error) => break error,
            }
        }
    };
    assert_eq!((sum, last), (9, RecvError));
}

#[test]
fn blocked_selects_are_woken_by_each_kind_of_event() {
    for capacity in [0, 1] {
        let (tx, rx) = bounded(capacity);
        let (answer, answers) = bounded(capacity);
        let server = thread::spawn(move || {
            let mut served = 0;
            loop {
                select! {
                    recv(rx) -> request => match request {
                        Ok(n) => { served += 1; answer.send(n * 2).expect("open") }
                        Err(RecvError) => break served,
                    },
                    recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
                }
            }
        });
        for n in 0..1_000 {
            select! {
                send(tx, n) -> sent => sent.expect("open"),
                recv(answers) -> _ => unreachable!("nothing was asked"),
            }
            select! {
                recv(answers) -> got => assert_eq!(got, Ok(n * 2)),
                default(FOREVER) => panic!("the server answers"),
            }
        }
        drop(tx);
        assert_eq!(server.join().expect("no panic"), 1_000);
    }
}

/// Go's TestSelectStress: four threads over the same channels, in opposite orders, half of them by selects.
#[test]
fn selects_that_face_each_other_meet() {
    const MESSAGES: usize = 2_000;
    for capacity in [0, 2] {
        let channels: Vec<(Sender<usize>, Receiver<usize>)> = (0..2).map(|_| bounded(capacity)).collect();
        let (a, b) = (&channels[0], &channels[1]);
        thread::scope(|scope| {
            scope.spawn(|| {
                let (mut to_a, mut to_b) = (0, 0);
                while to_a + to_b < 2 * MESSAGES {
                    let (ax, bx) = (a.0.clone(), b.0.clone());
                    match (to_a < MESSAGES, to_b < MESSAGES) {
                        (true, true) => select! {
                            send(ax, to_a) -> sent => { sent.expect("open"); to_a += 1 }
                            send(bx, to_b) -> sent => { sent.expect("open"); to_b += 1 }
                        },
                        (true, false) => {
                            ax.send(to_a).expect("open");
                            to_a += 1
                        }
                        _ => {
                            bx.send(to_b).expect("open");
                            to_b += 1
                        }
                    }
                }
            });
            let (mut from_a, mut from_b) = (0, 0);
            while from_a + from_b < 2 * MESSAGES {
                select! {
                    recv(b.1) -> got => { assert_eq!(got, Ok(from_b)); from_b += 1 }
                    recv(a.1) -> got => { assert_eq!(got, Ok(from_a)); from_a += 1 }
                }
            }
        });
        assert!(a.1.is_empty() && b.1.is_empty());
    }
}

#[test]
fn one_channel_may_be_in_several_cases() {
    let (tx, rx) = bounded(0);
    let sender = thread::spawn(move || (0..100).for_each(|n| tx.send(n).expect("open")));
    for n in 0..100 {
        let got = select! {
            recv(rx) -> got => got,
            recv(rx) -> got => got,
        };
        assert_eq!(got, Ok(n));
    }
    sender.join().expect("no panic");
}

#[test]
fn operations_of_the_builder_are_chosen_and_completed() {
    let (tx, rx) = bounded(1);
    let (other, full) = bounded(0);
    let mut select = Select::new();
    let (send, recv, blocked) = (select.send(&tx), select.recv(&rx), select.send(&other));
    let operation = select.select();
    assert_eq!(operation.index(), send);
    assert_eq!(operation.send(&tx, 1), Ok(()));
    let operation = select.try_select().expect("a value is there");
    assert_eq!(operation.index(), recv);
    assert_eq!(operation.recv(&rx), Ok(1));
    select.remove(send);
    assert!(select.try_select().is_err());
    assert!(select.select_timeout(Duration::from_millis(2)).is_err());
    let receiver = thread::spawn(move || full.recv());
    let operation = select.select_timeout(FOREVER).expect("a receiver comes");
    assert_eq!(operation.index(), blocked);
    assert_eq!(operation.send(&other, 2), Ok(()));
    assert_eq!(receiver.join().expect("no panic"), Ok(2));
}

#[test]
#[should_panic(expected = "dropped without being completed")]
fn an_operation_must_be_completed() {
    let (tx, _rx) = bounded::<i32>(1);
    let mut select = Select::new();
    select.send(&tx);
    drop(select.select());
}

#[test]
fn timers_are_cases_like_any_other() {
    let (_tx, rx) = bounded::<i32>(0);
    let start = now();
    select! {
        recv(rx) -> _ => unreachable!("nobody sends"),
        recv(after(Duration::from_millis(3))) -> instant => assert!(instant.expect("it comes") >= start + Duration::from_millis(3)),
        recv(at(start + FOREVER)) -> _ => unreachable!("that is later"),
    }
    let ticks = tick(Duration::from_millis(1));
    for _ in 0..3 {
        assert!(select! { recv(rx) -> _ => false, recv(ticks) -> tick => tick.is_ok() });
    }
}

/// Go's TestSelfSelect: two threads, each with a send and a receive on one channel; no thread meets itself.
#[test]
fn selects_with_both_sides_of_a_channel_meet_each_other() {
    for capacity in [0, 10] {
        let (tx, rx) = bounded(capacity);
        let rounds = 2_000;
        let (sent, received) = thread::scope(|scope| {
            let threads = [0, 1].map(|me| {
                let (tx, rx) = (tx.clone(), rx.clone());
                scope.spawn(move || {
                    let (mut sent, mut received) = (0, 0);
                    for n in 0..rounds {
                        if n == rounds - 1 || capacity == 0 && sent + received == rounds {
                            break;
                        }
                        select! {
                            send(tx, me) -> result => { result.expect("open"); sent += 1 }
                            recv(rx) -> got => {
                                let from = got.expect("open");
                                assert!(capacity > 0 || from != me, "a select has met itself");
                                received += 1
                            }
                        }
                    }
                    (sent, received)
                })
            });
            let [one, two] = threads.map(|thread| thread.join().expect("no panic"));
            (one.0 + two.0, one.1 + two.1)
        });
        assert_eq!(sent, received + rx.try_iter().count());
    }
}

#[test]
fn readiness_is_reported_without_an_effect() {
    let (tx, rx) = bounded(0);
    let (other, values) = bounded::<i32>(1);
    let mut select = Select::new();
    let (sends, receives) = (select.send(&tx), select.recv(&values));
    assert!(select.try_ready().is_err());
    assert!(select.ready_timeout(Duration::from_millis(1)).is_err());
    let sender = thread::spawn(move || other.send(1));
    assert_eq!(select.ready(), receives);
    sender.join().expect("no panic").expect("room");
    assert_eq!(values.try_recv(), Ok(1));
    select.remove(receives);
    let receiver = thread::spawn(move || rx.recv());
    assert_eq!(select.ready(), sends);
    tx.send(2).expect("a receiver waits");
    assert_eq!(receiver.join().expect("no panic"), Ok(2));
    assert_eq!(select.ready(), sends, "closed is ready");
}

/// A value moves from one channel to the other, and is in one of the two at every moment: no select takes its default.
#[test]
fn a_default_is_not_taken_while_one_of_two_channels_has_a_value() {
    let ((tx, rx), (other, another)) = (bounded(2), bounded(2));
    tx.send(1).expect("room");
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(SeqCst) {
                other.send(1).expect("room");
                rx.recv().expect("open");
                tx.send(1).expect("room");
                another.recv().expect("open");
            }
        });
        let mut taken = 0;
        for _ in 0..20_000 {
            // A received value goes back before the next select, so two values are there again.
            select! {
                recv(rx) -> got => tx.send(got.expect("open")).expect("room"),
                recv(another) -> got => other.send(got.expect("open")).expect("room"),
                default => taken += 1,
            }
        }
        done.store(true, SeqCst);
        assert_eq!(taken, 0);
    });
}
