//! The same scenarios with may's coroutines, on two workers: what may has of them. Its channels have no bound.

use may::coroutine::{self, JoinHandle};
use may::sync::{Mutex, mpsc};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Returns the nanoseconds of a scenario; `None`: may has no such thing.
pub(crate) fn run(scenario: &str, times: u64) -> Option<u64> {
    let measured: fn(u64) -> Duration = match scenario {
        "go-ping-pong" => ping_pong,
        "go-ring-1000" => |times| ring(1000, times),
        "go-start" => start,
        "go-start-join" => start_join,
        "go-yield-1" => |times| yields(1, times),
        "go-yield-2" => |times| yields(2, times),
        "go-yield-100" => |times| yields(100, times),
        "go-yield-10000" => |times| yields(10_000, times),
        "go-mutex-2" => |times| contended(2, times),
        "go-mutex-32" => |times| contended(32, times),
        _ => return None,
    };
    may::config().set_workers(if scenario.starts_with("go-yield") { 1 } else { 2 });
    let took = spawn(move || measured(times)).join().expect("no coroutine panics");
    Some(crate::nanoseconds(took))
}

fn spawn<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
    // SAFETY: none of these coroutines relies on thread-locals, and none uses more stack than may gives it.
    unsafe { coroutine::spawn(f) }
}

fn all(joins: Vec<JoinHandle<()>>) {
    joins.into_iter().for_each(|join| join.join().expect("no coroutine panics"));
}

fn ping_pong(times: u64) -> Duration {
    let ((there, from_there), (back, from_back)) = (mpsc::channel(), mpsc::channel());
    spawn(move || from_there.iter().for_each(|n: u64| back.send(n).expect("the first coroutine waits")));
    let started = Instant::now();
    for n in 0..times {
        there.send(n).expect("the other coroutine waits");
        from_back.recv().expect("the other coroutine answers");
    }
    started.elapsed()
}

fn ring(size: u64, times: u64) -> Duration {
    let (first, mut last) = mpsc::channel();
    for _ in 1..size {
        let (tx, rx) = mpsc::channel();
        let before = core::mem::replace(&mut last, rx);
        spawn(move || before.iter().for_each(|n: u64| tx.send(n).expect("the next coroutine waits")));
    }
    let started = Instant::now();
    for n in 0..times / size {
        first.send(n).expect("the first coroutine waits");
        last.recv().expect("the last coroutine sends");
    }
    started.elapsed()
}

fn start(times: u64) -> Duration {
    let started = Instant::now();
    (0..times / 1000).for_each(|_| all((0..1000).map(|_| spawn(|| ())).collect()));
    started.elapsed()
}

fn start_join(times: u64) -> Duration {
    let started = Instant::now();
    (0..times).for_each(|_| all(vec![spawn(|| ())]));
    started.elapsed()
}

fn yields(size: u64, times: u64) -> Duration {
    let started = Instant::now();
    let yields = |_| spawn(move || (0..times / size).for_each(|_| coroutine::yield_now()));
    all((0..size).map(yields).collect());
    started.elapsed()
}

fn contended(size: u64, times: u64) -> Duration {
    let total = Arc::new(Mutex::new(0_u64));
    let started = Instant::now();
    let adds = |_| {
        let total = total.clone();
        spawn(move || (0..times / size).for_each(|_| *total.lock().expect("nobody panics") += 1))
    };
    all((0..size).map(adds).collect());
    started.elapsed()
}
