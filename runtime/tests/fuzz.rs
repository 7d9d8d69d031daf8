//! Programs under unusual schedules, on 1, 2 and 4 Ps. With `SELVEDGE_SOAK`, for so many seconds; otherwise for a few seeds.

#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "native tests")]

mod common;

use selvedge::chan::{bounded, select, unbounded};
use selvedge::sync::{Cond, Mutex, Once, RwMutex, Semaphore, WaitGroup};
use selvedge_go::{Leftover, go, gosched, scope, sleep, spawn};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Seeds of a test that is not a soak.
const SEEDS: u64 = 25;

/// A program, under the name of its property.
type Program = (&'static str, fn());

const PROGRAMS: [Program; 8] = [
    ("values pass once through a chain of goroutines", || {
        let (first, mut last) = bounded(0);
        for stage in 0..20 {
            let (tx, rx) = bounded(stage % 3);
            go(move || last.iter().for_each(|n: u32| tx.send(n + 1).expect("a receiver")));
            last = rx;
        }
        go(move || (0..50).for_each(|n| first.send(n).expect("a receiver")));
        assert!(last.iter().eq(20..70));
    }),
    ("selects on both sides lose nothing", || {
        let ((a, from_a), (b, from_b)) = (bounded(0), bounded(1));
        let group = WaitGroup::new();
        let got = Arc::new(AtomicUsize::new(0));
        for n in 0..6 {
            let (a, b, task) = (a.clone(), b.clone(), group.task());
            let (from_a, from_b, got) = (from_a.clone(), from_b.clone(), Arc::clone(&got));
            go(move || {
                for _ in 0..20 {
                    if n % 2 == 0 {
                        select! { send(a, 1) -> sent => sent.expect("open"), send(b, 1) -> sent => sent.expect("open") }
                    } else {
                        let value =
                            select! { recv(from_a) -> value => value, recv(from_b) -> value => value };
                        got.fetch_add(value.expect("open"), Ordering::Relaxed);
                    }
                }
                drop(task);
            });
        }
        group.wait();
        assert_eq!(got.load(Ordering::Relaxed) + from_b.len(), 60);
    }),
    ("locks exclude, and a condition is seen", || {
        let shared = Arc::new((Mutex::new(0), Cond::new(), RwMutex::new(0)));
        for _ in 0..8 {
            let shared = Arc::clone(&shared);
            go(move || {
                for _ in 0..10 {
                    *shared.2.write() += 1;
                    *shared.0.lock() += 1;
                    shared.1.notify_one();
                    gosched();
                }
            });
        }
        let mut count = shared.0.lock();
        while *count < 80 {
            shared.1.wait(&mut count);
        }
        assert_eq!(*shared.2.read(), 80);
    }),
    ("deadlines and wake-ups end a wait once", || {
        let (tx, rx) = unbounded();
        for n in 0..10_u64 {
            let (tx, (hand, wait)) = (tx.clone(), bounded(0));
            go(move || _ = hand.send_timeout((), Duration::from_micros(20 * n)));
            go(move || {
                let got = wait.recv_timeout(Duration::from_micros(200 - 20 * n)).is_ok();
                tx.send(got).expect("a receiver");
            });
        }
        drop(tx);
        assert_eq!(rx.iter().count(), 10);
    }),
    ("joins have the results, and scopes wait", || {
        let counts = [const { AtomicUsize::new(0) }; 10];
        scope(|scope| {
            for count in &counts {
                scope.go(move || _ = count.fetch_add(1, Ordering::Relaxed));
            }
        });
        assert!(counts.iter().all(|count| count.load(Ordering::Relaxed) == 1));
        let joins: Vec<_> = (0..10).map(|n| spawn(move || n)).collect();
        assert_eq!(joins.into_iter().map(|join| join.join().expect("no panic")).sum::<u32>(), 45);
    }),
    ("a once and permits", || {
        let shared = Arc::new((Once::new(), Semaphore::new(2), AtomicUsize::new(0)));
        let joins: Vec<_> = (0..10)
            .map(|_| {
                let shared = Arc::clone(&shared);
                spawn(move || {
                    let _permit = shared.1.acquire(1);
                    shared.0.call(|| {
                        sleep(Duration::from_micros(50));
                        shared.2.fetch_add(1, Ordering::Relaxed);
                    });
                    assert_eq!(shared.2.load(Ordering::Relaxed), 1);
                })
            })
            .collect();
        joins.into_iter().for_each(|join| join.join().expect("no panic"));
    }),
    ("calls that block let others run", || {
        let (tx, rx) = unbounded();
        for n in 0..6 {
            let tx = tx.clone();
            go(move || {
                let twice = match n % 2 {
                    0 => {
                        selvedge_go::blocking(|| std::thread::spawn(move || 2 * n).join().expect("no panic"))
                    }
                    _ => selvedge_go::blocking_on_pool(move || 2 * n),
                };
                tx.send(twice).expect("a receiver");
            });
        }
        drop(tx);
        assert_eq!(rx.iter().sum::<i32>(), 30);
    }),
    ("lists are made beside all that", || {
        let (tx, rx) = bounded(0);
        for n in 0..6 {
            let tx = tx.clone();
            go(move || (0..5).for_each(|m| tx.send(10 * n + m).expect("a receiver")));
        }
        drop(tx);
        let mut count = 0;
        while rx.recv().is_ok() {
            count += 1;
            if count % 10 == 0 {
                assert!(selvedge_go::dump().contains("[running]:"));
            }
        }
        assert_eq!(count, 30);
    }),
];

#[test]
fn programs_do_what_they_do_under_each_schedule() {
    let begun = Instant::now();
    let soak =
        std::env::var("SELVEDGE_SOAK").ok().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    let mut seed = 0;
    while soak.map_or(seed < SEEDS, |soak| begun.elapsed() < soak) {
        seed += 1;
        for (name, program) in PROGRAMS {
            for procs in [1, 2, 4] {
                // A thread's name is what a hang shows.
                let run =
                    move || common::builder().procs(procs).leftover(Leftover::Fail).fuzz(seed).run(program);
                let thread = std::thread::Builder::new().name(format!("{name}: seed {seed}, {procs} Ps"));
                let ended = thread.spawn(run).expect("the system starts a thread").join();
                assert!(ended.is_ok(), "{name}: seed {seed}, {procs} Ps");
            }
        }
    }
}

#[test]
fn they_do_so_in_each_mode() {
    common::again_in_each_mode(&["they_do_so_in_each_mode"], &[]);
}

#[test]
fn one_p_and_one_seed_make_one_schedule() {
    let order = |seed| {
        let order = Arc::new(Mutex::new(Vec::new()));
        let theirs = Arc::clone(&order);
        let run = move || {
            common::builder().procs(1).fuzz(seed).leftover(Leftover::Wait).run(|| {
                for n in 0..20 {
                    let order = Arc::clone(&theirs);
                    go(move || {
                        order.lock().push(n);
                        gosched();
                        order.lock().push(100 + n);
                    });
                }
            });
        };
        // A new thread begins with the seed.
        std::thread::spawn(run).join().expect("no panic");
        Arc::into_inner(order).expect("the run has ended").into_inner()
    };
    let orders: Vec<Vec<i32>> = (1..5).map(order).collect();
    assert!((1..5).map(order).eq(orders.iter().cloned()));
    assert!(orders.iter().any(|other| *other != orders[0]), "seeds make a difference");
}
