//! Stack, map, set and pool.

use super::{Spec, number_of};
use core::fmt::Debug;
use core::hash::Hash;
use core::marker::PhantomData;
use std::collections::{BTreeMap, BTreeSet};

/// An operation on a stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StackOp<V> {
    /// Puts a value on top; answers `None`.
    Push(V),
    /// Takes the value on top, if there is one.
    Pop,
}

/// A stack: last in, first out.
#[derive(Clone, Debug)]
pub struct Stack<V>(PhantomData<fn(V)>);

impl<V> Stack<V> {
    /// Returns an empty stack.
    pub fn new() -> Stack<V> {
        Stack(PhantomData)
    }
}

impl<V> Default for Stack<V> {
    fn default() -> Stack<V> {
        Stack::new()
    }
}

impl<V: Clone + Eq + Hash + Debug> Spec for Stack<V> {
    type State = Vec<V>;
    type Operation = StackOp<V>;
    type Answer = Option<V>;

    fn initial(&self) -> Vec<V> {
        Vec::new()
    }

    fn observes(&self, operation: &StackOp<V>, answer: &Option<V>) -> bool {
        matches!((operation, answer), (StackOp::Pop, None))
    }

    fn apply(&self, state: &mut Vec<V>, operation: &StackOp<V>) -> Option<Option<V>> {
        Some(match operation {
            StackOp::Push(value) => {
                state.push(value.clone());
                None
            }
            StackOp::Pop => state.pop(),
        })
    }

    fn group(&self, operation: &StackOp<V>, answer: Option<&Option<V>>) -> Option<u64> {
        match (operation, answer) {
            (StackOp::Push(value), _) | (_, Some(Some(value))) => Some(number_of(value)),
            (StackOp::Pop, _) => None,
        }
    }
}

/// An operation on a map.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MapOp<K, V> {
    /// Sets the value of a key; answers the old one.
    Insert(K, V),
    /// Sets the value of a key that has none; answers the value that was there.
    GetOrInsert(K, V),
    /// Removes a key; answers its value.
    Remove(K),
    /// Answers the value of a key.
    Get(K),
}

/// A map, decided key by key.
#[derive(Clone, Debug)]
pub struct Map<K, V>(PhantomData<fn(K, V)>);

impl<K, V> Map<K, V> {
    /// Returns an empty map.
    pub fn new() -> Map<K, V> {
        Map(PhantomData)
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Map<K, V> {
        Map::new()
    }
}

impl<K: Clone + Ord + Hash + Debug, V: Clone + Eq + Hash + Debug> Spec for Map<K, V> {
    type State = BTreeMap<K, V>;
    type Operation = MapOp<K, V>;
    type Answer = Option<V>;

    fn initial(&self) -> BTreeMap<K, V> {
        BTreeMap::new()
    }

    fn observes(&self, operation: &MapOp<K, V>, answer: &Option<V>) -> bool {
        match operation {
            MapOp::Get(_) => true,
            MapOp::GetOrInsert(..) => answer.is_some(),
            MapOp::Remove(_) => answer.is_none(),
            MapOp::Insert(..) => false,
        }
    }

    fn apply(&self, state: &mut BTreeMap<K, V>, operation: &MapOp<K, V>) -> Option<Option<V>> {
        Some(match operation {
            MapOp::Insert(key, value) => state.insert(key.clone(), value.clone()),
            MapOp::GetOrInsert(key, value) => {
                let found = state.get(key).cloned();
                state.entry(key.clone()).or_insert_with(|| value.clone());
                found
            }
            MapOp::Remove(key) => state.remove(key),
            MapOp::Get(key) => state.get(key).cloned(),
        })
    }

    fn part(&self, operation: &MapOp<K, V>) -> u64 {
        let (MapOp::Insert(key, _) | MapOp::GetOrInsert(key, _) | MapOp::Remove(key) | MapOp::Get(key)) =
            operation;
        number_of(key)
    }
}

/// An operation on a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SetOp<K> {
    /// Adds a key; answers whether it is new.
    Insert(K),
    /// Removes a key; answers whether it was there.
    Remove(K),
    /// Answers whether the key is there.
    Contains(K),
}

