//! The rows of the measurement.

use crate::{Meter, Row, others, timers};
use selvedge::chan::{Receiver, Select, Sender, bounded, select, unbounded};
use std::hint::black_box;
use std::pin::Pin;
use std::task::{Context, Waker};
use std::time::Duration;

/// Operations on a channel that is large already.
const FEW: usize = 100;
/// The timeout of a case that nothing ends.
const LONG: Duration = Duration::from_secs(3600);

macro_rules! rows {
    ($($name:literal: $ours:expr $(, $theirs:expr)?;)*) => {
        pub(crate) const ROWS: &[Row] =
            &[$(Row { name: $name, ours: $ours, theirs: rows!(@theirs $($theirs)?) }),*];
    };
    (@theirs) => { None };
    (@theirs $theirs:expr) => { Some($theirs) };
}

rows! {
    "the first try_send to a full buffer, for each value": first_try_send_to_a_full_buffer;
    "try_send to a full buffer of n": try_send_to_a_full_buffer, their_try_send_to_a_full_buffer;
    "the same, half of which was sent behind a timeout": try_send_among_places_given_up;
    "select with default to a full buffer of n": select_to_a_full_buffer, their_select_to_a_full_buffer;
    "send_timeout to a full buffer of n": timed_send_to_a_full_buffer, their_timed_send_to_a_full_buffer;
    "send_async to a full buffer of n, dropped": send_future_to_a_full_buffer;
    "receive, send and try_send at a full buffer of n": turn_over_a_full_buffer, their_turn_over_a_full_buffer;
    "n sends given up in turn, then a receive": sends_given_up_in_turn;
    "the same behind one that waits": sends_given_up_behind_one;
    "receive from a buffer of n with sends behind it": receive_with_sends_behind;
    "n sends to n receives that wait": sends_to_receives_that_wait;
    "n receives from n sends that wait": receives_from_sends_that_wait;
    "n values sent, then received, unbounded": values_without_a_bound, their_values_without_a_bound;
    "the length of a buffer of n": length_of_a_full_buffer, their_length_of_a_full_buffer;
    "n values that come back, then are received": values_that_come_back;
    "close with n receives that wait": |n, meter| close_with_receives(n, meter, unbounded());
    "close with n sends that wait": |n, meter| close_with_sends(n, meter, bounded(0));
    "close with n sends that wait behind a buffer": |n, meter| close_with_sends(n, meter, bounded(1));
    "drop n sends that a close refused": drop_refused_sends;
    "drop n receives that wait, in order": |n, meter| drop_receives(n, meter, |waiting| drop(waiting));
    "drop n receives that wait, the last first": |n, meter| {
        drop_receives(n, meter, |mut waiting| while waiting.pop().is_some() {});
    };
    "drop n receives that wait, at random": |n, meter| {
        drop_receives(n, meter, |mut waiting| {
            let mut random = 1_usize;
            while !waiting.is_empty() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                drop(waiting.swap_remove((random >> 33) % waiting.len()));
            }
        });
    };
    "n messages behind a forgotten receive, bounded": |n, meter| messages_behind_one(n, meter, bounded(16));
    "n messages behind a forgotten receive, unbounded": |n, meter| messages_behind_one(n, meter, unbounded());
    "select of n sends without a buffer": select_of_sends, their_select_of_sends;
    "select of n sends and their n receives": select_of_sends_and_receives;
    "select of n timers that runs out of time": select_of_timers, their_select_of_timers;
    "n selects that wait and win": selects_that_win, their_selects_that_win;
    "n instants of a timer that is set anew": others::instants_of_a_timer;
    "n instants of a ticker": others::instants_of_a_ticker;
    "n timers, each waited for": others::timers_that_are_waited_for;
    "arm and stop a timer behind n": |n, meter| timers::arm_and_stop(n, meter, timers::LATE);
    "arm and stop a timer amid n": |n, meter| timers::arm_and_stop(n, meter, timers::AMID);
    "arm and stop a timer before n": |n, meter| timers::arm_and_stop(n, meter, timers::EARLY);
    "set a timer anew amid n": timers::set_anew;
    "arm and stop a timer amid n, on a goroutine": |n, meter| {
        timers::on_a_goroutine(|| timers::arm_and_stop(n, meter, timers::AMID));
    };
    "set a timer anew amid n, on a goroutine": |n, meter| timers::on_a_goroutine(|| timers::set_anew(n, meter));
    "arm n timers, then stop them, the first one first": timers::arm_all_and_stop;
    "a context with a deadline beside n": timers::deadline_beside;
    "the same, with a closure that waits for its end": timers::closure_at_a_deadline_beside;
    "cancel a context with n that have deadlines": timers::cancel_above_deadlines;
    "n keys of a map, each stored and deleted": others::keys_that_come_and_go;
    "n keys of a map that is cleared then": others::an_emptied_map;
    "n keys of a map that hash to themselves": others::keys_that_hash_to_themselves;
    "n things, each retired by the one before": others::a_chain_that_is_retired;
}

