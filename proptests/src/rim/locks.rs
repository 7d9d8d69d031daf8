//! Locks, counters and what is done once, on one thread, with closures that panic or call the same object again.
//!
//! No step waits: a step that would wait is left out, or has no time.

use super::smaller::{Smaller, smaller_lists};
use super::user::{Came, Misdeed, Scripted, Value, World};
use core::fmt;
use core::time::Duration;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::sample::select as one_of;
use proptest::strategy::{Just, Strategy, Union};
use selvedge::sync::{
    Cond, ErrGroup, Lazy, Mutex, MutexGuard, Once, OnceFunc, OnceValue, Permits, RwMutex, RwMutexReadGuard,
    RwMutexUpgradableReadGuard, RwMutexWriteGuard, Semaphore, SingleFlight, WaitGroup,
};
use std::panic::panic_any;
use std::sync::Arc;

const NO_TIME: Duration = Duration::ZERO;

/// A step. Closures commit their misdeed; those that enter call the same object.
#[derive(Clone, Debug)]
#[allow(missing_docs, reason = "named as what they call")]
pub enum Step {
    Once(Misdeed),
    /// One of two lazies is asked for; the second's closure asks for the first.
    Lazy(bool),
    OnceValue,
    OnceFunc,
    SingleFlight(bool, Misdeed),
    Forget(bool),
    Lock(bool),
    Unlock,
    ForgetLock,
    Read(bool),
    Unread,
    Write(bool),
    Unwrite,
    Upgradable,
    Upgrade,
    Downgrade,
    /// `wait_timeout` with no time, with the lock that is held.
    WaitForCond,
    Signal(bool),
    Add(u8),
    Done,
    WaitForGroup(bool),
    Acquire(u64, bool),
    GiveBack(bool),
    Release(u64),
    /// An `ErrGroup` of closures: whether each fails, or panics.
    Group(Vec<(bool, bool)>),
}

/// What the closures of a program's `Lazy`, `OnceValue` and `OnceFunc` do, and its steps.
#[derive(Clone)]
pub struct Program {
    makes: [Misdeed; 4],
    steps: Vec<Step>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "closures of two Lazy, a OnceValue and a OnceFunc: {:?}", self.makes)?;
        self.steps.iter().try_for_each(|step| writeln!(f, "  {step:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        let fewer = smaller_lists(&self.steps, |_| Vec::new()).into_iter();
        let mut all: Vec<_> = fewer.map(|steps| Program { steps, makes: self.makes }).collect();
        for at in 0..4 {
            let mut makes = self.makes;
            makes[at] = Misdeed::None;
            if makes != self.makes {
                all.push(Program { steps: self.steps.clone(), makes });
            }
        }
        all
    }
}

/// Programs of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let misdeed = || one_of(vec![Misdeed::None, Misdeed::None, Misdeed::Panics, Misdeed::Enters(0)]);
    let flag = any::<bool>;
    let permits = || one_of(vec![0, 1, 2, u64::MAX]);
    let plain = one_of(vec![
        Step::OnceValue,
        Step::OnceFunc,
        Step::Unlock,
        Step::Unread,
        Step::Unwrite,
        Step::Upgradable,
        Step::Upgrade,
        Step::Downgrade,
        Step::WaitForCond,
        Step::Done,
        Step::ForgetLock,
    ]);
    let step = Union::new_weighted(vec![
        (11, plain.boxed()),
        (2, misdeed().prop_map(Step::Once).boxed()),
        (2, flag().prop_map(Step::Lazy).boxed()),
        (2, (flag(), misdeed()).prop_map(|(key, misdeed)| Step::SingleFlight(key, misdeed)).boxed()),
        (1, flag().prop_map(Step::Forget).boxed()),
        (3, flag().prop_map(Step::Lock).boxed()),
        (2, flag().prop_map(Step::Read).boxed()),
        (2, flag().prop_map(Step::Write).boxed()),
        (1, flag().prop_map(Step::Signal).boxed()),
        (2, (0..3_u8).prop_map(Step::Add).boxed()),
        (1, flag().prop_map(Step::WaitForGroup).boxed()),
        (3, (permits(), flag()).prop_map(|(count, timed)| Step::Acquire(count, timed)).boxed()),
        (2, flag().prop_map(Step::GiveBack).boxed()),
        (2, permits().prop_map(Step::Release).boxed()),
        (1, vec((flag(), Just(false)), 0..3).prop_map(Step::Group).boxed()),
        (1, vec((flag(), flag()), 0..3).prop_map(Step::Group).boxed()),
    ]);
    let makes = [misdeed(), misdeed(), misdeed(), misdeed()];
    (makes, vec(step, 0..=length)).prop_map(|(makes, steps)| Program { makes, steps })
}

