//! The same scenarios with tokio's tasks, on two workers: what tokio has of them. Its channels have one place at least.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Builder;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, yield_now};
use tokio::time::sleep;

/// Returns the nanoseconds of a scenario, or its bytes; `None`: tokio has no such thing.
pub(crate) fn run(scenario: &str, times: u64) -> Option<u64> {
    let workers = if scenario.starts_with("go-yield") { 1 } else { 2 };
    let runtime = Builder::new_multi_thread().worker_threads(workers).enable_time().build().ok()?;
    // On a worker: the thread that calls `block_on` is none.
    let spawned = |took: JoinHandle<Duration>| runtime.block_on(took).expect("no task panics");
    let _inside = runtime.enter();
    let took = match scenario {
        "go-ping-pong" => spawned(tokio::spawn(ping_pong(times))),
        "go-spsc-1" => spawned(tokio::spawn(exchange(1, times))),
        "go-spsc-128" => spawned(tokio::spawn(exchange(128, times))),
        "go-ring-1000" => spawned(tokio::spawn(ring(1000, times))),
        "go-start" => spawned(tokio::spawn(start(times))),
        "go-start-join" => spawned(tokio::spawn(start_join(times))),
        "go-yield-1" => spawned(tokio::spawn(yields(1, times))),
        "go-yield-2" => spawned(tokio::spawn(yields(2, times))),
        "go-yield-100" => spawned(tokio::spawn(yields(100, times))),
        "go-yield-10000" => spawned(tokio::spawn(yields(10_000, times))),
        "go-mutex-2" => spawned(tokio::spawn(contended(2, times))),
        "go-mutex-32" => spawned(tokio::spawn(contended(32, times))),
        "go-after-in-select" => spawned(tokio::spawn(after_in_select(times))),
        "go-parked-bytes" => return Some(runtime.block_on(parked(times)).0),
        "go-wake-and-end" => spawned(tokio::spawn(async move { parked(times).await.1 })),
        _ => return None,
    };
    Some(crate::nanoseconds(took))
}

async fn all(joins: Vec<JoinHandle<()>>) {
    for join in joins {
        join.await.expect("no task panics");
    }
}

async fn ping_pong(times: u64) -> Duration {
    let ((there, mut from_there), (back, mut from_back)) = (mpsc::channel(1), mpsc::channel(1));
    tokio::spawn(async move {
        while let Some(value) = from_there.recv().await {
            back.send(value).await.expect("the first task waits");
        }
    });
    let started = Instant::now();
    for n in 0..times {
        there.send(n).await.expect("the other task waits");
        from_back.recv().await.expect("the other task answers");
    }
    started.elapsed()
}

async fn exchange(capacity: usize, times: u64) -> Duration {
    let (tx, mut rx) = mpsc::channel(capacity);
    let started = Instant::now();
    tokio::spawn(async move {
        for n in 0..times {
            tx.send(n).await.expect("the receiver waits");
        }
    });
    while let Some(n) = rx.recv().await {
        _ = black_box(n);
    }
    started.elapsed()
}

async fn ring(size: u64, times: u64) -> Duration {
    let (first, mut last) = mpsc::channel(1);
    for _ in 1..size {
        let (tx, rx) = mpsc::channel(1);
        let mut before = core::mem::replace(&mut last, rx);
        tokio::spawn(async move {
            while let Some(n) = before.recv().await {
                tx.send(n).await.expect("the next task waits");
            }
        });
    }
    let started = Instant::now();
    for n in 0..times / size {
        first.send(n).await.expect("the first task waits");
        last.recv().await.expect("the last task sends");
    }
    started.elapsed()
}

async fn start(times: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..times / 1000 {
        all((0..1000).map(|_| tokio::spawn(async {})).collect()).await;
    }
    started.elapsed()
}

async fn start_join(times: u64) -> Duration {
    let started = Instant::now();
    for n in 0..times {
        let (tx, rx) = oneshot::channel();
        tokio::spawn(async move { tx.send(n) });
        rx.await.expect("the task sends");
    }
    started.elapsed()
}

async fn yields(size: u64, times: u64) -> Duration {
    let started = Instant::now();
    let yields = |_| {
        tokio::spawn(async move {
            for _ in 0..times / size {
                yield_now().await;
            }
        })
    };
    all((0..size).map(yields).collect()).await;
    started.elapsed()
}

async fn contended(size: u64, times: u64) -> Duration {
    let total = Arc::new(Mutex::new(0_u64));
    let started = Instant::now();
    let adds = |_| {
        let total = total.clone();
        tokio::spawn(async move {
            for _ in 0..times / size {
                *total.lock().await += 1;
            }
        })
    };
    all((0..size).map(adds).collect()).await;
    started.elapsed()
}

async fn after_in_select(times: u64) -> Duration {
    let (tx, mut rx) = mpsc::channel(1);
    let started = Instant::now();
    for n in 0..times {
        tx.send(n).await.expect("the receiver is here");
        tokio::select! {
            value = rx.recv() => { black_box(value); }
            () = sleep(Duration::from_secs(3600)) => unreachable!("an hour has not passed"),
        }
    }
    started.elapsed()
}

/// Tasks that wait for a change: the resident bytes that they take, and how long all of them take to wake and end.
async fn parked(times: u64) -> (u64, Duration) {
    let (tx, rx) = watch::channel(());
    let before = crate::resident_bytes();
    let wait = |_| {
        let mut rx = rx.clone();
        tokio::spawn(async move { _ = rx.changed().await })
    };
    let joins: Vec<JoinHandle<()>> = (0..times).map(wait).collect();
    while tx.receiver_count() < times as usize {
        yield_now().await;
    }
    let bytes = crate::resident_bytes().saturating_sub(before);
    let started = Instant::now();
    drop(tx);
    all(joins).await;
    (bytes, started.elapsed())
}
