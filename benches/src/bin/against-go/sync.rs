//! Locks, groups, pools and maps, on threads.

use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::sync::{Mutex, RwMutex, WaitGroup};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Runs half of the operations in each of two threads.
fn both(times: u64, run: impl Fn(u64, u64) + Sync) {
    thread::scope(|scope| {
        scope.spawn(|| run(1, times / 2));
        run(2, times / 2);
    });
}

fn use_map(keys: u64, every: u64, times: u64) -> Duration {
    let map: Map<u64, u64> = (0..keys).map(|key| (key, key)).collect();
    let started = Instant::now();
    both(times, |mut random, times| {
        for n in 0..times {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (random >> 33) % keys;
            if every != 0 && n % every == every - 1 {
                map.store(key, n);
            } else {
                black_box(map.load(&key));
            }
        }
    });
    started.elapsed()
}

/// Returns the nanoseconds of a scenario; `None`: no scenario has this name.
pub(crate) fn run(scenario: &str, times: u64) -> Option<u64> {
    let started = Instant::now();
    let mut took = None;
    match scenario {
        "mutex" => {
            let lock = Mutex::new(0_u64);
            (0..times).for_each(|_| *black_box(&lock).lock() += 1);
        }
        "mutex-two" => {
            let lock = Mutex::new(0_u64);
            both(times, |_, times| (0..times).for_each(|_| *lock.lock() += 1));
        }
        "rw-read" => {
            let lock = RwMutex::new(0_u64);
            (0..times).for_each(|_| _ = black_box(*black_box(&lock).read()));
        }
        "wait-group" => {
            let group = WaitGroup::new();
            for _ in 0..times {
                group.add(1);
                group.done();
                group.wait();
            }
        }
        "pool" => {
            let pool = Pool::new(|| [0_u8; 64]);
            (0..times).for_each(|_| _ = black_box(pool.get()));
        }
        "pool-two" => {
            let pool = Pool::new(|| [0_u8; 64]);
            both(times, |_, times| (0..times).for_each(|_| _ = black_box(pool.get())));
        }
        "map-1024-loads" => took = Some(use_map(1024, 0, times)),
        "map-1024-stores" => took = Some(use_map(1024, 10, times)),
        "map-million-loads" => took = Some(use_map(1_000_000, 0, times)),
        "map-million-stores" => took = Some(use_map(1_000_000, 10, times)),
        _ => return None,
    }
    Some(crate::nanoseconds(took.unwrap_or_else(|| started.elapsed())))
}
