//! A map on one thread, whose keys and values misbehave in every callback.
//!
//! What a callback does to the map comes at a moment that the map chooses. So after a step in which one entered or
//! panicked, the map is looked through by names, which calls nobody back: each name has what it had, or what somebody
//! has given it in this step.

use super::smaller::{Simpler, Steps};
use super::user::{Callback, Came, Key, Misdeed, Script, Value, World};
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::{Just, Strategy, Union};
use selvedge::map::{Map, Ref};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::{Arc, Mutex, PoisonError};

/// How many names there are.
const NAMES: u8 = 4;

/// A step on a name, with the scripts of the key and of the value.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named as what they call")]
pub enum Step {
    Store(u8, Script, Script),
    Swap(u8, Script, Script),
    LoadOrStore(u8, Script, Script),
    /// With the value that is there, or another.
    CompareAndSwap(u8, bool, Script, Script),
    CompareAndDelete(u8, bool),
    Load(u8, Script),
    LoadAndDelete(u8, Script),
    Delete(u8, Script),
    /// `get`; the reference is kept.
    Get(u8, Script),
    /// The oldest reference is dropped.
    Release,
    /// `range`, whose closure does this at each entry.
    Range(Misdeed),
    Clear,
    Len,
}

/// What is done to a map.
pub type Program = Steps<Step>;

impl Simpler for Step {
    fn simpler(&self) -> Vec<Step> {
        match self.clone() {
            Step::Store(name, key, value) if key.or(value).is_some() => {
                vec![Step::Store(name, None, value), Step::Store(name, key, None)]
            }
            Step::Swap(name, key, value) => vec![Step::Store(name, key, value)],
            Step::LoadOrStore(name, key, value) => vec![Step::Store(name, key, value)],
            Step::Load(name, Some(_)) => vec![Step::Load(name, None)],
            Step::Delete(name, Some(_)) => vec![Step::Delete(name, None)],
            _ => Vec::new(),
        }
        .into_iter()
        .filter(|simpler| format!("{simpler:?}") != format!("{self:?}"))
        .collect()
    }
}

fn script(callbacks: &'static [Callback]) -> impl Strategy<Value = Script> {
    let misdeed =
        Union::new(vec![Just(Misdeed::Panics).boxed(), (0..24_u8).prop_map(Misdeed::Enters).boxed()]);
    let scripted = (one_of(callbacks), misdeed).prop_map(Some);
    Union::new_weighted(vec![(4, Just(None).boxed()), (1, scripted.boxed())])
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let name = || 0..NAMES;
    let key = || script(&[Callback::Hash, Callback::Eq, Callback::Drop]);
    let value = || script(&[Callback::Clone, Callback::Eq, Callback::Drop]);
    let put = || (name(), key(), value());
    let flag = any::<bool>;
    let in_range = one_of(vec![Misdeed::None, Misdeed::Panics, Misdeed::Enters(1), Misdeed::Enters(6)]);
    let step = Union::new_weighted(vec![
        (6, put().prop_map(|(name, key, value)| Step::Store(name, key, value)).boxed()),
        (3, put().prop_map(|(name, key, value)| Step::Swap(name, key, value)).boxed()),
        (3, put().prop_map(|(name, key, value)| Step::LoadOrStore(name, key, value)).boxed()),
        (3, (put(), flag()).prop_map(|((name, k, v), same)| Step::CompareAndSwap(name, same, k, v)).boxed()),
        (3, (name(), flag()).prop_map(|(name, same)| Step::CompareAndDelete(name, same)).boxed()),
        (3, (name(), key()).prop_map(|(name, key)| Step::Load(name, key)).boxed()),
        (3, (name(), key()).prop_map(|(name, key)| Step::LoadAndDelete(name, key)).boxed()),
        (3, (name(), key()).prop_map(|(name, key)| Step::Delete(name, key)).boxed()),
        (3, (name(), key()).prop_map(|(name, key)| Step::Get(name, key)).boxed()),
        (3, Just(Step::Release).boxed()),
        (1, in_range.prop_map(Step::Range).boxed()),
        (1, Just(Step::Clear).boxed()),
        (1, Just(Step::Len).boxed()),
    ]);
    vec(step, 0..=length).prop_map(Steps)
}

type Tested = Map<Key, Value, BuildHasherDefault<DefaultHasher>>;

/// What was done in a step, besides what the model knows.
#[derive(Debug, Default)]
struct Record {
    /// The values that names were given.
    given: BTreeMap<u8, BTreeSet<u32>>,
    /// The names that were deleted.
    deleted: BTreeSet<u8>,
    entered: bool,
}

/// What a call says.
enum Said {
    Value(Option<Value>),
    Flag(bool),
}

impl Said {
    fn nothing(call: impl FnOnce()) -> Came<Said> {
        Came::of(|| {
            call();
            Said::Value(None)
        })
    }

