//! User code at every place where maps, pools, cells, stacks, domains and flights call it: each call panics in turn, or
//! uses the object again. The object works afterwards, the panic is resumed, and each value is dropped once.

use core::cell::Cell;
use core::hash::{Hash, Hasher};
use selvedge::atomic::{ArcCell, SeqLock, Stack, Value};
use selvedge::chan::{Sender, bounded};
use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::reclaim::Domain;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::sync::atomic::{AtomicIsize, AtomicU32};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;
use selvedge::sync::SingleFlight;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The kinds of calls of user code.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Call {
    Clone,
    Closure,
    Drop,
    Eq,
    Hash,
}
use Call::{Clone as Clones, Closure, Drop as Drops, Eq as Eqs, Hash as Hashes};

/// Counts calls of user code, and makes one of them panic or use the object.
#[derive(Default)]
struct Script {
    /// How many items exist.
    live: AtomicIsize,
    /// How many calls there were of the kind that is watched.
    calls: AtomicU32,
    plan: Mutex<Option<(Call, Plan)>>,
}

enum Plan {
    Count,
    PanicAt(u32),
    /// Runs at the first calls only: a destructor that uses an object gives it more to drop.
    Run(Box<dyn FnMut() + Send>),
}

/// The script that an item reports its calls to.
type Told = Arc<Script>;

impl Script {
    fn watch(&self, call: Call, plan: Plan) {
        self.calls.store(0, Relaxed);
        *self.plan.lock() = Some((call, plan));
    }

    /// Stops watching, and returns how many calls there were.
    fn rest(&self) -> u32 {
        let plan = self.plan.lock().take();
        drop(plan);
        self.calls.load(Relaxed)
    }

    fn called(&self, call: Call) {
        let plan = self.plan.lock().take();
        let Some((watched, mut plan)) = plan else { return };
        let mut panics = false;
        if watched == call {
            let number = self.calls.fetch_add(1, Relaxed) + 1;
            match &mut plan {
                Plan::Count => (),
                Plan::PanicAt(at) => panics = *at == number,
                // Calls that this one makes are not watched: the plan is not in its place meanwhile.
                Plan::Run(run) if number <= 50 => run(),
                Plan::Run(_) => (),
            }
        }
        *self.plan.lock() = Some((watched, plan));
        assert!(!panics, "{call:?} panics as planned");
    }
}

/// A key or a value that reports every call of its code to a script.
struct Item {
    id: u32,
    script: Told,
}

fn item(script: &Told, id: u32) -> Item {
    script.live.fetch_add(1, Relaxed);
    Item { id, script: Arc::clone(script) }
}

impl Clone for Item {
    fn clone(&self) -> Self {
        self.script.called(Clones);
        item(&self.script, self.id)
    }
}

impl Drop for Item {
    fn drop(&mut self) {
        assert!(self.script.live.fetch_sub(1, Relaxed) > 0, "an item is dropped twice");
        self.script.called(Drops);
    }
}

impl PartialEq for Item {
    fn eq(&self, other: &Self) -> bool {
        self.script.called(Eqs);
        self.id == other.id
    }
}

impl Eq for Item {}

impl Hash for Item {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.script.called(Hashes);
        self.id.hash(state);
    }
}

/// A part of a use of an object.
type Step<O> = fn(&O, &Told);

/// An object, a use of it in steps, which call user code, and a check that the object works.
struct Row<O: 'static> {
    make: fn(&Told) -> O,
    calls: &'static [Call],
    steps: &'static [Step<O>],
    works: Step<O>,
}

