//! Threads that end with objects in their thread-locals, whose destructors use further objects.

use super::smaller::{Smaller, smaller_lists};
use super::user::{Came, Value, World};
use core::any::Any;
use core::cell::RefCell;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;
use proptest::collection::vec;
use proptest::sample::select as one_of;
use proptest::strategy::{Strategy, Union};
use selvedge::atomic::{ArcCell, Stack, Value as Shared};
use selvedge::chan::{Receiver, Select, Sender, Timer, bounded};
use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::reclaim::Domain;
use selvedge::rt::sync::Arc as RtArc;
use selvedge::sync::{
    Barrier, Cond, ErrGroup, Lazy, Mutex, Once, OnceFunc, OnceValue, RwMutex, Semaphore, SingleFlight,
    WaitGroup,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// How many objects of each kind there are.
const MANY: usize = 3;

/// An object that is used, or of which a guard or a handle is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "named as what they use")]
pub enum What {
    Once,
    Lazy,
    OnceValue,
    OnceFunc,
    SingleFlight,
    Mutex,
    RwMutex,
    Cond,
    WaitGroup,
    Semaphore,
    Barrier,
    ErrGroup,
    Stack,
    Map,
    Pool,
    ArcCell,
    Value,
    Domain,
    Channel,
    Select,
    Timer,
    Future,
    Sink,
    Stream,
}

use What as W;

const USES: &[What] = &[
    W::Once,
    W::Lazy,
    W::OnceValue,
    W::OnceFunc,
    W::SingleFlight,
    W::Mutex,
    W::RwMutex,
    W::Cond,
    W::WaitGroup,
    W::Semaphore,
    W::Barrier,
    W::ErrGroup,
    W::Stack,
    W::Map,
    W::Pool,
    W::ArcCell,
    W::Value,
    W::Domain,
    W::Channel,
    W::Select,
    W::Timer,
    W::Future,
    W::Sink,
    W::Stream,
];

/// A step of a thread.
#[derive(Clone, Debug)]
pub enum Step {
    /// Something is used.
    Use(What, usize),
    /// A thread-local is given uses for when the thread ends, and things that it keeps until then.
    AtEnd(usize, Vec<(What, usize)>, Vec<What>),
}

/// Threads, one after the other.
#[derive(Clone)]
pub struct Program(Vec<Vec<Step>>);

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|thread| writeln!(f, "  thread {thread:?}"))
    }
}

impl Smaller for Program {
    fn smaller(&self) -> Vec<Program> {
        smaller_lists(&self.0, |thread| smaller_lists(thread, simpler)).into_iter().map(Program).collect()
    }
}

fn simpler(step: &Step) -> Vec<Step> {
    let Step::AtEnd(at, uses, kept) = step.clone() else { return Vec::new() };
    let fewer = smaller_lists(&uses, |_| Vec::new()).into_iter();
    let fewer = fewer.map(|uses| Step::AtEnd(at, uses, kept.clone()));
    fewer
        .chain(
            smaller_lists(&kept, |_| Vec::new()).into_iter().map(|kept| Step::AtEnd(at, uses.clone(), kept)),
        )
        .collect()
}

/// Programs of up to 3 threads of up to `length` steps.
pub fn programs(length: usize) -> impl Strategy<Value = Program> {
    let a_use = || (one_of(USES), 0..MANY);
    let at_end = (0..SLOTS, vec(a_use(), 0..4), vec(one_of(USES), 0..3))
        .prop_map(|(at, uses, kept)| Step::AtEnd(at, uses, kept));
    let step = Union::new_weighted(vec![
        (2, a_use().prop_map(|(what, at)| Step::Use(what, at)).boxed()),
        (1, at_end.boxed()),
    ]);
    vec(vec(step, 0..=length), 1..=3).prop_map(Program)
}

type Make = Box<dyn Fn() -> u32 + Send + Sync>;

/// The objects.
struct Objects {
    world: Arc<World>,
    once: [Once; MANY],
    onces: [AtomicUsize; MANY],
    lazy: [Lazy<u32, Make>; MANY],
    value: [OnceValue<u32>; MANY],
    func: [OnceFunc; MANY],
    flight: SingleFlight<usize, u32>,
    mutex: Mutex<usize>,
    rw: RwMutex<usize>,
    cond: Cond,
    group: WaitGroup,
    semaphore: Semaphore,
    barrier: Barrier,
    stack: Stack<Value>,
    map: Map<usize, Value>,
    pool: Pool<Value, Box<dyn Fn() -> Value + Send + Sync>>,
    cell: ArcCell<u32>,
    shared: Shared<u32>,
    domain: Domain<Value>,
    tx: Sender<Value>,
    rx: Receiver<Value>,
    timer: Timer,
}

