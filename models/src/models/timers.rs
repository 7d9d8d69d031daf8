//! Models of timers, and of selects that are built at run time.

use super::mutants::{DECIDE, EXPANDING_WAKES_SELECT, NOT_TOLD, SEND_WAKES_SELECT};
use super::{Model, Plain, model, models, mutant_of, small, until};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::chan::{FuncTimer, Receiver, Select, Ticker, Timer, after, after_func, bounded, select};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge_check::{Change, FailureKind};
use std::time::Duration;

models![
    an_instant_is_received_or_stopped,
    a_reset_wakes_a_waiting_receiver,
    a_reset_ends_though_a_receiver_gives_up,
    a_stop_beside_a_reset_leaves_a_ticker_that_ticks_or_does_not,
    one_of_two_resets_of_a_ticker_counts,
    a_value_that_comes_late_is_received,
    a_value_that_comes_late_finds_its_place,
    a_select_whose_timer_others_received_keeps_its_place,
    a_select_that_is_chosen_leaves_its_timer,
    a_function_timer_is_stopped_or_runs,
    a_function_timer_that_is_reset_runs_once_more_or_was_armed,
    one_of_two_stops_of_a_function_timer_comes_in_time,
    a_setting_happens_before_the_run,
];

const ALARM: Mutant = mutant_of!("primitives/src/chan/timer/alarm.rs");
/// An instant is received, and stays in the channel.
const TAKE_INSTANT: Mutant = ALARM.lose("take-instant", FailureKind::Panic);
/// A ticker that was stopped ticks on; or a ticker that was reset does not tick.
const STOP_TICKS: Mutant = ALARM.lose("stop-ticks", FailureKind::Panic);
const START_TICKS: Mutant = ALARM.lose("start-ticks", FailureKind::Deadlock).or(FailureKind::Panic);

const FUNC: Mutant = mutant_of!("primitives/src/rt/timer.rs");
/// A timer whose closure has started stays armed.
const STAYS_ARMED: Mutant = FUNC.mutant("disarm", Change::Twin, FailureKind::Panic, Needs::Interleavings);
/// A timer that was stopped or set anew runs its closure all the same.
const STAYS_IN: Mutant = FUNC.mutant("take-out", Change::Twin, FailureKind::Panic, Needs::Interleavings);
/// A stop says that it came in time, and came too late.
const SAYS_ARMED: Mutant = FUNC.mutant("say-armed", Change::Twin, FailureKind::Panic, Needs::Interleavings);

const PERIOD: Duration = Duration::from_millis(1);