    fn value(call: impl FnOnce() -> Option<Value>) -> Came<Said> {
        Came::of(|| Said::Value(call()))
    }

    fn flag(call: impl FnOnce() -> bool) -> Came<Said> {
        Came::of(|| Said::Flag(call()))
    }
}

/// What it should say.
enum Expected {
    Root(Option<u32>),
    Flag(bool),
}
use Expected::{Flag, Root};

struct Machine {
    references: Vec<Ref<'static, Key, Value>>,
    map: Arc<Tested>,
    world: Arc<World>,
    record: Arc<Mutex<Record>>,
    model: BTreeMap<u8, u32>,
}

/// Runs a program; how many bytes it may leave behind.
///
/// # Panics
/// If the map does anything else than its model.
pub fn run(program: &Program) -> isize {
    let world = World::new();
    let map = Arc::new(Map::with_homes(2, BuildHasherDefault::default()));
    let mut machine =
        Machine { references: Vec::new(), map, world, record: Arc::default(), model: BTreeMap::new() };
    machine.open();
    for step in &program.0 {
        machine.step(step);
        assert!(machine.world.faults().is_empty(), "{:?}", machine.world.faults());
    }
    let Machine { mut references, map, world, .. } = machine;
    while let Some(reference) = references.pop() {
        Came::of(|| drop(reference)).back("the drop of a reference");
    }
    world.set_entrance(None);
    Came::of(|| drop(map)).back("the drop of a map");
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    assert!(world.alive().is_empty(), "values {:?} were not dropped", world.alive());
    0
}