impl<O: Send + Sync + 'static> Row<O> {
    fn check(&self) {
        for &call in self.calls {
            let (calls, panics) = self.run(call, |_, _| Plan::Count);
            assert!(calls > 0 && panics == 0, "{call:?} is called {calls} times");
            for at in 1..=calls {
                let (_, panics) = self.run(call, |_, _| Plan::PanicAt(at));
                assert_eq!(panics, 1, "the panic of call {at} of {call:?} comes out of one step");
            }
            let works = self.works;
            let (again, panics) =
                self.run(call, |object, script| Plan::Run(Box::new(move || works(&object, &script))));
            assert!(again > 0 && panics == 0, "{call:?} uses the object");
        }
        let drops = self.end(0);
        (1..=drops).for_each(|at| _ = self.end(at));
    }

    /// Runs the steps, and returns how many calls there were and how many steps panicked.
    fn run(&self, call: Call, plan: impl FnOnce(Arc<O>, Told) -> Plan) -> (u32, usize) {
        let script = Told::default();
        let object = Arc::new((self.make)(&script));
        script.watch(call, plan(Arc::clone(&object), Arc::clone(&script)));
        let panics = |step: &&Step<O>| catch_unwind(AssertUnwindSafe(|| step(&object, &script))).is_err();
        let panics = self.steps.iter().filter(panics).count();
        let calls = script.rest();
        (self.works)(&object, &script);
        drop(object);
        assert_eq!(script.live.load(Relaxed), 0, "{call:?}: each item is dropped once");
        (calls, panics)
    }

    /// Drops an object while the destructor of one of its items panics, and returns how many destructors ran.
    fn end(&self, at: u32) -> u32 {
        let script = Told::default();
        let object = (self.make)(&script);
        self.steps.iter().for_each(|step| step(&object, &script));
        script.watch(Drops, Plan::PanicAt(at));
        let result = catch_unwind(AssertUnwindSafe(|| drop(object)));
        assert_eq!(result.is_err(), at > 0, "the panic comes out");
        assert_eq!(script.live.load(Relaxed), 0, "each item is dropped once");
        script.rest()
    }
}

#[test]
fn code_that_a_map_calls_may_panic_or_use_the_map() {
    Row {
        make: |_| Map::<Item, Item>::new(),
        calls: &[Clones, Closure, Drops, Eqs, Hashes],
        steps: &[
            |map, script| map.store(item(script, 0), item(script, 0)),
            |map, script| map.store(item(script, 0), item(script, 1)),
            |map, script| drop(map.swap(item(script, 0), item(script, 2))),
            |map, script| drop(map.load(&item(script, 0))),
            |map, script| drop(map.load_or_store(item(script, 1), item(script, 1))),
            |map, script| drop(map.load_or_store(item(script, 1), item(script, 2))),
            |map, script| _ = map.compare_and_swap(item(script, 0), &item(script, 2), item(script, 3)),
            |map, script| _ = map.compare_and_swap(item(script, 0), &item(script, 2), item(script, 4)),
            |map, script| _ = map.compare_and_delete(&item(script, 1), &item(script, 2)),
            |map, script| _ = map.compare_and_delete(&item(script, 1), &item(script, 1)),
            |map, script| (2..30).for_each(|n| map.store(item(script, n), item(script, n))),
            |map, script| drop(map.load_and_delete(&item(script, 2))),
            |map, script| (3..20).for_each(|n| _ = map.delete(&item(script, n))),
            |map, _| {
                map.range(|key, _| {
                    key.script.called(Closure);
                    true
                });
            },
            |map, _| map.shrink_to_fit(),
            |map, _| map.clear(),
            |map, _| map.collect(),
            |map, script| (40..45).for_each(|n| map.store(item(script, n), item(script, n))),
            |map, script| map.store(item(script, 40), item(script, 0)),
        ],
        works: |map, script| {
            let (key, before) = (item(script, 90), map.len());
            map.store(key.clone(), item(script, 1));
            assert!(map.get(&key).is_some_and(|found| found.id == 1 && *found.key() == key));
            assert!(map.swap(key.clone(), item(script, 2)).is_some_and(|old| old.id == 1));
            assert!(map.load_and_delete(&key).is_some_and(|last| last.id == 2));
            assert!(!map.delete(&key));
            map.collect();
            let mut met = 0;
            map.range(|key, _| {
                met += usize::from(key.id != 90);
                true
            });
            assert_eq!((met, map.len()), (before, before));
        },
    }
    .check();
}

