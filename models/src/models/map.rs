//! Models of the map.

use super::{Model, Plain, both, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use core::hash::{BuildHasherDefault, Hasher};
use selvedge::map::Map;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::Acquire;
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    a_store_happens_before_its_load,
    one_of_two_first_values_is_stored,
    nothing_is_lost_when_the_table_is_replaced,
    an_entry_that_was_found_is_not_dropped,
    a_table_that_is_read_is_not_dropped,
    a_key_is_deleted_once,
    compare_and_swap_is_one_step,
    range_meets_each_key_once,
    clear_is_one_step,
    a_deletion_passes_on_what_was_done,
];

const MAP: Mutant = mutant_of!("primitives/src/map/mod.rs");
const TABLE: Mutant = mutant_of!("primitives/src/map/table.rs");
/// A slot is changed by a CAS that orders nothing; or is not changed.
const WEAK_SLOT: Mutant = TABLE.weaken("change-slot").needs(Needs::SeqCst);
const LOST_SLOT: Mutant = TABLE.lose("change-slot", FailureKind::Panic);
/// Slots are changed while their table is being replaced.
const UNFROZEN: Mutant = TABLE.lose("freeze-slot", FailureKind::Panic);
const WEAK_FREEZE: Mutant = TABLE.weaken("freeze-slot");
const WEAK_TABLE: Mutant = MAP.weaken("replace-table").needs(Needs::SeqCst);
/// The collector does not see a pin, and frees an entry or a table that a reader has found.
const STALE_SLOT: Mutant =
    TABLE.demote("load-slot", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::SeqCst);
const STALE_TABLE: Mutant =
    MAP.demote("load-table", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race).needs(Needs::SeqCst);

/// Gives all keys the same hash, and so the same home.
#[derive(Default)]
struct Crowd;

impl Hasher for Crowd {
    fn finish(&self) -> u64 {
        0
    }

    fn write(&mut self, _: &[u8]) {}
}

type Small<V> = Map<u8, V, BuildHasherDefault<Crowd>>;

/// Makes a map with a table of three slots, which the second key fills.
fn small<V>() -> Arc<Small<V>> {
    Arc::new(Map::with_homes(2, BuildHasherDefault::new()))
}

/// Makes a map with a table that has room for all keys of a model.
fn roomy<V>() -> Arc<Small<V>> {
    Arc::new(Map::with_homes(4, BuildHasherDefault::new()))
}

/// A thread that loads a value reads what was written to the value before it was stored.
fn a_store_happens_before_its_load() -> Model {
    model("storing happens before loading", || {
        let map = roomy();
        map.store(2, Plain::new(0));
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || {
            let value = Plain::new(0);
            value.set(1);
            theirs.store(1, value);
        });
        if let Some(value) = map.get(&1) {
            assert_eq!(value.get(), 1);
        }
        other.join().expect("no panic");
        assert_eq!(map.get(&1).expect("it is stored").get(), 1);
    })
    .bound(2)
    .catches([WEAK_SLOT])
}

/// Two threads give a key its first value, and agree on it.
fn one_of_two_first_values_is_stored() -> Model {
    model("one of two first values is stored", || {
        let map = roomy();
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || theirs.load_or_store(1, 1));
        let (here, found) = map.load_or_store(1, 2);
        let (there, found_there) = other.join().expect("no panic");
        assert!(here == there && found != found_there && map.len() == 1);
    })
    .bound(2)
    .catches([LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)])
}

/// A key in the table is found while the table is replaced, and no store beside the replacement is lost.
fn nothing_is_lost_when_the_table_is_replaced() -> Model {
    model("nothing is lost when the table is replaced", || {
        let map = small();
        map.store(1, 1);
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || theirs.store(2, 2));
        map.store(3, 3);
        assert_eq!(map.load(&1), Some(1));
        other.join().expect("no panic");
        assert_eq!([1, 2, 3].map(|key| map.load(&key)), [Some(1), Some(2), Some(3)]);
    })
    .bound(2)
    .catches([UNFROZEN.or(FailureKind::Leak).or(FailureKind::Race), WEAK_FREEZE, WEAK_TABLE])
}

