//! Maps, pools, stacks, values, locks and semaphores do what their sequential specifications say.

#![allow(clippy::disallowed_types, reason = "proptest's macros use std's Arc, outside the models")]

use proptest::prelude::{Just, Strategy, any, prop_oneof};
use selvedge::atomic::{ArcCell, AtomicF64, SeqLock, Stack, Value};
use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire};
use selvedge::sync::{RwMutex, RwMutexUpgradableReadGuard, Semaphore};
use selvedge_check::Scenario;
use selvedge_check::spec::CounterOp::{Add, Get};
use selvedge_check::spec::SemaphoreOp::{Acquire as Take, Release as Give, TryAcquire as TryTake};
use selvedge_check::spec::{
    Counter, CounterOp, Map as MapSpec, MapOp, Pool as PoolSpec, PoolOp, Register, RegisterOp,
    Semaphore as SemaphoreSpec, Spec, Stack as StackSpec, StackOp,
};
use selvedge_proptests::small_checks;
use std::hash::{BuildHasherDefault, DefaultHasher};

fn quick<S: Spec + 'static, T>(scenario: Scenario<S, T>) -> Scenario<S, T> {
    scenario.checker(small_checks()).programs(12)
}

type Small = Map<u8, u8, BuildHasherDefault<DefaultHasher>>;

/// Makes a map that comes to its second table soon.
fn map() -> Scenario<MapSpec<u8, u8>, Small> {
    let make = || Map::with_homes(2, BuildHasherDefault::new());
    quick(Scenario::new("map", MapSpec::new(), make, |map: &Small, operation| match operation {
        MapOp::Insert(key, value) => map.swap(*key, *value),
        MapOp::GetOrInsert(key, value) => match map.load_or_store(*key, *value) {
            (found, true) => Some(found),
            (_, false) => None,
        },
        MapOp::Remove(key) => map.load_and_delete(key),
        MapOp::Get(key) => map.load(key),
    }))
}

fn map_operations() -> impl Strategy<Value = MapOp<u8, u8>> {
    let key = || 0_u8..3;
    prop_oneof![
        (key(), any::<u8>()).prop_map(|(key, value)| MapOp::Insert(key, value)),
        (key(), any::<u8>()).prop_map(|(key, value)| MapOp::GetOrInsert(key, value)),
        key().prop_map(MapOp::Remove),
        key().prop_map(MapOp::Get),
    ]
}

#[test]
fn a_map_is_linearizable() {
    map().check(map_operations());
}

#[test]
fn a_stack_is_linearizable() {
    let stack =
        Scenario::new(
            "stack",
            StackSpec::new(),
            Stack::new,
            |stack: &Stack<u8>, operation| match operation {
                StackOp::Push(value) => {
                    stack.push(*value);
                    None
                }
                StackOp::Pop => stack.pop(),
            },
        );
    quick(stack).check(prop_oneof![any::<u8>().prop_map(StackOp::Push), Just(StackOp::Pop)]);
}

#[test]
fn a_pool_gives_each_thing_once() {
    let make = || Pool::with_slots(2, (|| 0) as fn() -> u8);
    let pool =
        Scenario::new("pool", PoolSpec::<u8>::new(), make, |pool: &Pool<u8>, operation: &PoolOp<u8>| {
            match operation {
                PoolOp::Put(value) => {
                    pool.put(*value);
                    None
                }
                PoolOp::Get => {
                    let found = pool.try_get().map(selvedge::pool::Pooled::detach);
                    pool.clean();
                    found
                }
            }
        });
    quick(pool).check(prop_oneof![any::<u8>().prop_map(PoolOp::Put), Just(PoolOp::Get)]);
}

fn register_operations() -> impl Strategy<Value = RegisterOp<u8>> {
    let value = || 0_u8..3;
    prop_oneof![
        Just(RegisterOp::Read),
        value().prop_map(RegisterOp::Write),
        value().prop_map(RegisterOp::Swap),
        (value(), value()).prop_map(|(old, new)| RegisterOp::CompareExchange(old, new)),
    ]
}

#[test]
fn an_arc_cell_is_a_register() {
    let make = || ArcCell::new(Arc::new(0));
    let cell =
        Scenario::new("ArcCell", Register::new(0), make, |cell: &ArcCell<u8>, operation| match operation {
            RegisterOp::Read => Some(*cell.load()),
            RegisterOp::Write(value) => {
                cell.store(Arc::new(*value));
                None
            }
            RegisterOp::Swap(value) => Some(*cell.swap(Arc::new(*value))),
            RegisterOp::CompareExchange(old, new) => loop {
                let found = cell.load_full();
                if *found != *old {
                    return Some(*found);
                }
                if cell.compare_and_swap(&found, Arc::new(*new)).is_ok() {
                    return Some(*found);
                }
            },
        });
    quick(cell).check(register_operations());
}

#[test]
fn a_value_is_a_register() {
    let make = || Value::new(0);
    let value =
        Scenario::new("Value", Register::new(0), make, |shared: &Value<u8>, operation| match operation {
            RegisterOp::Read => Some(shared.load()),
            RegisterOp::Write(value) => {
                shared.store(*value);
                None
            }
            RegisterOp::Swap(value) => Some(shared.swap(*value)),
            RegisterOp::CompareExchange(..) => unreachable!("a Value does not say what it has found"),
        });
    let value_operations = prop_oneof![
        Just(RegisterOp::Read),
        (0_u8..3).prop_map(RegisterOp::Write),
        (0_u8..3).prop_map(RegisterOp::Swap),
    ];
    quick(value).check(value_operations);
}