type Ends = (Sender<usize>, Receiver<usize>);

fn poll<F: Future + Unpin>(future: &mut F) -> bool {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn full(n: usize) -> Ends {
    let (tx, rx) = bounded(n);
    (0..n).for_each(|value| tx.send(value).expect("room"));
    (tx, rx)
}

fn their_full(n: usize) -> (crossbeam_channel::Sender<usize>, crossbeam_channel::Receiver<usize>) {
    let (tx, rx) = crossbeam_channel::bounded(n);
    (0..n).for_each(|value| tx.send(value).expect("room"));
    (tx, rx)
}

fn first_try_send_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    meter.measure(n, || assert!(tx.try_send(0).is_err()));
}

fn try_send_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    assert!(tx.try_send(0).is_err());
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(tx.try_send(0).is_err())));
}

fn their_try_send_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = their_full(n);
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(tx.try_send(0).is_err())));
}

/// Fills a buffer of which every second cell is one whose send was cancelled.
fn try_send_among_places_given_up(n: usize, meter: &mut Meter) {
    let (tx, rx) = full(n);
    for _ in 0..n {
        let mut gives_up = tx.send_async(0);
        let mut stays = tx.send_async(0);
        assert!(!poll(&mut gives_up) && !poll(&mut stays));
        drop(gives_up);
        rx.recv().expect("it is full");
        assert!(poll(&mut stays));
    }
    assert!(tx.try_send(0).is_err());
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(tx.try_send(0).is_err())));
}

fn select_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    assert!(tx.try_send(0).is_err());
    meter.measure(FEW, || {
        (0..FEW).for_each(|_| select! { send(tx, 0) -> _ => unreachable!("it is full"), default => () });
    });
}

fn their_select_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = their_full(n);
    meter.measure(FEW, || {
        for _ in 0..FEW {
            crossbeam_channel::select! { send(tx, 0) -> _ => unreachable!("it is full"), default => () }
        }
    });
}

fn timed_send_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    assert!(tx.try_send(0).is_err());
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(tx.send_timeout(0, Duration::ZERO).is_err())));
}

fn their_timed_send_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = their_full(n);
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(tx.send_timeout(0, Duration::ZERO).is_err())));
}

fn send_future_to_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    assert!(tx.try_send(0).is_err());
    meter.measure(FEW, || (0..FEW).for_each(|_| assert!(!poll(&mut tx.send_async(0)))));
}

fn turn_over_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, rx) = full(n);
    meter.measure(3 * n, || {
        for value in 0..n {
            black_box(rx.recv().expect("it is full"));
            tx.send(value).expect("room");
            assert!(tx.try_send(value).is_err());
        }
    });
}

fn their_turn_over_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, rx) = their_full(n);
    meter.measure(3 * n, || {
        for value in 0..n {
            black_box(rx.recv().expect("it is full"));
            tx.send(value).expect("room");
            assert!(tx.try_send(value).is_err());
        }
    });
}

fn waiting_send(tx: &Sender<usize>) -> impl Future + Unpin {
    let mut send = tx.send_async(0);
    assert!(!poll(&mut send));
    send
}

/// Sends so that at most two sends wait at any time, and none for long.
fn sends_given_up_in_turn(n: usize, meter: &mut Meter) {
    let (tx, rx) = full(1);
    let mut last = waiting_send(&tx);
    meter.measure(n, || {
        (0..n).for_each(|_| last = waiting_send(&tx));
        rx.recv().expect("it is full");
    });
}

