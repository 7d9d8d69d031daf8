//! The map against std's, operation by operation, and what becomes of its values.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, and drops are counted by it")]

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_assert_eq, prop_oneof, proptest};
use selvedge::map::Map;
use selvedge::rt::thread;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};
use std::sync::Arc;

#[derive(Clone, Debug)]
enum Step {
    Load(u8),
    Store(u8, u8),
    Swap(u8, u8),
    LoadOrStore(u8, u8),
    LoadAndDelete(u8),
    Delete(u8),
    CompareAndSwap(u8, u8, u8),
    CompareAndDelete(u8, u8),
    Range,
    Clear,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let (key, value) = (any::<u8>, || 0_u8..4);
    let step = prop_oneof![
        4 => key().prop_map(Step::Load),
        8 => (key(), value()).prop_map(|(key, value)| Step::Store(key, value)),
        4 => (key(), value()).prop_map(|(key, value)| Step::Swap(key, value)),
        4 => (key(), value()).prop_map(|(key, value)| Step::LoadOrStore(key, value)),
        3 => key().prop_map(Step::LoadAndDelete),
        3 => key().prop_map(Step::Delete),
        3 => (key(), value(), value()).prop_map(|(key, old, new)| Step::CompareAndSwap(key, old, new)),
        3 => (key(), value()).prop_map(|(key, old)| Step::CompareAndDelete(key, old)),
        1 => Just(Step::Range),
        1 => Just(Step::Clear),
    ];
    vec(step, 0..400)
}

/// A hasher that knows four homes.
#[derive(Default)]
struct Crowd(u64);

impl Hasher for Crowd {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = u64::from(bytes[0] % 4) << 62;
    }
}

fn agree<H: Hasher + Default>(steps: Vec<Step>) -> Result<(), proptest::test_runner::TestCaseError> {
    let map: Map<u8, u8, BuildHasherDefault<H>> = Map::default();
    let mut std = HashMap::new();
    for step in steps {
        match step {
            Step::Load(key) => prop_assert_eq!(map.load(&key), std.get(&key).copied()),
            Step::Store(key, value) => {
                map.store(key, value);
                std.insert(key, value);
            }
            Step::Swap(key, value) => prop_assert_eq!(map.swap(key, value), std.insert(key, value)),
            Step::LoadOrStore(key, value) => {
                let loaded = std.contains_key(&key);
                let found = *std.entry(key).or_insert(value);
                prop_assert_eq!(map.load_or_store(key, value), (found, loaded));
            }
            Step::LoadAndDelete(key) => prop_assert_eq!(map.load_and_delete(&key), std.remove(&key)),
            Step::Delete(key) => prop_assert_eq!(map.delete(&key), std.remove(&key).is_some()),
            Step::CompareAndSwap(key, old, new) => {
                let has = std.get(&key) == Some(&old);
                prop_assert_eq!(map.compare_and_swap(key, &old, new), has);
                has.then(|| std.insert(key, new));
            }
            Step::CompareAndDelete(key, old) => {
                let has = std.get(&key) == Some(&old);
                prop_assert_eq!(map.compare_and_delete(&key, &old), has);
                has.then(|| std.remove(&key));
            }
            Step::Range => {
                let mut all = HashMap::new();
                map.range(|key, value| {
                    assert!(all.insert(*key, *value).is_none(), "a key comes once");
                    true
                });
                prop_assert_eq!(&all, &std);
            }
            Step::Clear => {
                map.clear();
                std.clear();
            }
        }
        prop_assert_eq!(map.is_empty(), std.is_empty());
    }
    prop_assert_eq!(map.len(), std.len());
    Ok(())
}

proptest! {
    #[test]
    fn a_map_agrees_with_stds(steps in steps()) {
        agree::<DefaultHasher>(steps)?;
    }

    #[test]
    fn a_map_whose_keys_crowd_agrees_too(steps in steps()) {
        agree::<Crowd>(steps)?;
    }
}

/// Gives all keys the same hash, as if each had the last home.
#[derive(Clone, Copy, Default)]
struct Last;

impl Hasher for Last {
    fn finish(&self) -> u64 {
        u64::MAX
    }
    fn write(&mut self, _bytes: &[u8]) {}
}

