//! Closures that run at an instant, on plain threads.

use selvedge::chan::{FuncTimer, Receiver, Sender, TryRecvError, after_func, bounded, unbounded};
use selvedge::rt::sync::atomic::AtomicUsize;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// Returns a timer whose closure sends, and where that arrives. The channel closes when the closure has been dropped.
fn sends(duration: Duration) -> (FuncTimer, Receiver<()>) {
    let (tx, rx) = unbounded();
    (after_func(duration, move || tx.send(()).expect("it is received")), rx)
}

/// TI-01.
#[test]
fn a_closure_runs_on_another_thread_once_the_time_has_passed() {
    let (tx, rx) = bounded(1);
    let begun = now();
    let timer = after_func(MOMENT, move || tx.send((now(), thread::current().id())).expect("it is received"));
    let (ran, by) = rx.recv().expect("it runs");
    assert!(ran >= begun + MOMENT && by != thread::current().id());
    assert!(!timer.stop(), "it has run");
    drop(timer);
    assert!(rx.recv().is_err(), "the closure is dropped with its timer");
}

/// TI-01.
#[test]
fn a_timer_without_a_duration_is_due_at_once() {
    let (_timer, rx) = sends(Duration::ZERO);
    assert_eq!(rx.recv(), Ok(()));
}

#[test]
fn a_timer_whose_handle_is_dropped_or_forgotten_goes_on() {
    let (timer, rx) = sends(MOMENT);
    drop(timer);
    assert_eq!(rx.recv(), Ok(()));
    assert!(rx.recv().is_err(), "the closure is dropped after its last run");
    let (timer, rx) = sends(MOMENT);
    core::mem::forget(timer);
    assert_eq!(rx.recv(), Ok(()));
    assert_eq!(rx.try_recv(), Err(TryRecvError::Empty), "the closure stays");
}

#[test]
fn a_stopped_timer_never_runs_and_can_be_set_again() {
    let (timer, rx) = sends(HOUR);
    assert!(timer.stop() && !timer.stop());
    assert!(!timer.reset(HOUR), "it was stopped");
    assert!(timer.reset(Duration::ZERO), "it was still to run");
    assert_eq!(rx.recv(), Ok(()));
    assert!(!timer.reset(Duration::ZERO), "it has run");
    assert_eq!(rx.recv(), Ok(()));
    assert!(!timer.reset(HOUR));
    assert!(timer.stop());
    drop(timer);
    assert!(rx.recv().is_err(), "nothing keeps the closure");
}

/// TI-15.
#[test]
fn a_timer_of_any_duration_is_armed() {
    for far in [HOUR, Duration::from_secs(u64::MAX), Duration::MAX] {
        let (timer, rx) = sends(far);
        assert!(timer.stop() && !timer.reset(far) && timer.reset(far) && timer.stop());
        drop(timer);
        assert!(rx.recv().is_err());
    }
}

/// TI-11.
#[test]
fn timers_start_in_the_order_of_their_instants() {
    let (tx, rx) = unbounded();
    let order = Arc::new(Mutex::new(Vec::new()));
    let late = now() + 20 * MOMENT;
    let timers: Vec<_> = [7_u32, 2, 9, 0, 4, 1, 8, 3, 6, 5]
        .map(|n| {
            let (order, tx) = (Arc::clone(&order), tx.clone());
            let when = late + n * 5 * MOMENT;
            after_func(when - now(), move || {
                order.lock().push((now() >= when, n));
                tx.send(()).expect("it is received");
            })
        })
        .into();
    timers.iter().for_each(|_| rx.recv().expect("they all run"));
    // The threads of two closures may overtake each other, so only the sum is told by the list.
    let ran = order.lock().clone();
    assert!(ran.iter().all(|(in_time, _)| *in_time), "none is early");
    assert_eq!(ran.iter().map(|(_, n)| n).sum::<u32>(), 45);
}

/// TI-17.
#[test]
fn an_earlier_timer_wakes_the_clock_that_sleeps_until_a_later_one() {
    let (late, later) = sends(HOUR);
    let (early, rx) = sends(MOMENT);
    assert_eq!(rx.recv(), Ok(()));
    assert!(late.reset(MOMENT));
    assert_eq!(later.recv(), Ok(()));
    assert!(!early.stop() && !late.stop());
}