type Make<T> = Box<dyn Fn() -> T + Send + Sync>;

struct Objects {
    once: Once,
    lazies: [Lazy<Value, Make<Value>>; 2],
    value: OnceValue<Value, Make<Value>>,
    func: OnceFunc<Make<()>>,
    flight: SingleFlight<bool, Value>,
    mutex: Mutex<Value>,
    rw: RwMutex<Value>,
    cond: Cond,
    group: WaitGroup,
    semaphore: Semaphore,
}

/// What something that is done once has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Fresh,
    Done,
    Panicked,
}

/// Guards first: they are dropped before what they guard.
struct Machine {
    lock: Option<MutexGuard<'static, Value>>,
    reads: Vec<RwMutexReadGuard<'static, Value>>,
    write: Option<RwMutexWriteGuard<'static, Value>>,
    upgradable: Option<RwMutexUpgradableReadGuard<'static, Value>>,
    permits: Vec<Permits<'static>>,
    all: &'static Objects,
    world: Arc<World>,
    forgotten: bool,
    once: Stage,
    stages: [Stage; 4],
    makes: [Misdeed; 4],
    count: u32,
    available: u64,
}

/// Runs a program, and returns how many bytes it may leave behind.
///
/// # Panics
/// If an object does anything else than its model.
pub fn run(program: &Program) -> isize {
    let world = World::new();
    let all: &'static Objects = Box::leak(Box::new(objects(&world, program.makes)));
    let mut machine = Machine {
        lock: None,
        reads: Vec::new(),
        write: None,
        upgradable: None,
        permits: Vec::new(),
        all,
        world: Arc::clone(&world),
        forgotten: false,
        once: Stage::Fresh,
        stages: [Stage::Fresh; 4],
        makes: program.makes,
        count: 0,
        available: 2,
    };
    machine.open();
    program.steps.iter().for_each(|step| machine.step(step));
    world.set_entrance(None);
    drop(machine);
    // SAFETY: the pointer was leaked above, and all guards are gone or forgotten.
    drop(unsafe { Box::from_raw((&raw const *all).cast_mut()) });
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    assert!(world.alive().is_empty(), "values {:?} were not dropped", world.alive());
    0
}

fn objects(world: &Arc<World>, makes: [Misdeed; 4]) -> Objects {
    let make = |at: usize| -> Make<Value> {
        let world = Arc::clone(world);
        Box::new(move || {
            world.commit(enters(makes[at], at));
            world.value(None)
        })
    };
    let (theirs, misdeed) = (Arc::clone(world), enters(makes[3], 3));
    Objects {
        once: Once::new(),
        lazies: [Lazy::new(make(0)), Lazy::new(make(1))],
        value: OnceValue::new(make(2)),
        func: OnceFunc::new(Box::new(move || theirs.commit(misdeed))),
        flight: SingleFlight::new(),
        mutex: Mutex::new(world.value(None)),
        rw: RwMutex::new(world.value(None)),
        cond: Cond::new(),
        group: WaitGroup::new(),
        semaphore: Semaphore::new(2),
    }
}

/// Returns the misdeed, which enters that object.
fn enters(misdeed: Misdeed, at: usize) -> Misdeed {
    match misdeed {
        Misdeed::Enters(_) => Misdeed::Enters(u8::try_from(at).expect("few objects")),
        other => other,
    }
}

