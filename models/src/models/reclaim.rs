//! Memory that others may be reading, and what is built on giving it back.

use super::Plain;
use selvedge::atomic::{ArcCell, SeqLock, Stack, Value};
use selvedge::reclaim::Domain;
use selvedge::rt::alloc::TrackedBox;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicPtr;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, SeqCst};
use selvedge::rt::thread;

/// A pointer that is replaced while it is followed.
struct Shared {
    domain: Domain<TrackedBox<Plain>>,
    pointer: AtomicPtr<Plain>,
}

impl Shared {
    fn new() -> Arc<Shared> {
        let first = TrackedBox::into_raw(TrackedBox::new(Plain::new(0)));
        Arc::new(Shared { domain: Domain::new(), pointer: AtomicPtr::new(first) })
    }

    fn read(&self) -> u32 {
        let _pin = self.domain.pin();
        // SAFETY: the pointer was loaded while pinned.
        unsafe { (*self.pointer.load(SeqCst)).get() }
    }

    fn replace(&self, value: u32) {
        let new = TrackedBox::into_raw(TrackedBox::new(Plain::new(value)));
        let old = self.pointer.swap(new, AcqRel);
        // SAFETY: it is unlinked, and nobody else has unlinked it.
        let old = unsafe { TrackedBox::from_raw(old) };
        self.domain.retire(old);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let last = self.pointer.with_mut(|pointer| *pointer);
        // SAFETY: nobody else is left.
        drop(unsafe { TrackedBox::from_raw(last) });
    }
}

/// What a reader has found is there until it goes.
pub fn what_a_pinned_reader_finds_is_not_dropped() {
    let shared = Shared::new();
    let theirs = Arc::clone(&shared);
    let reader = thread::spawn(move || theirs.read());
    shared.replace(1);
    assert!(reader.join().expect("no panic") <= 1);
}

/// The same for a reader that comes again while the epoch turns.
pub fn readers_of_two_epochs_are_waited_for() {
    let shared = Shared::new();
    let theirs = Arc::clone(&shared);
    let reader = thread::spawn(move || theirs.read() <= theirs.read());
    shared.replace(1);
    shared.replace(2);
    assert!(reader.join().expect("no panic"), "values come in order");
}

/// The same for a thread that has no lane to itself, since there are more threads than lanes.
pub fn a_reader_without_a_lane_is_waited_for() {
    let shared = Shared::new();
    thread::spawn(|| ()).join().expect("no panic");
    let theirs = Arc::clone(&shared);
    let reader = thread::spawn(move || theirs.read());
    shared.replace(1);
    assert!(reader.join().expect("no panic") <= 1);
}

/// And for a pin that another thread than the one that pinned drops.
pub fn a_pin_may_end_on_another_thread() {
    let shared = Shared::new();
    let pin = shared.domain.pin();
    // SAFETY: the pointer was loaded while pinned.
    let found = unsafe { &*shared.pointer.load(SeqCst) };
    thread::scope(|scope| {
        let reader = scope.spawn(move || {
            let value = found.get();
            drop(pin);
            value
        });
        shared.replace(1);
        assert_eq!(reader.join().expect("no panic"), 0);
    });
    assert_eq!(shared.read(), 1);
}

/// A pin that ends elsewhere does not make up for another one that has not ended.
pub fn a_pin_that_ends_elsewhere_counts_for_itself_alone() {
    let shared = Shared::new();
    let theirs = &*shared;
    thread::scope(|scope| {
        scope.spawn(move || {
            let _pin = theirs.domain.pin();
            // SAFETY: the pointer was loaded while pinned.
            let found = unsafe { &*theirs.pointer.load(SeqCst) };
            let another = theirs.domain.pin();
            thread::scope(|scope| _ = scope.spawn(move || drop(another)));
            assert!(found.get() <= 1);
        });
        shared.replace(1);
    });
}

/// Two that retire and collect, and a reader.
pub fn two_may_retire_at_once() {
    let shared = Shared::new();
    let others = [1, 2].map(|value| {
        let theirs = Arc::clone(&shared);
        thread::spawn(move || theirs.replace(value))
    });
    assert!(shared.read() <= 2);
    others.into_iter().for_each(|other| other.join().expect("no panic"));
    assert_ne!(shared.read(), 0);
}

