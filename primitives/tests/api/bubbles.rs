//! Virtual time: what Go's `testing/synctest` promises, by the names ST-01 to ST-13 of its list of behaviours.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "these tests are no models")]

use crate::common::panic_of;
use selvedge::chan::{Receiver, Ticker, Timer, after, bounded, never, select, tick, unbounded};
use selvedge::context::{after_func, background, with_cancel, with_deadline, with_timeout};
use selvedge::rt::thread::sleep;
use selvedge::rt::time::now;
use selvedge::sync::{Barrier, Cond, ErrGroup, Mutex, RwMutex, Semaphore, WaitGroup};
use selvedge::testing::{Bubble, bubble, wait, wall};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant, UNIX_EPOCH};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A flag that a goroutine sets.
fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
    let flag = Arc::new(AtomicBool::new(false));
    (Arc::clone(&flag), flag)
}

#[test]
fn st01_what_is_started_inside_belongs_to_the_bubble() {
    bubble(|b| {
        let (group, errors) = (WaitGroup::new(), ErrGroup::<()>::new());
        let ended = Arc::new(AtomicUsize::new(0));
        let count = |ended: &Arc<AtomicUsize>| {
            let ended = Arc::clone(ended);
            move || {
                sleep(HOUR);
                ended.fetch_add(1, Relaxed);
            }
        };
        b.spawn(count(&ended));
        let nested = count(&ended);
        group.go(move || WaitGroup::new().go(nested));
        let body = count(&ended);
        errors.go(move |_| {
            body();
            Ok(())
        });
        let (context, cancel) = with_cancel(&background());
        after_func(&context, count(&ended));
        cancel.cancel();
        wait();
        assert_eq!(ended.load(Relaxed), 0);
        b.sleep(HOUR);
        assert_eq!((ended.load(Relaxed), b.elapsed()), (4, HOUR));
    });
}

#[test]
fn st01_a_bubble_in_a_bubble_panics() {
    let text = panic_of(|| bubble(|_| bubble(|_| ())));
    assert!(text.contains("begins inside the bubble at "), "{text}");
    let text = panic_of(|| bubble(|b| b.spawn(|| bubble(|_| ())).join().map_err(std::panic::resume_unwind)));
    assert!(text.contains("begins inside the bubble at "), "{text}");
}

#[test]
fn st01_an_empty_bubble_returns_what_its_closure_does() {
    assert_eq!(bubble(|_| 7), 7);
}

#[test]
fn st02_the_clock_starts_in_2000_and_each_bubble_has_its_own() {
    for _ in 0..2 {
        bubble(|b| {
            let start = UNIX_EPOCH + Duration::from_secs(946_684_800);
            assert_eq!((b.wall(), b.elapsed()), (start, Duration::ZERO));
            let begun = now();
            assert_eq!(begun, b.now());
            sleep(HOUR);
            assert_eq!((wall(), now()), (start + HOUR, begun + HOUR));
        });
    }
}

#[test]
fn st03_time_jumps_to_the_next_timer_when_all_are_blocked() {
    bubble(|b| {
        let begun = now();
        let (tx, rx) = unbounded();
        for hours in [3, 1, 2] {
            let tx = tx.clone();
            b.spawn(move || {
                sleep(HOUR * hours);
                tx.send((hours, now() - begun)).expect("a receiver");
            });
        }
        drop(tx);
        let woken: Vec<_> = rx.iter().collect();
        assert_eq!(woken, [1, 2, 3].map(|hours| (hours, HOUR * hours)));
    });
}

#[test]
fn st03_time_stands_still_while_a_goroutine_runs() {
    bubble(|b| {
        let (woken, theirs) = flag();
        b.spawn(move || {
            sleep(Duration::from_nanos(1));
            theirs.store(true, Relaxed);
        });
        let begun = now();
        for _ in 0..1000 {
            std::thread::yield_now();
            assert!(!woken.load(Relaxed) && now() == begun);
        }
        b.sleep(Duration::from_nanos(1));
        assert!(woken.load(Relaxed));
    });
}

#[test]
fn st03_a_timer_that_is_reset_counts_from_then() {
    bubble(|b| {
        let begun = now();
        let timer = Timer::new(HOUR);
        sleep(HOUR / 2);
        assert!(timer.reset(HOUR));
        assert_eq!(timer.receiver().recv(), Ok(begun + HOUR + HOUR / 2));
        assert_eq!(b.elapsed(), HOUR + HOUR / 2);
    });
}

