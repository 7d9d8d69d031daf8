//! Which waits are rests, during which time may move, and the call that waits for all others to rest.

use super::{HOUR, SECOND, flag};
use crate::common::panic_of;
use selvedge::chan::{Receiver, Timer, after, bounded, never, select};
use selvedge::context::{Context, Error, background, with_cancel, with_timeout};
use selvedge::rt::thread::sleep;
use selvedge::rt::time::now;
use selvedge::sync::{Barrier, Cond, Mutex, Once, OnceValue, Permits, RwMutex, Semaphore, WaitGroup};
use selvedge::testing::{bubble, wait};
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

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

/// ST-04.
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
        when_told(rx, move || {
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
        when_told(rx, move || theirs.release(1));
        semaphore.acquire(1).forget();
    });
    moves_time(|rx| {
        let barrier = Arc::new(Barrier::new(2));
        let theirs = Arc::clone(&barrier);
        when_told(rx, move || _ = theirs.wait());
        barrier.wait();
    });
    moves_time(|rx| WaitGroup::new().go(move || _ = rx.recv()).join().expect("no panic"));
}

/// Lets a goroutine do something when it is told, beside the caller.
fn when_told(rx: Receiver<()>, act: impl FnOnce() + Send + 'static) {
    WaitGroup::new().go(move || {
        _ = rx.recv();
        act();
    });
}

/// ST-04.
#[test]
fn st04_waits_under_a_context_of_the_bubble_are_rests() {
    moves_time(|rx| {
        let (context, _cancel) = with_cancel(&background());
        let group = WaitGroup::new();
        group.go(move || rx.recv());
        assert_eq!(group.wait_ctx(&context), Ok(()));
    });
    moves_time(|rx| {
        let (context, _cancel) = with_cancel(&background());
        let pair = Arc::new((Mutex::new(false), Cond::new()));
        let theirs = Arc::clone(&pair);
        when_told(rx, move || {
            *theirs.0.lock() = true;
            theirs.1.broadcast();
        });
        let mut done = pair.0.lock();
        while !*done {
            assert_eq!(pair.1.wait_ctx(&mut done, &context), Ok(()));
        }
    });
    moves_time(|rx| {
        let (context, _cancel) = with_cancel(&background());
        let semaphore = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&semaphore);
        when_told(rx, move || theirs.release(1));
        semaphore.acquire_ctx(1, &context).expect("it is not done").forget();
    });
    moves_time(|rx| {
        let (context, cancel) = with_cancel(&background());
        when_told(rx, move || cancel.cancel());
        let acquired = Semaphore::new(0).acquire_ctx(1, &context).map(Permits::forget);
        assert_eq!(acquired, Err(Error::Canceled));
    });
}

/// Waits for an hour, under a context with a deadline.
fn for_an_hour<R>(wait: impl FnOnce(&Context) -> Result<R, Error>) -> Option<Error> {
    let (context, _cancel) = with_timeout(&background(), HOUR);
    wait(&context).err()
}

/// ST-04.
#[test]
fn st04_a_wait_for_a_lock_or_a_once_under_a_context_is_one_until_a_deadline() {
    bubble(|b| {
        let shared = Arc::new((Mutex::new(()), RwMutex::new(()), Once::new()));
        let held = (shared.0.lock(), shared.1.write());
        let theirs = Arc::clone(&shared);
        shared.2.call(|| {
            let waits = b.spawn(move || {
                let (lock, other, once) = &*theirs;
                [
                    for_an_hour(|context| lock.lock_ctx(context).map(drop)),
                    for_an_hour(|context| other.read_ctx(context).map(drop)),
                    for_an_hour(|context| other.write_ctx(context).map(drop)),
                    for_an_hour(|context| once.call_ctx(context, || unreachable!("another closure runs"))),
                ]
            });
            assert_eq!(waits.join().expect("no panic"), [Some(Error::DeadlineExceeded); 4]);
        });
        assert_eq!(b.elapsed(), 4 * HOUR);
        drop(held);
    });
}

/// Lets a goroutine block by `block` until `end`, and asserts that no time passes meanwhile.
fn stops_time(block: impl FnOnce() + Send + 'static, end: impl FnOnce()) {
    bubble(|b| {
        let (slept, theirs) = flag();
        b.spawn(move || {
            sleep(SECOND);
            theirs.store(true, Relaxed);
        });
        let blocked = b.spawn(block);
        for _ in 0..1000 {
            std::thread::yield_now();
            assert!(!slept.load(Relaxed), "a goroutine waits for what may come from outside");
        }
        end();
        blocked.join().expect("no panic");
        b.sleep(SECOND);
        assert!(slept.load(Relaxed));
    });
}

/// ST-04.
#[test]
fn st04_a_wait_for_a_lock_or_a_once_is_none() {
    let lock = Arc::new(Mutex::new(()));
    let (held, theirs) = (lock.lock(), Arc::clone(&lock));
    stops_time(move || drop(theirs.lock()), || drop(held));
    let (held, theirs) = (lock.lock(), Arc::clone(&lock));
    let locks = move || {
        let (context, _cancel) = with_cancel(&background());
        drop(theirs.lock_ctx(&context).expect("it is not done"));
    };
    stops_time(locks, || drop(held));
    let ((begins, begun), (go_on, goes_on)) = (bounded(0), bounded::<()>(0));
    let value = Arc::new(OnceValue::new(move || begins.send(()).is_ok() && goes_on.recv().is_err()));
    let theirs = Arc::clone(&value);
    let maker = selvedge::rt::thread::spawn(move || *theirs.get());
    begun.recv().expect("it begins");
    let gets = move || {
        let (context, _cancel) = with_cancel(&background());
        assert_eq!(value.get_ctx(&context), Ok(&true));
    };
    stops_time(gets, || drop(go_on));
    assert!(maker.join().expect("no panic"));
}

/// ST-04.
#[test]
fn st04_a_wait_under_a_context_of_outside_is_none() {
    let (context, cancel) = with_cancel(&background());
    let acquires = move || {
        let acquired = Semaphore::new(0).acquire_ctx(1, &context).map(Permits::forget);
        assert_eq!(acquired, Err(Error::Canceled));
    };
    stops_time(acquires, || cancel.cancel());
}

/// ST-04.
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

/// ST-05.
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

/// ST-05.
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

/// ST-05.
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

/// ST-12.
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

/// ST-13.
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
