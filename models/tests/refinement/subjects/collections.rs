//! Collections.

use super::{NOT_NOW, Own, Subject, handing_over, operations};
use crate::program::{Act, Program};
use selvedge::atomic::{ArcCell, Stack, Value};
use selvedge::map::Map;
use selvedge::pool::Pool;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::seam::this_thread;
use selvedge::rt::sync::Arc;

/// Returns a value that names the thread that adds it, and tells which of the thread's values it is.
fn next_value(own: &mut Own) -> u8 {
    own.permits += 1;
    let thread = this_thread().map_or(0, |thread| thread as u8);
    thread * 16 + own.permits as u8
}

/// A value that is written once, before it is shared, and that a race detector watches.
struct Watched(UnsafeCell<u8>);

// SAFETY: the engine runs one thread at a time, and reports accesses that no order keeps apart.
unsafe impl Sync for Watched {}

impl Watched {
    fn new(value: u8) -> Watched {
        let watched = Watched(UnsafeCell::new(0));
        // SAFETY: no other thread has the value yet.
        watched.0.with_mut(|cell| unsafe { *cell = value });
        watched
    }

    fn get(&self) -> u8 {
        // SAFETY: the engine runs one thread at a time.
        self.0.with(|cell| unsafe { *cell })
    }
}

/// A stack.
pub(crate) struct Stacked(Stack<Watched>);

impl Subject for Stacked {
    const SEED: u64 = 40;
    /// A pop of an empty stack.
    const ATTEMPTS: &'static [usize] = &[2, 3];
    const OPERATIONS: usize = 5;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/stack.rs", include_str!("../../../../primitives/src/spec/stack.rs"));
    const TWINS: &'static [&'static str] =
        &["first-in-first-out", "no-edge-to-the-pop", "look-orders", "misses-nothing"];

    fn new() -> Stacked {
        Stacked(Stack::new())
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 | 1 => {
                self.0.push(Watched::new(next_value(own)));
                1
            }
            2 | 3 => self.0.pop().map_or(0, |value| value.get()),
            4 => u8::from(self.0.is_empty()),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[0, 0, 2, 2, 2]]),
            operations(&[&[0], &[2]]),
            operations(&[&[0, 2], &[0, 2]]),
            handing_over(&[0], &[2]),
            handing_over(&[0], &[4]),
            pushes_one_and_pops_the_other(),
        ]
    }
}

/// Returns a program in which two threads push onto one stack each and then pop from the other's: both pops may fail.
fn pushes_one_and_pops_the_other() -> Program {
    let thread = |own: usize| {
        let operate = |operation, object| Act::Operate { operation, object };
        vec![operate(0, own), operate(2, 1 - own)]
    };
    Program { threads: vec![thread(0), thread(1)] }
}

/// A pool with one shared slot in each shard.
pub(crate) struct Pooled(Pool<Watched>);

/// What a new object of the pool says.
const NEW: u8 = 7;

impl Subject for Pooled {
    const SEED: u64 = 41;
    /// A get that finds nothing.
    const ATTEMPTS: &'static [usize] = &[2];
    const OPERATIONS: usize = 5;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/pool.rs", include_str!("../../../../primitives/src/spec/pool.rs"));
    const TWINS: &'static [&'static str] = &["no-edge-to-the-get", "one-slot-less", "cleans-the-younger"];
    const LIMITS: [u64; 3] = [1_500, 10_000, 50_000];

    fn new() -> Pooled {
        Pooled(Pool::with_slots(1, || Watched::new(NEW)))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 | 1 => {
                self.0.put(Watched::new(next_value(own)));
                1
            }
            2 => self.0.try_get().map_or(0, |object| object.detach().get()),
            3 => self.0.get().get(),
            4 => {
                self.0.clean();
                1
            }
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[0, 2, 2]]),
            operations(&[&[0, 0, 0, 0, 2, 2, 2, 2]]),
            operations(&[&[0, 4, 0, 4, 2, 2]]),
            operations(&[&[0], &[2]]),
            operations(&[&[0], &[2], &[2]]),
            handing_over(&[0], &[2]),
        ]
    }
}

const GARBAGE: (&str, &str) =
    ("primitives/src/spec/garbage.rs", include_str!("../../../../primitives/src/spec/garbage.rs"));

/// A map, of whose keys two are used.
pub(crate) struct Mapped(Map<u8, u8>);

impl Subject for Mapped {
    const SEED: u64 = 42;
    const OPERATIONS: usize = 8;
    const SPECIFICATION: (&'static str, &'static str) = GARBAGE;
    const TWINS: &'static [&'static str] = &["drops-at-once"];
    const LIMITS: [u64; 3] = [150, 1_000, 20_000];

    fn new() -> Mapped {
        Mapped(Map::with_homes(2, Default::default()))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        let key = (operation % 2) as u8;
        match operation {
            0 | 1 => self.0.swap(key, next_value(own)).unwrap_or(0),
            2 | 3 => self.0.load(&key).unwrap_or(0),
            4 => self.0.load_and_delete(&key).unwrap_or(0),
            5 => self.0.load_or_store(key, next_value(own)).0,
            6 => self.0.get(&key).map_or(0, |found| *found),
            7 => self.0.len() as u8,
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[0, 2, 4, 2]]),
            operations(&[&[0], &[2]]),
            operations(&[&[0, 3], &[1, 2]]),
            operations(&[&[0, 0], &[2]]),
            handing_over(&[0], &[2]),
        ]
    }
}

/// A cell of an `Arc`, and one of a value.
pub(crate) struct Cells(ArcCell<u8>, Value<u8>);

impl Subject for Cells {
    const SEED: u64 = 43;
    const OPERATIONS: usize = 7;
    const SPECIFICATION: (&'static str, &'static str) = GARBAGE;
    const TWINS: &'static [&'static str] = &["drops-at-once"];
    const LIMITS: [u64; 3] = [200, 1_000, 20_000];

    fn new() -> Cells {
        Cells(ArcCell::new(Arc::new(0)), Value::new(0))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            0 => {
                self.0.store(Arc::new(next_value(own)));
                1
            }
            1 => *self.0.load(),
            2 => *self.0.swap(Arc::new(next_value(own))),
            3 => {
                let before = self.0.load_full();
                u8::from(self.0.compare_and_swap(&before, Arc::new(next_value(own))).is_ok())
            }
            4 => self.1.load(),
            5 => self.1.swap(next_value(own)),
            6 => *self.0.update(|value| value + 1),
            _ => NOT_NOW,
        }
    }

    fn leave(&self, _: &mut Own) {}

    fn programs() -> Vec<Program> {
        vec![
            operations(&[&[0, 1, 5, 4]]),
            operations(&[&[0], &[1]]),
            operations(&[&[2], &[2]]),
            operations(&[&[3], &[3]]),
            handing_over(&[0], &[1]),
        ]
    }
}
