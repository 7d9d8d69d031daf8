//! Models of reclamation: memory that other threads may be reading, and what is built on giving it back.

use super::{Model, Plain, both, model, models, mutant_of};
use crate::mutant::{Mutant, Needs, order};
use selvedge::atomic::{ArcCell, SeqLock, Stack, Value};
use selvedge::reclaim::Domain;
use selvedge::rt::alloc::TrackedBox;
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicPtr;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};

models![
    what_a_pinned_reader_finds_is_not_dropped,
    readers_of_two_epochs_are_waited_for,
    a_reader_without_a_lane_is_waited_for,
    a_pin_may_end_on_another_thread,
    a_pin_that_ends_elsewhere_counts_for_itself_alone,
    two_may_retire_at_once,
    a_stack_gives_each_value_once,
    a_stack_does_not_mistake_a_node_for_another,
    an_arc_cell_gives_whole_values,
    swaps_of_an_arc_cell_come_one_after_another,
    compare_and_swap_loses_no_increment,
    a_seq_lock_is_read_as_a_whole,
    writes_of_a_seq_lock_come_one_after_another,
];

const PIN: Mutant = mutant_of!("primitives/src/reclaim/pin.rs");
const COLLECT: Mutant = mutant_of!("primitives/src/reclaim/collect.rs");
const STACK: Mutant = mutant_of!("primitives/src/atomic/stack.rs");
const ARC_CELL: Mutant = mutant_of!("primitives/src/atomic/arc_cell.rs");
const SEQ_LOCK: Mutant = mutant_of!("primitives/src/atomic/seq_lock.rs");
/// Readers are not counted, or are counted too late, or no longer while they read.
const UNCOUNTED: Mutant =
    PIN.lose("pin", FailureKind::UseAfterFree).and("unpin").or(FailureKind::Race).needs(Needs::Orderings);
const UNSEEN: Mutant = PIN.demote("pin", Release, FailureKind::UseAfterFree).or(FailureKind::Race);
/// Readers without a lane are not counted, or are counted too late, or no longer while they read.
const UNCOUNTED_OTHER: Mutant = PIN
    .lose("pin-without-shard", FailureKind::UseAfterFree)
    .and("unpin-without-shard")
    .or(FailureKind::Race)
    .needs(Needs::Orderings);
const UNSEEN_OTHER: Mutant =
    PIN.demote("pin-without-shard", Release, FailureKind::UseAfterFree).or(FailureKind::Race);
const UNORDERED_OTHER: Mutant =
    PIN.weaken("unpin-without-shard").or(FailureKind::UseAfterFree).needs(Needs::SeqCst);
const UNFENCED: Mutant = COLLECT
    .mutant("fence-before-counting-pins", Change::DropFence, FailureKind::UseAfterFree, Needs::SeqCst)
    .or(FailureKind::Race);
const UNORDERED: Mutant = PIN.weaken("unpin").or(FailureKind::UseAfterFree).needs(Needs::SeqCst);
const UNORDERED_LIST: Mutant = COLLECT.weaken("push-garbage");
/// A collector does not publish that it collects.
const TWO_COLLECT: Mutant = COLLECT
    .lose("begin-collecting", FailureKind::Race)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Panic)
    .needs(Needs::Orderings);
/// A reader reads parts of two writes.
const TORN_END: Mutant =
    SEQ_LOCK.mutant("end-write", order(Relaxed), FailureKind::Panic, Needs::Orderings).or(FailureKind::Race);
const TORN_BEGIN: Mutant =
    SEQ_LOCK.mutant("fence-before-writing", Change::DropFence, FailureKind::Panic, Needs::Orderings);
const TORN_READ: Mutant =
    SEQ_LOCK.mutant("fence-after-reading", Change::DropFence, FailureKind::Panic, Needs::Orderings);

/// A pointer that is replaced while other threads follow it.
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
        // SAFETY: the pointer was loaded while pinned, so the value is not dropped before the pin ends.
        unsafe { (*self.pointer.load(SeqCst)).get() }
    }

    fn replace(&self, value: u32) {
        let new = TrackedBox::into_raw(TrackedBox::new(Plain::new(value)));
        let old = self.pointer.swap(new, AcqRel);
        // SAFETY: the swap has unlinked the value, so no other thread unlinks or frees it.
        let old = unsafe { TrackedBox::from_raw(old) };
        self.domain.retire(old);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let last = self.pointer.with_mut(|pointer| *pointer);
        // SAFETY: `&mut self`: no reader is left, and the last value was never retired.
        drop(unsafe { TrackedBox::from_raw(last) });
    }
}

/// What a reader has found is not dropped before the reader unpins.
fn what_a_pinned_reader_finds_is_not_dropped() -> Model {
    model("what a pinned reader finds is not dropped", || {
        let shared = Shared::new();
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || theirs.read());
        shared.replace(1);
        assert!(reader.join().expect("no panic") <= 1);
    })
    .bound(2)
    .catches([UNCOUNTED, UNSEEN, UNFENCED, UNORDERED])
}

/// What a reader has found is not dropped, though the reader pins again while the epoch turns.
fn readers_of_two_epochs_are_waited_for() -> Model {
    model("readers of both epochs are waited for", || {
        let shared = Shared::new();
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || theirs.read() <= theirs.read());
        shared.replace(1);
        shared.replace(2);
        assert!(reader.join().expect("no panic"), "values come in order");
    })
    .bound(2)
    .catches([UNCOUNTED, UNORDERED])
}