impl Objects {
    fn new() -> Objects {
        let world = World::new();
        let (tx, rx) = bounded(4);
        let theirs = Arc::clone(&world);
        Objects {
            once: core::array::from_fn(|_| Once::new()),
            onces: core::array::from_fn(|_| AtomicUsize::new(0)),
            lazy: core::array::from_fn(|_| Lazy::new(Box::new(|| 1_u32) as Make)),
            value: core::array::from_fn(|_| OnceValue::new((|| 2) as fn() -> u32)),
            func: core::array::from_fn(|_| OnceFunc::new((|| ()) as fn())),
            flight: SingleFlight::new(),
            mutex: Mutex::new(0),
            rw: RwMutex::new(0),
            cond: Cond::new(),
            group: WaitGroup::new(),
            semaphore: Semaphore::new(1),
            barrier: Barrier::new(1),
            stack: Stack::new(),
            map: Map::new(),
            pool: Pool::new(Box::new(move || theirs.value(None))),
            cell: ArcCell::new(RtArc::new(3)),
            shared: Shared::new(4),
            domain: Domain::new(),
            tx,
            rx,
            timer: Timer::new(Duration::from_secs(3600)),
            world,
        }
    }

    fn value(&self) -> Value {
        self.world.value(None)
    }

    fn use_(&self, what: What, at: usize) {
        match what {
            W::Once => {
                self.once[at].call(|| _ = self.onces[at].fetch_add(1, Relaxed));
                assert_eq!(self.onces[at].load(Relaxed), 1, "it runs once");
            }
            W::Lazy => assert_eq!(*self.lazy[at], 1),
            W::OnceValue => assert_eq!(*self.value[at].get(), 2),
            W::OnceFunc => self.func[at].call(),
            W::SingleFlight => assert_eq!(self.flight.run(at, || 5), 5),
            W::Mutex => {
                *self.mutex.lock() += 1;
                assert!(self.mutex.lock_timeout(Duration::ZERO).is_some());
            }
            W::RwMutex => {
                *self.rw.write() += 1;
                assert!(*self.rw.read() > 0 && self.rw.try_upgradable_read().is_some());
            }
            W::Cond => {
                let mut guard = self.mutex.lock();
                assert!(!self.cond.wait_timeout(&mut guard, Duration::ZERO) && !self.cond.signal());
                self.cond.broadcast();
            }
            W::WaitGroup => {
                self.group.add(1);
                self.group.done();
                self.group.wait();
            }
            W::Semaphore => {
                assert_eq!(self.semaphore.acquire(1).count(), 1);
                assert!(self.semaphore.acquire_timeout(1, Duration::ZERO).is_some());
            }
            W::Barrier => assert!(self.barrier.wait()),
            W::ErrGroup => {
                let group = ErrGroup::<u32>::new();
                group.go(|_| Err(6));
                assert_eq!(group.wait(), Err(6));
            }
            W::Stack => {
                self.stack.push(self.value());
                assert!(self.stack.pop().is_some());
            }
            W::Map => {
                self.map.store(at, self.value());
                assert!(self.map.get(&at).is_some() && self.map.delete(&at));
                self.map.clear();
            }
            W::Pool => {
                self.pool.put(self.value());
                drop((self.pool.get(), self.pool.get()));
                self.pool.clean();
            }
            W::ArcCell => {
                self.cell.store(RtArc::new(3));
                assert_eq!((*self.cell.load(), *self.cell.load_full()), (3, 3));
            }
            W::Value => {
                self.shared.store(4);
                assert_eq!((self.shared.load(), self.shared.swap(4)), (4, 4));
            }
            W::Domain => {
                let pin = self.domain.pin();
                self.domain.retire(self.value());
                drop(pin);
                self.domain.collect();
            }
            W::Channel => {
                self.tx.send(self.value()).expect("it is open");
                drop(self.rx.recv().expect("a value is there"));
                assert!(self.rx.recv_timeout(Duration::ZERO).is_err());
            }
            W::Select => {
                let mut select = Select::new();
                select.send(&self.tx);
                select.recv(&self.rx);
                select.select().send(&self.tx, self.value()).expect("it is open");
                drop(self.rx.try_recv());
                assert!(Select::new().ready_timeout(Duration::ZERO).is_err());
            }
            W::Timer => {
                self.timer.reset(Duration::ZERO);
                assert!(self.timer.receiver().recv().is_ok() && !self.timer.stop());
            }
            W::Future | W::Sink | W::Stream => {
                let mut context = Context::from_waker(Waker::noop());
                let mut future = self.rx.recv_async();
                assert!(Pin::new(&mut future).poll(&mut context).is_pending());
                drop(future);
                let mut future = self.tx.send_async(self.value());
                assert!(Pin::new(&mut future).poll(&mut context).is_ready());
                drop((future, self.rx.try_recv()));
            }
        }
    }