fn lock(record: &Mutex<Record>) -> std::sync::MutexGuard<'_, Record> {
    record.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Machine {
    /// Lets callbacks enter the map.
    fn open(&self) {
        let (map, world) = (Arc::downgrade(&self.map), Arc::downgrade(&self.world));
        let record = Arc::clone(&self.record);
        self.world.set_entrance(Some(Arc::new(move |how| {
            let (Some(map), Some(world)) = (map.upgrade(), world.upgrade()) else { return };
            let name = how % NAMES;
            lock(&record).entered = true;
            match how / NAMES {
                0 => {
                    let (name_of, value) = (Key { name, value: world.value(None) }, world.value(None));
                    lock(&record).given.entry(name).or_default().insert(value.root());
                    map.store(name_of, value);
                }
                1 => {
                    lock(&record).deleted.insert(name);
                    map.delete(&name);
                }
                2 => drop(map.load(&name)),
                3 => {
                    lock(&record).deleted.extend(0..NAMES);
                    map.clear();
                }
                4 => drop(map.load_and_delete(&(NAMES + 1))),
                _ => assert!(map.len() <= usize::from(NAMES), "it counts too many"),
            }
        })));
    }

    fn key(&self, name: u8, script: Script) -> Key {
        Key { name, value: self.world.value(script) }
    }

    /// Makes a value that is given to a name.
    fn give(&self, name: u8, script: Script) -> (Value, u32) {
        let value = self.world.value(script);
        let root = value.root();
        lock(&self.record).given.entry(name).or_default().insert(root);
        (value, root)
    }

    /// Returns a value equal to the one that a name has, or to none.
    fn current(&self, name: u8, same: bool) -> Option<Value> {
        let there = self.map.get(&name).filter(|_| same);
        let calm = |value: &Value| Came::of(|| value.clone());
        match there.as_ref().map(|there| calm(there)) {
            Some(Came::Back(value)) => Some(value),
            Some(_) => None,
            None => Some(self.world.value(None)),
        }
    }

    fn step(&mut self, step: &Step) {
        *lock(&self.record) = Record::default();
        let panics = self.world.panics();
        let owned = Arc::clone(&self.map);
        let map = &*owned;
        let before = |name: &u8| self.model.get(name).copied();
        // What is expected to come, and what the name has afterwards.
        let (came, expected, after) = match step {
            Step::Store(name, key, value) => {
                let (key, (value, root)) = (self.key(*name, *key), self.give(*name, *value));
                (Said::nothing(|| map.store(key, value)), Root(None), Some((*name, Some(root))))
            }
            Step::Swap(name, key, value) => {
                let (key, (value, root)) = (self.key(*name, *key), self.give(*name, *value));
                (Said::value(|| map.swap(key, value)), Root(before(name)), Some((*name, Some(root))))
            }
            Step::LoadOrStore(name, key, value) => {
                let (key, (value, root)) = (self.key(*name, *key), self.give(*name, *value));
                let has = Some(before(name).unwrap_or(root));
                (Said::value(|| Some(map.load_or_store(key, value).0)), Root(has), Some((*name, has)))
            }
            Step::CompareAndSwap(name, same, key, value) => {
                let Some(current) = self.current(*name, *same) else { return self.look(true) };
                let (key, (value, root)) = (self.key(*name, *key), self.give(*name, *value));
                let swaps = before(name) == Some(current.root());
                let after = if swaps { Some(root) } else { before(name) };
                (
                    Said::flag(move || map.compare_and_swap(key, &current, value)),
                    Flag(swaps),
                    Some((*name, after)),
                )
            }
            Step::CompareAndDelete(name, same) => {
                let Some(current) = self.current(*name, *same) else { return self.look(true) };
                let deletes = before(name) == Some(current.root());
                lock(&self.record).deleted.insert(*name);
                let after = before(name).filter(|_| !deletes);
                (
                    Said::flag(move || map.compare_and_delete(name, &current)),
                    Flag(deletes),
                    Some((*name, after)),
                )
            }
            Step::Load(name, key) => {
                let key = self.key(*name, *key);
                let came = Said::value(|| map.load(&key));
                Machine::discard(key);
                (came, Root(before(name)), None)
            }
            Step::LoadAndDelete(name, key) => {
                let key = self.key(*name, *key);
                lock(&self.record).deleted.insert(*name);
                let came = Said::value(|| map.load_and_delete(&key));
                Machine::discard(key);
                (came, Root(before(name)), Some((*name, None)))
            }
            Step::Delete(name, key) => {
                let key = self.key(*name, *key);
                lock(&self.record).deleted.insert(*name);
                (Said::flag(move || map.delete(&key)), Flag(before(name).is_some()), Some((*name, None)))
            }
            Step::Get(name, key) => {
                let key = self.key(*name, *key);
                // SAFETY: the references are dropped before the map.
                let map: &'static Tested = unsafe { &*Arc::as_ptr(&owned) };
                let references = &mut self.references;
                let came = Said::flag(move || {
                    let found = map.get(&key);
                    let is_there = found.is_some();
                    references.extend(found);
                    is_there
                });
                (came, Flag(before(name).is_some()), None)
            }
            Step::Release => {
                let reference = (!self.references.is_empty()).then(|| self.references.remove(0));
                (Said::nothing(|| drop(reference)), Root(None), None)
            }
            Step::Range(misdeed) => return self.range(*misdeed, panics),
            Step::Clear => {
                lock(&self.record).deleted.extend(0..NAMES);
                let came = Said::nothing(|| map.clear());
                self.model.clear();
                (came, Root(None), None)
            }
            Step::Len => (Said::flag(|| map.len() == self.model.len()), Flag(true), None),
        };
        let answer = came.back("a call");
        assert!(self.is_strange(panics) || answer.is_some(), "a panic came from nowhere");
        if !self.is_strange(panics) {
            match (answer.as_ref().expect("it came back"), expected) {
                (Said::Value(value), Root(root)) => {
                    assert_eq!(value.as_ref().map(Value::root), root, "an answer")
                }
                (Said::Flag(said), Flag(flag)) => assert_eq!(*said, flag, "an answer"),
                _ => unreachable!("one expects what a call may say"),
            }
            match after {
                Some((name, Some(root))) => drop(self.model.insert(name, root)),
                Some((name, None)) => drop(self.model.remove(&name)),
                None => (),
            }
        }
        Came::of(|| drop(answer)).back("the drop of an answer");
        self.look(self.is_strange(panics));
    }

    /// Drops a key by itself: the result of a function is lost if the destructor of a local panics
    /// (rust-lang/rust#47949).
    fn discard(what: Key) {
        Came::of(|| drop(what)).back("the drop of a key");
    }

    /// Returns whether a callback has panicked or entered in this step.
    fn is_strange(&self, panics: usize) -> bool {
        self.world.panics() != panics || lock(&self.record).entered
    }

    fn range(&mut self, misdeed: Misdeed, panics: usize) {
        let mut seen = BTreeSet::new();
        let came = Came::of(|| {
            self.map.range(|key, value| {
                assert!(seen.insert(key.name) && self.world.is_alive(value.id()), "a name comes twice");
                self.world.commit(misdeed);
                true
            });
        });
        came.back("range");
        let strange = self.is_strange(panics);
        assert!(strange || seen.iter().eq(self.model.keys()), "range saw {seen:?}");
        self.look(strange);
    }

    /// Looks the map through; if anything strange has happened, the model follows.
    fn look(&mut self, strange: bool) {
        let record = std::mem::take(&mut *lock(&self.record));
        for name in 0..NAMES {
            let found = self.map.get(&name);
            let root = found.as_ref().map(|found| found.root());
            assert!(found.as_ref().is_none_or(|found| self.world.is_alive(found.id())), "a dead value");
            Came::of(|| drop(found)).back("the drop of a reference");
            let before = self.model.get(&name).copied();
            let given = |root| record.given.get(&name).is_some_and(|given| given.contains(&root));
            let right = root == before || strange && root.map_or(record.deleted.contains(&name), given);
            assert!(right, "name {name} has {root:?}, and should have {before:?}; {record:?}");
            match root {
                Some(root) => drop(self.model.insert(name, root)),
                None => drop(self.model.remove(&name)),
            }
        }
    }
}
