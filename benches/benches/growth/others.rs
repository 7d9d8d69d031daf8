//! What the rows of timers, maps and domains do.

use crate::Meter;
use selvedge::chan::{Ticker, Timer, after};
use selvedge::map::Map;
use selvedge::reclaim::Domain;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::time::Duration;

/// Long enough that a receiver waits for it.
const SOON: Duration = Duration::from_nanos(100);

pub(crate) fn instants_of_a_timer(n: usize, meter: &mut Meter) {
    let timer = Timer::new(SOON);
    meter.measure(n, || {
        for _ in 0..n {
            timer.receiver().recv().expect("it comes");
            timer.reset(SOON);
        }
    });
}

pub(crate) fn instants_of_a_ticker(n: usize, meter: &mut Meter) {
    let ticker = Ticker::new(SOON).expect("a period");
    meter.measure(n, || (0..n).for_each(|_| _ = ticker.receiver().recv().expect("it comes")));
}

pub(crate) fn timers_that_are_waited_for(n: usize, meter: &mut Meter) {
    meter.measure(n, || (0..n).for_each(|_| _ = after(SOON).recv().expect("it comes")));
}

pub(crate) fn keys_that_come_and_go(n: usize, meter: &mut Meter) {
    let map = Map::new();
    meter.measure(n, || {
        for key in 0..n {
            map.store(key, key);
            assert_eq!(map.load_and_delete(&key), Some(key));
        }
    });
}

pub(crate) fn an_emptied_map(n: usize, meter: &mut Meter) {
    let map = Map::new();
    meter.measure(n, || {
        (0..n).for_each(|key| map.store(key, key));
        map.clear();
        map.shrink_to_fit();
    });
}

/// Gives integers as they are.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("keys are integers");
    }

    fn write_usize(&mut self, n: usize) {
        self.0 = n as u64;
    }
}

pub(crate) fn keys_that_hash_to_themselves(n: usize, meter: &mut Meter) {
    let map = Map::<usize, usize, _>::with_hasher(BuildHasherDefault::<Identity>::default());
    meter.measure(2 * n, || {
        (0..n).for_each(|key| map.store(key, key));
        (0..n).for_each(|key| assert_eq!(map.load(&key), Some(key)));
    });
}

/// Retires the next one when it is dropped.
struct Chained(Arc<Domain<Chained>>, usize);

impl Drop for Chained {
    fn drop(&mut self) {
        if self.1 > 0 {
            self.0.retire(Chained(Arc::clone(&self.0), self.1 - 1));
        }
    }
}

pub(crate) fn a_chain_that_is_retired(n: usize, meter: &mut Meter) {
    let domain = Arc::new(Domain::new());
    meter.measure(n, || {
        domain.retire(Chained(Arc::clone(&domain), n));
        while Arc::strong_count(&domain) > 1 {
            domain.collect();
        }
    });
}