/// What a reader has found is not dropped, though the reader has no lane to itself, since there are more threads than
/// lanes.
fn a_reader_without_a_lane_is_waited_for() -> Model {
    model("readers without a lane are waited for", || {
        let shared = Shared::new();
        thread::spawn(|| ()).join().expect("no panic");
        let theirs = Arc::clone(&shared);
        let reader = thread::spawn(move || theirs.read());
        shared.replace(1);
        assert!(reader.join().expect("no panic") <= 1);
    })
    .bound(2)
    .catches([UNCOUNTED_OTHER, UNSEEN_OTHER, UNORDERED_OTHER])
}

/// What a reader has found is not dropped before the pin, which another thread drops.
fn a_pin_may_end_on_another_thread() -> Model {
    model("a pin may end on another thread", || {
        let shared = Shared::new();
        let pin = shared.domain.pin();
        // SAFETY: the pointer was loaded while pinned, so the value is not dropped before the pin ends.
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
    })
    .bound(2)
    .catches([UNCOUNTED, UNORDERED_OTHER])
}

/// A pin that another thread drops does not make up for a second pin of the reader, which has not ended.
fn a_pin_that_ends_elsewhere_counts_for_itself_alone() -> Model {
    model("a pin that ends elsewhere counts for itself alone", || {
        let shared = Shared::new();
        let theirs = &*shared;
        thread::scope(|scope| {
            scope.spawn(move || {
                let _pin = theirs.domain.pin();
                // SAFETY: the pointer was loaded while pinned, so the value is not dropped before the pin ends.
                let found = unsafe { &*theirs.pointer.load(SeqCst) };
                let another = theirs.domain.pin();
                thread::scope(|scope| _ = scope.spawn(move || drop(another)));
                assert!(found.get() <= 1);
            });
            shared.replace(1);
        });
    })
    .bound(2)
    .catches([UNCOUNTED, UNSEEN])
}

/// Two threads retire and collect beside a reader.
fn two_may_retire_at_once() -> Model {
    model("two threads may retire at once", || {
        let shared = Shared::new();
        let others = [1, 2].map(|value| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || theirs.replace(value))
        });
        assert!(shared.read() <= 2);
        others.into_iter().for_each(|other| other.join().expect("no panic"));
        assert_ne!(shared.read(), 0);
    })
    .bound(2)
    .catches([TWO_COLLECT, UNORDERED_LIST])
}

/// A push happens before the pop of its value, and each value is popped once.
fn a_stack_gives_each_value_once() -> Model {
    model("a stack gives each value once", || {
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
    })
    .bound(2)
    .catches([
        STACK.weaken("push-node"),
        STACK.lose("pop-node", FailureKind::DoubleFree).or(FailureKind::UseAfterFree).or(FailureKind::Race),
    ])
}

/// A pop whose CAS compares with a node that was popped and pushed again does not lose the node below (ABA).
fn a_stack_does_not_mistake_a_node_for_another() -> Model {
    model("a stack does not mistake a node for another", || {
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
    })
    .bound(2)
    .catches([
        UNCOUNTED,
        STACK.demote("load-top-for-pop", Acquire, FailureKind::UseAfterFree).or(FailureKind::Race),
    ])
}

/// A thread that loads an `Arc` reads what was written to its value before it was stored, and keeps it.
fn an_arc_cell_gives_whole_values() -> Model {
    model("an ArcCell gives whole values", || {
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
    })
    .bound(2)
    .catches([ARC_CELL.weaken("swap-value"), UNCOUNTED])
}

/// Two threads swap the value: each old value goes to one of them.
fn swaps_of_an_arc_cell_come_one_after_another() -> Model {
    model("swaps of an ArcCell come one after another", || {
        let cell = Arc::new(ArcCell::new(Arc::new(Plain::new(0))));
        let theirs = Arc::clone(&cell);
        let other = thread::spawn(move || theirs.swap(Arc::new(Plain::new(1))).get());
        let here = cell.swap(Arc::new(Plain::new(2))).get();
        let there = other.join().expect("no panic");
        assert!(matches!((here, there, cell.load().get()), (0, 2, 1) | (1, 0, 2)));
    })
    .bound(2)
    .catches([ARC_CELL.weaken("swap-value")])
}

/// Two threads increment a value by compare-and-swap: no increment is lost.
fn compare_and_swap_loses_no_increment() -> Model {
    model("compare-and-swap loses no increment", || {
        let value = Arc::new(Value::new(0));
        let increment = |value: &Value<u32>| loop {
            let old = value.load();
            if value.compare_and_swap(&old, old + 1).is_ok() {
                return;
            }
        };
        both(&value, increment);
        assert_eq!(value.load(), 2);
    })
    .bound(2)
    .catches([ARC_CELL.weaken("compare-and-swap-value").needs(Needs::SeqCst)])
}

/// A reader reads both words of one write, and what was written before that write.
fn a_seq_lock_is_read_as_a_whole() -> Model {
    model("a SeqLock is read as a whole", || {
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
    })
    .bound(2)
    .catches([TORN_END, TORN_BEGIN, TORN_READ])
}

/// Two writers exclude each other.
fn writes_of_a_seq_lock_come_one_after_another() -> Model {
    model("writes of a SeqLock come one after another", || {
        let lock = Arc::new(SeqLock::new([0_u64; 2]));
        let increment =
            |lock: &SeqLock<[u64; 2]>| lock.update(|words| words.iter_mut().for_each(|word| *word += 1));
        both(&lock, increment);
        assert_eq!(lock.read(), [2; 2]);
    })
    .catches([SEQ_LOCK.mutant("begin-write", order(Relaxed), FailureKind::Panic, Needs::Orderings)])
}