/// Lets a goroutine block by `block`, which is told what ends it; and asserts whether an hour passes meanwhile.
fn moves_time(block: impl FnOnce(Receiver<()>) + Send + 'static) {
    bubble(|b| {
        let (tx, rx) = bounded(0);
        let begun = now();
        let blocked = b.spawn(move || block(rx));
        assert!(after(HOUR).recv().is_ok());
        assert_eq!(now() - begun, HOUR);
        drop(tx);
        blocked.join().expect("no panic");
    });
}

#[test]
fn st04_waits_for_members_are_rests() {
    moves_time(|rx| _ = rx.recv());
    moves_time(|rx| {
        let (tx, full) = bounded(1);
        tx.send(()).expect("room");
        select! {
            recv(rx) -> _closed => (),
            send(tx, ()) -> _sent => unreachable!("it is full"),
        }
        drop(full);
    });
    moves_time(|rx| {
        let nil = never::<()>();
        select! { recv(nil) -> _value => (), recv(rx) -> _closed => () }
    });
    moves_time(|rx| {
        let group = WaitGroup::new();
        group.go(move || rx.recv());
        group.wait();
    });
    moves_time(|rx| {
        let pair = Arc::new((Mutex::new(false), Cond::new()));
        let theirs = Arc::clone(&pair);
        WaitGroup::new().go(move || {
            _ = rx.recv();
            *theirs.0.lock() = true;
            theirs.1.broadcast();
        });
        let mut done = pair.0.lock();
        while !*done {
            pair.1.wait(&mut done);
        }
    });
    moves_time(|rx| {
        let semaphore = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&semaphore);
        WaitGroup::new().go(move || {
            _ = rx.recv();
            theirs.release(1);
        });
        semaphore.acquire(1).forget();
    });
    moves_time(|rx| {
        let barrier = Arc::new(Barrier::new(2));
        let theirs = Arc::clone(&barrier);
        WaitGroup::new().go(move || {
            _ = rx.recv();
            theirs.wait();
        });
        barrier.wait();
    });
    moves_time(|rx| WaitGroup::new().go(move || _ = rx.recv()).join().expect("no panic"));
}

#[test]
fn st04_a_wait_for_a_lock_is_none() {
    bubble(|b| {
        let lock = Arc::new(Mutex::new(()));
        let held = lock.lock();
        let (slept, theirs) = flag();
        b.spawn(move || {
            sleep(SECOND);
            theirs.store(true, Relaxed);
        });
        let other = Arc::clone(&lock);
        let locks = b.spawn(move || drop(other.lock()));
        for _ in 0..1000 {
            std::thread::yield_now();
            assert!(!slept.load(Relaxed), "a goroutine waits for a lock");
        }
        drop(held);
        locks.join().expect("no panic");
        b.sleep(SECOND);
        assert!(slept.load(Relaxed));
    });
}

#[test]
fn st04_a_wait_for_a_foreign_channel_is_none() {
    let (tx, rx) = bounded::<()>(0);
    let (closes, told) = bounded::<()>(0);
    let outside = selvedge::rt::thread::spawn(move || {
        told.recv().expect_err("it is closed");
        drop(tx);
    });
    bubble(|b| {
        let begun = now();
        let slept = b.spawn(move || {
            sleep(HOUR);
            now() - begun
        });
        drop(closes);
        select! {
            recv(rx) -> closed => assert!(closed.is_err()),
            recv(after(HOUR / 2)) -> _instant => unreachable!("time stands still"),
        }
        assert_eq!(now(), begun);
        assert_eq!(slept.join().expect("no panic"), HOUR);
    });
    outside.join().expect("no panic");
}

#[test]
fn st05_wait_returns_when_all_others_rest() {
    bubble(|b| {
        let (tx, rx) = bounded::<u32>(0);
        let count = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&count);
        b.spawn(move || {
            for _ in rx.iter() {
                theirs.fetch_add(1, Relaxed);
            }
        });
        for n in 0..100 {
            wait();
            assert_eq!(count.load(Relaxed), n);
            tx.send(1).expect("a receiver");
        }
        assert_eq!(b.elapsed(), Duration::ZERO);
    });
}

