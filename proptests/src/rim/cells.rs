//! Stacks, pools, shared values and domains on one thread, with values whose clones, comparisons and destructors
//! misbehave.

use super::smaller::{Simpler, Steps};
use super::user::{Callback, Came, Misdeed, Script, Value, World};
use proptest::collection::vec;
use proptest::sample::select as one_of;
use proptest::strategy::{Just, Strategy, Union};
use selvedge::atomic::{ArcCell, Loaded, Stack, Value as Shared};
use selvedge::pool::{Pool, Pooled};
use selvedge::reclaim::{Domain, Pin};
use selvedge::rt::sync::Arc as RtArc;
use std::sync::{Arc, Mutex};

/// A step.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named as what they call")]
pub enum Step {
    Push(Script),
    Pop,
    /// `Pool::put`
    Put(Script),
    /// `Pool::get`, where `make` does this if it is called; what was got is kept.
    Get(Misdeed),
    TryGet,
    /// What was got first goes back.
    GiveBack,
    Detach,
    Clean,
    /// `ArcCell::store`
    Store(Script),
    Swap(Script),
    /// `compare_and_swap`, of the value that is there or another.
    CompareAndSwap(bool, Script),
    /// `ArcCell::update`, whose closure does this.
    Update(Misdeed),
    /// `ArcCell::load`; the guard is kept.
    Load,
    Unload,
    /// `Value::store`
    StoreValue(Script),
    SwapValue(Script),
    LoadValue,
    /// `Value::with`, whose closure does this.
    With(Misdeed),
    /// `Value::compare_and_swap`
    CompareValue(bool, Script),
    Pin,
    Unpin,
    Retire(Script),
    Collect,
}

/// What is done.
pub type Program = Steps<Step>;

impl Simpler for Step {}

fn misdeed() -> impl Strategy<Value = Misdeed> {
    Union::new(vec![Just(Misdeed::Panics).boxed(), (0..12_u8).prop_map(Misdeed::Enters).boxed()])
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let script = || {
        let callback = one_of(vec![Callback::Drop, Callback::Drop, Callback::Clone, Callback::Eq]);
        let scripted = (callback, misdeed()).prop_map(Some);
        Union::new_weighted(vec![(2, Just(None).boxed()), (1, scripted.boxed())])
    };
    let closure = || Union::new_weighted(vec![(2, Just(Misdeed::None).boxed()), (1, misdeed().boxed())]);
    let flag = proptest::prelude::any::<bool>;
    let plain = vec![
        Step::Pop,
        Step::TryGet,
        Step::GiveBack,
        Step::Detach,
        Step::Clean,
        Step::Load,
        Step::Unload,
        Step::LoadValue,
        Step::Pin,
        Step::Unpin,
        Step::Collect,
    ];
    let step = Union::new(vec![
        script().prop_map(Step::Push).boxed(),
        script().prop_map(Step::Put).boxed(),
        closure().prop_map(Step::Get).boxed(),
        script().prop_map(Step::Store).boxed(),
        script().prop_map(Step::Swap).boxed(),
        (flag(), script()).prop_map(|(same, script)| Step::CompareAndSwap(same, script)).boxed(),
        closure().prop_map(Step::Update).boxed(),
        script().prop_map(Step::StoreValue).boxed(),
        script().prop_map(Step::SwapValue).boxed(),
        closure().prop_map(Step::With).boxed(),
        (flag(), script()).prop_map(|(same, script)| Step::CompareValue(same, script)).boxed(),
        script().prop_map(Step::Retire).boxed(),
    ]);
    let step = Union::new_weighted(vec![(1, step.boxed()), (1, one_of(plain).boxed())]);
    vec(step, 0..=length).prop_map(Steps)
}

type Make = Box<dyn Fn() -> Value + Send + Sync>;

/// The objects.
struct Objects {
    stack: Stack<Value>,
    pool: Pool<Value, Make>,
    cell: ArcCell<Value>,
    value: Shared<Value>,
    domain: Domain<Value>,
}

struct Machine {
    got: Vec<Pooled<'static, Value, Make>>,
    loaded: Vec<Loaded<'static, Value>>,
    pins: Vec<Pin<'static>>,
    objects: Arc<Objects>,
    world: Arc<World>,
    /// The misdeed of `make`.
    makes: Arc<Mutex<Misdeed>>,
    stack: Vec<u32>,
    /// Whether a callback has entered.
    entered: Arc<std::sync::atomic::AtomicBool>,
}

