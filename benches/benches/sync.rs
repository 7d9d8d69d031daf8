//! Locks and other objects to wait for, of selvedge, parking_lot and std, one group for each scenario.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, and criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// A kind of locks.
trait Locks {
    const NAME: &'static str;
    type Mutex: Sync;
    type RwLock: Sync;
    type Pair: Sync;
    fn mutex() -> Self::Mutex;
    fn with<R>(mutex: &Self::Mutex, f: impl FnOnce(&mut u64) -> R) -> R;
    fn rw_lock() -> Self::RwLock;
    fn read(lock: &Self::RwLock) -> u64;
    fn write(lock: &Self::RwLock);
    fn pair() -> Self::Pair;
    /// Waits until the number is odd or even, adds one, and notifies the other side.
    fn turn(pair: &Self::Pair, parity: u64);
}

macro_rules! locks {
    ($name:ident, $label:literal, $mutex:ty, $rw:ty, $cond:ty, $lock:ident => $locked:expr, $reader:ident => $read:expr,
     $writer:ident => $written:expr, $waits:ident, $guard:ident => $wait:expr, $signal:ident) => {
        struct $name;
        impl Locks for $name {
            const NAME: &'static str = $label;
            type Mutex = $mutex;
            type RwLock = $rw;
            type Pair = ($mutex, $cond);
            fn mutex() -> $mutex {
                <$mutex>::new(0)
            }
            fn with<R>($lock: &$mutex, f: impl FnOnce(&mut u64) -> R) -> R {
                f(&mut $locked)
            }
            fn rw_lock() -> $rw {
                <$rw>::new(0)
            }
            fn read($reader: &$rw) -> u64 {
                *$read
            }
            fn write($writer: &$rw) {
                *$written += 1;
            }
            fn pair() -> Self::Pair {
                (<$mutex>::new(0), <$cond>::new())
            }
            fn turn(pair: &Self::Pair, parity: u64) {
                let ($lock, $waits) = pair;
                let mut $guard = $locked;
                while *$guard % 2 != parity {
                    $wait;
                }
                *$guard += 1;
                drop($guard);
                $waits.$signal();
            }
        }
    };
}

locks!(
    Selvedge, "selvedge", selvedge::sync::Mutex<u64>, selvedge::sync::RwMutex<u64>, selvedge::sync::Cond,
    lock => lock.lock(), lock => lock.read(), lock => lock.write(), cond, guard => cond.wait(&mut guard), signal
);
locks!(
    ParkingLot, "parking_lot", parking_lot::Mutex<u64>, parking_lot::RwLock<u64>, parking_lot::Condvar,
    lock => lock.lock(), lock => lock.read(), lock => lock.write(), cond, guard => cond.wait(&mut guard), notify_one
);
locks!(
    Std, "std", std::sync::Mutex<u64>, std::sync::RwLock<u64>, std::sync::Condvar,
    lock => lock.lock().expect("no panic"), lock => lock.read().expect("no panic"),
    lock => lock.write().expect("no panic"), cond, guard => guard = cond.wait(guard).expect("no panic"), notify_one
);

fn uncontended<L: Locks>(times: u64) -> Duration {
    let mutex = L::mutex();
    let started = Instant::now();
    (0..times).for_each(|_| L::with(black_box(&mutex), |n| *n += 1));
    started.elapsed()
}

/// Works in two threads, as much under the lock as without it.
fn contended<L: Locks>(times: u64, work: u64) -> Duration {
    let mutex = L::mutex();
    let busy = || (0..work).for_each(|n| _ = black_box(n));
    let run = || {
        for _ in 0..times / 2 {
            L::with(&mutex, |n| {
                *n += 1;
                busy();
            });
            busy();
        }
    };
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
    started.elapsed()
}

fn reads<L: Locks>(times: u64) -> Duration {
    let lock = L::rw_lock();
    let started = Instant::now();
    (0..times).for_each(|_| _ = black_box(L::read(&lock)));
    started.elapsed()
}

/// Reads in two threads; one operation of `every` writes, or none.
fn mixed<L: Locks>(times: u64, every: Option<u64>) -> Duration {
    let lock = L::rw_lock();
    let run = || {
        for n in 0..times / 2 {
            match every {
                Some(every) if n % every == 0 => L::write(&lock),
                _ => _ = black_box(L::read(&lock)),
            }
        }
    };
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(run);
        run();
    });
    started.elapsed()
}

fn turns<L: Locks>(times: u64) -> Duration {
    let pair = L::pair();
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| (0..times / 2).for_each(|_| L::turn(&pair, 1)));
        (0..times / 2).for_each(|_| L::turn(&pair, 0));
    });
    started.elapsed()
}

fn once_ours(times: u64) -> Duration {
    let once = selvedge::sync::Once::new();
    let started = Instant::now();
    (0..times).for_each(|_| black_box(&once).call(|| ()));
    started.elapsed()
}

fn once_std(times: u64) -> Duration {
    let once = std::sync::Once::new();
    let started = Instant::now();
    (0..times).for_each(|_| black_box(&once).call_once(|| ()));
    started.elapsed()
}

macro_rules! group {
    ($criterion:ident, $name:literal, $burst:literal, [$($label:expr => $run:expr),*]) => {
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements($burst));
        group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
        $(group.bench_function($label, |bencher| bencher.iter_custom(|bursts| $run(bursts * $burst)));)*
        group.finish();
    };
}

/// Runs a scenario with each kind of locks.
macro_rules! scenario {
    ($criterion:ident, $name:literal, $burst:literal, $run:ident $(, $more:expr)?) => {
        group!($criterion, $name, $burst, [
            Selvedge::NAME => |times| $run::<Selvedge>(times $(, $more)?),
            ParkingLot::NAME => |times| $run::<ParkingLot>(times $(, $more)?),
            Std::NAME => |times| $run::<Std>(times $(, $more)?)
        ]);
    };
}

fn locks(criterion: &mut Criterion) {
    scenario!(criterion, "mutex uncontended", 10_000, uncontended);
    scenario!(criterion, "mutex contended, short", 10_000, contended, 0);
    scenario!(criterion, "mutex contended, long", 10_000, contended, 200);
    scenario!(criterion, "rw read uncontended", 10_000, reads);
    scenario!(criterion, "rw two readers", 10_000, mixed, None);
    scenario!(criterion, "rw one in ten writes", 10_000, mixed, Some(10));
    scenario!(criterion, "cond ping-pong", 1_000, turns);
    group!(criterion, "once done", 10_000, ["selvedge" => once_ours, "std" => once_std]);
}

criterion_group!(benches, locks);
criterion_main!(benches);
