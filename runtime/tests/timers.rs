//! Closures that run at an instant, on goroutines: they wait in the runtime's lists, and nothing stands behind a timer.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use common::{builder, on_each};
use selvedge::chan::{FuncTimer, Receiver, after_func, bounded, unbounded};
use selvedge::rt::task;
use selvedge::sync::WaitGroup;
use selvedge_go::{Deadlock, gosched, num_goroutine, sleep};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// Returns a timer whose closure sends, and where that arrives. The channel closes when the closure has been dropped.
fn sends(duration: Duration) -> (FuncTimer, Receiver<bool>) {
    let (tx, rx) = unbounded();
    let send = move || tx.send(task::is_current()).expect("it is received");
    (after_func(duration, send), rx)
}

/// TI-06.
#[test]
fn a_closure_runs_on_a_goroutine_of_its_own() {
    on_each(|| {
        let begun = Instant::now();
        let (timer, rx) = sends(MOMENT);
        assert_eq!(num_goroutine(), 1, "no goroutine stands behind a timer");
        assert_eq!(rx.recv(), Ok(true));
        assert!(begun.elapsed() >= MOMENT);
        assert!(!timer.stop() && !timer.reset(Duration::ZERO));
        assert_eq!(rx.recv(), Ok(true));
        drop(timer);
        assert!(rx.recv().is_err());
    });
}

#[test]
fn a_million_timers_are_armed_and_stopped() {
    on_each(|| {
        let timers: Vec<_> =
            (0..1_000_000).map(|_| after_func(HOUR, || unreachable!("it is stopped"))).collect();
        assert_eq!(num_goroutine(), 1);
        assert!(timers.iter().all(FuncTimer::stop));
        assert!(!timers.iter().any(FuncTimer::stop));
    });
}

#[test]
fn an_armed_timer_keeps_the_program_from_a_deadlock() {
    // The run ends the process if all goroutines are asleep and nothing could wake them.
    builder().procs(2).deadlock(Deadlock::Fatal).run(|| {
        let (_timer, rx) = sends(20 * MOMENT);
        assert_eq!(rx.recv(), Ok(true));
    });
}

/// TI-17.
#[test]
fn an_earlier_timer_wakes_the_thread_that_sleeps_until_a_later_one() {
    on_each(|| {
        let (late, later) = sends(HOUR);
        sleep(MOMENT);
        let (_early, rx) = sends(MOMENT);
        assert_eq!(rx.recv(), Ok(true));
        assert!(late.reset(MOMENT));
        assert_eq!(later.recv(), Ok(true));
    });
}

/// TI-11.
#[test]
fn timers_start_their_closures_in_order() {
    builder().procs(1).run(|| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let group = WaitGroup::new();
        // The timers, and between which instants each is due.
        let (timers, due): (Vec<_>, Vec<_>) = [7, 2, 9, 0, 4, 1, 8, 3, 6, 5]
            .map(|n| {
                let (order, done) = (Arc::clone(&order), group.clone());
                done.add(1);
                let duration = 10 * MOMENT + n * MOMENT / 10;
                let before = Instant::now() + duration;
                let timer = after_func(duration, move || {
                    order.lock().expect("no panic").push((n, std::thread::current().id()));
                    done.done();
                });
                (timer, (n, before..=Instant::now() + duration))
            })
            .into_iter()
            .unzip();
        group.wait();
        let order = order.lock().expect("no panic");
        let place = |n| order.iter().position(|(ran, _)| *ran == n).expect("each has run");
        // A closure that has begun may lose its P before it notes that, and the next ones go on on another thread.
        let are_together = |a, b| order[place(a)].1 == order[place(b)].1;
        for (first, (a, early)) in due.iter().enumerate() {
            for (b, late) in due.iter().enumerate().filter(|(other, _)| *other != first).map(|(_, due)| due) {
                let is_before = early.end() < late.start() && are_together(*a, *b);
                assert!(!is_before || place(*a) < place(*b), "{a} is due before {b}: {order:?}");
            }
        }
        assert!(!timers.iter().any(FuncTimer::stop));
    });
}

/// TI-16.
#[test]
fn timers_fire_beside_goroutines_that_never_wait() {
    on_each(|| {
        let (_timer, rx) = sends(MOMENT);
        while rx.try_recv().is_err() {
            gosched();
        }
    });
}

#[test]
fn a_timer_is_set_and_stopped_from_threads_outside_and_after_its_run_has_ended() {
    let (tx, rx) = bounded(1);
    builder().procs(2).run(|| {
        let (timer, ran) = sends(HOUR);
        let timer = std::thread::spawn(move || {
            assert!(timer.reset(HOUR) && timer.stop() && !timer.reset(MOMENT));
            timer
        });
        let timer = selvedge_go::blocking(|| timer.join()).expect("no panic");
        assert_eq!(ran.recv(), Ok(true));
        assert!(!timer.reset(HOUR));
        tx.send((timer, ran)).expect("there is room");
    });
    let (timer, ran) = rx.recv().expect("it was sent");
    assert!(!timer.stop() && !timer.reset(Duration::ZERO), "no timer of a run that has ended is armed");
    drop(timer);
    assert!(ran.recv().is_err(), "its closure is dropped");
}

/// The million timers are left out: what a mode changes, fewer show.
#[test]
fn all_pass_in_each_mode() {
    common::again_in_each_mode(&["all_pass_in_each_mode", "a_million_timers_are_armed_and_stopped"], &[]);
}