fn sends_given_up_behind_one(n: usize, meter: &mut Meter) {
    let (tx, rx) = full(1);
    let _first = waiting_send(&tx);
    let mut last = waiting_send(&tx);
    meter.measure(n, || (0..n).for_each(|_| last = waiting_send(&tx)));
    meter.measure(0, || (0..2).for_each(|_| _ = rx.recv()));
}

fn receive_with_sends_behind(n: usize, meter: &mut Meter) {
    let (tx, rx) = full(n);
    let waiting: Vec<_> = (0..n).map(|_| waiting_send(&tx)).collect();
    meter.measure(n, || (0..n).for_each(|_| _ = rx.recv().expect("it is full")));
    drop(waiting);
}

fn sends_to_receives_that_wait(n: usize, meter: &mut Meter) {
    let (tx, rx) = unbounded();
    let mut waiting: Vec<_> = (0..n).map(|_| rx.recv_async()).collect();
    waiting.iter_mut().for_each(|receive| assert!(!poll(receive)));
    meter.measure(n, || (0..n).for_each(|value| tx.send(value).expect("open")));
    assert!(waiting.iter_mut().all(poll));
}

fn receives_from_sends_that_wait(n: usize, meter: &mut Meter) {
    let (tx, rx) = bounded(0);
    let waiting: Vec<_> = (0..n).map(|_| waiting_send(&tx)).collect();
    meter.measure(n, || (0..n).for_each(|_| _ = rx.recv().expect("a send waits")));
    drop(waiting);
}

fn values_without_a_bound(n: usize, meter: &mut Meter) {
    let (tx, rx) = unbounded();
    meter.measure(2 * n, || {
        (0..n).for_each(|value| tx.send(value).expect("open"));
        (0..n).for_each(|value| assert_eq!(rx.recv(), Ok(value)));
    });
}

fn their_values_without_a_bound(n: usize, meter: &mut Meter) {
    let (tx, rx) = crossbeam_channel::unbounded();
    meter.measure(2 * n, || {
        (0..n).for_each(|value| tx.send(value).expect("open"));
        (0..n).for_each(|value| assert_eq!(rx.recv(), Ok(value)));
    });
}

fn length_of_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = full(n);
    meter.measure(FEW, || (0..FEW).for_each(|_| assert_eq!(tx.len(), n)));
}

fn their_length_of_a_full_buffer(n: usize, meter: &mut Meter) {
    let (tx, _rx) = their_full(n);
    meter.measure(FEW, || (0..FEW).for_each(|_| assert_eq!(tx.len(), n)));
}

/// Drops receives to which values have been handed, in order.
fn values_that_come_back(n: usize, meter: &mut Meter) {
    let (tx, rx) = unbounded();
    let mut waiting: Vec<_> = (0..n).map(|_| rx.recv_async()).collect();
    waiting.iter_mut().for_each(|receive| assert!(!poll(receive)));
    (0..n).for_each(|value| tx.send(value).expect("open"));
    meter.measure(2 * n, || {
        drop(waiting);
        (0..n).for_each(|value| assert_eq!(rx.recv(), Ok(value)));
    });
}

fn close_with_receives(n: usize, meter: &mut Meter, (tx, rx): Ends) {
    let mut waiting: Vec<_> = (0..n).map(|_| rx.recv_async()).collect();
    waiting.iter_mut().for_each(|receive| assert!(!poll(receive)));
    meter.measure(n, || tx.close().expect("open"));
    drop(waiting);
}

fn close_with_sends(n: usize, meter: &mut Meter, (tx, rx): Ends) {
    (0..tx.capacity().unwrap_or(0)).for_each(|value| tx.send(value).expect("room"));
    let waiting: Vec<_> = (0..n).map(|_| waiting_send(&tx)).collect();
    meter.measure(n, || rx.close().expect("open"));
    drop(waiting);
}

fn drop_refused_sends(n: usize, meter: &mut Meter) {
    let (tx, rx) = bounded(0);
    let waiting: Vec<_> = (0..n).map(|_| waiting_send(&tx)).collect();
    rx.close().expect("open");
    meter.measure(n, || drop(waiting));
}