/// A timer's instant is received, or `stop` takes it back, and not both. TI-03, TI-14.
fn an_instant_is_received_or_stopped() -> Model {
    model("an instant is received or stopped, and not both", || {
        let timer = Timer::new(Duration::ZERO);
        let rx = timer.receiver().clone();
        let receiver = thread::spawn(move || rx.try_recv().is_ok());
        let stopped = timer.stop();
        assert!(stopped != receiver.join().expect("no panic"));
        assert!(timer.receiver().try_recv().is_err());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([TAKE_INSTANT])
}

/// A reset of a timer that was stopped wakes the receiver that waits. TI-04.
fn a_reset_wakes_a_waiting_receiver() -> Model {
    model("a reset wakes a receiver that waits for a timer", || {
        let timer = Arc::new(Timer::new(Duration::ZERO));
        timer.stop();
        let theirs = Arc::clone(&timer);
        let receiver = thread::spawn(move || theirs.receiver().recv().is_ok());
        timer.reset(Duration::ZERO);
        assert!(receiver.join().expect("no panic"));
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([SEND_WAKES_SELECT])
}

/// A reset returns, though a receiver that waits times out at that moment.
fn a_reset_ends_though_a_receiver_gives_up() -> Model {
    model("a reset returns though a receiver times out", || {
        const HOUR: Duration = Duration::from_secs(3600);
        let timer = Arc::new(Timer::new(HOUR));
        let theirs = Arc::clone(&timer);
        let resets = thread::spawn(move || assert!(theirs.reset(HOUR), "its instant was still to come"));
        assert!(timer.receiver().recv_timeout(PERIOD).is_err());
        resets.join().expect("no panic");
        timer.reset(Duration::ZERO);
        assert!(timer.receiver().try_recv().is_ok() && timer.receiver().try_recv().is_err());
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([TAKE_INSTANT])
}

/// A ticker that is stopped and reset at the same time ticks regularly, or not at all.
fn a_stop_beside_a_reset_leaves_a_ticker_that_ticks_or_does_not() -> Model {
    model("a ticker that is stopped and reset ticks or does not", || {
        let ticker = Arc::new(Ticker::new(PERIOD).expect("a period"));
        let theirs = Arc::clone(&ticker);
        let stops = thread::spawn(move || theirs.stop());
        ticker.reset(PERIOD).expect("a period");
        stops.join().expect("no panic");
        let ticks = [(); 2].map(|()| ticker.receiver().recv_timeout(5 * PERIOD).is_ok());
        assert_eq!(ticks[0], ticks[1]);
        ticker.stop();
        assert!(ticker.receiver().recv_timeout(5 * PERIOD).is_err());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([STOP_TICKS])
}

/// Two threads reset a ticker: one period counts.
fn one_of_two_resets_of_a_ticker_counts() -> Model {
    model("one of two resets of a ticker counts", || {
        let ticker = Arc::new(Ticker::new(9 * PERIOD).expect("a period"));
        let theirs = Arc::clone(&ticker);
        let begun = now();
        let resets = thread::spawn(move || theirs.reset(PERIOD).expect("a period"));
        ticker.reset(3 * PERIOD).expect("a period");
        resets.join().expect("no panic");
        let ended = now();
        let [first, second] = [(); 2].map(|()| ticker.receiver().recv().expect("it ticks"));
        // Two ticks closer than the longer period are ticks of the shorter one.
        let period = if second - first < 3 * PERIOD { PERIOD } else { 3 * PERIOD };
        assert!(first >= begun + PERIOD && first <= ended + period);
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([START_TICKS])
}

/// A select that gets its value only once its case has been chosen meets a receive.
fn a_value_that_comes_late_is_received() -> Model {
    model("a value that comes late is received", || {
        let (tx, rx) = small(0);
        let receiver = thread::spawn(move || rx.recv());
        let mut select = Select::new();
        select.send(&tx);
        let operation = select.select();
        operation.send(&tx, 5).expect("the receiver waits");
        assert_eq!(receiver.join().expect("no panic"), Ok(5));
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([NOT_TOLD])
}

/// A select that gets its value only once its case has been chosen gets the place that a receive frees.
fn a_value_that_comes_late_finds_its_place() -> Model {
    model("a value that comes late finds its place", || {
        let (tx, rx) = small(1);
        tx.send(1).expect("room");
        let receiver = thread::spawn(move || [rx.recv(), rx.recv()]);
        let mut select = Select::new();
        select.send(&tx);
        let operation = select.select();
        operation.send(&tx, 2).expect("there is room");
        assert_eq!(receiver.join().expect("no panic"), [Ok(1), Ok(2)]);
    })
    .bound(2)
    .catches([EXPANDING_WAKES_SELECT])
}

const A_WHILE: Duration = Duration::from_millis(1);

/// A select that waits in a channel and for a timer keeps its place in the channel, though another receiver gets the
/// instant.
fn a_select_whose_timer_others_received_keeps_its_place() -> Model {
    model("a select keeps its places when another receiver gets its instant", || {
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
    })
    .bound(2)
    .catches([SEND_WAKES_SELECT])
}

/// A value and an instant arrive for a select at the same time: the select receives one of them, and the other stays.
fn a_select_that_is_chosen_leaves_its_timer() -> Model {
    model("a select that is chosen leaves its timer's instant to others", || {
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
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([DECIDE])
}

/// A timer whose closure sends; the channel is closed once the closure has been dropped.
fn sends(duration: Duration) -> (FuncTimer, Receiver<()>) {
    let (tx, rx) = bounded(2);
    (after_func(duration, move || tx.send(()).expect("there is room")), rx)
}

/// A function timer is stopped at its instant. TI-14.
fn a_function_timer_is_stopped_or_runs() -> Model {
    model("a function timer is stopped or runs, and not both", || {
        let (timer, rx) = sends(Duration::ZERO);
        let stopped = timer.stop();
        assert!(!timer.stop(), "it is not armed any more");
        drop(timer);
        assert_eq!(rx.recv().is_err(), stopped);
        assert!(rx.recv().is_err(), "it runs once at most");
    })
    .of_specified()
    .reaches(Reach::Everything)
    .catches([STAYS_ARMED, STAYS_IN, SAYS_ARMED])
}

/// A function timer is set anew at its instant.
fn a_function_timer_that_is_reset_runs_once_more_or_was_armed() -> Model {
    model("a reset of a function timer that came too late is another run", || {
        let (timer, rx) = sends(Duration::ZERO);
        let was_armed = timer.reset(Duration::ZERO);
        drop(timer);
        assert_eq!(rx.iter().count(), if was_armed { 1 } else { 2 });
    })
    .of_specified()
    .reaches(Reach::Everything)
    .catches([STAYS_ARMED.or(FailureKind::Deadlock), STAYS_IN, SAYS_ARMED])
}

/// Two threads stop a function timer at its instant.
fn one_of_two_stops_of_a_function_timer_comes_in_time() -> Model {
    model("of two stops and a run of a function timer one happens", || {
        let (timer, rx) = sends(Duration::ZERO);
        let timer = Arc::new(timer);
        let theirs = Arc::clone(&timer);
        let other = thread::spawn(move || theirs.stop());
        let here = timer.stop();
        drop(timer);
        let there = other.join().expect("no panic");
        assert_eq!(usize::from(here) + usize::from(there) + rx.iter().count(), 1);
    })
    .of_specified()
    .reaches(Reach::Everything)
    .catches([STAYS_ARMED, STAYS_IN, SAYS_ARMED])
}

/// A thread writes without synchronization and sets a timer.
fn a_setting_happens_before_the_run() -> Model {
    model("the setting of a function timer happens before its run", || {
        let (data, (tx, rx)) = (Arc::new(Plain::new(0)), bounded(2));
        let theirs = Arc::clone(&data);
        let timer = after_func(Duration::ZERO, move || _ = tx.send(theirs.get()));
        if timer.stop() {
            data.set(1);
            assert!(!timer.reset(Duration::ZERO), "it was stopped");
            assert_eq!(rx.recv(), Ok(1));
        } else {
            assert_eq!(rx.recv(), Ok(0));
        }
    })
    .of_specified()
    .reaches(Reach::Everything)
    .catches([STAYS_IN])
}