/// Runs a program, and returns how many bytes it may leave behind.
///
/// # Panics
/// If a value is dropped too often or not at all, or something else comes than was put.
pub fn run(program: &Program) -> isize {
    let mut machine = Machine::new();
    for step in &program.0 {
        machine.step(step);
        assert!(machine.world.faults().is_empty(), "{:?}", machine.world.faults());
    }
    let Machine { mut got, mut loaded, mut pins, objects, world, .. } = machine;
    while let Some(one) = got.pop() {
        Came::of(|| drop(one)).back("the drop of what was got");
    }
    while let Some(one) = loaded.pop() {
        Came::of(|| drop(one)).back("the drop of what was loaded");
    }
    while let Some(one) = pins.pop() {
        Came::of(|| drop(one)).back("the drop of a pin");
    }
    world.set_entrance(None);
    let Ok(Objects { stack, pool, cell, value, domain }) = Arc::try_unwrap(objects) else {
        unreachable!("nobody else has them")
    };
    Came::of(|| drop(stack)).back("the drop of a stack");
    Came::of(|| drop(pool)).back("the drop of a pool");
    Came::of(|| drop(cell)).back("the drop of an ArcCell");
    Came::of(|| drop(value)).back("the drop of a Value");
    Came::of(|| drop(domain)).back("the drop of a domain");
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    assert!(world.alive().is_empty(), "values {:?} were not dropped", world.alive());
    0
}

impl Machine {
    fn new() -> Machine {
        let world = World::new();
        let makes: Arc<Mutex<Misdeed>> = Arc::default();
        let (theirs, how) = (Arc::clone(&world), Arc::clone(&makes));
        let make: Make = Box::new(move || {
            let misdeed = std::mem::take(&mut *how.lock().expect("no panic with it"));
            theirs.commit(misdeed);
            theirs.value(None)
        });
        let objects = Arc::new(Objects {
            stack: Stack::new(),
            pool: Pool::with_slots(1, make),
            cell: ArcCell::new(RtArc::new(world.value(None))),
            value: Shared::new(world.value(None)),
            domain: Domain::new(),
        });
        let entered = Arc::default();
        let machine = Machine {
            got: Vec::new(),
            loaded: Vec::new(),
            pins: Vec::new(),
            objects,
            world,
            makes,
            stack: Vec::new(),
            entered,
        };
        machine.open();
        machine
    }

