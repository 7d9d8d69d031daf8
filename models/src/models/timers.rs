//! Timers, and selects that are built at run time.

use super::{small, until};
use selvedge::chan::{Select, Ticker, Timer, after, bounded, select};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::Duration;

const PERIOD: Duration = Duration::from_millis(1);

/// A timer's instant is received, or stopped, and not both.
pub fn an_instant_is_received_or_stopped() {
    let timer = Timer::new(Duration::ZERO);
    let rx = timer.receiver().clone();
    let receiver = thread::spawn(move || rx.try_recv().is_ok());
    let stopped = timer.stop();
    assert!(stopped != receiver.join().expect("no panic"));
    assert!(timer.receiver().try_recv().is_err());
}

/// Who waits for a timer that was stopped is woken when it is set anew.
pub fn a_reset_wakes_who_waits() {
    let timer = Arc::new(Timer::new(Duration::ZERO));
    timer.stop();
    let theirs = Arc::clone(&timer);
    let receiver = thread::spawn(move || theirs.receiver().recv().is_ok());
    timer.reset(Duration::ZERO);
    assert!(receiver.join().expect("no panic"));
}

/// To set a timer anew ends, though a receiver that waits gives up just then.
pub fn a_reset_ends_though_a_receiver_gives_up() {
    const HOUR: Duration = Duration::from_secs(3600);
    let timer = Arc::new(Timer::new(HOUR));
    let theirs = Arc::clone(&timer);
    let resets = thread::spawn(move || assert!(theirs.reset(HOUR), "its instant was still to come"));
    assert!(timer.receiver().recv_timeout(PERIOD).is_err());
    resets.join().expect("no panic");
    timer.reset(Duration::ZERO);
    assert!(timer.receiver().try_recv().is_ok() && timer.receiver().try_recv().is_err());
}

/// A ticker that is stopped and set anew at the same time ticks regularly, or not at all.
pub fn a_stop_beside_a_reset_leaves_a_ticker_that_ticks_or_does_not() {
    let ticker = Arc::new(Ticker::new(PERIOD).expect("a period"));
    let theirs = Arc::clone(&ticker);
    let stops = thread::spawn(move || theirs.stop());
    ticker.reset(PERIOD).expect("a period");
    stops.join().expect("no panic");
    let ticks = [(); 2].map(|()| ticker.receiver().recv_timeout(5 * PERIOD).is_ok());
    assert_eq!(ticks[0], ticks[1]);
    ticker.stop();
    assert!(ticker.receiver().recv_timeout(5 * PERIOD).is_err());
}

/// Of two resets at the same time one counts, with its period.
pub fn one_of_two_resets_of_a_ticker_counts() {
    let ticker = Arc::new(Ticker::new(9 * PERIOD).expect("a period"));
    let theirs = Arc::clone(&ticker);
    let begun = now();
    let resets = thread::spawn(move || theirs.reset(PERIOD).expect("a period"));
    ticker.reset(3 * PERIOD).expect("a period");
    resets.join().expect("no panic");
    let ended = now();
    let [first, second] = [(); 2].map(|()| ticker.receiver().recv().expect("it ticks"));
    // Ticks between which there is less than the longer period are those of the shorter one.
    let period = if second - first < 3 * PERIOD { PERIOD } else { 3 * PERIOD };
    assert!(first >= begun + PERIOD && first <= ended + period);
}

/// A select to which the value comes only once its case has been chosen meets a receive.
pub fn a_value_that_comes_late_is_received() {
    let (tx, rx) = small(0);
    let receiver = thread::spawn(move || rx.recv());
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    operation.send(&tx, 5).expect("the receiver waits");
    assert_eq!(receiver.join().expect("no panic"), Ok(5));
}

/// And the place that a receive frees.
pub fn a_value_that_comes_late_finds_its_place() {
    let (tx, rx) = small(1);
    tx.send(1).expect("room");
    let receiver = thread::spawn(move || [rx.recv(), rx.recv()]);
    let mut select = Select::new();
    select.send(&tx);
    let operation = select.select();
    operation.send(&tx, 2).expect("there is room");
    assert_eq!(receiver.join().expect("no panic"), [Ok(1), Ok(2)]);
}

const A_WHILE: Duration = Duration::from_millis(1);

/// A select that waits in a channel and for a timer keeps its place there, also when somebody else receives the instant.
pub fn a_select_whose_timer_others_received_keeps_its_place() {
    let (tx, rx) = bounded(2);
    let (timer, ended) = (after(A_WHILE), Arc::new(AtomicBool::new(false)));
    let (theirs, instant, end) = (rx.clone(), timer.clone(), Arc::clone(&ended));
    let first = thread::spawn(move || {
        let got = select! { recv(theirs) -> got => got.ok(), recv(instant) -> _ => None };
        end.store(true, Release);
        got
    });
    // SAFETY: there is no earlier ticket.
    until(|| ended.load(Acquire) || unsafe { rx.waits_at(0) });
    if timer.recv_timeout(2 * A_WHILE).is_err() {
        return assert_eq!(first.join().expect("no panic"), None, "the select received the instant");
    }
    let theirs = rx.clone();
    let second = thread::spawn(move || theirs.recv());
    // SAFETY: nobody sends, so the select waits.
    until(|| unsafe { rx.waits_at(1) });
    (1..=2).for_each(|n| tx.send(n).expect("room"));
    assert_eq!((first.join().expect("no panic"), second.join().expect("no panic")), (Some(1), Ok(2)));
}

/// A value and an instant come at the same time for a select: it receives one of them, and the other is left.
pub fn a_select_that_is_chosen_leaves_its_timer() {
    let (tx, rx) = small(0);
    let timer = after(A_WHILE);
    let (theirs, instant) = (rx.clone(), timer.clone());
    let receiver = thread::spawn(move || {
        select! { recv(theirs) -> got => got.ok(), recv(instant) -> _ => None }
    });
    let sender = thread::spawn(move || tx.send(1));
    let got = receiver.join().expect("no panic");
    match got {
        Some(value) => assert_eq!((value, timer.recv().is_ok()), (1, true)),
        None => assert_eq!((timer.try_recv().is_err(), rx.recv()), (true, Ok(1))),
    }
    sender.join().expect("no panic").expect("open");
}