#[test]
fn keys_that_cannot_be_told_apart_are_kept_apart() {
    let map = Map::with_hasher(BuildHasherDefault::<Last>::default());
    (0..1_000).for_each(|key| map.store(key, key));
    assert_eq!(map.len(), 1_000);
    (0..1_000).for_each(|key| assert_eq!(map.load(&key), Some(key)));
    (0..1_000).for_each(|key| assert_eq!(map.load_and_delete(&key), Some(key)));
    assert!(map.is_empty());
    // Tombstones fill the table too: it is replaced, and does not grow for ever.
    (0..10_000).for_each(|key| {
        map.store(key, key);
        assert!(map.delete(&key));
    });
    assert!(map.is_empty());
}

/// Values are dropped once: by the operation that replaces them, by `clear`, or with the map.
#[test]
fn values_are_dropped_once() {
    let counted = Arc::new(());
    let map = Map::new();
    (0..1_000).for_each(|key| map.store(key, Arc::clone(&counted)));
    assert_eq!(Arc::strong_count(&counted), 1_001);
    (0..500).for_each(|key| map.store(key, Arc::clone(&counted)));
    (0..100).for_each(|key| assert!(map.delete(&key)));
    assert!(Arc::strong_count(&counted) <= 901 + 64, "what nobody reads is given back");
    map.collect();
    assert_eq!(Arc::strong_count(&counted), 901);
    let found = map.get(&999).expect("it is there");
    map.clear();
    map.collect();
    assert_eq!(Arc::strong_count(&counted), 901, "what was found keeps all");
    drop(found);
    map.collect();
    assert_eq!(Arc::strong_count(&counted), 1);
    (0..10).for_each(|key| map.store(key, Arc::clone(&counted)));
    map.clear();
    assert_eq!(Arc::strong_count(&counted), 1);
    map.store(0, Arc::clone(&counted));
    drop(map);
    assert_eq!(Arc::strong_count(&counted), 1);
}

/// What has been found stays, whatever becomes of the map's entry.
#[test]
fn a_reference_keeps_its_entry() {
    let map = Map::new();
    map.store(1, String::from("warp"));
    let found = map.get(&1).expect("it is there");
    (0..1_000).for_each(|key| map.store(key, String::from("weft")));
    map.clear();
    assert_eq!((found.key(), found.as_str()), (&1, "warp"));
}

/// Destructors and range's closure may use the map.
#[test]
fn a_map_may_be_used_from_within() {
    struct Tells(Arc<Map<u32, Option<Tells>>>, u32);
    impl Drop for Tells {
        fn drop(&mut self) {
            self.0.store(1_000 + self.1, None);
        }
    }
    let map = Arc::new(Map::new());
    (0..100).for_each(|key| map.store(key, Some(Tells(Arc::clone(&map), key))));
    map.range(|key, _| {
        map.delete(key);
        map.store(*key, None);
        true
    });
    map.clear();
    map.clear();
    map.clear();
    map.range(|_, value| {
        assert!(value.is_none());
        true
    });
}

/// Threads that each count up keys of their own and a common one lose nothing, while the table grows.
#[test]
fn nothing_is_lost_among_threads() {
    const KEYS: u64 = if cfg!(debug_assertions) { 2_000 } else { 20_000 };
    let map = Map::new();
    map.store(u64::MAX, 0);
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let map = &map;
            scope.spawn(move || {
                for n in 0..KEYS {
                    let key = n * 4 + thread;
                    map.store(key, n);
                    if n % 3 == 0 {
                        assert_eq!(map.load_and_delete(&key), Some(n));
                    }
                    loop {
                        let common = map.load(&u64::MAX).expect("it is never gone");
                        if map.compare_and_swap(u64::MAX, &common, common + 1) {
                            break;
                        }
                    }
                }
            });
        }
    });
    assert_eq!(map.load(&u64::MAX), Some(4 * KEYS));
    for key in 0..4 * KEYS {
        let n = key / 4;
        assert_eq!(map.load(&key), (n % 3 != 0).then_some(n), "key {key}");
    }
    assert_eq!(map.len() as u64, 1 + 4 * (KEYS - KEYS.div_ceil(3)));
}
