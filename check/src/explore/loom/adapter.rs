//! loom behind the seam.
//!
//! loom takes a SeqCst access for an AcqRel one, which would raise false alarms on store buffering;
//! so a SeqCst access stands behind a SeqCst fence here. That is stronger than the source: what holds
//! only because of it, loom cannot judge. One fence is enough: in a cycle that SeqCst forbids, a step from
//! one such access to another either goes by the order of one location alone (`rf`, `co`, `rb`), or ends
//! in program order, and then the fence of the second lies on it. (RC11 orders fences across the former.)
//!
//! loom remembers the last access to a location only, so a thread's own load hides another thread's
//! earlier load from the store that follows (tokio-rs/loom issues 166 and 392), and whole families of
//! interleavings are missed. Here every load first stores to a *witness* that belongs to the location
//! and that no operation reads: so loads are in conflict with each other, and no access hides another. A
//! store that no operation reads orders nothing, so no edge comes with it.

use core::cell::{Ref, RefCell, RefMut};
use core::sync::atomic::Ordering::{self, Relaxed, SeqCst};
use loom::cell::{ConstPtr, MutPtr, UnsafeCell};
use loom::sync::atomic as latomic;
use loom::thread::{Builder, Thread};
use selvedge::rt::seam::{Backend, Exchange, Memory, Raced, Rmw, ThreadId, Width};
use std::collections::HashMap;
use std::rc::Rc;

/// loom's explorer.
#[derive(Default)]
pub(super) struct LoomBackend {
    threads: RefCell<HashMap<ThreadId, Thread>>,
    atomics: RefCell<Vec<Location>>,
    cells: RefCell<Vec<Tracked>>,
}

#[derive(Clone)]
struct Location {
    width: Width,
    atomic: Rc<RefCell<Atomic>>,
    witness: Rc<latomic::AtomicBool>,
}

struct Tracked {
    cell: UnsafeCell<()>,
    reading: Vec<ConstPtr<()>>,
    writing: Vec<MutPtr<()>>,
}

macro_rules! widths {
    ($($variant:ident: $atomic:ident, $value:ty, $unsigned:ty;)*) => {
        /// loom's atomic of the right width, so that its own arithmetic wraps as it should.
        enum Atomic {
            $($variant(latomic::$atomic),)*
        }

        impl Atomic {
            fn new(width: Width, value: u64) -> Atomic {
                match width {
                    // A `bool` lives in a `u8`; see `on_bool`.
                    Width::Bool => Atomic::U8(latomic::AtomicU8::new(value as u8)),
                    $(Width::$variant => Atomic::$variant(latomic::$atomic::new(value as $value)),)*
                }
            }

            fn load(&self, order: Ordering) -> u64 {
                match self {
                    $(Atomic::$variant(atomic) => atomic.load(order) as $unsigned as u64,)*
                }
            }

            fn unsync_load(&self) -> u64 {
                match self {
                    $(Atomic::$variant(atomic) => {
                        // SAFETY: loom checks that no write is concurrent and panics otherwise.
                        unsafe { atomic.unsync_load() as $unsigned as u64 }
                    })*
                }
            }

            fn store(&self, value: u64, order: Ordering) {
                match self {
                    $(Atomic::$variant(atomic) => atomic.store(value as $value, order),)*
                }
            }

            fn exclusive(&mut self, new: Option<u64>) -> u64 {
                match self {
                    $(Atomic::$variant(atomic) => atomic.with_mut(|value| {
                        if let Some(new) = new {
                            *value = new as $value;
                        }
                        *value as $unsigned as u64
                    }),)*
                }
            }

            fn rmw(&self, op: Rmw, order: Ordering) -> u64 {
                match self {
                    $(Atomic::$variant(atomic) => {
                        let old = match op {
                            Rmw::Swap(v) => atomic.swap(v as $value, order),
                            Rmw::Add(v) => atomic.fetch_add(v as $value, order),
                            Rmw::Sub(v) => atomic.fetch_sub(v as $value, order),
                            Rmw::And(v) => atomic.fetch_and(v as $value, order),
                            Rmw::Nand(v) => atomic.fetch_nand(v as $value, order),
                            Rmw::Or(v) => atomic.fetch_or(v as $value, order),
                            Rmw::Xor(v) => atomic.fetch_xor(v as $value, order),
                            Rmw::Max(v) => atomic.fetch_max(v as $value, order),
                            Rmw::Min(v) => atomic.fetch_min(v as $value, order),
                        };
                        old as $unsigned as u64
                    })*
                }
            }

            fn compare_exchange(
                &self,
                current: u64,
                new: u64,
                success: Ordering,
                failure: Ordering,
            ) -> Result<u64, u64> {
                match self {
                    $(Atomic::$variant(atomic) => atomic
                        .compare_exchange(current as $value, new as $value, success, failure)
                        .map(|old| old as $unsigned as u64)
                        .map_err(|found| found as $unsigned as u64),)*
                }
            }
        }
    };
}