#[test]
fn code_that_a_flight_calls_may_panic_or_use_the_group() {
    type Group = SingleFlight<Item, Item>;
    fn fly(group: &Group, script: &Told, key: u32, within: impl FnOnce()) {
        let result = group.run(item(script, key), || {
            script.called(Closure);
            within();
            item(script, key)
        });
        assert_eq!(result.id, key);
    }
    Row {
        make: |_| Group::new(),
        calls: &[Clones, Closure, Drops, Eqs, Hashes],
        steps: &[
            |group, script| fly(group, script, 0, || ()),
            |group, script| fly(group, script, 1, || fly(group, script, 2, || ())),
            |group, script| fly(group, script, 3, || group.forget(&item(script, 3))),
            |group, script| {
                fly(group, script, 4, || {
                    group.forget(&item(script, 4));
                    fly(group, script, 4, || ());
                });
            },
            |group, script| group.forget(&item(script, 0)),
        ],
        works: |group, script| {
            let ended =
                catch_unwind(AssertUnwindSafe(|| group.run(item(script, 90), || panic!("a flight ends"))));
            assert!(ended.is_err());
            fly(group, script, 90, || group.forget(&item(script, 91)));
        },
    }
    .check();
}

#[test]
fn code_that_a_pool_calls_may_panic_or_use_the_pool() {
    type Items = Pool<Item, Box<dyn Fn() -> Item + Send + Sync>>;
    Row {
        make: |script| -> Items {
            let script = Arc::clone(script);
            Pool::with_slots(
                1,
                Box::new(move || {
                    script.called(Closure);
                    item(&script, 0)
                }),
            )
        },
        calls: &[Closure, Drops],
        steps: &[
            |pool, _| drop((pool.get(), pool.get())),
            |pool, script| (1..6).for_each(|n| pool.put(item(script, n))),
            |pool, _| drop(pool.get().detach()),
            |pool, _| pool.clean(),
            |pool, _| pool.clean(),
            |pool, _| drop((pool.get(), pool.get())),
            |pool, script| (1..12).for_each(|n| pool.put(item(script, n))),
            |pool, _| pool.clean(),
            |pool, script| (1..12).for_each(|n| pool.put(item(script, n))),
        ],
        works: |pool, script| {
            drop(pool.get());
            pool.put(item(script, 90));
            assert!(pool.try_get().is_some());
            (0..2).for_each(|_| pool.clean());
            assert!(pool.try_get().is_none());
        },
    }
    .check();
}

#[test]
fn code_that_a_stack_calls_may_panic_or_use_the_stack() {
    Row {
        make: |_| Stack::<Item>::new(),
        calls: &[Drops],
        steps: &[
            |stack, script| (0..6).for_each(|n| stack.push(item(script, n))),
            |stack, _| drop(stack.pop()),
            |stack, _| drop(stack.pop()),
        ],
        works: |stack, script| {
            stack.push(item(script, 90));
            assert!(stack.pop().is_some_and(|top| top.id == 90));
        },
    }
    .check();
}

#[test]
fn code_that_cells_call_may_panic_or_use_the_cell() {
    Row {
        make: |script| ArcCell::new(Arc::new(item(script, 0))),
        calls: &[Closure, Drops],
        steps: &[
            |cell, script| cell.store(Arc::new(item(script, 1))),
            |cell, script| drop(cell.swap(Arc::new(item(script, 2)))),
            |cell, script| drop(cell.compare_and_swap(&cell.load_full(), Arc::new(item(script, 3)))),
            |cell, script| drop(cell.compare_and_swap(&Arc::new(item(script, 3)), Arc::new(item(script, 4)))),
            |cell, script| {
                let before = cell.load();
                script.called(Closure);
                cell.store(Arc::new(item(script, before.id)));
            },
            |cell, script| {
                let tried = AtomicU32::new(0);
                cell.update(|value| {
                    // If another use of the cell changes it meanwhile, `update` tries again, once.
                    if tried.fetch_add(1, Relaxed) == 0 {
                        script.called(Closure);
                    }
                    item(script, value.id + 1)
                });
            },
        ],
        works: |cell, script| {
            cell.store(Arc::new(item(script, 90)));
            assert_eq!(cell.update(|value| item(script, value.id + 1)).id, 91);
            assert_eq!((cell.load().id, cell.load_full().id), (91, 91));
        },
    }
    .check();
    Row {
        make: |script| Value::new(item(script, 0)),
        calls: &[Clones, Closure, Drops, Eqs],
        steps: &[
            |value, script| value.store(item(script, 1)),
            |value, script| assert!([1, 91].contains(&value.swap(item(script, 2)).id)),
            |value, _| drop(value.load()),
            |value, script| value.with(|_| script.called(Closure)),
            |value, script| drop(value.compare_and_swap(&item(script, 2), item(script, 3))),
            |value, script| drop(value.compare_and_swap(&item(script, 2), item(script, 4))),
        ],
        works: |value, script| {
            value.store(item(script, 90));
            assert_eq!(value.swap(item(script, 91)).id, 90);
            assert_eq!((value.load().id, value.with(|value| value.id)), (91, 91));
        },
    }
    .check();
}