    /// Lets callbacks enter.
    fn open(&self) {
        let (objects, world) = (Arc::downgrade(&self.objects), Arc::downgrade(&self.world));
        let entered = Arc::clone(&self.entered);
        self.world.set_entrance(Some(Arc::new(move |how| {
            let (Some(all), Some(world)) = (objects.upgrade(), world.upgrade()) else { return };
            entered.store(true, std::sync::atomic::Ordering::Relaxed);
            match how {
                0 => all.stack.push(world.value(None)),
                1 => drop(all.stack.pop()),
                2 => all.pool.put(world.value(None)),
                3 => drop(all.pool.try_get()),
                4 => all.pool.clean(),
                5 => all.cell.store(RtArc::new(world.value(None))),
                6 => drop(all.cell.load_full()),
                7 => all.value.store(world.value(None)),
                8 => all.value.with(|value| assert!(world.is_alive(value.id()))),
                9 => all.domain.retire(world.value(None)),
                10 => all.domain.collect(),
                _ => drop(all.domain.pin()),
            }
        })));
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each step")]
    fn step(&mut self, step: &Step) {
        self.entered.store(false, std::sync::atomic::Ordering::Relaxed);
        let panics = self.world.panics();
        // SAFETY: guards are dropped before the objects.
        let all: &'static Objects = unsafe { &*Arc::as_ptr(&self.objects) };
        let world = Arc::clone(&self.world);
        let is_alive = |value: &Value| assert!(world.is_alive(value.id()), "a dead value");
        let (got, loaded, pins) = (&mut self.got, &mut self.loaded, &mut self.pins);
        let make = |script: &Script| self.world.value(*script);
        let came = match step {
            Step::Push(script) => {
                let value = make(script);
                self.stack.push(value.id());
                Came::of(|| all.stack.push(value))
            }
            Step::Pop => {
                let came = Came::of(|| all.stack.pop());
                return self.popped(came, panics);
            }
            Step::Put(script) => {
                let value = make(script);
                Came::of(|| all.pool.put(value))
            }
            Step::Get(misdeed) => {
                *self.makes.lock().expect("no panic with it") = *misdeed;
                let came = Came::of(|| {
                    let one = all.pool.get();
                    is_alive(&one);
                    got.push(one);
                });
                *self.makes.lock().expect("no panic with it") = Misdeed::None;
                came
            }
            Step::TryGet => Came::of(|| {
                got.extend(all.pool.try_get());
                got.iter().for_each(|one| is_alive(one));
            }),
            Step::GiveBack if !got.is_empty() => {
                let one = got.remove(0);
                Came::of(|| drop(one))
            }
            Step::Detach if !got.is_empty() => {
                let one = got.remove(0);
                Came::of(|| drop(one.detach()))
            }
            Step::Clean => Came::of(|| all.pool.clean()),
            Step::Store(script) => {
                let value = RtArc::new(make(script));
                Came::of(|| all.cell.store(value))
            }
            Step::Swap(script) => {
                let value = RtArc::new(make(script));
                Came::of(|| is_alive(&all.cell.swap(value)))
            }
            Step::CompareAndSwap(same, script) => {
                let value = RtArc::new(make(script));
                let current = if *same { all.cell.load_full() } else { RtArc::new(make(&None)) };
                let came = Came::of(|| all.cell.compare_and_swap(&current, value).is_ok());
                if let Came::Back(swapped) = came {
                    assert_eq!(swapped, *same, "compare_and_swap");
                }
                Came::of(|| {
                    came.back("compare_and_swap");
                    drop(current);
                })
            }
            Step::Update(misdeed) => {
                let misdeed = *misdeed;
                let mut tries = 0;
                let tries = std::cell::Cell::from_mut(&mut tries);
                Came::of(|| {
                    let update = |value: &Value| {
                        is_alive(value);
                        // An update whose closure changes the cell each time would retry for ever.
                        if tries.replace(tries.get() + 1) == 0 {
                            world.commit(misdeed);
                        }
                        world.value(None)
                    };
                    is_alive(&all.cell.update(update));
                })
            }
            Step::Load => Came::of(|| {
                let one = all.cell.load();
                is_alive(&one);
                loaded.push(one);
            }),
            Step::Unload if !loaded.is_empty() => {
                let one = loaded.remove(0);
                is_alive(&one);
                Came::of(|| drop(one))
            }
            Step::StoreValue(script) => {
                let value = make(script);
                Came::of(|| all.value.store(value))
            }
            Step::SwapValue(script) => {
                let value = make(script);
                Came::of(|| drop(all.value.swap(value)))
            }
            Step::LoadValue => Came::of(|| drop(all.value.load())),
            Step::With(misdeed) => Came::of(|| {
                all.value.with(|value| {
                    world.commit(*misdeed);
                    is_alive(value);
                });
            }),
            Step::CompareValue(same, script) => {
                let value = make(script);
                let other = make(&None);
                Came::of(|| {
                    let current = if *same { all.value.load() } else { other };
                    drop(all.value.compare_and_swap(&current, value));
                })
            }
            Step::Pin => {
                pins.push(all.domain.pin());
                Came::Back(())
            }
            Step::Unpin => {
                let one = pins.pop();
                Came::of(|| drop(one))
            }
            Step::Retire(script) => {
                let value = make(script);
                Came::of(|| all.domain.retire(value))
            }
            Step::Collect => Came::of(|| all.domain.collect()),
            Step::GiveBack | Step::Detach | Step::Unload => Came::Back(()),
        };
        let back = came.back("a call");
        assert!(back.is_some() || self.world.panics() != panics, "a panic came from nowhere");
        self.follow();
    }

    fn popped(&mut self, came: Came<Option<Value>>, panics: usize) {
        let value = came.back("pop");
        assert!(value.is_some() || self.world.panics() != panics, "a panic came from nowhere");
        let value = value.flatten();
        assert_eq!(value.as_ref().map(Value::id), self.stack.pop(), "pop");
        Came::of(|| drop(value)).back("the drop of a value");
        self.follow();
    }

    /// Empties the stack if a callback has entered: in which order the values came is not known.
    fn follow(&mut self) {
        if self.entered.load(std::sync::atomic::Ordering::Relaxed) {
            while let Some(value) = self.objects.stack.pop() {
                Came::of(|| drop(value)).back("the drop of a value");
            }
            self.stack.clear();
        }
        assert_eq!(self.objects.stack.is_empty(), self.stack.is_empty(), "is_empty");
    }
}