#[test]
fn st05_what_the_others_did_happens_before_wait_returns() {
    struct Plain(std::cell::UnsafeCell<u64>);
    // SAFETY: the test reads the number only when the goroutine rests that writes to it.
    unsafe impl Sync for Plain {}
    let plain = Arc::new(Plain(std::cell::UnsafeCell::new(0)));
    bubble(|b| {
        let theirs = Arc::clone(&plain);
        b.spawn(move || {
            for n in 1..=100 {
                sleep(SECOND);
                // SAFETY: the others rest, and read the number only in `wait`, which waits for this thread to rest.
                unsafe { *theirs.0.get() = n };
            }
        });
        for n in 1..=100 {
            b.sleep(SECOND);
            // SAFETY: the goroutine that writes rests until this one does, so nothing writes meanwhile.
            assert_eq!(unsafe { *plain.0.get() }, n);
        }
    });
}

#[test]
fn st05_one_wait_at_a_time_and_none_outside() {
    assert!(panic_of(wait).contains("outside any bubble"));
    bubble(|b| {
        // Whichever comes first waits for the other, which runs until it is the second.
        let call = || catch_unwind(wait);
        let other = b.spawn(call);
        let panics: Vec<_> =
            [call(), other.join().expect("no panic")].into_iter().filter_map(Result::err).collect();
        assert_eq!(panics.len(), 1);
        let text = panics[0].downcast_ref::<String>().expect("a text");
        assert!(text.contains("while another goroutine of the bubble at "), "{text}");
    });
}

#[test]
fn st06_a_deadlock_is_a_panic_of_the_main_goroutine() {
    let text = panic_of(|| {
        bubble(|b| {
            let ((tx, rx), (_tx, idle)) = (bounded::<()>(0), bounded::<()>(0));
            b.spawn(move || {
                _ = tx.send(());
                _ = idle.recv();
            });
            rx.recv().expect("a sender");
            WaitGroup::new().go(move || rx.recv()).join()
        })
    });
    assert!(
        text.contains("deadlock: all goroutines of the bubble at ") && text.contains("are blocked"),
        "{text}"
    );
    for line in [
        "goroutine 1, begun at ",
        ": joins a goroutine\n",
        "goroutine 3, started at ",
        ": receives from a channel\n",
    ] {
        assert!(text.contains(line), "{line:?} in {text}");
    }
}

#[test]
fn st06_goroutines_that_main_leaves_blocked_are_a_deadlock() {
    let (tx, rx) = bounded::<()>(0);
    drop(tx);
    let text = panic_of(|| {
        bubble(|b| {
            let (tx, rx) = bounded::<()>(0);
            b.spawn(move || {
                // Both sides are here.
                let _tx = tx;
                rx.recv()
            });
        });
    });
    assert!(text.contains("the main goroutine of the bubble at ") && text.contains("has ended"), "{text}");
    assert!(
        text.contains("goroutine 2, started at ") && text.contains(": receives from a channel"),
        "{text}"
    );
    assert!(rx.recv().is_err());
}

#[test]
fn st07_time_stands_still_once_main_has_ended() {
    let (ran, theirs) = flag();
    let text = panic_of(|| {
        bubble(|b| {
            b.spawn(move || {
                sleep(SECOND);
                theirs.store(true, Relaxed);
            });
        });
    });
    assert!(text.contains("has ended") && text.contains(": sleeps"), "{text}");
    assert!(!ran.load(Relaxed));
}

#[test]
fn st08_the_bubble_returns_when_all_have_ended() {
    let (ended, theirs) = flag();
    bubble(|b| {
        let (tx, rx) = bounded::<()>(0);
        b.spawn(move || {
            _ = rx.recv();
            (0..1000).for_each(|_| std::thread::yield_now());
            theirs.store(true, Relaxed);
        });
        drop(tx);
    });
    assert!(ended.load(Relaxed));
}

#[test]
fn st10_those_that_are_due_at_one_moment_go_on_in_no_order() {
    let mut orders = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let order = bubble(|b| {
            let (tx, rx) = unbounded();
            for n in 0..3 {
                let tx = tx.clone();
                b.spawn(move || {
                    sleep(SECOND);
                    tx.send(n).expect("a receiver");
                });
            }
            drop(tx);
            rx.iter().collect::<Vec<_>>()
        });
        orders.insert(order);
        if orders.len() > 1 {
            return;
        }
    }
    panic!("the order was {orders:?} each time");
}

#[test]
fn st11_what_is_due_now_comes_before_time_moves() {
    bubble(|b| {
        let begun = now();
        assert_eq!(after(Duration::ZERO).try_recv(), Ok(begun));
        assert_eq!(Timer::new(Duration::ZERO).receiver().recv(), Ok(begun));
        let (context, _cancel) = with_deadline(&background(), begun);
        assert!(context.err().is_some());
        let (ran, theirs) = flag();
        after_func(&context, move || theirs.store(true, Relaxed));
        wait();
        assert!(ran.load(Relaxed));
        assert_eq!(b.elapsed(), Duration::ZERO);
    });
}