#[test]
fn a_seq_lock_is_a_register() {
    let make = || SeqLock::new([0_u8; 12]);
    let lock = Scenario::new("SeqLock", Register::new(0), make, |lock: &SeqLock<[u8; 12]>, operation| {
        let whole = |bytes: [u8; 12]| {
            assert_eq!(bytes, [bytes[0]; 12], "parts of two writes");
            bytes[0]
        };
        match operation {
            RegisterOp::Read => Some(whole(lock.read())),
            RegisterOp::Write(value) => {
                lock.write([*value; 12]);
                None
            }
            RegisterOp::Swap(value) => {
                Some(lock.update(|bytes| whole(core::mem::replace(bytes, [*value; 12]))))
            }
            RegisterOp::CompareExchange(old, new) => Some(lock.update(|bytes| {
                let found = whole(*bytes);
                if found == *old {
                    *bytes = [*new; 12];
                }
                found
            })),
        }
    });
    quick(lock).check(register_operations());
}

fn counter_operations() -> impl Strategy<Value = CounterOp> {
    prop_oneof![(1_i64..4).prop_map(Add), Just(Get)]
}

#[test]
fn a_float_is_a_counter() {
    let make = || AtomicF64::new(0.0);
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "the numbers are small")]
    let float = Scenario::new("AtomicF64", Counter, make, |float: &AtomicF64, operation| match operation {
        Add(amount) => float.fetch_add(*amount as f64, AcqRel) as i64,
        Get => float.load(Acquire) as i64,
    });
    quick(float).check(counter_operations());
}

/// What a lock protects.
struct Guarded<L> {
    lock: L,
    count: UnsafeCell<i64>,
}

// SAFETY: the lock is what is under test; a checker reports if it does not order accesses.
unsafe impl<L: Sync> Sync for Guarded<L> {}

impl<L> Guarded<L> {
    fn get(&self) -> i64 {
        // SAFETY: the caller holds the lock, so no other thread has the count.
        self.count.with(|count| unsafe { *count })
    }

    fn add(&self, amount: i64) -> i64 {
        let before = self.get();
        // SAFETY: the caller holds the lock, so no other thread has the count.
        self.count.with_mut(|count| unsafe { *count = before + amount });
        before
    }
}

/// A counter behind a lock for readers and writers; broken: it is written by a reader.
fn rw_mutex(broken: bool) -> Scenario<Counter, Guarded<RwMutex<()>>> {
    let make = || Guarded { lock: RwMutex::new(()), count: UnsafeCell::new(0) };
    quick(Scenario::new("RwMutex", Counter, make, move |guarded: &Guarded<RwMutex<()>>, operation| {
        match operation {
            Add(amount) if broken => {
                let _reader = guarded.lock.read();
                guarded.add(*amount)
            }
            Add(1) => {
                let reader = guarded.lock.upgradable_read();
                let _writer = RwMutexUpgradableReadGuard::upgrade(reader);
                guarded.add(1)
            }
            Add(amount) => {
                let _writer = guarded.lock.write();
                guarded.add(*amount)
            }
            Get => {
                let _reader = guarded.lock.read();
                guarded.get()
            }
        }
    }))
}

#[test]
fn what_a_rw_mutex_protects_is_linearizable() {
    rw_mutex(false).check(counter_operations());
}

/// A broken variant.
#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_writer_among_readers_is_found() {
    assert!(rw_mutex(true).programs(100).run(counter_operations()).is_err(), "nobody noticed");
}

#[test]
fn a_semaphore_is_linearizable() {
    let make = || Semaphore::new(2);
    let semaphore = Scenario::new("Semaphore", SemaphoreSpec(2), make, |semaphore: &Semaphore, operation| {
        let many = |count: &usize| u64::try_from(*count).expect("few permits");
        match operation {
            Take(count) => {
                semaphore.acquire(many(count)).forget();
                true
            }
            TryTake(count) => {
                semaphore.try_acquire(many(count)).map(selvedge::sync::Permits::forget).is_some()
            }
            Give(count) => {
                semaphore.release(many(count));
                true
            }
        }
    });
    let count = || 1_usize..3;
    // Nobody waits: while somebody does a try fails, of which the specification knows nothing.
    quick(semaphore).check(prop_oneof![count().prop_map(TryTake), count().prop_map(Give),]);
}

/// A broken variant: a map whose keys have no value of their own.
#[test]
#[cfg(any(feature = "loom", feature = "graph", feature = "shuttle"))]
fn a_map_that_forgets_a_key_is_found() {
    let make = || Value::new(None);
    let broken = Scenario::new("one value", MapSpec::new(), make, |value: &Value<Option<u8>>, operation| {
        match operation {
            MapOp::Insert(_, new) => value.swap(Some(*new)),
            MapOp::GetOrInsert(..) | MapOp::Get(_) => value.load(),
            MapOp::Remove(_) => value.swap(None),
        }
    });
    assert!(quick(broken).programs(100).run(map_operations()).is_err(), "nobody noticed");
}
