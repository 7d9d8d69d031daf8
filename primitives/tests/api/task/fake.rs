//! A runtime whose goroutines are threads, and which notes what the primitives ask of it.

use selvedge::rt::task::{Key, Make, Runtime, Task, Why, install};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What the primitives have asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Calls {
    pub(crate) running: usize,
    pub(crate) parks: usize,
    pub(crate) yields: usize,
    pub(crate) sleeps: usize,
    pub(crate) spawns: usize,
    pub(crate) blocks: usize,
    pub(crate) unblocks: usize,
}

#[derive(Default)]
struct Slot {
    wait: u64,
    given: bool,
    parked: Option<Why>,
    calls: Calls,
}

static SLOTS: Mutex<Vec<Slot>> = Mutex::new(Vec::new());
static CHANGED: Condvar = Condvar::new();

type Values = HashMap<(u32, usize), Box<dyn Any>>;

thread_local! {
    /// The goroutine that runs on this thread; 0: none.
    static RUNNING: Cell<u32> = const { Cell::new(0) };
    static MAY_SPIN: Cell<bool> = const { Cell::new(true) };
    /// Whether a park panics instead of waiting.
    static REFUSES: Cell<bool> = const { Cell::new(false) };
    static VALUES: RefCell<Values> = RefCell::new(HashMap::new());
}

fn slots() -> MutexGuard<'static, Vec<Slot>> {
    SLOTS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn change<R>(task: u32, f: impl FnOnce(&mut Slot) -> R) -> R {
    let result = f(&mut slots()[task as usize]);
    CHANGED.notify_all();
    result
}

fn count(f: impl FnOnce(&mut Calls)) {
    let task = RUNNING.get();
    if task != 0 {
        change(task, |slot| f(&mut slot.calls));
    }
}

fn running() -> Option<Task> {
    count(|calls| calls.running += 1);
    NonZeroU32::new(RUNNING.get()).map(Task)
}

fn begin_wait(task: Task) -> u64 {
    change(task.0.get(), |slot| {
        slot.wait += 1;
        slot.given = false;
        slot.wait
    })
}

fn park(task: Task, wait: u64, deadline: Option<Instant>, why: Why) -> bool {
    assert!(!REFUSES.get(), "the goroutine would be parked");
    let at = task.0.get() as usize;
    change(task.0.get(), |slot| {
        slot.calls.parks += 1;
        slot.parked = Some(why);
    });
    let mut slots = slots();
    while slots[at].wait == wait && !slots[at].given {
        slots = match deadline {
            None => CHANGED.wait(slots).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                CHANGED.wait_timeout(slots, left).unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
    slots[at].parked = None;
    slots[at].wait == wait && slots[at].given
}

fn is_given(task: Task, wait: u64) -> bool {
    change(task.0.get(), |slot| slot.wait == wait && slot.given)
}

fn is_current_wait(task: Task, wait: u64) -> bool {
    change(task.0.get(), |slot| slot.wait == wait)
}

fn unpark(task: Task, wait: u64) {
    change(task.0.get(), |slot| slot.given |= slot.wait == wait);
}

fn spawn(f: Box<dyn FnOnce() + Send>) {
    count(|calls| calls.spawns += 1);
    std::thread::spawn(|| {
        goroutine();
        f();
    });
}

fn local(key: Key, make: Option<&mut Make<'_>>) -> Option<*const dyn Any> {
    let at = (RUNNING.get(), key.address);
    let found = |values: &RefCell<Values>| values.borrow().get(&at).map(|value| &raw const **value);
    if let Some(value) = VALUES.with(found) {
        return Some(value);
    }
    let value = make?();
    VALUES.with(|values| values.borrow_mut().insert(at, value));
    VALUES.with(found)
}

static RUNTIME: Runtime = Runtime {
    running,
    may_suspend: || true,
    id: |task| u64::from(task.0.get()),
    begin_wait,
    park,
    is_given,
    is_current_wait,
    unpark,
    yield_now: || {
        count(|calls| calls.yields += 1);
        std::thread::yield_now();
    },
    sleep: |_: Duration| count(|calls| calls.sleeps += 1),
    spawn,
    clock: || None,
    may_spin: |_| MAY_SPIN.get(),
    local,
    blocks: |_| {
        count(|calls| calls.blocks += 1);
        false
    },
    unblocks: || count(|calls| calls.unblocks += 1),
    parked: |_| unreachable!("no thread counts as parked"),
};

/// Makes the current thread a new goroutine, and returns its number.
pub(crate) fn goroutine() -> u32 {
    // SAFETY: `park` returns `true` after an `unpark` of the same wait, under one lock. `running` names what `become_task`
    // has made this thread; `local` keeps each goroutine's values by their keys, in boxes that stay.
    unsafe { install(&RUNTIME) };
    let mut slots = slots();
    if slots.is_empty() {
        slots.push(Slot::default());
    }
    slots.push(Slot::default());
    let task = slots.len() as u32 - 1;
    become_task(task);
    task
}

/// Makes the current thread run this goroutine; 0: none.
pub(crate) fn become_task(task: u32) {
    RUNNING.set(task);
}

pub(crate) fn set_may_spin(may_spin: bool) {
    MAY_SPIN.set(may_spin);
}

/// Lets parks of this thread panic instead of waiting, until `f` returns or panics.
pub(crate) fn refusing_to_park<R>(f: impl FnOnce() -> R) -> R {
    struct Ends;
    impl Drop for Ends {
        fn drop(&mut self) {
            REFUSES.set(false);
        }
    }
    REFUSES.set(true);
    let _ends = Ends;
    f()
}

/// Returns what the primitives have asked for on behalf of a goroutine.
pub(crate) fn calls_of(task: u32) -> Calls {
    slots()[task as usize].calls
}

fn until(condition: impl Fn(&[Slot]) -> bool) {
    let mut slots = slots();
    while !condition(&slots) {
        slots = CHANGED.wait(slots).unwrap_or_else(PoisonError::into_inner);
    }
}

/// Blocks until a goroutine is parked, and returns why.
pub(crate) fn why_it_parks(task: u32) -> Why {
    until(|slots| slots[task as usize].parked.is_some());
    slots()[task as usize].parked.expect("nobody has unparked it")
}

/// Blocks until a goroutine has asked for so much.
pub(crate) fn until_calls(task: u32, condition: impl Fn(Calls) -> bool) {
    until(|slots| condition(slots[task as usize].calls));
}

/// Returns a copy of the table.
pub(crate) fn runtime() -> Runtime {
    RUNTIME
}