#[test]
fn st11_a_closure_that_is_due_now_runs_before_wait_returns() {
    bubble(|b| {
        let (ran, theirs) = flag();
        let timer = selvedge::chan::after_func(Duration::ZERO, move || theirs.store(true, Relaxed));
        assert!(!ran.load(Relaxed), "it runs when all others rest");
        wait();
        assert!(ran.load(Relaxed) && !timer.stop());
        assert_eq!(b.elapsed(), Duration::ZERO);
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
fn st12_sleep_of_a_bubble_sleeps_and_waits() {
    bubble(|b| {
        let (ran, theirs) = flag();
        b.spawn(move || {
            sleep(SECOND);
            std::thread::yield_now();
            theirs.store(true, Relaxed);
        });
        b.sleep(SECOND);
        assert!(ran.load(Relaxed));
    });
}

#[test]
fn st13_channels_made_outside_are_ordinary() {
    let (tx, rx) = bounded(1);
    bubble(|b| {
        tx.send(7).expect("room");
        let other = rx.clone();
        assert_eq!(b.spawn(move || other.recv()).join().expect("no panic"), Ok(7));
        tx.send(8).expect("room");
    });
    assert_eq!(rx.recv(), Ok(8));
}

#[test]
fn handles_may_be_dropped_outside() {
    let (tx, rx, timer) = bubble(|_| {
        let (tx, rx) = bounded::<()>(1);
        (tx, rx, Timer::new(HOUR))
    });
    drop((tx.clone(), rx.clone()));
    drop((timer, tx, rx));
}

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
fn a_panic_of_the_closure_comes_out_and_the_others_end_first() {
    let (ended, theirs) = flag();
    let text = panic_of(|| {
        bubble(|b| {
            let (_tx, rx) = bounded::<()>(0);
            b.spawn(move || {
                _ = rx.recv();
                theirs.store(true, Relaxed);
            });
            panic!("as planned")
        })
    });
    assert_eq!(text, "as planned");
    assert!(ended.load(Relaxed));
}

#[test]
fn a_panic_of_a_goroutine_is_a_result_or_comes_out_at_the_end() {
    let text =
        bubble(|b| panic_of(|| b.spawn(|| panic!("as planned")).join().map_err(std::panic::resume_unwind)));
    assert_eq!(text, "as planned");
    let text = panic_of(|| bubble(|b| drop(b.spawn(|| panic!("as planned")))));
    assert_eq!(text, "as planned");
}

#[test]
fn a_deadlock_that_is_caught_is_over() {
    let elapsed = bubble(|b| {
        let (_tx, rx) = bounded::<()>(0);
        assert!(panic_of(|| rx.recv()).contains("deadlock"));
        assert!(rx.recv_timeout(SECOND).is_err());
        b.elapsed()
    });
    assert_eq!(elapsed, SECOND);
}

#[test]
fn a_destructor_may_wait_while_its_goroutine_unwinds() {
    struct Sleeps;
    impl Drop for Sleeps {
        fn drop(&mut self) {
            sleep(HOUR);
        }
    }
    bubble(|b| {
        let other = b.spawn(|| {
            let _sleeps = Sleeps;
            panic!("as planned")
        });
        assert!(other.join().is_err());
        assert_eq!(b.elapsed(), HOUR);
    });
}

#[test]
fn a_time_too_far_away_never_comes() {
    let text = panic_of(|| bubble(|_| sleep(Duration::MAX)));
    assert!(text.contains("deadlock") && text.contains(": sleeps"), "{text}");
}

#[test]
fn bubbles_side_by_side_have_clocks_of_their_own() {
    let threads: Vec<_> = (1..=4)
        .map(|n| {
            std::thread::spawn(move || {
                for _ in 0..100 {
                    bubble(|b| {
                        let begun = now();
                        let (tx, rx) = bounded(0);
                        b.spawn(move || {
                            sleep(HOUR * n);
                            tx.send(now()).expect("a receiver");
                        });
                        assert_eq!(rx.recv(), Ok(begun + HOUR * n));
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
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

#[test]
fn an_instant_is_read_anew_after_the_bubble() {
    let inside: Instant = bubble(|b| {
        sleep(HOUR);
        b.now()
    });
    assert!(now() < inside);
}
