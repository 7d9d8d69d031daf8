//! Shared pointers.

use super::{NOT_NOW, Own, Subject, handing_over, operations};
use crate::program::{Act, Program};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::sync::atomic::{AtomicU8, Ordering::Relaxed};
use selvedge::rt::sync::{Arc, Weak};
use std::sync::Mutex;

const HAS_DROPPED: u64 = 1;

/// A value whose end shows in `ended`.
struct Value {
    used: UnsafeCell<u8>,
    ended: *const AtomicU8,
}

// SAFETY: the owners read `used`, and the last one writes to it. `ended` is of an atomic that outlives the value.
unsafe impl Send for Value {}
// SAFETY: shared owners only read `used`; the last owner has the value alone when it writes.
unsafe impl Sync for Value {}

impl Drop for Value {
    fn drop(&mut self) {
        // SAFETY: a destructor has its value alone.
        self.used.with_mut(|used| unsafe { *used += 1 });
        // SAFETY: the subject outlives the value.
        unsafe { &*self.ended }.store(1, Relaxed);
    }
}

/// The pointers of threads, one each: they are equal, so it does not matter which one a thread takes.
struct Handles<T>(Mutex<Vec<Arc<T>>>);

impl<T> Handles<T> {
    fn new(threads: usize, value: T) -> Handles<T> {
        let first = Arc::new(value);
        let others = (1..threads).map(|_| Arc::clone(&first)).collect::<Vec<_>>();
        Handles(Mutex::new(others.into_iter().chain([first]).collect()))
    }

    fn take(&self) -> Arc<T> {
        self.0.lock().expect("no panic").pop().expect("each thread has one")
    }

    fn put(&self, handle: Arc<T>) {
        self.0.lock().expect("no panic").push(handle);
    }

    fn drop_one(&self, own: &mut Own) {
        if own.permits != HAS_DROPPED {
            own.permits = HAS_DROPPED;
            drop(self.take());
        }
    }
}

/// `rt::sync::Arc` with a weak pointer, of a value whose end is seen.
pub(crate) struct Observed {
    handles: Handles<Value>,
    weak: Weak<Value>,
    ended: Box<AtomicU8>,
}

impl Subject for Observed {
    const SEED: u64 = 13;
    /// Those that are drawn. A count is a relaxed load in the real form.
    const OPERATIONS: usize = 6;
    const SPECIFICATION: (&'static str, &'static str) =
        ("primitives/src/spec/arc.rs", include_str!("../../../../primitives/src/spec/arc.rs"));
    const TWINS: &'static [&'static str] = &[
        "lost-drop",
        "no-edge-to-the-end",
        "upgrades-the-dead",
        "takes-beside-others",
        "no-edge-to-the-taker",
        "alone-beside-weak",
    ];

    fn new() -> Observed {
        Observed::shared_by(2)
    }

    fn shared_by(threads: usize) -> Observed {
        let ended = Box::new(AtomicU8::new(0));
        let value = Value { used: UnsafeCell::new(0), ended: &raw const *ended };
        let handles = Handles::new(threads, value);
        let first = handles.take();
        let weak = Arc::downgrade(&first);
        handles.put(first);
        Observed { handles, weak, ended }
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        match operation {
            1 => return self.weak.upgrade().map_or(0, |value| 1 + read(&value)),
            2 => return self.ended.load(Relaxed),
            _ if own.permits == HAS_DROPPED => return NOT_NOW,
            0 => {
                self.handles.drop_one(own);
                return 1;
            }
            _ => (),
        }
        let mut handle = self.handles.take();
        let seen = match operation {
            3 => read(&Arc::clone(&handle)),
            4 => match Arc::try_unwrap(handle) {
                Ok(value) => {
                    own.permits = HAS_DROPPED;
                    drop(value);
                    return 1;
                }
                Err(kept) => {
                    handle = kept;
                    0
                }
            },
            5 => u8::from(Arc::get_mut(&mut handle).is_some()),
            6 => Arc::strong_count(&handle) as u8,
            _ => NOT_NOW,
        };
        self.handles.put(handle);
        seen
    }

    fn leave(&self, own: &mut Own) {
        self.handles.drop_one(own);
    }

    fn programs() -> Vec<Program> {
        vec![
            handing_over(&[0], &[0]),
            handing_over(&[0], &[4]),
            operations(&[&[0, 2], &[0, 2]]),
            operations(&[&[3, 0], &[6]]),
            operations(&[&[0], &[1, 0, 1]]),
            operations(&[&[0], &[5]]),
        ]
    }
}

fn read(value: &Value) -> u8 {
    // SAFETY: the thread that calls `read` owns the value, and no thread writes it while it has an owner.
    value.used.with(|used| unsafe { *used })
}

/// `rt::sync::Arc` of a value whose end nobody sees.
pub(crate) struct Silent(Handles<UnsafeCell<u8>>);

// SAFETY: the threads only read the cell.
unsafe impl Sync for Silent {}

impl Subject for Silent {
    const SEED: u64 = 14;
    const OPERATIONS: usize = 3;
    const SPECIFICATION: (&'static str, &'static str) = Observed::SPECIFICATION;
    const TWINS: &'static [&'static str] = &[];

    fn new() -> Silent {
        Silent::shared_by(2)
    }

    fn shared_by(threads: usize) -> Silent {
        Silent(Handles::new(threads, UnsafeCell::new(7)))
    }

    fn perform(&self, operation: usize, own: &mut Own) -> u8 {
        if own.permits == HAS_DROPPED {
            return NOT_NOW;
        }
        match operation {
            0 => self.0.drop_one(own),
            1 => {
                let handle = self.0.take();
                // SAFETY: nobody writes to the cell.
                let seen = handle.with(|value| unsafe { *value });
                self.0.put(handle);
                return seen;
            }
            _ => {
                let handle = self.0.take();
                self.0.put(Arc::clone(&handle));
                drop(handle);
            }
        }
        1
    }

    fn leave(&self, own: &mut Own) {
        self.0.drop_one(own);
    }

    fn programs() -> Vec<Program> {
        let mut sees = operations(&[&[1, 0], &[1, 0]]);
        sees.threads[0].push(Act::Mark);
        vec![sees]
    }
}
