//! Timers, tickers and time-outs by the clock of a bubble.

use super::{HOUR, SECOND, flag};
use crate::common::panic_of;
use selvedge::chan::{Ticker, Timer, after, bounded, select, tick, unbounded};
use selvedge::context::{background, with_timeout};
use selvedge::rt::thread::sleep;
use selvedge::rt::time::now;
use selvedge::sync::{Cond, Mutex, RwMutex, Semaphore, WaitGroup};
use selvedge::testing::{Bubble, bubble};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// TI-09.
#[test]
fn timers_and_tickers_go_by_the_clock() {
    bubble(|b| {
        let begun = now();
        let ticker = Ticker::new(HOUR).expect("a period");
        assert_eq!(ticker.receiver().recv(), Ok(begun + HOUR));
        sleep(HOUR * 10);
        // Ticks that nobody received in time are dropped.
        assert_eq!(ticker.receiver().recv(), Ok(begun + HOUR * 2));
        assert!(ticker.receiver().try_recv().is_err());
        ticker.reset(SECOND).expect("a period");
        assert_eq!(ticker.receiver().recv(), Ok(begun + HOUR * 11 + SECOND));
        let ticks = tick(SECOND);
        assert_eq!(ticks.iter().nth(9), Some(begun + HOUR * 11 + SECOND * 11));
        assert_eq!(b.elapsed(), HOUR * 11 + SECOND * 11);
    });
}

#[test]
fn closures_of_timers_run_in_the_bubble_at_their_moments() {
    bubble(|b| {
        let begun = now();
        let (tx, rx) = unbounded();
        let timers: Vec<_> = [3, 1, 2]
            .map(|hours| {
                let tx = tx.clone();
                selvedge::chan::after_func(HOUR * hours, move || {
                    tx.send((hours, now() - begun)).expect("a receiver")
                })
            })
            .into_iter()
            .collect();
        assert!(timers[2].stop() && timers[0].reset(HOUR * 4));
        b.sleep(HOUR * 10);
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [(1, HOUR), (3, HOUR * 4)]);
        assert!(!timers[1].reset(HOUR));
        assert_eq!(rx.recv(), Ok((1, HOUR * 11)));
    });
}

#[test]
fn a_timer_that_has_not_come_at_the_end_runs_nothing() {
    let (ran, theirs) = flag();
    let timer = bubble(|_| selvedge::chan::after_func(HOUR, move || theirs.store(true, Relaxed)));
    drop(timer);
    assert!(!ran.load(Relaxed));
    assert_eq!(Arc::strong_count(&ran), 1, "the closure has been dropped");
}

#[test]
fn a_panic_of_a_timer_comes_out_at_the_end() {
    let text = panic_of(|| {
        bubble(|b| {
            let _timer = selvedge::chan::after_func(HOUR, || panic!("as planned"));
            b.sleep(HOUR);
        });
    });
    assert_eq!(text, "as planned");
}

#[test]
fn time_outs_go_by_the_clock() {
    bubble(|b| {
        let lapses = |b: &Bubble, timed: &mut dyn FnMut()| {
            let begun = b.elapsed();
            timed();
            assert_eq!(b.elapsed() - begun, HOUR);
        };
        let (tx, rx) = bounded(1);
        lapses(b, &mut || assert!(rx.recv_timeout(HOUR).is_err()));
        tx.send(()).expect("room");
        lapses(b, &mut || assert!(tx.send_timeout((), HOUR).is_err()));
        lapses(b, &mut || assert!(tx.send_deadline((), now() + HOUR).is_err()));
        let (_tx, silent) = bounded::<()>(0);
        lapses(b, &mut || {
            select! {
                recv(silent) -> _value => unreachable!("nobody sends"),
                default(HOUR) => (),
            }
        });
        let (lock, rw, cond) = (Mutex::new(()), RwMutex::new(()), Cond::new());
        let mut held = lock.lock();
        lapses(b, &mut || assert!(lock.try_lock_for(HOUR).is_none()));
        lapses(b, &mut || assert!(!cond.wait_timeout(&mut held, HOUR)));
        let read = rw.read();
        lapses(b, &mut || assert!(rw.try_write_for(HOUR).is_none()));
        drop(read);
        let semaphore = Semaphore::new(0);
        lapses(b, &mut || assert!(semaphore.acquire_timeout(1, HOUR).is_none()));
        let group = WaitGroup::new();
        let task = group.task();
        lapses(b, &mut || assert!(!group.wait_timeout(HOUR)));
        drop(task);
        let (context, _cancel) = with_timeout(&background(), HOUR);
        lapses(b, &mut || assert!(context.done().recv().is_err()));
        assert!(context.err().is_some());
    });
}

