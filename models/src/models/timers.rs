//! Timers, and selects that are built at run time.

use super::small;
use selvedge::chan::{Select, Timer};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use std::time::Duration;

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