    /// Returns a guard or handle of the objects that may stay with a thread until it ends and makes no other thread
    /// wait.
    fn keep(&'static self, what: What) -> Box<dyn Any> {
        let mut context = Context::from_waker(Waker::noop());
        match what {
            W::Stack => {
                let stack = Stack::new();
                stack.push(self.value());
                Box::new(stack)
            }
            W::Map => {
                self.map.store(MANY, self.value());
                Box::new((self.map.get(&MANY), Map::<usize, Value>::from_iter([(0, self.value())])))
            }
            W::Pool => Box::new(self.pool.get()),
            W::ArcCell => Box::new(self.cell.load()),
            W::Value => Box::new(Shared::new(self.value())),
            W::Domain => {
                let pin = self.domain.pin();
                self.domain.retire(self.value());
                Box::new((pin, Domain::<Value>::new()))
            }
            W::RwMutex => Box::new(RwMutex::new(self.value())),
            W::Mutex => Box::new(Mutex::lock_owned(&Arc::new(Mutex::new(self.value())))),
            W::Semaphore => Box::new((Semaphore::new(1), WaitGroup::new(), Once::new())),
            W::Timer => Box::new((Timer::new(Duration::ZERO), self.timer.receiver().clone())),
            W::Future => {
                let (tx, rx) = bounded::<Value>(0);
                let rx: &'static _ = Box::leak(Box::new(rx));
                let mut future = rx.recv_async();
                assert!(Pin::new(&mut future).poll(&mut context).is_pending());
                // SAFETY: the receiver is freed after the future, by the field that is dropped last.
                Box::new((future, tx, unsafe { Box::from_raw((&raw const *rx).cast_mut()) }))
            }
            W::Stream => {
                let (tx, rx) = bounded(1);
                let mut stream = rx.into_stream();
                assert!(futures::Stream::poll_next(Pin::new(&mut stream), &mut context).is_pending());
                tx.send(self.value()).expect("it is open");
                Box::new((tx, stream))
            }
            W::Sink => {
                let (tx, rx) = bounded(0);
                let mut sink = tx.into_sink();
                futures::Sink::start_send(Pin::new(&mut sink), self.value()).expect("it is empty");
                assert!(futures::Sink::poll_flush(Pin::new(&mut sink), &mut context).is_pending());
                Box::new((rx, sink))
            }
            W::Channel | W::Select => {
                let (tx, rx) = bounded(1);
                tx.send(self.value()).expect("it is open");
                Box::new((tx, rx, self.tx.clone(), self.rx.clone()))
            }
            _ => Box::new(self.value()),
        }
    }
}

/// How many thread-locals there are.
const SLOTS: usize = 3;

struct AtEnd {
    objects: &'static Objects,
    uses: Vec<(What, usize)>,
    kept: Vec<Box<dyn Any>>,
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // A panic would abort the process.
        let came = Came::of(|| {
            self.kept.clear();
            self.uses.iter().for_each(|(what, at)| self.objects.use_(*what, *at));
        });
        if let Came::Panicked(text) = came {
            self.objects.world.fault(format!("in the destructor of a thread-local: {text}"));
        }
    }
}

type Slot = RefCell<Option<AtEnd>>;

std::thread_local! {
    static FIRST: Slot = const { RefCell::new(None) };
    static SECOND: Slot = const { RefCell::new(None) };
    static THIRD: Slot = const { RefCell::new(None) };
}

/// Runs a program, and returns how many bytes it may leave behind.
///
/// # Panics
/// If an object does not work, in a thread that ends or after that.
pub fn run(program: &Program) -> isize {
    let objects: &'static Objects = Box::leak(Box::new(Objects::new()));
    for steps in &program.0 {
        let steps = steps.clone();
        std::thread::spawn(move || {
            for step in steps {
                match step {
                    Step::Use(what, at) => objects.use_(what, at),
                    Step::AtEnd(at, uses, kept) => {
                        let kept = kept.into_iter().map(|what| objects.keep(what)).collect();
                        let at_end = AtEnd { objects, uses, kept };
                        let slot = [&FIRST, &SECOND, &THIRD][at];
                        let before = slot.with(|slot| slot.replace(Some(at_end)));
                        drop(before);
                    }
                }
            }
        })
        .join()
        .expect("a thread of the program");
    }
    for what in USES {
        (0..MANY).for_each(|at| objects.use_(*what, at));
    }
    // SAFETY: the pointer was leaked above, and the threads that had it have ended.
    let objects = unsafe { Box::from_raw((&raw const *objects).cast_mut()) };
    let world = Arc::clone(&objects.world);
    drop(objects);
    assert!(world.faults().is_empty(), "{:?}", world.faults());
    assert!(world.alive().is_empty(), "values {:?} were not dropped", world.alive());
    0
}
