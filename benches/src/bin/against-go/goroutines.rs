//! Goroutines that hand over, start, end, yield and sleep, on two Ps where the scenario says nothing else.

use selvedge::chan::{Receiver, Sender, Timer, after, bounded, select};
use selvedge::rt::Join;
use selvedge::sync::{Cond, Mutex, WaitGroup};
use selvedge_go::{Builder, Migration, go, gosched, lock_os_thread, spawn};
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Returns the nanoseconds of a scenario, or its bytes; `None`: no scenario has this name.
pub(crate) fn run(scenario: &str, times: u64, migration: Migration) -> Option<u64> {
    // The first half of a scenario's name, and the number that ends it.
    let (kind, size) = match scenario.rsplit_once('-') {
        Some((kind, size)) if size.parse::<u64>().is_ok() => (kind, size.parse().ok()?),
        _ => (scenario, 0),
    };
    let procs = if kind == "go-yield" { 1 } else { 2 };
    let stack_size = if kind == "go-stack" { 256 * 1024 } else { 64 * 1024 };
    let builder = Builder::new().procs(procs).stack_size(stack_size).migration(migration);
    let took = match kind {
        "go-ping-pong" => builder.run(|| ping_pong(times, false)),
        "go-ping-pong-locked" => builder.run(|| ping_pong(times, true)),
        "go-cond-ping-pong" => builder.run(|| cond_ping_pong(times)),
        "go-spsc" => builder.run(|| exchange(1, size as usize, times)),
        "go-mpmc-2x" => builder.run(|| exchange(2, size as usize, times)),
        "go-mpmc-8x" => builder.run(|| exchange(8, size as usize, times)),
        "go-pipeline" => builder.run(|| pipeline(size, times)),
        "go-ring" => builder.run(|| ring(size, times)),
        "go-select" => builder.run(|| select_of(size, times)),
        "go-start" => builder.run(|| start(times)),
        "go-start-chain" => builder.run(|| start_chain(times)),
        "go-start-join" => builder.run(|| start_join(times)),
        "go-start-wait" => builder.run(|| start_wait(times)),
        "go-yield" => builder.run(|| yield_now(size, times)),
        "go-stack" => builder.run(|| deep(times)),
        "go-mutex" => builder.run(|| contended(size, times)),
        "go-after-in-select" => builder.run(|| after_in_select(times)),
        "go-timer-stop" => builder.run(|| timer_stop(times)),
        "go-parked-bytes" => return Some(builder.run(|| parked(times).0)),
        "go-wake-and-end" => builder.run(|| parked(times).1),
        _ => return None,
    };
    Some(crate::nanoseconds(took))
}

fn all(joins: Vec<Join<()>>) {
    joins.into_iter().for_each(|join| join.join().expect("no goroutine panics"));
}

/// A value goes there and back between two goroutines, each of which may be locked to its thread.
fn ping_pong(times: u64, locked: bool) -> Duration {
    let ((there, from_there), (back, from_back)) = (bounded(0), bounded(0));
    let other = spawn(move || {
        let _locked = locked.then(lock_os_thread);
        while let Ok(value) = from_there.recv() {
            back.send(value).expect("the first goroutine waits");
        }
    });
    let _locked = locked.then(lock_os_thread);
    let started = Instant::now();
    for n in 0..times {
        there.send(n).expect("the other goroutine waits");
        from_back.recv().expect("the other goroutine answers");
    }
    let took = started.elapsed();
    drop(there);
    all(vec![other]);
    took
}

fn cond_ping_pong(times: u64) -> Duration {
    let shared = Arc::new((Mutex::new(0_u64), Cond::new()));
    let turns = move |shared: &(Mutex<u64>, Cond), mine: u64| {
        let (turn, changed) = shared;
        for _ in 0..times {
            let mut turn = turn.lock();
            while *turn % 2 != mine {
                changed.wait(&mut turn);
            }
            *turn += 1;
            changed.signal();
        }
    };
    let started = Instant::now();
    let theirs = shared.clone();
    let other = spawn(move || turns(&theirs, 1));
    turns(&shared, 0);
    all(vec![other]);
    started.elapsed()
}

/// `sides` goroutines send and as many receive, over one channel.
fn exchange(sides: u64, capacity: usize, times: u64) -> Duration {
    let (tx, rx) = bounded(capacity);
    let started = Instant::now();
    let mut joins = Vec::new();
    for _ in 0..sides {
        let (tx, rx): (Sender<u64>, Receiver<u64>) = (tx.clone(), rx.clone());
        joins.push(spawn(move || (0..times / sides).for_each(|n| tx.send(n).expect("receivers wait"))));
        joins.push(spawn(move || rx.iter().for_each(|n| _ = black_box(n))));
    }
    drop((tx, rx));
    all(joins);
    started.elapsed()
}

/// Starts `size` goroutines of which each passes values on to the next.
fn stages(size: u64) -> (Sender<u64>, Receiver<u64>) {
    let (first, mut last) = bounded(0);
    for _ in 0..size {
        let (tx, rx) = bounded(0);
        go(move || last.iter().for_each(|n| tx.send(n).expect("the next stage waits")));
        last = rx;
    }
    (first, last)
}

fn pipeline(size: u64, times: u64) -> Duration {
    let (first, last) = stages(size);
    let started = Instant::now();
    let sender = spawn(move || (0..times).for_each(|n| first.send(n).expect("the first stage waits")));
    assert_eq!(last.iter().count() as u64, times);
    all(vec![sender]);
    started.elapsed()
}