#[test]
fn a_closure_may_set_or_stop_or_drop_its_own_timer() {
    type Own = Arc<Mutex<Option<FuncTimer>>>;
    let own = |act: fn(&Own, &Sender<bool>)| {
        let (slot, (tx, rx)) = (Own::new(Mutex::new(None)), unbounded());
        let theirs = Arc::clone(&slot);
        let timer = after_func(HOUR, move || act(&theirs, &tx));
        let armed = timer.reset(HOUR);
        let mut place = slot.lock();
        place.insert(timer).reset(Duration::ZERO);
        drop(place);
        assert!(armed);
        (slot, rx)
    };
    let (slot, rx) = own(|slot, tx| {
        let stopped = slot.lock().as_ref().is_some_and(FuncTimer::stop);
        tx.send(stopped).expect("it is received");
    });
    assert_eq!(rx.recv(), Ok(false), "it runs already");
    drop(slot.lock().take());

    let (slot, rx) = own(|slot, tx| {
        let was_armed = slot.lock().as_ref().is_some_and(|timer| timer.reset(Duration::ZERO));
        let _ = tx.send(was_armed);
    });
    (0..10).for_each(|_| assert_eq!(rx.recv(), Ok(false), "it had begun to run"));
    drop(rx);
    let timer = slot.lock().take();
    drop(timer);

    let (slot, rx) = own(|slot, tx| {
        let timer = slot.lock().take();
        tx.send(timer.is_some()).expect("it is received");
        drop(timer);
    });
    assert_eq!(rx.recv(), Ok(true));
    assert!(rx.recv().is_err(), "the closure is dropped after its run");
    assert!(slot.lock().is_none());
}

/// TI-06.
#[test]
fn a_closure_may_run_beside_itself() {
    let (tx, rx) = bounded::<()>(0);
    let (began, begins) = unbounded();
    let timer = after_func(Duration::ZERO, move || {
        began.send(()).expect("it is received");
        let _closed = rx.recv();
    });
    begins.recv().expect("it runs");
    assert!(!timer.reset(Duration::ZERO));
    begins.recv().expect("it runs a second time, while the first run waits");
    assert!(!timer.stop(), "this does not wait for either");
    drop(tx);
}

#[test]
fn a_closure_that_panics_harms_no_other() {
    let runs = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = unbounded();
    let theirs = Arc::clone(&runs);
    let timer = after_func(Duration::ZERO, move || {
        let run = theirs.fetch_add(1, SeqCst);
        tx.send(run).expect("it is received");
        assert!(run > 0, "the first run panics; this message is expected");
    });
    assert_eq!(rx.recv(), Ok(0));
    let (_other, runs) = sends(Duration::ZERO);
    assert_eq!(runs.recv(), Ok(()));
    assert!(!timer.reset(Duration::ZERO));
    assert_eq!(rx.recv(), Ok(1));
}

#[test]
fn what_happened_before_the_setting_happens_before_the_run() {
    let seen = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = unbounded();
    let theirs = Arc::clone(&seen);
    seen.store(1, SeqCst);
    let timer = after_func(Duration::ZERO, move || {
        tx.send(theirs.load(SeqCst)).expect("it is received");
    });
    assert_eq!(rx.recv(), Ok(1));
    seen.store(2, SeqCst);
    timer.reset(Duration::ZERO);
    assert_eq!(rx.recv(), Ok(2));
}

#[test]
fn of_stops_at_the_same_time_one_comes_in_time_or_the_closure_runs() {
    for round in 0..300_u32 {
        let (timer, rx) = sends(Duration::from_micros(u64::from(round % 60)));
        let stops = thread::scope(|scope| {
            let stoppers = [(); 3].map(|()| scope.spawn(|| timer.stop()));
            stoppers.into_iter().map(|stop| stop.join().expect("no panic")).filter(|won| *won).count()
        });
        drop(timer);
        assert_eq!(stops + rx.iter().count(), 1);
    }
}

/// TI-06.
#[test]
fn each_reset_that_comes_too_late_is_another_run() {
    for round in 0..100_u32 {
        let (timer, rx) = sends(Duration::from_micros(u64::from(round % 50)));
        let late = (0..5).filter(|_| !timer.reset(Duration::from_micros(5))).count();
        let stopped = usize::from(timer.stop());
        drop(timer);
        assert_eq!(rx.iter().count(), late + 1 - stopped);
    }
}
