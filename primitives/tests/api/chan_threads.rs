//! Channels between real threads.

use selvedge::chan::{
    Receiver, RecvError, RecvTimeoutError, SendTimeoutError, Sender, bounded_with_segments,
};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::thread;
use std::time::Duration;

fn channel<T>(capacity: usize, shift: u32) -> (Sender<T>, Receiver<T>) {
    bounded_with_segments(capacity, shift)
}

/// Every receiver gets a producer's values in the order of their sends, and each value arrives once.
fn checked_transfer(capacity: usize, shift: u32, producers: usize, consumers: usize, each: usize) {
    let (tx, rx) = channel(capacity, shift);
    let received: Vec<Vec<(usize, usize)>> = thread::scope(|scope| {
        for producer in 0..producers {
            let tx = tx.clone();
            scope.spawn(move || {
                for n in 0..each {
                    tx.send((producer, n)).expect("receivers stay");
                    assert!(tx.len() <= capacity);
                }
            });
        }
        drop(tx);
        let consumers: Vec<_> = (0..consumers)
            .map(|_| {
                let rx = rx.clone();
                scope.spawn(move || rx.iter().collect())
            })
            .collect();
        consumers.into_iter().map(|consumer| consumer.join().expect("no panic")).collect()
    });
    for producer in 0..producers {
        let mut all = Vec::new();
        for values in &received {
            let theirs: Vec<_> =
                values.iter().filter(|value| value.0 == producer).map(|value| value.1).collect();
            assert!(theirs.is_sorted(), "the values of one producer overtook each other");
            all.extend(theirs);
        }
        all.sort_unstable();
        assert_eq!(all, (0..each).collect::<Vec<_>>());
    }
}

#[test]
fn no_value_is_lost_duplicated_or_reordered() {
    for capacity in [0, 1, 2, 7, 100] {
        for shift in [1, 5] {
            checked_transfer(capacity, shift, 1, 1, 3_000);
            checked_transfer(capacity, shift, 3, 1, 1_000);
            checked_transfer(capacity, shift, 1, 3, 3_000);
            checked_transfer(capacity, shift, 3, 3, 1_000);
        }
    }
}

/// Counts the values that were sent, received and dropped.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(live: &Arc<AtomicUsize>) -> Counted {
        live.fetch_add(1, Relaxed);
        Counted(Arc::clone(live))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[test]
fn timeouts_and_closes_lose_no_value() {
    for capacity in [0, 1, 3] {
        for round in 0..40 {
            let live = Arc::new(AtomicUsize::new(0));
            let (sent, received) = (AtomicUsize::new(0), AtomicUsize::new(0));
            let (tx, rx) = channel(capacity, 1);
            thread::scope(|scope| {
                for _ in 0..3 {
                    let (tx, live, sent) = (tx.clone(), &live, &sent);
                    scope.spawn(move || {
                        for n in 0..200 {
                            let value = Counted::new(live);
                            let done = match n % 3 {
                                0 => tx.send(value).is_ok(),
                                1 => tx.try_send(value).is_ok(),
                                _ => tx.send_timeout(value, Duration::from_micros(n % 50)).is_ok(),
                            };
                            sent.fetch_add(done as usize, Relaxed);
                        }
                    });
                }
                for _ in 0..3 {
                    let (rx, received) = (rx.clone(), &received);
                    scope.spawn(move || {
                        let mut n = 0;
                        loop {
                            n += 1;
                            let got = match n % 3 {
                                0 => rx.recv().map(Some).map_err(|_| ()),
                                1 => rx.recv_timeout(Duration::from_micros(n % 50)).map(Some).or_else(
                                    |error| {
                                        if error == RecvTimeoutError::Timeout { Ok(None) } else { Err(()) }
                                    },
                                ),
                                _ => rx
                                    .try_recv()
                                    .map(Some)
                                    .or_else(|error| if error.is_empty() { Ok(None) } else { Err(()) }),
                            };
                            match got {
                                Ok(value) => received.fetch_add(value.is_some() as usize, Relaxed),
                                Err(()) => return,
                            };
                        }
                    });
                }
                if round % 2 == 0 {
                    // In the middle of the other operations.
                    thread::yield_now();
                    tx.close().expect("nobody else closes");
                }
                drop(tx);
            });
            drop(rx);
            // Values that were sent and never received were in the buffer when the last handle was dropped.
            assert!(received.load(Relaxed) <= sent.load(Relaxed));
            assert_eq!(live.load(Relaxed), 0, "every value is dropped once");
            if round % 2 == 1 {
                assert_eq!(received.load(Relaxed), sent.load(Relaxed));
            }
        }
    }
}

#[test]
fn blocked_senders_and_receivers_wake_when_the_channel_closes() {
    for capacity in [0, 1] {
        let (tx, rx) = channel(capacity, 1);
        (0..capacity).for_each(|_| tx.send(0).expect("room"));
        thread::scope(|scope| {
            let blocked: Vec<_> = (1..=3)
                .map(|n| {
                    let tx = tx.clone();
                    scope.spawn(move || tx.send(n).map_err(|error| error.into_inner()))
                })
                .collect();
            rx.close().expect("open");
            for (n, thread) in (1..=3).zip(blocked) {
                assert_eq!(thread.join().expect("no panic"), Err(n));
            }
        });
        let (tx, rx) = channel::<i32>(capacity, 1);
        thread::scope(|scope| {
            let blocked = [(); 3].map(|()| scope.spawn(|| rx.recv()));
            drop(tx);
            for thread in blocked {
                assert_eq!(thread.join().expect("no panic"), Err(RecvError));
            }
        });
    }
}

#[test]
fn every_value_is_dropped_once() {
    let live = Arc::new(AtomicUsize::new(0));
    for capacity in [1, 4] {
        let (tx, rx) = channel(capacity, 1);
        (0..capacity).for_each(|_| assert!(tx.send(Counted::new(&live)).is_ok()));
        let late = tx.send_timeout(Counted::new(&live), Duration::ZERO);
        assert!(matches!(&late, Err(SendTimeoutError::Timeout(_))));
        assert_eq!(live.load(Relaxed), capacity + 1);
        drop(late);
        // The last receiver drops the buffer at once.
        drop(rx);
        assert_eq!(live.load(Relaxed), 0);
        let back = tx.send(Counted::new(&live));
        assert_eq!(live.load(Relaxed), 1);
        drop((back, tx));
        assert_eq!(live.load(Relaxed), 0);
    }
}

/// A value whose destructor panics, if its flag is set.
struct Explosive(bool, #[allow(dead_code, reason = "held for its destructor")] Counted);

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.0 {
            panic!("a destructor panics");
        }
    }
}

#[test]
fn a_panicking_destructor_costs_no_other_value() {
    let live = Arc::new(AtomicUsize::new(0));
    let (tx, rx) = channel(4, 1);
    for explodes in [false, true, false, false] {
        assert!(tx.send(Explosive(explodes, Counted::new(&live))).is_ok());
    }
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(rx)));
    assert!(result.is_err());
    assert!(tx.send(Explosive(false, Counted::new(&live))).is_err());
    drop(tx);
    assert_eq!(live.load(Relaxed), 0);
}