/// A token goes round; an operation is one hop.
fn ring(size: u64, times: u64) -> Duration {
    let (first, last) = stages(size - 1);
    let started = Instant::now();
    for n in 0..times / size {
        first.send(n).expect("the first stage waits");
        last.recv().expect("the last stage sends");
    }
    started.elapsed()
}

/// One goroutine sends to each channel in turn, another selects from all.
fn select_of(size: u64, times: u64) -> Duration {
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..size).map(|_| bounded::<u64>(0)).unzip();
    let started = Instant::now();
    let other = spawn(move || {
        (0..times).for_each(|n| senders[(n % size) as usize].send(n).expect("the receiver waits"));
        senders
    });
    let r = &receivers;
    for _ in 0..times {
        _ = black_box(match &r[..] {
            [a, b] => select! { recv(a) -> n => n, recv(b) -> n => n },
            _ => select! {
                recv(r[0]) -> n => n, recv(r[1]) -> n => n, recv(r[2]) -> n => n, recv(r[3]) -> n => n,
                recv(r[4]) -> n => n, recv(r[5]) -> n => n, recv(r[6]) -> n => n, recv(r[7]) -> n => n,
            },
        });
    }
    other.join().expect("no goroutine panics");
    started.elapsed()
}

/// Starts a thousand goroutines and waits for them, again and again.
fn start(times: u64) -> Duration {
    let started = Instant::now();
    for _ in 0..times / 1000 {
        let group = Arc::new(WaitGroup::new());
        group.add(1000);
        for _ in 0..1000 {
            let group = group.clone();
            go(move || group.done());
        }
        group.wait();
    }
    started.elapsed()
}

/// Each goroutine starts the next one.
fn start_chain(times: u64) -> Duration {
    fn link(left: u64, done: Sender<()>) {
        if left == 0 {
            done.send(()).expect("the main goroutine waits")
        } else {
            go(move || link(left - 1, done))
        }
    }
    let (tx, rx) = bounded(0);
    let started = Instant::now();
    go(move || link(times, tx));
    rx.recv().expect("the last goroutine sends");
    started.elapsed()
}

fn start_join(times: u64) -> Duration {
    let (tx, rx) = bounded(0);
    let started = Instant::now();
    for n in 0..times {
        let tx = tx.clone();
        go(move || tx.send(n).expect("the main goroutine waits"));
        rx.recv().expect("the goroutine sends");
    }
    started.elapsed()
}

fn start_wait(times: u64) -> Duration {
    let group = Arc::new(WaitGroup::new());
    let started = Instant::now();
    for _ in 0..times {
        group.add(1);
        let theirs = group.clone();
        go(move || theirs.done());
        group.wait();
    }
    started.elapsed()
}

fn yield_now(size: u64, times: u64) -> Duration {
    let started = Instant::now();
    all((0..size).map(|_| spawn(move || (0..times / size).for_each(|_| gosched()))).collect());
    started.elapsed()
}

/// Calls itself until about 64 KiB of stack are used.
fn deep(times: u64) -> Duration {
    #[inline(never)]
    fn call(left: u32) -> u8 {
        let frame = black_box([0_u8; 1024]);
        if left == 0 { frame[0] } else { call(left - 1) | frame[1023] }
    }
    let started = Instant::now();
    (0..times).for_each(|_| all(vec![spawn(|| _ = black_box(call(60)))]));
    started.elapsed()
}

fn contended(size: u64, times: u64) -> Duration {
    let total = Arc::new(Mutex::new(0_u64));
    let started = Instant::now();
    let add = |total: Arc<Mutex<u64>>| move || (0..times / size).for_each(|_| *total.lock() += 1);
    all((0..size).map(|_| spawn(add(total.clone()))).collect());
    started.elapsed()
}

/// A value is there each time: the timer is made and dropped.
fn after_in_select(times: u64) -> Duration {
    let (tx, rx) = bounded(1);
    let started = Instant::now();
    for n in 0..times {
        tx.send(n).expect("the receiver is here");
        select! {
            recv(rx) -> value => _ = black_box(value),
            recv(after(Duration::from_secs(3600))) -> _ => unreachable!("an hour has not passed"),
        }
    }
    started.elapsed()
}

fn timer_stop(times: u64) -> Duration {
    let started = Instant::now();
    (0..times).for_each(|_| _ = black_box(Timer::new(Duration::from_secs(3600)).stop()));
    started.elapsed()
}

/// Goroutines that wait for a value: the resident bytes that they take, and how long all of them take to wake and end.
fn parked(times: u64) -> (u64, Duration) {
    let (tx, rx) = bounded::<()>(0);
    let (begun, ended) = (Arc::new(WaitGroup::new()), Arc::new(WaitGroup::new()));
    let before = crate::resident_bytes();
    for _ in 0..times {
        let (rx, begun, ended) = (rx.clone(), begun.clone(), ended.clone());
        begun.add(1);
        ended.add(1);
        go(move || {
            begun.done();
            _ = rx.recv();
            ended.done();
        });
    }
    // All wait then, but the few that run at this moment on the other P.
    begun.wait();
    let bytes = crate::resident_bytes().saturating_sub(before);
    let started = Instant::now();
    drop(tx);
    ended.wait();
    (bytes, started.elapsed())
}
