//! Maps, pools and shared `Arc`s of selvedge and their peers, one group for each scenario.
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

/// Maps of numbers to numbers, which all use one hash function.
trait Map: Sync {
    fn filled(keys: u64) -> Self;
    fn load(&self, key: u64) -> Option<u64>;
    fn store(&self, key: u64, value: u64);
}

type Hasher = foldhash::fast::RandomState;

impl Map for selvedge::map::Map<u64, u64, Hasher> {
    fn filled(keys: u64) -> Self {
        (0..keys).map(|key| (key, key)).collect()
    }
    fn load(&self, key: u64) -> Option<u64> {
        selvedge::map::Map::load(self, &key)
    }
    fn store(&self, key: u64, value: u64) {
        selvedge::map::Map::store(self, key, value);
    }
}

impl Map for dashmap::DashMap<u64, u64, Hasher> {
    fn filled(keys: u64) -> Self {
        (0..keys).map(|key| (key, key)).collect()
    }
    fn load(&self, key: u64) -> Option<u64> {
        self.get(&key).map(|found| *found)
    }
    fn store(&self, key: u64, value: u64) {
        self.insert(key, value);
    }
}

impl Map for papaya::HashMap<u64, u64, Hasher> {
    fn filled(keys: u64) -> Self {
        (0..keys).map(|key| (key, key)).collect()
    }
    fn load(&self, key: u64) -> Option<u64> {
        self.pin().get(&key).copied()
    }
    fn store(&self, key: u64, value: u64) {
        self.pin().insert(key, value);
    }
}

/// Loads keys at random in two threads; one operation of every so many is a store.
fn use_map<M: Map>(map: &M, keys: u64, every: u64, times: u64) -> Duration {
    let run = |seed: u64| {
        let mut random = seed;
        for n in 0..times / 2 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let key = (random >> 33) % keys;
            if n % every == every - 1 {
                map.store(key, n);
            } else {
                black_box(map.load(key));
            }
        }
    };
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| run(1));
        run(2);
    });
    started.elapsed()
}

macro_rules! group {
    ($criterion:ident, $name:expr, $burst:literal, [$($label:expr => $run:expr),*]) => {
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements($burst));
        group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
        $(group.bench_function($label, |bencher| bencher.iter_custom(|bursts| $run(bursts * $burst)));)*
        group.finish();
    };
}

fn maps(criterion: &mut Criterion) {
    for (label, keys) in [("1024 keys", 1024), ("a million keys", 1_000_000)] {
        let ours = selvedge::map::Map::filled(keys);
        let (dash, papaya) = (dashmap::DashMap::filled(keys), papaya::HashMap::filled(keys));
        for (what, every) in [("loads", u64::MAX), ("one in ten stores", 10)] {
            group!(criterion, format!("map of {label}, {what}"), 100_000, [
                "selvedge" => |times| use_map(&ours, keys, every, times),
                "dashmap" => |times| use_map(&dash, keys, every, times),
                "papaya" => |times| use_map(&papaya, keys, every, times)
            ]);
        }
    }
}

fn time(times: u64, mut f: impl FnMut()) -> Duration {
    let started = Instant::now();
    (0..times).for_each(|_| f());
    started.elapsed()
}

fn cells(criterion: &mut Criterion) {
    let ours = selvedge::atomic::ArcCell::new(selvedge::rt::sync::Arc::new(1_u64));
    let swap = arc_swap::ArcSwap::from_pointee(1_u64);
    group!(criterion, "ArcCell load", 10_000, [
        "selvedge" => |times| time(times, || _ = black_box(*black_box(&ours).load())),
        "arc-swap" => |times| time(times, || _ = black_box(**black_box(&swap).load()))
    ]);
    group!(criterion, "ArcCell load and keep", 10_000, [
        "selvedge" => |times| time(times, || _ = black_box(black_box(&ours).load_full())),
        "arc-swap" => |times| time(times, || _ = black_box(black_box(&swap).load_full()))
    ]);
}

fn pools(criterion: &mut Criterion) {
    const SIZE: usize = 4096;
    struct Allocator;
    impl opool::PoolAllocator<Vec<u8>> for Allocator {
        fn allocate(&self) -> Vec<u8> {
            Vec::with_capacity(SIZE)
        }
    }
    let ours = selvedge::pool::Pool::new(|| Vec::<u8>::with_capacity(SIZE));
    let opool = opool::Pool::new(64, Allocator);
    group!(criterion, "pool get and put", 10_000, [
        "selvedge" => |times| time(times, || _ = black_box(black_box(&ours).get().len())),
        "opool" => |times| time(times, || _ = black_box(black_box(&opool).get().len()))
    ]);
    let both = |run: &(dyn Fn() + Sync), times: u64| {
        let started = Instant::now();
        thread::scope(|scope| {
            scope.spawn(|| (0..times / 2).for_each(|_| run()));
            (0..times / 2).for_each(|_| run());
        });
        started.elapsed()
    };
    group!(criterion, "pool get and put, two threads", 10_000, [
        "selvedge" => |times| both(&|| _ = black_box(ours.get().len()), times),
        "opool" => |times| both(&|| _ = black_box(opool.get().len()), times)
    ]);
}

criterion_group!(benches, maps, cells, pools);
criterion_main!(benches);