widths! {
    U8: AtomicU8, u8, u8;
    U16: AtomicU16, u16, u16;
    U32: AtomicU32, u32, u32;
    U64: AtomicU64, u64, u64;
    I8: AtomicI8, i8, u8;
    I16: AtomicI16, i16, u16;
    I32: AtomicI32, i32, u32;
    I64: AtomicI64, i64, u64;
}

/// A `bool` lives in a `u8`, where two operations need other ones to stay within 0 and 1.
fn on_bool(op: Rmw) -> Rmw {
    match op {
        Rmw::Nand(1) => Rmw::Xor(1),
        Rmw::Nand(_) => Rmw::Swap(1),
        Rmw::Add(v) | Rmw::Sub(v) => Rmw::Xor(v),
        other => other,
    }
}

/// Returns the atomic, for an access that other threads may make at the same time. loom lets other threads run between the
/// beginning of an access and the access itself, so an exclusive access that finds the atomic borrowed races with that one,
/// and the other way round.
fn shared(atomic: &RefCell<Atomic>) -> Ref<'_, Atomic> {
    atomic.try_borrow().unwrap_or_else(|_| raced())
}

/// Returns the atomic, for an access that must not be concurrent with any other.
fn alone(atomic: &RefCell<Atomic>) -> RefMut<'_, Atomic> {
    atomic.try_borrow_mut().unwrap_or_else(|_| raced())
}

fn raced() -> ! {
    std::panic::resume_unwind(Box::new(Raced(None)))
}

impl LoomBackend {
    fn location(&self, atomic: u32) -> Location {
        self.atomics.borrow()[atomic as usize].clone()
    }

    fn atomic(&self, atomic: u32) -> Rc<RefCell<Atomic>> {
        self.location(atomic).atomic
    }

    /// Runs an access after a fence if it is SeqCst: so there is one between any two.
    fn fenced<R>(order: Ordering, access: impl FnOnce() -> R) -> R {
        if order == SeqCst {
            loom::sync::atomic::fence(SeqCst);
        }
        access()
    }
}