#[test]
fn code_that_a_domain_calls_may_panic_or_use_the_domain() {
    Row {
        make: |_| Domain::<Item>::new(),
        calls: &[Drops],
        steps: &[
            |domain, script| domain.retire(item(script, 0)),
            |domain, script| {
                let _pin = domain.pin();
                (1..5).for_each(|n| domain.retire(item(script, n)));
            },
            |domain, _| domain.collect(),
            |domain, _| domain.collect(),
            |domain, script| {
                let pin = domain.pin();
                (1..5).for_each(|n| domain.retire(item(script, n)));
                drop(pin);
                domain.retire(item(script, 5));
            },
            |domain, script| {
                core::mem::forget(domain.pin());
                (1..5).for_each(|n| domain.retire(item(script, n)));
            },
        ],
        works: |domain, script| {
            domain.retire(item(script, 90));
            drop(domain.pin());
            domain.collect();
        },
    }
    .check();
}

#[test]
fn a_closure_that_panics_leaves_a_seq_lock_unchanged() {
    let lock = SeqLock::new([1_u64, 2]);
    let result = catch_unwind(AssertUnwindSafe(|| {
        lock.update(|words| {
            words[0] = 3;
            panic!("half done");
        })
    }));
    assert!(result.is_err());
    assert_eq!(lock.try_read(), Some([1, 2]));
    lock.write([3, 4]);
    assert_eq!(lock.read(), [3, 4]);
}

/// A link of a chain, which retires the next link when it is dropped.
struct Chained(Arc<Domain<Chained>>, Arc<AtomicU32>, u32);

impl Drop for Chained {
    fn drop(&mut self) {
        self.1.fetch_add(1, Relaxed);
        if self.2 > 0 {
            self.0.retire(Chained(Arc::clone(&self.0), Arc::clone(&self.1), self.2 - 1));
            self.0.collect();
        }
    }
}

impl Chained {
    /// Returns how many links of a chain are dropped when the first is retired and the domain collects.
    fn run(links: u32) -> u32 {
        let (domain, count) = (Arc::new(Domain::new()), Arc::new(AtomicU32::new(0)));
        domain.retire(Chained(Arc::clone(&domain), Arc::clone(&count), links - 1));
        domain.collect();
        count.load(Relaxed)
    }
}

#[test]
fn destructors_that_retire_the_next_link_do_not_nest() {
    let links = if cfg!(miri) { 1_000 } else { 200_000 };
    assert_eq!(Chained::run(links), links);
    std::thread_local! {
        static LAST: Cell<Option<AtEnd>> = const { Cell::new(None) };
    }
    /// In the destructors of thread-locals a thread has no shard to itself.
    struct AtEnd(Sender<u32>, u32);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            self.0.send(Chained::run(self.1)).expect("somebody listens");
        }
    }
    let (tell, told) = bounded(1);
    let thread = thread::spawn(move || {
        LAST.set(Some(AtEnd(tell, links)));
        // The thread's shard is given back before that.
        drop(Domain::<()>::new().pin());
    });
    assert_eq!(told.recv(), Ok(links));
    thread.join().expect("no panic");
}

/// A value that deletes the next key of a map when it is dropped.
struct Deletes(Arc<Map<u32, Deletes>>, u32);

impl Drop for Deletes {
    fn drop(&mut self) {
        self.0.delete(&(self.1 + 1));
    }
}

#[test]
fn one_collection_drops_what_destructors_delete_from_a_map() {
    let (map, links) = (Arc::new(Map::new()), if cfg!(miri) { 100 } else { 50_000 });
    (0..links).for_each(|n| map.store(n, Deletes(Arc::clone(&map), n)));
    map.delete(&0);
    map.collect();
    assert_eq!((map.len(), Arc::strong_count(&map)), (0, 1));
}
