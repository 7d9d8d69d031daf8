//! Timers and tickers that are stopped and reset, and the limits of their durations.

use selvedge::chan::{Receiver, RecvTimeoutError, Select, Ticker, Timer, after, never, select, tick};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn ticks_without_a_period_are_always_ready() {
    let ticks = tick(Duration::ZERO);
    let mut last = ticks.recv().expect("always");
    for _ in 0..100 {
        let next = ticks.try_recv().expect("always");
        assert!(next >= last && next <= now());
        last = next;
        assert_eq!((ticks.len(), ticks.is_empty(), ticks.is_full()), (1, false, true));
        select! {
            recv(ticks) -> instant => assert!(instant.is_ok()),
            default => unreachable!("it is ready"),
        }
        let mut select = Select::new();
        select.recv(&ticks);
        assert!(select.try_ready().is_ok() && select.select().recv(&ticks).is_ok());
    }
    assert_eq!(ticks.iter().take(100).count(), 100);
}

/// TI-15.
#[test]
fn a_deadline_beyond_the_clock_never_fires() {
    const NEVER: Receiver<Instant> = never();
    for far in [after(Duration::MAX), tick(Duration::MAX)] {
        assert!(far.same_channel(&NEVER) && !far.same_channel(&after(HOUR)));
        assert_eq!((far.capacity(), far.len(), far.is_closed()), (Some(0), 0, false));
        assert_eq!(far.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    }
    let timer = Timer::new(Duration::MAX);
    assert!(!timer.receiver().same_channel(&NEVER));
    timer.reset(Duration::ZERO);
    assert!(timer.receiver().recv().is_ok());
    timer.reset(Duration::MAX);
    assert_eq!(timer.receiver().recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    let ticker = Ticker::new(Duration::MAX).expect("a period");
    assert_eq!(ticker.receiver().recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    ticker.reset(Duration::from_nanos(1)).expect("a period");
    assert!(ticker.receiver().recv().is_ok() && ticker.receiver().recv().is_ok());
}

/// TI-09.
#[test]
fn a_late_tick_does_not_shift_those_after_it() {
    const PERIOD: Duration = Duration::from_micros(10);
    for ticks in [tick(PERIOD), Ticker::new(PERIOD).expect("a period").receiver().clone()] {
        let first = ticks.recv().expect("it comes");
        for _ in 0..100 {
            let next = ticks.recv().expect("it comes");
            assert_eq!((next - first).as_nanos() % PERIOD.as_nanos(), 0);
        }
    }
}

/// Two threads wait with short timeouts and two reset and stop, `rounds` times each.
fn wait_and_reset(receiver: &Receiver<Instant>, set: impl Fn(usize) + Sync, rounds: usize) {
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for n in 0..rounds {
                    let patience = Duration::from_nanos(500 * (n % 4) as u64);
                    assert!(receiver.recv_timeout(patience).is_err());
                }
            });
            scope.spawn(|| (0..rounds).for_each(&set));
        }
    });
}

#[test]
fn a_reset_returns_while_receivers_cancel() {
    let timer = Timer::new(HOUR);
    let set = |n: usize| _ = if n.is_multiple_of(2) { timer.reset(HOUR) } else { timer.stop() };
    wait_and_reset(timer.receiver(), set, 5_000);
    timer.reset(Duration::ZERO);
    assert!(timer.receiver().recv().is_ok());

    let ticker = Ticker::new(HOUR).expect("a period");
    let set = |n: usize| match n % 2 {
        0 => ticker.reset(HOUR).expect("a period"),
        _ => ticker.stop(),
    };
    wait_and_reset(ticker.receiver(), set, 5_000);
    ticker.reset(Duration::from_nanos(1)).expect("a period");
    assert!(ticker.receiver().recv().is_ok() && ticker.receiver().recv().is_ok());
}

#[test]
fn a_reset_wakes_all_waiting_receivers() {
    let ticker = Ticker::new(HOUR).expect("a period");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(ticker.receiver().recv().is_ok()));
        }
        ticker.reset(Duration::from_nanos(1)).expect("a period");
    });
}