/// Pushing a value happens before popping it, and each is popped once.
pub fn a_stack_gives_each_value_once() {
    let stack = Arc::new(Stack::new());
    let theirs = Arc::clone(&stack);
    let other = thread::spawn(move || {
        theirs.push(TrackedBox::new(Plain::new(1)));
        theirs.pop().map_or(0, |value| value.get())
    });
    stack.push(TrackedBox::new(Plain::new(2)));
    let here = stack.pop().map_or(0, |value| value.get());
    let there = other.join().expect("no panic");
    assert!(here + there == 3 && here != 0 && there != 0 && stack.is_empty());
}

/// A node that was popped and pushed again while somebody compares with it would lose the one below.
pub fn a_stack_does_not_mistake_a_node_for_another() {
    let stack = Arc::new(Stack::new());
    stack.push(1);
    stack.push(2);
    let theirs = Arc::clone(&stack);
    let other = thread::spawn(move || theirs.pop());
    let (two, one) = (stack.pop(), stack.pop());
    stack.push(3);
    let there = other.join().expect("no panic");
    let mut all: Vec<i32> = [two, one, there].into_iter().flatten().collect();
    all.extend(core::iter::from_fn(|| stack.pop()));
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3]);
}

/// Whoever loads an `Arc` sees what it was made of, and keeps it.
pub fn an_arc_cell_gives_whole_values() {
    let cell = Arc::new(ArcCell::new(Arc::new(Plain::new(0))));
    let theirs = Arc::clone(&cell);
    let reader = thread::spawn(move || {
        let kept = theirs.load_full();
        theirs.load().get() >= kept.get()
    });
    let new = Plain::new(0);
    new.set(1);
    cell.store(Arc::new(new));
    assert!(reader.join().expect("no panic"), "values come in order");
}

/// Two that replace the value: each old one goes to one of them.
pub fn swaps_of_an_arc_cell_come_one_after_another() {
    let cell = Arc::new(ArcCell::new(Arc::new(Plain::new(0))));
    let theirs = Arc::clone(&cell);
    let other = thread::spawn(move || theirs.swap(Arc::new(Plain::new(1))).get());
    let here = cell.swap(Arc::new(Plain::new(2))).get();
    let there = other.join().expect("no panic");
    assert!(matches!((here, there, cell.load().get()), (0, 2, 1) | (1, 0, 2)));
}

/// Increments by compare-and-swap lose none.
pub fn compare_and_swap_loses_no_increment() {
    let value = Arc::new(Value::new(0));
    let increment = |value: &Value<u32>| loop {
        let old = value.load();
        if value.compare_and_swap(&old, old + 1).is_ok() {
            return;
        }
    };
    let theirs = Arc::clone(&value);
    let other = thread::spawn(move || increment(&theirs));
    increment(&value);
    other.join().expect("no panic");
    assert_eq!(value.load(), 2);
}

/// A reader sees both words of one write, and what came before it.
pub fn a_seq_lock_is_read_as_a_whole() {
    let shared = Arc::new((SeqLock::new([0_u64; 2]), Plain::new(0)));
    let theirs = Arc::clone(&shared);
    let writer = thread::spawn(move || {
        theirs.1.set(1);
        theirs.0.write([1; 2]);
        theirs.0.write([2; 2]);
    });
    if let Some(words) = shared.0.try_read() {
        assert_eq!(words[0], words[1]);
        if words[0] > 0 {
            assert_eq!(shared.1.get(), 1);
        }
    }
    writer.join().expect("no panic");
    assert_eq!(shared.0.read(), [2; 2]);
}

/// Writers exclude each other.
pub fn writes_of_a_seq_lock_come_one_after_another() {
    let lock = Arc::new(SeqLock::new([0_u64; 2]));
    let increment =
        |lock: &SeqLock<[u64; 2]>| lock.update(|words| words.iter_mut().for_each(|word| *word += 1));
    let theirs = Arc::clone(&lock);
    let other = thread::spawn(move || increment(&theirs));
    increment(&lock);
    other.join().expect("no panic");
    assert_eq!(lock.read(), [2; 2]);
}