impl Machine {
    /// Lets closures call the object that calls them, which panics.
    fn open(&self) {
        let all = self.all;
        self.world.set_entrance(Some(Arc::new(move |at| match at {
            0 | 1 => drop(Some(all.lazies[usize::from(at)].id())),
            2 => drop(Some(all.value.get().id())),
            3 => all.func.call(),
            4 => all.once.call(|| unreachable!("it runs")),
            _ => drop(all.flight.run(at == 6, || unreachable!("it runs"))),
        })));
    }

    /// Compares a call of something that is done once with its stage; `came` is what it came to.
    fn done<T>(came: &Came<T>, before: Stage, misdeed: Misdeed, again: bool) -> Stage {
        let after = match before {
            Stage::Fresh if misdeed == Misdeed::None => Stage::Done,
            Stage::Fresh => Stage::Panicked,
            other => other,
        };
        let panics = after == Stage::Panicked && (before == Stage::Fresh || again);
        let right = match came {
            Came::Back(_) => !panics,
            Came::Scripted => panics && misdeed == Misdeed::Panics,
            Came::Panicked(text) => panics && !text.is_empty(),
        };
        assert!(right, "it was {before:?}, its closure does {misdeed:?}, and it {}", shown(came));
        after
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each step")]
    fn step(&mut self, step: &Step) {
        let all = self.all;
        let world = Arc::clone(&self.world);
        match step {
            Step::Once(misdeed) => {
                let came = Came::of(|| all.once.call(|| world.commit(enters(*misdeed, 4))));
                self.once = Machine::done(&came, self.once, *misdeed, false);
                assert!(all.once.is_done(), "it has been called");
            }
            Step::Lazy(second) => self.lazy(usize::from(*second)),
            Step::OnceValue => {
                let came = Came::of(|| all.value.get().id());
                self.stages[2] = Machine::done(&came, self.stages[2], self.makes[2], true);
            }
            Step::OnceFunc => {
                let came = Came::of(|| all.func.call());
                self.stages[3] = Machine::done(&came, self.stages[3], self.makes[3], true);
            }
            Step::SingleFlight(key, misdeed) => {
                let inside = enters(*misdeed, 5 + usize::from(*key));
                let came = Came::of(|| {
                    drop(all.flight.run(*key, || {
                        world.commit(inside);
                        world.value(None)
                    }));
                });
                // Each flight is a new one: no other call is under way.
                Machine::done(&came, Stage::Fresh, *misdeed, true);
            }
            Step::Forget(key) => all.flight.forget(key),
            Step::Lock(timed) => {
                let locked = self.lock.is_some() || self.forgotten;
                let guard = if *timed { all.mutex.lock_timeout(NO_TIME) } else { all.mutex.try_lock() };
                assert_eq!(guard.is_some(), !locked, "a lock");
                self.lock = self.lock.take().or(guard);
            }
            Step::Unlock => drop(self.lock.take()),
            Step::ForgetLock => {
                if let Some(guard) = self.lock.take() {
                    std::mem::forget(guard);
                    self.forgotten = true;
                }
            }
            Step::Read(timed) => {
                let guard = if *timed { all.rw.read_timeout(NO_TIME) } else { all.rw.try_read() };
                assert_eq!(guard.is_some(), self.write.is_none(), "a read");
                self.reads.extend(guard);
            }
            Step::Unread => drop(self.reads.pop()),
            Step::Write(timed) => {
                let free = self.reads.is_empty() && self.write.is_none() && self.upgradable.is_none();
                let guard = if *timed { all.rw.write_timeout(NO_TIME) } else { all.rw.try_write() };
                assert_eq!(guard.is_some(), free, "a write");
                self.write = self.write.take().or(guard);
            }
            Step::Unwrite => drop(self.write.take()),
            Step::Upgradable => {
                let free = self.write.is_none() && self.upgradable.is_none();
                let guard = all.rw.try_upgradable_read();
                assert_eq!(guard.is_some(), free, "an upgradable read");
                self.upgradable = self.upgradable.take().or(guard);
            }
            Step::Upgrade => {
                let Some(guard) = self.upgradable.take() else { return };
                match RwMutexUpgradableReadGuard::try_upgrade(guard) {
                    Ok(write) => {
                        assert!(self.reads.is_empty(), "an upgrade beside readers");
                        self.write = Some(write);
                    }
                    Err(guard) => {
                        assert!(!self.reads.is_empty(), "an upgrade failed");
                        self.upgradable = Some(guard);
                    }
                }
            }
            Step::Downgrade => self.reads.extend(self.write.take().map(RwMutexWriteGuard::downgrade)),
            Step::WaitForCond => {
                if let Some(guard) = &mut self.lock {
                    assert!(!all.cond.wait_timeout(guard, NO_TIME), "nobody has signalled");
                    assert!(world.is_alive(guard.id()));
                }
            }
            Step::Signal(one) => {
                if *one {
                    assert!(!all.cond.signal(), "nobody waits");
                } else {
                    all.cond.broadcast();
                }
            }
            Step::Add(count) => {
                all.group.add(u32::from(*count));
                self.count += u32::from(*count);
            }
            Step::Done => {
                let came = Came::of(|| all.group.done());
                assert_eq!(matches!(came, Came::Back(())), self.count > 0, "done");
                self.count = self.count.saturating_sub(1);
            }
            Step::WaitForGroup(timed) if *timed || self.count == 0 => {
                let none = !*timed || all.group.wait_timeout(NO_TIME);
                assert_eq!(none, self.count == 0, "a wait");
                if none {
                    all.group.wait();
                }
            }
            Step::WaitForGroup(_) => (),
            Step::Acquire(count, timed) => {
                let permits = if *timed {
                    all.semaphore.acquire_timeout(*count, NO_TIME)
                } else {
                    all.semaphore.try_acquire(*count)
                };
                assert_eq!(permits.is_some(), *count <= self.available, "an acquire");
                if let Some(permits) = permits {
                    assert_eq!(permits.count(), *count);
                    self.available -= count;
                    self.permits.push(permits);
                }
            }
            Step::GiveBack(forget) => {
                let Some(permits) = self.permits.pop() else { return };
                let count = permits.count();
                if *forget {
                    permits.forget();
                } else if self.available.checked_add(count).is_some() {
                    drop(permits);
                    self.available += count;
                } else {
                    permits.forget(); // more were released meanwhile than can come back
                }
            }
            Step::Release(count) => {
                let sum = self.available.checked_add(*count);
                let came = Came::of(|| all.semaphore.release(*count));
                assert_eq!(matches!(came, Came::Back(())), sum.is_some(), "a release");
                self.available = sum.unwrap_or(self.available);
            }
            Step::Group(parts) => err_group(parts),
        }
        assert_eq!(all.semaphore.available(), self.available, "permits");
    }

    fn lazy(&mut self, at: usize) {
        let all = self.all;
        let came = Came::of(|| all.lazies[at].id());
        self.stages[at] = Machine::done(&came, self.stages[at], self.makes[at], true);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // More permits may be out than can come back.
        while let Some(permits) = self.permits.pop() {
            permits.forget();
        }
    }
}

fn shown<T>(came: &Came<T>) -> String {
    match came {
        Came::Back(_) => "returned".to_string(),
        Came::Scripted => "panicked as its closure".to_string(),
        Came::Panicked(text) => format!("panicked: {text}"),
    }
}

/// Runs a group whose parts fail or panic: `wait` must not say that all went well.
fn err_group(parts: &[(bool, bool)]) {
    let group = ErrGroup::<usize>::new();
    for (number, (fails, panics)) in parts.iter().copied().enumerate() {
        group.go(move |_| match (panics, fails) {
            (true, _) => panic_any(Scripted),
            (_, true) => Err(number),
            _ => Ok(()),
        });
    }
    let panics = parts.iter().any(|(_, panics)| *panics);
    let fails: Vec<_> = (0..parts.len()).filter(|at| parts[*at].0 && !parts[*at].1).collect();
    match Came::of(|| group.wait()) {
        Came::Back(Ok(())) => assert!(!panics && fails.is_empty(), "it says that all went well"),
        Came::Back(Err(number)) => assert!(fails.contains(&number), "nobody failed so"),
        Came::Scripted | Came::Panicked(_) => assert!(panics, "nobody panicked"),
    }
}