/// A set, decided key by key.
#[derive(Clone, Debug)]
pub struct Set<K>(PhantomData<fn(K)>);

impl<K> Set<K> {
    /// Returns an empty set.
    pub fn new() -> Set<K> {
        Set(PhantomData)
    }
}

impl<K> Default for Set<K> {
    fn default() -> Set<K> {
        Set::new()
    }
}

impl<K: Clone + Ord + Hash + Debug> Spec for Set<K> {
    type State = BTreeSet<K>;
    type Operation = SetOp<K>;
    type Answer = bool;

    fn initial(&self) -> BTreeSet<K> {
        BTreeSet::new()
    }

    fn observes(&self, operation: &SetOp<K>, changed: &bool) -> bool {
        matches!(operation, SetOp::Contains(_)) || !changed
    }

    fn apply(&self, state: &mut BTreeSet<K>, operation: &SetOp<K>) -> Option<bool> {
        Some(match operation {
            SetOp::Insert(key) => state.insert(key.clone()),
            SetOp::Remove(key) => state.remove(key),
            SetOp::Contains(key) => state.contains(key),
        })
    }

    fn part(&self, operation: &SetOp<K>) -> u64 {
        let (SetOp::Insert(key) | SetOp::Remove(key) | SetOp::Contains(key)) = operation;
        number_of(key)
    }
}

/// An operation on a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PoolOp<V> {
    /// Puts a value in; answers `None`.
    Put(V),
    /// Takes any value out, or answers `None`, though there may be values.
    Get,
}

/// A pool, as Go's `sync.Pool`: values come out at most once each, in any order, and may get lost.
#[derive(Clone, Debug)]
pub struct Pool<V>(PhantomData<fn(V)>);

impl<V> Pool<V> {
    /// Returns an empty pool.
    pub fn new() -> Pool<V> {
        Pool(PhantomData)
    }
}

impl<V> Default for Pool<V> {
    fn default() -> Pool<V> {
        Pool::new()
    }
}

impl<V: Clone + Ord + Hash + Debug> Spec for Pool<V> {
    /// How often the pool holds each value.
    type State = BTreeMap<V, usize>;
    type Operation = PoolOp<V>;
    type Answer = Option<V>;

    fn initial(&self) -> BTreeMap<V, usize> {
        BTreeMap::new()
    }

    fn observes(&self, operation: &PoolOp<V>, answer: &Option<V>) -> bool {
        matches!((operation, answer), (PoolOp::Get, None))
    }

    fn apply(&self, state: &mut BTreeMap<V, usize>, operation: &PoolOp<V>) -> Option<Option<V>> {
        if let PoolOp::Put(value) = operation {
            *state.entry(value.clone()).or_default() += 1;
        }
        Some(None)
    }

    fn outcomes(
        &self,
        state: &BTreeMap<V, usize>,
        operation: &PoolOp<V>,
    ) -> Vec<(Option<V>, BTreeMap<V, usize>)> {
        let mut nothing = state.clone();
        let nothing = self.apply(&mut nothing, operation).map(|answer| (answer, nothing));
        let taken = state.keys().filter(|_| matches!(operation, PoolOp::Get)).map(|value| {
            let mut rest = state.clone();
            match rest.get_mut(value) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(rest.remove(value)),
            }
            (Some(value.clone()), rest)
        });
        taken.chain(nothing).collect()
    }

    fn group(&self, operation: &PoolOp<V>, answer: Option<&Option<V>>) -> Option<u64> {
        match (operation, answer) {
            (PoolOp::Put(value), _) | (_, Some(Some(value))) => Some(number_of(value)),
            (PoolOp::Get, _) => None,
        }
    }
}