/// The first stays.
fn drop_receives(n: usize, meter: &mut Meter, drop_all: fn(Vec<selvedge::chan::RecvFuture<'_, usize>>)) {
    let (_tx, rx) = unbounded();
    let mut first = rx.recv_async();
    assert!(!poll(&mut first));
    let mut waiting: Vec<_> = (0..n).map(|_| rx.recv_async()).collect();
    waiting.iter_mut().for_each(|receive| assert!(!poll(receive)));
    meter.measure(n, || drop_all(waiting));
}

fn messages_behind_one(n: usize, meter: &mut Meter, (tx, rx): Ends) {
    let mut forgotten = rx.recv_async();
    assert!(!poll(&mut forgotten));
    std::mem::forget(forgotten);
    tx.send(0).expect("open");
    meter.measure(n, || {
        for value in 0..n {
            tx.send(value).expect("open");
            assert_eq!(rx.recv(), Ok(value));
        }
    });
}

fn select_of_sends(n: usize, meter: &mut Meter) {
    let ends: Vec<Ends> = (0..n).map(|_| bounded(0)).collect();
    let mut select = Select::new();
    ends.iter().for_each(|(tx, _)| _ = select.send(tx));
    meter.measure(n, || assert!(select.select_timeout(Duration::ZERO).is_err()));
}

fn their_select_of_sends(n: usize, meter: &mut Meter) {
    let ends: Vec<_> = (0..n).map(|_| crossbeam_channel::bounded::<usize>(0)).collect();
    let mut select = crossbeam_channel::Select::new();
    ends.iter().for_each(|(tx, _)| _ = select.send(tx));
    meter.measure(n, || assert!(select.select_timeout(Duration::ZERO).is_err()));
}

fn select_of_sends_and_receives(n: usize, meter: &mut Meter) {
    let ends: Vec<Ends> = (0..n).map(|_| bounded(0)).collect();
    let mut select = Select::new();
    for (tx, rx) in &ends {
        let _ = (select.send(tx), select.recv(rx));
    }
    meter.measure(2 * n, || assert!(select.select_timeout(Duration::ZERO).is_err()));
}

fn select_of_timers(n: usize, meter: &mut Meter) {
    let timers: Vec<_> = (0..n).map(|_| selvedge::chan::after(LONG)).collect();
    let mut select = Select::new();
    timers.iter().for_each(|timer| _ = select.recv(timer));
    meter.measure(n, || assert!(select.select_timeout(Duration::ZERO).is_err()));
}

fn their_select_of_timers(n: usize, meter: &mut Meter) {
    let timers: Vec<_> = (0..n).map(|_| crossbeam_channel::after(LONG)).collect();
    let mut select = crossbeam_channel::Select::new();
    timers.iter().for_each(|timer| _ = select.recv(timer));
    meter.measure(n, || assert!(select.select_timeout(Duration::ZERO).is_err()));
}

/// Selects in one thread, and sends to the select in turn from another, each after an answer.
fn selects_that_win(n: usize, meter: &mut Meter) {
    let ((tx, rx), (_open, idle)) = (bounded::<usize>(0), bounded::<usize>(0));
    meter.measure(n, || {
        std::thread::scope(|scope| {
            scope.spawn(move || (0..n).for_each(|value| tx.send(value).expect("open")));
            for value in 0..n {
                select! {
                    recv(rx) -> got => assert_eq!(got, Ok(value)),
                    recv(idle) -> _ => unreachable!("nobody sends there"),
                }
            }
        });
    });
}

fn their_selects_that_win(n: usize, meter: &mut Meter) {
    let ((tx, rx), (_open, idle)) =
        (crossbeam_channel::bounded::<usize>(0), crossbeam_channel::bounded::<usize>(0));
    meter.measure(n, || {
        std::thread::scope(|scope| {
            scope.spawn(move || (0..n).for_each(|value| tx.send(value).expect("open")));
            for value in 0..n {
                crossbeam_channel::select! {
                    recv(rx) -> got => assert_eq!(got, Ok(value)),
                    recv(idle) -> _ => unreachable!("nobody sends there"),
                }
            }
        });
    });
}