/// An entry that was found is not dropped when it is replaced.
fn an_entry_that_was_found_is_not_dropped() -> Model {
    model("an entry that was found is not dropped", || {
        let map = small();
        map.store(1, Plain::new(1));
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || {
            theirs.store(1, Plain::new(2));
            theirs.store(2, Plain::new(0));
        });
        let found = map.get(&1).expect("it is never gone").get();
        assert!(matches!(found, 1 | 2));
        other.join().expect("no panic");
        assert_eq!(map.get(&1).expect("it is never gone").get(), 2);
    })
    .bound(2)
    .catches([STALE_SLOT])
}

/// A table that a thread reads is not dropped when it is replaced.
fn a_table_that_is_read_is_not_dropped() -> Model {
    model("a table that is read is not dropped", || {
        let map = small();
        map.store(1, 1);
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || theirs.clear());
        let found = map.load(&1);
        assert!(matches!(found, None | Some(1)));
        other.join().expect("no panic");
        assert!(map.is_empty());
    })
    .bound(2)
    .catches([STALE_TABLE])
}

/// Two threads delete a key: one of them gets the value, and a store comes before or after.
fn a_key_is_deleted_once() -> Model {
    model("a key is deleted once", || {
        let map = roomy();
        map.store(1, 1);
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || (theirs.load_and_delete(&1), theirs.swap(1, 2)));
        let here = map.load_and_delete(&1);
        let (there, before) = other.join().expect("no panic");
        let left = map.load(&1);
        // Our deletion came first, between the two of the other thread, or last.
        assert!(matches!(
            (here, there, before, left),
            (Some(1), None, None, Some(2)) | (None, Some(1), None, Some(2)) | (Some(2), Some(1), None, None)
        ));
    })
    .bound(2)
    .catches([LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)])
}

/// Two threads increment a value by compare-and-swap: no increment is lost.
fn compare_and_swap_is_one_step() -> Model {
    model("compare-and-swap is one step", || {
        let map = roomy();
        map.store(1, 0);
        let increment = |map: &Small<u32>| loop {
            let old = map.load(&1).expect("it is never gone");
            if map.compare_and_swap(1, &old, old + 1) {
                return;
            }
        };
        both(&map, increment);
        assert_eq!(map.load(&1), Some(2));
    })
    .bound(2)
    .catches([LOST_SLOT.or(FailureKind::UseAfterFree).or(FailureKind::DoubleFree).or(FailureKind::Leak)])
}

/// `range` meets a key that is deleted and stored again once at most, and a key that stays exactly once.
fn range_meets_each_key_once() -> Model {
    model("range meets each key once", || {
        let map = roomy();
        map.store(1, 1);
        map.store(2, 2);
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || {
            theirs.delete(&1);
            theirs.store(1, 3);
        });
        let mut met = [0; 3];
        map.range(|key, _| {
            met[usize::from(*key)] += 1;
            true
        });
        other.join().expect("no panic");
        assert!(met[1] <= 1 && met[2] == 1, "{met:?}");
    })
    .bound(2)
    .catches([WEAK_SLOT])
}

/// `clear` removes every key at one moment: a store comes before or after that moment.
fn clear_is_one_step() -> Model {
    model("clear is one step", || {
        let map = roomy();
        map.store(1, 1);
        let theirs = Arc::clone(&map);
        let other = thread::spawn(move || theirs.store(2, 2));
        map.clear();
        assert_eq!(map.load(&1), None);
        other.join().expect("no panic");
        assert!(matches!((map.load(&1), map.load(&2)), (None, None | Some(2))));
    })
    .bound(2)
    .catches([UNFROZEN.or(FailureKind::Leak)])
}

/// What a thread did before a deletion happens before a load that finds nothing.
fn a_deletion_passes_on_what_was_done() -> Model {
    model("a deletion passes on what was done", || {
        let shared = Arc::new((roomy(), Plain::new(0)));
        shared.0.store(1, 1);
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || {
            theirs.1.set(1);
            theirs.0.delete(&1);
        });
        if shared.0.load(&1).is_none() {
            assert_eq!(shared.1.get(), 1);
        }
        other.join().expect("no panic");
    })
    .bound(2)
    .catches([WEAK_SLOT])
}