impl Backend for LoomBackend {
    fn name(&self) -> &'static str {
        "loom"
    }

    fn max_threads(&self) -> usize {
        loom::MAX_THREADS
    }

    fn begin(&self) {
        self.atomics.borrow_mut().clear();
        self.cells.borrow_mut().clear();
        self.threads.replace(HashMap::from([(0, loom::thread::current())]));
    }

    fn hold(&self, on: bool) {
        // Where loom does not explore, the running thread goes on as long as it can.
        if on {
            loom::stop_exploring();
        } else {
            loom::explore();
        }
    }

    fn switch(&self, yielding: bool) {
        if yielding {
            loom::thread::yield_now();
        }
    }

    fn block(&self) {
        loom::thread::park();
    }

    fn unblock(&self, thread: ThreadId) {
        let thread = self.threads.borrow()[&thread].clone();
        thread.unpark();
    }

    fn spawn(&self, thread: ThreadId, stack_size: usize, body: Box<dyn FnOnce()>) {
        struct Body(Box<dyn FnOnce()>);
        // SAFETY: loom runs all threads of a model as coroutines of the OS thread that calls `spawn`, so the body never
        // leaves that thread.
        unsafe impl Send for Body {}
        impl Body {
            fn run(self) {
                (self.0)()
            }
        }
        let body = Body(body);
        // loom passes the size on to its coroutines, which count in words.
        let words = stack_size.div_ceil(size_of::<usize>());
        let spawned = Builder::new().stack_size(words).spawn(move || body.run());
        let handle = spawned.expect("loom's spawn does not fail");
        self.threads.borrow_mut().insert(thread, handle.thread().clone());
    }

    fn memory(&self) -> Option<&dyn Memory> {
        Some(self)
    }
}

impl Memory for LoomBackend {
    fn atomic_new(&self, width: Width, value: u64) -> u32 {
        let atomic = Rc::new(RefCell::new(Atomic::new(width, value)));
        let witness = Rc::new(latomic::AtomicBool::new(false));
        let mut atomics = self.atomics.borrow_mut();
        atomics.push(Location { width, atomic, witness });
        atomics.len() as u32 - 1
    }

    fn load(&self, atomic: u32, order: Ordering) -> u64 {
        let location = self.location(atomic);
        // Relaxed: no operation reads the witness; only the conflict with other loads matters.
        location.witness.store(false, Relaxed);
        Self::fenced(order, || shared(&location.atomic).load(order))
    }

    fn store(&self, atomic: u32, value: u64, order: Ordering) {
        let atomic = self.atomic(atomic);
        Self::fenced(order, || shared(&atomic).store(value, order))
    }

    fn rmw(&self, atomic: u32, op: Rmw, _width: Width, order: Ordering) -> u64 {
        let Location { width, atomic, .. } = self.location(atomic);
        let op = if width == Width::Bool { on_bool(op) } else { op };
        Self::fenced(order, || shared(&atomic).rmw(op, order))
    }

    fn compare_exchange(&self, atomic: u32, exchange: Exchange) -> Result<u64, u64> {
        let Exchange { current, new, success, failure, .. } = exchange;
        let atomic = self.atomic(atomic);
        Self::fenced(success, || shared(&atomic).compare_exchange(current, new, success, failure))
    }

    fn fence(&self, order: Ordering) {
        if order != Relaxed {
            loom::sync::atomic::fence(order);
        }
    }

    fn unsync_load(&self, atomic: u32) -> u64 {
        shared(&self.atomic(atomic)).unsync_load()
    }

    fn unsync_store(&self, atomic: u32, value: u64) {
        alone(&self.atomic(atomic)).exclusive(Some(value));
    }

    fn exclusive(&self, atomic: u32, new: Option<u64>) -> u64 {
        alone(&self.atomic(atomic)).exclusive(new)
    }

    fn cell_new(&self) -> u32 {
        let cell = UnsafeCell::new(());
        let mut cells = self.cells.borrow_mut();
        cells.push(Tracked { cell, reading: Vec::new(), writing: Vec::new() });
        cells.len() as u32 - 1
    }

    fn cell_begin(&self, cell: u32, write: bool) {
        let mut cells = self.cells.borrow_mut();
        let tracked = &mut cells[cell as usize];
        if write {
            let access = tracked.cell.get_mut();
            tracked.writing.push(access);
        } else {
            let access = tracked.cell.get();
            tracked.reading.push(access);
        }
    }

    fn cell_end(&self, cell: u32, write: bool) {
        let mut cells = self.cells.borrow_mut();
        let tracked = &mut cells[cell as usize];
        if write {
            tracked.writing.pop();
        } else {
            tracked.reading.pop();
        }
    }
}