#[test]
fn a_lock_that_comes_free_ends_a_time_out() {
    bubble(|b| {
        let lock = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&lock);
        let (tx, rx) = bounded::<()>(0);
        b.spawn(move || {
            let _held = theirs.lock();
            drop(tx);
            sleep(SECOND);
        });
        _ = rx.recv();
        assert!(lock.try_lock_for(HOUR).is_some());
        assert_eq!(b.elapsed(), SECOND);
    });
}

#[test]
fn a_lock_of_rt_and_its_condition_work_inside() {
    use selvedge::rt::sync::{Condvar, Mutex};
    bubble(|b| {
        let pair = Arc::new((Mutex::new(0), Condvar::new()));
        let theirs = Arc::clone(&pair);
        b.spawn(move || {
            sleep(HOUR);
            *theirs.0.lock() = 1;
            theirs.1.notify_all();
        });
        let mut number = pair.0.lock();
        while *number == 0 {
            number = pair.1.wait(number);
        }
        assert_eq!(b.elapsed(), HOUR);
    });
}

/// TI-02.
#[test]
fn a_timer_that_nobody_waited_for_has_one_instant_for_the_next_receiver() {
    bubble(|b| {
        let (begun, timer) = (now(), Timer::new(SECOND));
        let ticker = Ticker::new(SECOND).expect("a period");
        b.sleep(HOUR);
        assert_eq!(timer.receiver().try_recv(), Ok(begun + SECOND));
        assert!(timer.receiver().try_recv().is_err());
        assert_eq!(ticker.receiver().try_recv(), Ok(begun + SECOND));
        assert!(ticker.receiver().try_recv().is_err(), "one of thousands");
        timer.reset(SECOND);
        b.sleep(HOUR);
        assert!(timer.reset(HOUR), "nobody has received its instant");
        assert!(timer.receiver().try_recv().is_err());
    });
}

/// TI-05.
#[test]
fn a_timer_whose_instant_was_received_is_stopped_and_reset_too_late() {
    bubble(|_| {
        let (begun, timer) = (now(), Timer::new(SECOND));
        assert_eq!(timer.receiver().recv(), Ok(begun + SECOND));
        assert!(!timer.stop() && !timer.reset(SECOND));
        assert_eq!(timer.receiver().recv(), Ok(begun + SECOND * 2), "it is armed all the same");
        assert!(!timer.reset(SECOND) && timer.reset(HOUR) && timer.stop() && !timer.stop());
        assert!(timer.receiver().recv_timeout(HOUR * 2).is_err());
    });
}

/// A ticker needs a period; a channel of ticks without one is always ready, as crossbeam's is, where Go's is nil. TI-08.
#[test]
fn a_ticker_has_a_period() {
    bubble(|b| {
        assert!(Ticker::new(Duration::ZERO).is_err());
        let ticker = Ticker::new(SECOND).expect("a period");
        assert!(ticker.reset(Duration::ZERO).is_err());
        assert!(ticker.receiver().recv().is_ok() && tick(Duration::ZERO).recv().is_ok());
        assert_eq!(b.elapsed(), SECOND, "it ticks on");
    });
}

/// TI-10.
#[test]
fn a_ticker_that_is_stopped_keeps_its_channel_open() {
    bubble(|_| {
        let ticker = Ticker::new(SECOND).expect("a period");
        ticker.stop();
        assert_eq!(ticker.receiver().recv_timeout(HOUR), Err(selvedge::chan::RecvTimeoutError::Timeout));
        assert!(!ticker.receiver().is_closed());
    });
}

/// TI-13.
#[test]
fn an_instant_that_nobody_waited_for_is_stamped_with_its_time() {
    bubble(|b| {
        let (begun, instant) = (now(), after(SECOND));
        b.sleep(HOUR);
        assert_eq!(instant.try_recv(), Ok(begun + SECOND));
        assert!(instant.try_recv().is_err());
    });
}
